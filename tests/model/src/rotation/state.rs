//! What there is: a ring, who has a copy of it, and what its keys have sealed.

use super::{KEYS, RENEWED, RETENTION, SESSION};

/// A state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// How far the rotation is: an index of the steps.
    pub step: usize,
    /// Ticks since that step.
    pub waited: u8,
    /// The secret's last write was bad: `AWSCURRENT` is refused.
    pub is_bad: bool,
    /// Of which step `AWSPREVIOUS` is; `None` if it is refused, too, or if there is none.
    pub previous: Option<usize>,
    /// Who has a copy of the ring.
    pub holders: Vec<Holder>,
    /// What each key has sealed.
    pub sealed: [Sealed; KEYS],
}

/// What a key has sealed. How much of it there is makes no difference, so each seal winds the same
/// clocks up again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sealed {
    /// Ticks until the last of it is no longer kept.
    pub kept: u8,
    /// Ticks until the last session ends whose record began with this key.
    pub sessions: u8,
}

impl Sealed {
    /// Something more is sealed that is kept for so long.
    pub(super) fn keep(&mut self, ticks: u8) {
        self.kept = self.kept.max(ticks);
    }

    /// A session's record is sealed, whose first token ends before the session does.
    pub(super) fn begin_session(&mut self) {
        self.sessions = SESSION + 1;
        self.keep(self.record_kept());
    }

    /// Whether there is a record whose session may be renewed.
    pub(super) fn is_renewable(self) -> bool {
        self.kept > 0 && self.sessions > 0
    }

    /// How long a record is kept whose session gets a token now.
    pub(super) fn record_kept(self) -> u8 {
        self.sessions.min(RENEWED + 1) + RETENTION
    }
}

/// Who has a copy of the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Holder {
    /// What it does with it.
    pub role: Role,
    /// What it read last.
    pub last_read: Option<Version>,
    /// The last good copy, unless it is too old to be used.
    pub copy: Option<Copied>,
    /// The copy that the request under way holds on to, and since when.
    pub request: Option<Copied>,
}

impl Holder {
    /// It has read a version, which is the ring of a step.
    pub(super) fn read(&mut self, version: Version, step: usize) {
        self.last_read = Some(version);
        self.copy = Some(Copied { step, age: 0 });
    }
}

/// A version of the secret, by its staging label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// `AWSCURRENT`.
    Current,
    /// `AWSPREVIOUS`.
    Previous,
}

/// Who uses a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// An instance of the service.
    Instance,
    /// A resource server that has a copy.
    ResourceServer,
}

/// A copy of the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Copied {
    /// Of which step.
    pub step: usize,
    /// Ticks since it was confirmed, or since the request began with it.
    pub age: u8,
}
