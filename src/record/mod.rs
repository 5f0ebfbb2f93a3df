//! The record of an issue: what of it is clear, what is sealed, and how a request is compared with
//! the one that made it (protocol.md, Record).
//!
//! Where records are kept is the business of [`store`].
//!
//! `sealed` is AES-256-GCM with `pk` as AAD, `iv (12) || ciphertext || tag (16)`, over
//!
//! ```text
//! token kid length (1) || token kid || token IV (12)
//!   || length (2) || token ciphertext and tag || server's x || y (64) || customer (JSON, the rest)
//! ```
//!
//! with lengths in bytes, big-endian. The token's decoded segments and the point take a quarter
//! less than their text, and the strings are rebuilt for a replay.

pub mod store;

use crate::redacted::Redacted;
use ring::{
    error::Unspecified,
    hkdf::{self, HKDF_SHA256},
    hmac::{self, HMAC_SHA256},
    rand::SecureRandom,
};
use subtle::ConstantTimeEq;

use crate::{
    clock::UnixMillis,
    json,
    keys::{self, IV_LEN, KeyId, KeyRing, Named, SealingKey, TAG_LEN},
    partner::PartnerId,
    request::{IssueRequest, ReferenceId},
    session::PublicKey,
    token::{Minted, Token, TokenId},
};

/// A record's two keys, derived from one by HKDF-SHA256 (RFC 5869) without salt.
#[derive(Debug)]
pub struct RecordKey {
    sealing: SealingKey,
    fingerprint: hmac::Key,
}

impl RecordKey {
    pub(crate) fn new(kid: KeyId, bytes: &[u8; 32]) -> Result<Self, Unspecified> {
        let prk = hkdf::Salt::new(HKDF_SHA256, &[]).extract(bytes.as_slice());
        let derive = |info: &[u8]| {
            let mut derived = Redacted::new([0; 32]);
            prk.expand(&[info], HKDF_SHA256)?
                .fill(derived.as_mut_slice())?;
            Ok::<_, Unspecified>(derived)
        };
        Ok(Self {
            sealing: SealingKey::new(kid, &*derive(b"record seal v1")?)?,
            fingerprint: hmac::Key::new(HMAC_SHA256, derive(b"record fingerprint v1")?.as_slice()),
        })
    }

    /// Opens what `seal` made for `key`. `None` if it was altered, moved from another item, or sealed
    /// by another key.
    pub fn open(&self, key: &PartitionKey, sealed: &[u8]) -> Option<Contents> {
        let (iv, ciphertext) = sealed.split_first_chunk::<IV_LEN>()?;
        let mut buffer = Redacted::new(ciphertext.to_vec());
        let contents = self.sealing.open(*iv, key.0.as_bytes(), &mut buffer).ok()?;
        Contents::read(contents)
    }

    /// HMAC-SHA256 over `"v1" || length of pk (4) || pk || x || y || customer`: the members that make
    /// two requests the same, in a canonical form. Keyed, so that nobody can search it for a customer.
    /// Fails for a partition key of over 4 GiB only, which there is none of.
    fn fingerprint(
        &self,
        key: &PartitionKey,
        request: &RequestBytes,
    ) -> Result<[u8; 32], Unspecified> {
        let key_len = u32::try_from(key.0.len()).map_err(|_| Unspecified)?;
        let mut hmac = hmac::Context::with_key(&self.fingerprint);
        hmac.update(b"v1");
        hmac.update(&key_len.to_be_bytes());
        hmac.update(key.0.as_bytes());
        hmac.update(request.sdk_public_key.as_bytes());
        hmac.update(&request.customer);
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(hmac.sign().as_ref());
        Ok(fingerprint)
    }
}

impl Drop for RecordKey {
    /// As with [`SealingKey`]: what `ring` would leave in memory is overwritten.
    fn drop(&mut self) {
        self.fingerprint = hmac::Key::new(HMAC_SHA256, &[0; 32]);
        std::hint::black_box(&self.fingerprint);
    }
}

impl Named for RecordKey {
    fn kid(&self) -> &KeyId {
        self.sealing.kid()
    }
}

/// A record's partition key: `<partnerId>#<referenceId>`. No partner id holds a `#`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionKey(String);

impl PartitionKey {
    /// Names one issue.
    pub fn new(partner: &PartnerId, reference: &ReferenceId) -> Self {
        Self(format!("{}#{}", partner.as_str(), reference.as_str()))
    }

    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A request's compared members in their canonical form.
struct RequestBytes {
    sdk_public_key: PublicKey,
    customer: Redacted<Vec<u8>>,
}

impl RequestBytes {
    fn of(request: &IssueRequest) -> Result<Self, Unspecified> {
        Ok(Self {
            sdk_public_key: request.sdk_public_key.clone(),
            customer: json::write_secret(&request.customer, 0).map_err(|_| Unspecified)?,
        })
    }
}

/// A record that is about to be written.
pub struct NewRecord {
    key: PartitionKey,
    token_id: String,
    issued_at: UnixMillis,
    expires_at: UnixMillis,
    sealed_by: KeyId,
    fingerprint: [u8; 32],
    sealed: Vec<u8>,
    request: RequestBytes,
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
        issued_at: UnixMillis,
        rng: &dyn SecureRandom,
    ) -> Result<Self, Unspecified> {
        let record_key = ring.sealer();
        let key = PartitionKey::new(partner, &request.reference_id);
        let request_bytes = RequestBytes::of(request)?;
        let iv = keys::fresh_iv(rng)?;
        let mut contents = contents(minted, &request.session.server_public_key, &request_bytes)?;
        record_key
            .sealing
            .seal(iv, key.0.as_bytes(), &mut contents)?;
        let mut sealed = Vec::with_capacity(IV_LEN + contents.len());
        sealed.extend_from_slice(&iv);
        sealed.extend_from_slice(&contents);
        Ok(Self {
            token_id: minted.id.as_str().to_owned(),
            issued_at,
            expires_at: minted.lifetime.expires_at(),
            sealed_by: record_key.kid().clone(),
            fingerprint: record_key.fingerprint(&key, &request_bytes)?,
            sealed,
            key,
            request: request_bytes,
        })
    }

