//! The vault as a JSON file in the data directory, readable by its owner only and replaced whole,
//! so that a crash leaves the old one or the new one.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::vault::Vault;
use crate::Error;

pub(super) struct File {
    path: PathBuf,
}

impl File {
    pub(super) fn of(data_dir: &Path) -> Self {
        Self {
            path: data_dir.join("secrets.json"),
        }
    }

    /// What was saved last; nothing saved yet is an empty vault.
    pub(super) fn load(&self) -> Result<Vault, Error> {
        let unusable = |source| Error::DataDir {
            path: self.path.clone(),
            source,
        };
        match fs::read(&self.path) {
            Ok(saved) => serde_json::from_slice(&saved).map_err(|error| unusable(error.into())),
            Err(absent) if absent.kind() == io::ErrorKind::NotFound => Ok(Vault::default()),
            Err(error) => Err(unusable(error)),
        }
    }

    pub(super) fn save(&self, vault: &Vault) -> io::Result<()> {
        let draft = self.path.with_extension("json.new");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&draft)?;
        file.write_all(&serde_json::to_vec_pretty(vault)?)?;
        file.sync_all()?;
        fs::rename(&draft, &self.path)
    }
}
