//! Whether this machine is too busy: to begin another sequence, or to be judged by.
//!
//! A function that waits for the processor misses limits, for no fault of its own, and so does one
//! whose emulated AWS waits for it. Linux tells of each process how long it has waited; how late
//! this program's own tasks are it finds out by sleeping. While they are late no sequence is begun,
//! and what is about time or about being served is not judged where either was far too late, and
//! counted as not judged.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

const NAP: Duration = Duration::from_millis(10);
/// As late as this on the average, the machine is too busy for another sequence.
const LATE: Duration = Duration::from_millis(30);
/// As late as this once, it is too busy to be judged by.
const TOO_LATE: Duration = Duration::from_millis(250);

/// How busy the machine is. Clones share it.
#[derive(Clone, Debug)]
pub struct Noise {
    began: Instant,
    heard: Arc<Heard>,
}

/// In microseconds.
#[derive(Debug, Default)]
struct Heard {
    /// When it was far too late last, since the beginning; 0 if never.
    last: AtomicU64,
    /// How late it is on the average.
    late: AtomicU64,
}

impl Noise {
    /// Listens until the last clone is dropped, in the runtime that it is called in.
    pub fn listen() -> Self {
        let noise = Self {
            began: Instant::now(),
            heard: Arc::default(),
        };
        let (began, heard) = (noise.began, Arc::downgrade(&noise.heard));
        tokio::spawn(async move {
            let mut average = Duration::ZERO;
            loop {
                let asleep = Instant::now();
                tokio::time::sleep(NAP).await;
                let late = asleep.elapsed().saturating_sub(NAP);
                let Some(heard) = heard.upgrade() else {
                    return;
                };
                // Of the last half second, more or less.
                average = (average * 31 + late) / 32;
                heard.late.store(micros(average), Ordering::Relaxed);
                if late > TOO_LATE {
                    heard.last.store(micros(began.elapsed()), Ordering::Relaxed);
                }
            }
        });
        noise
    }

    /// Whether it was far too late at some moment since `then`.
    pub fn since(&self, then: Instant) -> bool {
        let then = then.saturating_duration_since(self.began);
        let last = self.heard.last.load(Ordering::Relaxed);
        last != 0 && last >= micros(then)
    }

    /// Whether it is too busy for another sequence.
    pub fn is_crowded(&self) -> bool {
        self.heard.late.load(Ordering::Relaxed) > micros(LATE)
    }
}

/// How long a process has waited for the processor in its life.
pub fn waited(pid: u32) -> Duration {
    // Three numbers: nanoseconds at work, nanoseconds waited, turns. A process that has gone has
    // none.
    let statistics = fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap_or_default();
    let waited = statistics.split_whitespace().nth(1);
    let waited = waited.and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(waited.unwrap_or_default())
}

/// Whether a process that had waited so long before has waited far too long since.
pub fn has_waited(pid: u32, before: Duration) -> bool {
    waited(pid).saturating_sub(before) > TOO_LATE
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
