//! The simulation itself: that some sequences hold. Scenarios with a name of their own are in
//! `tests/`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where something is not as it must be"
)]

mod sequences;
