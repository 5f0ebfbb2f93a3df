//! Builds of the function beside each other: the first is what the others are held against.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use crate::{
    counted::{self, CountError},
    events::{Events, Request},
    run::{Driven, RunError, Setting, zipped},
    valgrind::Tool,
};

/// How many requests come before the peak of its memory is read.
const REQUESTS: u32 = 300;

/// Prints a line for each, as counts and as ratios to the first one's.
pub(crate) async fn print(binaries: &[PathBuf]) -> Result<(), CountError> {
    println!("{:<20}{}", "", heading());
    let events = Events::new()?;
    let mut first = None;
    for binary in binaries {
        let figures = figures(binary, &events).await?;
        let name = binary.file_name().unwrap_or_default().to_string_lossy();
        print!("{name:<20}");
        let first = first.get_or_insert(figures);
        for (figure, first) in figures.iter().zip(first.iter()) {
            print!("{figure:>12} {:>5.2}", *figure as f64 / *first as f64);
        }
        println!();
    }
    Ok(())
}

const FIGURES: [&str; 5] = ["bytes", "zipped", "start", "request", "KiB"];

fn heading() -> String {
    let columns = FIGURES.map(|figure| format!("{figure:>12}      "));
    columns.concat()
}

/// Its bytes, as they are and zipped; the instructions of a start and of a warm request; its most
/// resident memory.
async fn figures(binary: &Path, events: &Events) -> Result<[u64; 5], CountError> {
    let bytes = fs::read(binary)?;
    let count = |len: usize| u64::try_from(len).unwrap_or(u64::MAX);
    let (tool, setting) = (Tool::Instructions, Setting::default());
    let start = counted::start(tool, binary, &setting).await?;
    let warm = counted::warm(tool, binary, &setting, events, Request::Good).await?;
    let resident = peak_resident_kib(binary, events).await?;
    Ok([
        count(bytes.len()),
        count(zipped(&bytes)?),
        start,
        warm,
        resident,
    ])
}

async fn peak_resident_kib(binary: &Path, events: &Events) -> Result<u64, RunError> {
    let command = [binary.display().to_string()];
    let (mut driven, _) = Driven::start(&Setting::default(), &command, Stdio::inherit()).await?;
    driven.issue(events, REQUESTS).await?;
    let resident = driven.peak_resident_kib()?;
    driven.end().await?;
    Ok(resident)
}
