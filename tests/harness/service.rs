//! A running service: the real binary in a sandbox of its own, all in memory.

use std::{
    env,
    fs::OpenOptions,
    io::Write,
    ops::Deref,
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use peers::{
    credentials::Credentials,
    jwe::seal,
    partner::{self, INVALIDATE_PATH, token_request, token_request_at},
    resource_server::introspection,
    rules::{
        GET_TOKEN, INVALIDATE, Operation, RENEW,
        introspection::{self as introspection_rules, Introspected},
    },
};
use sandbox::{Logs, Options, Sandbox, development, proxy_event};
use serde_json::{Value, json};

use crate::{Event, Plain, Reply, Session, eventually, points, sdk};

/// A sandbox with the service in it, and who may open its replies. Ends with the test.
pub struct Service {
    sandbox: Sandbox,
    partners: Vec<Credentials>,
    asked: AtomicUsize,
}

/// Adds a line of the test's name and its number of requests to the file that `COUNT_REQUESTS_IN`
/// names.
impl Drop for Service {
    fn drop(&mut self) {
        if let (Some(path), Some(test)) =
            (env::var_os("COUNT_REQUESTS_IN"), thread::current().name())
            && let Ok(mut file) = OpenOptions::new().create(true).append(true).open(path)
        {
            // One write a line: several tests do so at once.
            let line = format!("{test} {}\n", self.asked.load(Relaxed));
            let _ = file.write_all(line.as_bytes());
        }
    }
}

impl Deref for Service {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.sandbox
    }
}

impl Service {
    /// Starts one with the development secrets.
    pub async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    /// Starts one with some variables in its environment.
    pub async fn start_in(env: &[(&str, &str)]) -> Self {
        Self::start_with(|options| options.env = variables(env)).await
    }

    /// Starts one with changed options.
    pub async fn start_with(change: impl FnOnce(&mut Options)) -> Self {
        let mut options = Options {
            logs: Logs::Capture,
            ..Options::default()
        };
        change(&mut options);
        let sandbox = match Sandbox::start(options).await {
            Ok(sandbox) => sandbox,
            Err(error) => panic!("the sandbox does not start: {error}"),
        };
        let partners = development::partners().unwrap();
        Self {
            sandbox,
            partners,
            asked: AtomicUsize::new(0),
        }
    }

    /// Knows another partner, whose replies it opens too.
    pub fn knowing(mut self, partner: Credentials) -> Self {
        self.partners.push(partner);
        self
    }

    /// Asks for a token as `acme`, under its newest payload key, by name.
    pub async fn ask(&self, plain: &Plain) -> Reply {
        self.ask_as(acme(), plain).await
    }

    /// Asks for a token as `partner`, under its newest payload key, by name.
    pub async fn ask_as(&self, partner: &Credentials, plain: &Plain) -> Reply {
        self.ask_with(partner, plain.json().as_bytes()).await
    }

    /// Sends any plaintext as `acme`.
    pub async fn ask_bytes(&self, plaintext: &[u8]) -> Reply {
        self.ask_with(acme(), plaintext).await
    }

    async fn ask_with(&self, partner: &Credentials, plaintext: &[u8]) -> Reply {
        let key = &partner.payload_keys[0];
        let body = seal(plaintext, &key.k, Some(&key.kid));
        self.send(token_request(partner, body).unwrap()).await
    }

    /// Sends a body as `acme`.
    pub async fn post(&self, body: &str) -> Reply {
        self.send(token_request(acme(), body.to_owned()).unwrap())
            .await
    }

    /// Sends a request to the gateway, whose reply a payload key opens.
    pub async fn send(&self, request: Request<Bytes>) -> Reply {
        let operation = operation_at(request.uri().path());
        Reply::read(operation, self.call(request).await, &self.partners)
    }

    async fn call(&self, request: Request<Bytes>) -> Response<Bytes> {
        self.asked.fetch_add(1, Relaxed);
        let response = partner::call(self.sandbox.url(), request).await;
        response.expect("the gateway answers")
    }

    /// Begins a session of `acme`'s.
    pub async fn begin(&self) -> Session {
        self.begin_as(acme(), &Plain::new()).await
    }

    /// Begins the session that `plain` asks for, whose SDK is [`sdk`]'s.
    pub async fn begin_as(&self, partner: &Credentials, plain: &Plain) -> Session {
        let plain = plain.clone().text("sdkApiKey", &partner.sdk_api_key);
        let first = self.ask_as(partner, &plain).await.issued();
        Session {
            reference: plain.reference(),
            account_number: "123123123".to_owned(),
            sdk_api_key: partner.sdk_api_key.clone(),
            key: sdk().session_key(first.text("serverPubKey")).unwrap(),
            token: first.token().to_owned(),
        }
    }

    /// Renews a session's token.
    pub async fn renew(&self, session: &Session) -> Reply {
        self.send_renewal(session.request(), session).await
    }

    /// Sends a renewal, whose reply the session's key opens.
    pub async fn send_renewal(&self, request: Request<Bytes>, session: &Session) -> Reply {
        Reply::read_renewal(self.call(request).await, &session.key)
    }

    /// Ends one of `acme`'s sessions.
    pub async fn invalidate(&self, reference: &str) -> Reply {
        self.invalidate_as(acme(), reference).await
    }

    /// Ends a session as `partner`.
    pub async fn invalidate_as(&self, partner: &Credentials, reference: &str) -> Reply {
        let plaintext = json!({ "tokenReferenceId": reference }).to_string();
        let key = &partner.payload_keys[0];
        let body = seal(plaintext.as_bytes(), &key.k, Some(&key.kid));
        let request = token_request_at(INVALIDATE_PATH, partner, body);
        self.send(request.unwrap()).await
    }

