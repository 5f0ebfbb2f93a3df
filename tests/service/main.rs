//! The real `token-service` binary over the Lambda Runtime API, against the sandbox: a topic of the
//! protocol each.
//!
//! Each test starts a sandbox of its own, in memory and on ephemeral ports, and goes through the
//! rows of a table in it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where something is not as it must be"
)]

mod alike;
mod attacks;
mod configuration;
mod contract;
mod docs;
mod errors;
mod events;
mod faults;
mod fields;
mod freeze;
mod http;
mod idempotency;
mod introspect;
mod invalidate;
mod jwe;
mod lists;
mod logs;
mod metrics;
mod never_hangs;
mod nonces;
mod planted;
mod renew;
mod secret_store;
mod secrets;
mod secrets_away;
mod taint;
mod tls;
mod token;
mod vectors;
