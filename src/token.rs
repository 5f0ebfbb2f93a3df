//! The token: its claims, its lifetime, and its sealing (protocol.md, Token).

use std::time::Duration;

use crate::redacted::Redacted;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{error::Unspecified, rand::SecureRandom};
use serde::Serialize;

use crate::{
    clock::UnixMillis,
    json,
    jwe::{self, Header, Sealed},
    keys::{KeyId, SealingKey, TAG_LEN},
    partner::Partner,
    request::IssueRequest,
};

/// A token's unique id: base64url of 16 random bytes (RFC 7519 section 4.1.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenId(String);

impl TokenId {
    /// `None` if `id` does not have the form of one.
    pub(crate) fn new(id: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(id).ok()?;
        (bytes.len() == 16).then(|| Self(id.to_owned()))
    }

    fn fresh(rng: &dyn SecureRandom) -> Result<Self, Unspecified> {
        let mut id = [0; 16];
        rng.fill(&mut id)?;
        Ok(Self(BASE64_URL_SAFE_NO_PAD.encode(id)))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// When a token was issued and when it ends, in whole seconds since the epoch.
#[derive(Clone, Copy, Debug)]
pub struct Lifetime {
    issued_at: i64,
    expires_at: i64,
}

impl Lifetime {
    /// Shortest and longest lifetime in seconds.
    pub const RANGE: std::ops::RangeInclusive<u64> = 60..=86_400;

    pub(crate) fn starting(now: UnixMillis, lasts: Duration) -> Self {
        let issued_at = now.seconds();
        let lasts = i64::try_from(lasts.as_secs()).unwrap_or(i64::MAX);
        Self {
            issued_at,
            expires_at: issued_at.saturating_add(lasts),
        }
    }

    /// `exp` times 1,000: the answer's `expireAt`.
    pub fn expires_at(self) -> UnixMillis {
        UnixMillis::new(self.expires_at.saturating_mul(1000))
    }
}

/// A sealed token. Whoever holds it can speak for the customer.
#[derive(Debug)]
pub struct Token(Sealed);

impl Token {
    /// The compact JWE.
    pub fn compact(&self) -> &str {
        self.0.compact()
    }

    pub(crate) fn sealed(&self) -> &Sealed {
        &self.0
    }

    /// A token from its parts, as `record` kept them.
    pub(crate) fn from_parts(
        kid: &KeyId,
        iv: [u8; 12],
        ciphertext_and_tag: Vec<u8>,
    ) -> Result<Self, Unspecified> {
        Sealed::from_parts(header(kid), iv, ciphertext_and_tag).map(Self)
    }
}

/// Who issues tokens and for whom.
#[derive(Clone, Debug)]
pub struct TokenIdentity {
    /// The `iss` claim.
    pub issuer: String,
    /// The `aud` claim.
    pub audience: String,
}

/// A token that was just made, and what its record needs to know of it.
#[derive(Debug)]
pub struct Minted {
    /// The token.
    pub token: Token,
    /// Its `jti`.
    pub id: TokenId,
    /// The key that sealed it.
    pub kid: KeyId,
    /// From when to when it holds.
    pub lifetime: Lifetime,
}

/// Makes and seals a token for `request`.
///
/// Fails only when the system's generator does.
pub fn mint(
    key: &SealingKey,
    audience: &TokenIdentity,
    partner: &Partner,
    request: &IssueRequest,
    lifetime: Lifetime,
    rng: &dyn SecureRandom,
) -> Result<Minted, Unspecified> {
    let id = TokenId::fresh(rng)?;
    let session_key = Redacted::new(BASE64_URL_SAFE_NO_PAD.encode(request.session.key.expose()));
    let claims = Claims {
        iss: &audience.issuer,
        aud: &audience.audience,
        sub: &request.customer.account_number,
        client_id: partner.id.as_str(),
        program_id: partner.program_id,
        jti: &id.0,
        r#ref: request.reference_id.as_str(),
        iat: lifetime.issued_at,
        exp: lifetime.expires_at,
        cnf: Confirmation {
            jwk: Jwk {
                kty: "oct",
                k: &session_key,
            },
        },
    };
    let plaintext = json::write_secret(&claims, TAG_LEN).map_err(|_| Unspecified)?;
    let token = Token(jwe::seal(key, header(key.kid()), plaintext, rng)?);
    Ok(Minted {
        token,
        id,
        kid: key.kid().clone(),
        lifetime,
    })
}

fn header(kid: &KeyId) -> Header<'_> {
    Header {
        kid: Some(kid),
        typ: Some("JWT"),
    }
}

/// RFC 7519 section 4.1, RFC 8693 section 4.3 (`client_id`), RFC 7800 section 3.2 (`cnf`); members
/// in the protocol's order.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    client_id: &'a str,
    program_id: u32,
    jti: &'a str,
    r#ref: &'a str,
    iat: i64,
    exp: i64,
    cnf: Confirmation<'a>,
}

#[derive(Serialize)]
struct Confirmation<'a> {
    jwk: Jwk<'a>,
}

#[derive(Serialize)]
struct Jwk<'a> {
    kty: &'static str,
    k: &'a str,
}

#[cfg(test)]
mod vectors;
