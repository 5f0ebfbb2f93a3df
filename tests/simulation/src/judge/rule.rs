//! The rules, each a condition of its own.

use std::{collections::BTreeMap, fmt};

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Within the life of a record, at most one session of it ever reaches anyone.
    OneSession,
    /// Exactly the first answer with a token is not a replay.
    FirstOnce,
    /// For each presented token at most one successor ever reaches anyone.
    OneSuccessor,
    /// What a 200 says is true of its token: claims, times, who it is for.
    TokenIsTheAnswers,
    /// A renewed token differs from the presented one in `jti`, `iat` and `exp` alone.
    RenewedAlike,
    /// No token outlives its session, by a lifetime that was in force when it was made.
    WithinItsSession,
    /// The token opens with the published ring, and its `cnf` is the SDK's session key.
    SessionKey,
    /// What was answered was recorded before, and is the record's current token.
    Recorded,
    /// A record's tokens follow each other: its `previousJti` is the presented one.
    Chain,
    /// A record changes only by what was granted, or whose answer was lost.
    Unchanged,
    /// An item takes one write unit.
    OneUnit,
    /// One write or one read a call, and none for a token that is none or has expired.
    OneCall,
    /// After an answered invalidation nothing renews, replays or is active.
    EndedIsOver,
    /// 409 is right: another request has the pair, or its token has ended.
    ConflictIsRight,
    /// A refused renewal is right.
    RefusalIsRight,
    /// An invalidation is a success exactly where there is a session.
    InvalidationIsRight,
    /// Active is no token that has expired, has another session or a disabled partner.
    ActiveIsTrue,
    /// Inactive is no token that is good.
    InactiveIsTrue,
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
    /// After the faults end, a caller that retries gets its answer.
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

/// The rule that does not hold, and what was seen.
pub(super) type Wrong = (Rule, String);

impl From<Wrong> for Violation {
    fn from((rule, what): Wrong) -> Self {
        Self { rule, what }
    }
}

/// How often each rule was looked at.
pub type Checks = BTreeMap<Rule, u64>;

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OneSession => "one session a referenceId",
            Self::FirstOnce => "one first answer a token",
            Self::OneSuccessor => "one successor a token",
            Self::TokenIsTheAnswers => "the token is what the answer says",
            Self::RenewedAlike => "a renewed token differs in jti, iat and exp alone",
            Self::WithinItsSession => "no token outlives its session",
            Self::SessionKey => "the token opens and has the SDK's session key",
            Self::Recorded => "recorded before answered",
            Self::Chain => "a record's tokens follow each other",
            Self::Unchanged => "only what is granted changes a record",
            Self::OneUnit => "an item takes one write unit",
            Self::OneCall => "one write or one read a call",
            Self::EndedIsOver => "an ended session is over",
            Self::ConflictIsRight => "a 409 is right",
            Self::RefusalIsRight => "a refused renewal is right",
            Self::InvalidationIsRight => "an invalidation is right",
            Self::ActiveIsTrue => "active only what is good",
            Self::InactiveIsTrue => "inactive only what is not",
            Self::StatusIsRight => "a status and code are right",
            Self::Form => "an answer has the protocol's form",
            Self::Served => "served unless something is in the way",
            Self::NotStale => "nothing stale, nobody disabled",
            Self::InTime => "in time",
            Self::Recovers => "whoever retries gets there",
        })
    }
}
