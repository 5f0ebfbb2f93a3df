//! The record that stands there, and what it means for a request.

use subtle::ConstantTimeEq;

use super::{NewRecord, PartitionKey, RecordKey, Renewal};
use crate::{
    clock::UnixMillis,
    keys::KeyRing,
    session::PublicKey,
    token::{PresentedToken, Token, TokenId},
};

/// The record that stands where something was to be written.
#[derive(Debug)]
pub struct StoredRecord {
    pub(super) token_id: String,
    pub(super) previous_token_id: Option<String>,
    pub(super) status: String,
    pub(super) expires_at: UnixMillis,
    /// In seconds since the epoch.
    pub(super) ttl: i64,
    pub(super) fingerprint: Vec<u8>,
    pub(super) sealed_by: String,
    pub(super) sealed: Vec<u8>,
    pub(super) token_sealed_by: Option<String>,
    pub(super) token: Vec<u8>,
}

/// An issue's outcome, first or replayed.
#[derive(Debug)]
pub struct Issued {
    /// The token.
    pub token: Token,
    /// The SDK derives the session key with it.
    pub server_public_key: PublicKey,
    /// When the token ends.
    pub expires_at: UnixMillis,
}

/// A renewal's outcome, first or replayed.
#[derive(Debug)]
pub struct Renewed {
    /// The token.
    pub token: Token,
    /// When it ends.
    pub expires_at: UnixMillis,
}

/// What an existing record means for a request for a token.
#[derive(Debug)]
pub enum Verdict {
    /// It is the draft itself: the answer to an earlier attempt to write it was lost.
    OwnWrite,
    /// The same request: here is its session's current token.
    Replay(Issued),
    /// Another request: nothing of the first one may be told.
    Reused,
    /// The same request, whose token has ended.
    Expired,
    /// The same request, whose session was invalidated.
    Revoked,
}

/// What an existing record means for a renewal.
#[derive(Debug)]
pub enum RenewalVerdict {
    /// It has the renewal's token: the answer to an earlier attempt to write it was lost.
    OwnWrite,
    /// An earlier renewal of the same token: here is what that made.
    Replay(Renewed),
    /// There is no record, or its retention has passed.
    Expired,
    /// The session was invalidated.
    Revoked,
    /// The token was renewed before, or is another session's.
    Superseded,
}

/// Why an existing record can't be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Sealed by a key that is not in the ring.
    #[error("the record was sealed by a key that is not in the record ring: put it back")]
    UnknownKey,
    /// Altered, or moved from another item.
    #[error("the record does not open under the key that it names: it was altered or moved")]
    OpenError,
    /// Neither `ACTIVE` nor `REVOKED`.
    #[error("the record's status is neither ACTIVE nor REVOKED")]
    UnknownStatus,
}

/// A record's `status`.
enum Status {
    Active,
    Revoked,
}

impl Status {
    fn of(text: &str) -> Result<Self, RecordError> {
        match text {
            "ACTIVE" => Ok(Self::Active),
            "REVOKED" => Ok(Self::Revoked),
            _ => Err(RecordError::UnknownStatus),
        }
    }
}

impl StoredRecord {
    /// The current token's `jti`, unless the attribute does not have the form of one.
    pub fn token_id(&self) -> Option<TokenId> {
        TokenId::new(&self.token_id)
    }

    /// Compares before it reveals: the request first, then the clear attributes, then what is
    /// sealed.
    pub fn judge(
        &self,
        draft: &NewRecord,
        ring: &KeyRing<RecordKey>,
        now: UnixMillis,
    ) -> Result<Verdict, RecordError> {
        if self.token_id == draft.token.id.as_str() {
            return Ok(Verdict::OwnWrite);
        }
        let record_key = ring
            .opener(&self.sealed_by)
            .ok_or(RecordError::UnknownKey)?;
        let fingerprint = draft
            .request
            .fingerprint(record_key, &draft.key)
            .map_err(|_| RecordError::OpenError)?;
        if !bool::from(self.fingerprint.as_slice().ct_eq(&fingerprint)) {
            return Ok(Verdict::Reused);
        }
        match Status::of(&self.status)? {
            Status::Revoked => Ok(Verdict::Revoked),
            Status::Active if self.expires_at <= now => Ok(Verdict::Expired),
            Status::Active => {
                let session = record_key.open_session(&draft.key, &self.sealed);
                let session = session.ok_or(RecordError::OpenError)?;
                Ok(Verdict::Replay(Issued {
                    token: self.current_token(&draft.key, ring)?,
                    server_public_key: session.server_public_key,
                    expires_at: self.expires_at,
                }))
            }
        }
    }

    /// What stands there decides in the protocol's order (protocol.md, Renew).
    pub fn judge_renewal(
        &self,
        renewal: &Renewal,
        ring: &KeyRing<RecordKey>,
        now: UnixMillis,
    ) -> Result<RenewalVerdict, RecordError> {
        if self.ttl <= now.seconds() {
            return Ok(RenewalVerdict::Expired);
        }
        if let Status::Revoked = Status::of(&self.status)? {
            return Ok(RenewalVerdict::Revoked);
        }
        if self.token_id == renewal.token.id.as_str() {
            return Ok(RenewalVerdict::OwnWrite);
        }
        if self.previous_token_id.as_deref() != Some(renewal.presented.as_str()) {
            return Ok(RenewalVerdict::Superseded);
        }
        Ok(RenewalVerdict::Replay(Renewed {
            token: self.current_token(&renewal.key, ring)?,
            expires_at: self.expires_at,
        }))
    }

    fn current_token(
        &self,
        key: &PartitionKey,
        ring: &KeyRing<RecordKey>,
    ) -> Result<Token, RecordError> {
        // The first token is sealed by the key that sealed the rest.
        let kid = self.token_sealed_by.as_ref().unwrap_or(&self.sealed_by);
        let record_key = ring.opener(kid).ok_or(RecordError::UnknownKey)?;
        record_key
            .open_token(key, &self.token_id, &self.token)
            .ok_or(RecordError::OpenError)
    }
}

/// What introspection reads of a record.
#[derive(Debug)]
pub struct SessionState {
    pub(super) status: String,
    /// In seconds since the epoch.
    pub(super) ttl: i64,
    pub(super) session_began: UnixMillis,
}

impl SessionState {
    /// Whether the session is `token`'s, is kept, and was not invalidated.
    pub fn keeps_active(
        &self,
        token: &PresentedToken,
        now: UnixMillis,
    ) -> Result<bool, RecordError> {
        let is_active = matches!(Status::of(&self.status)?, Status::Active);
        let is_its = self.session_began == token.lifetime.session_began();
        Ok(is_active && is_its && self.ttl > now.seconds())
    }
}
