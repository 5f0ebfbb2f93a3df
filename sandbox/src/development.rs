//! Who is who in development: the partners' and the resource server's credentials of
//! `events/secrets/`, the service's keys and the SDK's.
//!
//! The keys are public with this repository. Nothing but a sandbox may know them.

use peers::{
    credentials::{Credentials, CredentialsFault},
    sdk::{KeyError, KeyPair},
};
use serde::Deserialize;
use serde_json::Value;

/// The value of the secret that `API_KEYS_SECRET_ID` names.
pub const API_KEYS: &str = include_str!("../../events/secrets/api-keys.json");
/// The value of the secret that `SERVER_KEYS_SECRET_ID` names.
pub const SERVER_KEYS: &str = include_str!("../../events/secrets/server-keys.json");

/// A resource server's id and secret, with which it introspects tokens.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceServer {
    /// Its id.
    pub resource_server_id: String,
    /// Its secret.
    pub secret: String,
}

/// A development file that was not what it should be when this program was built.
#[derive(Debug, thiserror::Error)]
pub enum DevelopmentError {
    /// A partner's credentials.
    #[error("events/secrets/{0} is not usable")]
    Credentials(&'static str, #[source] CredentialsFault),
    /// The resource server's credentials.
    #[error("events/secrets/resource-server.json is not usable")]
    ResourceServer(#[source] serde_json::Error),
    /// The service's own keys.
    #[error("events/secrets/server-keys.json is not usable")]
    ServerKeys(#[source] serde_json::Error),
    /// The SDK's key pair.
    #[error("events/secrets/sdk-key.json is not usable")]
    SdkKey(#[source] KeyError),
}

macro_rules! credentials {
    ($file:literal) => {
        Credentials::parse(include_bytes!(concat!("../../events/secrets/", $file)))
            .map_err(|fault| DevelopmentError::Credentials($file, fault))
    };
}

/// The partner that most samples speak for: two payload keys, as during a rotation.
///
/// # Errors
/// Its file was not valid when this program was built.
pub fn acme() -> Result<Credentials, DevelopmentError> {
    credentials!("partner.json")
}

/// Another partner, whose tokens live for 600 seconds.
///
/// # Errors
/// Its file was not valid when this program was built.
pub fn globex() -> Result<Credentials, DevelopmentError> {
    credentials!("partner-globex.json")
}

/// A partner that is disabled: the service knows it and refuses it.
///
/// # Errors
/// Its file was not valid when this program was built.
pub fn initech() -> Result<Credentials, DevelopmentError> {
    credentials!("partner-initech.json")
}

/// All partners of the development secrets.
///
/// # Errors
/// One of their files was not valid when this program was built.
pub fn partners() -> Result<Vec<Credentials>, DevelopmentError> {
    Ok(vec![acme()?, globex()?, initech()?])
}

/// The resource server that introspects tokens.
///
/// # Errors
/// Its file was not valid when this program was built.
pub fn wallet() -> Result<ResourceServer, DevelopmentError> {
    serde_json::from_str(include_str!("../../events/secrets/resource-server.json"))
        .map_err(DevelopmentError::ResourceServer)
}

/// [`SERVER_KEYS`], parsed.
///
/// # Errors
/// Its file was not JSON when this program was built.
pub fn server_keys() -> Result<Value, DevelopmentError> {
    serde_json::from_str(SERVER_KEYS).map_err(DevelopmentError::ServerKeys)
}

/// The SDK's key pair, whose public key the samples send. A real SDK makes a fresh pair for each
/// token.
///
/// # Errors
/// Its file was no private key when this program was built.
pub fn sdk_key_pair() -> Result<KeyPair, DevelopmentError> {
    KeyPair::from_jwk(include_str!("../../events/secrets/sdk-key.json"))
        .map_err(DevelopmentError::SdkKey)
}

#[cfg(test)]
mod tests {
    use peers::credentials::Jwk;
    use sha2::{Digest, Sha256};

    use super::*;

    fn hash(key: &str) -> String {
        let digest = Sha256::digest(key);
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn api_keys() -> Value {
        serde_json::from_str(API_KEYS).unwrap()
    }

    #[test]
    fn the_service_knows_the_resource_server_by_these_credentials() {
        let wallet = wallet().unwrap();
        let known = serde_json::json!([{
            "resourceServerId": wallet.resource_server_id,
            "secretSha256": [hash(&wallet.secret)],
        }]);
        assert_eq!(api_keys()["resourceServers"], known);
    }

    #[test]
    fn the_service_knows_the_partners_by_these_credentials() {
        let secret = api_keys();
        let partners = partners().unwrap();
        assert_eq!(secret["partners"].as_array().unwrap().len(), partners.len());
        for partner in partners {
            let known = secret["partners"]
                .as_array()
                .unwrap()
                .iter()
                .find(|known| known["partnerId"] == *partner.partner_id)
                .unwrap();
            assert_eq!(known["apiKeySha256"][0], hash(&partner.api_key));
            assert_eq!(known["sdkApiKeySha256"][0], hash(&partner.sdk_api_key));
            let ring: Vec<Value> = partner.payload_keys.iter().map(Jwk::to_json).collect();
            assert_eq!(known["payloadKeys"]["keys"], Value::from(ring));
        }
    }

    #[test]
    fn the_sdk_key_is_a_pair() {
        assert!(!sdk_key_pair().unwrap().public_jwk().contains("\"d\""));
        assert!(server_keys().unwrap().is_object());
    }
}
