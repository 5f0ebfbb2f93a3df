//! Why a sandbox could not start or could not be asked, in words that say what to do.

use std::{io, path::PathBuf};

use crate::{ListenError, Refusal, StartError};

/// Why a sandbox could not start or could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no function to run.
    #[error(
        "there is no function at {}: build it with `cargo build --bin token-service`, or name another in TOKEN_SERVICE_BIN",
        .0.display()
    )]
    FunctionMissing(PathBuf),
    /// The function did not start.
    #[error(transparent)]
    Function(#[from] StartError),
    /// The gateway's port, or another one, cannot be had.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The data directory cannot be used.
    #[error("cannot keep data in {}", path.display())]
    DataDir {
        /// The directory, or the file in it.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The data directory is another sandbox's.
    #[error("another sandbox keeps its data in {}: stop it, or choose another directory", .0.display())]
    DataDirInUse(PathBuf),
    /// DynamoDB refused.
    #[error("the embedded DynamoDB failed")]
    Database(#[source] dynoxide::DynoxideError),
    /// There is nothing to copy.
    #[error("the table has no such item")]
    NoItem,
    /// A request to or an answer of DynamoDB is not what it should be.
    #[error("the embedded DynamoDB was asked or answered something unreadable")]
    DatabaseJson(#[source] serde_json::Error),
    /// Secrets Manager refused.
    #[error("the secret {id} could not be written")]
    Secret {
        /// The secret's name.
        id: &'static str,
        /// The answer that a client would have had.
        #[source]
        source: Refusal,
    },
}
