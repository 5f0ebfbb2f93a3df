//! The clock, injected, and the time that an invocation has left.
//!
//! Wall-clock time decides lifetimes and cache ages: Lambda freezes the process between
//! invocations, and a monotonic clock may not have ticked meanwhile.

use std::{
    fmt,
    future::Future,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::time::Instant;

/// A point in time: milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixMillis(i64);

impl UnixMillis {
    /// From milliseconds since the epoch.
    pub const fn new(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// How long ago `earlier` was; `None` if it lies in the future, so the clock went backwards.
    pub fn since(self, earlier: Self) -> Option<Duration> {
        u64::try_from(self.0.saturating_sub(earlier.0))
            .ok()
            .map(Duration::from_millis)
    }

    /// The UTC calendar date; `None` beyond the year 9999.
    pub fn date(self) -> Option<time::Date> {
        time::OffsetDateTime::from_unix_timestamp(self.seconds())
            .ok()
            .map(time::OffsetDateTime::date)
    }
}

/// Tells the time.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> UnixMillis + Send + Sync>);

impl Clock {
    /// The system's wall clock.
    pub fn system() -> Self {
        Self::from_fn(|| {
            let since_epoch = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            UnixMillis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
        })
    }

    /// A clock that shows what `now` returns.
    pub fn from_fn(now: impl Fn() -> UnixMillis + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time now.
    pub fn now(&self) -> UnixMillis {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// What an answer needs once the last call to AWS has ended (protocol.md, Errors: time).
const TO_ANSWER: Duration = Duration::from_millis(500);

/// Lambda's longest timeout. A deadline further away comes from a wrong clock.
const LONGEST_INVOCATION: Duration = Duration::from_secs(900);

/// When the last AWS call of an invocation must have ended: its deadline less 500 ms.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// From the invocation's deadline on the wall clock.
    ///
    /// One that has passed already or is over 15 minutes away cannot be true of a running
    /// invocation: the clock is wrong, and only each call's own limit holds.
    pub fn of_invocation(ends_at: UnixMillis, now: UnixMillis) -> Self {
        Self::counted_from(Instant::now(), ends_at, now)
    }

    fn counted_from(start: Instant, ends_at: UnixMillis, now: UnixMillis) -> Self {
        let left = ends_at
            .since(now)
            .filter(|left| !left.is_zero() && *left <= LONGEST_INVOCATION);
        Self(left.map(|left| start + left.saturating_sub(TO_ANSWER)))
    }

    /// The time that a call may take: `limit`, or what is left if that is less. May be zero.
    pub fn budget(self, limit: Duration) -> Duration {
        self.budget_at(Instant::now(), limit)
    }

    fn budget_at(self, now: Instant, limit: Duration) -> Duration {
        self.0
            .map_or(limit, |end| end.saturating_duration_since(now).min(limit))
    }
}

/// Does `work` and adds the time that it took to `spent`.
pub(crate) async fn timed<T>(spent: &mut Option<Duration>, work: impl Future<Output = T>) -> T {
    let started = Instant::now();
    let output = work.await;
    *spent = Some(spent.unwrap_or_default().saturating_add(started.elapsed()));
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(4);

    fn budget(millis_left: i64) -> Duration {
        let (start, now) = (Instant::now(), UnixMillis::new(1_000_000));
        let ends_at = UnixMillis::new(1_000_000 + millis_left);
        Deadline::counted_from(start, ends_at, now).budget_at(start, LIMIT)
    }

    #[test]
    fn a_call_gets_its_limit_or_what_is_left_less_half_a_second() {
        assert_eq!(budget(10_000), LIMIT);
        assert_eq!(budget(3_000), Duration::from_millis(2_500));
        assert_eq!(budget(400), Duration::ZERO);
    }

    #[test]
    fn a_deadline_that_cannot_be_true_is_ignored() {
        for millis_left in [-1_000_000, 0, 900_001] {
            assert_eq!(budget(millis_left), LIMIT);
        }
    }

    #[test]
    fn a_clock_that_went_backwards_has_no_age() {
        assert_eq!(UnixMillis::new(5).since(UnixMillis::new(6)), None);
        assert_eq!(
            UnixMillis::new(1_500).since(UnixMillis::new(500)),
            Some(Duration::from_secs(1))
        );
    }
}
