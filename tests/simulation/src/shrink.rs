//! Makes a failing sequence short: leaves out steps and faults as long as it still fails.
//!
//! A run is not determined by its sequence, so a shorter one is tried a few times before it counts
//! as harmless.

use std::time::{Duration, Instant};

use crate::{
    Setting,
    run::{Report, run},
    sequence::{Deed, Sequence, Step},
};

/// How often a shorter sequence may hold before it counts as harmless.
const TRIES: usize = 3;

/// A failing sequence and how it failed.
#[derive(Debug)]
pub struct Failure {
    /// The sequence.
    pub sequence: Sequence,
    /// Its run.
    pub report: Report,
}

/// The shortest sequence that still fails and is found within `limit`.
pub async fn shrink(mut failure: Failure, limit: Duration, setting: &Setting) -> Failure {
    let began = Instant::now();
    loop {
        let before = failure.sequence.clone();
        for shorter in shorter(&before) {
            if began.elapsed() > limit {
                return failure;
            }
            if let Some(report) = fails(&shorter, setting).await {
                failure = Failure {
                    sequence: shorter,
                    report,
                };
                break;
            }
        }
        if failure.sequence == before {
            return failure;
        }
    }
}

async fn fails(sequence: &Sequence, setting: &Setting) -> Option<Report> {
    for _ in 0..TRIES {
        match run(sequence, setting).await {
            Ok(report) if report.violation.is_some() => return Some(report),
            _ => {}
        }
    }
    None
}

/// Every sequence that is one cut shorter, the boldest cuts first.
fn shorter(sequence: &Sequence) -> Vec<Sequence> {
    let mut all = Vec::new();
    let count = sequence.steps.len();
    let mut chunk = count.div_ceil(2);
    while chunk > 0 {
        for start in (0..count).step_by(chunk) {
            let mut cut = sequence.clone();
            cut.steps.drain(start..(start + chunk).min(count));
            all.push(cut);
        }
        chunk /= 2;
    }
    if !sequence.at_start.is_empty() {
        let mut cut = sequence.clone();
        cut.at_start.pop();
        all.push(cut);
    }
    for (at, step) in sequence.steps.iter().enumerate() {
        for fault in 0..step.dynamodb.len() {
            all.extend(with_step(sequence, at, |step| step.dynamodb.remove(fault)));
        }
        for fault in 0..step.secrets.len() {
            all.extend(with_step(sequence, at, |step| step.secrets.remove(fault)));
        }
        if let Deed::Together(asks) = &step.deed {
            for ask in 0..asks.len() {
                all.extend(with_step(sequence, at, |step| step.deed.leave_out(ask)));
            }
        }
    }
    all
}

fn with_step<T>(
    sequence: &Sequence,
    at: usize,
    change: impl FnOnce(&mut Step) -> T,
) -> Option<Sequence> {
    let mut changed = sequence.clone();
    change(changed.steps.get_mut(at)?);
    Some(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cut_is_shorter() {
        let size = |sequence: &Sequence| {
            let faults = |step: &Step| {
                let asks = match &step.deed {
                    Deed::Together(asks) => asks.len(),
                    _ => 0,
                };
                asks + step.dynamodb.len() + step.secrets.len()
            };
            let steps = sequence.steps.iter().map(|step| 1 + faults(step));
            steps.sum::<usize>() + sequence.at_start.len()
        };
        for seed in 0..50 {
            let sequence = Sequence::of_seed(seed);
            for cut in shorter(&sequence) {
                assert!(size(&cut) < size(&sequence));
            }
        }
    }
}
