//! The judge: what each answer must be, given all that was asked, changed and broken so far. What
//! every answer must be, `peers::rules` says.
//!
//! | file | responsible for |
//! |---|---|
//! | `pair` | one token for a partner's `referenceId`, and who may have it |
//! | `token` | what a 200 says, the token in it, and the record of it |
//! | `conditions` | what the surroundings allow: outages, fresh keys, stale secrets, wrong clocks |

mod conditions;
mod pair;
mod token;

use std::{collections::BTreeMap, fmt};

use peers::{
    answer::Answer,
    error::with_causes,
    rules::{self, Asked, GET_TOKEN, Spelling},
};
use serde_json::Value;

use crate::{
    call::{Answered, Outcome, reference},
    sequence::{Ask, Keys, Partner},
};
pub use conditions::{
    Clocks, Conditions, Known, MARGIN, MAX_STALE, MIN_REFRESH, RETENTION, Standing, TTL,
};
use pair::{Pair, Seen};

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Within the life of a record, at most one token ever reaches anyone.
    OneToken,
    /// Exactly the first answer with a token is not a replay.
    FirstOnce,
    /// What a 200 says is true of its token: claims, times, who it is for.
    TokenIsTheAnswers,
    /// The token opens with the published ring, and its `cnf` is the SDK's session key.
    SessionKey,
    /// What was answered was recorded before.
    Recorded,
    /// 409 is right: another request has the pair, or its token has ended.
    ConflictIsRight,
    /// The status and code are of the protocol, and right.
    StatusIsRight,
    /// Form, headers, sealing.
    Form,
    /// 503 only where something keeps the function from serving.
    Served,
    /// Nothing is served by secrets that are too old, and nobody who was disabled.
    NotStale,
    /// An answer comes before the function's timeout, and within its own limits.
    InTime,
    /// Whoever retries gets there, once the faults have ended.
    Recovers,
}

/// A rule that did not hold.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{rule}: {what}")]
pub struct Violation {
    /// Which.
    pub rule: Rule,
    /// What was seen.
    pub what: String,
}

/// How often each rule was looked at.
pub type Checks = BTreeMap<Rule, u64>;

/// What one sequence's answers are judged by.
#[derive(Debug, Default)]
pub struct Judge {
    pairs: BTreeMap<(Partner, u8), Pair>,
    /// How often each rule was looked at.
    pub checks: Checks,
}

/// One answer with all that it is judged by.
pub struct Case<'a> {
    /// What was asked, and what came.
    pub answered: &'a Answered,
    /// What the partner may expect.
    pub standing: Standing,
    /// What the surroundings were.
    pub conditions: &'a Conditions,
    /// The pair's item in the table, read after the answer.
    pub item: Option<&'a Value>,
    /// The published rings.
    pub server_keys: &'a Value,
}

impl Judge {
    /// Notes that requests are on their way, while clocks show these times: from now on any of them
    /// may be written.
    pub fn asked(&mut self, asks: &[Ask], clocks: &Clocks) {
        for ask in asks.iter().filter(|ask| ask.keys != Keys::Unknown) {
            self.pair(ask).asked(ask.customer, clocks);
        }
    }

