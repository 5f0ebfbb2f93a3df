//! What fuzzing found: its corpora and its worst inputs, each as the event by which it reaches the
//! function.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    Row,
    fuzz_events::{self, Choices},
    inputs::{self, Input},
};

/// Why nothing that was found is counted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FoundError {
    #[error("{0} cannot be read")]
    Read(PathBuf, #[source] io::Error),
    #[error("{0} has no folders of inputs that are named by their target")]
    Nothing(PathBuf),
}

/// The valid request is the first, then DIRECTORY/TARGET/INPUT of every target, in the order of
/// their names.
pub(crate) fn all(directory: &Path) -> Result<Vec<Input>, FoundError> {
    let largest = fuzz_events::sealed(Choices(1), inputs::filler().as_bytes());
    let valid = fuzz_events::event(Choices(1), largest.as_bytes());
    let name = "a valid request of 32 KiB".to_owned();
    let mut found = vec![Input::of_event(name, valid.to_string())];
    for target in names(directory)? {
        let files = names(&directory.join(&target))?;
        for file in files.iter().filter(|file| *file != "heap-bytes") {
            let file_path = directory.join(&target).join(file);
            let input = fs::read(&file_path).map_err(|error| FoundError::Read(file_path, error))?;
            if let Some(event) = fuzz_events::of_target(&target, &input) {
                let event = event.get().to_owned();
                found.push(Input {
                    limit: inputs::limit_of(&target),
                    ..Input::of_event(format!("{target}/{file}"), event)
                });
            }
        }
    }
    match found.len() {
        1 => Err(FoundError::Nothing(directory.to_owned())),
        _ => Ok(found),
    }
}

fn names(directory: &Path) -> Result<Vec<String>, FoundError> {
    let unreadable = |error| FoundError::Read(directory.to_owned(), error);
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        names.push(
            entry
                .map_err(unreadable)?
                .file_name()
                .to_string_lossy()
                .into_owned(),
        );
    }
    names.sort();
    Ok(names)
}

/// Of each target, the refused input and the valid one that cost most; of inputs that were made,
/// all.
pub(crate) fn only_the_worst(rows: &mut Vec<Row<'_>>) {
    let group = |row: &Row<'_>| {
        let target = row
            .input
            .name
            .split_once('/')
            .filter(|_| row.input.status.is_none())?
            .0;
        Some((target.to_owned(), row.status == 200))
    };
    let mut worst: HashMap<(String, bool), (u64, usize)> = HashMap::new();
    for (at, row) in rows.iter().enumerate() {
        if let Some(group) = group(row) {
            let most = worst.entry(group).or_default();
            *most = (*most).max((row.count, at));
        }
    }
    let mut at = 0;
    rows.retain(|row| {
        let is_worst = worst.values().any(|(_, worst)| *worst == at);
        at += 1;
        is_worst || group(row).is_none()
    });
}
