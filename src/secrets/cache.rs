//! One secret's cache: its last good value, the value's age, and who may refresh it when
//! (protocol.md, Secrets).
//!
//! AWS's own caching crate was measured and does not serve: its refreshes are not single-flight, it
//! answers throttling as an error instead of the value it holds, its staleness has no bound, and its
//! `Debug` shows the secret. This is the small one that does: a snapshot that readers take without
//! a lock, and one async mutex that whoever refreshes holds.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::{document::DocumentFault, source::Unreadable};
use crate::clock::{Clock, Deadline, UnixMillis};

/// How old a value may get, and how often it may be asked for.
#[derive(Clone, Copy, Debug)]
pub struct Ages {
    /// After this a request refreshes before it is served: `SECRETS_TTL_SECONDS`.
    pub ttl: Duration,
    /// No attempt within this after the last: `SECRETS_MIN_REFRESH_SECONDS`.
    pub min_refresh: Duration,
    /// A value that was not confirmed for this long is not served: `SECRETS_MAX_STALE_SECONDS`.
    pub max_stale: Duration,
}

/// How long the first load may take, retries included: Lambda ends an initialisation after 10 s.
const FIRST_LOAD_LIMIT: Duration = Duration::from_secs(8);

/// How long a refresh may take, retries included: a request waits for it.
const REFRESH_LIMIT: Duration = Duration::from_secs(2);

/// There is no usable value, or none that is new enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no usable value of the {name} secret; the next attempt is in {} s", retry_after.as_secs())]
pub struct Unusable {
    /// Which secret.
    pub name: &'static str,
    /// When the next attempt is allowed; whole seconds, at least 1.
    pub retry_after: Duration,
}

/// Why an attempt yielded no value.
#[derive(Debug, thiserror::Error)]
pub(super) enum AttemptError {
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error(transparent)]
    Refused(#[from] DocumentFault),
    #[error("Secrets Manager did not answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
}

/// Fetches the secret's text within the limit given.
pub(super) type Fetch = Box<
    dyn Fn(Duration) -> Pin<Box<dyn Future<Output = Result<Zeroizing<String>, Unreadable>> + Send>>
        + Send
        + Sync,
>;

/// A secret's last good value, refreshed by the requests that need it.
pub(super) struct Cache<T> {
    name: &'static str,
    fetch: Fetch,
    read: fn(&str) -> Result<T, DocumentFault>,
    ages: Ages,
    clock: Clock,
    last_good: ArcSwapOption<Confirmed<T>>,
    /// Held while an attempt runs, so that concurrent requests wait for it and share what it brings.
    last_attempt: Mutex<Option<Attempt>>,
}

#[derive(Clone, Copy)]
struct Attempt {
    /// When it ended, or began if it was cut off.
    at: UnixMillis,
    succeeded: bool,
}

struct Confirmed<T> {
    value: Arc<T>,
    /// When the fetch that brought it began: it was current then, if not later.
    at: UnixMillis,
}

impl<T> Cache<T> {
    pub(super) fn new(
        name: &'static str,
        fetch: Fetch,
        read: fn(&str) -> Result<T, DocumentFault>,
        ages: Ages,
        clock: Clock,
    ) -> Self {
        Self {
            name,
            fetch,
            read,
            ages,
            clock,
            last_good: ArcSwapOption::empty(),
            last_attempt: Mutex::new(None),
        }
    }

    /// The first load, during initialisation. A failure is logged and left to the first request.
    pub(super) async fn load(&self) {
        let mut last_attempt = self.last_attempt.lock().await;
        self.attempt(&mut last_attempt, FIRST_LOAD_LIMIT).await;
    }

