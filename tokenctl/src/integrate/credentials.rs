//! The option that names the credentials file.

use std::path::{Path, PathBuf};

use clap::Args;
use peers::credentials::Credentials;

use crate::{files, outcome::Failure};

/// The credentials file.
#[derive(Args)]
pub(crate) struct CredentialsFile {
    /// The credentials file that you got at onboarding
    #[arg(long, env = "TOKENCTL_CREDENTIALS", value_name = "FILE")]
    credentials: Option<PathBuf>,
}

impl CredentialsFile {
    /// The file's path, if it is named.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.credentials.as_deref()
    }

    /// The credentials, which the command cannot do without.
    pub(crate) fn read(&self) -> Result<Credentials, Failure> {
        self.read_if_named()?.ok_or_else(|| {
            Failure::usage(
                "there are no credentials: name the file with --credentials or in TOKENCTL_CREDENTIALS",
            )
        })
    }

    /// The credentials, if there are any.
    pub(crate) fn read_if_named(&self) -> Result<Option<Credentials>, Failure> {
        let Some(path) = self.path() else {
            return Ok(None);
        };
        let read = Credentials::parse(&files::read(path)?);
        read.map(Some)
            .map_err(|fault| Failure::usage(format!("{}: {fault}", path.display())))
    }
}
