//! The time that an invocation has left, and the time that its waits took.

use std::{future::Future, time::Duration};

use tokio::time::Instant;

use crate::clock::UnixMillis;

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
}
