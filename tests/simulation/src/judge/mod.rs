//! The judge: what each answer must be, given all that was asked, changed and broken so far. What
//! every answer must be, `peers::rules` says.
//!
//! | file | responsible for |
//! |---|---|
//! | `rule` | the rules by name |
//! | `pair` | one session for a partner's `referenceId`, and who may have it |
//! | `record` | how an item may change, and the states that answers are judged by |
//! | `token` | what a 200 says, the token in it, and the record of it |
//! | `session` | what follows a token, what its session keeps, and when that is over |
//! | `introspection` | what a resource server may be told |
//! | `conditions` | what the surroundings allow: outages, fresh keys, stale secrets, wrong clocks |

mod conditions;
mod introspection;
mod pair;
mod record;
mod rule;
mod session;
mod token;

use std::collections::{BTreeMap, BTreeSet};

use peers::{
    answer::Answer,
    error::with_causes,
    rules::{self, GET_TOKEN, INVALIDATE, RENEW, Spelling},
};
use serde_json::Value;

use crate::{
    call::{Answered, Asked, Introspection, Outcome},
    send::Observed,
    sequence::{Ask, Keys, Operation, PairId, Request},
};
pub use conditions::{
    Clocks, Conditions, Known, MARGIN, MAX_STALE, MIN_REFRESH, RETENTION, Standing, TTL,
};
use pair::{Pair, Seen};
use record::{Course, May, State};
use rule::Wrong;
pub use rule::{Checks, Rule, Violation};
use session::Sessions;

/// What one sequence's answers are judged by.
#[derive(Debug, Default)]
pub struct Judge {
    pairs: BTreeMap<PairId, Pair>,
    sessions: Sessions,
    /// What each pair's record said last.
    records: BTreeMap<PairId, State>,
    /// How often each rule was looked at.
    pub checks: Checks,
}

/// One answer with all that it is judged by.
pub struct Case<'a> {
    /// What was asked, and what came.
    pub answered: &'a Answered,
    /// How many items had been read when it was there.
    pub observed: usize,
    /// What the caller may expect.
    pub standing: Standing,
    /// What the surroundings were.
    pub conditions: &'a Conditions,
    /// The published rings.
    pub server_keys: &'a Value,
}

impl Judge {
    /// Notes that requests are on their way, while clocks show these times: from now on any of them
    /// may be written. `observed` is what stands there.
    pub(crate) fn begins(&mut self, asked: &[Asked], observed: &[Observed], clocks: &Clocks) {
        for Observed { pair, item } in observed {
            // One that cannot be read is found out when the step is judged.
            if let Some(Ok(state)) = item.as_ref().map(State::read) {
                self.pair(*pair).stands(&state);
            }
        }
        for asked in asked {
            if let Request::Issue(ask) = asked.request
                && ask.keys != Keys::Unknown
            {
                self.pair(ask.pair).asked(ask.customer, clocks);
            }
        }
    }

