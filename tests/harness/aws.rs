//! AWS as an operator reaches it: the real SDK, on the sandbox's endpoints.
//!
//! What a test does here counts among the endpoint's requests and meets its faults, just as the
//! service's calls do.

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use aws_smithy_http_client::Builder;
use sandbox::Sandbox;
use serde_json::Value;

/// A DynamoDB client that does not retry.
pub fn dynamodb(sandbox: &Sandbox) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .endpoint_url(sandbox.dynamodb_url())
        .credentials_provider(operator())
        .http_client(Builder::new().build_http())
        .retry_config(RetryConfig::disabled())
        .build();
    aws_sdk_dynamodb::Client::from_conf(config)
}

/// A Secrets Manager client that does not retry.
pub fn secrets_manager(sandbox: &Sandbox) -> aws_sdk_secretsmanager::Client {
    let config = aws_sdk_secretsmanager::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .endpoint_url(sandbox.secrets_manager_url())
        .credentials_provider(operator())
        .http_client(Builder::new().build_http())
        .retry_config(RetryConfig::disabled())
        .build();
    aws_sdk_secretsmanager::Client::from_conf(config)
}

/// Makes `document` the current value of `token-service/<name>`, and gives back the version's id.
pub async fn put_secret(sandbox: &Sandbox, name: &str, document: &Value) -> String {
    secrets_manager(sandbox)
        .put_secret_value()
        .secret_id(format!("token-service/{name}"))
        .secret_string(document.to_string())
        .send()
        .await
        .expect("the secret is there and takes a new value")
        .version_id
        .expect("a new value is a version")
}

fn operator() -> Credentials {
    Credentials::new("AKIATEST", "of-the-tests", None, None, "tests")
}
