//! Errors as the caller sees them: the one mapping from a domain error to status, code and words
//! (protocol.md, Errors).
//!
//! What is internal stays in the log: a caller learns what to do, not what broke. There is no `_`
//! here, so that a new error can't be answered by accident.

use std::time::Duration;

use crate::{
    operations::{Conflict, OpenError, OperationError},
    request::{MemberFault, RequestFault},
};

/// An error's public face.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
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
pub enum HttpError {
    /// Neither of the two paths.
    #[error("no such path")]
    Path,
    /// Neither `POST` nor `GET`.
    #[error("method is neither POST nor GET")]
    Method,
    /// Over 32 KiB.
    #[error("body is over 32768 bytes")]
    Size,
    /// A content type that no JWE comes in.
    #[error("content type is none of text/plain, application/jose and application/json")]
    ContentType,
}

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
            OperationError::Auth(_) => {
                Self::new(401, 2, "X-API-KEY is missing, unknown or disabled")
            }
            OperationError::Open(OpenError::Json) => Self::new(
                400,
                422,
                "The body is JSON: send the compact JWE alone, five segments between dots",
            ),
            OperationError::Open(
                OpenError::NotBase64
                | OpenError::Form(_)
                | OpenError::UnknownKid
                | OpenError::NoKeyOpens,
            ) => Self::new(400, 422, UNOPENABLE),
            OperationError::Request(fault) => Self::of_request(fault),
            OperationError::UnknownSdkApiKey => Self::new(401, 4, "sdkApiKey is not yours"),
            OperationError::Conflict(conflict) => Self::of_conflict(*conflict),
            OperationError::Write(error) if error.is_transient() => {
                Self::unavailable(Duration::from_secs(1))
            }
            OperationError::Write(_) | OperationError::Record(_) | OperationError::Generator(_) => {
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

    fn of_request(fault: &RequestFault) -> Self {
        let description = match fault {
            RequestFault::Json(_) => {
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
        Self {
            errors: vec![MemberFault {
                field: "referenceId",
                reason: conflict.to_string(),
            }],
            ..Self::new(409, 409, description)
        }
    }
}
