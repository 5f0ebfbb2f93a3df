//! What the page's bytes are recomputed with: RustCrypto, and nothing of the service's.

use aes_gcm::{
    Aes256Gcm, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use p256::{
    EncodedPoint, PublicKey, SecretKey, ecdh::diffie_hellman,
    elliptic_curve::sec1::FromEncodedPoint,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::check::Fault;

/// Bytes written in hex, 32 a line, each line with or without a comment.
pub(crate) fn hex(text: &str) -> Result<Vec<u8>, Fault> {
    let digits: String = text
        .lines()
        .filter_map(|line| line.split("  #").next())
        .flat_map(|data| data.chars().filter(|c| !c.is_whitespace()))
        .collect();
    let lower = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    if !digits.len().is_multiple_of(2) || !digits.bytes().all(lower) {
        return Err(format!("not lower-case hex: {digits}"));
    }
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).map_err(|error| error.to_string());
    (0..digits.len()).step_by(2).map(byte).collect()
}

pub(crate) fn base64url(text: &str) -> Result<Vec<u8>, Fault> {
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|error| format!("{text}: {error}"))
}

pub(crate) fn base64(text: &str) -> Result<Vec<u8>, Fault> {
    STANDARD
        .decode(text)
        .map_err(|error| format!("{text}: {error}"))
}

pub(crate) fn sha256(bytes: &[u8]) -> Vec<u8> {
    Sha256::digest(bytes).to_vec()
}

/// HKDF-SHA256 (RFC 5869) without salt, 32 bytes.
pub(crate) fn hkdf(key: &[u8], info: &str) -> Vec<u8> {
    let mut derived = vec![0; 32];
    Hkdf::<Sha256>::new(None, key)
        .expand(info.as_bytes(), &mut derived)
        .unwrap();
    derived
}

pub(crate) fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// Opens `IV || ciphertext || tag`.
pub(crate) fn open(key: &[u8], aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Fault> {
    let (iv, msg) = sealed.split_first_chunk::<12>().ok_or("no IV")?;
    let aead = Aes256Gcm::new_from_slice(key).map_err(|error| error.to_string())?;
    aead.decrypt(&Nonce::from(*iv), Payload { msg, aad })
        .map_err(|_| "it does not open".to_owned())
}

/// The x-coordinate of the shared point of a private and a public JWK.
pub(crate) fn agree(private: &Value, public: &Value) -> Result<Vec<u8>, Fault> {
    let member = |jwk: &Value, name: &str| {
        let bytes = base64url(jwk[name].as_str().unwrap_or_default())?;
        <[u8; 32]>::try_from(bytes).map_err(|_| format!("{name} is not 32 bytes"))
    };
    let (x, y) = (member(public, "x")?, member(public, "y")?);
    let point = EncodedPoint::from_affine_coordinates(&x.into(), &y.into(), false);
    let point = Option::<PublicKey>::from(PublicKey::from_encoded_point(&point))
        .ok_or("not on the curve")?;
    let d = SecretKey::from_slice(&member(private, "d")?).map_err(|error| error.to_string())?;
    let z = diffie_hellman(d.to_nonzero_scalar(), point.as_affine());
    Ok(z.raw_secret_bytes().to_vec())
}
