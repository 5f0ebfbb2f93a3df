//! What could be wrong with the service, and which property catches it.

use super::properties::{
    ANSWERED, FREE_AFTER_TTL, NO_REPLAY_AFTER_THE_END, NOTHING_TO_ANOTHER, ONE_TOKEN, OWN_WRITE,
    RECORDED,
};

/// A planted bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// The write has no condition.
    NoCondition,
    /// The condition is `attribute_not_exists(pk)` alone.
    NoTtlClause,
    /// The condition frees the pair when the token expires, not when the record's `ttl` passes.
    FreeOnceExpired,
    /// The `jti` of the found record is not compared with the draft's own.
    OwnWriteIsNotRecognised,
    /// The token is answered while its record is still being written.
    AnsweredBeforeRecorded,
    /// The found record's request is not compared.
    RequestsAreNotCompared,
    /// The found record's expiry is told before its request is compared.
    ComparedAfterTheExpiry,
    /// The found record's `expireAt` is not looked at.
    ExpiryIsNotChecked,
    /// The found record's `status` is not looked at.
    RevocationIsNotChecked,
    /// The found record is judged by the time at which the draft was made.
    JudgedAtTheTimeOfTheDraft,
    /// A replay hands out the token that was just made instead of the recorded one.
    ReplayGivesTheFreshToken,
    /// The failed condition does not return the item.
    OldItemIsNotReturned,
}

impl Bug {
    /// Every one.
    pub const ALL: [Self; 12] = [
        Self::NoCondition,
        Self::NoTtlClause,
        Self::FreeOnceExpired,
        Self::OwnWriteIsNotRecognised,
        Self::AnsweredBeforeRecorded,
        Self::RequestsAreNotCompared,
        Self::ComparedAfterTheExpiry,
        Self::ExpiryIsNotChecked,
        Self::RevocationIsNotChecked,
        Self::JudgedAtTheTimeOfTheDraft,
        Self::ReplayGivesTheFreshToken,
        Self::OldItemIsNotReturned,
    ];

    /// The property that it violates.
    pub fn violates(self) -> &'static str {
        match self {
            Self::NoCondition | Self::FreeOnceExpired | Self::ReplayGivesTheFreshToken => ONE_TOKEN,
            Self::NoTtlClause => FREE_AFTER_TTL,
            Self::OwnWriteIsNotRecognised => OWN_WRITE,
            Self::AnsweredBeforeRecorded => RECORDED,
            Self::RequestsAreNotCompared | Self::ComparedAfterTheExpiry => NOTHING_TO_ANOTHER,
            Self::ExpiryIsNotChecked
            | Self::RevocationIsNotChecked
            | Self::JudgedAtTheTimeOfTheDraft => NO_REPLAY_AFTER_THE_END,
            Self::OldItemIsNotReturned => ANSWERED,
        }
    }
}
