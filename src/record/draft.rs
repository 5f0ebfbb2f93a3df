//! What is about to be written: a session's record, or its next token.

use ring::{error::Unspecified, rand::SecureRandom};

use super::{PartitionKey, RecordKey, contents, key::token_aad};
use crate::{
    clock::UnixMillis,
    json,
    keys::{KeyId, KeyRing, Named},
    partner::PartnerId,
    redacted::Redacted,
    request::IssueRequest,
    session::PublicKey,
    token::{Minted, PresentedToken, TokenId},
};

/// A request's compared members in their canonical form.
pub(super) struct RequestBytes {
    sdk_public_key: PublicKey,
    customer: Redacted<Vec<u8>>,
}

impl RequestBytes {
    pub(super) fn fingerprint(&self, record_key: &RecordKey, key: &PartitionKey) -> [u8; 32] {
        record_key.fingerprint(key, self.sdk_public_key.as_bytes(), &self.customer)
    }
}

/// A token as a record keeps it.
pub(super) struct SealedToken {
    pub(super) id: TokenId,
    pub(super) expires_at: UnixMillis,
    pub(super) sealed_by: KeyId,
    pub(super) bytes: Vec<u8>,
}

impl SealedToken {
    fn seal(
        record_key: &RecordKey,
        key: &PartitionKey,
        minted: &Minted,
        rng: &dyn SecureRandom,
    ) -> Result<Self, Unspecified> {
        let aad = token_aad(key, minted.id.as_str());
        Ok(Self {
            id: minted.id.clone(),
            expires_at: minted.lifetime.expires_at(),
            sealed_by: record_key.kid().clone(),
            bytes: record_key.seal(&aad, contents::token(minted)?, rng)?,
        })
    }
}

/// A record that is about to be written.
pub struct NewRecord {
    pub(super) key: PartitionKey,
    pub(super) session_began: UnixMillis,
    pub(super) fingerprint: [u8; 32],
    pub(super) sealed: Vec<u8>,
    pub(super) token: SealedToken,
    pub(super) request: RequestBytes,
}

impl NewRecord {
    /// Seals what is to be recorded of `minted` with the ring's first key.
    ///
    /// Fails only when the system's generator does.
    pub fn seal(
        ring: &KeyRing<RecordKey>,
        partner: &PartnerId,
        request: &IssueRequest,
        minted: &Minted,
        rng: &dyn SecureRandom,
    ) -> Result<Self, Unspecified> {
        let record_key = ring.sealer();
        let key = PartitionKey::new(partner, &request.reference_id);
        let request_bytes = RequestBytes {
            sdk_public_key: request.sdk_public_key.clone(),
            customer: json::write_secret(&request.customer, 0).map_err(|_| Unspecified)?,
        };
        let server_public_key = &request.session.server_public_key;
        let session = contents::session(server_public_key, &request_bytes.customer);
        Ok(Self {
            session_began: minted.lifetime.session_began(),
            fingerprint: request_bytes.fingerprint(record_key, &key),
            sealed: record_key.seal(key.as_bytes(), session, rng)?,
            token: SealedToken::seal(record_key, &key, minted, rng)?,
            key,
            request: request_bytes,
        })
    }

    /// The record key that sealed it.
    pub fn sealed_by(&self) -> &KeyId {
        &self.token.sealed_by
    }
}

/// A session's next token, which is about to take the presented one's place.
pub struct Renewal {
    pub(super) key: PartitionKey,
    pub(super) presented: TokenId,
    pub(super) token: SealedToken,
}

impl Renewal {
    /// Seals `minted` with the ring's first key.
    ///
    /// Fails only when the system's generator does.
    pub fn seal(
        ring: &KeyRing<RecordKey>,
        presented: &PresentedToken,
        minted: &Minted,
        rng: &dyn SecureRandom,
    ) -> Result<Self, Unspecified> {
        let key = PartitionKey::new(&presented.partner, &presented.reference_id);
        Ok(Self {
            token: SealedToken::seal(ring.sealer(), &key, minted, rng)?,
            presented: presented.id.clone(),
            key,
        })
    }

    /// The record key that sealed it.
    pub fn sealed_by(&self) -> &KeyId {
        &self.token.sealed_by
    }
}
