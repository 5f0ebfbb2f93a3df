//! Instructions and allocations of the deployed binary, counted by valgrind, which are the same on
//! every run to a percent.
//!
//! Each kind of request gets one step further than the one before it, so that the differences
//! between them are what the steps cost.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use sandbox::{TlsError, Trusted};
use serde::{Deserialize, Serialize};

use crate::{
    counted::{self, CountError},
    events::{Events, OfSession, Request, Wrong},
    run::Setting,
    table::sign,
    valgrind::{self, Tool},
};

/// How much more than the baseline fails.
const TOLERATED: f64 = 0.03;

/// What each kind of request costs more than the one before it.
const STEPS: [(Request, &str); 7] = [
    (Request::OfAnotherType, "decode, and answer in the clear"),
    (Request::OfAStranger, "authenticate"),
    (Request::Tampered, "open"),
    (Request::WithoutSdkPublicKey, "parse, and answer sealed"),
    (Request::OfAnotherSdk, "agree"),
    (Request::WithoutTime, "seal token and record"),
    (Request::Good, "record, and answer with the token"),
];

/// The other operations' warm requests, and how many times the instructions of a warm Get Token
/// each may take.
const OPERATIONS: [(OfSession, &str, f64); 4] = [
    (OfSession::Renewal, "renewal", 0.6),
    (OfSession::Invalidation, "invalidation", 0.5),
    (OfSession::Introspection, "introspection, active", 0.5),
    (
        OfSession::InactiveIntrospection,
        "introspection, inactive",
        0.5,
    ),
];

/// Processor features that libraries choose their code by, as far as valgrind's own processor has
/// them: it has no SHA instructions.
const FEATURES: [&str; 7] = ["adx", "aes", "avx", "avx2", "bmi1", "bmi2", "pclmulqdq"];

