//! The key that opened a request, and seals its answer.

use std::sync::Arc;

use crate::redacted::Redacted;
use ring::{error::Unspecified, rand::SecureRandom};

use super::{Header, seal};
use crate::keys::{KeyId, SealingKey};

/// The key that opened a request and seals its answer.
#[derive(Clone, Debug)]
pub struct ReplyKey {
    key: Arc<SealingKey>,
    /// The answer names the key only if the request did.
    named: bool,
}

impl ReplyKey {
    pub(crate) fn named(key: &Arc<SealingKey>) -> Self {
        let key = Arc::clone(key);
        Self { key, named: true }
    }

    pub(crate) fn unnamed(key: &Arc<SealingKey>) -> Self {
        let key = Arc::clone(key);
        Self { key, named: false }
    }

    /// The key's name.
    pub fn kid(&self) -> &KeyId {
        self.key.kid()
    }

    /// Seals an answer.
    ///
    /// Fails only when the system's generator does.
    pub(crate) fn seal(
        &self,
        answer: Redacted<Vec<u8>>,
        rng: &dyn SecureRandom,
    ) -> Result<String, Unspecified> {
        let header = Header {
            kid: self.named.then(|| self.key.kid()),
            typ: None,
        };
        Ok(seal(&self.key, header, answer, rng)?.into_compact())
    }
}
