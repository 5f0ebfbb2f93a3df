//! Stands in for AWS in this process, below the SDK: the two secrets, and a table that keeps what
//! is put and finds it again. No socket, no time: a fuzzer and a model checker call the function
//! thousands of times a second.
//!
//! The sandbox is the other AWS of the tests, for the function's binary: with sockets, a DynamoDB
//! engine and faults.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where something is not as it must be"
)]

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_types::SdkConfig;
use serde_json::{Value, json};
use token_service::{
    clock::Clock,
    operations::Operations,
    record::store::Records,
    secrets::{RefreshPolicy, Secrets},
    token::{TokenIdentity, Ttls},
};

/// How long the [`Operations`]'s tokens live.
pub const LIFETIME: Duration = Duration::from_secs(1800);

/// How long a record of the [`Operations`] outlives its token.
pub const RETENTION: Duration = Duration::from_secs(86_400);

/// AWS. Clones are the same one.
#[derive(Clone)]
pub struct Aws {
    api_keys: Arc<str>,
    server_keys: Arc<str>,
    state: Arc<Mutex<State>>,
}

/// Makes the item that a write finds of the write's own item.
type Find = dyn Fn(&Value) -> Value + Send;

#[derive(Default)]
struct State {
    table: HashMap<String, Value>,
    puts: Vec<Value>,
    writes_to_fail: usize,
    find: Option<Box<Find>>,
}

impl Aws {
    /// With the documents of its two secrets, `api-keys` and `server-keys`.
    pub fn new(api_keys: &str, server_keys: &str) -> Self {
        Self {
            api_keys: api_keys.into(),
            server_keys: server_keys.into(),
            state: Arc::default(),
        }
    }

    /// The service on this AWS, its secrets loaded, as after the function's initialisation.
    pub async fn operations(&self, clock: Clock) -> Operations {
        let sdk = self.sdk_config();
        let day = Duration::from_secs(86_400);
        let ages = RefreshPolicy {
            ttl: day,
            min_refresh: day,
            max_stale: day,
        };
        let secrets = Secrets::new(&sdk, "api-keys", "server-keys", ages, &clock);
        secrets.load().await;
        let records = Records::new(&sdk, "tokens".to_owned(), RETENTION);
        let identity = TokenIdentity {
            issuer: "token-service".to_owned(),
            audience: "bankezy-sdk".to_owned(),
        };
        let ttls = Ttls {
            token: LIFETIME,
            session: day,
        };
        Operations::new(secrets, records, identity, ttls, clock)
    }

    /// Empties the table, so that what an input does does not depend on those before it.
    pub fn forget_records(&self) {
        let mut state = self.state();
        state.table.clear();
        state.puts.clear();
    }

    /// The next writes get a 500 for an answer, and nothing is written.
    pub fn fail_writes(&self, count: usize) {
        self.state().writes_to_fail = count;
    }

    /// From now on writes fail on their condition, and find what `find` makes of their own item.
    pub fn let_writes_find(&self, find: impl Fn(&Value) -> Value + Send + 'static) {
        self.state().find = Some(Box::new(find));
    }

    /// Every `PutItem`.
    pub fn puts(&self) -> Vec<Value> {
        self.state().puts.clone()
    }

    /// Answers a request of the SDK.
    pub fn answer(&self, request: &HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let body: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let (status, answer) = match target {
            "secretsmanager.GetSecretValue" => {
                let document = match body["SecretId"].as_str() {
                    Some("api-keys") => &self.api_keys,
                    Some("server-keys") => &self.server_keys,
                    other => panic!("there is no secret {other:?}"),
                };
                (200, json!({"SecretString": **document}))
            }
            "DynamoDB_20120810.PutItem" => self.put(body),
            "DynamoDB_20120810.UpdateItem" => self.update(&body),
            "DynamoDB_20120810.GetItem" => self.get(&body),
            other => panic!("{other} is called"),
        };
        let status = u16::try_into(status).unwrap();
        let response = HttpResponse::new(status, answer.to_string().into());
        HttpConnectorFuture::ready(Ok(response))
    }

    fn put(&self, put: Value) -> (u16, Value) {
        let own = put["Item"].clone();
        let key = own["pk"]["S"].as_str().expect("pk is a string").to_owned();
        let mut state = self.state();
        state.puts.push(put);
        if state.writes_to_fail > 0 {
            state.writes_to_fail -= 1;
            return (500, json!({"__type": "InternalServerError"}));
        }
        let found = match &state.find {
            Some(find) => Some(find(&own)),
            None => state.table.get(&key).cloned(),
        };
        if let Some(found) = found {
            return condition_failed(Some(&found));
        }
        state.table.insert(key, own);
        (200, json!({}))
    }

    /// The service's two updates, by the values that they have.
    fn update(&self, update: &Value) -> (u16, Value) {
        let values = &update["ExpressionAttributeValues"];
        let mut state = self.state();
        let item = state.table.get_mut(key_of(update));
        let item = match (item, values.get(":presented")) {
            (None, _) => return condition_failed(None),
            (Some(item), Some(presented))
                if item["jti"] != *presented || item["status"] != values[":active"] =>
            {
                return condition_failed(Some(item));
            }
            (Some(item), _) => item,
        };
        for (attribute, value) in [
            ("status", ":revoked"),
            ("revokedAt", ":nowMillis"),
            ("jti", ":jti"),
            ("previousJti", ":presented"),
            ("expireAt", ":expireAt"),
            ("ttl", ":ttl"),
            ("token", ":token"),
            ("tokenSealedBy", ":sealedBy"),
        ] {
            if let Some(value) = values.get(value) {
                item[attribute] = value.clone();
            }
        }
        (200, json!({}))
    }

    fn get(&self, get: &Value) -> (u16, Value) {
        let item = self.state().table.get(key_of(get)).cloned();
        (200, item.map_or(json!({}), |item| json!({"Item": item})))
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

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

fn key_of(request: &Value) -> &str {
    request["Key"]["pk"]["S"].as_str().expect("pk is a string")
}

fn condition_failed(item: Option<&Value>) -> (u16, Value) {
    let failed = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException";
    let mut error = json!({"__type": failed, "message": "The conditional request failed"});
    if let Some(item) = item {
        error["Item"] = item.clone();
    }
    (400, error)
}

impl HttpConnector for Aws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.answer(&request)
    }
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Aws")
    }
}
