//! What is known of sessions across their operations: which token follows which, what all tokens of
//! a session say, and which sessions are over.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use peers::answer::Answer;
use serde_json::Value;

use super::{
    Case,
    record::State,
    rule::{Rule, Wrong},
    token::{self, Token},
};
use crate::{
    apps::Held,
    call::{Answered, Asked},
    sequence::{Operation, PairId},
};

/// A pair, and when a session of it began, in seconds since the epoch.
type SessionId = (PairId, i64);

/// What is known of all sessions.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    /// What all tokens of a session say.
    kept: BTreeMap<SessionId, Value>,
    /// By the presented token's `jti`.
    successors: HashMap<String, Successor>,
    /// Those that an answer has said to be over.
    ended: BTreeSet<SessionId>,
    /// Those that an answer of this step says to be over.
    ending: BTreeSet<SessionId>,
    /// The tokens whose renewal came to nothing that tells whether it was written.
    lost: HashSet<String>,
    /// The pairs whose invalidation did.
    lost_ends: BTreeSet<PairId>,
    /// The tokens whose renewal was granted in this step.
    granted: HashSet<String>,
    granted_ends: BTreeSet<PairId>,
}

#[derive(Debug)]
struct Successor {
    jti: String,
    /// Answers that call themselves the first with it.
    firsts: u32,
}

impl Sessions {
    /// Notes what may have been written for an answer. The last attempt of a call makes its answer.
    /// One before it that was lost may have been written before: a renewal is refused if its
    /// session ends in between. Or it is written later: an invalidation ends a session that did not
    /// exist.
    pub(super) fn note(&mut self, answered: &Answered, attempts_may_fail: bool) {
        let Asked { request, held } = &answered.asked;
        let status = answered.status();
        let is_lost = match status {
            None | Some(500 | 503) => true,
            Some(401 | 404) => attempts_may_fail,
            Some(_) => false,
        };
        match (request.operation(), held) {
            (Operation::Renew, Some(held)) if is_lost => {
                self.lost.insert(held.jti().to_owned());
            }
            (Operation::Renew, Some(held)) if status == Some(200) => {
                self.granted.insert(held.jti().to_owned());
            }
            (Operation::Invalidate, _) if is_lost => {
                self.lost_ends.insert(request.pair());
            }
            (Operation::Invalidate, _) if status == Some(200) => {
                self.granted_ends.insert(request.pair());
            }
            _ => {}
        }
    }

    /// The tokens that may have been renewed until now.
    pub(super) fn renewed(&self) -> HashSet<String> {
        self.lost.union(&self.granted).cloned().collect()
    }

    /// Whether the pair's session may have been ended until now.
    pub(super) fn may_be_ended(&self, pair: PairId) -> bool {
        self.lost_ends.contains(&pair) || self.granted_ends.contains(&pair)
    }

    /// A token was answered: its session goes on, and it says what all its tokens say.
    pub(super) fn goes_on(&mut self, pair: PairId, token: &Token) -> Result<(), Wrong> {
        self.is_not_over(pair, token.began, "a token was answered")?;
        let kept = self.kept.entry((pair, token.began)).or_insert(token.kept());
        match *kept == token.kept() {
            true => Ok(()),
            false => Err((
                Rule::RenewedAlike,
                format!("{} is of the session of {kept}", token.claims),
            )),
        }
    }

    /// No answer has said that the session is over before this step began.
    pub(super) fn is_not_over(&self, pair: PairId, began: i64, what: &str) -> Result<(), Wrong> {
        match self.ended.contains(&(pair, began)) {
            false => Ok(()),
            true => Err((
                Rule::EndedIsOver,
                format!("{what}, though {pair}'s session of {began} was invalidated before"),
            )),
        }
    }

    /// A renewal was granted.
    pub(super) fn succeeds(
        &mut self,
        presented: &Held,
        token: &Token,
        replayed: bool,
    ) -> Result<(), Wrong> {
        let (before, after) = (presented.jti(), &token.jti);
        if before == after {
            return Err((Rule::RenewedAlike, format!("{after} was renewed by itself")));
        }
        let successor = self
            .successors
            .entry(before.to_owned())
            .or_insert_with(|| Successor {
                jti: after.clone(),
                firsts: 0,
            });
        if successor.jti != *after {
            let what = format!("{before} has two: {} and {after}", successor.jti);
            return Err((Rule::OneSuccessor, what));
        }
        successor.firsts += u32::from(!replayed);
        Ok(())
    }

    /// Whether exactly one answer called itself the first with the token's successor, unless it may
    /// have been lost: once all answers are in.
    pub(super) fn first_once(&self, presented: &Held) -> Result<(), String> {
        let Some(successor) = self.successors.get(presented.jti()) else {
            return Ok(());
        };
        match successor.firsts {
            1 => Ok(()),
            0 if self.lost.contains(presented.jti()) => Ok(()),
            firsts => Err(format!(
                "{firsts} answers call themselves the first with {}",
                successor.jti
            )),
        }
    }

    /// An invalidation was answered.
    pub(super) fn ends(&mut self, pair: PairId, states: &[Option<&State>]) -> Result<(), Wrong> {
        let ended = states.iter().flatten().find(|state| state.revoked);
        match ended {
            Some(state) => {
                self.ending.insert((pair, state.began));
                Ok(())
            }
            None => Err((
                Rule::InvalidationIsRight,
                format!("{pair} was invalidated, and its record has been {states:?}"),
            )),
        }
    }

    /// The step is over: from now on what it has ended is over.
    pub(super) fn step_ends(&mut self) {
        self.ended.append(&mut self.ending);
        self.granted.clear();
        self.granted_ends.clear();
    }
}

/// Holds a granted renewal against its token, its record and the token that was presented.
pub(super) fn renewal(
    sessions: &mut Sessions,
    case: &Case<'_>,
    presented: &Held,
    answer: &Answer,
    states: &[Option<&State>],
) -> Result<(), Wrong> {
    let token = Token::read(case, answer)?;
    let before = token::kept(&presented.claims);
    if token.kept() != before {
        let what = format!("{} renewed {}", token.claims, presented.claims);
        return Err((Rule::RenewedAlike, what));
    }
    sessions.succeeds(presented, &token, answer.is_replayed())?;
    sessions.goes_on(case.answered.asked.request.pair(), &token)?;
    token.lasts(case, answer)?;
    token.is_recorded(states, Some(presented.jti()))
}

/// Whether a renewal may be refused for this reason, given the states that its record may have been
/// in.
pub(super) fn refused(
    case: &Case<'_>,
    presented: &Held,
    reason: &str,
    states: &[Option<&State>],
) -> Result<(), String> {
    let now = case.conditions.clocks.end();
    let is_right = |state: &Option<&State>| match (reason, state) {
        ("expired", None) => true,
        ("expired", Some(state)) => state.ends.ttl <= *now,
        ("revoked", Some(state)) => state.revoked,
        ("superseded", Some(state)) => {
            let known = [Some(state.jti.as_str()), state.previous.as_deref()];
            !known.contains(&Some(presented.jti()))
        }
        _ => false,
    };
    let is_over = reason == "expired" && case.standing.may_be_over(presented, now);
    match is_over || states.iter().any(is_right) {
        true => Ok(()),
        false => Err(format!(
            "{reason} for {}, and the record has been {states:?}",
            presented.claims
        )),
    }
}
