//! One secret's cache: its last good value, the value's age, and who may refresh it when
//! (protocol.md, Secrets).
//!
//! AWS's own caching crate was measured and does not serve: its refreshes are not single-flight, it
//! answers throttling as an error instead of the value it holds, its staleness has no bound, and
//! its `Debug` shows the secret. This is a small one that does: the state behind one async mutex,
//! which a refresh holds. Lambda gives an instance one request at a time; where a runtime gives
//! more, they wait for the refresh under way and share what it brings.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Mutex, time::Instant};

use super::{
    document::DocumentFaults,
    source::{Fetch, FetchError, Stage},
};
use crate::{
    clock::{Clock, UnixMillis},
    deadline::Deadline,
};

/// How old a value may get, and how often it may be asked for.
#[derive(Clone, Copy, Debug)]
pub struct RefreshPolicy {
    /// After this a request refreshes before it is served: `SECRETS_TTL_SECONDS`.
    pub ttl: Duration,
    /// No attempt within this after the last began: `SECRETS_MIN_REFRESH_SECONDS`.
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
pub struct SecretUnavailable {
    /// Which secret.
    pub name: &'static str,
    /// When the next attempt is allowed; whole seconds, at least 1.
    pub retry_after: Duration,
}

/// How far the clock may step back without a value's age being in doubt.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);

/// Why a version of the secret yielded no value.
#[derive(Debug, thiserror::Error)]
enum VersionError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Document(#[from] DocumentFaults),
    #[error("Secrets Manager did not answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
}

impl VersionError {
    /// Whether the version was fetched, and what it holds is not what it must be.
    fn is_refusal(&self) -> bool {
        match self {
            Self::Document(_) | Self::Fetch(FetchError::Binary) => true,
            Self::Fetch(FetchError::Call { .. }) | Self::TimedOut(_) => false,
        }
    }
}

/// A secret's last good value, refreshed by the requests that need it.
pub(super) struct Cache<T> {
    name: &'static str,
    fetch: Fetch,
    read: fn(&str) -> Result<T, DocumentFaults>,
    ages: RefreshPolicy,
    clock: Clock,
    state: Mutex<State<T>>,
}

struct State<T> {
    last_good: Option<Confirmed<T>>,
    last_attempt: Option<Attempt>,
}

#[derive(Clone, Copy)]
struct Attempt {
    began: UnixMillis,
    succeeded: bool,
}

struct Confirmed<T> {
    value: Arc<T>,
    /// When the attempt that brought it began: it was current then, if not later.
    at: UnixMillis,
    /// The version that it was. `AWSPREVIOUS` serves only while nothing else ever did.
    stage: Stage,
}

impl<T> Cache<T> {
    pub(super) fn new(
        name: &'static str,
        fetch: Fetch,
        read: fn(&str) -> Result<T, DocumentFaults>,
        ages: RefreshPolicy,
        clock: Clock,
    ) -> Self {
        Self {
            name,
            fetch,
            read,
            ages,
            clock,
            state: Mutex::new(State {
                last_good: None,
                last_attempt: None,
            }),
        }
    }

    /// The first load, during initialisation. A failure is logged and left to the first request.
    pub(super) async fn load(&self) {
        let mut state = self.state.lock().await;
        self.attempt(&mut state, FIRST_LOAD_LIMIT).await;
    }

    /// The value to serve a request with: refreshed first if it is older than the TTL and an
    /// attempt is allowed, else the last good one within the hard bound.
    pub(super) async fn current(&self, deadline: Deadline) -> Result<Arc<T>, SecretUnavailable> {
        let mut state = self.state.lock().await;
        if let Some(value) = self.fresh(&state) {
            return Ok(value);
        }
        self.refresh(&mut state, deadline).await;
        self.usable(&state).ok_or_else(|| self.unavailable(&state))
    }

    /// A newer value than `seen`, for a request that `seen` does not know what to do with; `None`
    /// if there is none, as far as may be asked yet.
    ///
    /// Fails if there might be one and the last attempt to get it failed.
    pub(super) async fn newer_than(
        &self,
        seen: &Arc<T>,
        deadline: Deadline,
    ) -> Result<Option<Arc<T>>, SecretUnavailable> {
        let newer = |state: &State<T>| self.usable(state).filter(|value| !Arc::ptr_eq(value, seen));
        let mut state = self.state.lock().await;
        if let Some(value) = newer(&state) {
            return Ok(Some(value));
        }
        self.refresh(&mut state, deadline).await;
        match state.last_attempt {
            Some(attempt) if attempt.succeeded => Ok(newer(&state)),
            _ => Err(self.unavailable(&state)),
        }
    }

    /// How long ago the last good value was confirmed, usable or not.
    pub(super) async fn age(&self) -> Option<Duration> {
        let state = self.state.lock().await;
        self.since(state.last_good.as_ref()?.at)
    }

