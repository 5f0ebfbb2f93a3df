//! What the surroundings of a request allow its answer to be.

use std::{ops::RangeInclusive, time::Duration};

use service_tests::clocks::Moment;

use super::Case;
use crate::{
    apps::Held,
    call::Answered,
    sequence::{Keys, Operation},
};

/// `SECRETS_TTL_SECONDS` of the simulated function: the default.
pub const TTL: Duration = Duration::from_secs(300);
/// `SECRETS_MAX_STALE_SECONDS`: an hour instead of the default day, so that it is met more often.
pub const MAX_STALE: Duration = Duration::from_secs(3600);
/// `SECRETS_MIN_REFRESH_SECONDS`: the default.
pub const MIN_REFRESH: Duration = Duration::from_secs(30);
/// `RECORD_RETENTION_SECONDS`: an hour, and longer than clocks are wrong.
pub const RETENTION: Duration = Duration::from_secs(3600);
/// How much longer than by a true clock anything may take: a clock may go from 5 minutes ahead to 5
/// minutes behind.
pub const MARGIN: Duration = Duration::from_secs(600);

/// A call of DynamoDB with its retries, and the refreshes that one request may cause (protocol.md,
/// Errors: time).
const WRITE_LIMIT: Duration = Duration::from_secs(4);
const REFRESHES_LIMIT: Duration = Duration::from_secs(4);
/// Lambda's limit for an initialisation.
const INIT_LIMIT: Duration = Duration::from_secs(10);
/// For a machine that runs many sequences at once. What is sharp is the function's timeout, which
/// has none.
const SLACK: Duration = Duration::from_secs(6);
/// Attempts of a call of DynamoDB.
const ATTEMPTS: usize = 3;

/// From the slowest clock when requests are sent to the fastest one when they are answered.
pub type Clocks = RangeInclusive<Moment>;

/// How sure it is that the service has seen a change of the secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It has.
    Surely,
    /// It may have.
    Maybe,
}

/// What the surroundings of a step are.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// The function's timeout.
    pub timeout: Duration,
    /// From the slowest clock before the step to the fastest one after it.
    pub clocks: Clocks,
    /// The function's processes were killed.
    pub killed: bool,
    /// The machine was too busy for limits to be kept.
    pub noisy: bool,
    /// How many attempts of calls of DynamoDB may fail.
    pub failing_attempts: usize,
    /// How many calls of DynamoDB were made, attempts counted one by one: `PutItem`, `UpdateItem`,
    /// `GetItem`.
    pub calls: [u64; 3],
    /// The function may have been at work for an earlier step's caller, who gave up.
    pub still_at_work: bool,
    /// DynamoDB is down for good.
    pub dynamodb_is_down: bool,
    /// DynamoDB says what no retry helps.
    pub dynamodb_refuses: bool,
    /// Refreshes of the secrets may fail in this step.
    pub secrets_are_disturbed: bool,
    /// They failed so recently that the next attempt may not be allowed yet.
    pub secrets_may_be_waited_for: bool,
    /// A process that starts in this step may get no value. One bad write is no reason: the version
    /// before it serves.
    pub first_loads_may_fail: bool,
    /// A process that was idle since the record ring was changed may not know a key of it yet, if
    /// it cannot read it now.
    pub record_keys_may_be_new: bool,
    /// Each process that was there before the step has a value that may be served.
    pub all_are_warm: bool,
    /// A process may have been started in this step.
    pub cold_start: bool,
    /// How old the values of all processes are at least, if none can have read its values just now.
    pub least_age: Option<Duration>,
}

/// What a caller may expect.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Whether it is enabled, and whether the service knows.
    pub enabled: (bool, Known),
    /// The same of the session's partner.
    pub partner: (bool, Known),
    /// Whether the service knows the keys of the request.
    pub keys: Known,
    /// How long the partner's sessions may last.
    pub sessions: Vec<Duration>,
    /// How long they ever did.
    pub ever: Vec<Duration>,
    /// Whether the ring still has the key that sealed the presented token.
    pub has_token_key: bool,
}

impl Standing {
    /// Whether a token's session may have come to its end by a clock, by any of the lifetimes.
    pub(super) fn may_be_over(&self, held: &Held, now: &Moment) -> bool {
        self.sessions.iter().any(|ttl| ends(held, *ttl) <= *now)
    }

    fn is_surely_over(&self, held: &Held, now: &Moment) -> bool {
        self.sessions.iter().all(|ttl| ends(held, *ttl) <= *now)
    }
}

fn ends(held: &Held, session: Duration) -> Moment {
    Moment::of_millis(held.auth_time().saturating_mul(1000)).after(session)
}

