//! The session key that the SDK and this service agree on: ECDH-ES (RFC 7518 section 4.6) over
//! P-256 and the Concat KDF, direct key agreement for `A256GCM` (protocol.md, Session key).

use std::sync::Arc;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    prelude::BASE64_URL_SAFE_NO_PAD,
};
use ring::{
    agreement::{self, ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey},
    digest,
    error::Unspecified,
    rand::SecureRandom,
};

use crate::{
    json::{self, Value},
    keys::AeadKey,
    redacted::Redacted,
};

/// A P-256 coordinate in bytes.
const COORDINATE: usize = 32;

/// Largest JWK of an SDK's public key in bytes, decoded from its base64.
const MAX_JWK: usize = 1024;

/// A P-256 public key: `x` then `y`, 32 bytes each, big-endian.
///
/// One that was received is not known to lie on the curve before [`Session::agree`] took it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey([u8; 2 * COORDINATE]);

/// Which rule an `sdkPublicKey` breaks; never its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyFault {
    /// Neither base64 nor base64url.
    #[error("must be the base64url (or base64) of a JWK")]
    Base64,
    /// Over 1,024 bytes.
    #[error("must decode to at most 1024 bytes")]
    Size,
    /// Not a JSON object, or with a repeated member.
    #[error("must decode to a JWK: one JSON object without repeated members")]
    NotAnObject,
    /// A private key does not belong here.
    #[error("must be a public key: remove the private member d, and make a new key pair")]
    Private,
    /// Another kind of key.
    #[error("must be an EC key on P-256: kty EC, crv P-256")]
    Curve,
    /// Not 43 characters each.
    #[error("must have x and y of exactly 43 base64url characters each")]
    Coordinate,
    /// Not a point of P-256.
    #[error("must be a point on the curve P-256")]
    OffCurve,
}

impl PublicKey {
    /// Reads an `sdkPublicKey`: base64 or base64url, padded or not, of a public P-256 JWK.
    pub fn parse(encoded: &str) -> Result<Self, PublicKeyFault> {
        if encoded.len() > MAX_JWK.div_ceil(3) * 4 {
            return Err(PublicKeyFault::Size);
        }
        let jwk = decode_any(encoded).ok_or(PublicKeyFault::Base64)?;
        if jwk.len() > MAX_JWK {
            return Err(PublicKeyFault::Size);
        }
        let jwk = json::object(&jwk, 8).map_err(|_| PublicKeyFault::NotAnObject)?;
        if jwk.member("d").is_some() {
            return Err(PublicKeyFault::Private);
        }
        let text = |name| match jwk.member(name) {
            Some(Value::String(text)) => Some(text.as_ref()),
            _ => None,
        };
        if text("kty") != Some("EC") || text("crv") != Some("P-256") {
            return Err(PublicKeyFault::Curve);
        }
        let mut point = [0; 2 * COORDINATE];
        let (x, y) = point.split_at_mut(COORDINATE);
        for (name, coordinate) in [("x", x), ("y", y)] {
            let decoded = text(name).and_then(|text| BASE64_URL_SAFE_NO_PAD.decode(text).ok());
            let decoded = decoded.filter(|bytes| bytes.len() == COORDINATE);
            coordinate.copy_from_slice(&decoded.ok_or(PublicKeyFault::Coordinate)?);
        }
        Ok(Self(point))
    }

    /// From the 64 bytes of [`PublicKey::as_bytes`].
    pub(crate) fn from_bytes(point: [u8; 2 * COORDINATE]) -> Self {
        Self(point)
    }

    /// `x` then `y`.
    pub fn as_bytes(&self) -> &[u8; 2 * COORDINATE] {
        &self.0
    }

    /// base64url of the JWK, members in the protocol's order: the answer's `serverPubKey`.
    pub fn to_base64url_jwk(&self) -> String {
        let (x, y) = self.0.split_at(COORDINATE);
        let [x, y] = [x, y].map(|coordinate| BASE64_URL_SAFE_NO_PAD.encode(coordinate));
        let jwk = format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}}"#);
        BASE64_URL_SAFE_NO_PAD.encode(jwk)
    }

    /// SEC 1 section 2.3.3, uncompressed: `04 || x || y`.
    fn to_sec1(&self) -> [u8; 1 + 2 * COORDINATE] {
        let mut sec1 = [0x04; 1 + 2 * COORDINATE];
        if let Some((_, point)) = sec1.split_first_mut() {
            point.copy_from_slice(&self.0);
        }
        sec1
    }
}

