//! The AWS clients' configuration: region, credentials, endpoints, trust, time limits and retries.

mod failure;
mod trust;

use std::{env, path::PathBuf, time::Duration};

use aws_sdk_dynamodb::config::{
    BehaviorVersion, Credentials, Region, SharedCredentialsProvider, StalledStreamProtectionConfig,
    retry::{RetryConfig, RetryPartition, TokenBucket},
    timeout::TimeoutConfig,
};
use aws_smithy_http_client::{
    Connector,
    tls::{Provider, TlsContext, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::{SharedHttpClient, SharedHttpConnector, http_client_fn};
use aws_types::{
    SdkConfig,
    service_config::{LoadServiceConfig, ServiceConfigKey},
};
use http::Uri;

pub use failure::AwsError;
#[cfg(test)]
pub(crate) use failure::tests::refused;
pub use trust::TrustError;

/// The variables that name an endpoint, each before the one that it takes precedence over.
const ENDPOINTS: [&str; 3] = [
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "AWS_ENDPOINT_URL",
];

/// The configuration that both clients share. Reads the environment and `AWS_CA_BUNDLE`'s file, and
/// nothing else.
///
/// Lambda hands credentials and region to the function in its environment alone. `aws_config`'s
/// loader would read the same variables, and add its search through profiles and other services.
pub fn sdk_config() -> Result<SdkConfig, TrustError> {
    let bundle = env::var_os("AWS_CA_BUNDLE").filter(|path| !path.is_empty());
    let tls = trust::tls_context(bundle.map(PathBuf::from).as_deref())?;
    let environment = Environment(|name| env::var(name).ok());
    for variable in environment.no_urls() {
        tracing::error!(
            variable,
            "is no URL that begins with https:// or http://: no call that uses it can be made"
        );
    }
    for variable in environment.plain_http_to_others() {
        tracing::warn!(
            variable,
            "plain http:// to another host: what is sent there can be read on the way"
        );
    }
    Ok(environment.sdk_config(http_client(tls)))
}

/// Reads the variables that AWS's SDKs have in common.
#[derive(Debug)]
struct Environment(fn(&str) -> Option<String>);

impl Environment {
    fn sdk_config(self, http_client: SharedHttpClient) -> SdkConfig {
        let region = self.text("AWS_REGION");
        let region = region.or_else(|| self.text("AWS_DEFAULT_REGION"));
        let credentials = self.credentials().map(SharedCredentialsProvider::new);
        let mut config = SdkConfig::builder();
        config.set_credentials_provider(credentials);
        config
            .behavior_version(BehaviorVersion::latest())
            .region(region.map(Region::new))
            .http_client(http_client)
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

    /// The endpoint variables in use that send requests in the clear to another host.
    fn plain_http_to_others(&self) -> impl Iterator<Item = &'static str> {
        self.endpoints(|uri| {
            uri.is_some_and(|uri| uri.scheme_str() == Some("http") && !is_loopback(uri))
        })
    }

    /// The endpoint variables in use by which nothing can be called.
    fn no_urls(&self) -> impl Iterator<Item = &'static str> {
        self.endpoints(|uri| {
            let scheme = uri.and_then(Uri::scheme_str);
            !matches!(scheme, Some("http" | "https"))
        })
    }

    fn endpoints(&self, which: fn(Option<&Uri>) -> bool) -> impl Iterator<Item = &'static str> {
        let ignored = self.flag("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
        ENDPOINTS.into_iter().filter(move |name| {
            let url = self.text(name).filter(|_| !ignored);
            url.is_some_and(|url| which(url.parse().ok().as_ref()))
        })
    }

    fn text(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.trim().is_empty())
    }

    fn flag(&self, name: &str) -> bool {
        self.text(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }
}

/// A client asks for `AWS_ENDPOINT_URL` only. `AWS_ENDPOINT_URL_SECRETS_MANAGER` and
/// `AWS_ENDPOINT_URL_DYNAMODB` take precedence over it.
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

/// One connector, and so one pool of connections and one trust store, for all calls. By default
/// each SDK client builds a connector per timeout setting, each with its own.
fn http_client(tls: TlsContext) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(
        Connector::builder()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(tls)
            .build(),
    );
    http_client_fn(move |_, _| connector.clone())
}

/// Whether a URI's host is this machine.
fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse()
            .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

