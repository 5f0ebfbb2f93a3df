//! Requests that are refused, and why, by what the caller can do about it.

use ring::error::Unspecified;

use super::accept::StaleRefusal;
use crate::{
    jwe::{FormFault, ReplyKey},
    partner::AuthError,
    record::{Conflict, Ended, RecordError, StoreError},
    request::{ReferenceId, RequestFault},
    secrets::{SecretUnavailable, Stale},
    token::TokenError,
};

/// A request that is refused.
#[derive(Debug)]
pub struct Refusal {
    /// Why.
    pub error: OperationError,
    /// How the answer is sealed; `None` if the request was not opened.
    pub reply: Option<Reply>,
}

/// What the answer to an opened request needs.
#[derive(Debug)]
pub struct Reply {
    /// Seals the answer.
    pub key: ReplyKey,
    /// The request's, if it was read and is valid.
    pub reference_id: Option<ReferenceId>,
}

impl Refusal {
    /// Of a request that was not opened.
    pub(super) fn unopened(error: impl Into<OperationError>) -> Self {
        let error = error.into();
        Self { error, reply: None }
    }

    pub(super) fn sealed(
        error: impl Into<OperationError>,
        key: ReplyKey,
        reference_id: Option<ReferenceId>,
    ) -> Self {
        Self {
            error: error.into(),
            reply: Some(Reply { key, reference_id }),
        }
    }
}

/// Why a request is refused, by what the caller can do about it; the text is for the log.
#[derive(Debug, thiserror::Error)]
pub enum OperationError {
    /// Come back.
    #[error(transparent)]
    NoSecrets(#[from] SecretUnavailable),
    /// Present a token of this service.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Use another API key.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// Encrypt the body as the protocol says, under a key that is the partner's.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Encrypt the body as the protocol says, under the session key.
    #[error("renewal: {0}")]
    OpenRenewal(OpenError),
    /// Correct the members.
    #[error(transparent)]
    Request(#[from] RequestFault),
    /// Use another `sdkApiKey`.
    #[error("sdkApiKey is not the partner's")]
    UnknownSdkApiKey,
    /// Use another `referenceId`.
    #[error("referenceId: {0}")]
    Conflict(#[from] Conflict),
    /// Begin a new session, or use its current token.
    #[error("token: {0}")]
    Ended(#[from] Ended),
    /// Name another session.
    #[error("tokenReferenceId: unknown")]
    UnknownSession,
    /// Come back with the same request, if the error is transient; else nothing.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing: the record that stands there can't be judged.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Nothing: the system's generator failed.
    #[error("the system's random generator failed")]
    Generator(#[from] Unspecified),
}

/// Why a body does not open. All have one public answer, but for [`OpenError::Json`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It begins with `{`.
    #[error("the body is JSON, and no compact JWE")]
    Json,
    /// API Gateway flagged it as base64, and it is not.
    #[error("the body is flagged as base64 and is not")]
    NotBase64,
    /// It is no compact JWE that this service accepts.
    #[error("the body is not an acceptable JWE: {0}")]
    Form(#[from] FormFault),
    /// It names a key that is not the partner's.
    #[error("kid names none of the partner's payload keys")]
    UnknownKid,
    /// No key opens it.
    #[error("no key that may open the body does")]
    NoKeyOpens,
}

impl From<SecretUnavailable> for Refusal {
    fn from(error: SecretUnavailable) -> Self {
        Self::unopened(error)
    }
}

impl StaleRefusal for Refusal {
    fn may_come_from_stale(&self) -> Option<Stale> {
        match &self.error {
            OperationError::Auth(AuthError::UnknownKey | AuthError::UnknownPartner)
            | OperationError::Open(OpenError::UnknownKid | OpenError::NoKeyOpens)
            | OperationError::UnknownSdkApiKey => Some(Stale::ApiKeys),
            OperationError::Token(TokenError::UnknownKey) => Some(Stale::ServerKeys),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partner::PartnerId;

    #[test]
    fn only_what_newer_secrets_may_know_asks_for_them() {
        let known = PartnerId::new("p");
        let disabled = AuthError::Disabled(known.unwrap());
        let (api_keys, server_keys) = (Some(Stale::ApiKeys), Some(Stale::ServerKeys));
        for (error, stale) in [
            (OperationError::from(AuthError::UnknownKey), api_keys),
            (AuthError::UnknownPartner.into(), api_keys),
            (OpenError::UnknownKid.into(), api_keys),
            (OpenError::NoKeyOpens.into(), api_keys),
            (OperationError::UnknownSdkApiKey, api_keys),
            (TokenError::UnknownKey.into(), server_keys),
            (AuthError::MissingKey.into(), None),
            (disabled.into(), None),
            (OpenError::Json.into(), None),
            (OpenError::NotBase64.into(), None),
            (OperationError::OpenRenewal(OpenError::NoKeyOpens), None),
            (TokenError::NotSealedHere.into(), None),
            (Conflict::Reused.into(), None),
            (Ended::Superseded.into(), None),
            (OperationError::Generator(Unspecified), None),
        ] {
            let text = error.to_string();
            let refusal = Refusal::unopened(error);
            assert_eq!(refusal.may_come_from_stale(), stale, "{text}");
        }
    }
}