/// One alphabet or the other, but not both in one text; canonical, with all of its padding or none.
fn decode_any(encoded: &str) -> Option<Vec<u8>> {
    const CONFIG: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);
    const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
    let padded = encoded.ends_with('=');
    if padded && !encoded.len().is_multiple_of(4) {
        return None;
    }
    URL_SAFE
        .decode(encoded)
        .or_else(|_| STANDARD.decode(encoded))
        .ok()
}

/// A 32-byte session key. It has one place, as each move would leave a copy behind.
#[derive(Debug)]
pub struct SessionKey(Box<Redacted<[u8; 32]>>);

impl SessionKey {
    pub(crate) fn from_bytes(bytes: Box<Redacted<[u8; 32]>>) -> Self {
        Self(bytes)
    }

    /// Opens what the SDK sealed, and seals what it gets.
    pub(crate) fn aead(&self) -> Result<Arc<AeadKey>, Unspecified> {
        AeadKey::new(&self.0).map(Arc::new)
    }

    /// The key, for the token's `cnf` claim and nothing else.
    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

/// What one agreement yields. The ephemeral private key is gone: it is never stored.
#[derive(Debug)]
pub struct Session {
    /// Goes into the token.
    pub key: SessionKey,
    /// Goes to the SDK, which derives the same key with it.
    pub server_public_key: PublicKey,
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum AgreementError {
    /// The SDK's key is no point of P-256.
    #[error("the SDK's public key is not on the curve P-256")]
    OffCurve,
    /// The system's generator failed.
    #[error("the system's random generator failed")]
    Generator,
}

impl Session {
    /// Agrees with the SDK under a fresh key pair. This is also what validates the SDK's key:
    /// `ring` checks that the coordinates are in range and on the curve (NIST SP 800-56A section
    /// 5.6.2.3.4).
    pub fn agree(
        sdk_public_key: &PublicKey,
        rng: &dyn SecureRandom,
    ) -> Result<Self, AgreementError> {
        let generator = |_: Unspecified| AgreementError::Generator;
        let private_key = EphemeralPrivateKey::generate(&ECDH_P256, rng).map_err(generator)?;
        let sec1 = private_key.compute_public_key().map_err(generator)?;
        let (_, point) = sec1
            .as_ref()
            .split_first()
            .ok_or(AgreementError::Generator)?;
        let point = point.try_into().map_err(|_| AgreementError::Generator)?;
        let peer = UnparsedPublicKey::new(&ECDH_P256, sdk_public_key.to_sec1());
        let key = agreement::agree_ephemeral(private_key, &peer, concat_kdf)
            .map_err(|_| AgreementError::OffCurve)?
            .map_err(generator)?;
        Ok(Self {
            key: SessionKey(Box::new(key)),
            server_public_key: PublicKey(point),
        })
    }
}

/// `SHA-256(00000001 || Z || 00000007 || "A256GCM" || 00000000 || 00000000 || 00000100)`: one round
/// of the Concat KDF (NIST SP 800-56A section 5.8.2.1, RFC 7518 section 4.6.2), empty `apu` and
/// `apv`.
///
/// Fails for a text of over 4 GiB only, which there is none of.
pub(crate) fn concat_kdf(z: &[u8]) -> Result<Redacted<[u8; 32]>, Unspecified> {
    concat_kdf_with(z, b"A256GCM", b"", b"", 256)
}

fn concat_kdf_with(
    z: &[u8],
    algorithm: &[u8],
    apu: &[u8],
    apv: &[u8],
    key_bits: u32,
) -> Result<Redacted<[u8; 32]>, Unspecified> {
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(&1_u32.to_be_bytes());
    hash.update(z);
    for field in [algorithm, apu, apv] {
        let len = u32::try_from(field.len()).map_err(|_| Unspecified)?;
        hash.update(&len.to_be_bytes());
        hash.update(field);
    }
    hash.update(&key_bits.to_be_bytes());
    let mut key = Redacted::new([0; 32]);
    key.copy_from_slice(hash.finish().as_ref());
    Ok(key)
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
