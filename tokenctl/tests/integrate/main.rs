//! The partner's half of the command line: the real binary, run against the sandbox and over the published vectors.
//!
//! The function has to be built before: `cargo build --bin token-service`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that unwraps fails where it should"
)]

mod explain;
mod front;
mod messages;
mod request;
mod retries;
mod run;
mod sdk;
mod vectors;
