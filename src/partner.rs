//! Partners, and constant-time matching of their API keys (protocol.md, Secrets).
//!
//! How partners come out of a secret is the business of `secrets`.

use std::{sync::Arc, time::Duration};

use ring::digest;
use subtle::{Choice, ConstantTimeEq};

use crate::{
    keys::{KeyRing, SealingKey},
    redacted::Redacted,
};

/// A partner's name: 1-64 of `A-Z a-z 0-9 . _ -`, so that `#` can end it in a record's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartnerId(Arc<str>);

impl PartnerId {
    /// `None` if `id` breaks the rule.
    pub fn new(id: &str) -> Option<Self> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        let sound = (1..=64).contains(&id.len()) && id.bytes().all(allowed);
        sound.then(|| Self(id.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// SHA-256 of an API key. Keys are random, so their digests need no salt and no stretching.
///
/// Compares in constant time.
#[derive(Clone, Debug)]
pub struct KeyDigest(Redacted<[u8; 32]>);

impl KeyDigest {
    /// Of a key as it was sent.
    pub fn of(key: &str) -> Self {
        let mut bytes = Redacted::new([0; 32]);
        bytes.copy_from_slice(digest::digest(&digest::SHA256, key.as_bytes()).as_ref());
        Self(bytes)
    }

    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Redacted::new(bytes))
    }

    /// For telling apart the digests of one secret while it is read; never for authentication.
    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether this digest is one of `digests`. Looks at every one of them, whatever it finds.
    pub(crate) fn is_any_of(&self, digests: &[Self]) -> Choice {
        digests.iter().fold(Choice::from(0), |found, digest| {
            found | self.0.ct_eq(&*digest.0)
        })
    }
}

/// A partner as the secret describes it.
#[derive(Debug)]
pub struct Partner {
    /// Its name.
    pub id: PartnerId,
    /// The token's `program_id`.
    pub program_id: u32,
    /// Open its requests; an answer is sealed with the one that opened the request.
    pub payload_keys: KeyRing<SealingKey>,
    /// How long its tokens last, if not as long as the service's default.
    pub token_ttl: Option<Duration>,
    /// How long its sessions last, if not as long as the service's default.
    pub session_ttl: Option<Duration>,
    pub(crate) api_keys: Vec<KeyDigest>,
    pub(crate) sdk_api_keys: Vec<KeyDigest>,
    pub(crate) enabled: bool,
}

impl Partner {
    /// Whether `key` is one of the partner's `sdkApiKey`s.
    pub fn has_sdk_api_key(&self, key: &KeyDigest) -> bool {
        key.is_any_of(&self.sdk_api_keys).into()
    }
}

/// Every partner, by API key.
#[derive(Debug)]
pub struct Partners(Vec<Arc<Partner>>);

/// Why a caller is no partner. All have one public answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// No `X-API-KEY`.
    #[error("X-API-KEY is missing")]
    MissingKey,
    /// No partner of the secret that was read has this key.
    #[error("X-API-KEY is no partner's")]
    UnknownKey,
    /// No partner of the secret that was read has the token's `client_id`.
    #[error("the token's partner is not known")]
    UnknownPartner,
    /// `enabled` is false.
    #[error("the partner is disabled")]
    Disabled(PartnerId),
}

impl Partners {
    pub(crate) fn new(partners: Vec<Partner>) -> Self {
        Self(partners.into_iter().map(Arc::new).collect())
    }

    /// The partner whose app renews with this `sdkApiKey`.
    pub fn authenticate_app(
        &self,
        id: &PartnerId,
        sdk_api_key: Option<&str>,
    ) -> Result<&Arc<Partner>, AuthError> {
        let sdk_api_key = sent(sdk_api_key)?;
        let partner = self.named(id).ok_or(AuthError::UnknownPartner)?;
        if !partner.has_sdk_api_key(&KeyDigest::of(sdk_api_key)) {
            return Err(AuthError::UnknownKey);
        }
        enabled(partner)
    }

    /// The partner of this name, enabled or not.
    pub fn named(&self, id: &PartnerId) -> Option<&Arc<Partner>> {
        self.0.iter().find(|partner| partner.id == *id)
    }

    /// The partner whose API key this is.
    ///
    /// Looks at every digest of every partner, so that the time tells nothing about a match.
    pub fn authenticate(&self, api_key: Option<&str>) -> Result<&Arc<Partner>, AuthError> {
        let api_key = KeyDigest::of(sent(api_key)?);
        let mut found = None;
        for partner in &self.0 {
            if api_key.is_any_of(&partner.api_keys).into() {
                found = Some(partner);
            }
        }
        enabled(found.ok_or(AuthError::UnknownKey)?)
    }
}

fn sent(key: Option<&str>) -> Result<&str, AuthError> {
    key.filter(|key| !key.is_empty())
        .ok_or(AuthError::MissingKey)
}

fn enabled(partner: &Arc<Partner>) -> Result<&Arc<Partner>, AuthError> {
    match partner.enabled {
        true => Ok(partner),
        false => Err(AuthError::Disabled(partner.id.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::tests::sealing_key;

    fn partner(id: &str, api_keys: &[&str], enabled: bool) -> Partner {
        let digests = |keys: &[&str]| keys.iter().map(|key| KeyDigest::of(key)).collect();
        Partner {
            id: PartnerId::new(id).unwrap(),
            program_id: 1,
            payload_keys: KeyRing::new([sealing_key("k", 1)]).unwrap(),
            token_ttl: None,
            session_ttl: None,
            api_keys: digests(api_keys),
            // A secret may have one twice.
            sdk_api_keys: digests(&["sdk", "twice", "twice"]),
            enabled,
        }
    }

    fn partners() -> Partners {
        Partners::new(vec![
            partner("first", &["a", "b"], true),
            partner("off", &["c"], false),
            partner("last", &["d", "e"], true),
        ])
    }

    #[test]
    fn any_of_its_keys_is_the_partner() {
        for (key, id) in [("a", "first"), ("b", "first"), ("d", "last"), ("e", "last")] {
            let partners = partners();
            let found = partners.authenticate(Some(key)).unwrap();
            assert_eq!(found.id.as_str(), id, "{key}");
        }
    }

    #[test]
    fn nobody_else_is_a_partner() {
        let refused = |key| partners().authenticate(key).unwrap_err();
        assert_eq!(refused(None), AuthError::MissingKey);
        assert_eq!(refused(Some("")), AuthError::MissingKey);
        assert_eq!(refused(Some("A")), AuthError::UnknownKey);
        assert_eq!(refused(Some("sdk")), AuthError::UnknownKey);
        let off = PartnerId::new("off").unwrap();
        assert_eq!(refused(Some("c")), AuthError::Disabled(off));
    }

    #[test]
    fn any_of_its_sdk_api_keys_is_the_partners() {
        let partner = partner("first", &["a"], true);
        for (key, is_known) in [("sdk", true), ("twice", true), ("a", false), ("", false)] {
            assert_eq!(
                partner.has_sdk_api_key(&KeyDigest::of(key)),
                is_known,
                "{key}"
            );
        }
    }
}
