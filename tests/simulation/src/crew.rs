//! Many sequences at once: hands out seeds, adds up figures, says how far it is, and stops at the
//! first failure.

use std::{
    collections::HashMap,
    io::{IsTerminal, Write},
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

use crate::{
    Broken, Setting,
    figures::Figures,
    run::{Report, run},
    sequence::Sequence,
};

/// So many are run at once on a crowded machine, too.
const AT_LEAST: usize = 4;
/// How often it is looked whether the machine is still crowded.
const LOOKS_EVERY: Duration = Duration::from_millis(30);

/// What is to be run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The first seed; the others follow it.
    pub seed: u64,
    /// How many.
    pub sequences: u64,
    /// How many at once.
    pub jobs: usize,
    /// How often it is told how far it is.
    pub tells_every: Option<Duration>,
}

/// How it ended.
#[derive(Debug)]
pub enum End {
    /// All held.
    Held,
    /// One did not.
    Failed {
        /// Its seed.
        seed: u64,
        /// Its run.
        report: Box<Report>,
    },
    /// It was told to stop.
    Stopped {
        /// From here on.
        next_seed: u64,
    },
}

/// Runs a plan until its end, the first failure, or `stop`.
///
/// # Errors
/// The simulation itself failed.
pub async fn run_all(
    plan: Plan,
    setting: &Setting,
    stop: impl Future<Output = ()>,
) -> Result<(Figures, End), (u64, Broken)> {
    tokio::pin!(stop);
    let began = Instant::now();
    let mut figures = Figures::default();
    let mut crew = JoinSet::new();
    // The place of each sequence under way, by its task: a panic names nothing else.
    let mut under_way = HashMap::new();
    let mut next = 0;
    let seed_at = |place| plan.seed.wrapping_add(place);
    let mut tells = tokio::time::interval(plan.tells_every.unwrap_or(Duration::from_secs(3600)));
    tells.tick().await;
    loop {
        while next < plan.sequences
            && crew.len() < plan.jobs.max(1)
            && (crew.len() < AT_LEAST || !setting.noise.is_crowded())
        {
            let (seed, setting) = (seed_at(next), setting.clone());
            let task = crew.spawn(async move { run(&Sequence::of_seed(seed), &setting).await });
            under_way.insert(task.id(), next);
            next += 1;
        }
        let ended = tokio::select! {
            ended = crew.join_next_with_id() => ended,
            () = tokio::time::sleep(LOOKS_EVERY), if crew.len() < plan.jobs && next < plan.sequences => continue,
            () = &mut stop => {
                let first = under_way.values().min().copied().unwrap_or(next);
                let next_seed = seed_at(first);
                return Ok((figures, End::Stopped { next_seed }));
            }
            _ = tells.tick() => {
                if plan.tells_every.is_some() {
                    tell(&figures, plan.sequences, began);
                }
                continue;
            }
        };
        let (task, ended) = match ended {
            None => return Ok((figures, End::Held)),
            Some(Ok((task, ended))) => (task, ended),
            Some(Err(panicked)) => (panicked.id(), Err(Broken::Panicked(panicked))),
        };
        let seed = seed_at(under_way.remove(&task).unwrap_or_default());
        let report = ended.map_err(|broken| (seed, broken))?;
        figures.add(&report.figures);
        if report.violation.is_some() {
            let report = Box::new(report);
            return Ok((figures, End::Failed { seed, report }));
        }
    }
}

fn tell(figures: &Figures, of: u64, began: Instant) {
    let rate = figures.sequences as f64 / began.elapsed().as_secs_f64();
    let faults = figures.all_faults();
    let line = format!(
        "{} of {of} sequences, {rate:.1} a second, {faults} faults, {} requests",
        figures.sequences,
        figures.all_requests()
    );
    let mut stderr = std::io::stderr().lock();
    // Nobody can be told where nobody reads.
    let _ = match stderr.is_terminal() {
        true => write!(stderr, "\r{line}  "),
        false => writeln!(stderr, "{line}"),
    };
}
