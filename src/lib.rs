//! A token service: partner servers ask it for sealed tokens with which the BankEzy SDK in their
//! app may talk to the platform. One Lambda function behind API Gateway; the contract is
//! `docs/protocol.md`.
//!
//! # One request, left to right
//!
//! 1. [`gateway`] reads the event: path, method, size, content type, headers. Its table of routes
//!    says which of the [`operations`] is asked for.
//! 2. [`secrets`] has partners, resource servers and keys at hand, refreshed if they are due.
//! 3. [`partner`] finds the partner by its API key, `resource_server` the resource server by its
//!    secret.
//! 4. [`jwe`] reads the body's form and opens it with one of the partner's keys, from [`keys`], or
//!    with the session key of the [`token`] that a renewal presents.
//! 5. [`request`] makes a valid request of the plaintext, or names every member that fails. For Get
//!    Token the [`session`] key is agreed on the way.
//! 6. [`token`] makes and seals the token.
//! 7. [`record`] makes the operation's one call of DynamoDB, and judges what stands there. *Record
//!    before answering*: a token that was handed out and not recorded could be neither replayed nor
//!    revoked.
//! 8. `answer` writes the answer, or what `problem` makes of an error, and seals it.
//!
//! [`operations`] has steps 2 to 7 in order: `issue`, `renew`, `invalidate` and `introspect`, a file
//! each, beside what they share. Each step takes the previous one's type, so none can be left out: a
//! token leaves [`operations`] together with the key that seals the answer.
//! Dependencies run one way: `main` → [`gateway`] → `answer` → `problem` → [`operations`] → the
//! rest. Types of AWS stay in `main`, [`aws`], [`secrets`] and [`record`].

mod answer;
pub mod aws;
pub mod clock;
pub mod config;
pub mod deadline;
pub mod gateway;
mod json;
pub mod jwe;
pub mod keys;
pub mod logs;
mod metrics;
pub mod operations;
pub mod partner;
mod problem;
pub mod record;
mod redacted;
#[cfg(test)]
mod redaction;
pub mod request;
mod resource_server;
pub mod secrets;
pub mod session;
pub mod token;
#[cfg(test)]
mod vectors;
