//! Who is who in development: the partners' credentials of `events/secrets/`, in the shape that every client reads.
//!
//! The keys are public with this repository. Nothing but a sandbox may know them.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

use crate::jwe::{self, OpenError, Opened};

/// What a partner gets at onboarding.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Credentials {
    /// The partner's id.
    pub partner_id: String,
    /// The value of `X-API-KEY`.
    pub api_key: String,
    /// The `sdkApiKey` member of its requests.
    pub sdk_api_key: String,
    /// The keys of its requests and their answers, the newest first.
    #[serde(deserialize_with = "keys_of_set")]
    pub payload_keys: Vec<Jwk>,
    /// Where its service is, if it is told.
    pub url: Option<String>,
}

/// An `oct` key of 32 bytes and its name.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Jwk {
    /// The key's name.
    pub kid: String,
    /// The key.
    #[serde(deserialize_with = "key_bytes")]
    pub k: [u8; 32],
}

impl Jwk {
    /// The key in base64url, as in a JWK's `k`.
    pub fn encoded(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.k)
    }
}

impl fmt::Debug for Jwk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwk")
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

/// A development file that is not what it should be.
#[derive(Debug, thiserror::Error)]
#[error("events/secrets/{file} is not usable")]
pub struct CredentialsError {
    file: &'static str,
    source: serde_json::Error,
}

/// The SDK's development key pair, a private JWK. A real SDK makes a fresh pair for each token.
pub(crate) const SDK_KEY: &str = include_str!("../../events/secrets/sdk-key.json");

impl Credentials {
    /// The partner that most samples speak for: two payload keys, as during a rotation.
    ///
    /// # Errors
    /// `events/secrets/partner.json` was not valid when this program was built.
    pub fn acme() -> Result<Self, CredentialsError> {
        Self::read(
            "partner.json",
            include_str!("../../events/secrets/partner.json"),
        )
    }

    /// Another partner, whose tokens live for 600 seconds.
    ///
    /// # Errors
    /// `events/secrets/partner-globex.json` was not valid when this program was built.
    pub fn globex() -> Result<Self, CredentialsError> {
        Self::read(
            "partner-globex.json",
            include_str!("../../events/secrets/partner-globex.json"),
        )
    }

    /// A partner that is disabled: the service knows it and refuses it.
    ///
    /// # Errors
    /// `events/secrets/partner-initech.json` was not valid when this program was built.
    pub fn initech() -> Result<Self, CredentialsError> {
        Self::read(
            "partner-initech.json",
            include_str!("../../events/secrets/partner-initech.json"),
        )
    }

    /// All partners of the development secrets.
    ///
    /// # Errors
    /// One of their files was not valid when this program was built.
    pub fn development() -> Result<Vec<Self>, CredentialsError> {
        Ok(vec![Self::acme()?, Self::globex()?, Self::initech()?])
    }

    /// The payload key of a name.
    pub fn payload_key(&self, kid: &str) -> Option<&Jwk> {
        self.payload_keys.iter().find(|key| key.kid == kid)
    }

    /// Opens a JWE with the payload key that it names, or with the first that opens it if it names none.
    ///
    /// # Errors
    /// It is no JWE of the protocol, or none of the partner's keys opens it.
    pub fn open(&self, jwe: &str) -> Result<Opened, OpenError> {
        let header = jwe::header(jwe)?;
        let mut failure = OpenError::Unauthentic;
        for key in &self.payload_keys {
            if header.get("kid").is_some_and(|kid| *kid != *key.kid) {
                continue;
            }
            match jwe::open(jwe, &key.k) {
                Ok(opened) => return Ok(opened),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    fn read(file: &'static str, json: &str) -> Result<Self, CredentialsError> {
        serde_json::from_str(json).map_err(|source| CredentialsError { file, source })
    }
}

/// The value of the secret that `SERVER_KEYS_SECRET_ID` names in development.
///
/// # Errors
/// `events/secrets/server-keys.json` was not JSON when this program was built.
pub fn server_keys() -> Result<Value, CredentialsError> {
    let file = "server-keys.json";
    serde_json::from_str(include_str!("../../events/secrets/server-keys.json"))
        .map_err(|source| CredentialsError { file, source })
}

/// The keys of a JWK Set (RFC 7517), all of them `oct` and of 32 bytes.
pub(crate) fn keys_of_set<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Jwk>, D::Error> {
    #[derive(Deserialize)]
    struct JwkSet {
        keys: Vec<Jwk>,
    }
    Ok(JwkSet::deserialize(from)?.keys)
}

fn key_bytes<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 32], D::Error> {
    let text = String::deserialize(from)?;
    URL_SAFE_NO_PAD
        .decode(text)
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| D::Error::custom("a key is base64url of 32 bytes"))
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_service_knows_the_partners_by_these_credentials() {
        let secret: Value =
            serde_json::from_str(include_str!("../../events/secrets/api-keys.json")).unwrap();
        let partners = Credentials::development().unwrap();
        assert_eq!(secret["partners"].as_array().unwrap().len(), partners.len());
        for partner in partners {
            let known = secret["partners"]
                .as_array()
                .unwrap()
                .iter()
                .find(|known| known["partnerId"] == *partner.partner_id)
                .unwrap();
            let hash = |key: &str| hex(&Sha256::digest(key));
            assert_eq!(known["apiKeySha256"][0], hash(&partner.api_key));
            assert_eq!(known["sdkApiKeySha256"][0], hash(&partner.sdk_api_key));
            let ring = keys_of_set(known["payloadKeys"].clone()).unwrap();
            assert_eq!(ring, partner.payload_keys);
        }
    }

    #[test]
    fn opens_with_the_key_that_is_named_or_with_any() {
        let acme = Credentials::acme().unwrap();
        let [newest, older] = &acme.payload_keys[..] else {
            panic!("two keys")
        };
        for kid in [None, Some(older.kid.as_str())] {
            assert_eq!(
                acme.open(&jwe::seal(b"hi", &older.k, kid))
                    .unwrap()
                    .plaintext,
                b"hi"
            );
        }
        assert!(
            acme.open(&jwe::seal(b"hi", &newest.k, Some(&older.kid)))
                .is_err()
        );
    }

    #[test]
    fn debug_shows_no_payload_key() {
        let acme = Credentials::acme().unwrap();
        assert!(!format!("{:?}", acme.payload_keys).contains("k: ["));
    }
}
