//! What there is: a ring, who has a copy of it, and what its keys have sealed.

use super::KEYS;

/// A state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// How far the rotation is: an index of the steps.
    pub step: usize,
    /// Ticks since that step.
    pub waited: u8,
    /// Who has a copy of the ring.
    pub holders: Vec<Holder>,
    /// For each key, ticks until the last thing that it has sealed is no longer kept.
    pub kept: [u8; KEYS],
}

/// Who has a copy of the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Holder {
    /// What it does with it.
    pub role: Role,
    /// The last good copy, unless it is too old to be used.
    pub copy: Option<Copied>,
    /// The copy that the request under way holds on to, and since when.
    pub request: Option<Copied>,
}

/// Who uses a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// An instance of the service.
    Instance,
    /// A resource server.
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
