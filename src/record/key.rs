//! A record's two keys, and what they seal and fingerprint.

use ring::{
    error::Unspecified,
    hkdf::{self, HKDF_SHA256},
    hmac::{self, HMAC_SHA256},
    rand::SecureRandom,
};

use super::{
    PartitionKey,
    contents::{self, SessionContents},
};
use crate::{
    keys::{self, IV_LEN, KeyId, Named, SealingKey},
    redacted::Redacted,
    token::Token,
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
        let sealing = derive(b"record seal v1")?;
        let fingerprint = derive(b"record fingerprint v1")?;
        Ok(Self {
            sealing: SealingKey::new(kid, &sealing)?,
            fingerprint: hmac::Key::new(HMAC_SHA256, fingerprint.as_slice()),
        })
    }

    /// Opens `sealed` of the item `key`. `None` if it was altered, moved from another item, or
    /// sealed by another key.
    pub fn open_session(&self, key: &PartitionKey, sealed: &[u8]) -> Option<SessionContents> {
        contents::read_session(&self.open(key.as_bytes(), sealed)?)
    }

    /// Opens `token` of the item `key`, whose `jti` is `token_id`. `None` if it was altered, moved
    /// from another item or generation, or sealed by another key.
    pub fn open_token(&self, key: &PartitionKey, token_id: &str, sealed: &[u8]) -> Option<Token> {
        contents::read_token(&self.open(&token_aad(key, token_id), sealed)?)
    }

    fn open(&self, aad: &[u8], sealed: &[u8]) -> Option<Redacted<Vec<u8>>> {
        let (iv, ciphertext) = sealed.split_first_chunk::<IV_LEN>()?;
        let mut buffer = Redacted::new(ciphertext.to_vec());
        let plaintext = self.sealing.open(*iv, aad, &mut buffer).ok()?.len();
        buffer.truncate(plaintext);
        Some(buffer)
    }

    /// `iv (12) || ciphertext || tag (16)`.
    pub(super) fn seal(
        &self,
        aad: &[u8],
        mut plaintext: Redacted<Vec<u8>>,
        rng: &dyn SecureRandom,
    ) -> Result<Vec<u8>, Unspecified> {
        let iv = keys::fresh_iv(rng)?;
        self.sealing.seal(iv, aad, &mut plaintext)?;
        let mut sealed = Vec::with_capacity(IV_LEN + plaintext.len());
        sealed.extend_from_slice(&iv);
        sealed.extend_from_slice(&plaintext);
        Ok(sealed)
    }

    /// HMAC-SHA256 over `"v1" || length of pk (4) || pk || x || y || customer`: the members that
    /// make two requests the same, in a canonical form. Keyed, so that nobody can search it for a
    /// customer.
    pub(super) fn fingerprint(
        &self,
        key: &PartitionKey,
        point: &[u8; 64],
        customer: &[u8],
    ) -> [u8; 32] {
        let key = key.as_bytes();
        // A partition key has at most 129 bytes.
        let key_len = u32::try_from(key.len()).unwrap_or(u32::MAX);
        let mut hmac = hmac::Context::with_key(&self.fingerprint);
        for part in [b"v1", &key_len.to_be_bytes()[..], key, point, customer] {
            hmac.update(part);
        }
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(hmac.sign().as_ref());
        fingerprint
    }
}

/// `pk || 0 || jti`: no `pk` holds a zero byte.
pub(super) fn token_aad(key: &PartitionKey, token_id: &str) -> Vec<u8> {
    [key.as_bytes(), &[0], token_id.as_bytes()].concat()
}

impl Drop for RecordKey {
    /// As with an [`AeadKey`](crate::keys::AeadKey): what `ring` would leave in memory is
    /// overwritten.
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