/// Lets every call have its retries. By default a client's calls share a quota, and after an outage
/// a single fault would fail a call that one retry saves.
pub(crate) fn retries_without_quota() -> RetryPartition {
    RetryPartition::custom("without quota")
        .token_bucket(TokenBucket::unlimited())
        .build()
}

/// A call's own limits. Without them the SDK waits for a stalled answer without end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallBudget {
    pub(crate) attempts: u32,
    pub(crate) attempt: Duration,
    pub(crate) operation: Duration,
}

impl CallBudget {
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

    fn config(environment: Environment) -> SdkConfig {
        environment.sdk_config(http_client(trust::tls_context(None).unwrap()))
    }

    fn endpoint(environment: &Environment, service_id: &str) -> Option<String> {
        let key = ServiceConfigKey::builder().service_id(service_id);
        let key = key.env("AWS_ENDPOINT_URL").profile("endpoint_url");
        environment.load_config(key.build().unwrap())
    }

    #[test]
    fn a_services_own_endpoint_takes_precedence() {
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
    fn plain_http_to_another_host_is_told() {
        let told = |all: fn(&str) -> Option<String>| -> Vec<_> {
            Environment(all).plain_http_to_others().collect()
        };
        assert_eq!(told(|_| Some("http://10.0.0.1:80/".to_owned())), ENDPOINTS);
        assert_eq!(told(|_| Some("HTTP://aws.example".to_owned())), ENDPOINTS);
        let quiet: [fn(&str) -> Option<String>; 7] = [
            |_| Some("http://localhost:4566".to_owned()),
            |_| Some("http://127.0.0.2:1".to_owned()),
            |_| Some("http://[::1]:1".to_owned()),
            |_| Some("https://aws.example".to_owned()),
            |_| Some("not a URL".to_owned()),
            |_| None,
            |name| {
                let ignore = name == "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS";
                Some(if ignore { "true" } else { "http://10.0.0.1" }.to_owned())
            },
        ];
        for (case, all) in quiet.into_iter().enumerate() {
            assert!(told(all).is_empty(), "{case}");
        }
    }

    #[test]
    fn an_endpoint_that_is_no_url_is_told() {
        let told =
            |all: fn(&str) -> Option<String>| -> Vec<_> { Environment(all).no_urls().collect() };
        let wrong: [fn(&str) -> Option<String>; 5] = [
            |_| Some("localhost:8000".to_owned()),
            |_| Some("127.0.0.1".to_owned()),
            |_| Some("dynamodb.example/path".to_owned()),
            |_| Some("htp://dynamodb.example".to_owned()),
            |_| Some("not a URL".to_owned()),
        ];
        for (case, all) in wrong.into_iter().enumerate() {
            assert_eq!(told(all), ENDPOINTS, "{case}");
        }
        let quiet: [fn(&str) -> Option<String>; 4] = [
            |_| Some("HTTPS://aws.example".to_owned()),
            |_| Some("http://10.0.0.1:80/".to_owned()),
            |_| None,
            |name| {
                let ignore = name == "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS";
                Some(if ignore { "true" } else { "localhost" }.to_owned())
            },
        ];
        for (case, all) in quiet.into_iter().enumerate() {
            assert!(told(all).is_empty(), "{case}");
        }
    }

    #[test]
    fn reads_the_region_and_the_kind_of_endpoint() {
        let lambda = Environment(|name| match name {
            "AWS_REGION" => Some("eu-west-1".to_owned()),
            "AWS_DEFAULT_REGION" => Some("eu-west-2".to_owned()),
            "AWS_USE_FIPS_ENDPOINT" => Some("true".to_owned()),
            _ => None,
        });
        let sdk = config(lambda);
        assert_eq!(sdk.region().unwrap().as_ref(), "eu-west-1");
        assert_eq!(
            (sdk.use_fips(), sdk.use_dual_stack()),
            (Some(true), Some(false))
        );
        let other = Environment(|name| match name {
            "AWS_DEFAULT_REGION" => Some("eu-west-2".to_owned()),
            "AWS_USE_DUALSTACK_ENDPOINT" => Some("TRUE".to_owned()),
            "AWS_USE_FIPS_ENDPOINT" => Some("false".to_owned()),
            _ => None,
        });
        let sdk = config(other);
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
}
