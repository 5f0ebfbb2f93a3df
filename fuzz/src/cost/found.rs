//! What fuzzing found: its corpora and its worst inputs, each as the event by which it reaches the function.

use std::{collections::HashMap, fs, path::Path};

use serde_json::value::to_raw_value;
use token_service_fuzz::events::{self, Choices};

use crate::{
    Row,
    inputs::{self, Input},
};

/// The valid request is the first, then DIRECTORY/TARGET/INPUT of every target, in the order of their names.
pub(crate) fn all(directory: &Path) -> Result<Vec<Input>, String> {
    let largest = events::sealed(Choices(1), inputs::filler().as_bytes());
    let valid = events::event(Choices(1), largest.as_bytes());
    let name = "a valid request of 32 KiB".to_owned();
    let mut inputs = vec![Input::of_event(name, to_raw_value(&valid).unwrap())];
    for target in names(directory)? {
        let files = names(&directory.join(&target))?;
        for file in files.iter().filter(|file| *file != "heap-bytes") {
            let input = fs::read(directory.join(&target).join(file))
                .map_err(|error| format!("{target}/{file}: {error}"))?;
            if let Some(event) = events::of_target(&target, &input) {
                inputs.push(Input::of_event(format!("{target}/{file}"), event));
            }
        }
    }
    match inputs.len() {
        1 => Err(format!(
            "{} has no folders of inputs named by their target",
            directory.display()
        )),
        _ => Ok(inputs),
    }
}

fn names(directory: &Path) -> Result<Vec<String>, String> {
    let unreadable = |error| format!("{}: {error}", directory.display());
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

/// Of each target, the refused input and the valid one that cost most; of inputs that were made, all.
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
