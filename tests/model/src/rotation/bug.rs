//! What could be wrong with a rotation, and which property catches it.

use super::{
    Ring,
    properties::{EVERYBODY_OPENS, RING_OPENS},
};

/// A planted bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// A key that was appended is moved to the front at once.
    FrontWithoutAWait,
    /// The waits are for every copy to be refreshed, and not for the requests that still hold an
    /// old one.
    RequestsUnderWayAreForgotten,
    /// The waits are for instances, and not for a resource server that refreshes its copy less
    /// often.
    TheResourceServerIsForgotten,
    /// A key is removed as soon as nobody seals with it, whatever it has sealed.
    RemovedWithoutTheLifetime,
    /// A record key is removed when the tokens have expired that were made while it was in front,
    /// and their records' retention is over: the sessions go on.
    RemovedAfterATokensLifetime,
    /// A record key is removed when the last session has ended that began with it.
    RemovedWithoutTheRetention,
    /// A copy that can't be refreshed is used without a bound.
    StaleCopiesAreServedForEver,
    /// An instance that never had a copy reads `AWSPREVIOUS` also where `AWSCURRENT` could not be
    /// read, and not only where it is refused.
    FallsBackWhereNothingIsRefused,
    /// The newest key seals as soon as it is there.
    LastKeySeals,
    /// Nothing is opened but by the key that seals.
    OnlyTheFirstKeyOpens,
}

impl Bug {
    /// Every one that a ring can have.
    pub fn of(ring: Ring) -> Vec<Self> {
        let every = [
            Self::FrontWithoutAWait,
            Self::RequestsUnderWayAreForgotten,
            Self::TheResourceServerIsForgotten,
            Self::RemovedWithoutTheLifetime,
            Self::RemovedAfterATokensLifetime,
            Self::RemovedWithoutTheRetention,
            Self::StaleCopiesAreServedForEver,
            Self::FallsBackWhereNothingIsRefused,
            Self::LastKeySeals,
            Self::OnlyTheFirstKeyOpens,
        ];
        let applies = |bug: &Self| match bug {
            Self::TheResourceServerIsForgotten => ring == Ring::CopiedToken,
            Self::RemovedAfterATokensLifetime | Self::RemovedWithoutTheRetention => {
                ring == Ring::Record
            }
            _ => true,
        };
        every.into_iter().filter(applies).collect()
    }

    /// The property that it violates.
    pub fn violates(self) -> &'static str {
        match self {
            Self::RemovedWithoutTheLifetime
            | Self::RemovedAfterATokensLifetime
            | Self::RemovedWithoutTheRetention => RING_OPENS,
            Self::FrontWithoutAWait
            | Self::RequestsUnderWayAreForgotten
            | Self::TheResourceServerIsForgotten
            | Self::StaleCopiesAreServedForEver
            | Self::FallsBackWhereNothingIsRefused
            | Self::LastKeySeals
            | Self::OnlyTheFirstKeyOpens => EVERYBODY_OPENS,
        }
    }
}
