//! `tokenctl`: the token service's command line.
//!
//! - [`operator`]: partners, resource servers, keys and their rotation, in Secrets Manager;
//!   sessions, in DynamoDB.
//! - [`integrate`]: a partner's requests and answers, made, opened and explained.
//!
//! A command is a function from its arguments to an [`outcome`]; nothing else prints or ends the
//! program.

mod examples;
mod files;
mod integrate;
mod notes;
mod operator;
mod outcome;
mod resource_server;

use std::process::ExitCode;

use clap::{FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use notes::Notes;
use outcome::{Exit, Outcome, Report};
use serde_json::Value;

/// The token service's command line: for operators, who onboard partners, rotate keys and end
/// sessions, and for partners, who make, open and understand requests and answers.
#[derive(Parser)]
#[command(version = VERSION, arg_required_else_help = true, after_help = EXIT_CODES)]
struct Arguments {
    /// Print JSON: results on standard output, errors on standard error
    #[arg(long, global = true, help_heading = "Output")]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

/// With the commit that it was built from, if `build.rs` could tell.
const VERSION: &str = env!("TOKENCTL_VERSION");

const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 AWS, the network or a file failed; 2 an argument or a file cannot be used; \
3 a step's waiting time has not passed; 4 somebody else changed the secret, and you changed nothing; 5 not found; \
6 the input has faults, the service refused the request, or the token is inactive";

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Operator(operator::Command),
    #[command(flatten)]
    Integrate(integrate::Command),
    /// Write a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let matches = examples::command().get_matches();
    let Arguments { json, command } =
        Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let notes = Notes { as_json: json };
    let outcome = match command {
        Command::Operator(command) => operator::run(command, notes).await,
        Command::Integrate(command) => integrate::run(command, notes).await,
        Command::Completions { shell } => completions(shell),
    };
    ExitCode::from(print(outcome, json) as u8)
}

fn print(outcome: Outcome, as_json: bool) -> Exit {
    match outcome {
        Ok(report) => {
            if as_json {
                anstream::println!("{}", report.json);
            } else if !report.text.is_empty() {
                anstream::println!("{}", report.text);
            }
            report.exit
        }
        Err(failure) => {
            if as_json {
                anstream::eprintln!("{}", failure.json());
            } else {
                anstream::eprintln!("tokenctl: {}", failure.message);
            }
            failure.exit
        }
    }
}

fn completions(shell: Shell) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut examples::command(), "tokenctl", &mut script);
    let script = String::from_utf8_lossy(&script).trim_end().to_owned();
    Ok(Report::done(script.clone(), Value::from(script)))
}
