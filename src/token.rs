//! The token: its claims, its lifetime, its sealing and its opening (protocol.md, Token).

mod claims;
mod presented;

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{error::Unspecified, rand::SecureRandom};

pub(crate) use presented::MAX_TOKEN;
pub use presented::{PresentedToken, TokenError, open};

use crate::{
    clock::UnixMillis,
    json,
    jwe::{self, Header, Sealed},
    keys::{IV_LEN, KeyId, SealingKey, TAG_LEN},
    partner::PartnerId,
    redacted::Redacted,
    request::ReferenceId,
    session::SessionKey,
};
use claims::Claims;

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

/// When a token's session began, when the token was issued and when it ends, in whole seconds since
/// the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    auth_time: i64,
    issued_at: i64,
    expires_at: i64,
}

/// How long a partner's tokens and sessions last.
#[derive(Clone, Copy, Debug)]
pub struct Ttls {
    /// Of each token.
    pub token: Duration,
    /// Of a session, which no token is made to outlive.
    pub session: Duration,
}

impl Lifetime {
    /// Shortest and longest lifetime of a token in seconds.
    pub const RANGE: std::ops::RangeInclusive<u64> = 60..=86_400;

    /// Shortest and longest lifetime of a session in seconds.
    pub const SESSION_RANGE: std::ops::RangeInclusive<u64> = 60..=2_592_000;

    /// Of the first token of a session that begins now.
    pub(crate) fn first(now: UnixMillis, ttls: Ttls) -> Self {
        let now = now.seconds();
        Self {
            auth_time: now,
            issued_at: now,
            expires_at: later(now, ttls.token.min(ttls.session)),
        }
    }

    /// Of the same session's next token; `None` if the session's end has come.
    pub(crate) fn renewed(self, now: UnixMillis, ttls: Ttls) -> Option<Self> {
        let (now, session_ends) = (now.seconds(), later(self.auth_time, ttls.session));
        (now < session_ends).then(|| Self {
            auth_time: self.auth_time,
            issued_at: now,
            expires_at: later(now, ttls.token).min(session_ends),
        })
    }

    /// `auth_time` times 1,000: the record's `issuedAt`.
    pub(crate) fn session_began(self) -> UnixMillis {
        UnixMillis::new(self.auth_time.saturating_mul(1000))
    }

    /// `exp` times 1,000: the answer's `expireAt`.
    pub fn expires_at(self) -> UnixMillis {
        UnixMillis::new(self.expires_at.saturating_mul(1000))
    }
}

fn later(seconds: i64, by: Duration) -> i64 {
    seconds.saturating_add(i64::try_from(by.as_secs()).unwrap_or(i64::MAX))
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
        iv: [u8; IV_LEN],
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

/// What all tokens of a session say.
#[derive(Clone, Copy)]
pub struct Grant<'a> {
    pub(crate) account_number: &'a str,
    pub(crate) partner: &'a PartnerId,
    pub(crate) program_id: u32,
    pub(crate) reference_id: &'a ReferenceId,
    pub(crate) session_key: &'a SessionKey,
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

/// Makes and seals a token.
///
/// Fails only when the system's generator does.
pub fn mint(
    key: &SealingKey,
    identity: &TokenIdentity,
    grant: Grant<'_>,
    lifetime: Lifetime,
    rng: &dyn SecureRandom,
) -> Result<Minted, Unspecified> {
    let id = TokenId::fresh(rng)?;
    let session_key = Redacted::new(BASE64_URL_SAFE_NO_PAD.encode(grant.session_key.expose()));
    let claims = Claims::of(identity, grant, lifetime, &id, &session_key);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_until_its_sessions_end_and_not_past_it() {
        let ttls = Ttls {
            token: Duration::from_secs(100),
            session: Duration::from_secs(1000),
        };
        let first = Lifetime::first(UnixMillis::new(5_000_999), ttls);
        assert_eq!(first.expires_at(), UnixMillis::new(5_100_000));
        assert_eq!(first.session_began(), UnixMillis::new(5_000_000));
        for (now, expires_at) in [
            (5_800_000, Some(5_900_000)),
            (5_950_000, Some(6_000_000)),
            (5_999_999, Some(6_000_000)),
            (6_000_000, None),
        ] {
            let renewed = first.renewed(UnixMillis::new(now), ttls);
            let ends = renewed.map(|it| it.expires_at().millis());
            assert_eq!(ends, expires_at, "{now}");
        }
    }
}

#[cfg(test)]
mod vectors;
