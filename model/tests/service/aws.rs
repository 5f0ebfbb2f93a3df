//! Stands in for AWS, below the SDK: two secrets, and a table that finds what a test puts in the way.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
};
use serde_json::{Value, json};
use token_service::{
    clock::{Clock, UnixMillis},
    operations::Operations,
    record::store::Records,
    secrets::{RefreshPolicy, Secrets},
    token::TokenIdentity,
};

use crate::partner::{self, Caller};

/// What the service's clock shows.
pub(crate) const NOW_MILLIS: i64 = 1_795_000_000_000;

/// How long a record outlives its token.
pub(crate) const RETENTION: Duration = Duration::from_secs(86_400);

/// AWS.
#[derive(Clone, Debug, Default)]
pub(crate) struct Aws(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    puts: Vec<Value>,
    answers_to_lose: usize,
    in_the_way: Option<InTheWay>,
}

/// The record that the next writes find.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InTheWay {
    /// It is the write's own item, else the first that was ever written.
    pub(crate) own: bool,
    /// Its fingerprint is not what it was.
    pub(crate) altered_fingerprint: bool,
    /// Its `status`.
    pub(crate) status: &'static str,
    /// Its `expireAt`.
    pub(crate) expires_at: i64,
}

impl Aws {
    /// The service, on this AWS.
    pub(crate) fn issuer(&self) -> Caller {
        let sdk = self.sdk_config();
        let clock = Clock::from_fn(|| UnixMillis::new(NOW_MILLIS));
        let day = Duration::from_secs(86_400);
        let ages = RefreshPolicy {
            ttl: day,
            min_refresh: day,
            max_stale: day,
        };
        let secrets = Secrets::new(&sdk, "api-keys", "server-keys", ages, &clock);
        let records = Records::new(&sdk, "tokens".to_owned(), RETENTION);
        let audience = TokenIdentity {
            issuer: "token-service".to_owned(),
            audience: "bankezy-sdk".to_owned(),
        };
        let lifetime = Duration::from_secs(1800);
        Caller(Operations::new(secrets, records, audience, lifetime, clock))
    }

    /// From now on writes fail on their condition.
    pub(crate) fn put_in_the_way(&self, in_the_way: InTheWay) {
        self.state().in_the_way = Some(in_the_way);
    }

    /// The next writes get a 500 for an answer.
    pub(crate) fn lose_answers(&self, count: usize) {
        self.state().answers_to_lose = count;
    }

    /// Every `PutItem`.
    pub(crate) fn puts(&self) -> Vec<Value> {
        self.state().puts.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn sdk_config(&self) -> SdkConfig {
        let connector = SharedHttpConnector::new(self.clone());
        let credentials = Credentials::new("AKIATEST", "of-the-tests", None, None, "tests");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .build()
    }

    fn put(&self, put: Value) -> (u16, Value) {
        let mut state = self.state();
        let own = put["Item"].clone();
        state.puts.push(put);
        if state.answers_to_lose > 0 {
            state.answers_to_lose -= 1;
            return (500, json!({"__type": "InternalServerError"}));
        }
        let Some(in_the_way) = state.in_the_way else {
            return (200, json!({}));
        };
        let mut item = if in_the_way.own {
            own
        } else {
            state.puts[0]["Item"].clone()
        };
        item["status"] = json!({"S": in_the_way.status});
        item["expireAt"] = json!({"N": in_the_way.expires_at.to_string()});
        if in_the_way.altered_fingerprint {
            item["fingerprint"] = json!({"B": "AAAA"});
        }
        let failed = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException";
        (
            400,
            json!({"__type": failed, "message": "The conditional request failed", "Item": item}),
        )
    }
}

impl HttpConnector for Aws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let body: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let (status, answer) = match target {
            "secretsmanager.GetSecretValue" => {
                let document = partner::secret(body["SecretId"].as_str().unwrap());
                (200, json!({"SecretString": document.to_string()}))
            }
            "DynamoDB_20120810.PutItem" => self.put(body),
            other => panic!("{other} is called"),
        };
        let status = status.try_into().unwrap();
        let response = HttpResponse::new(status, answer.to_string().into());
        HttpConnectorFuture::ready(Ok(response))
    }
}