impl Conditions {
    pub(super) fn in_time(&self, answered: &Answered) -> Result<(), String> {
        if self.noisy || self.killed {
            return Ok(());
        }
        let mut limit = SLACK;
        if self.failing_attempts > 0 || self.dynamodb_is_down {
            limit += WRITE_LIMIT;
        }
        if self.secrets_are_disturbed {
            limit += REFRESHES_LIMIT;
        }
        limit = limit.min(self.timeout);
        if self.cold_start {
            limit += INIT_LIMIT;
        }
        match answered.took <= limit {
            true => Ok(()),
            false => Err(format!(
                "it took {:?}, and {limit:?} at most is right",
                answered.took
            )),
        }
    }

    pub(super) fn not_stale(&self, standing: &Standing, status: u16) -> Result<(), String> {
        if let Some(age) = self.least_age
            && age > MAX_STALE + MARGIN
        {
            return Err(format!("{status} by secrets of {age:?}"));
        }
        match standing.enabled {
            (false, Known::Surely) if status != 401 => {
                Err(format!("{status} for a caller that is disabled"))
            }
            _ => Ok(()),
        }
    }

    /// Whether a 503 may be; `opened` where it is known whether the request was opened before.
    pub(super) fn may_be_unavailable(&self, opened: Option<bool>) -> Result<(), String> {
        if self.noisy {
            return Ok(());
        }
        let cannot_read = self.secrets_are_disturbed || self.secrets_may_be_waited_for;
        let is_short = self.timeout < Duration::from_secs(10);
        let by_dynamodb = self.dynamodb_is_down
            || self.failing_attempts >= if is_short { ATTEMPTS - 1 } else { ATTEMPTS }
            // The refresh may have used up the time for the call.
            || (is_short && self.secrets_are_disturbed)
            // What stands there cannot be opened by old keys.
            || (self.record_keys_may_be_new && cannot_read);
        let by_secrets =
            (!self.all_are_warm && cannot_read) || (self.cold_start && self.first_loads_may_fail);
        let may_be = match opened {
            Some(true) => by_dynamodb,
            Some(false) => by_secrets,
            None => by_dynamodb || by_secrets,
        };
        match may_be {
            true => Ok(()),
            false => Err(format!("503, which nothing is in the way of: {self:?}")),
        }
    }

    /// Whether a status other than 503 may be.
    pub(super) fn status_is_right(
        &self,
        case: &Case<'_>,
        status: u16,
        code: u16,
        is_sealed: bool,
    ) -> Result<(), String> {
        let asked = &case.answered.asked;
        let operation = asked.request.operation();
        let known = asked.request.keys() != Keys::Unknown;
        let new_keys = case.standing.keys == Known::Maybe;
        // A token that is none, or whose key is gone.
        let opens = operation != Operation::Renew || asked.may_open();
        let may_be = match (status, code) {
            (200, _) => known && opens,
            (401, 401) if is_sealed => known && opens,
            (401, 401) => !opens || !case.standing.has_token_key,
            (409 | 404, _) => known,
            (401, 2) => !known || new_keys || case.standing.enabled != (true, Known::Surely),
            (401, 4) | (400, 422) => new_keys && operation != Operation::Renew,
            (500, 3) => self.dynamodb_refuses,
            _ => false,
        };
        match may_be {
            true => Ok(()),
            false => Err(format!("{status} TOK{code:03} for {:?}", case.standing)),
        }
    }

    pub(super) fn attempts_may_fail(&self) -> bool {
        self.failing_attempts > 0 || self.dynamodb_is_down || self.noisy
    }

    /// At most one call of DynamoDB for each request, and its retries; none for a caller that is
    /// not known, nor for a token that is none or that has expired on every clock.
    pub(super) fn one_call(&self, cases: &[Case<'_>]) -> Result<(), String> {
        let attempts = if self.attempts_may_fail() {
            ATTEMPTS as u64
        } else {
            1
        };
        let of = |operations: &[Operation]| {
            let cases = cases.iter().filter(|case| {
                let asked = &case.answered.asked;
                operations.contains(&asked.request.operation()) && self.may_call(case)
            });
            cases.count() as u64 * attempts
        };
        let most = [
            of(&[Operation::Issue]),
            of(&[Operation::Renew, Operation::Invalidate]),
            of(&[Operation::Introspect]),
        ];
        match self
            .calls
            .iter()
            .zip(most)
            .all(|(calls, most)| *calls <= most)
        {
            true => Ok(()),
            false => Err(format!(
                "{:?} PutItem, UpdateItem and GetItem, and {most:?} at most are right",
                self.calls
            )),
        }
    }

    fn may_call(&self, case: &Case<'_>) -> bool {
        let (asked, standing, now) = (&case.answered.asked, &case.standing, self.clocks.start());
        let may = |is_over: &dyn Fn(&Held) -> bool| {
            let held = asked.held.as_deref().filter(|_| asked.may_open());
            held.is_some_and(|held| !is_over(held))
        };
        asked.request.keys() != Keys::Unknown
            && match asked.request.operation() {
                Operation::Issue | Operation::Invalidate => true,
                Operation::Renew => may(&|held| standing.is_surely_over(held, now)),
                Operation::Introspect => may(&|held| held.exp() <= *now),
            }
    }
}
