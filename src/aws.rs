//! AWS clients and their failures: what of a failed call is fit to be logged and acted on.
//!
//! A message or body that AWS (or something in its place) sent is never kept: it may echo what was
//! sent or stored. The error's code, and how far the call got, tell an operator enough.

use std::{fmt, time::Duration};

use aws_sdk_dynamodb::{
    config::{
        BehaviorVersion, Credentials, Region, SharedCredentialsProvider,
        StalledStreamProtectionConfig, retry::RetryConfig, timeout::TimeoutConfig,
    },
    error::SdkError,
};
use aws_smithy_http_client::{
    Connector,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::{SharedHttpClient, SharedHttpConnector, http_client_fn};
use aws_types::{
    SdkConfig,
    service_config::{LoadServiceConfig, ServiceConfigKey},
};

/// Why a call to AWS failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
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
                "the call could not be made: correct AWS_REGION and AWS_ENDPOINT_URL..."
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
/// Lambda hands credentials and region to the function in its environment and nowhere else. `aws_config`'s loader
/// would read the same variables, and bring all of its search through profiles and other services.
pub fn sdk_config() -> SdkConfig {
    Environment(|name| std::env::var(name).ok()).sdk_config()
}

/// Reads the variables that AWS's SDKs have in common.
#[derive(Debug)]
struct Environment(fn(&str) -> Option<String>);

impl Environment {
    fn sdk_config(self) -> SdkConfig {
        let region = self.text("AWS_REGION");
        let region = region.or_else(|| self.text("AWS_DEFAULT_REGION"));
        let credentials = self.credentials().map(SharedCredentialsProvider::new);
        let mut config = SdkConfig::builder();
        config.set_credentials_provider(credentials);
        config
            .behavior_version(BehaviorVersion::latest())
            .region(region.map(Region::new))
            .http_client(http_client())
            .use_fips(self.flag("AWS_USE_FIPS_ENDPOINT"))
            .use_dual_stack(self.flag("AWS_USE_DUALSTACK_ENDPOINT"))
            // Bodies are a few KiB at most; the attempt timeout covers a stall.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .service_config(self)
            .build()
    }

    fn credentials(&self) -> Option<Credentials> {
        Some(Credentials::new(
            self.text("AWS_ACCESS_KEY_ID")?,
            self.text("AWS_SECRET_ACCESS_KEY")?,
            self.text("AWS_SESSION_TOKEN"),
            None,
            "Environment",
        ))
    }

    fn text(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.trim().is_empty())
    }

    fn flag(&self, name: &str) -> bool {
        self.text(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }
}

/// A client asks for `AWS_ENDPOINT_URL`, and for nothing else: `AWS_ENDPOINT_URL_SECRETS_MANAGER` goes before it.
impl LoadServiceConfig for Environment {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        if self.flag("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") {
            return None;
        }
        let service = key.service_id().to_uppercase().replace(' ', "_");
        self.text(&format!("{}_{service}", key.env()))
            .or_else(|| self.text(key.env()))
    }
}

/// One connector for all calls. The SDK's own clients make one for each limit of connecting, and one to look at for each
/// service: each reads the authorities anew, and has connections of its own.
fn http_client() -> SharedHttpClient {
    let connector = SharedHttpConnector::new(
        Connector::builder()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(tls_context())
            .build(),
    );
    http_client_fn(move |_, _| connector.clone())
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
    /// To connect is part of an attempt.
    pub(crate) fn timeouts(&self) -> TimeoutConfig {
        TimeoutConfig::builder()
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
        let _ = http_client();
    }

    fn endpoint(environment: &Environment, service_id: &str) -> Option<String> {
        let key = ServiceConfigKey::builder().service_id(service_id);
        let key = key.env("AWS_ENDPOINT_URL").profile("endpoint_url");
        environment.load_config(key.build().unwrap())
    }

    #[test]
    fn a_services_own_endpoint_goes_before_that_of_all() {
        let environment = Environment(|name| match name {
            "AWS_ENDPOINT_URL" => Some("http://all".to_owned()),
            "AWS_ENDPOINT_URL_SECRETS_MANAGER" => Some("http://secrets".to_owned()),
            // The SDK panics at an endpoint without a text.
            "AWS_ENDPOINT_URL_DYNAMODB" => Some(String::new()),
            _ => None,
        });
        let of = |service| endpoint(&environment, service).unwrap();
        assert_eq!(of("Secrets Manager"), "http://secrets");
        assert_eq!(of("DynamoDB"), "http://all");
        assert_eq!(endpoint(&Environment(|_| None), "DynamoDB"), None);
    }

    #[test]
    fn endpoints_are_ignored_if_the_environment_says_so() {
        let ignoring = Environment(|name| {
            let ignore = name == "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS";
            Some(if ignore { "True" } else { "http://all" }.to_owned())
        });
        assert_eq!(endpoint(&ignoring, "DynamoDB"), None);
    }

    #[test]
    fn reads_the_region_and_the_kind_of_endpoint() {
        let lambda = Environment(|name| match name {
            "AWS_REGION" => Some("eu-west-1".to_owned()),
            "AWS_DEFAULT_REGION" => Some("eu-west-2".to_owned()),
            "AWS_USE_FIPS_ENDPOINT" => Some("true".to_owned()),
            _ => None,
        });
        let sdk = lambda.sdk_config();
        assert_eq!(sdk.region().unwrap().as_ref(), "eu-west-1");
        assert_eq!(
            (sdk.use_fips(), sdk.use_dual_stack()),
            (Some(true), Some(false))
        );
        let other = Environment(|name| match name {
            "AWS_DEFAULT_REGION" => Some("eu-west-2".to_owned()),
            "AWS_USE_DUALSTACK_ENDPOINT" => Some("TRUE".to_owned()),
            "AWS_USE_FIPS_ENDPOINT" => Some("1".to_owned()),
            _ => None,
        });
        let sdk = other.sdk_config();
        assert_eq!(sdk.region().unwrap().as_ref(), "eu-west-2");
        assert_eq!(
            (sdk.use_fips(), sdk.use_dual_stack()),
            (Some(false), Some(true))
        );
    }

    #[test]
    fn reads_credentials_that_are_whole() {
        let lambda = Environment(|name| Some(name.to_lowercase()));
        let credentials = lambda.credentials().unwrap();
        assert_eq!(credentials.access_key_id(), "aws_access_key_id");
        assert_eq!(credentials.secret_access_key(), "aws_secret_access_key");
        assert_eq!(credentials.session_token(), Some("aws_session_token"));
        for half in [
            Environment(|name| (name != "AWS_ACCESS_KEY_ID").then(|| name.to_owned())),
            Environment(|name| (name != "AWS_SECRET_ACCESS_KEY").then(|| name.to_owned())),
        ] {
            assert_eq!(half.credentials(), None);
        }
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
