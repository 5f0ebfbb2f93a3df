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

/// What an existing record means for what was to be written.
#[derive(Debug)]
pub enum Verdict<Granted, Reason> {
    /// It was written already: the answer to an earlier attempt was lost.
    OwnWrite,
    /// The same was asked for before: here is the session's current token.
    Replay(Granted),
    /// It may not be written.
    Refused(Reason),
}

/// What stands in a `referenceId`'s way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Another request has used it; nothing of that one may be told.
    #[error("reused")]
    Reused,
    /// Its token has ended.
    #[error("expired")]
    Expired,
    /// Its session was invalidated.
    #[error("revoked")]
    Revoked,
}

/// Why a session's token is not renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// The session's end has come, or its record is gone.
    #[error("expired")]
    Expired,
    /// The session was invalidated.
    #[error("revoked")]
    Revoked,
    /// The token was renewed before, and its successor too; or it is another session's.
    #[error("superseded")]
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
    ) -> Result<Verdict<Issued, Conflict>, RecordError> {
        if self.token_id == draft.token.id.as_str() {
            return Ok(Verdict::OwnWrite);
        }
        let record_key = ring
            .opener(&self.sealed_by)
            .ok_or(RecordError::UnknownKey)?;
        let fingerprint = draft.request.fingerprint(record_key, &draft.key);
        if !bool::from(self.fingerprint.as_slice().ct_eq(&fingerprint)) {
            return Ok(Verdict::Refused(Conflict::Reused));
        }
        match Status::of(&self.status)? {
            Status::Revoked => Ok(Verdict::Refused(Conflict::Revoked)),
            Status::Active if self.expires_at <= now => Ok(Verdict::Refused(Conflict::Expired)),
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
    ) -> Result<Verdict<Renewed, Ended>, RecordError> {
        if self.ttl <= now.seconds() {
            return Ok(Verdict::Refused(Ended::Expired));
        }
        if let Status::Revoked = Status::of(&self.status)? {
            return Ok(Verdict::Refused(Ended::Revoked));
        }
        if self.token_id == renewal.token.id.as_str() {
            return Ok(Verdict::OwnWrite);
        }
        if self.previous_token_id.as_deref() != Some(renewal.presented.as_str()) {
            return Ok(Verdict::Refused(Ended::Superseded));
        }
        Ok(Verdict::Replay(Renewed {
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
