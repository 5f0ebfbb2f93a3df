//! What a command ends with: words for a person, JSON for a script, and an exit code that tells
//! both what to do next.

use std::fmt::Display;

use serde_json::{Value, json};

/// Exit codes. They are documented in `docs/tokenctl.md` and do not change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It is done.
    Done = 0,
    /// Something else than what follows: AWS or the network failed, a file cannot be written.
    Failed = 1,
    /// What was given cannot be used: an option, a file, an input. (clap's own code for a wrong
    /// command line.)
    Usage = 2,
    /// The step's waiting time has not passed yet. The same command will do it later.
    NotYet = 3,
    /// Somebody else changed the secret meanwhile. Nothing was changed; the same command may be
    /// given again.
    Conflict = 4,
    /// There is no such partner, key, record or secret.
    NotFound = 5,
    /// It was looked at, and is not as it must be: a faulty document, a refused request, a message
    /// with a fault in it.
    Faulty = 6,
}

/// What a command has to say.
pub(crate) struct Report {
    /// For a person, without the line break at its end.
    pub(crate) text: String,
    /// For a script.
    pub(crate) json: Value,
    /// Mostly [`Exit::Done`].
    pub(crate) exit: Exit,
}

impl Report {
    /// That it is done.
    pub(crate) fn done(text: impl Into<String>, json: Value) -> Self {
        Self {
            text: text.into(),
            json,
            exit: Exit::Done,
        }
    }
}

/// Why a command did not do what it was told, and what to do about it.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Display) -> Self {
        let message = message.to_string();
        Self { exit, message }
    }

    /// What was given cannot be used.
    pub(crate) fn usage(message: impl Display) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// The failure for a script.
    pub(crate) fn json(&self) -> Value {
        json!({ "error": { "exit": self.exit as u8, "message": self.message } })
    }
}

/// How every command ends.
pub(crate) type Outcome = Result<Report, Failure>;
