//! What could be wrong with the service, and which property catches it.

use super::properties::{
    ANSWERED, EVERY_TOKEN_IS_RECORDED, FREE_AFTER_TTL, INTROSPECTED_AS_FOUND, INVALIDATED_FOR_GOOD,
    NO_REPLAY_AFTER_THE_END, NO_REVIVAL, NO_SDK_IS_SHUT_OUT, NO_TRACE, NOTHING_TO_ANOTHER,
    ONE_SESSION, ONE_SUCCESSOR, OWN_WRITE, WITHIN_THE_SESSION,
};

/// A planted bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// A new record's write has no condition.
    NoCondition,
    /// The condition is `attribute_not_exists(pk)` alone.
    NoTtlClause,
    /// The condition frees the pair when the token expires, not when the record's `ttl` passes.
    FreeOnceExpired,
    /// The `jti` of the record that a Get Token finds is not compared with the draft's own.
    OwnWriteIsNotRecognised,
    /// A token is answered while its record is still being written.
    AnsweredBeforeRecorded,
    /// The found record's request is not compared.
    RequestsAreNotCompared,
    /// The found record's expiry is told before its request is compared.
    ComparedAfterTheExpiry,
    /// The found record's `expireAt` is not looked at.
    ExpiryIsNotChecked,
    /// A Get Token does not look at the found record's `status`.
    RevocationIsNotChecked,
    /// The found record is judged by the time at which the draft was made.
    JudgedAtTheTimeOfTheDraft,
    /// A replay hands out the token that was just made instead of the recorded one.
    ReplayGivesTheFreshToken,
    /// The failed condition does not return the item.
    OldItemIsNotReturned,
    /// A renewal's condition does not compare the `jti`.
    RenewsAnyToken,
    /// A renewal's condition takes the previous `jti`, too.
    RenewsThePreviousToken,
    /// A renewal's condition does not look at the `status`.
    RenewsWhatIsRevoked,
    /// A renewal's condition does not look at the `ttl`.
    RenewsWhatIsFree,
    /// A renewal's condition asks for a token that has not expired.
    RenewsNoExpiredToken,
    /// A renewal leaves the record's `ttl` as it was.
    RenewalLeavesTheTtl,
    /// A renewal does not keep the presented token's `jti`.
    PreviousIsNotKept,
    /// A renewal that finds another token does not compare the previous one with its own.
    PreviousIsNotCompared,
    /// A renewal does not compare the found `jti` with the one that it has just made.
    OwnRenewalIsNotRecognised,
    /// A renewal that finds an earlier one's token hands out the one that it has just made.
    RenewalReplayGivesTheFreshToken,
    /// A renewal writes the presented `jti` as the previous one before it compares.
    RefusedRenewalWrites,
    /// A token's lifetime is not cut at the session's end.
    OutlivesItsSession,
    /// An invalidation is answered while it is still being written.
    InvalidationIsAnsweredFirst,
    /// Introspection does not look at the `status`.
    IntrospectionIgnoresTheStatus,
    /// Introspection compares nothing with the record's session.
    IntrospectionIgnoresTheSession,
    /// Introspection takes only the current token for active.
    IntrospectionKnowsOneToken,
    /// Introspection looks at the clock before it reads and not after.
    IntrospectionLooksAtTheClockFirst,
    /// Introspection's read is eventually consistent.
    IntrospectionReadsTheReplica,
}

impl Bug {
    /// Every one.
    pub const ALL: [Self; 30] = [
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
        Self::RenewsAnyToken,
        Self::RenewsThePreviousToken,
        Self::RenewsWhatIsRevoked,
        Self::RenewsWhatIsFree,
        Self::RenewsNoExpiredToken,
        Self::RenewalLeavesTheTtl,
        Self::PreviousIsNotKept,
        Self::PreviousIsNotCompared,
        Self::OwnRenewalIsNotRecognised,
        Self::RenewalReplayGivesTheFreshToken,
        Self::RefusedRenewalWrites,
        Self::OutlivesItsSession,
        Self::InvalidationIsAnsweredFirst,
        Self::IntrospectionIgnoresTheStatus,
        Self::IntrospectionIgnoresTheSession,
        Self::IntrospectionKnowsOneToken,
        Self::IntrospectionLooksAtTheClockFirst,
        Self::IntrospectionReadsTheReplica,
    ];

    /// How many Get Tokens, renewals, invalidations and introspections show it.
    pub(super) fn shown_by(self) -> [u8; 4] {
        match self {
            Self::RevocationIsNotChecked => [2, 0, 1, 0],
            Self::RenewsAnyToken | Self::PreviousIsNotCompared | Self::RenewalLeavesTheTtl => {
                [2, 1, 0, 0]
            }
            Self::RenewsThePreviousToken
            | Self::PreviousIsNotKept
            | Self::RenewalReplayGivesTheFreshToken
            | Self::RefusedRenewalWrites => [1, 2, 0, 0],
            Self::RenewsWhatIsRevoked | Self::InvalidationIsAnsweredFirst => [1, 1, 1, 0],
            Self::RenewsWhatIsFree
            | Self::RenewsNoExpiredToken
            | Self::OwnRenewalIsNotRecognised
            | Self::OutlivesItsSession => [1, 1, 0, 0],
            Self::IntrospectionIgnoresTheStatus | Self::IntrospectionReadsTheReplica => {
                [1, 0, 1, 1]
            }
            Self::IntrospectionIgnoresTheSession => [2, 1, 0, 1],
            Self::IntrospectionKnowsOneToken => [1, 1, 0, 1],
            Self::IntrospectionLooksAtTheClockFirst => [1, 0, 0, 1],
            _ => [2, 0, 0, 0],
        }
    }

    /// The property that it violates.
    pub fn violates(self) -> &'static str {
        match self {
            Self::NoCondition | Self::FreeOnceExpired | Self::RenewalLeavesTheTtl => ONE_SESSION,
            Self::RenewsThePreviousToken | Self::RenewalReplayGivesTheFreshToken => ONE_SUCCESSOR,
            Self::AnsweredBeforeRecorded | Self::ReplayGivesTheFreshToken => {
                EVERY_TOKEN_IS_RECORDED
            }
            Self::NoTtlClause => FREE_AFTER_TTL,
            Self::RequestsAreNotCompared | Self::ComparedAfterTheExpiry => NOTHING_TO_ANOTHER,
            Self::OwnWriteIsNotRecognised | Self::OwnRenewalIsNotRecognised => OWN_WRITE,
            Self::ExpiryIsNotChecked
            | Self::RevocationIsNotChecked
            | Self::JudgedAtTheTimeOfTheDraft => NO_REPLAY_AFTER_THE_END,
            Self::RenewsWhatIsRevoked
            | Self::InvalidationIsAnsweredFirst
            | Self::IntrospectionIgnoresTheStatus
            | Self::IntrospectionReadsTheReplica => INVALIDATED_FOR_GOOD,
            Self::OutlivesItsSession => WITHIN_THE_SESSION,
            Self::RenewsAnyToken
            | Self::RenewsWhatIsFree
            | Self::PreviousIsNotCompared
            | Self::IntrospectionIgnoresTheSession => NO_REVIVAL,
            Self::RefusedRenewalWrites => NO_TRACE,
            Self::PreviousIsNotKept | Self::RenewsNoExpiredToken => NO_SDK_IS_SHUT_OUT,
            Self::IntrospectionKnowsOneToken | Self::IntrospectionLooksAtTheClockFirst => {
                INTROSPECTED_AS_FOUND
            }
            Self::OldItemIsNotReturned => ANSWERED,
        }
    }
}
