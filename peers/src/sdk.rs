//! The mobile SDK's side: a P-256 key pair, and the session key that it agrees on with the service.
//!
//! ECDH-ES with direct key agreement (RFC 7518 section 4.6), `enc` `A256GCM`, `apu` and `apv`
//! empty.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Request, header};
use p256::{
    EncodedPoint, FieldBytes, PublicKey, SecretKey,
    ecdh::diffie_hellman,
    elliptic_curve::{
        rand_core::OsRng,
        sec1::{FromEncodedPoint, ToEncodedPoint},
    },
};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::jwe;

/// The path that renews a token, and whose answer's `resCode` is a string.
pub const RENEW_PATH: &str = "/token-service/client/app/renew/v2/token";
/// The same, with a number.
pub const LEGACY_RENEW_PATH: &str = "/token-service/client/app/renew/token";

/// A renewal's headers and body.
#[derive(Clone, Copy)]
pub struct Renewal<'a> {
    /// One of the partner's, as the SDK was given it.
    pub sdk_api_key: &'a str,
    /// The token's `sub`.
    pub account_number: &'a str,
    /// The current token.
    pub token: &'a str,
    /// Of [`KeyPair::session_key`].
    pub session_key: &'a [u8; 32],
}

impl Renewal<'_> {
    /// The request, at [`RENEW_PATH`] or [`LEGACY_RENEW_PATH`].
    ///
    /// # Errors
    /// A header's value is none.
    pub fn request(&self, path: &str) -> Result<Request<Bytes>, http::Error> {
        let body = json!({ "token": self.token }).to_string();
        Request::post(path)
            .header("x-api-key", self.sdk_api_key)
            .header("x-api-token", self.token)
            .header("x-account-number", self.account_number)
            .header(header::CONTENT_TYPE, "text/plain")
            .body(jwe::seal(body.as_bytes(), self.session_key, None).into())
    }
}

/// An SDK's key pair. The private half never leaves the device.
pub struct KeyPair {
    private: SecretKey,
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").finish_non_exhaustive()
    }
}

/// Why a key is not one of P-256.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not unpadded base64url.
    #[error("the key is not base64url without padding: is it cut off, or changed?")]
    Base64(#[from] base64::DecodeError),
    /// Not a JWK of kind EC with its coordinates.
    #[error("the key is not a JWK with kty, crv, x and y")]
    Jwk(#[from] serde_json::Error),
    /// Another curve or kind of key.
    #[error("the key's kty and crv must be EC and P-256, but are {kty} and {crv}")]
    Kind {
        /// What it says for `kty`.
        kty: String,
        /// What it says for `crv`.
        crv: String,
    },
    /// A coordinate or a private key that is not 32 bytes.
    #[error("its {0} must be 32 bytes, which are 43 characters of base64url")]
    Length(&'static str),
    /// The point is not on the curve.
    #[error("its x and y are no point of P-256")]
    NotOnCurve,
    /// There is no private key, or it is out of range.
    #[error("its d is missing or out of range: this must be a private key")]
    NotPrivate,
}

#[derive(Deserialize)]
struct EcJwk {
    kty: String,
    crv: String,
    x: String,
    y: String,
    d: Option<String>,
}

impl KeyPair {
    /// A fresh pair, as a real SDK makes for each token.
    pub fn generate() -> Self {
        Self {
            private: SecretKey::random(&mut OsRng),
        }
    }

    /// A pair from a private JWK.
    ///
    /// # Errors
    /// It is not a private P-256 key, or its halves do not belong together.
    pub fn from_jwk(json: &str) -> Result<Self, KeyError> {
        let jwk: EcJwk = serde_json::from_str(json)?;
        let public = point(&jwk)?;
        let d = coordinate(jwk.d.as_deref().ok_or(KeyError::NotPrivate)?, "d")?;
        let private = SecretKey::from_bytes(&d).map_err(|_| KeyError::NotPrivate)?;
        if private.public_key() != public {
            return Err(KeyError::NotPrivate);
        }
        Ok(Self { private })
    }

    /// The `sdkPublicKey` member: base64url of the public JWK.
    pub fn public_key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.public_jwk())
    }

    /// The public JWK as JSON.
    pub fn public_jwk(&self) -> String {
        format!("{{{}}}", self.public_members())
    }

    /// The private JWK as JSON: for [`KeyPair::from_jwk`], and for nobody but the device.
    pub fn private_jwk(&self) -> Zeroizing<String> {
        let d = Zeroizing::new(<[u8; 32]>::from(self.private.to_bytes()));
        let d = Zeroizing::new(URL_SAFE_NO_PAD.encode(d.as_slice()));
        Zeroizing::new(format!(
            r#"{{{},"d":"{}"}}"#,
            self.public_members(),
            d.as_str()
        ))
    }

    fn public_members(&self) -> String {
        let point = self.private.public_key().to_encoded_point(false);
        let encode = |coordinate: Option<&FieldBytes>| {
            URL_SAFE_NO_PAD.encode(coordinate.map(|bytes| bytes.to_vec()).unwrap_or_default())
        };
        format!(
            r#""kty":"EC","crv":"P-256","x":"{}","y":"{}""#,
            encode(point.x()),
            encode(point.y())
        )
    }

    /// The session key, from the answer's `serverPubKey`.
    ///
    /// # Errors
    /// `server_pub_key` is not base64url of a P-256 JWK whose point is on the curve.
    pub fn session_key(&self, server_pub_key: &str) -> Result<[u8; 32], KeyError> {
        let jwk: EcJwk = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(server_pub_key)?)?;
        Ok(concat_kdf(
            &self.agree(&point(&jwk)?),
            "A256GCM",
            b"",
            b"",
            256,
        ))
    }

    /// Z: the x-coordinate of the shared point.
    fn agree(&self, public: &PublicKey) -> [u8; 32] {
        let z = diffie_hellman(self.private.to_nonzero_scalar(), public.as_affine());
        (*z.raw_secret_bytes()).into()
    }
}

