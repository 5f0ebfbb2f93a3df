//! Whether the time of checking an API key tells anything about the key: `src/partner.rs` as it is, and with bugs that the
//! same methods are shown to find.
//!
//! - `side-channels count` runs each case under valgrind and compares counts of executed instructions: exact, and the same
//!   on every run, so that it can fail a build.
//! - `side-channels measure` times two classes of keys and prints Welch's t, as dudect does (Reparaz, Balasch, Verbauwhede:
//!   "Dude, is my code constant time?", 2017). It fails if a planted bug is not seen, or if the code as it is is told apart in
//!   each of three tries. On a busy machine that can happen without a cause, so CI runs `count` alone.

mod count;
#[allow(
    dead_code,
    unreachable_pub,
    reason = "a module of the service, which uses what this program does not"
)]
#[path = "../../src/keys.rs"]
mod keys;
mod measure;
#[allow(
    dead_code,
    unreachable_pub,
    reason = "a module of the service, which uses what this program does not"
)]
#[path = "../../src/redacted.rs"]
mod redacted;
mod variants;

use std::{env, process::ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["count"] => count::all(),
        ["measure"] => measure::all(),
        // What `count` runs under valgrind.
        ["once", variant, case] => count::once(variant, case),
        _ => Err("usage: side-channels count | measure".to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
