//! A partner's side: requests and answers made, opened and explained; an SDK's keys.

use clap::Subcommand;

use crate::outcome::Outcome;

/// What partners do.
#[derive(Subcommand)]
pub(crate) enum Command {}

pub(crate) async fn run(command: Command) -> Outcome {
    match command {}
}
