//! `make tls`: shakes hands with DynamoDB and Secrets Manager of every region, with the function's
//! own client and so with its own trust. Any answer of a host is as good as another: nothing is
//! asked for, and nobody's credentials are used.
//!
//! Reads lines of a partition and a region.

use std::{error::Error, fmt, io, process::exit, time::Duration};

use aws_sdk_dynamodb::{
    config::{
        Credentials, Region, SharedCredentialsProvider, retry::RetryConfig, timeout::TimeoutConfig,
    },
    error::SdkError,
};
use aws_types::SdkConfig;
use token_service::aws;
use tokio::task::JoinHandle;

/// The partitions that Amazon's five authorities are known to cover: one of their hosts that fails
/// is a failure. Of the others is told what was seen.
const CLAIMED: [&str; 2] = ["aws", "aws-us-gov"];

/// All hosts are called at once.
const LIMIT: Duration = Duration::from_secs(20);

/// What came of a call.
enum Outcome {
    /// The host answered: its certificate is trusted.
    Trusted,
    /// There was no handshake.
    Failed(String),
}

struct Host {
    partition: String,
    name: String,
    call: JoinHandle<Outcome>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let failure = match shake_hands().await {
        Ok(()) => return,
        Err(failure) => failure,
    };
    eprintln!("tls: {failure}");
    // At once: names that do not resolve may keep the system's resolver for longer.
    exit(1);
}

async fn shake_hands() -> Result<(), String> {
    let base = aws::sdk_config().map_err(|error| error.to_string())?;
    let trust = match std::env::var_os("AWS_CA_BUNDLE").filter(|path| !path.is_empty()) {
        Some(path) => format!("the authorities of {}", path.display()),
        None => "Amazon's five authorities".to_owned(),
    };
    let mut hosts = Vec::new();
    for line in io::stdin().lines() {
        let line = line.map_err(|error| format!("the list of regions cannot be read: {error}"))?;
        let (partition, region) = line
            .split_once(' ')
            .ok_or_else(|| format!("not a partition and a region: {line}"))?;
        let sdk = of_region(&base, region);
        let dynamodb = aws_sdk_dynamodb::Client::new(&sdk);
        let secrets = aws_sdk_secretsmanager::Client::new(&sdk);
        let mut host = |service: &str, call| {
            hosts.push(Host {
                partition: partition.to_owned(),
                name: format!("{service} {region}"),
                call,
            });
        };
        let call = async move { outcome(dynamodb.list_tables().send().await) };
        host("dynamodb", tokio::spawn(call));
        let call = async move { outcome(secrets.list_secrets().send().await) };
        host("secretsmanager", tokio::spawn(call));
    }
    if hosts.is_empty() {
        return Err("there are no regions on standard input: run make tls".to_owned());
    }
    println!("{} hosts, trusting {trust}", hosts.len());
    let (mut reached, mut failed) = (0, 0);
    for host in hosts {
        let outcome = host.call.await.map_err(|error| error.to_string())?;
        let is_claimed = CLAIMED.contains(&host.partition.as_str());
        match &outcome {
            Outcome::Trusted => reached += 1,
            Outcome::Failed(_) if is_claimed => failed += 1,
            Outcome::Failed(_) => (),
        }
        let note = if is_claimed { "" } else { " (not claimed)" };
        println!("{:<11}{:<32}{outcome}{note}", host.partition, host.name);
    }
    match (reached, failed) {
        (_, 0) => Ok(()),
        (0, _) => Err("no host answered: this needs a network on which AWS is reached".to_owned()),
        (_, failed) => Err(format!(
            "{failed} hosts of the partitions {CLAIMED:?} failed"
        )),
    }
}

/// The function's configuration in another region, with nobody's credentials and one attempt.
fn of_region(base: &SdkConfig, region: &str) -> SdkConfig {
    let nobody = Credentials::new("AKIAIOSFODNN7EXAMPLE", "nobodys", None, None, "nobody");
    let timeouts = TimeoutConfig::builder().operation_timeout(LIMIT).build();
    base.to_builder()
        .region(Region::new(region.to_owned()))
        .credentials_provider(SharedCredentialsProvider::new(nobody))
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
        .build()
}

fn outcome<T, E: Error + 'static>(result: Result<T, SdkError<E>>) -> Outcome {
    match result {
        Ok(_) | Err(SdkError::ServiceError(_) | SdkError::ResponseError(_)) => Outcome::Trusted,
        Err(error) => Outcome::Failed(first_cause(&error).to_string()),
    }
}

fn first_cause<'e>(error: &'e (dyn Error + 'static)) -> &'e (dyn Error + 'static) {
    error.source().map_or(error, first_cause)
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trusted => f.write_str("ok"),
            Self::Failed(why) => write!(f, "FAILED: {why}"),
        }
    }
}
