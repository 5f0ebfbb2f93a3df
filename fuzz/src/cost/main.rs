//! What the function does for an input, counted in instructions by callgrind: a refused request must not cost more than
//! twice a valid one of 32 KiB. Counts are the same in every run; times are not.
//!
//!     cargo run --profile cost --bin cost                  what is meant to be the hardest to refuse (inputs.rs)
//!     cargo run --profile cost --bin cost -- DIRECTORY     what fuzzing found: DIRECTORY/TARGET/INPUT
//!
//! Counted is `http::Service::answer`, from the event's text to the answer, without the stand-in for AWS and without
//! TLS, which a valid request needs and a refused one does not: the bound is on the strict side.

mod counting;
mod found;
mod inputs;

use std::{env, path::Path, process::ExitCode};

use token_service_fuzz::{budget::heap_of, service::Function};

use inputs::Input;

/// How many times the instructions of a valid request of 32 KiB any other may take.
const LIMIT: f64 = 2.0;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let measured = arguments
        .first()
        .is_some_and(|first| first == counting::MEASURED);
    let arguments = &arguments[usize::from(measured)..];
    let (function, inputs) = match arguments {
        [] => {
            let (api_keys, server_keys) = inputs::secrets();
            (Function::new(&api_keys, &server_keys), inputs::all())
        }
        [directory] => match found::all(Path::new(directory)) {
            Ok(inputs) => (Function::of_development(), inputs),
            Err(error) => return wrong(&error),
        },
        _ => return wrong("at most one DIRECTORY is taken"),
    };
    if measured {
        counting::answer_all(&function, &inputs);
        return ExitCode::SUCCESS;
    }
    match counting::instructions(inputs.len(), arguments) {
        Ok(counts) => report(&function, &inputs, &counts),
        Err(error) => wrong(&error),
    }
}

fn wrong(error: &str) -> ExitCode {
    eprintln!("cost: {error}");
    ExitCode::from(2)
}

/// The table: every input that was made, and of those that were found the one of each target that costs most.
fn report(function: &Function, inputs: &[Input], counts: &[u64]) -> ExitCode {
    let valid = counts[0];
    println!(
        "{:>12} {:>6} {:>6} {:>9}  input",
        "instructions", "ratio", "status", "heap KiB"
    );
    let (mut over, mut worst) = (0, (0.0, ""));
    let mut rows: Vec<Row> = inputs
        .iter()
        .zip(counts)
        .map(|(input, count)| row(function, input, *count, valid))
        .collect();
    for row in &rows {
        over += usize::from(row.is_over);
        if row.status != 200 && !row.input.is_inherent && row.ratio > worst.0 {
            worst = (row.ratio, row.input.name.as_str());
        }
    }
    let heap = rows
        .iter()
        .filter(|row| !row.input.is_inherent)
        .map(|row| row.heap)
        .max()
        .unwrap_or(0);
    found::only_the_worst(&mut rows);
    for row in &rows {
        let mark = if row.is_over { " OVER" } else { "" };
        let Row {
            input,
            count,
            ratio,
            status,
            heap,
            ..
        } = row;
        println!(
            "{count:>12} {ratio:>6.2} {status:>6} {:>9}  {}{mark}",
            heap.div_ceil(1024),
            input.name
        );
    }
    println!(
        "{} inputs; worst refused: {:.2} of a valid request of 32 KiB ({}); at most {} KiB held; {over} over {LIMIT}",
        inputs.len(),
        worst.0,
        worst.1,
        heap.div_ceil(1024),
    );
    if over == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

struct Row<'i> {
    input: &'i Input,
    count: u64,
    ratio: f64,
    status: i64,
    heap: usize,
    is_over: bool,
}

fn row<'i>(function: &Function, input: &'i Input, count: u64, valid: u64) -> Row<'i> {
    input.prepare(function);
    let event = input.event();
    let (heap, response) = heap_of(|| function.answer(event));
    let status = token_service_fuzz::service::status(&response);
    assert!(
        input.status.is_none_or(|expected| status == expected),
        "{}: {status}",
        input.name
    );
    let ratio = count as f64 / valid as f64;
    let is_over = ratio > LIMIT && !input.is_inherent;
    Row {
        input,
        count,
        ratio,
        status,
        heap,
        is_over,
    }
}
