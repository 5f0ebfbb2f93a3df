//! The `token-sandbox` program: reads the command line, runs one command, and turns its end into an
//! exit code.

mod cli;

use std::{error::Error, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use cli::stack::End;
use peers::error::with_causes;

/// The token service with everything that it stands on, on this machine only and with public
/// development keys.
#[derive(Parser)]
#[command(name = "token-sandbox", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Follow one session through the real binary, from a token to the logout, and show every step
    Run {
        /// The event whose request is sent [default: the sample get-token]
        #[arg(long)]
        event: Option<PathBuf>,
    },
    /// Keep the stack running until Ctrl-C, with a curl line to paste
    Local {
        /// The port to listen on; DynamoDB has the next, and Secrets Manager the one after it
        /// [default: any free ones]
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..=65_533))]
        port: Option<u16>,
        /// Where the table and the secrets are kept [default: in memory]
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
        /// Begin with empty secrets, as a deployment does: tokenctl fills them
        #[arg(long)]
        empty: bool,
        /// Where to write the variables for tokenctl, as a file for `source` [default: beside the
        /// credentials]
        #[arg(long, value_name = "FILE")]
        env_file: Option<PathBuf>,
    },
    /// Send event files through the real binary, and hold the answers against the documented ones
    Invoke {
        /// Files such as events/get-token.json
        #[arg(required = true, value_name = "EVENT")]
        events: Vec<PathBuf>,
    },
    /// Open an answer, a request or a token that is read from standard input, with the development
    /// keys
    Open,
    /// Write the sample events, their manifest and their table
    Events {
        /// The folder to write to
        #[arg(long, default_value = "events", value_name = "DIR")]
        out: PathBuf,
        /// Write nothing, but say which files are not as they would be written
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    let is_until_told = matches!(command, Command::Local { .. });
    match run(command) {
        Ok(End::Good) => ExitCode::SUCCESS,
        Ok(End::Bad) => ExitCode::FAILURE,
        Ok(End::Told(_)) if is_until_told => ExitCode::SUCCESS,
        // As a shell reports a program that a signal has ended.
        Ok(End::Told(signal)) => ExitCode::from(128 + signal),
        Err(error) => {
            anstream::eprintln!("token-sandbox: {}", with_causes(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(command: Command) -> Result<End, Box<dyn Error>> {
    Ok(match command {
        Command::Run { event } => cli::story::tell(event.as_deref()).await?,
        Command::Local {
            port,
            data_dir,
            empty,
            env_file,
        } => cli::local::serve(port, data_dir, empty, env_file).await?,
        Command::Invoke { events } => cli::invoke::invoke_all(&events).await,
        Command::Open => cli::open::open_standard_input()?,
        Command::Events { out, check: false } => cli::events::write(&out)?,
        Command::Events { out, check: true } => cli::events::check(&out)?,
    })
}
