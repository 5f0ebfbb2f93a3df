//! Whether the time of checking a caller's key tells anything about the key: `src/partner.rs` and
//! `src/resource_server.rs`, compiled in as they are.
//!
//! - `side-channels count` runs each case under valgrind and compares counts of executed
//!   instructions: exact, and the same on every run, so that it can fail a build.
//! - `side-channels time` times two classes of keys and prints Welch's t, as dudect does (Reparaz,
//!   Balasch, Verbauwhede: "Dude, is my code constant time?", 2017). It fails if any classes are
//!   told apart in each of three tries. On a busy machine that can happen without a cause, so CI
//!   runs `count` alone.

mod count;
#[allow(
    dead_code,
    unreachable_pub,
    reason = "a module of the service, which uses what this program does not"
)]
#[path = "../../../src/keys.rs"]
mod keys;
#[allow(
    dead_code,
    unreachable_pub,
    reason = "a module of the service, which uses what this program does not"
)]
#[path = "../../../src/partner.rs"]
mod partner;
#[allow(
    dead_code,
    unreachable_pub,
    reason = "a module of the service, which uses what this program does not"
)]
#[path = "../../../src/redacted.rs"]
mod redacted;
#[allow(
    dead_code,
    unreachable_pub,
    reason = "a module of the service, which uses what this program does not"
)]
#[path = "../../../src/resource_server.rs"]
mod resource_server;
mod table;
mod time;
#[allow(dead_code, reason = "here only instructions are counted")]
#[path = "../../cost/src/valgrind.rs"]
mod valgrind;

use std::{env, process::ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["count"] => count::all(),
        ["time"] => time::all(),
        // What `count` runs under valgrind.
        ["once", case] => count::once(case).map(|()| true),
        _ => Err("usage: side-channels count | time".to_owned()),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("side-channels: {error}");
            ExitCode::from(2)
        }
    }
}
