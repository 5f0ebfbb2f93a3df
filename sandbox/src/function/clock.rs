//! What time Lambda says it is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

/// How far Lambda's clock is from this machine's. Clones share it: whoever gives the function
/// another clock (by `LD_PRELOAD`, say) sets this one along, as Lambda's clock and its instances'
/// agree in life.
#[derive(Clone, Debug, Default)]
pub struct ClockShift(Arc<AtomicI64>);

impl ClockShift {
    /// Puts it so many milliseconds ahead of this machine's clock, or behind it if they are
    /// negative.
    pub fn set(&self, millis: i64) {
        self.0.store(millis, Ordering::Relaxed);
    }

    /// The time now, in milliseconds since the epoch.
    pub(super) fn unix_millis(&self) -> i64 {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let here = i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX);
        here.saturating_add(self.0.load(Ordering::Relaxed))
    }
}
