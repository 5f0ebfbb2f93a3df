//! The two secrets, as partners and rings: loaded at once, cached apart (protocol.md, Secrets).

mod cache;
mod document;
mod source;

use std::{sync::Arc, time::Duration};

use aws_sdk_secretsmanager::{Client, config::Builder};
use aws_types::SdkConfig;

pub use cache::{RefreshPolicy, SecretUnavailable};
pub use document::{
    DocumentFault, DocumentFaults, check_partners, check_server_keys, partners, server_keys,
};

use crate::{
    aws,
    clock::Clock,
    deadline::Deadline,
    keys::{KeyRing, SealingKey},
    partner::Partners,
    record::RecordKey,
};
use cache::Cache;

/// The service's own keys.
#[derive(Debug)]
pub struct ServerKeys {
    /// Seal tokens. Resource servers have a copy.
    pub token: KeyRing<SealingKey>,
    /// Seal and fingerprint records.
    pub record: KeyRing<RecordKey>,
}

/// What one request sees of the secrets, from its beginning to its end.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Of `API_KEYS_SECRET_ID`.
    pub partners: Arc<Partners>,
    /// Of `SERVER_KEYS_SECRET_ID`.
    pub server_keys: Arc<ServerKeys>,
}

/// Both secrets, each with its own last good value and age.
pub struct Secrets {
    partners: Cache<Partners>,
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
            partners: Cache::new(
                "api-keys",
                fetch(api_keys_secret_id),
                document::partners,
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

    /// The first load: both at the same time. Never fails: without a usable value requests are told to
    /// come back, and one of them tries again.
    pub async fn load(&self) {
        tokio::join!(self.partners.load(), self.server_keys.load(),);
    }

    /// What a request is served with, refreshed if it is due.
    pub async fn current(&self, deadline: Deadline) -> Result<Snapshot, SecretUnavailable> {
        let (partners, server_keys) = tokio::join!(
            self.partners.current(deadline),
            self.server_keys.current(deadline),
        );
        Ok(Snapshot {
            partners: partners?,
            server_keys: server_keys?,
        })
    }

    /// How long ago the older of the two was last confirmed; `None` if one never was, or if the clock went
    /// backwards.
    pub async fn age(&self) -> Option<Duration> {
        let (partners, server_keys) = tokio::join!(self.partners.age(), self.server_keys.age());
        Some(partners?.max(server_keys?))
    }

    /// For a request with an API key, `kid` or `sdkApiKey` that `seen` does not know, or that none of
    /// its payload keys opens: the same snapshot with newer partners, if they can be had.
    pub async fn newer_partners(&self, seen: &Snapshot, deadline: Deadline) -> Option<Snapshot> {
        let newer = self.partners.newer_than(&seen.partners, deadline).await;
        // A failed attempt changes no answer: what is not known is refused.
        let partners = newer.ok().flatten()?;
        Some(Snapshot {
            partners,
            server_keys: Arc::clone(&seen.server_keys),
        })
    }

    /// For a record that was sealed by a key that `seen` does not know: newer server keys, if there are
    /// any. Fails if that could not be found out.
    pub async fn newer_server_keys(
        &self,
        seen: &Snapshot,
        deadline: Deadline,
    ) -> Result<Option<Arc<ServerKeys>>, SecretUnavailable> {
        let server_keys = &seen.server_keys;
        self.server_keys.newer_than(server_keys, deadline).await
    }
}
