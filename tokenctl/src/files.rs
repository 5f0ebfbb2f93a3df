//! Files with secrets in them: only their owner can read them, none is overwritten, none is left
//! half written.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::Path,
};

use zeroize::Zeroizing;

use crate::outcome::{Exit, Failure};

/// Largest file or standard input that is read: a request's body is at most 32 KiB, a secret 64
/// KiB.
const MAX_BYTES: u64 = 1024 * 1024;

/// Reads a file, or standard input where the path is `-`.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut bytes = Zeroizing::new(Vec::new());
    let read = if path == Path::new("-") {
        io::stdin()
            .lock()
            .take(MAX_BYTES + 1)
            .read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
    };
    match read {
        Err(error) => Err(Failure::usage(format!(
            "{} cannot be read: {error}",
            path.display()
        ))),
        Ok(_) if bytes.len() as u64 > MAX_BYTES => Err(Failure::usage(format!(
            "{} is over {MAX_BYTES} bytes",
            path.display()
        ))),
        Ok(_) => Ok(bytes),
    }
}

/// Refuses a path where [`create`] could make no file. Commands ask before they do anything else.
pub(crate) fn check_free(path: &Path) -> Result<(), Failure> {
    let at = path.display();
    if path == Path::new("-") {
        // Beside other output, or in a terminal's history, nobody would know who has read it.
        return Err(Failure::usage(
            "--out - would be standard output, and secrets are written to files only: name a file",
        ));
    }
    if path.symlink_metadata().is_ok() {
        return Err(exists(path));
    }
    let directory = path.parent().filter(|it| !it.as_os_str().is_empty());
    match directory.is_some_and(|directory| !directory.is_dir()) {
        true => Err(Failure::usage(format!(
            "{at} cannot be written: there is no such directory"
        ))),
        false => Ok(()),
    }
}

/// Refuses as [`check_free`] does, for a file with a new key; `origin` says where one that is there
/// may come from. No key is taken from it: whose it is, and who has read it, is not known.
pub(crate) fn check_new(path: &Path, origin: &str) -> Result<(), Failure> {
    match path.symlink_metadata() {
        Err(_) => check_free(path),
        Ok(_) => Err(Failure::usage(format!(
            "{} exists already: {origin}. Keys are never taken from a file. Delete it and repeat the command, or name \
             another file with --out",
            path.display()
        ))),
    }
}

fn exists(path: &Path) -> Failure {
    Failure::usage(format!(
        "{} exists already: name another file with --out",
        path.display()
    ))
}

/// Creates a file that only its owner can read, whole and synced to the disk, or not at all. One
/// that is there stays as it is.
pub(crate) fn create(path: &Path, text: &str) -> Result<(), Failure> {
    let write = || {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        let written = file
            .write_all(text.as_bytes())
            .and_then(|()| file.sync_all());
        // Created by this call: a half of it helps nobody.
        written.inspect_err(|_| {
            let _ = fs::remove_file(path);
        })
    };
    write().map_err(|error| {
        if error.kind() == io::ErrorKind::AlreadyExists {
            return exists(path);
        }
        let at = path.display();
        Failure::new(Exit::Failed, format!("{at} cannot be written: {error}"))
    })
}
