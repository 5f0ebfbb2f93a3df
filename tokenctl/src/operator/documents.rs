//! The two secrets' documents, to be changed and written back.
//!
//! What may stand in them is the service's business: a document is read with the service's own
//! reader before it is changed and before it is written, so that none is ever written that the
//! service would refuse.
//!
//! In a JWK other members are allowed, and the moments of a rotation are kept there, in seconds
//! since the epoch: `appendedAt`, `promotedAt` (came to the front) and `demotedAt` (left it). So
//! whoever comes next, on another machine or after a crash, knows which step is next and from when
//! on. The service ignores them, and a finished rotation leaves none.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use token_service::secrets::{DocumentFaults, api_keys, server_keys};
use zeroize::Zeroizing;

use crate::outcome::{Exit, Failure};

/// The document of `API_KEYS_SECRET_ID`.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Partners {
    pub(crate) partners: Vec<Partner>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) resource_servers: Vec<ResourceServer>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ResourceServer {
    pub(crate) resource_server_id: String,
    #[serde(rename = "secretSha256")]
    pub(crate) secrets: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) enabled: Option<bool>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Partner {
    pub(crate) partner_id: String,
    pub(crate) program_id: u32,
    #[serde(rename = "apiKeySha256")]
    pub(crate) api_keys: Vec<String>,
    #[serde(rename = "sdkApiKeySha256")]
    pub(crate) sdk_api_keys: Vec<String>,
    pub(crate) payload_keys: Ring,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token_ttl_seconds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) session_ttl_seconds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) enabled: Option<bool>,
}

/// The document of `SERVER_KEYS_SECRET_ID`.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ServerKeys {
    pub(crate) token: Ring,
    pub(crate) record: Ring,
}

/// A JWK Set.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Ring {
    pub(crate) keys: Vec<Jwk>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Jwk {
    pub(crate) kty: String,
    pub(crate) kid: String,
    pub(crate) k: Zeroizing<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) appended_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) promoted_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) demoted_at: Option<i64>,
    /// Somebody else's, kept as they are.
    #[serde(flatten)]
    pub(crate) others: BTreeMap<String, Value>,
}

/// One of the two.
pub(crate) trait Document: Serialize + DeserializeOwned {
    /// The faults that the service would find.
    fn check(text: &str) -> Result<(), DocumentFaults>;

    /// Reads a secret's text.
    fn read(text: &str) -> Result<Self, Failure> {
        Self::check(text).map_err(|faults| {
            let message = format!(
                "the secret is not as it must be, and the service refuses it too:{}",
                listed(&faults)
            );
            Failure::new(Exit::Faulty, message)
        })?;
        // Not the parser's words: they may quote a key.
        serde_json::from_str(text).map_err(|_| {
            Failure::new(
                Exit::Faulty,
                "a JWK in the secret has a member appendedAt, promotedAt or demotedAt that is no number of seconds: remove it",
            )
        })
    }

    /// The text to write.
    fn write(&self) -> Result<Zeroizing<String>, Failure> {
        let text = serde_json::to_string(self).map(Zeroizing::new);
        let text =
            text.map_err(|_| Failure::new(Exit::Failed, "the document cannot be written as JSON"))?;
        match Self::check(&text) {
            Ok(()) => Ok(text),
            Err(faults) => Err(Failure::usage(format!(
                "the service would refuse the document with this change, so it was not made:{}",
                listed(&faults)
            ))),
        }
    }
}

/// A line for each fault.
pub(crate) fn listed(faults: &DocumentFaults) -> String {
    faults.iter().map(|fault| format!("\n  {fault}")).collect()
}

impl Document for Partners {
    fn check(text: &str) -> Result<(), DocumentFaults> {
        api_keys(text).map(|_| ())
    }
}

impl Document for ServerKeys {
    fn check(text: &str) -> Result<(), DocumentFaults> {
        server_keys(text).map(|_| ())
    }
}

impl Partners {
    /// The partner of this id.
    pub(crate) fn partner(&mut self, id: &str) -> Result<&mut Partner, Failure> {
        let found = self
            .partners
            .iter_mut()
            .find(|partner| partner.partner_id == id);
        found.ok_or_else(|| {
            Failure::new(
                Exit::NotFound,
                format!("there is no partner {id}; `tokenctl partner list` says who there is"),
            )
        })
    }

    /// The resource server of this id.
    pub(crate) fn resource_server(&mut self, id: &str) -> Result<&mut ResourceServer, Failure> {
        let mut servers = self.resource_servers.iter_mut();
        let found = servers.find(|server| server.resource_server_id == id);
        found.ok_or_else(|| {
            Failure::new(
                Exit::NotFound,
                format!("there is no resource server {id}; `tokenctl resource-server list` says who there is"),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTNERS: &str = include_str!("../../../events/secrets/api-keys.json");

    #[test]
    fn writes_what_it_has_read() {
        let read = Partners::read(PARTNERS).ok().unwrap();
        let written: Value = serde_json::from_str(&read.write().ok().unwrap()).unwrap();
        assert_eq!(written, serde_json::from_str::<Value>(PARTNERS).unwrap());
    }

    #[test]
    fn keeps_the_members_of_others_in_a_jwk() {
        let text = PARTNERS.replacen("\"kty\"", "\"use\":\"enc\",\"appendedAt\":5,\"kty\"", 1);
        let read = Partners::read(&text).ok().unwrap();
        assert_eq!(read.partners[0].payload_keys.keys[0].appended_at, Some(5));
        let written: Value = serde_json::from_str(&read.write().ok().unwrap()).unwrap();
        assert_eq!(written, serde_json::from_str::<Value>(&text).unwrap());
    }

    #[test]
    fn neither_reads_nor_writes_what_the_service_would_refuse() {
        let misspelt = PARTNERS.replace("\"enabled\"", "\"enabeld\"");
        let failure = Partners::read(&misspelt).err().unwrap();
        assert!(
            failure.message.contains("partners[2].enabeld"),
            "{}",
            failure.message
        );
        let mut twice = Partners::read(PARTNERS).ok().unwrap();
        let again = twice.partners[0].clone();
        twice.partners.push(again);
        assert!(twice.write().is_err());
    }
}
