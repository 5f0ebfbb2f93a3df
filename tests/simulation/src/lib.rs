//! A fault simulation of the token service: random partners, operators, faults, crashes and clocks
//! against the real binary, and after each answer the question whether what must hold does.
//!
//! ```text
//! seed ──generate──> sequence ──run──> world: sandbox, function's processes, their clocks
//!                        ^               │ answers, items
//!                        │               v
//!                     shrink <──fails── judge ──holds──> figures
//! ```
//!
//! A seed determines a sequence, not a run: processes and sockets interleave as they will. So a
//! failure is shrunk and replayed by running it more than once.
//!
//! | module | responsible for |
//! |---|---|
//! | [`sequence`], [`trouble`], [`generate`] | what happens, and how it follows from a seed |
//! | [`documents`] | the secrets, and their rotations |
//! | `world`, `surroundings` | what is broken, known and running at each moment |
//! | [`call`], `send`, `apps` | requests, their answers, and the tokens that apps hold |
//! | [`run`], `recover`, `story` | one sequence, its end, and what is told of it |
//! | [`judge`] | what must hold |
//! | [`shrink`], [`crew`], [`figures`], [`noise`] | failures made short; many sequences at once, counted |

pub mod apps;
pub mod call;
pub mod crew;
pub mod documents;
pub mod figures;
pub mod generate;
pub mod judge;
pub mod noise;
mod recover;
pub mod run;
mod send;
pub mod sequence;
pub mod shrink;
mod story;
mod surroundings;
pub mod trouble;
mod world;

use sandbox::Trusted;
use service_tests::clocks::Shim;

pub use world::Broken;

/// What all sequences of one run of this program share.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The clock that is preloaded into it.
    pub shim: Shim,
    /// Whether the machine is too busy.
    pub noise: noise::Noise,
    /// TLS to AWS; without it, plain HTTP.
    pub tls: Option<Trusted>,
}
