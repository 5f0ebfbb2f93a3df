//! Why a call to AWS failed: what of it is fit to be logged and acted on.
//!
//! A message or body that AWS (or something in its place) sent is never kept: it may echo what was
//! sent or stored. The error's code, and how far the call got, tell an operator enough.

use std::{error::Error, fmt, io, iter};

use aws_sdk_dynamodb::error::{ConnectorError, ProvideErrorMetadata, SdkError};

/// Why a call to AWS failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsError {
    kind: Kind,
    code: Option<String>,
    status: Option<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The request was never made: an endpoint that is no URL.
    NotMade,
    /// No answer in time.
    TimedOut,
    /// The endpoint's name has no address.
    Unresolved,
    /// The endpoint's certificate is signed by no trusted authority, is another host's or has
    /// expired.
    Untrusted,
    /// No connection, or one that broke.
    NotReached,
    /// An answer that ends before its end.
    BrokenOff,
    /// An answer that is no answer of this API.
    Malformed,
    /// AWS said no.
    Refused,
}

impl AwsError {
    pub(crate) fn new<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Self {
        let code = error.code().filter(|code| looks_like_a_code(code));
        let answer = error.raw_response();
        let kind = match error {
            SdkError::ConstructionFailure(_) => Kind::NotMade,
            SdkError::TimeoutError(_) => Kind::TimedOut,
            SdkError::DispatchFailure(failure) => failure
                .as_connector_error()
                .map_or(Kind::NotReached, Kind::of_connector),
            // What was read to its end is kept in memory.
            SdkError::ResponseError(_)
                if answer.is_some_and(|raw| raw.body().bytes().is_none()) =>
            {
                Kind::BrokenOff
            }
            // AWS's refusals have a code: without one it is a proxy's page, whatever its status.
            SdkError::ServiceError(_) if code.is_some() => Kind::Refused,
            _ => Kind::Malformed,
        };
        Self {
            kind,
            code: code.map(str::to_owned),
            status: answer.map(|raw| raw.status().as_u16()),
        }
    }

    /// The whole operation, its retries included, ran out of time.
    pub(crate) const fn timed_out() -> Self {
        Self {
            kind: Kind::TimedOut,
            code: None,
            status: None,
        }
    }

    /// AWS's error code, as `AccessDeniedException`.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// Whether the same call may succeed later: not reached, timed out, throttled, or a 5xx.
    pub fn is_transient(&self) -> bool {
        match self.kind {
            Kind::TimedOut | Kind::NotReached | Kind::BrokenOff | Kind::Unresolved => true,
            Kind::NotMade | Kind::Untrusted => false,
            Kind::Malformed | Kind::Refused => {
                self.status
                    .is_some_and(|status| status >= 500 || status == 429)
                    || self.code().is_some_and(is_passing)
            }
        }
    }
}

impl Kind {
    fn of_connector(error: &ConnectorError) -> Self {
        if error.is_timeout() {
            Self::TimedOut
        } else if causes(error).any(is_untrusted_certificate) {
            Self::Untrusted
        } else if causes(error).any(is_unresolved_name) {
            Self::Unresolved
        } else if error.is_user() || causes(error).any(is_no_url) {
            Self::NotMade
        } else {
            Self::NotReached
        }
    }
}

/// An error, its cause, the cause's cause, and so on.
fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    iter::successors(Some(error), |&error| {
        match error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            // `source` of an I/O error leaves out the error that it wraps.
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        }
    })
}