    /// What the development's resource server is told of a token.
    pub async fn introspect(&self, token: &str) -> Introspected {
        self.send_introspection(introspection_of(token)).await.1
    }

    /// Introspects a session's token, and tells the status, too.
    pub async fn introspect_session(&self, session: &Session) -> (u16, Introspected) {
        self.send_introspection(introspection_of(&session.token))
            .await
    }

    /// Sends an introspection, and tells the status and what was answered.
    pub async fn send_introspection(&self, request: Request<Bytes>) -> (u16, Introspected) {
        introspected(&self.call(request).await)
    }

    /// Hands an event to the function, past the gateway.
    pub async fn invoke_event(&self, event: &Event) -> Reply {
        self.invoke_json(&event.json()).await
    }

    /// Hands a renewal to the function, past the gateway.
    pub async fn invoke_renewal(&self, event: &Value, session: &Session) -> Reply {
        let response = proxy_event::response(&self.answer(event).await);
        Reply::read_renewal(response.expect("an answer for API Gateway"), &session.key)
    }

    /// Hands an introspection to the function, past the gateway, and tells the status and what was
    /// answered.
    pub async fn invoke_introspection(&self, event: &Value) -> (u16, Introspected) {
        let response = proxy_event::response(&self.answer(event).await);
        introspected(&response.expect("an answer for API Gateway"))
    }

    /// Hands any JSON to the function, past the gateway.
    pub async fn invoke_json(&self, event: &Value) -> Reply {
        let path = event["path"].as_str().or(event["rawPath"].as_str());
        let operation = operation_at(path.unwrap_or_default());
        let response = proxy_event::response(&self.answer(event).await);
        let response = response.expect("an answer for API Gateway");
        Reply::read(operation, response, &self.partners)
    }

    /// What the function answers an event, as API Gateway gets it.
    pub async fn answer(&self, event: &Value) -> Value {
        self.asked.fetch_add(1, Relaxed);
        match self.sandbox.invoke(event).await {
            Ok(answer) => answer,
            Err(error) => panic!("no answer: {error}\nto {event}"),
        }
    }

    /// The lines that the service has logged about a reply, once there is one.
    pub async fn logged(&self, reply: &Reply) -> Vec<Value> {
        let id = reply.request_id();
        eventually(
            "a log line of the request",
            Duration::from_secs(10),
            async || {
                let lines: Vec<Value> = self
                    .log_json()
                    .into_iter()
                    .filter(|line| line["request_id"] == id)
                    .collect();
                (!lines.is_empty()).then_some(lines)
            },
        )
        .await
    }

    /// The one line that the service has logged about a reply.
    pub async fn log_line(&self, reply: &Reply) -> Value {
        let mut lines = self.logged(reply).await;
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines.remove(0)
    }

    /// All lines logged so far, each of which must be JSON and, where it has metrics, in their
    /// format.
    pub fn log_json(&self) -> Vec<Value> {
        self.sandbox
            .log_lines()
            .iter()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")))
            .inspect(|line| drop(points(line)))
            .collect()
    }

    /// The item of one of `acme`'s reference ids, as DynamoDB JSON.
    pub fn stored(&self, reference: &str) -> Value {
        let item = self.sandbox.item("acme", reference);
        item.expect("the table is readable")
            .expect("there is an item")
    }

    /// How many `PutItem` requests DynamoDB has had.
    pub fn puts(&self) -> u64 {
        self.sandbox.dynamodb_faults().requests_of("PutItem")
    }

    /// How many `UpdateItem` requests DynamoDB has had.
    pub fn updates(&self) -> u64 {
        self.sandbox.dynamodb_faults().requests_of("UpdateItem")
    }

    /// How many `GetItem` requests DynamoDB has had.
    pub fn gets(&self) -> u64 {
        self.sandbox.dynamodb_faults().requests_of("GetItem")
    }

    /// How many values Secrets Manager has been asked for.
    pub fn secret_reads(&self) -> u64 {
        let faults = self.sandbox.secrets_faults();
        faults.requests_of("GetSecretValue") + faults.requests_of("BatchGetSecretValue")
    }
}

/// The question of the development's resource server about a token.
pub fn introspection_of(token: &str) -> Request<Bytes> {
    let wallet = development::wallet().unwrap();
    introspection(&wallet.resource_server_id, &wallet.secret, token).unwrap()
}

fn introspected(response: &Response<Bytes>) -> (u16, Introspected) {
    let introspected = introspection_rules::check(response);
    let introspected = introspected.unwrap_or_else(|broken| panic!("{broken}"));
    (response.status().as_u16(), introspected)
}

/// The operation at a path.
fn operation_at(path: &str) -> Operation {
    let known = [("/invalidate/", INVALIDATE), ("/renew/", RENEW)];
    let mut known = known.into_iter().filter(|(part, _)| path.contains(part));
    known.next().map_or(GET_TOKEN, |(_, operation)| operation)
}

/// Variables, for [`Options::env`].
pub fn variables(env: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    env.iter().map(owned).collect()
}

/// The partner that most tests speak for: two payload keys, as during a rotation.
pub fn acme() -> &'static Credentials {
    static ACME: LazyLock<Credentials> = LazyLock::new(|| development::acme().unwrap());
    &ACME
}

/// Another partner.
pub fn globex() -> &'static Credentials {
    static GLOBEX: LazyLock<Credentials> = LazyLock::new(|| development::globex().unwrap());
    &GLOBEX
}

/// A partner that is disabled.
pub fn initech() -> &'static Credentials {
    static INITECH: LazyLock<Credentials> = LazyLock::new(|| development::initech().unwrap());
    &INITECH
}
