//! What the operator's commands are told about a deployment: the function's own variables, and
//! AWS's usual ones.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use clap::Args;

use super::{moment::span, parse::whole, store::Store};
use crate::outcome::Failure;

/// Where the deployment is. Profile, region, credentials and endpoints are AWS's usual variables
/// and files.
#[derive(Args)]
pub(crate) struct Deployment {
    /// Name or ARN of the secret with the partners: the stack's output ApiKeysSecretArn
    #[arg(
        long,
        env = "API_KEYS_SECRET_ID",
        value_name = "ID",
        global = true,
        help_heading = "Deployment"
    )]
    api_keys_secret_id: Option<String>,
    /// Name or ARN of the secret with the service's own keys: the stack's output
    /// ServerKeysSecretArn
    #[arg(
        long,
        env = "SERVER_KEYS_SECRET_ID",
        value_name = "ID",
        global = true,
        help_heading = "Deployment"
    )]
    server_keys_secret_id: Option<String>,
}

impl Deployment {
    /// The secret with the partners.
    pub(crate) async fn partners(&self) -> Result<Store, Failure> {
        Ok(Store::new(&sdk_config().await, self.api_keys_id()?))
    }

    /// The secret with the service's own keys.
    pub(crate) async fn server_keys(&self) -> Result<Store, Failure> {
        Ok(Store::new(&sdk_config().await, self.server_keys_id()?))
    }

    /// The id of the secret with the partners.
    pub(crate) fn api_keys_id(&self) -> Result<&str, Failure> {
        required(self.api_keys_secret_id.as_deref(), "API_KEYS_SECRET_ID")
    }

    /// The id of the secret with the service's own keys.
    pub(crate) fn server_keys_id(&self) -> Result<&str, Failure> {
        let id = self.server_keys_secret_id.as_deref();
        required(id, "SERVER_KEYS_SECRET_ID")
    }
}

/// The table of records.
#[derive(Args)]
pub(crate) struct Table {
    /// Name or ARN of the table of records: the stack's output TokensTableName
    #[arg(
        long,
        env = "TOKENS_TABLE",
        value_name = "NAME",
        help_heading = "Deployment"
    )]
    tokens_table: Option<String>,
}

impl Table {
    pub(crate) fn name(&self) -> Result<&str, Failure> {
        required(self.tokens_table.as_deref(), "TOKENS_TABLE")
    }
}

/// A variable that a command cannot do without.
fn required<'v>(value: Option<&'v str>, variable: &str) -> Result<&'v str, Failure> {
    let option = variable.to_lowercase().replace('_', "-");
    value.filter(|value| !value.is_empty()).ok_or_else(|| {
        Failure::usage(format!(
            "set {variable} or give --{option}: `eval \"$(make env STAGE=dev)\"` sets it for a stage, and `source target/sandbox.env` \
             for `make local`"
        ))
    })
}

/// How long instances serve what they have read of the secrets.
#[derive(Args)]
pub(crate) struct Refresh {
    /// The function's SECRETS_TTL_SECONDS
    #[arg(long, env = "SECRETS_TTL_SECONDS", default_value_t = 300, value_name = "SECONDS",
          value_parser = whole(1..=86_400), help_heading = "Waiting")]
    secrets_ttl: u32,
    /// The function's SECRETS_MAX_STALE_SECONDS
    #[arg(long, env = "SECRETS_MAX_STALE_SECONDS", default_value_t = 86_400, value_name = "SECONDS",
          value_parser = whole(1..=86_400), help_heading = "Waiting")]
    secrets_max_stale: u32,
}

impl Refresh {
    /// How soon a change is known where all refreshes succeed.
    pub(crate) fn usual(&self) -> String {
        span(self.secrets_ttl.into())
    }

    /// How late it may be known where they fail.
    pub(crate) fn latest(&self) -> String {
        span(self.secrets_max_stale.into())
    }
}

/// The deployment's ages, from which the waiting times between a rotation's steps follow.
#[derive(Args)]
pub(crate) struct Ages {
    #[command(flatten)]
    refresh: Refresh,
    /// The function's RECORD_RETENTION_SECONDS
    #[arg(long, env = "RECORD_RETENTION_SECONDS", default_value_t = 86_400, value_name = "SECONDS",
          value_parser = whole(300..=31_536_000), help_heading = "Waiting")]
    record_retention: u32,
    /// The longest lifetime of any token issued lately [default: the longest there can be]
    #[arg(long, default_value_t = 86_400, value_name = "SECONDS", hide_default_value = true,
          value_parser = whole(60..=86_400), help_heading = "Waiting")]
    longest_token_ttl: u32,
    /// The longest lifetime of any session begun lately [default: the longest there can be]
    #[arg(long, default_value_t = 2_592_000, value_name = "SECONDS", hide_default_value = true,
          value_parser = whole(60..=2_592_000), help_heading = "Waiting")]
    longest_session_ttl: u32,
    /// You have seen that no refresh of the secrets failed since the last step (no log line "secret
    /// not refreshed"): wait --secrets-ttl instead of --secrets-max-stale
    #[arg(long, help_heading = "Waiting")]
    refreshes_succeeded: bool,
}

/// What a step's moment, as the document has it, may be late or early by: the call that makes the
/// change ends within 10 s, and an invocation that began with the keys from before it ends within
/// 15 s (the template's Timeout).
const MARGIN: i64 = 30;

/// Waiting times in seconds (protocol.md, Actors and keys).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waits {
    /// Until every instance and resource server has refreshed.
    pub(crate) refresh: i64,
    /// Until no token lives that an older key sealed.
    pub(crate) token_lifetime: i64,
    /// Until no session lasts whose record an older key sealed: a record keeps the key that it
    /// began with.
    pub(crate) session_lifetime: i64,
    /// Until no record of an ended session is kept.
    pub(crate) retention: i64,
}

impl Ages {
    /// How the wait may be shorter.
    pub(crate) fn hint(&self) -> &'static str {
        match self.refreshes_succeeded {
            true => "",
            false => {
                ". It is shorter if no refresh has failed since the last step: look at the log, and give --refreshes-succeeded"
            }
        }
    }

    pub(crate) fn waits(&self) -> Waits {
        let refresh = match self.refreshes_succeeded {
            true => self.refresh.secrets_ttl,
            false => self.refresh.secrets_max_stale,
        };
        Waits {
            refresh: i64::from(refresh) + MARGIN,
            token_lifetime: i64::from(self.longest_token_ttl),
            session_lifetime: i64::from(self.longest_session_ttl),
            retention: i64::from(self.record_retention),
        }
    }
}

/// AWS's usual configuration, with `ring` for TLS and an end to every call.
pub(crate) async fn sdk_config() -> SdkConfig {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .operation_attempt_timeout(Duration::from_secs(5))
        .operation_timeout(Duration::from_secs(10))
        .build();
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard());
    // An emulator has no region of its own, and nobody sets one for it.
    let is_set = |variable: &&str| std::env::var_os(variable).is_some();
    let emulated = [
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER",
        "AWS_ENDPOINT_URL_DYNAMODB",
    ];
    let region = ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"];
    let loader = match emulated.iter().any(is_set) && !region.iter().any(is_set) {
        true => loader.region(Region::new("eu-west-1")),
        false => loader,
    };
    loader.load().await
}
