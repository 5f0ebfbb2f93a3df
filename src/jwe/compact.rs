//! The compact form: five segments of canonical base64url (RFC 7516 section 7.1).
//!
//! Nothing here decrypts.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::keys::{IV_LEN, TAG_LEN};

/// Largest protected header in bytes, decoded (protocol.md, Request).
const MAX_HEADER: usize = 1024;

/// What [`MAX_HEADER`] bytes take in base64url, and what as many characters may decode to.
const MAX_HEADER_ENCODED: usize = MAX_HEADER.div_ceil(3) * 4;
const MAX_HEADER_DECODED: usize = MAX_HEADER_ENCODED / 4 * 3;

/// Where a protected header's JSON text is put, so that what is read of it can be borrowed.
pub struct HeaderBuffer(pub(super) [u8; MAX_HEADER_DECODED]);

impl HeaderBuffer {
    /// An empty one.
    pub const fn new() -> Self {
        Self([0; MAX_HEADER_DECODED])
    }
}

impl Default for HeaderBuffer {
    fn default() -> Self {
        Self::new()
    }
}

/// A compact JWE's segments, decoded.
pub(super) struct Compact<'a> {
    /// The protected header's JSON text.
    pub(super) header: &'a [u8],
    /// The header as received: re-encoding it may differ (RFC 7516 section 5.2 step 15).
    pub(super) aad: &'a [u8],
    pub(super) iv: [u8; IV_LEN],
    pub(super) ciphertext_and_tag: Vec<u8>,
}

/// Which rule of the compact form is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CompactFault {
    /// Not `header.key.iv.ciphertext.tag`.
    #[error("not five segments")]
    NotFiveSegments,
    /// `dir` has no encrypted key (RFC 7518 section 4.5).
    #[error("the encrypted-key segment is not empty")]
    EncryptedKey,
    /// Over 1,024 bytes.
    #[error("the protected header is over 1024 bytes")]
    HeaderSize,
    /// Padding, a character outside the alphabet, or stray bits at the end.
    #[error("the {0} segment is not canonical base64url without padding")]
    Base64(&'static str),
    /// Not 12 bytes.
    #[error("the IV is not 12 bytes")]
    IvSize,
    /// Not 16 bytes.
    #[error("the tag is not 16 bytes")]
    TagSize,
}

impl<'a> Compact<'a> {
    pub(super) fn parse(
        text: &'a [u8],
        buffer: &'a mut HeaderBuffer,
    ) -> Result<Self, CompactFault> {
        let mut segments = text.split(|&byte| byte == b'.');
        let mut next = || segments.next().ok_or(CompactFault::NotFiveSegments);
        let (header, encrypted_key, iv, ciphertext, tag) =
            (next()?, next()?, next()?, next()?, next()?);
        if segments.next().is_some() {
            return Err(CompactFault::NotFiveSegments);
        }
        if !encrypted_key.is_empty() {
            return Err(CompactFault::EncryptedKey);
        }
        // Sizes are checked before anything is decoded.
        if header.len() > MAX_HEADER_ENCODED {
            return Err(CompactFault::HeaderSize);
        }
        if iv.len() != encoded_len(IV_LEN) {
            return Err(CompactFault::IvSize);
        }
        if tag.len() != encoded_len(TAG_LEN) {
            return Err(CompactFault::TagSize);
        }
        let aad = header;
        let header = decode_header(header, buffer)?;
        let iv = decode_iv(iv)?;
        let room = [ciphertext, tag].map(|segment| base64::decoded_len_estimate(segment.len()));
        let mut ciphertext_and_tag = Vec::with_capacity(room.iter().sum());
        decode_into(ciphertext, "ciphertext", &mut ciphertext_and_tag)?;
        decode_into(tag, "tag", &mut ciphertext_and_tag)?;
        Ok(Self {
            header,
            aad,
            iv,
            ciphertext_and_tag,
        })
    }
}

/// Length of `bytes` bytes in base64url without padding.
const fn encoded_len(bytes: usize) -> usize {
    (bytes * 4).div_ceil(3)
}

/// The segment is short enough for the buffer.
fn decode_header<'a>(
    segment: &[u8],
    HeaderBuffer(buffer): &'a mut HeaderBuffer,
) -> Result<&'a [u8], CompactFault> {
    let len = BASE64_URL_SAFE_NO_PAD
        .decode_slice(segment, buffer)
        .map_err(|_| CompactFault::Base64("header"))?;
    buffer
        .get(..len)
        .filter(|header| header.len() <= MAX_HEADER)
        .ok_or(CompactFault::HeaderSize)
}

/// The segment is of the length that an IV has.
fn decode_iv(segment: &[u8]) -> Result<[u8; IV_LEN], CompactFault> {
    let mut iv = [0; IV_LEN];
    BASE64_URL_SAFE_NO_PAD
        .decode_slice(segment, &mut iv)
        .map_err(|_| CompactFault::Base64("IV"))?;
    Ok(iv)
}

fn decode_into(
    segment: &[u8],
    name: &'static str,
    bytes: &mut Vec<u8>,
) -> Result<(), CompactFault> {
    BASE64_URL_SAFE_NO_PAD
        .decode_vec(segment, bytes)
        .map_err(|_| CompactFault::Base64(name))
}

/// Begins a compact JWE with its protected header, of which this is the JSON text, and leaves room
/// for what [`finish`] writes.
pub(super) fn begin(header: &[u8], ciphertext_and_tag_len: usize) -> String {
    let ciphertext_len = ciphertext_and_tag_len.saturating_sub(TAG_LEN);
    let rest = [IV_LEN, ciphertext_len, TAG_LEN].map(|len| encoded_len(len) + 1);
    let room = encoded_len(header.len()) + 1 + rest.iter().sum::<usize>();
    let mut compact = String::with_capacity(room);
    BASE64_URL_SAFE_NO_PAD.encode_string(header, &mut compact);
    compact
}

/// Appends an empty encrypted key, the IV, the ciphertext and the tag.
pub(super) fn finish(compact: &mut String, iv: &[u8; IV_LEN], ciphertext_and_tag: &[u8]) {
    let split = ciphertext_and_tag.len().saturating_sub(TAG_LEN);
    let (ciphertext, tag) = ciphertext_and_tag.split_at(split);
    compact.push('.');
    for segment in [iv, ciphertext, tag] {
        compact.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(segment, compact);
    }
}
