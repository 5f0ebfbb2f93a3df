//! What a found record means for a request: the counterparts of
//! `token_service::record::StoredRecord::judge` and `judge_renewal`, and of
//! `SessionState::keeps_active`.

use super::{Bug, Kind};

/// What is known of the record that stands in a Get Token's way.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// It has the draft's own `jti`.
    pub own: bool,
    /// It was made by a request that says the same.
    pub same_request: bool,
    /// Its `status` is `REVOKED`.
    pub revoked: bool,
    /// Its token has expired.
    pub expired: bool,
}

/// The first of these that applies: own write, another request, revoked, expired; else a replay.
pub fn judge(found: Found, bug: Option<Bug>) -> Kind {
    let revoked = found.revoked && bug != Some(Bug::RevocationIsNotChecked);
    let expired = found.expired && bug != Some(Bug::ExpiryIsNotChecked);
    if found.own && bug != Some(Bug::OwnWriteIsNotRecognised) {
        return Kind::First;
    }
    if bug == Some(Bug::ComparedAfterTheExpiry) && expired {
        return Kind::Expired;
    }
    if !found.same_request && bug != Some(Bug::RequestsAreNotCompared) {
        return Kind::Reused;
    }
    match (revoked, expired) {
        (true, _) => Kind::Revoked,
        (false, true) => Kind::Expired,
        (false, false) => Kind::Replay,
    }
}

/// What is known of the record that a renewal may not change.
#[derive(Clone, Copy, Debug)]
pub struct FoundByRenewal {
    /// Its `ttl` has passed.
    pub free: bool,
    /// Its `status` is `REVOKED`.
    pub revoked: bool,
    /// It has the `jti` that the renewal has just made.
    pub own: bool,
    /// Its `previousJti` is the presented token's.
    pub succeeds: bool,
}

/// The first of these that applies: expired, revoked, own write, a replay; else superseded.
pub fn judge_renewal(found: FoundByRenewal, bug: Option<Bug>) -> Kind {
    if found.free {
        Kind::Expired
    } else if found.revoked {
        Kind::Revoked
    } else if found.own && bug != Some(Bug::OwnRenewalIsNotRecognised) {
        Kind::First
    } else if found.succeeds || bug == Some(Bug::PreviousIsNotCompared) {
        Kind::Replay
    } else {
        Kind::Superseded
    }
}

/// What an introspection has read, and what its token says.
#[derive(Clone, Copy, Debug)]
pub struct Read {
    /// The token has expired.
    pub expired: bool,
    /// The record's `ttl` has passed, or there is none.
    pub free: bool,
    /// Its `status` is `REVOKED`.
    pub revoked: bool,
    /// Its session began when the token's did.
    pub same_session: bool,
}

/// Active if nothing speaks against it.
pub fn introspect(read: Read, bug: Option<Bug>) -> Kind {
    let expired = read.expired && bug != Some(Bug::IntrospectionLooksAtTheClockFirst);
    let revoked = read.revoked && bug != Some(Bug::IntrospectionIgnoresTheStatus);
    let same_session = read.same_session || bug == Some(Bug::IntrospectionIgnoresTheSession);
    if !expired && !read.free && !revoked && same_session {
        Kind::Active
    } else {
        Kind::Inactive
    }
}
