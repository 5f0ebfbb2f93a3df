//! The key that opened a request, and seals its answer.

use std::{fmt, sync::Arc};

use ring::{error::Unspecified, rand::SecureRandom};
use zeroize::Zeroizing;

use super::{Header, seal};
use crate::keys::{KeyId, SealingKey};

/// The key that opened a request and seals its answer. `Debug` shows its name only.
#[derive(Clone)]
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
        answer: Zeroizing<Vec<u8>>,
        rng: &dyn SecureRandom,
    ) -> Result<String, Unspecified> {
        let header = Header {
            kid: self.named.then(|| self.key.kid()),
            typ: None,
        };
        Ok(seal(&self.key, header, answer, rng)?.into_compact())
    }
}

impl fmt::Debug for ReplyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.key.fmt(f)
    }
}
