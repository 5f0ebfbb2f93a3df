//! The figures as a table, and whether they are within the limits.

use std::time::Duration;

use crate::run::{Figures, Subject};

/// What the cryptography of one token took where the limit was set; the floor has none of it. Where
/// it takes longer, it counts as long as it takes: the floor, too, is as slow as the machine.
const CRYPTOGRAPHY: Duration = Duration::from_micros(75);

/// What was measured in turn: the function, the floor, the peer and the function over TLS, and what
/// the cryptography alone took.
pub(crate) struct Round {
    pub(crate) figures: [Figures; 4],
    pub(crate) cryptography: Duration,
}

/// Prints medians over the rounds; tells whether the function is within its limits.
///
/// A ratio is the median of the rounds' own: what slows the machine for a while slows what is
/// beside it, too.
pub(crate) fn print(subjects: &[Subject; 4], rounds: &[Round], requests: u32) -> bool {
    println!(
        "\nmedians of {} rounds of {requests} warm requests, one at a time",
        rounds.len()
    );
    print!("{:<38}", "");
    for subject in subjects {
        print!("{:>15}", subject.name);
    }
    println!("{:>12}{:>12}{:>12}", "to floor", "to node", "TLS to it");
    let row = |name, of: fn(&Figures) -> f64| row(rounds, name, of);
    let start = row("start, ms", |f| millis(f.start));
    row("processor time of the start, ms", |f| {
        millis(f.processor_of_start)
    });
    row("first request, ms", |f| millis(f.first));
    let processor = row("processor time a request, us", |f| micros(f.processor));
    row("latency, median, us", |f| {
        micros(quantile(&f.latencies, 0.5))
    });
    row("latency, 99th percentile, us", |f| {
        micros(quantile(&f.latencies, 0.99))
    });
    let memory = row("peak resident memory, KiB", |f| f.peak_resident_kib as f64);
    row("calls of DynamoDB a request", |f| f.dynamodb_calls);
    row("calls of Secrets Manager a request", |f| {
        f.secrets_manager_calls
    });
    row("bytes to and from AWS a request", |f| f.bytes);
    sizes(subjects);

    let over_floor = |cryptography: fn(&Round) -> Duration| {
        median(rounds.iter().map(|round| {
            let [ours, floor, ..] = &round.figures;
            micros(ours.processor) / micros(floor.processor + cryptography(round))
        }))
    };
    println!(
        "\n{:.1} us is what the cryptography alone takes here; processor time to the floor's and 75 us: {:.3}, and that: {:.3}\n",
        median(rounds.iter().map(|round| micros(round.cryptography))),
        over_floor(|_| CRYPTOGRAPHY),
        over_floor(|round| round.cryptography)
    );
    let checks = [
        limit("start, to the floor's", start.to_floor, 1.15),
        limit(
            "processor time, to the floor's and the cryptography's (at least 75 us)",
            over_floor(|round| round.cryptography.max(CRYPTOGRAPHY)),
            1.2,
        ),
        limit("start, to Node's", start.to_node, 0.1),
        limit("processor time, to Node's", processor.to_node, 1.0 / 8.0),
        limit("memory, to Node's", memory.to_node, 1.0 / 8.0),
    ];
    checks.iter().all(|held| *held)
}

/// Medians of the function's ratios.
struct Ratios {
    to_floor: f64,
    to_node: f64,
}

fn row(rounds: &[Round], name: &str, of: fn(&Figures) -> f64) -> Ratios {
    print!("{name:<38}");
    for subject in 0..4 {
        let values = rounds.iter().filter_map(|round| round.figures.get(subject));
        print!("{:>15.1}", median(values.map(of)));
    }
    let to = |other: usize| {
        median(rounds.iter().filter_map(|round| {
            let [ours, ..] = &round.figures;
            Some(of(ours) / of(round.figures.get(other)?))
        }))
    };
    let (to_floor, to_node) = (to(1), to(2));
    let tls = median(rounds.iter().map(|round| {
        let [ours, _, _, tls] = &round.figures;
        of(tls) / of(ours)
    }));
    for ratio in [to_floor, to_node, tls] {
        match ratio.is_nan() {
            // Of nothing to nothing.
            true => print!("{:>12}", "-"),
            false => print!("{ratio:>12.3}"),
        }
    }
    println!();
    Ratios { to_floor, to_node }
}

fn sizes(subjects: &[Subject; 4]) {
    for (name, of) in [
        (
            "program, bytes",
            (|subject| subject.size) as fn(&Subject) -> usize,
        ),
        ("program, zipped, bytes", |subject| subject.zipped),
    ] {
        print!("{name:<38}");
        for subject in subjects {
            print!("{:>15}", of(subject));
        }
        let [ours, floor, node, _] = subjects.each_ref().map(|subject| of(subject) as f64);
        println!("{:>12.3}{:>12.3}", ours / floor, ours / node);
    }
}

fn limit(name: &str, ratio: f64, at_most: f64) -> bool {
    let held = ratio <= at_most;
    println!("{:<9}{name}: {ratio:.3}, at most {at_most}", sign(held));
    held
}

/// What a line about a limit begins with.
pub(crate) fn sign(held: bool) -> &'static str {
    if held { "ok" } else { "TOO MUCH" }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

pub(crate) fn quantile(values: &[Duration], q: f64) -> Duration {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let at = sorted.len().saturating_sub(1) as f64 * q;
    sorted.get(at as usize).copied().unwrap_or_default()
}

pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

pub(crate) fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_one_of_the_values_whatever_their_order() {
        let values: Vec<Duration> = (1..=101).rev().map(Duration::from_millis).collect();
        let at = |q| quantile(&values, q).as_millis();
        assert_eq!([at(0.0), at(0.5), at(0.99), at(1.0)], [1, 51, 100, 101]);
        assert_eq!(quantile(&[], 0.5), Duration::ZERO);
    }
}
