//! What random sequences find only sometimes, by name: limits, freezes, outages of Secrets Manager with the ages that are
//! deployed, on clocks that are moved. What needs no such clock is in `tests/`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where something is not as it must be"
)]

mod clocked;
mod freeze;
mod never_hangs;
mod secrets_away;
mod sequences;