fn point(jwk: &EcJwk) -> Result<PublicKey, KeyError> {
    if (jwk.kty.as_str(), jwk.crv.as_str()) != ("EC", "P-256") {
        return Err(KeyError::Kind {
            kty: jwk.kty.clone(),
            crv: jwk.crv.clone(),
        });
    }
    let (x, y) = (coordinate(&jwk.x, "x")?, coordinate(&jwk.y, "y")?);
    let point = EncodedPoint::from_affine_coordinates(&x, &y, false);
    Option::from(PublicKey::from_encoded_point(&point)).ok_or(KeyError::NotOnCurve)
}

fn coordinate(text: &str, name: &'static str) -> Result<FieldBytes, KeyError> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    let bytes: Option<[u8; 32]> = bytes.and_then(|bytes| bytes.try_into().ok());
    Ok(bytes.ok_or(KeyError::Length(name))?.into())
}

/// The Concat KDF of RFC 7518 section 4.6.2, for keys of at most one SHA-256:
///
/// ```text
/// SHA-256( 00000001 || Z || len(alg) || alg || len(apu) || apu || len(apv) || apv || key_bits )
/// ```
///
/// Numbers are 32-bit big-endian, lengths count bytes. A key of `key_bits` is the leftmost bits of
/// what is returned.
fn concat_kdf(z: &[u8], algorithm: &str, apu: &[u8], apv: &[u8], key_bits: u32) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(1_u32.to_be_bytes());
    hash.update(z);
    for field in [algorithm.as_bytes(), apu, apv] {
        // Algorithm names and party names are a few bytes long; the RFC's length field has 32 bits.
        hash.update((field.len() as u32).to_be_bytes());
        hash.update(field);
    }
    hash.update(key_bits.to_be_bytes());
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7518 appendix C: Alice's ephemeral key.
    const ALICE: &str = r#"{"kty":"EC","crv":"P-256",
        "x":"gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0",
        "y":"SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps",
        "d":"0_NxaRPUMQoAJt50Gz8YiTr8gRTwyEaCumd-MToTmIo"}"#;
    /// RFC 7518 appendix C: Bob's key.
    const BOB: &str = r#"{"kty":"EC","crv":"P-256",
        "x":"weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ",
        "y":"e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck",
        "d":"VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw"}"#;
    /// RFC 7518 appendix C: the Z that both agree on.
    const Z: [u8; 32] = [
        158, 86, 217, 29, 129, 113, 53, 211, 114, 131, 66, 131, 191, 132, 38, 156, 251, 49, 110,
        163, 218, 128, 106, 72, 246, 218, 167, 121, 140, 254, 144, 196,
    ];

    #[test]
    fn agrees_as_in_rfc_7518_appendix_c() {
        let (alice, bob) = (
            KeyPair::from_jwk(ALICE).unwrap(),
            KeyPair::from_jwk(BOB).unwrap(),
        );
        assert_eq!(alice.agree(&bob.private.public_key()), Z);
        assert_eq!(bob.agree(&alice.private.public_key()), Z);
    }

    #[test]
    fn derives_as_in_rfc_7518_appendix_c() {
        let key = concat_kdf(&Z, "A128GCM", b"Alice", b"Bob", 128);
        assert_eq!(URL_SAFE_NO_PAD.encode(&key[..16]), "VqqN6vgjbSBcIijNcacQGg");
    }

    /// The protocol's formula over the RFC's Z, worked out with Python's hashlib.
    #[test]
    fn the_session_key_is_for_a256gcm_and_names_no_parties() {
        let (alice, bob) = (
            KeyPair::from_jwk(ALICE).unwrap(),
            KeyPair::from_jwk(BOB).unwrap(),
        );
        let key = alice.session_key(&bob.public_key()).unwrap();
        assert_eq!(
            URL_SAFE_NO_PAD.encode(key),
            "sn4a5FuGA19w_9WEuHo1U71fFW7At1TNTQ909lYtNTU"
        );
    }

    #[test]
    fn both_sides_derive_the_same_session_key() {
        let (sdk, server) = (KeyPair::generate(), KeyPair::generate());
        assert_eq!(
            sdk.session_key(&server.public_key()).unwrap(),
            server.session_key(&sdk.public_key()).unwrap()
        );
    }

    #[test]
    fn reads_the_private_key_that_it_wrote() {
        let pair = KeyPair::generate();
        let read = KeyPair::from_jwk(&pair.private_jwk()).unwrap();
        assert_eq!(read.private, pair.private);
        assert!(!pair.public_jwk().contains("\"d\""));
    }

    #[test]
    fn names_the_coordinate_that_is_cut_off() {
        let cut = ALICE.replace("eUD7nMFpps", "eUD7nMFpp");
        let refused = KeyPair::from_jwk(&cut).unwrap_err();
        assert!(matches!(refused, KeyError::Length("y")), "{refused}");
    }

    #[test]
    fn refuses_a_point_off_the_curve() {
        let bent = ALICE.replace("SLW_", "SLW-");
        assert!(matches!(
            KeyPair::from_jwk(&bent),
            Err(KeyError::NotOnCurve)
        ));
    }

    #[test]
    fn refuses_halves_of_two_pairs() {
        let mixed = ALICE.replace(
            "0_NxaRPUMQoAJt50Gz8YiTr8gRTwyEaCumd-MToTmIo",
            "VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw",
        );
        assert!(matches!(
            KeyPair::from_jwk(&mixed),
            Err(KeyError::NotPrivate)
        ));
    }
}
