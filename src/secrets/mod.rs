//! The two secrets, as partners and rings: loaded at once, cached apart (protocol.md, Secrets).

mod cache;
mod document;
mod source;

use std::{sync::Arc, time::Duration};

use aws_sdk_secretsmanager::{Client, config::Builder};
use aws_types::SdkConfig;

pub use cache::{RefreshPolicy, SecretUnavailable};
pub use document::{DocumentFault, DocumentFaults, api_keys, server_keys};

use crate::{
    aws,
    clock::Clock,
    deadline::Deadline,
    keys::{KeyRing, SealingKey},
    partner::Partners,
    record::RecordKey,
    resource_server::ResourceServers,
};
use cache::Cache;

/// Who may call.
#[derive(Debug)]
pub struct ApiKeys {
    /// Ask for tokens, and end sessions; their apps renew.
    pub partners: Partners,
    /// Introspect tokens.
    pub resource_servers: ResourceServers,
}

/// The service's own keys.
#[derive(Debug)]
pub struct ServerKeys {
    /// Seal tokens.
    pub token: KeyRing<SealingKey>,
    /// Seal and fingerprint records.
    pub record: KeyRing<RecordKey>,
}

/// What one request sees of the secrets, from its beginning to its end.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Of `API_KEYS_SECRET_ID`.
    pub api_keys: Arc<ApiKeys>,
    /// Of `SERVER_KEYS_SECRET_ID`.
    pub server_keys: Arc<ServerKeys>,
}

/// Both secrets, each with its own last good value and age.
pub struct Secrets {
    api_keys: Cache<ApiKeys>,
    server_keys: Cache<ServerKeys>,
}

impl Secrets {
    /// Nothing is fetched before [`Secrets::load`] or the first request.
    pub fn new(
        sdk: &SdkConfig,
        api_keys_secret_id: &str,
        server_keys_secret_id: &str,
        ages: RefreshPolicy,
        clock: &Clock,
    ) -> Self {
        let config = Builder::from(sdk).retry_partition(aws::retries_without_quota());
        let client = Client::from_conf(config.build());
        let fetch = |id: &str| source::fetch(client.clone(), id.to_owned());
        Self {
            api_keys: Cache::new(
                "api-keys",
                fetch(api_keys_secret_id),
                document::api_keys,
                ages,
                clock.clone(),
            ),
            server_keys: Cache::new(
                "server-keys",
                fetch(server_keys_secret_id),
                document::server_keys,
                ages,
                clock.clone(),
            ),
        }
    }

    /// The first load: both at the same time. Never fails: without a usable value requests are told
    /// to come back, and one of them tries again.
    pub async fn load(&self) {
        tokio::join!(self.api_keys.load(), self.server_keys.load());
    }

    /// What a request is served with, refreshed if it is due.
    pub async fn current(&self, deadline: Deadline) -> Result<Snapshot, SecretUnavailable> {
        let (api_keys, server_keys) = tokio::join!(
            self.api_keys.current(deadline),
            self.server_keys.current(deadline),
        );
        Ok(Snapshot {
            api_keys: api_keys?,
            server_keys: server_keys?,
        })
    }

    /// How long ago the older of the two was last confirmed; `None` if one never was, or if the
    /// clock went backwards.
    pub async fn age(&self) -> Option<Duration> {
        let (api_keys, server_keys) = tokio::join!(self.api_keys.age(), self.server_keys.age());
        Some(api_keys?.max(server_keys?))
    }

    /// For a request that names what `seen` does not know, or that none of its keys opens: newer
    /// secrets of that kind, if there are any. Fails if that could not be found out.
    pub async fn newer(
        &self,
        seen: &Snapshot,
        stale: Stale,
        deadline: Deadline,
    ) -> Result<Option<Snapshot>, SecretUnavailable> {
        let seen = seen.clone();
        Ok(match stale {
            Stale::ApiKeys => {
                let newer = self.api_keys.newer_than(&seen.api_keys, deadline).await?;
                newer.map(|api_keys| Snapshot { api_keys, ..seen })
            }
            Stale::ServerKeys => {
                let newer = self.server_keys.newer_than(&seen.server_keys, deadline);
                newer.await?.map(|server_keys| Snapshot {
                    server_keys,
                    ..seen
                })
            }
        })
    }
}

/// Which of the two secrets may be newer than what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stale {
    /// `API_KEYS_SECRET_ID`.
    ApiKeys,
    /// `SERVER_KEYS_SECRET_ID`.
    ServerKeys,
}
