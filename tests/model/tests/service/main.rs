//! The service's own code, held against the model of it.
//!
//! [`walk`] takes the service along with random walks through the model, and compares every answer
//! and every item. [`judge`] shows it every kind of record, those included that no walk reaches.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where something is not as it must be"
)]

mod driven;
mod judge;
mod partner;
mod walk;
