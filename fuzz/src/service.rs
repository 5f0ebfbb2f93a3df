//! The whole function in this process: `gateway::Service` over the real SDK, with a stand-in for AWS below it.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
};
use lambda_http::{LambdaEvent, lambda_runtime::Context};
use serde_json::{Value, json, value::RawValue};
use token_service::{
    clock::{Clock, UnixMillis},
    gateway::{Response, Service},
    operations::Operations,
    record::store::Records,
    secrets::{RefreshPolicy, Secrets},
    token::TokenIdentity,
};
use tokio::runtime::{Builder, Runtime};

/// What the service's clock shows: 2026-11-24.
pub const NOW: UnixMillis = UnixMillis::new(1_795_512_600_000);

/// The invocation's id, which an event without one of its own gets.
pub const CONTEXT_REQUEST_ID: &str = "00000000-0000-4000-8000-000000000000";

/// The function, on an AWS of its own.
pub struct Function {
    service: Service,
    aws: Aws,
    runtime: Runtime,
}

impl Function {
    /// With these documents as its two secrets.
    pub fn new(api_keys: &str, server_keys: &str) -> Self {
        let aws = Aws {
            secrets: Arc::new([api_keys.to_owned(), server_keys.to_owned()]),
            table: Arc::default(),
        };
        let sdk = aws.sdk_config();
        let clock = Clock::from_fn(|| NOW);
        let day = Duration::from_secs(86_400);
        let ages = RefreshPolicy {
            ttl: day,
            min_refresh: day,
            max_stale: day,
        };
        let secrets = Secrets::new(&sdk, "api-keys", "server-keys", ages, &clock);
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(secrets.load());
        let records = Records::new(&sdk, "tokens".to_owned(), day);
        let audience = TokenIdentity {
            issuer: "token-service".to_owned(),
            audience: "bankezy-sdk".to_owned(),
        };
        let lifetime = Duration::from_secs(1800);
        let issuer = Operations::new(secrets, records, audience, lifetime, clock.clone());
        let service = Service::new(issuer, clock);
        Self {
            service,
            aws,
            runtime,
        }
    }

    /// The function with the development partners of `events/`.
    pub fn of_the_events() -> &'static Self {
        static FUNCTION: LazyLock<Function> = LazyLock::new(Function::of_development);
        &FUNCTION
    }

    /// Another one of the kind.
    pub fn of_development() -> Self {
        let [api_keys, server_keys] = development_secrets();
        Self::new(api_keys, server_keys)
    }

    /// Answers one event.
    pub fn answer(&self, event: Box<RawValue>) -> Response {
        let mut context = Context::default();
        context.request_id = CONTEXT_REQUEST_ID.to_owned();
        context.deadline = u64::try_from(NOW.millis()).unwrap() + 10_000;
        self.runtime
            .block_on(self.service.answer(LambdaEvent::new(event, context)))
    }

    /// Empties the table, so that what an input does does not depend on those before it.
    pub fn forget_records(&self) {
        self.aws.table.lock().unwrap().clear();
    }
}

/// An answer's HTTP status.
pub fn status(response: &Response) -> i64 {
    match response {
        Response::Rest(answer) => answer.status_code,
        Response::Http(answer) => answer.status_code,
    }
}

/// The documents of `events/secrets/`: `api-keys` and `server-keys`.
pub fn development_secrets() -> [&'static str; 2] {
    [
        include_str!("../../events/secrets/api-keys.json"),
        include_str!("../../events/secrets/server-keys.json"),
    ]
}

/// Two secrets, and a table that keeps what is put and finds it again.
#[derive(Clone, Debug)]
struct Aws {
    secrets: Arc<[String; 2]>,
    table: Arc<Mutex<HashMap<String, Value>>>,
}

impl Aws {
    fn sdk_config(&self) -> SdkConfig {
        let connector = SharedHttpConnector::new(self.clone());
        let credentials = Credentials::new("AKIATEST", "of-the-fuzzer", None, None, "fuzzer");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .build()
    }

    fn put(&self, put: &Value) -> (u16, Value) {
        let item = put["Item"].clone();
        let key = item["pk"]["S"].as_str().expect("pk is a string").to_owned();
        let mut table = self.table.lock().unwrap();
        if let Some(existing) = table.get(&key) {
            let failed = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException";
            return (
                400,
                json!({"__type": failed, "message": "failed", "Item": existing}),
            );
        }
        table.insert(key, item);
        (200, json!({}))
    }
}

impl HttpConnector for Aws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        answer_as_aws(self, &request)
    }
}

/// By a name of its own, so that what the stand-in costs is not counted as the function's.
#[unsafe(no_mangle)]
#[inline(never)]
fn answer_as_aws(aws: &Aws, request: &HttpRequest) -> HttpConnectorFuture {
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    let body: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
    let (status, answer) = match target {
        "secretsmanager.GetSecretValue" => {
            let at = usize::from(body["SecretId"] == "server-keys");
            (200, json!({"SecretString": aws.secrets[at]}))
        }
        "DynamoDB_20120810.PutItem" => aws.put(&body),
        other => panic!("{other} is called"),
    };
    let response = HttpResponse::new(status.try_into().unwrap(), answer.to_string().into());
    HttpConnectorFuture::ready(Ok(response))
}
