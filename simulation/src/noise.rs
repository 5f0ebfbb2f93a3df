//! Whether this machine was too busy to be judged by: a thread that sleeps a little and looks how late it was woken.
//!
//! A function that is not given the processor for half a second misses limits that are no longer than that, for no fault
//! of its own. What is about time or about being served is not judged then, and counted as not judged.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

const NAP: Duration = Duration::from_millis(10);
/// Woken so much too late, the machine is too busy.
const TOO_LATE: Duration = Duration::from_millis(250);

/// When the machine was too busy last. Clones share it.
#[derive(Clone, Debug)]
pub struct Noise {
    began: Instant,
    last: Arc<AtomicU64>,
}

impl Noise {
    /// Listens until the last clone is dropped.
    pub fn listen() -> Self {
        let noise = Self {
            began: Instant::now(),
            last: Arc::new(AtomicU64::new(0)),
        };
        let (began, last) = (noise.began, Arc::downgrade(&noise.last));
        thread::spawn(move || {
            loop {
                let asleep = Instant::now();
                thread::sleep(NAP);
                let Some(last) = last.upgrade() else {
                    return;
                };
                if asleep.elapsed() > NAP + TOO_LATE {
                    last.store(millis(began.elapsed()), Ordering::Relaxed);
                }
            }
        });
        noise
    }

    /// Whether it was too busy at some moment since `then`.
    pub fn since(&self, then: Instant) -> bool {
        let then = then.saturating_duration_since(self.began);
        let last = self.last.load(Ordering::Relaxed);
        last != 0 && last >= millis(then)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
