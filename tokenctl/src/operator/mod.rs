//! An operator's side.

use clap::Subcommand;

use crate::outcome::Outcome;

/// What operators do.
#[derive(Subcommand)]
pub(crate) enum Command {}

pub(crate) async fn run(command: Command) -> Outcome {
    match command {}
}
