//! The claims of a token, written and read.

use std::borrow::Cow;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::{Grant, Lifetime, PresentedToken, TokenId, TokenIdentity};
use crate::{
    partner::PartnerId,
    redacted::Redacted,
    request::{ReferenceId, is_account_number},
    session::SessionKey,
};

/// RFC 7519 section 4.1, RFC 8693 section 4.3 (`client_id`), OpenID Connect Core section 2
/// (`auth_time`), RFC 7800 section 3.2 (`cnf`); members in the protocol's order.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Claims<'a> {
    #[serde(borrow)]
    pub(super) iss: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) aud: Cow<'a, str>,
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
    pub(super) fn of(
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
    pub(super) fn read(&self) -> Option<PresentedToken> {
        let Jwk { kty, k } = &self.cnf.jwk;
        if kty != "oct" || !is_account_number(&self.sub) {
            return None;
        }
        let mut session_key = Box::new(Redacted::new([0; 32]));
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
