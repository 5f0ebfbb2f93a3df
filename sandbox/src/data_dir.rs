//! The directory in which a sandbox keeps its data, for one sandbox at a time.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use crate::Error;

/// A directory that is this sandbox's alone until it is dropped.
pub(crate) struct DataDir {
    path: PathBuf,
    /// The system releases the lock when the file is closed, however this program ends.
    _lock: File,
}

impl DataDir {
    /// Makes the directory if there is none, readable by its owner only, and takes it.
    pub(crate) fn take(path: &Path) -> Result<Self, Error> {
        let unusable = |source: io::Error| Error::DataDir {
            path: path.to_owned(),
            source,
        };
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path).map_err(unusable)?;
        let lock = File::create(path.join(".lock")).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(Error::DataDirInUse(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(unusable(error)),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_one_sandboxs_at_a_time() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        let first = DataDir::take(&path).unwrap();

        assert!(matches!(DataDir::take(&path), Err(Error::DataDirInUse(_))));
        drop(first);
        assert!(DataDir::take(&path).is_ok());
    }
}
