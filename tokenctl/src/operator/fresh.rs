//! New keys, from the system's generator (protocol.md: never from a password), and their names.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{
    digest,
    rand::{SecureRandom, SystemRandom},
};
use zeroize::Zeroizing;

use super::{
    documents::{Jwk, Ring},
    moment::year_and_month,
};
use crate::outcome::{Exit, Failure};

/// 32 random bytes in base64url: an API key, or a JWK's `k`.
pub(crate) fn key() -> Result<Zeroizing<String>, Failure> {
    let mut bytes = Zeroizing::new([0; 32]);
    let filled = SystemRandom::new().fill(bytes.as_mut_slice());
    filled.map_err(|_| Failure::new(Exit::Failed, "the system's random generator failed"))?;
    Ok(Zeroizing::new(
        BASE64_URL_SAFE_NO_PAD.encode(bytes.as_slice()),
    ))
}

/// A new key of the name.
pub(crate) fn jwk(kid: String) -> Result<Jwk, Failure> {
    Ok(with_key(kid, key()?))
}

/// A JWK of this name and key, for the end of a ring.
pub(crate) fn with_key(kid: String, k: Zeroizing<String>) -> Jwk {
    Jwk {
        kty: "oct".to_owned(),
        kid,
        k,
        appended_at: None,
        promoted_at: None,
        demoted_at: None,
        others: Default::default(),
    }
}

/// `prefix-2026-11`, then `prefix-2026-11b` and so on: a name tells its key's age, and 16
/// characters are enough for the service's own (protocol.md, Record).
pub(crate) fn kid(prefix: &str, ring: Option<&Ring>, now: i64) -> Result<String, Failure> {
    let first = format!("{prefix}-{}", year_and_month(now));
    let later = ('b'..='z').map(|letter| format!("{first}{letter}"));
    let taken = |kid: &String| ring.is_some_and(|ring| ring.keys.iter().any(|key| key.kid == *kid));
    let free = std::iter::once(first.clone())
        .chain(later)
        .find(|kid| !taken(kid));
    free.ok_or_else(|| {
        Failure::usage(format!(
            "all names of this month are taken, from {first} on"
        ))
    })
}

/// What the document keeps of an API key.
pub(crate) fn sha256_hex(key: &str) -> String {
    let digest = digest::digest(&digest::SHA256, key.as_bytes());
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-25T04:00:00Z.
    const NOW: i64 = 1_795_579_200;

    #[test]
    fn a_key_is_32_bytes_and_no_two_are_the_same() {
        let (one, two) = (key().unwrap(), key().unwrap());
        assert_eq!(
            BASE64_URL_SAFE_NO_PAD.decode(one.as_str()).unwrap().len(),
            32
        );
        assert_ne!(one, two);
    }

    #[test]
    fn names_tell_the_month_and_are_unique_in_their_ring() {
        let mut ring = Ring { keys: vec![] };
        for expected in ["record-2026-11", "record-2026-11b", "record-2026-11c"] {
            let kid = kid("record", Some(&ring), NOW).unwrap();
            assert_eq!(kid, expected);
            assert!(kid.len() <= 16);
            ring.keys.push(jwk(kid).unwrap());
        }
    }

    #[test]
    fn hashes_as_the_service_does() {
        // events/secrets: acme's.
        assert_eq!(
            sha256_hex("MOB-APP-2001"),
            "63cbde78575cea3a327c8594e5902a585cb0104e56793a6576dfb4c2989884e7"
        );
    }
}
