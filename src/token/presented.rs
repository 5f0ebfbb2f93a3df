//! A token that somebody presents: whether it is one of this service, and what it says.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Serialize;

use super::{Grant, Lifetime, TokenId, TokenIdentity, claims::Claims, header};
use crate::{
    clock::UnixMillis,
    json,
    jwe::{HeaderBuffer, Received},
    keys::{KeyId, KeyRing, SealingKey},
    partner::PartnerId,
    redacted::Redacted,
    request::ReferenceId,
    session::SessionKey,
};

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
