//! The key that opened a request, and seals its answer.

use std::sync::Arc;

use ring::{error::Unspecified, rand::SecureRandom};

use super::{Header, seal};
use crate::{
    keys::{AeadKey, KeyId, SealingKey},
    redacted::Redacted,
};

/// The key that opened a request and seals its answer.
#[derive(Clone, Debug)]
pub struct ReplyKey(Kind);

#[derive(Clone, Debug)]
enum Kind {
    /// The answer names the key only if the request did.
    Payload { key: Arc<SealingKey>, named: bool },
    /// Has no name.
    Session(Arc<AeadKey>),
}

impl ReplyKey {
    pub(crate) fn named(key: &Arc<SealingKey>) -> Self {
        let (key, named) = (Arc::clone(key), true);
        Self(Kind::Payload { key, named })
    }

    pub(crate) fn unnamed(key: &Arc<SealingKey>) -> Self {
        let (key, named) = (Arc::clone(key), false);
        Self(Kind::Payload { key, named })
    }

    pub(crate) fn session(key: Arc<AeadKey>) -> Self {
        Self(Kind::Session(key))
    }

    /// The payload key's name; `None` for a session key.
    pub fn kid(&self) -> Option<&KeyId> {
        match &self.0 {
            Kind::Payload { key, .. } => Some(key.kid()),
            Kind::Session(_) => None,
        }
    }

    /// Seals an answer.
    ///
    /// Fails only when the system's generator does.
    pub(crate) fn seal(
        &self,
        answer: Redacted<Vec<u8>>,
        rng: &dyn SecureRandom,
    ) -> Result<String, Unspecified> {
        let (key, kid) = match &self.0 {
            Kind::Payload { key, named } => (&***key, named.then(|| key.kid())),
            Kind::Session(key) => (&**key, None),
        };
        Ok(seal(key, Header { kid, typ: None }, answer, rng)?.into_compact())
    }
}