    /// The record key that sealed it.
    pub fn sealed_by(&self) -> &KeyId {
        &self.sealed_by
    }
}

/// The plaintext of `sealed`, as drawn at the head of this file, with room for the tag.
fn contents(
    minted: &Minted,
    server_public_key: &PublicKey,
    request: &RequestBytes,
) -> Result<Redacted<Vec<u8>>, Unspecified> {
    let kid = minted.kid.as_str().as_bytes();
    let token = minted.token.sealed();
    let ciphertext = token.ciphertext_and_tag();
    let kid_len = u8::try_from(kid.len()).map_err(|_| Unspecified)?;
    let ciphertext_len = u16::try_from(ciphertext.len()).map_err(|_| Unspecified)?;
    let parts = [
        &[kid_len][..],
        kid,
        token.iv(),
        &ciphertext_len.to_be_bytes(),
        ciphertext,
        server_public_key.as_bytes(),
        &request.customer,
    ];
    let len: usize = parts.iter().map(|part| part.len()).sum();
    let mut contents = Redacted::new(Vec::with_capacity(len + TAG_LEN));
    for part in parts {
        contents.extend_from_slice(part);
    }
    Ok(contents)
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

/// The record that stands where a draft was to be written.
#[derive(Debug)]
pub struct StoredRecord {
    token_id: String,
    status: String,
    expires_at: UnixMillis,
    sealed_by: String,
    fingerprint: Vec<u8>,
    sealed: Vec<u8>,
}

/// What an existing record means for a request.
#[derive(Debug)]
pub enum Verdict {
    /// It is the draft itself: the answer to an earlier attempt to write it was lost.
    OwnWrite,
    /// The same request: here is its token.
    Replay(Issued),
    /// Another request: nothing of the first one may be told.
    Reused,
    /// The same request, whose token has ended.
    Expired,
    /// The same request, whose token was invalidated.
    Revoked,
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

impl StoredRecord {
    /// The token's `jti`, unless the attribute does not have the form of one.
    pub fn token_id(&self) -> Option<TokenId> {
        TokenId::new(&self.token_id)
    }

    /// Compares before it reveals: the request first, then the clear attributes, then what is sealed.
    pub fn judge(
        &self,
        draft: &NewRecord,
        ring: &KeyRing<RecordKey>,
        now: UnixMillis,
    ) -> Result<Verdict, RecordError> {
        if self.token_id == draft.token_id {
            return Ok(Verdict::OwnWrite);
        }
        let record_key = ring
            .opener(&self.sealed_by)
            .ok_or(RecordError::UnknownKey)?;
        let fingerprint = record_key
            .fingerprint(&draft.key, &draft.request)
            .map_err(|_| RecordError::OpenError)?;
        if !bool::from(self.fingerprint.as_slice().ct_eq(&fingerprint)) {
            return Ok(Verdict::Reused);
        }
        match self.status.as_str() {
            "ACTIVE" if self.expires_at <= now => Ok(Verdict::Expired),
            "ACTIVE" => self
                .open(record_key, &draft.key)
                .map(Verdict::Replay)
                .ok_or(RecordError::OpenError),
            "REVOKED" => Ok(Verdict::Revoked),
            _ => Err(RecordError::UnknownStatus),
        }
    }

    fn open(&self, record_key: &RecordKey, key: &PartitionKey) -> Option<Issued> {
        let contents = record_key.open(key, &self.sealed)?;
        Some(Issued {
            token: contents.token,
            server_public_key: contents.server_public_key,
            expires_at: self.expires_at,
        })
    }
}

/// What is sealed in a record: enough for a replay and for an audit.
#[derive(Debug)]
pub struct Contents {
    /// The token.
    pub token: Token,
    /// The key that sealed the token.
    pub token_kid: KeyId,
    /// The SDK derives the session key with it.
    pub server_public_key: PublicKey,
    /// The customer.
    pub customer: CustomerJson,
}

/// A customer's details in canonical JSON, as [`crate::request::Customer`] is written.
#[derive(Debug)]
pub struct CustomerJson(Redacted<Vec<u8>>);

impl CustomerJson {
    /// The JSON, for whom is entitled to it.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl Contents {
    /// Reads the layout that is drawn at the head of this file.
    fn read(contents: &[u8]) -> Option<Self> {
        let (kid_len, rest) = contents.split_first()?;
        let (kid, rest) = rest.split_at_checked(usize::from(*kid_len))?;
        let (iv, rest) = rest.split_first_chunk::<IV_LEN>()?;
        let (ciphertext_len, rest) = rest.split_first_chunk::<2>()?;
        let (ciphertext, rest) =
            rest.split_at_checked(u16::from_be_bytes(*ciphertext_len).into())?;
        let (point, customer) = rest.split_first_chunk::<64>()?;
        let token_kid = KeyId::new(std::str::from_utf8(kid).ok()?)?;
        Some(Self {
            token: Token::from_parts(&token_kid, *iv, ciphertext.to_vec()).ok()?,
            token_kid,
            server_public_key: PublicKey::from_bytes(*point),
            customer: CustomerJson(Redacted::new(customer.to_vec())),
        })
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
