//! The other sides: a partner's requests and answers made, opened and explained; an SDK's keys and
//! renewals; a resource server's introspections.

mod credentials;
mod decrypt;
mod draft;
mod encrypt;
mod explain;
mod hints;
mod introspect;
mod members;
mod misspelling;
mod page;
mod presented;
mod renew;
mod request;
mod rules;
mod sdk;
mod service;

use std::path::Path;

use clap::Subcommand;

use crate::{
    notes::Notes,
    outcome::{Failure, Outcome},
};

/// What partners, SDKs and resource servers do. Each command's help is its arguments' own.
#[derive(Subcommand)]
pub(crate) enum Command {
    Request(Box<request::Arguments>),
    Encrypt(encrypt::Arguments),
    Decrypt(decrypt::Arguments),
    Explain(explain::Arguments),
    Renew(renew::Arguments),
    Introspect(introspect::Arguments),
    /// Do what the mobile SDK does, for tests without the app
    #[command(subcommand)]
    Sdk(sdk::Command),
}

pub(crate) async fn run(command: Command, notes: Notes) -> Outcome {
    match command {
        Command::Request(arguments) => request::run(*arguments, notes).await,
        Command::Encrypt(arguments) => encrypt::run(&arguments, notes),
        Command::Decrypt(arguments) => decrypt::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Renew(arguments) => renew::run(&arguments).await,
        Command::Introspect(arguments) => introspect::run(&arguments).await,
        Command::Sdk(command) => sdk::run(&command),
    }
}

/// Standard input can be read once: as one of the files that a command takes.
fn one_standard_input<'p>(
    files: impl IntoIterator<Item = Option<&'p Path>>,
) -> Result<(), Failure> {
    let standard = files
        .into_iter()
        .flatten()
        .filter(|it| *it == Path::new("-"));
    if standard.count() > 1 {
        return Err(Failure::usage(
            "- is standard input, and only one file can be read from it",
        ));
    }
    Ok(())
}
