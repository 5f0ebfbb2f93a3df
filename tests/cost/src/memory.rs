//! What Lambda's memory setting does to time and cost. Lambda gives processor time in proportion to
//! memory; here a control group does, so that the settings are measured on one machine and beside
//! each other.
//!
//! Not emulated: Graviton, AWS's DynamoDB (the stub answers at once), and that Lambda is said to
//! let a start have more than its share.

use std::{io, path::Path, process::Stdio, time::Duration};

use tokio::time::sleep;

use crate::{
    cgroup::{Group, NoGroup},
    events::{Events, Prepared, Request, Wrong},
    run::{Driven, RunError, Setting},
    table::{millis, quantile},
};

const SETTINGS_MB: [u32; 5] = [128, 256, 512, 1024, 1769];
/// What has one processor (docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html).
const WHOLE_PROCESSOR_MB: u32 = 1769;
/// Lambda's, by those who measured it: AWS does not tell.
const PERIOD: Duration = Duration::from_millis(20);

/// For arm64 in us-east-1, as in docs/operations.md#cost: quoted by cloudchipr.com in 2024.
const USD_PER_GB_SECOND: f64 = 0.000_013_333_4;
/// Likewise.
const USD_PER_MILLION_REQUESTS: f64 = 0.20;

/// Requests of each kind a start, after the first.
const WARM_UP: u32 = 10;
const APART: u32 = 50;
const BACK_TO_BACK: u32 = 100;

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MemoryError {
    #[error(transparent)]
    Group(#[from] NoGroup),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Event(#[from] Wrong),
    #[error("the control group cannot be used")]
    Io(#[from] io::Error),
    #[error("the control group does not slow the function down: the kernel ignores its quota")]
    NotThrottled,
    #[error("interrupted")]
    Interrupted,
}

/// What was measured of one setting.
#[derive(Default)]
struct Measured {
    starts: Vec<Duration>,
    firsts: Vec<Duration>,
    apart: Vec<Duration>,
    back_to_back: Vec<Duration>,
    /// In which periods, while requests came back to back, it had to wait.
    throttled: u64,
}

/// Measures all settings in turn, `rounds` times, and prints.
pub(crate) async fn measure(function: &Path, rounds: u32) -> Result<(), MemoryError> {
    let group = Group::new()?;
    let mut measured: [Measured; 5] = Default::default();
    tokio::select! {
        done = measure_in(&group, function, rounds, &mut measured) => done?,
        // To end here removes the group.
        _ = tokio::signal::ctrl_c() => return Err(MemoryError::Interrupted),
    }
    if measured.iter().all(|setting| setting.throttled == 0) {
        return Err(MemoryError::NotThrottled);
    }
    print(&measured);
    Ok(())
}

async fn measure_in(
    group: &Group,
    function: &Path,
    rounds: u32,
    measured: &mut [Measured; 5],
) -> Result<(), MemoryError> {
    let events = Events::new()?;
    for round in 1..=rounds {
        // In turn, so that what else the machine does falls on all alike.
        for (mb, measured) in SETTINGS_MB.iter().zip(measured.iter_mut()) {
            group.limit(share(*mb), PERIOD)?;
            run(group, function, &events, measured).await?;
        }
        eprintln!("round {round} of {rounds}");
    }
    Ok(())
}

/// Of each period, the part that a setting has the processor.
fn share(mb: u32) -> Duration {
    PERIOD * mb / WHOLE_PROCESSOR_MB
}

async fn run(
    group: &Group,
    function: &Path,
    events: &Events,
    measured: &mut Measured,
) -> Result<(), MemoryError> {
    let make = |requests: u32| -> Result<Vec<Prepared>, Wrong> {
        (0..requests).map(|_| events.make(Request::Good)).collect()
    };
    let (warm_up, apart, back_to_back) = (make(WARM_UP)?, make(APART)?, make(BACK_TO_BACK)?);
    let (mut driven, start) = Driven::start(
        &Setting::default(),
        &group.inside(function),
        Stdio::inherit(),
    )
    .await?;
    measured.starts.push(start);

    let first = events.make(Request::Good)?;
    let (answer, took) = driven.request(&first.event).await?;
    events.check(&first, &answer.payload)?;
    measured.firsts.push(took);
    for prepared in &warm_up {
        driven.request(&prepared.event).await?;
    }

    for (number, prepared) in (0_u64..).zip(&apart) {
        // Of various lengths, so that requests come at every time of a period.
        sleep(PERIOD + Duration::from_millis(number * 7 % 20)).await;
        let (_, took) = driven.request(&prepared.event).await?;
        measured.apart.push(took);
    }
    let throttled = group.throttled_periods()?;
    for prepared in &back_to_back {
        let (_, took) = driven.request(&prepared.event).await?;
        measured.back_to_back.push(took);
    }
    measured.throttled += group.throttled_periods()? - throttled;
    driven.end().await?;
    Ok(())
}

fn print(measured: &[Measured; 5]) {
    println!(
        "medians of {} starts, and the processor time that a setting has in each {} ms",
        measured.each_ref().map(|m| m.starts.len())[0],
        PERIOD.as_millis()
    );
    println!(
        "{:>6} {:>10} {:>10} {:>18}",
        "MB", "quota, ms", "start, ms", "first request, ms"
    );
    for (mb, setting) in SETTINGS_MB.iter().zip(measured) {
        println!(
            "{mb:>6} {:>10.2} {:>10.1} {:>18.1}",
            millis(share(*mb)),
            millis(quantile(&setting.starts, 0.5)),
            millis(quantile(&setting.firsts, 0.5)),
        );
    }
    println!("\nrequests 20 to 40 ms apart: each finds the whole quota");
    print_warm(&measured.each_ref().map(|setting| &*setting.apart));
    println!("\nrequests back to back: an instance that is never idle");
    print_warm(&measured.each_ref().map(|setting| &*setting.back_to_back));
    let throttled = measured.each_ref().map(|m| m.throttled.to_string());
    println!(
        "\nperiods in which it had to wait, back to back: {}",
        throttled.join(", ")
    );
    println!(
        "the cost is Lambda's alone, arm64 in us-east-1; DynamoDB answers at once here: what each ms of it costs is in the"
    );
    println!("last column");
}

fn print_warm(latencies: &[&[Duration]; 5]) {
    println!(
        "{:>6} {:>11} {:>9} {:>11} {:>14} {:>14}",
        "MB", "median, ms", "p99, ms", "billed, ms", "USD a million", "USD a ms more"
    );
    let medians = latencies.map(|latencies| quantile(latencies, 0.5));
    let costs: Vec<f64> = SETTINGS_MB
        .iter()
        .zip(latencies)
        .map(|(mb, latencies)| usd_a_million(*mb, billed_ms(latencies)))
        .collect();
    let cheapest = costs.iter().copied().fold(f64::INFINITY, f64::min);
    let fastest = medians.iter().min();
    for (((mb, latencies), median), cost) in
        SETTINGS_MB.iter().zip(latencies).zip(&medians).zip(&costs)
    {
        println!(
            "{mb:>6} {:>11.2} {:>9.2} {:>11.2} {cost:>14.4} {:>14.4}{}{}",
            millis(*median),
            millis(quantile(latencies, 0.99)),
            billed_ms(latencies),
            usd_a_million(*mb, 1.0) - USD_PER_MILLION_REQUESTS,
            if *cost <= cheapest { "  cheapest" } else { "" },
            if Some(median) == fastest {
                "  fastest"
            } else {
                ""
            },
        );
    }
}

/// The mean of what is billed: whole milliseconds, begun ones too.
fn billed_ms(latencies: &[Duration]) -> f64 {
    let ms: u128 = latencies
        .iter()
        .map(|latency| latency.as_nanos().div_ceil(1_000_000))
        .sum();
    ms as f64 / latencies.len() as f64
}

/// Lambda's bill for a million requests of `billed_ms` each.
fn usd_a_million(mb: u32, billed_ms: f64) -> f64 {
    let gb_seconds = f64::from(mb) / 1024.0 * billed_ms / 1000.0;
    USD_PER_MILLION_REQUESTS + 1e6 * gb_seconds * USD_PER_GB_SECOND
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn begun_milliseconds_are_billed() {
        let billed = |micros: &[u64]| {
            let latencies: Vec<_> = micros.iter().copied().map(Duration::from_micros).collect();
            billed_ms(&latencies)
        };
        assert_eq!(billed(&[1]), 1.0);
        assert_eq!(billed(&[1000]), 1.0);
        assert_eq!(billed(&[1001]), 2.0);
        assert_eq!(billed(&[400, 1001]), 1.5);
    }

    #[test]
    fn a_million_requests_cost_what_operations_md_says() {
        // 256 MB and 20 ms: 0.20 for requests and 0.07 for time.
        assert_eq!(format!("{:.4}", usd_a_million(256, 20.0)), "0.2667");
        assert_eq!(format!("{:.4}", usd_a_million(128, 1.0)), "0.2017");
    }

    #[test]
    fn a_setting_has_its_share_of_a_processor() {
        assert_eq!(share(1769), PERIOD);
        assert_eq!(share(128).as_micros(), 1447);
    }
}