    /// The value to serve a request with: refreshed first if it is older than the TTL and an attempt
    /// is allowed, else the last good one within the hard bound.
    pub(super) async fn current(&self, deadline: Deadline) -> Result<Arc<T>, Unusable> {
        if let Some(value) = self.younger_than(self.ages.ttl) {
            return Ok(value);
        }
        let mut last_attempt = self.last_attempt.lock().await;
        // Another request may have refreshed it while this one waited for the lock.
        if let Some(value) = self.younger_than(self.ages.ttl) {
            return Ok(value);
        }
        if self.until_allowed(*last_attempt).is_zero() {
            let limit = deadline.budget(REFRESH_LIMIT);
            self.attempt(&mut last_attempt, limit).await;
        }
        self.younger_than(self.ages.max_stale)
            .ok_or_else(|| self.unusable(*last_attempt))
    }

    /// A newer value than `seen`, for a request that `seen` does not know what to do with; `None` if
    /// there is none, as far as may be asked yet.
    ///
    /// Fails if there might be one and the last attempt to get it failed.
    pub(super) async fn newer_than(
        &self,
        seen: &Arc<T>,
        deadline: Deadline,
    ) -> Result<Option<Arc<T>>, Unusable> {
        let newer = || {
            let value = self.younger_than(self.ages.max_stale)?;
            (!Arc::ptr_eq(&value, seen)).then_some(value)
        };
        let mut last_attempt = self.last_attempt.lock().await;
        if let Some(value) = newer() {
            return Ok(Some(value));
        }
        if self.until_allowed(*last_attempt).is_zero() {
            let limit = deadline.budget(REFRESH_LIMIT);
            self.attempt(&mut last_attempt, limit).await;
        }
        match *last_attempt {
            Some(attempt) if attempt.succeeded => Ok(newer()),
            _ => Err(self.unusable(*last_attempt)),
        }
    }

    /// How long ago the last good value was confirmed, usable or not.
    pub(super) fn age(&self) -> Option<Duration> {
        let last_good = self.last_good.load();
        self.clock.now().since(last_good.as_deref()?.at)
    }

    /// The last good value if it was confirmed at most `age` ago. A clock that went backwards counts
    /// as expired: the age is not known.
    fn younger_than(&self, age: Duration) -> Option<Arc<T>> {
        let last_good = self.last_good.load();
        let Confirmed { value, at } = last_good.as_deref()?;
        let young = self.clock.now().since(*at).is_some_and(|old| old < age);
        young.then(|| Arc::clone(value))
    }

    fn unusable(&self, last_attempt: Option<Attempt>) -> Unusable {
        Unusable {
            name: self.name,
            retry_after: whole_seconds(self.until_allowed(last_attempt)),
        }
    }

    /// How long until an attempt is allowed.
    fn until_allowed(&self, last_attempt: Option<Attempt>) -> Duration {
        let ago = last_attempt.and_then(|attempt| self.clock.now().since(attempt.at));
        ago.map_or(Duration::ZERO, |ago| {
            self.ages.min_refresh.saturating_sub(ago)
        })
    }

    async fn attempt(&self, last_attempt: &mut Option<Attempt>, limit: Duration) {
        if limit.is_zero() {
            return;
        }
        let began = self.clock.now();
        // Before the call too: a request that is cut off has still made its attempt.
        *last_attempt = Some(Attempt {
            at: began,
            succeeded: false,
        });
        let fetched = tokio::time::timeout(limit, (self.fetch)(limit)).await;
        let read = match fetched {
            Ok(Ok(text)) => (self.read)(&text).map_err(AttemptError::from),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(AttemptError::TimedOut(limit)),
        };
        *last_attempt = Some(Attempt {
            at: self.clock.now(),
            succeeded: read.is_ok(),
        });
        match read {
            Ok(value) => self.last_good.store(Some(Arc::new(Confirmed {
                value: Arc::new(value),
                at: began,
            }))),
            // A document fault names a path, an AWS error its code: neither holds a value.
            Err(error) => {
                tracing::warn!(Secret = self.name, SecretsRefreshFailures = 1, %error, "secret not refreshed");
            }
        }
    }
}

fn whole_seconds(duration: Duration) -> Duration {
    let rounded_up = duration.as_millis().div_ceil(1000).max(1);
    Duration::from_secs(u64::try_from(rounded_up).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
