//! What is derived of keys, by other code than the service's.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hkdf::Hkdf;
use serde_json::Value;
use sha2::Sha256;

/// The Concat KDF of protocol.md, Session key.
pub(super) fn session_key(z: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    let mut hash = Sha256::new();
    hash.update(1_u32.to_be_bytes());
    hash.update(z);
    hash.update(7_u32.to_be_bytes());
    hash.update(b"A256GCM");
    hash.update([0; 8]);
    hash.update(256_u32.to_be_bytes());
    hash.finalize().into()
}

/// The ids and keys of a ring.
pub(in crate::taint) fn keys(ring: &Value) -> Vec<(String, [u8; 32])> {
    let keys = ring["keys"].as_array().unwrap();
    keys.iter()
        .map(|jwk| {
            let k = URL_SAFE_NO_PAD.decode(jwk["k"].as_str().unwrap()).unwrap();
            (
                jwk["kid"].as_str().unwrap().to_owned(),
                k.try_into().unwrap(),
            )
        })
        .collect()
}

/// What `ring` makes of an HMAC-SHA256 key and keeps in its place: the hash's state after the inner
/// and the outer pad (RFC 2104 section 4), as good as the key itself.
pub(super) fn hmac_states(key: &[u8; 32]) -> [[u8; 32]; 2] {
    [0x36, 0x5c].map(|pad| {
        let mut block = [pad; 64];
        block
            .iter_mut()
            .zip(key)
            .for_each(|(byte, key)| *byte ^= key);
        // FIPS 180-4 section 5.3.3.
        let mut state = [
            0x6a09_e667,
            0xbb67_ae85,
            0x3c6e_f372,
            0xa54f_f53a,
            0x510e_527f,
            0x9b05_688c,
            0x1f83_d9ab,
            0x5be0_cd19,
        ];
        sha2::compress256(&mut state, &[block.into()]);
        let mut bytes = [0; 32];
        let words = bytes.chunks_exact_mut(4).zip(state);
        words.for_each(|(bytes, word)| bytes.copy_from_slice(&word.to_ne_bytes()));
        bytes
    })
}

/// A key that the service derives of a record key.
pub(in crate::taint) fn derived(record_key: &[u8; 32], info: &str) -> [u8; 32] {
    let mut key = [0; 32];
    Hkdf::<Sha256>::new(None, record_key)
        .expand(info.as_bytes(), &mut key)
        .unwrap();
    key
}
