//! Instructions of the deployed binary, counted by callgrind, which are the same on every run to a percent.
//!
//! What one more request costs is the difference of two runs. Each kind of request gets one step further than the one
//! before it, so that the differences between them are what the steps cost.

use std::{collections::BTreeMap, fs, io, path::Path, path::PathBuf, process::Stdio};

use crate::{
    events::{Events, Request, Wrong},
    run::{Driven, RunError},
};

/// How much more than the baseline fails.
const TOLERATED: f64 = 0.03;

/// The runs of which the difference is taken: this many requests, and none.
const REQUESTS: u64 = 100;

/// What each kind of request costs more than the one before it.
const STEPS: [(Request, &str); 6] = [
    (Request::OfAnotherType, "decode, and answer in the clear"),
    (Request::OfAStranger, "authenticate"),
    (Request::Tampered, "open"),
    (Request::WithoutSdkPublicKey, "parse, and answer sealed"),
    (Request::OfAnotherSdk, "agree"),
    (Request::Good, "seal, record, answer"),
];

/// Why nothing was counted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CountError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Event(#[from] Wrong),
    #[error("valgrind is missing. Get it with: apt-get install valgrind")]
    Valgrind(#[source] io::Error),
    #[error("callgrind has counted nothing: {0}")]
    NothingCounted(String),
    #[error("{0} is no baseline: write it anew, with --accept")]
    Baseline(PathBuf),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Counts, prints, and tells whether nothing got more expensive than `baseline` says.
pub(crate) async fn count(
    [function, floor]: [PathBuf; 2],
    baseline: &Path,
    accept: bool,
) -> Result<bool, CountError> {
    std::process::Command::new("valgrind")
        .arg("--version")
        .output()
        .map_err(CountError::Valgrind)?;
    let events = Events::new()?;
    let start = run(&function, &events, Request::Good, 0).await?;
    let first = run(&function, &events, Request::Good, 1).await? - start;
    let mut counts = BTreeMap::from([
        ("start".to_owned(), start),
        ("first request".to_owned(), first),
    ]);
    println!("{start:>12}  start");
    println!("{first:>12}  first request, with its connection to DynamoDB");

    println!("\n a warm request, by how far it gets: instructions, and more than the one before");
    let mut before = 0;
    for (request, step) in STEPS {
        let warm = warm(&function, &events, request).await?;
        println!(
            "{warm:>12} {:>10}  {step}",
            i128::from(warm) - i128::from(before)
        );
        counts.insert(step.to_owned(), warm);
        before = warm;
    }

    let floor_start = run(&floor, &events, Request::Good, 0).await?;
    let floor_warm = warm(&floor, &events, Request::Good).await?;
    println!("\n{floor_start:>12}  start of the floor");
    println!("{floor_warm:>12}  warm request of the floor");
    println!(
        "{:>12.3}  start, to the floor's\n{:>12.3}  warm request, to the floor's",
        start as f64 / floor_start as f64,
        before as f64 / floor_warm as f64
    );

    if accept {
        let text = serde_json::to_string_pretty(&counts).map_err(io::Error::from)? + "\n";
        fs::write(baseline, text)?;
        println!("\n{} is written", baseline.display());
        return Ok(true);
    }
    let no_baseline = || CountError::Baseline(baseline.to_owned());
    let text = fs::read_to_string(baseline).map_err(|_| no_baseline())?;
    let expected: BTreeMap<String, u64> = serde_json::from_str(&text).map_err(|_| no_baseline())?;
    Ok(compare(&counts, &expected))
}

fn compare(counts: &BTreeMap<String, u64>, expected: &BTreeMap<String, u64>) -> bool {
    println!();
    let mut held = counts.keys().eq(expected.keys());
    if !held {
        println!("the baseline has other counts: write it anew, with --accept");
    }
    for (name, count) in counts {
        let Some(expected) = expected.get(name) else {
            continue;
        };
        let change = *count as f64 / *expected as f64 - 1.0;
        let verdict = match change {
            change if change > TOLERATED => {
                held = false;
                "MORE: make it cheaper, or say why not and accept"
            }
            change if change < -TOLERATED => "less: accept it as the new baseline",
            _ => "as before",
        };
        println!("{:>+8.2} %  {name}: {verdict}", change * 100.0);
    }
    held
}

/// One warm request.
async fn warm(program: &Path, events: &Events, request: Request) -> Result<u64, CountError> {
    let few = run(program, events, request, 10).await?;
    let many = run(program, events, request, 10 + REQUESTS).await?;
    Ok((many - few) / REQUESTS)
}

/// All instructions of a process that answers `requests` requests.
async fn run(
    program: &Path,
    events: &Events,
    request: Request,
    requests: u64,
) -> Result<u64, CountError> {
    let command = [
        "valgrind",
        "--tool=callgrind",
        "--callgrind-out-file=/dev/null",
        &program.display().to_string(),
    ];
    let (mut driven, _) = Driven::start(&command.map(str::to_owned), Stdio::piped()).await?;
    for _ in 0..requests {
        driven.request(&events.make(request)?).await?;
    }
    let said = driven.end().await?;
    said.lines()
        .find_map(|line| line.split_once("Collected : "))
        .and_then(|(_, count)| count.trim().parse().ok())
        .ok_or(CountError::NothingCounted(said))
}