/// Why nothing was counted or compared.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InstructionsError {
    #[error(transparent)]
    Count(#[from] CountError),
    #[error(transparent)]
    Event(#[from] Wrong),
    #[error("{0} is no baseline: make a new one, with ACCEPT=1")]
    Baseline(PathBuf),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// What was counted of one thing.
#[derive(Clone, Copy, Default, Deserialize, Serialize)]
struct Count {
    instructions: u64,
    allocations: u64,
}

/// What decides which instructions are run, beside the source: counts made with others cannot be
/// compared.
///
/// valgrind and the C library are not in it: 3.24 instead of 3.19 changed no count by more than 1.8
/// %, and glibc 2.41 instead of 2.36 by more than 1.4 %, which [`TOLERATED`] covers.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
struct MadeWith {
    /// `rustc --version`: another compiler makes other code.
    compiler: String,
    /// Architecture, and those of [`FEATURES`] that this processor has: libraries choose their code
    /// by them.
    processor: String,
}

/// Counts to hold later ones against, and what they hold for.
#[derive(Deserialize, Serialize)]
struct Baseline {
    made_with: MadeWith,
    counts: BTreeMap<String, Count>,
}

fn more(now: u64, before: u64) -> i128 {
    i128::from(now) - i128::from(before)
}

/// Counts, prints, and tells whether nothing got more expensive than `baseline` says.
pub(crate) async fn count(
    function: &Path,
    floor: Option<&Path>,
    baseline: &Path,
    accept: bool,
) -> Result<bool, InstructionsError> {
    valgrind::require()?;
    let events = Events::new()?;
    let plain = Setting::default();
    let mut counts = BTreeMap::new();
    println!("instructions  allocations");
    let started = both(|tool| counted::start(tool, function, &plain)).await?;
    let one = |tool| counted::of_requests(tool, function, &plain, &events, Request::Good, 1);
    let with_first = both(one).await?;
    let first = Count {
        instructions: with_first.instructions - started.instructions,
        allocations: with_first.allocations - started.allocations,
    };
    for (name, count) in [("start", started), ("first request", first)] {
        println!(
            "{:>12} {:>12}  {name}",
            count.instructions, count.allocations
        );
        counts.insert(name.to_owned(), count);
    }

    println!("\na warm request, by how far it gets; and how much more that is than the one before");
    let mut before = Count::default();
    for (request, step) in STEPS {
        let warm = both(|tool| counted::warm(tool, function, &plain, &events, request)).await?;
        println!(
            "{:>12} {:>12} {:>+10} {:>+5}  {step}",
            warm.instructions,
            warm.allocations,
            more(warm.instructions, before.instructions),
            more(warm.allocations, before.allocations),
        );
        counts.insert(step.to_owned(), warm);
        before = warm;
    }

    println!("\na warm request of the other operations, which makes one call of DynamoDB, too");
    let mut held = true;
    for (request, name, limit) in OPERATIONS {
        let warm = both(|tool| counted::warm_of_session(tool, function, &events, request)).await?;
        let ratio = warm.instructions as f64 / before.instructions as f64;
        let is_within = ratio <= limit;
        held &= is_within;
        println!(
            "{:>12} {:>12}  {name}: {ratio:.3} of a Get Token's, at most {limit}: {}",
            warm.instructions,
            warm.allocations,
            sign(is_within)
        );
        counts.insert(name.to_owned(), warm);
    }

    if let Some(floor) = floor {
        let floor_start = both(|tool| counted::start(tool, floor, &plain)).await?;
        let good = |tool| counted::warm(tool, floor, &plain, &events, Request::Good);
        let floor_warm = both(good).await?;
        println!();
        for (name, ours, floor) in [
            ("start", started, floor_start),
            ("warm request", before, floor_warm),
        ] {
            println!(
                "{:>12} {:>12}  {name} of the floor; ours to it: {:.3} and {:.3}",
                floor.instructions,
                floor.allocations,
                ours.instructions as f64 / floor.instructions as f64,
                ours.allocations as f64 / floor.allocations as f64
            );
        }
    }

    let trusted = Trusted::new()?;
    let tls = Setting {
        tls: Some(&trusted),
        ..plain
    };
    let tls_start = both(|tool| counted::start(tool, function, &tls)).await?;
    let good = |tool| counted::warm(tool, function, &tls, &events, Request::Good);
    let tls_warm = both(good).await?;
    println!("\nwith TLS to AWS; and how much more that is");
    for (name, count, plain) in [
        ("start over TLS", tls_start, started),
        ("warm request over TLS", tls_warm, before),
    ] {
        println!(
            "{:>12} {:>12} {:>+10} {:>+5}  {name}: {:.3} and {:.3} of plain HTTP's",
            count.instructions,
            count.allocations,
            more(count.instructions, plain.instructions),
            more(count.allocations, plain.allocations),
            count.instructions as f64 / plain.instructions as f64,
            count.allocations as f64 / plain.allocations as f64
        );
        counts.insert(name.to_owned(), count);
    }

    let counted = Baseline {
        made_with: made_with()?,
        counts,
    };
    if accept {
        let text = serde_json::to_string_pretty(&counted).map_err(io::Error::from)? + "\n";
        fs::write(baseline, text)?;
        println!("\n{} is written", baseline.display());
        return Ok(held);
    }
    let no_baseline = || InstructionsError::Baseline(baseline.to_owned());
    let text = fs::read_to_string(baseline).map_err(|_| no_baseline())?;
    let expected: Baseline = serde_json::from_str(&text).map_err(|_| no_baseline())?;
    Ok(compare(&counted, &expected) && held)
}

fn compare(counted: &Baseline, expected: &Baseline) -> bool {
    let (now, before) = (&counted.made_with, &expected.made_with);
    if now != before {
        println!("\nNOT COMPARED, which is a failure: the baseline was made with another");
        for (what, now, before) in [
            ("compiler", &now.compiler, &before.compiler),
            ("processor", &now.processor, &before.processor),
        ] {
            if now != before {
                println!("  {what}: {before}; here: {now}");
            }
        }
        println!("Count with what it was made with, or make a new baseline, with ACCEPT=1");
        return false;
    }
    println!();
    let mut held = counted.counts.keys().eq(expected.counts.keys());
    if !held {
        println!("the baseline has other counts: make a new one, with ACCEPT=1");
    }
    for (name, count) in &counted.counts {
        let Some(expected) = expected.counts.get(name) else {
            continue;
        };
        for (what, count, expected) in [
            ("instructions", count.instructions, expected.instructions),
            ("allocations", count.allocations, expected.allocations),
        ] {
            let change = count as f64 / expected as f64 - 1.0;
            let verdict = match change {
                change if change > TOLERATED => {
                    held = false;
                    "MORE: make it cheaper, or say why not and accept, with ACCEPT=1"
                }
                change if change < -TOLERATED => "less: accept it as the new baseline",
                _ => "as before",
            };
            println!("{:>+8.2} %  {name}, {what}: {verdict}", change * 100.0);
        }
    }
    held
}

fn made_with() -> io::Result<MadeWith> {
    let rustc = Command::new("rustc").arg("--version").output()?;
    let processor = fs::read_to_string("/proc/cpuinfo")?;
    Ok(MadeWith {
        compiler: String::from_utf8_lossy(&rustc.stdout).trim().to_owned(),
        processor: processor_of(&processor),
    })
}

/// From the text of `/proc/cpuinfo`, whose many other flags, speed and model change nothing.
fn processor_of(cpuinfo: &str) -> String {
    let flags = cpuinfo.lines().find(|line| line.starts_with("flags"));
    let has = |feature: &&str| {
        let mut flags = flags.into_iter().flat_map(str::split_whitespace);
        flags.any(|flag| flag == *feature)
    };
    let features = FEATURES.into_iter().filter(has);
    let names: Vec<&str> = [std::env::consts::ARCH]
        .into_iter()
        .chain(features)
        .collect();
    names.join(" ")
}

async fn both<F>(count: impl Fn(Tool) -> F) -> Result<Count, CountError>
where
    F: Future<Output = Result<u64, CountError>>,
{
    Ok(Count {
        instructions: count(Tool::Instructions).await?,
        allocations: count(Tool::Allocations).await?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baseline(instructions: u64, allocations: u64) -> Baseline {
        let count = Count {
            instructions,
            allocations,
        };
        Baseline {
            made_with: MadeWith {
                compiler: "rustc 1.95.0 (59807616e 2026-04-14)".to_owned(),
                processor: "x86_64 aes avx2".to_owned(),
            },
            counts: BTreeMap::from([("start".to_owned(), count)]),
        }
    }

    #[test]
    fn more_than_the_baseline_fails_and_less_does_not() {
        let expected = baseline(1000, 100);
        for (instructions, allocations, held) in [
            (1029, 102, true),
            (1031, 100, false),
            (1000, 104, false),
            (500, 50, true),
        ] {
            assert_eq!(
                compare(&baseline(instructions, allocations), &expected),
                held,
                "{instructions}, {allocations}"
            );
        }
        let mut other = baseline(1000, 100);
        other.counts.clear();
        assert!(!compare(&other, &expected));
    }

    #[test]
    fn counts_that_cannot_be_compared_fail() {
        let expected = baseline(1000, 100);
        assert!(compare(&baseline(1000, 100), &expected));
        let mut other = baseline(1000, 100);
        other.made_with.compiler = "rustc 1.96.0 (0123456ab 2026-05-28)".to_owned();
        assert!(!compare(&other, &expected), "another compiler");
        let mut other = baseline(1000, 100);
        other.made_with.processor = "x86_64 aes".to_owned();
        assert!(!compare(&other, &expected), "another processor");
    }

    #[test]
    fn two_machines_of_one_kind_are_alike() {
        let text = |mhz: &str, flags: &str| format!("cpu MHz\t: {mhz}\nflags\t\t: {flags}\n");
        let here = processor_of(&text("2200.000", "fpu aes avx2 sha_ni"));
        assert_eq!(
            here,
            processor_of(&text("3100.123", "aes fpu avx2 avx512f"))
        );
        assert_ne!(here, processor_of(&text("2200.000", "fpu avx2")));
    }

    #[test]
    fn the_baseline_of_the_repository_can_be_read() {
        let text = include_str!("../baseline.json");
        let baseline: Baseline = serde_json::from_str(text).unwrap();
        assert!(baseline.counts.contains_key("start"));
    }
}
