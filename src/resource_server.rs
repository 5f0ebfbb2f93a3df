//! Resource servers, and constant-time matching of their secrets (protocol.md, Secrets).

use std::slice;

use crate::partner::{KeyDigest, PartnerId};

/// A resource server as the secret describes it. Its id has a partner id's rule.
#[derive(Debug)]
pub struct ResourceServer {
    /// Its name.
    pub id: PartnerId,
    pub(crate) secrets: Vec<KeyDigest>,
    pub(crate) enabled: bool,
}

/// Every resource server, by the digest of its id, and by secret.
#[derive(Debug, Default)]
pub struct ResourceServers(Vec<(KeyDigest, ResourceServer)>);

/// The caller is no resource server. Which of these is so is for the log only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// No `Authorization: Basic`, or not the base64 of an id and a secret.
    #[error("Authorization is not Basic with the base64 of an id and a secret")]
    Credentials,
    /// No resource server has this id and secret.
    #[error("the id and the secret are no resource server's")]
    Unknown,
    /// `enabled` is false.
    #[error("the resource server is disabled")]
    Disabled,
}

impl ResourceServers {
    pub(crate) fn new(servers: Vec<ResourceServer>) -> Self {
        let by_id = |server: ResourceServer| (KeyDigest::of(server.id.as_str()), server);
        Self(servers.into_iter().map(by_id).collect())
    }

    /// The resource server whose id and secret these are.
    ///
    /// Looks at every secret of every server, and compares ids by their digests, so that the time
    /// tells nothing about a match, nor whether there is such an id.
    pub fn authenticate(&self, id: &str, secret: &str) -> Result<&ResourceServer, ClientError> {
        let (id, secret) = (KeyDigest::of(id), KeyDigest::of(secret));
        let mut found = None;
        for (its_id, server) in &self.0 {
            let is_named = id.is_any_of(slice::from_ref(its_id));
            if (is_named & secret.is_any_of(&server.secrets)).into() {
                found = Some(server);
            }
        }
        let server = found.ok_or(ClientError::Unknown)?;
        match server.enabled {
            true => Ok(server),
            false => Err(ClientError::Disabled),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(id: &str, secrets: &[&str], enabled: bool) -> ResourceServer {
        ResourceServer {
            id: PartnerId::new(id).unwrap(),
            secrets: secrets.iter().map(|secret| KeyDigest::of(secret)).collect(),
            enabled,
        }
    }

    #[test]
    fn only_an_id_with_its_own_secret_is_a_resource_server() {
        let servers = ResourceServers::new(vec![
            server("wallet", &["a", "b"], true),
            server("off", &["c"], false),
            server("cards", &["d"], true),
        ]);
        for (id, secret) in [("wallet", "a"), ("wallet", "b"), ("cards", "d")] {
            let found = servers.authenticate(id, secret).unwrap();
            assert_eq!(found.id.as_str(), id);
        }
        for (id, secret) in [
            ("wallet", "d"),
            ("cards", "a"),
            ("nobody", "a"),
            ("", ""),
            ("wallet", ""),
        ] {
            let refused = servers.authenticate(id, secret).unwrap_err();
            assert_eq!(refused, ClientError::Unknown, "{id} {secret}");
        }
        let refused = servers.authenticate("off", "c").unwrap_err();
        assert_eq!(refused, ClientError::Disabled);
        let nobody = ResourceServers::default();
        assert!(nobody.authenticate("wallet", "a").is_err());
    }
}
