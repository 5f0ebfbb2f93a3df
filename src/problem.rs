//! Errors as the caller sees them: the one mapping from a domain error to status, code and words
//! (protocol.md, Errors).
//!
//! What is internal stays in the log: a caller learns what to do, not what broke. There is no `_`
//! here, so that a new error can't be answered by accident.

use std::time::Duration;

use crate::{
    operations::{IntrospectionError, OpenError, OperationError},
    record::{Conflict, Ended},
    request::{MemberFault, RequestFault},
};

/// An error's public face.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// The number in `TOK...`.
    pub code: u16,
    /// The answer's `resDesc`.
    pub description: &'static str,
    /// The answer's `errors`.
    pub errors: Vec<MemberFault>,
    /// The `Retry-After` header.
    pub retry_after: Option<Duration>,
}

/// A request that gets no further than its HTTP form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HttpError {
    /// None of the paths.
    #[error("no such path")]
    Path,
    /// A method that the path does not have.
    #[error("the path has no such method")]
    Method,
    /// Over 32 KiB.
    #[error("body is over 32768 bytes")]
    Size,
    /// A content type that no JWE comes in, or at introspection no form.
    #[error("content type is none of those that the path takes")]
    ContentType,
}

/// When a call of AWS may succeed that has just failed.
const SOON: Duration = Duration::from_secs(1);

/// One answer for every cause, so that none can be told from another.
const UNOPENABLE_RENEWAL: &str = "The body is not a JWE that this service can open: send a compact \
    JWE, alg dir, enc A256GCM, under the session key";

/// One answer for every cause, so that none can be told from another.
const UNOPENABLE: &str = "The body is not a JWE that this service can open: send a compact JWE, \
    alg dir, enc A256GCM, under one of your payload keys";

impl From<&HttpError> for Problem {
    fn from(unacceptable: &HttpError) -> Self {
        let (status, description) = match unacceptable {
            HttpError::Path => (404, "There is nothing at this path"),
            HttpError::Method => (405, "Use POST"),
            HttpError::Size => (413, "The body is over 32768 bytes"),
            HttpError::ContentType => (415, "Use Content-Type: text/plain"),
        };
        Self::new(status, status, description)
    }
}

impl From<&OperationError> for Problem {
    fn from(error: &OperationError) -> Self {
        match error {
            OperationError::NoSecrets(unusable) => Self::unavailable(unusable.retry_after),
            OperationError::Token(_) => Self::new(
                401,
                401,
                "X-API-TOKEN is missing, or no token of this service",
            ),
            OperationError::Auth(_) => {
                Self::new(401, 2, "X-API-KEY is missing, unknown or disabled")
            }
            OperationError::Open(error) => Self::of_open(*error, UNOPENABLE),
            OperationError::OpenRenewal(error) => Self::of_open(*error, UNOPENABLE_RENEWAL),
            OperationError::Request(fault) => Self::of_request(fault),
            OperationError::UnknownSdkApiKey => Self::new(401, 4, "sdkApiKey is not yours"),
            OperationError::Conflict(conflict) => Self::of_conflict(*conflict),
            OperationError::Ended(ended) => Self::of_ended(*ended),
            OperationError::UnknownSession => Self::of_member(
                (404, 404),
                "There is no session of this tokenReferenceId",
                "tokenReferenceId",
                "unknown",
            ),
            OperationError::Store(error) if error.is_transient() => Self::unavailable(SOON),
            OperationError::Store(_) | OperationError::Record(_) | OperationError::Generator(_) => {
                Self::internal()
            }
        }
    }
}

impl Problem {
    fn new(status: u16, code: u16, description: &'static str) -> Self {
        Self {
            status,
            code,
            description,
            errors: Vec::new(),
            retry_after: None,
        }
    }

    pub(crate) fn internal() -> Self {
        Self::new(500, 3, "Something went wrong on our side")
    }

    fn unavailable(retry_after: Duration) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(
                503,
                503,
                "Unavailable for now: retry with the same referenceId",
            )
        }
    }

    fn of_open(error: OpenError, unopenable: &'static str) -> Self {
        let description = match error {
            OpenError::Json => {
                "The body is JSON: send the compact JWE alone, five segments between dots"
            }
            OpenError::NotBase64
            | OpenError::Form(_)
            | OpenError::UnknownKid
            | OpenError::NoKeyOpens => unopenable,
        };
        Self::new(400, 422, description)
    }

    fn of_request(fault: &RequestFault) -> Self {
        let description = match fault {
            RequestFault::Json { .. } => {
                "The decrypted body must be one JSON object in UTF-8, without repeated members and at \
                 most 8 levels deep"
            }
            RequestFault::Members { .. } => "Members are missing or break a rule: see errors",
            RequestFault::Generator => return Self::internal(),
        };
        Self {
            errors: fault.members(),
            ..Self::new(400, 400, description)
        }
    }

    fn of_conflict(conflict: Conflict) -> Self {
        let description = match conflict {
            Conflict::Reused => "referenceId was used for another request: use a new one",
            Conflict::Expired => "The token of this referenceId has expired: use a new referenceId",
            Conflict::Revoked => "The token of this referenceId was revoked: use a new referenceId",
        };
        let reason = conflict.to_string();
        Self::of_member((409, 409), description, "referenceId", &reason)
    }

    fn of_ended(ended: Ended) -> Self {
        let description = match ended {
            Ended::Expired => "The session has expired: get a new token",
            Ended::Revoked => "The session was ended: get a new token",
            Ended::Superseded => "The token was renewed: use the session's current one",
        };
        Self::of_member((401, 401), description, "token", &ended.to_string())
    }

    fn of_member(
        (status, code): (u16, u16),
        description: &'static str,
        field: &'static str,
        reason: &str,
    ) -> Self {
        let reason = reason.to_owned();
        Self {
            errors: vec![MemberFault { field, reason }],
            ..Self::new(status, code, description)
        }
    }
}

/// An introspection's error as the resource server sees it (RFC 6749 section 5.2).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct OauthError {
    /// The HTTP status.
    pub status: u16,
    /// The number of the `TOK...` that means the same, for the log.
    pub code: u16,
    /// The answer's `error`.
    pub error: &'static str,
    /// The `Retry-After` header.
    pub retry_after: Option<Duration>,
}

impl OauthError {
    const fn new(status: u16, code: u16, error: &'static str) -> Self {
        Self {
            status,
            code,
            error,
            retry_after: None,
        }
    }

    pub(crate) const fn internal() -> Self {
        Self::new(500, 3, "server_error")
    }

    fn unavailable(retry_after: Duration) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(503, 503, "temporarily_unavailable")
        }
    }
}

impl From<&HttpError> for OauthError {
    fn from(unacceptable: &HttpError) -> Self {
        let Problem { status, code, .. } = Problem::from(unacceptable);
        Self::new(status, code, "invalid_request")
    }
}

impl From<&IntrospectionError> for OauthError {
    fn from(error: &IntrospectionError) -> Self {
        match error {
            IntrospectionError::NoSecrets(unusable) => Self::unavailable(unusable.retry_after),
            IntrospectionError::Client(_) => Self::new(401, 2, "invalid_client"),
            IntrospectionError::Parameters(_) => Self::new(400, 400, "invalid_request"),
            IntrospectionError::Store(error) if error.is_transient() => Self::unavailable(SOON),
            IntrospectionError::Store(_)
            | IntrospectionError::Record(_)
            | IntrospectionError::Json(_) => Self::internal(),
        }
    }
}
