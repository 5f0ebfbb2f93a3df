//! This program runs itself under callgrind, which counts the instructions of each call of one function.

use std::{
    env, fs,
    process::{Command, Output},
};

use serde_json::value::RawValue;
use token_service::gateway::Response;
use token_service_fuzz::service::Function;

use crate::inputs::Input;

/// The first argument of the run that is counted.
pub(crate) const MEASURED: &str = "--measured";

/// Callgrind counts from here to its end, and writes a file each time.
#[unsafe(no_mangle)]
#[inline(never)]
fn counted(function: &Function, event: Box<RawValue>) -> Response {
    function.answer(event)
}

/// What callgrind watches: one call of [`counted`] for each input.
pub(crate) fn answer_all(function: &Function, inputs: &[Input]) {
    // What is made once in a process's life is not a request's.
    for input in inputs.iter().take(50).cycle().take(150) {
        input.prepare(function);
        function.answer(input.event());
    }
    for input in inputs {
        input.prepare(function);
        counted(function, input.event());
    }
}

/// The instructions of each of so many inputs, which the arguments name.
pub(crate) fn instructions(inputs: usize, arguments: &[String]) -> Result<Vec<u64>, String> {
    let directory = env::temp_dir().join(format!("token-service-cost-{}", std::process::id()));
    fs::create_dir_all(&directory).map_err(|error| error.to_string())?;
    let counts = run(&directory.join("out"), arguments).and_then(|_| {
        (1..=inputs)
            .map(|at| total(&directory.join(format!("out.{at}"))))
            .collect::<Result<Vec<_>, _>>()
    });
    // Beside the counts, nothing is wanted of some thousand files.
    let _ = fs::remove_dir_all(directory);
    // The toggles work: nothing is free.
    counts.and_then(|counts| match counts.iter().all(|count| *count > 1000) {
        true => Ok(counts),
        false => Err("callgrind counted nothing for an input".to_owned()),
    })
}

fn run(out: &std::path::Path, arguments: &[String]) -> Result<Output, String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let run = Command::new("valgrind")
        .args([
            "--quiet",
            "--tool=callgrind",
            "--collect-atstart=no",
            "--toggle-collect=counted",
        ])
        .args([
            "--toggle-collect=answer_as_aws",
            "--zero-before=counted",
            "--dump-after=counted",
        ])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(program)
        .arg(MEASURED)
        .args(arguments)
        .output()
        .map_err(|error| {
            format!("valgrind cannot be run ({error}): get it with apt-get install valgrind")
        })?;
    match run.status.success() {
        true => Ok(run),
        false => Err(String::from_utf8_lossy(&run.stderr).into_owned()),
    }
}

fn total(file: &std::path::Path) -> Result<u64, String> {
    let text = fs::read_to_string(file)
        .map_err(|error| format!("callgrind wrote no {}: {error}", file.display()))?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
    total
        .and_then(|total| total.trim().parse().ok())
        .ok_or_else(|| format!("{} has no total", file.display()))
}
