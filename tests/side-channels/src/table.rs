//! A table of partners in the service's own types.

use std::sync::Arc;

use crate::{
    keys::{KeyId, KeyRing, SealingKey},
    partner::{KeyDigest, Partner, PartnerId, Partners},
};

/// Partners in the table, near the most that fit into a secret; each with two API keys, as during a
/// rotation.
pub(crate) const PARTNERS: usize = 190;

/// SHA-256 of an API key.
pub(crate) type Digest = [u8; 32];

/// A partner: digests of its two API keys (and of its `sdkApiKey`s, the same), and whether it is
/// enabled.
pub(crate) type Entry = ([Digest; 2], bool);

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
