//! Requests that are refused, and why, by what the caller can do about it.

use ring::error::Unspecified;

use crate::{
    jwe::{FormFault, ReplyKey},
    partner::AuthError,
    record::{RecordError, store::WriteError},
    request::{ReferenceId, RequestFault},
    secrets::SecretUnavailable,
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
    /// Use another API key.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// Encrypt the body as the protocol says, under a key that is the partner's.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Correct the members.
    #[error(transparent)]
    Request(#[from] RequestFault),
    /// Use another `sdkApiKey`.
    #[error("sdkApiKey is not the partner's")]
    UnknownSdkApiKey,
    /// Use another `referenceId`.
    #[error("referenceId: {0}")]
    Conflict(Conflict),
    /// Come back with the same `referenceId`, if the error is transient; else nothing.
    #[error(transparent)]
    Write(#[from] WriteError),
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
    #[error("none of the partner's payload keys that may open the body does")]
    NoKeyOpens,
}

/// What stands in a `referenceId`'s way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Another request has used it.
    #[error("reused")]
    Reused,
    /// Its token has ended.
    #[error("expired")]
    Expired,
    /// Its token was invalidated.
    #[error("revoked")]
    Revoked,
}

impl OperationError {
    /// Whether newer partners might know what these did not (protocol.md, Secrets).
    pub(super) fn may_come_from_stale_partners(&self) -> bool {
        matches!(
            self,
            Self::Auth(AuthError::UnknownKey)
                | Self::Open(OpenError::UnknownKid | OpenError::NoKeyOpens)
                | Self::UnknownSdkApiKey
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partner::PartnerId;

    #[test]
    fn only_what_newer_partners_may_know_asks_for_them() {
        let known = PartnerId::new("p");
        let disabled = AuthError::Disabled(known.unwrap());
        for (error, may) in [
            (OperationError::from(AuthError::UnknownKey), true),
            (OpenError::UnknownKid.into(), true),
            (OpenError::NoKeyOpens.into(), true),
            (OperationError::UnknownSdkApiKey, true),
            (AuthError::MissingKey.into(), false),
            (disabled.into(), false),
            (OpenError::Json.into(), false),
            (OpenError::NotBase64.into(), false),
            (OperationError::Conflict(Conflict::Reused), false),
            (OperationError::Generator(Unspecified), false),
        ] {
            assert_eq!(error.may_come_from_stale_partners(), may, "{error}");
        }
    }
}
