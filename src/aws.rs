//! AWS clients and their failures: what of a failed call is fit to be logged and acted on.
//!
//! A message or body that AWS (or something in its place) sent is never kept: it may echo what was
//! sent or stored. The error's code, and how far the call got, tell an operator enough.

use std::{fmt, time::Duration};

use aws_config::{
    BehaviorVersion, SdkConfig,
    environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider},
    retry::RetryConfig,
    stalled_stream_protection::StalledStreamProtectionConfig,
    timeout::TimeoutConfig,
};
use aws_sdk_dynamodb::error::SdkError;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};

/// Why a call to AWS failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    kind: Kind,
    code: Option<String>,
    status: Option<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The request was never made: no region, no credentials.
    NotMade,
    /// No answer in time.
    TimedOut,
    /// No connection, or one that broke.
    NotReached,
    /// An answer that is no answer of this API.
    Malformed,
    /// AWS said no.
    Refused,
}

impl Failure {
    pub(crate) fn new<E>(error: &SdkError<E>, code: Option<String>) -> Self {
        let kind = match error {
            SdkError::ConstructionFailure(_) => Kind::NotMade,
            SdkError::TimeoutError(_) => Kind::TimedOut,
            // The SDK reports missing credentials as a dispatch failure that is neither I/O nor timeout.
            SdkError::DispatchFailure(failure) if failure.is_timeout() => Kind::TimedOut,
            SdkError::DispatchFailure(failure) if failure.is_io() => Kind::NotReached,
            SdkError::DispatchFailure(failure) if failure.is_user() => Kind::NotMade,
            SdkError::DispatchFailure(_) => Kind::NotReached,
            SdkError::ResponseError(_) => Kind::Malformed,
            SdkError::ServiceError(_) => Kind::Refused,
            _ => Kind::Malformed,
        };
        let code = code.filter(|code| looks_like_a_code(code));
        let status = error.raw_response().map(|raw| raw.status().as_u16());
        Self { kind, code, status }
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
            Kind::TimedOut | Kind::NotReached => true,
            Kind::NotMade => false,
            Kind::Malformed | Kind::Refused => {
                self.status
                    .is_some_and(|status| status >= 500 || status == 429)
                    || self.code().is_some_and(is_passing)
            }
        }
    }
}

/// What stands in AWS's place may send anything as a code, an account number or a key included: only what
/// looks like one is kept, as `AccessDeniedException`.
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

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::NotMade => {
                "the call could not be made: AWS_REGION, AWS_ACCESS_KEY_ID and \
                 AWS_SECRET_ACCESS_KEY must be set"
            }
            Kind::TimedOut => "timed out",
            Kind::NotReached => "could not be reached",
            Kind::Malformed => "answered with something else than AWS does",
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

/// The authorities that AWS's endpoints have their certificates from in every region
/// (<https://www.amazontrust.com/repository/>).
///
/// To trust these alone is safer than the system's 140 and more, and quicker: to read and parse those is most of
/// the instructions of a cold start.
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon-roots.pem");

/// The configuration that both clients share: `ring` for TLS, and no I/O beyond the environment.
///
/// Lambda hands credentials and region to the function in its environment and nowhere else, so the
/// SDK's search through profiles and metadata services is left out.
pub async fn sdk_config() -> SdkConfig {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(tls_context())
        .build_https();
    aws_config::defaults(BehaviorVersion::latest())
        .credentials_provider(EnvironmentVariableCredentialsProvider::new())
        .region(EnvironmentVariableRegionProvider::new())
        .http_client(http)
        // Bodies are a few KiB at most; the attempt timeout covers a stall.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .load()
        .await
}

fn tls_context() -> TlsContext {
    let amazon = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
    let context = TlsContext::builder().with_trust_store(amazon).build();
    // It never fails; if it did, the system's authorities would do.
    context.unwrap_or_default()
}

/// A call's own limits. Without them the SDK waits for a stalled answer for ever.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) attempts: u32,
    pub(crate) attempt: Duration,
    pub(crate) operation: Duration,
}

impl Limits {
    pub(crate) fn timeouts(&self) -> TimeoutConfig {
        TimeoutConfig::builder()
            .connect_timeout(self.attempt)
            .operation_attempt_timeout(self.attempt)
            .operation_timeout(self.operation)
            .build()
    }

    /// Short pauses: the caller waits, and has a deadline.
    pub(crate) fn retries(&self) -> RetryConfig {
        RetryConfig::standard()
            .with_max_attempts(self.attempts)
            .with_initial_backoff(Duration::from_millis(50))
            .with_max_backoff(Duration::from_millis(400))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trusts_none_of_the_systems_authorities() {
        // Nothing but its Debug tells.
        let context = format!("{:?}", tls_context());
        assert!(context.contains("enable_native_roots: false"), "{context}");
    }

    #[test]
    fn each_of_amazons_certificates_can_be_read() {
        let certificates = std::str::from_utf8(AMAZON_ROOTS).unwrap();
        assert_eq!(certificates.matches("BEGIN CERTIFICATE").count(), 5);
        // Panics at one that cannot be read.
        let _ = aws_smithy_http_client::Connector::builder()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(tls_context())
            .build();
    }

    fn shown(code: &str) -> String {
        let error: SdkError<()> = SdkError::timeout_error("a test");
        Failure::new(&error, Some(code.to_owned())).to_string()
    }

    #[test]
    fn shows_the_code_of_an_error() {
        for code in ["AccessDeniedException", "SlowDown", "Throttling"] {
            assert_eq!(shown(code), format!("timed out with {code}"));
        }
    }

    #[test]
    fn shows_nothing_that_is_no_code() {
        let longest = "A".repeat(65);
        for echoed in [
            "7350918264095173846",
            "3cFXYd6A4aBi2RFzfTqv6nKKwxDiLOx7UyZBR7OwU00",
            "accountNumber",
            "Canary canary@example.com",
            "",
            &longest,
        ] {
            assert_eq!(shown(echoed), "timed out", "{echoed}");
        }
    }

    #[test]
    fn knows_what_may_succeed_later() {
        let is_transient = |code: Option<&str>, status| {
            let (kind, code) = (Kind::Refused, code.map(str::to_owned));
            Failure { kind, code, status }.is_transient()
        };
        for status in [429, 500, 503] {
            assert!(is_transient(None, Some(status)), "{status}");
            assert!(is_transient(Some("Unknown"), Some(status)), "{status}");
        }
        assert!(is_transient(Some("ThrottlingException"), Some(400)));
        for status in [400, 428, 430, 499] {
            assert!(!is_transient(None, Some(status)), "{status}");
        }
        assert!(!is_transient(Some("AccessDeniedException"), Some(400)));
        assert!(!is_transient(None, None));
    }
}