    /// The last good value, if no refresh is due. One is always due for `AWSPREVIOUS`.
    fn fresh(&self, state: &State<T>) -> Option<Arc<T>> {
        let last_good = state.last_good.as_ref()?;
        let is_fresh =
            last_good.stage == Stage::Current && self.is_younger(last_good, self.ages.ttl);
        is_fresh.then(|| Arc::clone(&last_good.value))
    }

    /// The last good value, within the hard bound.
    fn usable(&self, state: &State<T>) -> Option<Arc<T>> {
        let last_good = state.last_good.as_ref()?;
        self.is_younger(last_good, self.ages.max_stale)
            .then(|| Arc::clone(&last_good.value))
    }

    fn is_younger(&self, confirmed: &Confirmed<T>, age: Duration) -> bool {
        self.since(confirmed.at).is_some_and(|old| old < age)
    }

    /// How long ago `at` was. A clock that stepped back by less than a minute has not moved; `None`
    /// if it stepped back further, as the age is then not known.
    fn since(&self, at: UnixMillis) -> Option<Duration> {
        let now = self.clock.now();
        let stepped_back = || at.since(now).filter(|back| *back < CLOCK_TOLERANCE);
        now.since(at)
            .or_else(|| stepped_back().map(|_| Duration::ZERO))
    }

    fn unavailable(&self, state: &State<T>) -> SecretUnavailable {
        SecretUnavailable {
            name: self.name,
            retry_after: whole_seconds(self.until_allowed(state)),
        }
    }

    /// How long until an attempt is allowed.
    fn until_allowed(&self, state: &State<T>) -> Duration {
        let ago = state.last_attempt.and_then(|last| self.since(last.began));
        ago.map_or(Duration::ZERO, |ago| {
            self.ages.min_refresh.saturating_sub(ago)
        })
    }

    /// An attempt, if one is allowed.
    async fn refresh(&self, state: &mut State<T>, deadline: Deadline) {
        if self.until_allowed(state).is_zero() {
            self.attempt(state, deadline.budget(REFRESH_LIMIT)).await;
        }
    }

    async fn attempt(&self, state: &mut State<T>, limit: Duration) {
        if limit.is_zero() {
            return;
        }
        let (began, started) = (self.clock.now(), Instant::now());
        let attempt = |succeeded| Some(Attempt { began, succeeded });
        // Before the call: a request that is cut off has still made its attempt.
        state.last_attempt = attempt(false);
        match self.fetch(state, Stage::Current, began, limit).await {
            Ok(version_id) => {
                state.last_attempt = attempt(true);
                tracing::info!(Secret = self.name, version_id, "secret refreshed");
            }
            // A document fault names a path, an AWS error its code: neither holds a value.
            Err(error) => {
                tracing::warn!(Secret = self.name, SecretsRefreshFailures = 1, %error, "secret not refreshed");
                if error.is_refusal() {
                    let left = limit.saturating_sub(started.elapsed());
                    self.fall_back(state, began, left).await;
                }
            }
        }
    }

    /// After `AWSCURRENT` was refused: `AWSPREVIOUS` serves if nothing else ever did. It is read
    /// once.
    async fn fall_back(&self, state: &mut State<T>, began: UnixMillis, limit: Duration) {
        let version_id = match state.last_good.as_ref().map(|last_good| last_good.stage) {
            Some(Stage::Current) => return,
            Some(Stage::Previous) => None,
            None => match self.fetch(state, Stage::Previous, began, limit).await {
                Ok(version_id) => version_id,
                Err(error) => {
                    tracing::warn!(Secret = self.name, %error, "the previous version of the secret cannot serve");
                    return;
                }
            },
        };
        if self.usable(state).is_some() {
            tracing::error!(
                Secret = self.name,
                SecretsFallbacks = 1,
                version_id,
                "the previous version of the secret serves"
            );
        }
    }

    /// Makes a version the last good value, and returns its id.
    async fn fetch(
        &self,
        state: &mut State<T>,
        stage: Stage,
        began: UnixMillis,
        limit: Duration,
    ) -> Result<Option<String>, VersionError> {
        let fetched = tokio::time::timeout(limit, (self.fetch)(stage, limit));
        let fetched = fetched.await.map_err(|_| VersionError::TimedOut(limit))??;
        let value = (self.read)(&fetched.text)?;
        state.last_good = Some(Confirmed {
            value: Arc::new(value),
            at: began,
            stage,
        });
        Ok(fetched.version_id)
    }
}

fn whole_seconds(duration: Duration) -> Duration {
    let rounded_up = duration.as_millis().div_ceil(1000).max(1);
    Duration::from_secs(u64::try_from(rounded_up).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
