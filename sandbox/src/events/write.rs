//! The files of `events/`, made of the catalogue: each event, and the manifest.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    manifest::Manifest,
    samples::{CatalogueError, Entry, catalogue},
};

/// Why the files cannot be made or compared.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The samples themselves.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The manifest.
    #[error("the manifest cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// The folder or a file of it.
    #[error("{} cannot be read or written; is this the repository's root?", .0.display())]
    File(PathBuf, #[source] io::Error),
}

/// A file that is not as `make events` would make it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    /// It has other contents.
    #[error("{} differs from what `make events` writes", .0.display())]
    Changed(PathBuf),
    /// It is not there.
    #[error("{} is missing; `make events` writes it", .0.display())]
    Missing(PathBuf),
    /// No sample has its name.
    #[error("{} is no sample's; remove it, or add the sample to the catalogue", .0.display())]
    Unknown(PathBuf),
}

/// Writes all files into `folder`, which it makes if there is none, and returns how many samples
/// there are.
///
/// # Errors
/// A file cannot be written.
pub fn write(folder: &Path) -> Result<usize, WriteError> {
    let entries = catalogue()?;
    fs::create_dir_all(folder).map_err(|error| WriteError::File(folder.to_owned(), error))?;
    for (path, contents) in files(folder, &entries)? {
        fs::write(&path, contents).map_err(|error| WriteError::File(path, error))?;
    }
    Ok(entries.len())
}

/// Which files of `folder` are not as [`write()`] would make them.
///
/// # Errors
/// The folder cannot be read.
pub fn differences(folder: &Path) -> Result<Vec<Difference>, WriteError> {
    let files = files(folder, &catalogue()?)?;
    let mut differences = Vec::new();
    for (path, contents) in &files {
        match fs::read_to_string(path) {
            Ok(actual) if actual == *contents => {}
            Ok(_) => differences.push(Difference::Changed(path.clone())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                differences.push(Difference::Missing(path.clone()));
            }
            Err(error) => return Err(WriteError::File(path.clone(), error)),
        }
    }
    for path in json_files(folder).map_err(|error| WriteError::File(folder.to_owned(), error))? {
        if !files.contains_key(&path) {
            differences.push(Difference::Unknown(path));
        }
    }
    Ok(differences)
}

fn json_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn files(folder: &Path, entries: &[Entry]) -> Result<BTreeMap<PathBuf, String>, WriteError> {
    let mut files: BTreeMap<PathBuf, String> = entries
        .iter()
        .map(|entry| (folder.join(entry.sample.file()), entry.event.clone()))
        .collect();
    let manifest = Manifest {
        events: entries.iter().map(|entry| entry.sample.clone()).collect(),
    };
    let mut json = serde_json::to_string_pretty(&manifest)?;
    json.push('\n');
    files.insert(folder.join("manifest.json"), json);
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_the_repository_are_those_of_the_catalogue() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events");
        assert_eq!(differences(&folder).unwrap(), []);
    }

    #[test]
    fn names_what_differs_and_puts_it_right() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("events");
        let path = |name: &str| folder.join(name);
        let samples = write(&folder).unwrap();
        assert!(samples > 20);
        assert_eq!(differences(&folder).unwrap(), []);

        fs::write(path("get-token.json"), "{}").unwrap();
        fs::write(path("stray.json"), "{}").unwrap();
        fs::remove_file(path("replay.json")).unwrap();
        assert_eq!(
            differences(&folder).unwrap(),
            [
                Difference::Changed(path("get-token.json")),
                Difference::Missing(path("replay.json")),
                Difference::Unknown(path("stray.json")),
            ]
        );
    }

    #[test]
    fn samples_have_names_of_their_own_and_come_after_what_they_need() {
        let mut seen: Vec<String> = Vec::new();
        for Entry { sample, .. } in catalogue().unwrap() {
            assert!(
                sample.before.iter().all(|name| seen.contains(name)),
                "{}",
                sample.name
            );
            assert!(!seen.contains(&sample.name), "{}", sample.name);
            seen.push(sample.name);
        }
    }
}