    /// Judges the answers of a step, and what its records have become.
    ///
    /// # Errors
    /// A rule does not hold.
    pub(crate) fn step(
        &mut self,
        cases: &[Case<'_>],
        observed: &[Observed],
        conditions: &Conditions,
    ) -> Result<(), Violation> {
        for case in cases {
            self.sessions
                .note(case.answered, conditions.attempts_may_fail());
        }
        let (courses, followed) = self.courses(observed, &conditions.clocks);
        for case in cases {
            let pair = case.answered.asked.request.pair();
            let course = courses.get(&pair);
            let states = course.map(|course| course.until(case.observed));
            self.answer(case, &states.unwrap_or_default())?;
        }
        for rule in [Rule::Chain, Rule::Unchanged, Rule::OneUnit] {
            *self.checks.entry(rule).or_default() += observed.len() as u64;
        }
        followed?;
        if !conditions.still_at_work {
            self.check(Rule::OneCall, || conditions.one_call(cases))?;
        }
        self.all_answered(cases)?;
        for (pair, course) in courses {
            if let Some(state) = course.last() {
                self.pair(pair).stands(state);
                self.records.insert(pair, state.clone());
            }
        }
        self.sessions.step_ends();
        Ok(())
    }

    /// What the records went through, and the first change that is not right.
    fn courses(
        &mut self,
        observed: &[Observed],
        clocks: &Clocks,
    ) -> (BTreeMap<PairId, Course>, Result<(), Wrong>) {
        let mut courses: BTreeMap<PairId, Course> = BTreeMap::new();
        let mut followed = Ok(());
        let renewed = self.sessions.renewed();
        for (at, Observed { pair, item }) in observed.iter().enumerate() {
            let may = May {
                be_issued: self
                    .pairs
                    .get(pair)
                    .is_some_and(|pair| pair.customers().next().is_some()),
                be_renewed: &renewed,
                be_revoked: self.sessions.may_be_ended(*pair),
                clocks,
            };
            let course = courses.entry(*pair).or_default();
            let last = course.last().or(self.records.get(pair)).cloned();
            let added = item
                .as_ref()
                .map(State::read)
                .transpose()
                .and_then(|state| course.add(at + 1, state, last.as_ref(), &may));
            let sized = item.as_ref().map_or(Ok(()), record::takes_one_unit);
            followed = followed.and(sized).and(added);
        }
        (courses, followed)
    }

    fn answer(&mut self, case: &Case<'_>, states: &[Option<&State>]) -> Result<(), Violation> {
        let Answered { asked, outcome, .. } = case.answered;
        let conditions = case.conditions;
        self.check(Rule::InTime, || conditions.in_time(case.answered))?;
        if let Request::Issue(ask) = asked.request
            && matches!(case.answered.status(), None | Some(500 | 503))
        {
            // Whether a write has happened is open.
            self.pair(ask.pair).lost(&conditions.clocks);
        }
        match outcome {
            Outcome::Answer(answer) => self.sealed(case, answer, states),
            Outcome::Introspection(introspection) => self.introspected(case, introspection, states),
            Outcome::GaveUp => Ok(()),
            Outcome::Gateway(status) => {
                self.check(Rule::InTime, || match conditions.killed || conditions.noisy {
                    true => Ok(()),
                    false => Err(format!(
                        "API Gateway answered {status}: the function gave no answer, and nobody has killed it"
                    )),
                })
            }
            Outcome::Unreadable(error) => self.check(Rule::Form, || Err(with_causes(error))),
        }
    }

    fn sealed(
        &mut self,
        case: &Case<'_>,
        answer: &Answer,
        states: &[Option<&State>],
    ) -> Result<(), Violation> {
        let (asked, conditions) = (&case.answered.asked, case.conditions);
        let (operation, named) = match asked.request {
            Request::Issue(ask) => (GET_TOKEN, Some(ask.named)),
            Request::Invalidate(invalidate) => (INVALIDATE, Some(invalidate.named)),
            _ => (RENEW, None),
        };
        let row = self.check(Rule::Form, || {
            let known = rules::Asked {
                spelling: Some(match asked.request.legacy() {
                    true => Spelling::Integer,
                    false => Spelling::Text,
                }),
                names_its_key: named,
                reference_id: Some(&asked.request.pair().reference()),
            };
            rules::check(operation, answer, &known).map_err(|broken| broken.to_string())
        })?;
        let (status, is_sealed) = (answer.status.as_u16(), answer.sealed.is_some());
        if status == 503 {
            return self.check(Rule::Served, || {
                conditions.may_be_unavailable(Some(is_sealed))
            });
        }
        self.check(Rule::NotStale, || {
            conditions.not_stale(&case.standing, status)
        })?;
        self.check(Rule::StatusIsRight, || {
            conditions.status_is_right(case, status, row.code, is_sealed)
        })?;
        let reason = answer.members.pointer("/errors/0/reason");
        let reason = reason.and_then(Value::as_str).unwrap_or_default();
        match (asked.request, status) {
            (Request::Issue(ask), 200) => self.issued(case, &ask, answer, states),
            (Request::Issue(ask), 409) => {
                let pair = self.pair(ask.pair);
                let right = pair.conflict(ask.customer, reason, states, &conditions.clocks);
                self.check(Rule::ConflictIsRight, || right)
            }
            (Request::Renew(_), 200 | 401) if is_sealed => {
                let Some(held) = asked.held.as_deref() else {
                    return Ok(());
                };
                if status == 401 {
                    return self.check(Rule::RefusalIsRight, || {
                        session::refused(case, held, reason, states)
                    });
                }
                for rule in [
                    Rule::OneSuccessor,
                    Rule::TokenIsTheAnswers,
                    Rule::RenewedAlike,
                    Rule::WithinItsSession,
                    Rule::Recorded,
                    Rule::EndedIsOver,
                ] {
                    self.count(rule);
                }
                Ok(session::renewal(
                    &mut self.sessions,
                    case,
                    held,
                    answer,
                    states,
                )?)
            }
            (Request::Invalidate(_), 200) => {
                self.count(Rule::InvalidationIsRight);
                Ok(self.sessions.ends(asked.request.pair(), states)?)
            }
            (Request::Invalidate(_), 404) => self.check(Rule::InvalidationIsRight, || {
                let now = conditions.clocks.end();
                let is_gone =
                    |state: &Option<&State>| state.is_none_or(|state| state.ends.ttl <= *now);
                match states.iter().any(is_gone) {
                    true => Ok(()),
                    false => Err(format!("unknown, and the record has been {states:?}")),
                }
            }),
            _ => Ok(()),
        }
    }

    fn introspected(
        &mut self,
        case: &Case<'_>,
        introspection: &Introspection,
        states: &[Option<&State>],
    ) -> Result<(), Violation> {
        self.count(Rule::Form);
        if introspection.status == 503 {
            return self.check(Rule::Served, || case.conditions.may_be_unavailable(None));
        }
        self.check(Rule::NotStale, || {
            case.conditions
                .not_stale(&case.standing, introspection.status)
        })?;
        let Some(held) = case.answered.asked.held.as_deref() else {
            return Ok(());
        };
        let judged = introspection::judge(&self.sessions, case, held, introspection, states);
        self.count(judged?);
        Ok(())
    }

    fn issued(
        &mut self,
        case: &Case<'_>,
        ask: &Ask,
        answer: &Answer,
        states: &[Option<&State>],
    ) -> Result<(), Violation> {
        let token = token::Token::read(case, answer)?;
        self.sessions.goes_on(ask.pair, &token)?;
        let issued = token::Issued::read(case, ask, answer, &token, states)?;
        for rule in [
            Rule::TokenIsTheAnswers,
            Rule::WithinItsSession,
            Rule::SessionKey,
            Rule::Recorded,
            Rule::EndedIsOver,
        ] {
            self.count(rule);
        }
        let one = self.pair(ask.pair).issued(&Seen {
            issued,
            customer: ask.customer,
            replayed: answer.is_replayed(),
        });
        self.check(Rule::OneSession, || one)
    }

    /// What can be seen only when all answers of a step are in.
    fn all_answered(&mut self, cases: &[Case<'_>]) -> Result<(), Violation> {
        for case in cases {
            let asked = &case.answered.asked;
            let first_once = match (asked.request.operation(), asked.held.as_deref()) {
                (Operation::Issue, _) => self.pair(asked.request.pair()).first_once(),
                (Operation::Renew, Some(held)) => self.sessions.first_once(held),
                _ => continue,
            };
            self.check(Rule::FirstOnce, || first_once)?;
        }
        Ok(())
    }

    /// The customers for whom each pair was asked for.
    pub fn asked_for(&self) -> BTreeSet<(PairId, u8)> {
        let pairs = self.pairs.iter();
        let asked = pairs.flat_map(|(id, pair)| pair.customers().map(|customer| (*id, customer)));
        asked.collect()
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

    fn pair(&mut self, pair: PairId) -> &mut Pair {
        self.pairs.entry(pair).or_default()
    }
}
