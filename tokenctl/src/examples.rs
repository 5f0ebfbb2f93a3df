//! An example for the help of each command.

use clap::{Command, CommandFactory};

use crate::Arguments;

/// Each command without `tokenctl`, and what follows it in its example.
const EXAMPLES: &[(&str, &str)] = &[
    ("status", ""),
    (
        "partner add",
        "hooli --program-id 2004 --url https://api.example.com/prod",
    ),
    ("partner list", ""),
    ("partner show", "hooli"),
    ("partner enable", "hooli"),
    ("partner disable", "hooli --dry-run"),
    ("partner remove", "hooli --dry-run"),
    ("partner rotate api-key", "hooli"),
    ("partner rotate payload-key", "hooli"),
    ("partner rotate sdk-api-key", "hooli"),
    (
        "resource-server add",
        "cards --url https://api.example.com/prod",
    ),
    ("resource-server list", ""),
    ("resource-server rotate", "cards"),
    ("resource-server enable", "cards"),
    ("resource-server disable", "cards"),
    ("resource-server remove", "cards --dry-run"),
    ("keys init", "--dry-run"),
    ("keys show", ""),
    ("keys export", "--out token-ring.json"),
    ("keys rotate token", "--wait"),
    ("keys rotate record", "--dry-run"),
    ("session show", "hooli order-1"),
    ("session invalidate", "hooli order-1 --dry-run"),
    (
        "request",
        "--credentials hooli-credentials.json --account-number 123123123",
    ),
    (
        "encrypt",
        "--credentials hooli-credentials.json request.json",
    ),
    ("decrypt", "--credentials hooli-credentials.json answer.txt"),
    ("explain", "--credentials hooli-credentials.json body.txt"),
    (
        "renew",
        "answer.json --account-number 123123123 --sdk-key sdk.json",
    ),
    (
        "introspect",
        "--resource-server cards-resource-server.json answer.json",
    ),
    ("sdk keygen", "--out sdk.json"),
    ("sdk derive", "--key sdk.json SERVER_PUB_KEY"),
    ("completions", "bash"),
];

/// The command line, with an example in the help of each command.
pub(crate) fn command() -> Command {
    EXAMPLES
        .iter()
        .fold(Arguments::command(), |command, (path, rest)| {
            let example = format!("Example:\n  tokenctl {path} {rest}");
            let path: Vec<&str> = path.split(' ').collect();
            with(command, &path, example.trim_end())
        })
}

fn with(command: Command, path: &[&str], example: &str) -> Command {
    match path {
        [] => command.after_help(example.to_owned()),
        [name, path @ ..] => command.mut_subcommand(*name, |command| with(command, path, example)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// With what a command's help begins.
    const VERBS: [&str; 19] = [
        "Answer", "Ask", "Decrypt", "Encrypt", "End", "Fill", "List", "Make", "Onboard", "Open",
        "Print", "Remove", "Renew", "Rotate", "Say", "Serve", "Show", "Stop", "Write",
    ];

    /// The commands that do something, by their path.
    fn leaves(command: &Command, path: &str, found: &mut Vec<(String, String)>) {
        let mut below = command.get_subcommands().peekable();
        if below.peek().is_none() {
            let about = command.get_about().map(ToString::to_string);
            found.push((path.trim().to_owned(), about.unwrap_or_default()));
        }
        for below in below {
            leaves(below, &format!("{path} {}", below.get_name()), found);
        }
    }

    #[test]
    fn each_command_has_an_example_that_it_takes() {
        command().debug_assert();
        let mut all = Vec::new();
        leaves(&command(), "", &mut all);
        let all: BTreeSet<&str> = all.iter().map(|(path, _)| path.as_str()).collect();
        let with_example = EXAMPLES.iter().map(|(path, _)| *path);
        assert_eq!(with_example.collect::<BTreeSet<_>>(), all);
        for (path, rest) in EXAMPLES {
            let line = format!("tokenctl {path} {rest}");
            let read = command().try_get_matches_from(line.split_whitespace());
            assert!(read.is_ok(), "{line}: {read:?}");
        }
    }

    #[test]
    fn each_commands_help_begins_with_what_it_does() {
        let mut all = Vec::new();
        leaves(&command(), "", &mut all);
        for (path, about) in all {
            let first = about.split(' ').next().unwrap();
            assert!(VERBS.contains(&first), "{path}: {about}");
        }
    }
}
