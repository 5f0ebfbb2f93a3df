//! What the tests share: a running service, requests to it, and its replies, held against the rules
//! that every reply obeys. What a topic requires is in the test of that topic.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where something is not as it must be"
)]

mod aws;
mod clocked;
pub mod clocks;
mod documents;
mod event;
mod metrics;
mod patience;
mod plain;
mod reply;
mod service;
mod session;
pub mod table;

pub use aws::{dynamodb, put_secret, secrets_manager};
pub use clocked::Clocked;
pub use documents::{api_keys, digest, hash_of, jwk, partner_with, server_keys, server_keys_of};
pub use event::{EXTENDED_REQUEST_ID, Event};
pub use metrics::{Point, points};
pub use patience::{FOREVER, eventually, within};
pub use plain::{Plain, reference, sdk};
pub use reply::{Reply, race};
pub use service::{Service, acme, globex, initech, introspection_of, variables};
pub use session::{
    Session, TOKEN_HEADER, and_header, claims, claims_text, token_of, token_with_header,
    with_header, without_header,
};
