//! The token: its claims, its lifetime, its sealing and its opening (protocol.md, Token).

use std::{borrow::Cow, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{error::Unspecified, rand::SecureRandom};
use serde::{Deserialize, Serialize};

use crate::{
    clock::UnixMillis,
    json,
    jwe::{self, Header, HeaderBuffer, Received, Sealed},
    keys::{IV_LEN, KeyId, KeyRing, SealingKey, TAG_LEN},
    partner::PartnerId,
    redacted::Redacted,
    request::ReferenceId,
    session::SessionKey,
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

/// A token of this service that somebody presents, opened. It may have expired.
#[derive(Debug)]
pub struct PresentedToken {
    /// Its `jti`.
    pub id: TokenId,
    /// Its `sub`.
    pub account_number: Redacted<String>,
    /// Its `client_id`.
    pub partner: PartnerId,
    /// Its `program_id`.
    pub program_id: u32,
    /// Its `ref`.
    pub reference_id: ReferenceId,
    /// Its `auth_time`, `iat` and `exp`.
    pub lifetime: Lifetime,
    /// Of its `cnf`.
    pub session_key: SessionKey,
}

/// Why a text is no token of this service. All have one public answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// There is none.
    #[error("the token is missing")]
    Missing,
    /// Over 4,096 bytes.
    #[error("the token is over 4096 bytes")]
    Size,
    /// No compact JWE with a token's header.
    #[error("the token has not the form of one")]
    Form,
    /// Sealed by a key that is not in the token ring.
    #[error("the token names a key that is not in the token ring")]
    UnknownKey,
    /// Made under another key, or altered.
    #[error("the token does not open under the key that it names")]
    NotSealedHere,
    /// Opened, and its claims are not those of a token.
    #[error("the token's claims are not those of this service")]
    Claims,
}

/// Largest token in bytes that is looked at.
pub(crate) const MAX_TOKEN: usize = 4096;

/// Opens a token that was made here, expired or not.
pub fn open(
    compact: &str,
    ring: &KeyRing<SealingKey>,
    identity: &TokenIdentity,
) -> Result<PresentedToken, TokenError> {
    if compact.is_empty() {
        return Err(TokenError::Missing);
    }
    if compact.len() > MAX_TOKEN {
        return Err(TokenError::Size);
    }
    let mut buffer = HeaderBuffer::new();
    let received =
        Received::parse(compact.as_bytes(), &mut buffer).map_err(|_| TokenError::Form)?;
    let kid = received.kid().ok_or(TokenError::Form)?;
    let kid = KeyId::new(kid).ok_or(TokenError::Form)?;
    if !received.has_header(header(&kid)) {
        return Err(TokenError::Form);
    }
    let key = ring.opener(kid.as_str()).ok_or(TokenError::UnknownKey)?;
    let plaintext = received.open_with(key).ok_or(TokenError::NotSealedHere)?;
    let claims: Claims<'_> = serde_json::from_slice(&plaintext).map_err(|_| TokenError::Claims)?;
    if claims.iss != identity.issuer || claims.aud != identity.audience {
        return Err(TokenError::Claims);
    }
    claims.read().ok_or(TokenError::Claims)
}

impl PresentedToken {
    /// What the session's next token says, too.
    pub(crate) fn grant(&self) -> Grant<'_> {
        Grant {
            account_number: &self.account_number,
            partner: &self.partner,
            program_id: self.program_id,
            reference_id: &self.reference_id,
            session_key: &self.session_key,
        }
    }

    /// Whether its own end has come.
    pub(crate) fn has_expired(&self, now: UnixMillis) -> bool {
        self.lifetime.expires_at() <= now
    }

    /// Introspection's answer for an active token: `active` and the claims (RFC 7662 section 2.2).
    pub(crate) fn active_json(
        &self,
        identity: &TokenIdentity,
    ) -> serde_json::Result<Redacted<Vec<u8>>> {
        #[derive(Serialize)]
        struct Active<'a> {
            active: bool,
            #[serde(flatten)]
            claims: Claims<'a>,
        }
        let session_key = Redacted::new(BASE64_URL_SAFE_NO_PAD.encode(self.session_key.expose()));
        let claims = Claims::of(
            identity,
            self.grant(),
            self.lifetime,
            &self.id,
            &session_key,
        );
        let active = true;
        json::write_secret(&Active { active, claims }, 0)
    }
}

fn header(kid: &KeyId) -> Header<'_> {
    Header {
        kid: Some(kid),
        typ: Some("JWT"),
    }
}

/// RFC 7519 section 4.1, RFC 8693 section 4.3 (`client_id`), OpenID Connect Core section 2
/// (`auth_time`), RFC 7800 section 3.2 (`cnf`); members in the protocol's order.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims<'a> {
    #[serde(borrow)]
    iss: Cow<'a, str>,
    #[serde(borrow)]
    aud: Cow<'a, str>,
    #[serde(borrow)]
    sub: Cow<'a, str>,
    #[serde(borrow)]
    client_id: Cow<'a, str>,
    program_id: u32,
    #[serde(borrow)]
    jti: Cow<'a, str>,
    #[serde(borrow)]
    r#ref: Cow<'a, str>,
    auth_time: i64,
    iat: i64,
    exp: i64,
    #[serde(borrow)]
    cnf: Confirmation<'a>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirmation<'a> {
    #[serde(borrow)]
    jwk: Jwk<'a>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Jwk<'a> {
    #[serde(borrow)]
    kty: Cow<'a, str>,
    #[serde(borrow)]
    k: Cow<'a, str>,
}

impl<'a> Claims<'a> {
    fn of(
        identity: &'a TokenIdentity,
        grant: Grant<'a>,
        lifetime: Lifetime,
        id: &'a TokenId,
        session_key: &'a str,
    ) -> Self {
        Self {
            iss: identity.issuer.as_str().into(),
            aud: identity.audience.as_str().into(),
            sub: grant.account_number.into(),
            client_id: grant.partner.as_str().into(),
            program_id: grant.program_id,
            jti: id.as_str().into(),
            r#ref: grant.reference_id.as_str().into(),
            auth_time: lifetime.auth_time,
            iat: lifetime.issued_at,
            exp: lifetime.expires_at,
            cnf: Confirmation {
                jwk: Jwk {
                    kty: "oct".into(),
                    k: session_key.into(),
                },
            },
        }
    }

    /// `None` if a claim breaks its rule, which none does that was sealed by [`mint`].
    fn read(&self) -> Option<PresentedToken> {
        let Jwk { kty, k } = &self.cnf.jwk;
        if kty != "oct" {
            return None;
        }
        let mut session_key = Redacted::new([0; 32]);
        let len = BASE64_URL_SAFE_NO_PAD.decode_slice(k.as_bytes(), session_key.as_mut_slice());
        if !matches!(len, Ok(32)) {
            return None;
        }
        Some(PresentedToken {
            id: TokenId::new(&self.jti)?,
            account_number: Redacted::new(self.sub.clone().into_owned()),
            partner: PartnerId::new(&self.client_id)?,
            program_id: self.program_id,
            reference_id: ReferenceId::new(&self.r#ref)?,
            lifetime: Lifetime {
                auth_time: self.auth_time,
                issued_at: self.iat,
                expires_at: self.exp,
            },
            session_key: SessionKey::from_bytes(session_key),
        })
    }
}

#[cfg(test)]
mod vectors;
