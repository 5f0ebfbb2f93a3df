//! Compact JWE (RFC 7516), `alg` `dir` and `enc` `A256GCM` only: open and seal.
//!
//! Which key opens is the caller's choice; this module knows no partner. What is refused is
//! protocol.md, Request.

mod compact;
mod header;
mod reply;

use std::borrow::Cow;

use ring::{error::Unspecified, rand::SecureRandom};

pub use compact::{CompactFault, HeaderBuffer};
pub use header::HeaderFault;
pub use reply::ReplyKey;

use crate::{
    keys::{self, AeadKey, IV_LEN, KeyId, SealingKey, TAG_LEN},
    redacted::Redacted,
};
use compact::Compact;

/// A received compact JWE of sound form, not opened yet.
pub struct Received<'a> {
    compact: Compact<'a>,
    kid: Option<Cow<'a, str>>,
}

/// Why a body is not a JWE that this service accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormFault {
    /// The five segments.
    #[error(transparent)]
    Compact(#[from] CompactFault),
    /// The protected header.
    #[error("protected header: {0}")]
    Header(#[from] HeaderFault),
}

impl<'a> Received<'a> {
    /// Reads the form: five canonical segments and a header that this service accepts, which is
    /// decoded to `buffer`.
    pub fn parse(compact: &'a [u8], buffer: &'a mut HeaderBuffer) -> Result<Self, FormFault> {
        let compact = Compact::parse(compact, buffer)?;
        let kid = header::kid(compact.header)?;
        Ok(Self { compact, kid })
    }

    /// The key that the sender names.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Whether the protected header is, byte for byte, what [`seal`] writes for `header`.
    pub(crate) fn has_header(&self, header: Header<'_>) -> bool {
        let mut buffer = HeaderBuffer::new();
        header::json(header, &mut buffer).is_ok_and(|json| json == self.compact.header)
    }

    /// Decrypts with `key`; `None` if it does not open it.
    pub(crate) fn open_with(self, key: &AeadKey) -> Option<Redacted<Vec<u8>>> {
        let Compact {
            iv,
            aad,
            ciphertext_and_tag,
            ..
        } = self.compact;
        open(key, iv, aad, Redacted::new(ciphertext_and_tag))
    }

    /// Decrypts with the first of `keys` that opens it, and tells which; `None` if none does.
    ///
    /// In place: a single key takes no copy.
    pub fn open<K: AsRef<SealingKey>>(
        self,
        keys: impl IntoIterator<Item = K>,
    ) -> Option<(Redacted<Vec<u8>>, K)> {
        let Compact { iv, aad, .. } = self.compact;
        let open = |key: &K, buffer| open(key.as_ref(), iv, aad, buffer);
        let ciphertext_and_tag = Redacted::new(self.compact.ciphertext_and_tag);
        let mut keys = keys.into_iter();
        let mut key = keys.next()?;
        for next in keys {
            // A copy, as a failed attempt leaves the buffer in an unspecified state for the next
            // key.
            if let Some(plaintext) = open(&key, ciphertext_and_tag.clone()) {
                return Some((plaintext, key));
            }
            key = next;
        }
        Some((open(&key, ciphertext_and_tag)?, key))
    }
}

fn open(
    key: &AeadKey,
    iv: [u8; IV_LEN],
    aad: &[u8],
    mut buffer: Redacted<Vec<u8>>,
) -> Option<Redacted<Vec<u8>>> {
    let plaintext = key.open(iv, aad, &mut buffer).ok()?.len();
    buffer.truncate(plaintext);
    Some(buffer)
}

/// A sealed JWE, and the parts of it that can be kept as bytes.
#[derive(Debug)]
pub struct Sealed {
    compact: Redacted<String>,
    iv: [u8; IV_LEN],
    ciphertext_and_tag: Redacted<Vec<u8>>,
}

/// The protected header to seal with: `alg` and `enc` come first and are fixed.
#[derive(Clone, Copy)]
pub struct Header<'a> {
    /// Names the key for the receiver.
    pub kid: Option<&'a KeyId>,
    /// The media type of the complete JWE (RFC 7516 section 4.1.11).
    pub typ: Option<&'a str>,
}

/// Encrypts `plaintext` under a fresh IV, in place if it has room for the tag.
///
/// Fails only when the system's generator does.
pub fn seal(
    key: &AeadKey,
    header: Header<'_>,
    plaintext: Redacted<Vec<u8>>,
    rng: &dyn SecureRandom,
) -> Result<Sealed, Unspecified> {
    let iv = keys::fresh_iv(rng)?;
    seal_with_iv(key, header, plaintext, iv)
}

fn seal_with_iv(
    key: &AeadKey,
    header: Header<'_>,
    plaintext: Redacted<Vec<u8>>,
    iv: [u8; IV_LEN],
) -> Result<Sealed, Unspecified> {
    let begun = begin(header, plaintext.len() + TAG_LEN)?;
    let mut in_out = with_room_for_the_tag(plaintext);
    key.seal(iv, begun.as_bytes(), &mut in_out)?;
    Ok(Sealed::finish(begun, iv, std::mem::take(&mut *in_out)))
}

/// The protected header in base64url, as it is authenticated and sent, with room for the rest.
fn begin(
    header: Header<'_>,
    ciphertext_and_tag_len: usize,
) -> Result<Redacted<String>, Unspecified> {
    let mut buffer = HeaderBuffer::new();
    let json = header::json(header, &mut buffer)?;
    Ok(Redacted::new(compact::begin(json, ciphertext_and_tag_len)))
}

/// Growing would leave a copy of the plaintext behind; this one is zeroized.
fn with_room_for_the_tag(plaintext: Redacted<Vec<u8>>) -> Redacted<Vec<u8>> {
    if plaintext.capacity() - plaintext.len() >= TAG_LEN {
        return plaintext;
    }
    let mut roomy = Redacted::new(Vec::with_capacity(plaintext.len() + TAG_LEN));
    roomy.extend_from_slice(&plaintext);
    roomy
}

impl Sealed {
    /// From parts kept earlier: [`Sealed::iv`] and [`Sealed::ciphertext_and_tag`].
    pub(crate) fn from_parts(
        header: Header<'_>,
        iv: [u8; IV_LEN],
        ciphertext_and_tag: Vec<u8>,
    ) -> Result<Self, Unspecified> {
        let begun = begin(header, ciphertext_and_tag.len())?;
        Ok(Self::finish(begun, iv, ciphertext_and_tag))
    }

    fn finish(
        mut compact: Redacted<String>,
        iv: [u8; IV_LEN],
        ciphertext_and_tag: Vec<u8>,
    ) -> Self {
        compact::finish(&mut compact, &iv, &ciphertext_and_tag);
        Self {
            compact,
            iv,
            ciphertext_and_tag: Redacted::new(ciphertext_and_tag),
        }
    }

    pub(crate) fn iv(&self) -> &[u8; IV_LEN] {
        &self.iv
    }

    pub(crate) fn ciphertext_and_tag(&self) -> &[u8] {
        &self.ciphertext_and_tag
    }

    /// The compact form: `header..iv.ciphertext.tag`, each in base64url (RFC 7516 section 3.1).
    pub fn compact(&self) -> &str {
        &self.compact
    }

    /// The same, to keep.
    pub fn into_compact(mut self) -> String {
        std::mem::take(&mut *self.compact)
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
