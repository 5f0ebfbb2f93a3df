//! What a found record means for a request: the counterpart of
//! `token_service::record::StoredRecord::judge`.

use super::{Bug, Kind};

/// What is known of the record that stands in a draft's way.
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