    /// Judges one answer.
    ///
    /// # Errors
    /// A rule does not hold.
    pub fn judge(&mut self, case: &Case<'_>) -> Result<(), Violation> {
        let Answered { ask, outcome, .. } = case.answered;
        let conditions = case.conditions;
        self.check(Rule::InTime, || conditions.in_time(case.answered))?;
        let answer = match outcome {
            Outcome::Answer(answer) => answer,
            Outcome::GaveUp => {
                self.pair(ask).lost(&conditions.clocks);
                return Ok(());
            }
            Outcome::Gateway(status) => {
                self.pair(ask).lost(&conditions.clocks);
                return self.check(Rule::InTime, || match conditions.killed || conditions.noisy {
                    true => Ok(()),
                    false => Err(format!(
                        "API Gateway answered {status}: the function gave no answer, and nobody has killed it"
                    )),
                });
            }
            Outcome::Unreadable(error) => {
                return self.check(Rule::Form, || Err(with_causes(error)));
            }
        };
        let row = self.check(Rule::Form, || {
            let asked = Asked {
                spelling: Some(match ask.legacy {
                    true => Spelling::Integer,
                    false => Spelling::Text,
                }),
                names_its_key: Some(ask.named),
                reference_id: Some(&reference(ask)),
            };
            rules::check(GET_TOKEN, answer, &asked).map_err(|broken| broken.to_string())
        })?;
        if answer.status == 503 {
            self.pair(ask).lost(&conditions.clocks);
            return self.check(Rule::Served, || conditions.may_be_unavailable(answer));
        }
        self.check(Rule::NotStale, || conditions.not_stale(case, answer))?;
        self.check(Rule::StatusIsRight, || {
            conditions.status_is_right(case, answer, row.code)
        })?;
        match answer.status.as_u16() {
            200 => self.issued(case, answer),
            409 => {
                let reason = answer.members.pointer("/errors/0/reason");
                let reason = reason.and_then(Value::as_str).unwrap_or_default();
                let record = case.item.map(token::ends);
                let pair = self.pair(ask);
                let right = pair.conflict(ask.customer, reason, record, &conditions.clocks);
                self.check(Rule::ConflictIsRight, || right)
            }
            // Whether a write has happened is open after an internal error only.
            500 => {
                self.pair(ask).lost(&conditions.clocks);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Judges what can be seen only when all answers of a step are in.
    ///
    /// # Errors
    /// A rule does not hold.
    pub fn all_answered(&mut self, asks: &[Ask]) -> Result<(), Violation> {
        for ask in asks {
            let first_once = self.pair(ask).first_once();
            self.check(Rule::FirstOnce, || first_once)?;
        }
        Ok(())
    }

    fn issued(&mut self, case: &Case<'_>, answer: &Answer) -> Result<(), Violation> {
        let ask = &case.answered.ask;
        let issued = token::Issued::read(case, answer);
        let issued = issued.map_err(|(rule, what)| Violation { rule, what })?;
        for rule in [Rule::TokenIsTheAnswers, Rule::SessionKey, Rule::Recorded] {
            self.count(rule);
        }
        let one = self.pair(ask).issued(&Seen {
            issued,
            customer: ask.customer,
            replayed: answer.is_replayed(),
        });
        self.check(Rule::OneToken, || one)
    }

    /// Whoever asked for each pair.
    pub fn asked_for(&self) -> impl Iterator<Item = (Partner, u8, u8)> + '_ {
        self.pairs.iter().flat_map(|((partner, reference), pair)| {
            pair.customers()
                .map(|customer| (*partner, *reference, customer))
        })
    }

    /// Looks at a rule.
    ///
    /// # Errors
    /// It does not hold.
    pub fn check<T>(
        &mut self,
        rule: Rule,
        holds: impl FnOnce() -> Result<T, String>,
    ) -> Result<T, Violation> {
        self.count(rule);
        holds().map_err(|what| Violation { rule, what })
    }

    fn count(&mut self, rule: Rule) {
        *self.checks.entry(rule).or_default() += 1;
    }

    fn pair(&mut self, ask: &Ask) -> &mut Pair {
        self.pairs.entry((ask.partner, ask.reference)).or_default()
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OneToken => "one token a referenceId",
            Self::FirstOnce => "one first answer a token",
            Self::TokenIsTheAnswers => "the token is what the answer says",
            Self::SessionKey => "the token opens and has the SDK's session key",
            Self::Recorded => "recorded before answered",
            Self::ConflictIsRight => "a 409 is right",
            Self::StatusIsRight => "a status and code are right",
            Self::Form => "an answer has the protocol's form",
            Self::Served => "served unless something is in the way",
            Self::NotStale => "nothing stale, nobody disabled",
            Self::InTime => "in time",
            Self::Recovers => "whoever retries gets there",
        })
    }
}
