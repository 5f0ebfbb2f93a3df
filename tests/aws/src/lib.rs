//! Stands in for AWS in this process, below the SDK: the two secrets, and a table that evaluates
//! the service's conditions. No socket, no time: a fuzzer and a model's walks call the function
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

mod expressions;

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    future::{pending, poll_fn},
    sync::{Arc, Mutex, MutexGuard},
    task::Poll,
    time::Duration,
};

use aws_sdk_dynamodb::config::{
    AsyncSleep, BehaviorVersion, Credentials, Region, SharedAsyncSleep, SharedCredentialsProvider,
    Sleep,
};
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

#[derive(Default)]
struct State {
    table: HashMap<String, Value>,
    held: Option<VecDeque<HeldCall>>,
}

/// A status and a body.
type Answer = (u16, Value);

/// An attempt of a call of DynamoDB's that waits for its answer.
#[derive(Clone, Debug)]
pub struct HeldCall {
    /// `PutItem`, `UpdateItem` or `GetItem`.
    pub name: String,
    /// What it says.
    pub request: Value,
    answer: Arc<Mutex<Option<Answer>>>,
}

impl HeldCall {
    /// Answers the call. The caller sees the answer at its next poll.
    pub fn answer(&self, answer: Answer) {
        *self.answer.lock().unwrap() = Some(answer);
    }

    /// Answers with a 500, after which the caller tries again.
    pub fn fail(&self) {
        self.answer((500, json!({"__type": "InternalServerError"})));
    }

    /// Answers that the condition failed, with the item that stands there.
    pub fn find(&self, item: &Value) {
        self.answer(condition_failed(Some(item)));
    }
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
        let ttls = Ttls {
            token: LIFETIME,
            session: Duration::from_secs(86_400),
        };
        self.operations_with(clock, ttls).await
    }

    /// The same, with these lifetimes.
    pub async fn operations_with(&self, clock: Clock, ttls: Ttls) -> Operations {
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
        Operations::new(secrets, records, identity, ttls, clock)
    }

    /// Empties the table, so that what an input does does not depend on those before it.
    pub fn forget_records(&self) {
        self.state().table.clear();
    }

    /// Puts this item into the table.
    pub fn keep(&self, item: Value) {
        let key = text(&item["pk"]).to_owned();
        self.state().table.insert(key, item);
    }

    /// The table's items.
    pub fn items(&self) -> Vec<Value> {
        self.state().table.values().cloned().collect()
    }

    /// From now on the table answers no call by itself.
    pub fn hold_calls(&self) {
        self.state().held = Some(VecDeque::new());
    }

    /// The next call that waits, in the order in which they were made.
    pub fn next_held(&self) -> Option<HeldCall> {
        self.state().held.as_mut()?.pop_front()
    }

    /// What the table makes of a call.
    pub fn reach_table(&self, name: &str, request: &Value) -> Answer {
        let table = &mut self.state().table;
        match name {
            "PutItem" => put(table, request),
            "UpdateItem" => update(table, request),
            "GetItem" => get(table, request),
            other => panic!("{other} is called"),
        }
    }

    /// Answers a request of the SDK.
    pub fn answer(&self, request: &HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let body: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let answer = match target {
            "secretsmanager.GetSecretValue" => {
                let document = match body["SecretId"].as_str() {
                    Some("api-keys") => &self.api_keys,
                    Some("server-keys") => &self.server_keys,
                    other => panic!("there is no secret {other:?}"),
                };
                (200, json!({"SecretString": **document}))
            }
            _ => {
                let name = target.strip_prefix("DynamoDB_20120810.").unwrap();
                match self.hold(name, &body) {
                    Some(held) => return held,
                    None => self.reach_table(name, &body),
                }
            }
        };
        HttpConnectorFuture::ready(Ok(response(answer)))
    }

    fn hold(&self, name: &str, request: &Value) -> Option<HttpConnectorFuture> {
        let answer = Arc::default();
        self.state().held.as_mut()?.push_back(HeldCall {
            name: name.to_owned(),
            request: request.clone(),
            answer: Arc::clone(&answer),
        });
        let answered = poll_fn(move |_| match answer.lock().unwrap().take() {
            Some(answer) => Poll::Ready(Ok(response(answer))),
            None => Poll::Pending,
        });
        Some(HttpConnectorFuture::new(answered))
    }

    fn sdk_config(&self) -> SdkConfig {
        let connector = SharedHttpConnector::new(self.clone());
        let credentials = Credentials::new("AKIATEST", "of-the-tests", None, None, "tests");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .sleep_impl(SharedAsyncSleep::new(NoTime))
            .build()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

/// Pauses between attempts are over at once, and no attempt takes too long.
#[derive(Debug)]
struct NoTime;

impl AsyncSleep for NoTime {
    fn sleep(&self, duration: Duration) -> Sleep {
        if duration < Duration::from_secs(1) {
            Sleep::new(async {})
        } else {
            Sleep::new(pending())
        }
    }
}

fn put(table: &mut HashMap<String, Value>, put: &Value) -> Answer {
    let item = &put["Item"];
    let key = text(&item["pk"]);
    let found = table.get(key);
    if !expressions::condition_holds(put, found) {
        return condition_failed(found);
    }
    table.insert(key.to_owned(), item.clone());
    (200, json!({}))
}

fn update(table: &mut HashMap<String, Value>, update: &Value) -> Answer {
    let key = &update["Key"];
    let found = table.get(text(&key["pk"]));
    if !expressions::condition_holds(update, found) {
        let returned = update["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD";
        return condition_failed(found.filter(|_| returned));
    }
    let item = table.entry(text(&key["pk"]).to_owned());
    expressions::update(update, item.or_insert_with(|| key.clone()));
    (200, json!({}))
}

fn get(table: &HashMap<String, Value>, get: &Value) -> Answer {
    let item = table.get(text(&get["Key"]["pk"]));
    (200, item.map_or(json!({}), |item| json!({"Item": item})))
}

fn text(attribute: &Value) -> &str {
    attribute["S"].as_str().expect("a string")
}

fn response((status, body): Answer) -> HttpResponse {
    HttpResponse::new(u16::try_into(status).unwrap(), body.to_string().into())
}

fn condition_failed(item: Option<&Value>) -> Answer {
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
