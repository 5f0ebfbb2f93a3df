//! The plaintexts of a record's two sealed attributes. Lengths are in bytes.
//!
//! ```text
//! sealed: server's x || y (64) || customer (JSON, the rest)
//! token:  token kid length (1) || token kid || token IV (12) || token ciphertext and tag (the rest)
//! ```
//!
//! The token's decoded segments and the point take a quarter less than their text, and the strings
//! are rebuilt for a replay.

use ring::error::Unspecified;

use crate::{
    keys::{IV_LEN, KeyId, TAG_LEN},
    redacted::Redacted,
    session::PublicKey,
    token::{Minted, Token},
};

/// What is sealed of a session for as long as it lasts: enough for a replay and for an audit.
#[derive(Debug)]
pub struct SessionContents {
    /// The SDK derives the session key with it.
    pub server_public_key: PublicKey,
    /// The customer, in canonical JSON, as [`crate::request::Customer`] is written.
    pub customer: Redacted<Vec<u8>>,
}

pub(super) fn session(server_public_key: &PublicKey, customer: &[u8]) -> Redacted<Vec<u8>> {
    joined(&[server_public_key.as_bytes(), customer])
}

pub(super) fn read_session(contents: &[u8]) -> Option<SessionContents> {
    let (point, customer) = contents.split_first_chunk::<64>()?;
    Some(SessionContents {
        server_public_key: PublicKey::from_bytes(*point),
        customer: Redacted::new(customer.to_vec()),
    })
}

/// Fails for a name of over 255 bytes only, which no key has.
pub(super) fn token(minted: &Minted) -> Result<Redacted<Vec<u8>>, Unspecified> {
    let kid = minted.kid.as_str().as_bytes();
    let kid_len = u8::try_from(kid.len()).map_err(|_| Unspecified)?;
    let sealed = minted.token.sealed();
    let ciphertext_and_tag = sealed.ciphertext_and_tag();
    Ok(joined(&[&[kid_len], kid, sealed.iv(), ciphertext_and_tag]))
}

pub(super) fn read_token(contents: &[u8]) -> Option<Token> {
    let (kid_len, rest) = contents.split_first()?;
    let (kid, rest) = rest.split_at_checked(usize::from(*kid_len))?;
    let (iv, ciphertext_and_tag) = rest.split_first_chunk::<IV_LEN>()?;
    let kid = KeyId::new(std::str::from_utf8(kid).ok()?)?;
    Token::from_parts(&kid, *iv, ciphertext_and_tag.to_vec()).ok()
}

/// With room for the tag: growing would leave a copy behind.
fn joined(parts: &[&[u8]]) -> Redacted<Vec<u8>> {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    let mut contents = Redacted::new(Vec::with_capacity(len + TAG_LEN));
    for part in parts {
        contents.extend_from_slice(part);
    }
    contents
}
