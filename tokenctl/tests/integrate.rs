//! The partner's half of the command line, and the published vectors.

mod explain;
mod front;
mod messages;
mod request;
mod retries;
mod run;
mod sdk;
mod vectors;
