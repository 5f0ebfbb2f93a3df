//! The figures as a table, and whether they are within the limits.

use std::time::Duration;

use crate::run::{Figures, Subject};

/// What the cryptography of one token costs at the least: a P-256 key pair and an agreement with `ring`, and four passes
/// of AES-GCM. The floor has none of it.
const CRYPTOGRAPHY: Duration = Duration::from_micros(75);

/// Prints medians over the rounds; tells whether the function is within its limits.
pub(crate) fn print(subjects: &[Subject; 3], figures: &[Vec<Figures>; 3], requests: u32) -> bool {
    println!(
        "\nmedians of {} rounds of {requests} warm requests, one at a time",
        figures[0].len()
    );
    print!("{:<34}", "");
    for subject in subjects {
        print!("{:>15}", subject.name);
    }
    println!("{:>12}{:>12}", "to floor", "to node");
    let start = row(figures, "start, ms", |f| millis(f.start));
    row(figures, "processor time of the start, ms", |f| {
        millis(f.processor_of_start)
    });
    row(figures, "first request, ms", |f| millis(f.first));
    let processor = row(figures, "processor time a request, us", |f| {
        micros(f.processor)
    });
    row(figures, "latency, median, us", |f| {
        micros(quantile(&f.latencies, 0.5))
    });
    row(figures, "latency, 99th percentile, us", |f| {
        micros(quantile(&f.latencies, 0.99))
    });
    let memory = row(figures, "peak resident memory, KiB", |f| {
        f.peak_resident_kib as f64
    });
    row(figures, "calls of DynamoDB a request", |f| f.dynamodb_calls);
    row(figures, "calls of Secrets Manager a request", |f| {
        f.secrets_manager_calls
    });
    row(figures, "bytes to and from AWS a request", |f| f.bytes);

    println!();
    let [ours, floor, node] = processor;
    let checks = [
        limit("start, to the floor's", start[0] / start[1], 1.15),
        limit(
            "processor time, to the floor's + 75 us",
            ours / (floor + micros(CRYPTOGRAPHY)),
            1.2,
        ),
        limit("start, to Node's", start[0] / start[2], 0.1),
        limit("processor time, to Node's", ours / node, 1.0 / 8.0),
        limit("memory, to Node's", memory[0] / memory[2], 1.0 / 8.0),
    ];
    checks.iter().all(|held| *held)
}

/// Prints one row, and gives each subject's median.
fn row(figures: &[Vec<Figures>; 3], name: &str, of: impl Fn(&Figures) -> f64) -> [f64; 3] {
    let medians = figures.each_ref().map(|figures| {
        let mut values: Vec<f64> = figures.iter().map(&of).collect();
        values.sort_by(f64::total_cmp);
        let median = values.get(values.len() / 2);
        median.copied().unwrap_or(f64::NAN)
    });
    print!("{name:<34}");
    for median in medians {
        print!("{median:>15.1}");
    }
    let [ours, floor, node] = medians;
    println!("{:>12.2}{:>12.3}", ours / floor, ours / node);
    medians
}

fn limit(name: &str, ratio: f64, at_most: f64) -> bool {
    let held = ratio <= at_most;
    let sign = if held { "ok" } else { "TOO MUCH" };
    println!("{sign:<9}{name}: {ratio:.3}, at most {at_most}");
    held
}

fn quantile(values: &[Duration], q: f64) -> Duration {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let at = sorted.len().saturating_sub(1) as f64 * q;
    sorted.get(at as usize).copied().unwrap_or_default()
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
