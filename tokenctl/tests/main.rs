//! The real `tokenctl` against the sandbox with the real function in it.
//!
//! The function has to be built before: `cargo build --bin token-service`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that unwraps fails where it should"
)]

mod docs;
mod integrate;
mod operator;
mod resource_servers;
mod rotation;
mod sessions;
mod shell;
