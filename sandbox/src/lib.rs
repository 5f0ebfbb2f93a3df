//! Everything that the token service stands on, in one process: DynamoDB, Secrets Manager, the
//! Lambda Runtime API and the API Gateway in front of it. Nothing has to be installed, and nothing
//! is simulated on the function's side: it is the very binary that is deployed, as a child process,
//! talking to real sockets.
//!
//! ```text
//! HTTP client ──> gateway ──> function ──> token-service (child process)
//!                 REST event  Runtime API     │ AWS SDK      │ AWS SDK
//!                                             v              v
//!                                          dynamodb    secrets_manager     <── faults
//! ```
//!
//! [`Sandbox::start`] starts all of it and [`Sandbox::stop`] (or dropping it) ends all of it,
//! children included. [`Faults`] make the two AWS services misbehave on request. With
//! [`Options::web_page`] the gateway also serves a page on which a person does all of that in a
//! browser (`web`).
//!
//! Neither this crate nor `peers`, by which it speaks as a partner, depends on `token-service`:
//! what they show about it is evidence, not agreement with itself.

mod data_dir;
pub mod development;
mod dynamodb;
mod error;
pub mod events;
mod faults;
mod front;
mod function;
mod gateway;
pub mod item_size;
mod journal;
mod listen;
mod options;
pub mod proxy_event;
mod secrets_manager;
mod stack;
mod tasks;
mod tls;
mod web;

pub use error::Error;
pub use faults::{Break, Fault, Faults};
pub use function::{ClockShift, InvokeError, Logs, StartError};
pub use listen::ListenError;
pub use options::Options;
pub use secrets_manager::Refusal;
pub use stack::Sandbox;
pub use tls::{Authority, Tls, TlsError, Trusted};
