//! What others make of the same JWE: `peers` (this project's partner, with RustCrypto's AES-GCM)
//! and `biscuit`, somebody else's JOSE library. Each difference must be one of those that are
//! lawful, told from the header by another reading.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use biscuit::{
    Empty,
    jwa::{ContentEncryptionAlgorithm::A256GCM, KeyManagementAlgorithm::DirectSymmetricKey},
    jwe::Compact,
    jwk::JWK,
};
use serde::{
    Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::Value;

/// Holds what the service made of `jwe` under `key` against the others.
#[track_caller]
pub fn agree(jwe: &str, key: &[u8; 32], ours: Option<&[u8]>) {
    let segments: Vec<Vec<u8>> = jwe
        .split('.')
        .map(|text| BASE64.decode(text).unwrap_or_default())
        .collect();
    let header = segments.first().map_or(&[][..], Vec::as_slice);
    match (ours, peers::jwe::open(jwe, key)) {
        (Some(ours), Ok(theirs)) => assert_eq!(ours, theirs.plaintext),
        (None, Ok(_)) => assert!(is_bounded(header), "only peers opens it"),
        (Some(_), Err(error)) => {
            let unread = matches!(error, peers::jwe::OpenError::Header(_)) && is_no_value(header);
            assert!(unread, "only we open it, and not peers: {error}");
        }
        (None, Err(_)) => {}
    }
    match (ours, biscuit(jwe, key)) {
        (Some(ours), Ok(theirs)) => assert_eq!(ours, theirs),
        (None, Ok(_)) => {
            // It takes any encrypted key with `dir`, glues ciphertext and tag together wherever the
            // dot is, and leaves `crit` to its caller (RFC 7516 sections 5.2 and 4.1.13; RFC 7518
            // sections 4.5 and 5.3 are on our side).
            let [_, encrypted_key, _, _, tag] = &segments[..] else {
                panic!("only biscuit opens it, of {} segments", segments.len());
            };
            let lawful = !encrypted_key.is_empty()
                || tag.len() != 16
                || is_bounded(header)
                || is_extended(header);
            assert!(lawful, "only biscuit opens it");
        }
        (Some(_), Err(error)) => {
            assert!(
                is_no_value(header) || is_typed(header),
                "only we open it, and not biscuit: {error}"
            );
        }
        (None, Err(_)) => {}
    }
}

fn biscuit(jwe: &str, key: &[u8; 32]) -> Result<Vec<u8>, biscuit::errors::Error> {
    let jwk: JWK<Empty> = JWK::new_octet_key(key, Empty::default());
    let opened =
        Compact::<Vec<u8>, Empty>::new_encrypted(jwe).decrypt(&jwk, DirectSymmetricKey, A256GCM)?;
    Ok(opened.payload()?.clone())
}

/// The service's own bounds, which no RFC has: 1 KiB, no name twice, and a `kid` that is a string.
fn is_bounded(header: &[u8]) -> bool {
    let kid_is_no_text = member(header, "kid").is_some_and(|kid| !kid.is_string());
    header.len() > 1024 || top_level_repeats(header) || kid_is_no_text
}

/// `crit`, or a `zip` that is null.
fn is_extended(header: &[u8]) -> bool {
    member(header, "crit").is_some() || member(header, "zip").is_some()
}

/// The service does not read what unknown members hold, so that need not be a value of
/// `serde_json`'s: 1e999, a lone surrogate, 128 levels.
fn is_no_value(header: &[u8]) -> bool {
    serde_json::from_slice::<Value>(header).is_err()
}

/// biscuit reads members that the service does not, and wants them to be of their RFCs' types; one
/// that it knows twice, it refuses as the service does.
fn is_typed(header: &[u8]) -> bool {
    const MEMBERS: [&str; 9] = ["typ", "cty", "jku", "jwk", "x5u", "x5c", "x5t", "iv", "tag"];
    MEMBERS
        .iter()
        .any(|name| member(header, name).is_some_and(|value| !value.is_string()))
        || ["x5c", "iv", "tag"]
            .iter()
            .any(|name| member(header, name).is_some())
}

fn member(header: &[u8], name: &str) -> Option<Value> {
    serde_json::from_slice::<Value>(header)
        .ok()?
        .get(name)
        .cloned()
}

/// Whether a name occurs twice in the outermost object: those further down are not the service's to
/// read.
pub fn top_level_repeats(header: &[u8]) -> bool {
    struct Names;
    impl<'de> Visitor<'de> for Names {
        type Value = bool;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
            let mut names = std::collections::HashSet::new();
            let mut repeated = false;
            while let Some((name, IgnoredAny)) = map.next_entry::<String, IgnoredAny>()? {
                repeated |= !names.insert(name);
            }
            Ok(repeated)
        }
    }
    let mut deserializer = serde_json::Deserializer::from_slice(header);
    deserializer.deserialize_map(Names).unwrap_or(false)
}
