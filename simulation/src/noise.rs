//! Whether this machine is too busy: to begin another sequence, or to be judged by.
//!
//! A function that waits for the processor misses limits, for no fault of its own. A thread looks how many processes want
//! to run, and how late it is woken itself. While it is crowded no sequence is begun; and what is about time or about
//! being served is not judged where it was far too crowded, and counted as not judged.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

const NAP: Duration = Duration::from_millis(20);
/// Woken so much too late, the machine is far too busy.
const TOO_LATE: Duration = Duration::from_millis(250);
/// How many processes may want each core, over some half a second: for another sequence, and for judging.
const CROWDED: f64 = 4.0;
const FAR_TOO_CROWDED: f64 = 8.0;
/// Of the newest look in the average.
const WEIGHT: f64 = 0.04;

/// How busy the machine is. Clones share it.
#[derive(Clone, Debug)]
pub struct Noise {
    began: Instant,
    heard: Arc<Heard>,
}

#[derive(Debug, Default)]
struct Heard {
    /// When it was far too busy last, in milliseconds since the beginning; 0 if never.
    last: AtomicU64,
    /// How many processes want a core, in thousandths.
    wanting: AtomicU64,
}

impl Noise {
    /// Listens until the last clone is dropped.
    pub fn listen() -> Self {
        let noise = Self {
            began: Instant::now(),
            heard: Arc::default(),
        };
        let (began, heard) = (noise.began, Arc::downgrade(&noise.heard));
        thread::spawn(move || {
            let cores = thread::available_parallelism().map_or(1, usize::from) as f64;
            let mut average = 0.0;
            loop {
                let asleep = Instant::now();
                thread::sleep(NAP);
                let Some(heard) = heard.upgrade() else {
                    return;
                };
                // This thread is one of them.
                let wanting = running().unwrap_or(1).saturating_sub(1) as f64 / cores;
                average += WEIGHT * (wanting - average);
                heard
                    .wanting
                    .store((average * 1000.0) as u64, Ordering::Relaxed);
                if asleep.elapsed() > NAP + TOO_LATE || average > FAR_TOO_CROWDED {
                    heard.last.store(millis(began.elapsed()), Ordering::Relaxed);
                }
            }
        });
        noise
    }

    /// Whether it was far too busy at some moment since `then`.
    pub fn since(&self, then: Instant) -> bool {
        let then = then.saturating_duration_since(self.began);
        let last = self.heard.last.load(Ordering::Relaxed);
        last != 0 && last >= millis(then)
    }

    /// Whether it is too busy for another sequence.
    pub fn is_crowded(&self) -> bool {
        self.heard.wanting.load(Ordering::Relaxed) as f64 > CROWDED * 1000.0
    }
}

/// How many processes want to run now, which Linux tells.
fn running() -> Option<u32> {
    let statistics = fs::read_to_string("/proc/stat").ok()?;
    let line = statistics
        .lines()
        .find_map(|line| line.strip_prefix("procs_running "));
    line?.trim().parse().ok()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
