//! The service's design as two state machines, each checked in every state that it can reach by
//! [stateright](https://docs.rs/stateright). [`check`] runs them.
//!
//! - [`issue`] models one `(partner, referenceId)`: requests with the same or different content,
//!   late and lost writes, lost answers, crashes, retries, time, deletion by `ttl`, revocation.
//! - [`rotation`] models one key ring through two rotations. Two holders each use a copy up to its
//!   maximum age, a request keeps the copy that it began with, instances start and end, and secrets
//!   are written badly and mended. The properties hold because an instance reads `AWSPREVIOUS` only
//!   where `AWSCURRENT` is refused: in a mere outage the previous version could lack a key that
//!   others seal with, or seal with one that the operator removes.
//!
//! A service that does nothing has every safety property, so each model must also reach first
//! answers, replays, each kind of conflict, a recognised lost write, a pair that is used again, and
//! completed rotations.
//!
//! # Bounds
//!
//! No depth, number of states or time cuts the search off. `issue` ends at tick 3: a token lives
//! one tick and its record one more, so a pair is used, expires, becomes free and is used again.
//! With one tick more (6,976,555, 224,858 and 1,820,217 states, run by hand) all properties hold
//! too. `rotation` has no horizon: its ages and waits saturate, so its state space is closed.
//! Without bad writes it also holds with a third holder, an instance (725,988 and 1,323,164 states,
//! run by hand). A 64-bit hash identifies a state; two of three million share one with a
//! probability of about 3 in 10 million.
//!
//! # What is left out
//!
//! Cryptography, bytes, parsing and several partners; clocks that differ; durations, as a tick is
//! any time; the early refresh of an instance that meets an unknown `sealedBy`; the emergency
//! removal of a key. Liveness is that waiting requests *can* go on until they are answered:
//! stateright's `eventually` misses counterexamples on cycles and where paths join. A wait also
//! counts the requests under way, at most the function's timeout of 15 s; `tokenctl` adds 30 s to
//! every wait.

pub mod check;
pub mod issue;
pub mod rotation;
