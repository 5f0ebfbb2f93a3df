//! What the surroundings of a request allow its answer to be.

use std::{ops::RangeInclusive, time::Duration};

use peers::answer::Answer;
use service_tests::clocks::Moment;

use super::Case;
use crate::{call::Answered, sequence::Keys};

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

/// A write with its retries, and the refreshes that one request may cause (protocol.md, Errors:
/// time).
const WRITE_LIMIT: Duration = Duration::from_secs(4);
const REFRESHES_LIMIT: Duration = Duration::from_secs(4);
/// Lambda's limit for an initialisation.
const INIT_LIMIT: Duration = Duration::from_secs(10);
/// For a machine that runs many sequences at once. What is sharp is the function's timeout, which
/// has none.
const SLACK: Duration = Duration::from_secs(6);
/// Attempts of a write.
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
    /// How many attempts of writes may fail.
    pub failing_attempts: usize,
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

/// What the partner that asks may expect.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// Whether it is enabled, and whether the service knows.
    pub enabled: (bool, Known),
    /// Whether the service knows the keys of the request.
    pub keys: Known,
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

    pub(super) fn not_stale(&self, case: &Case<'_>, answer: &Answer) -> Result<(), String> {
        if let Some(age) = self.least_age
            && age > MAX_STALE + MARGIN
        {
            return Err(format!("{} by secrets of {age:?}", answer.status));
        }
        match case.standing.enabled {
            (false, Known::Surely) if answer.status != 401 => {
                Err(format!("{} for a partner that is disabled", answer.status))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn may_be_unavailable(&self, answer: &Answer) -> Result<(), String> {
        if self.noisy {
            return Ok(());
        }
        let cannot_read = self.secrets_are_disturbed || self.secrets_may_be_waited_for;
        let is_short = self.timeout < Duration::from_secs(10);
        let (may_be, what) = match answer.sealed.is_some() {
            true => (
                self.dynamodb_is_down
                    || self.failing_attempts >= if is_short { ATTEMPTS - 1 } else { ATTEMPTS }
                    // The refresh may have used up the time for the write.
                    || (is_short && self.secrets_are_disturbed)
                    // Whose record stands there cannot be told by old keys.
                    || (self.record_keys_may_be_new && cannot_read),
                "DynamoDB",
            ),
            false => (
                (!self.all_are_warm && cannot_read)
                    || (self.cold_start && self.first_loads_may_fail),
                "the secrets",
            ),
        };
        match may_be {
            true => Ok(()),
            false => Err(format!(
                "503 for {what}, which nothing is in the way of: {self:?}"
            )),
        }
    }

    /// Whether a status other than 503 may be.
    pub(super) fn status_is_right(
        &self,
        case: &Case<'_>,
        answer: &Answer,
        code: u16,
    ) -> Result<(), String> {
        let ask = &case.answered.ask;
        let status = answer.status.as_u16();
        let new_keys = case.standing.keys == Known::Maybe;
        let may_be = match (status, code) {
            (200 | 409, _) => ask.keys != Keys::Unknown,
            (401, 2) => {
                ask.keys == Keys::Unknown
                    || new_keys
                    || !matches!(case.standing.enabled, (true, Known::Surely))
            }
            (401, 4) | (400, 422) => new_keys,
            (500, 3) => self.dynamodb_refuses,
            _ => false,
        };
        match may_be {
            true => Ok(()),
            false => Err(format!(
                "{status} TOK{code:03} for {:?}: {}",
                case.standing, answer.members
            )),
        }
    }
}