fn is_untrusted_certificate(cause: &(dyn Error + 'static)) -> bool {
    matches!(
        cause.downcast_ref(),
        Some(rustls::Error::InvalidCertificate(_))
    )
}

/// The HTTP client's error for this has no public type; its text is its only mark.
fn is_unresolved_name(cause: &(dyn Error + 'static)) -> bool {
    cause.to_string() == "dns error"
}

/// An endpoint without `http://` or `https://`; this error has no public type either.
fn is_no_url(cause: &(dyn Error + 'static)) -> bool {
    cause.to_string().starts_with("invalid URL")
}

/// What stands in AWS's place may send anything as a code, an account number or a key included:
/// only what looks like one is kept, as `AccessDeniedException`.
fn looks_like_a_code(code: &str) -> bool {
    code.len() <= 64
        && code.starts_with(|first: char| first.is_ascii_uppercase())
        && code.bytes().all(|b| b.is_ascii_alphabetic())
}

/// The codes by which AWS says "slow down" or "too late" (AWS SDKs reference, retry behavior), and
/// the ones by which DynamoDB says that another write is under way.
fn is_passing(code: &str) -> bool {
    matches!(
        code,
        "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "RequestLimitExceeded"
            | "TooManyRequestsException"
            | "BandwidthLimitExceeded"
            | "LimitExceededException"
            | "PriorRequestNotComplete"
            | "ProvisionedThroughputExceededException"
            | "SlowDown"
            | "TransactionInProgressException"
            | "TransactionConflictException"
            | "ReplicatedWriteConflictException"
            | "RequestTimeout"
            | "RequestTimeoutException"
    )
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::NotMade => {
                "the call could not be made: correct AWS_REGION and AWS_ENDPOINT_URL..., which begins \
                 with https://"
            }
            Kind::TimedOut => "timed out",
            Kind::Unresolved => {
                "the endpoint's name does not resolve: correct AWS_REGION and AWS_ENDPOINT_URL..., or \
                 the network's DNS"
            }
            Kind::Untrusted => {
                "the endpoint's certificate is not trusted: where the network has authorities of its \
                 own, set AWS_CA_BUNDLE to a PEM file of them"
            }
            Kind::NotReached => "could not be reached",
            Kind::BrokenOff => "the answer broke off",
            Kind::Malformed => {
                "something else than AWS answered: look at the endpoint, and for a proxy in between"
            }
            Kind::Refused => "refused",
        })?;
        if let Some(code) = &self.code {
            write!(f, " with {code}")?;
        }
        if let Some(status) = self.status {
            write!(f, " (HTTP {status})")?;
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use aws_sdk_dynamodb::{config::http::HttpResponse, error::ErrorMetadata};

    use super::*;

    fn answer(status: u16) -> HttpResponse {
        HttpResponse::new(status.try_into().unwrap(), "".into())
    }

    fn refusal(status: u16, code: Option<&str>) -> AwsError {
        let mut error = ErrorMetadata::builder();
        if let Some(code) = code {
            error = error.code(code);
        }
        AwsError::new(&SdkError::service_error(error.build(), answer(status)))
    }

    /// What AWS refuses with this code.
    pub(crate) fn refused(code: &str) -> AwsError {
        refusal(400, Some(code))
    }

    #[test]
    fn shows_the_code_of_an_error() {
        for code in ["AccessDeniedException", "SlowDown", "Throttling"] {
            let text = refused(code).to_string();
            assert_eq!(text, format!("refused with {code} (HTTP 400)"));
        }
    }

    #[test]
    fn shows_nothing_that_is_no_code() {
        let page = refusal(400, None).to_string();
        let longest = "A".repeat(65);
        for echoed in [
            "7350918264095173846",
            "3cFXYd6A4aBi2RFzfTqv6nKKwxDiLOx7UyZBR7OwU00",
            "accountNumber",
            "Canary canary@example.com",
            "",
            &longest,
        ] {
            assert_eq!(refused(echoed).to_string(), page, "{echoed}");
        }
    }

    #[test]
    fn a_page_in_awss_place_is_called_so_whatever_its_status() {
        for status in [200_u16, 403, 503] {
            let text = refusal(status, None).to_string();
            assert!(
                text.starts_with("something else than AWS answered"),
                "{text}"
            );
            assert!(text.ends_with(&format!("(HTTP {status})")), "{text}");
            let text = refusal(status, Some("AccessDeniedException")).to_string();
            assert_eq!(
                text,
                format!("refused with AccessDeniedException (HTTP {status})")
            );
        }
    }

    #[test]
    fn an_answer_that_breaks_off_is_told_from_one_that_is_none() {
        let failed = |answer| {
            let error: SdkError<ErrorMetadata> = SdkError::response_error("a test", answer);
            AwsError::new(&error)
        };
        let malformed = failed(answer(200));
        assert!(!malformed.is_transient());
        assert!(malformed.to_string().starts_with("something else"));
        // As the SDK leaves it when it cannot read the body to its end.
        let mut half = answer(200);
        half.take_body();
        let broken_off = failed(half);
        assert!(broken_off.is_transient());
        assert_eq!(broken_off.to_string(), "the answer broke off (HTTP 200)");
    }

    #[test]
    fn knows_what_may_succeed_later() {
        let is_transient = |status, code| refusal(status, code).is_transient();
        for status in [429, 500, 503] {
            assert!(is_transient(status, None), "{status}");
            assert!(is_transient(status, Some("Unknown")), "{status}");
        }
        assert!(is_transient(400, Some("ThrottlingException")));
        for status in [400, 428, 430, 499] {
            assert!(!is_transient(status, None), "{status}");
        }
        assert!(!is_transient(400, Some("AccessDeniedException")));
    }
}
