//! Tables of partners and of resource servers in the service's own types.

use std::sync::Arc;

use crate::{
    keys::{KeyId, KeyRing, SealingKey},
    partner::{KeyDigest, Partner, PartnerId, Partners},
    resource_server::{ResourceServer, ResourceServers},
};

/// Partners in the table, near the most that fit into a secret; each with two API keys, as during a
/// rotation.
pub(crate) const PARTNERS: usize = 190;

/// Resource servers in the table; each with two secrets, as during a rotation.
pub(crate) const SERVERS: usize = 40;

/// SHA-256 of an API key.
pub(crate) type Digest = [u8; 32];

/// A partner: digests of its two API keys (and of its `sdkApiKey`s, the same), and whether it is
/// enabled.
pub(crate) type Entry = ([Digest; 2], bool);

/// A resource server: its id, digests of its two secrets, and whether it is enabled.
pub(crate) type Server = (String, [Digest; 2], bool);

/// SHA-256 of a key, as the service makes it.
pub(crate) fn digest(key: &str) -> Digest {
    *KeyDigest::of(key).as_bytes()
}

pub(crate) struct Table {
    partners: Partners,
    first: Arc<Partner>,
}

impl Table {
    /// `None` if there are no entries.
    pub(crate) fn new(entries: &[Entry]) -> Option<Self> {
        let partners = entries.iter().enumerate();
        let partners: Option<Vec<_>> = partners.map(|(at, entry)| partner(at, entry)).collect();
        Some(Self {
            partners: Partners::new(partners?),
            first: Arc::new(partner(0, entries.first()?)?),
        })
    }

    /// Whether the key is an enabled partner's.
    #[inline(never)]
    pub(crate) fn authenticate(&self, api_key: Option<&str>) -> bool {
        self.partners.authenticate(api_key).is_ok()
    }

    /// Whether the key is one of the first partner's `sdkApiKey`s.
    #[inline(never)]
    pub(crate) fn has_sdk_api_key(&self, key: &str) -> bool {
        self.first.has_sdk_api_key(&KeyDigest::of(key))
    }

    /// Whether the key is one with which the first partner's app may renew.
    #[inline(never)]
    pub(crate) fn authenticate_app(&self, key: &str) -> bool {
        self.partners
            .authenticate_app(&self.first.id, Some(key))
            .is_ok()
    }
}

pub(crate) struct Servers(ResourceServers);

impl Servers {
    /// `None` if an id breaks the rule.
    pub(crate) fn new(servers: Vec<Server>) -> Option<Self> {
        let server = |(id, secrets, enabled): Server| {
            Some(ResourceServer {
                id: PartnerId::new(&id)?,
                secrets: secrets.map(KeyDigest::from_bytes).into(),
                enabled,
            })
        };
        let servers: Option<_> = servers.into_iter().map(server).collect();
        Some(Self(ResourceServers::new(servers?)))
    }

    /// Whether id and secret are an enabled resource server's.
    #[inline(never)]
    pub(crate) fn authenticate(&self, id: &str, secret: &str) -> bool {
        self.0.authenticate(id, secret).is_ok()
    }
}

fn partner(at: usize, (digests, enabled): &Entry) -> Option<Partner> {
    let key = SealingKey::new(KeyId::new("key")?, &[1; 32]).ok()?;
    let digests = || digests.iter().copied().map(KeyDigest::from_bytes).collect();
    Some(Partner {
        id: PartnerId::new(&format!("partner-{at}"))?,
        program_id: 1,
        payload_keys: KeyRing::new([key])?,
        token_ttl: None,
        session_ttl: None,
        api_keys: digests(),
        sdk_api_keys: digests(),
        enabled: *enabled,
    })
}
