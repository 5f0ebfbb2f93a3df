//! Key ids, AES-256-GCM keys, and rings of keys: the first seals, every one opens.
//!
//! Where keys come from is the business of `secrets`; what is sealed, of `jwe` and `record`.

use std::{fmt, ops::Deref, sync::Arc};

use crate::redacted::Redacted;
use ring::{
    aead::{self, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    error::Unspecified,
    rand::SecureRandom,
};

/// Size of an AES-GCM initialization vector in bytes (RFC 7518 section 5.3).
pub(crate) const IV_LEN: usize = aead::NONCE_LEN;

/// Size of an AES-GCM authentication tag in bytes (RFC 7518 section 5.3).
pub(crate) const TAG_LEN: usize = aead::MAX_TAG_LEN;

/// A key's name: 1-128 printable ASCII characters without spaces (protocol.md, Actors and keys).
///
/// Not a secret: it travels in JWE headers and is stored beside what its key sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyId(Arc<str>);

impl KeyId {
    /// `None` if `kid` breaks the rule.
    pub fn new(kid: &str) -> Option<Self> {
        let sound = (1..=128).contains(&kid.len()) && kid.bytes().all(|b| b.is_ascii_graphic());
        sound.then(|| Self(kid.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Raw key material on its way from a secret into a key.
pub(crate) type KeyBytes = Redacted<[u8; 32]>;

/// An AES-256-GCM key.
///
/// The raw bytes are zeroized as soon as the key is expanded, and the expanded key, which `ring`
/// formats without its bytes, is overwritten on drop.
#[derive(Debug)]
pub struct AeadKey(LessSafeKey);

impl AeadKey {
    /// Expands the key.
    pub fn new(bytes: &[u8; 32]) -> Result<Self, Unspecified> {
        let key = UnboundKey::new(&AES_256_GCM, bytes.as_slice())?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Encrypts `in_out` and appends the tag. Never use an IV twice with one key: take it from
    /// [`fresh_iv`].
    pub(crate) fn seal(
        &self,
        iv: [u8; IV_LEN],
        aad: &[u8],
        in_out: &mut Vec<u8>,
    ) -> Result<(), Unspecified> {
        let nonce = Nonce::assume_unique_for_key(iv);
        self.0
            .seal_in_place_append_tag(nonce, Aad::from(aad), in_out)
    }

    /// Decrypts `in_out`, a ciphertext with its tag, and returns the plaintext at its front.
    pub(crate) fn open<'b>(
        &self,
        iv: [u8; IV_LEN],
        aad: &[u8],
        in_out: &'b mut [u8],
    ) -> Result<&'b mut [u8], Unspecified> {
        let nonce = Nonce::assume_unique_for_key(iv);
        self.0.open_in_place(nonce, Aad::from(aad), in_out)
    }
}

impl Drop for AeadKey {
    /// `ring` leaves an expanded key in memory as it is: a key of zeros takes its place.
    fn drop(&mut self) {
        if let Ok(zeros) = UnboundKey::new(&AES_256_GCM, &[0; 32]) {
            self.0 = LessSafeKey::new(zeros);
            // Keeps the compiler from leaving out a write that nothing reads.
            std::hint::black_box(&self.0);
        }
    }
}

/// A key with a name.
#[derive(Debug)]
pub struct SealingKey {
    kid: KeyId,
    key: AeadKey,
}

impl SealingKey {
    /// Expands the key.
    pub fn new(kid: KeyId, bytes: &[u8; 32]) -> Result<Self, Unspecified> {
        let key = AeadKey::new(bytes)?;
        Ok(Self { kid, key })
    }

    /// The key's name.
    pub fn kid(&self) -> &KeyId {
        &self.kid
    }
}

impl Deref for SealingKey {
    type Target = AeadKey;

    fn deref(&self) -> &AeadKey {
        &self.key
    }
}

/// A ring's keys are shared, a test's are owned: both can be tried.
impl AsRef<Self> for SealingKey {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// A random IV from the system's generator (NIST SP 800-38D section 8.2.2).
pub(crate) fn fresh_iv(rng: &dyn SecureRandom) -> Result<[u8; IV_LEN], Unspecified> {
    let mut iv = [0; IV_LEN];
    rng.fill(&mut iv)?;
    Ok(iv)
}

/// What a ring holds: something with a key's name.
pub trait Named {
    /// The key's name, unique in its ring.
    fn kid(&self) -> &KeyId;
}

impl Named for SealingKey {
    fn kid(&self) -> &KeyId {
        &self.kid
    }
}

/// One to eight keys in order (protocol.md, Actors and keys): the first seals, every one opens.
#[derive(Debug)]
pub struct KeyRing<K> {
    first: Arc<K>,
    rest: Vec<Arc<K>>,
}

impl<K: Named> KeyRing<K> {
    /// Most keys of a ring.
    pub(crate) const MAX_KEYS: usize = 8;

    /// `None` if `keys` is empty. The reader of the secret has checked the rest.
    pub(crate) fn new(keys: impl IntoIterator<Item = impl Into<Arc<K>>>) -> Option<Self> {
        let mut keys = keys.into_iter().map(Into::into);
        Some(Self {
            first: keys.next()?,
            rest: keys.collect(),
        })
    }

    /// The key that seals.
    pub fn sealer(&self) -> &Arc<K> {
        &self.first
    }

    /// Every key, in ring order.
    pub fn openers(&self) -> impl Iterator<Item = &Arc<K>> {
        std::iter::once(&self.first).chain(&self.rest)
    }

    /// The key of this name.
    pub fn opener(&self, kid: &str) -> Option<&Arc<K>> {
        self.openers().find(|key| key.kid().as_str() == kid)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A key of 32 equal bytes.
    pub(crate) fn sealing_key(kid: &str, byte: u8) -> SealingKey {
        SealingKey::new(KeyId::new(kid).unwrap(), &Redacted::new([byte; 32])).unwrap()
    }

    #[test]
    fn a_key_id_is_printable_ascii_without_spaces() {
        let longest = "k".repeat(128);
        for kid in ["a", "acme-2026-11", "~!\"#", &longest] {
            assert!(KeyId::new(kid).is_some(), "{kid}");
        }
        for kid in ["", "a b", "a\n", "\u{7f}", "é", &format!("{longest}k")] {
            assert!(KeyId::new(kid).is_none(), "{kid}");
        }
    }

    #[test]
    fn the_first_key_seals_and_every_key_opens() {
        let ring = KeyRing::new([sealing_key("new", 1), sealing_key("old", 2)]).unwrap();
        assert_eq!(ring.sealer().kid().as_str(), "new");
        assert!(ring.opener("new").is_some() && ring.opener("old").is_some());
        assert!(ring.opener("gone").is_none());
        assert!(KeyRing::new([] as [SealingKey; 0]).is_none());
    }
}
