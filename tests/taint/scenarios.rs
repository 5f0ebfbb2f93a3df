//! What happens to the service while it is watched: every kind of success and failure, and all that came out meanwhile.

use std::{collections::BTreeMap, fmt, path::Path};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use peers::{credentials::Credentials, jwe};
use sandbox::{Fault, Logs, Options, Sandbox};
use serde_json::{Value, json};
use service_tests::{
    Event, Plain, dynamodb,
    table::{Item, bytes, number, text},
};

use super::{
    canaries::{ACCOUNT, AWS, Canaries, LOUD},
    echo::{Echo, MANNERS},
    forms::Needles,
};

/// Where something came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// What the function printed, panics included.
    Log,
    /// What it told the Runtime API instead of an answer, and how it ended.
    Failure,
    /// Status and headers of an answer.
    Head,
    /// A plain answer.
    PlainAnswer,
    /// A sealed answer as it was sent.
    SealedAnswer,
    /// What was sealed in an answer that is no success.
    SealedProblem,
    /// What was sealed in a success.
    Success,
    /// Every attribute of every item.
    Table,
}

impl Place {
    const ALL: [Self; 8] = [
        Self::Log,
        Self::Failure,
        Self::Head,
        Self::PlainAnswer,
        Self::SealedAnswer,
        Self::SealedProblem,
        Self::Success,
        Self::Table,
    ];
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Log => "log",
            Self::Failure => "failure",
            Self::Head => "status and headers",
            Self::PlainAnswer => "plain answer",
            Self::SealedAnswer => "sealed answer",
            Self::SealedProblem => "sealed problem",
            Self::Success => "success",
            Self::Table => "table",
        })
    }
}

/// All that came out, and what is searched in it.
pub(super) struct Seen {
    out: BTreeMap<Place, Vec<u8>>,
    /// How often each code was answered.
    codes: BTreeMap<String, usize>,
    /// May come out nowhere.
    secrets: Needles,
    /// May come out sealed in a success.
    tokens: Needles,
    /// May come out in the table's key and sealed in any answer.
    references: Needles,
}

impl Seen {
    /// Where nothing came out: a search there has shown nothing.
    pub(super) fn unseen(&self) -> Vec<Place> {
        let is_empty = |place: &Place| self.out.get(place).is_none_or(Vec::is_empty);
        Place::ALL.into_iter().filter(is_empty).collect()
    }

    /// Each place with what must not be there.
    pub(super) fn searches(&self) -> impl Iterator<Item = (Place, &Needles, &[u8])> {
        self.out.iter().flat_map(|(place, text)| {
            let needles = match place {
                Place::Success => vec![&self.secrets],
                Place::SealedProblem | Place::Table => vec![&self.secrets, &self.tokens],
                _ => vec![&self.secrets, &self.tokens, &self.references],
            };
            needles
                .into_iter()
                .map(|needles| (*place, needles, text.as_slice()))
        })
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let needles = self.secrets.len() + self.tokens.len() + self.references.len();
        writeln!(f, "{needles} needles; answers: {:?}", self.codes)?;
        for (place, text) in &self.out {
            writeln!(f, "{place}: {} bytes", text.len())?;
        }
        Ok(())
    }
}

/// A part of what happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Each row of the protocol's tables.
    Protocol,
    /// DynamoDB sends back what it was sent.
    DynamoDbEchoes,
    /// Secrets Manager does.
    SecretsManagerEchoes,
    /// Documents that are refused.
    Documents,
    /// Wrong variables.
    Variables,
}

impl Part {
    pub(super) const ALL: [Self; 5] = [
        Self::Protocol,
        Self::DynamoDbEchoes,
        Self::SecretsManagerEchoes,
        Self::Documents,
        Self::Variables,
    ];
}

/// Runs some parts with the function at `function`.
pub(super) async fn run(function: &Path, parts: &[Part]) -> Seen {
    let canaries = Canaries::new();
    let mut watch = Watch {
        function,
        seen: Seen {
            out: BTreeMap::new(),
            codes: BTreeMap::new(),
            secrets: canaries.needles(),
            tokens: Needles::default(),
            references: Needles::default(),
        },
        canaries: &canaries,
        is_first_token: true,
    };
    for part in parts {
        match part {
            Part::Protocol => watch.every_row_of_the_protocol().await,
            Part::DynamoDbEchoes => watch.dynamodb_that_echoes().await,
            Part::SecretsManagerEchoes => watch.secrets_manager_that_echoes().await,
            Part::Documents => watch.refused_documents().await,
            Part::Variables => watch.wrong_variables().await,
        }
    }
    watch.seen
}

struct Watch<'c> {
    function: &'c Path,
    canaries: &'c Canaries,
    seen: Seen,
    is_first_token: bool,
}

impl Watch<'_> {
    fn note(&mut self, place: Place, text: &[u8]) {
        let out = self.seen.out.entry(place).or_default();
        out.extend_from_slice(text);
        out.push(b'\n');
    }

    fn options(&self, env: &[(&str, &str)]) -> Options {
        let env = AWS.iter().chain(&LOUD).chain(env);
        Options {
            function: self.function.to_owned(),
            logs: Logs::Capture,
            env: env
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            api_keys: Some(self.canaries.api_keys.clone()),
            server_keys: Some(self.canaries.server_keys.clone()),
            ..Options::default()
        }
    }

    async fn start(&mut self, options: Options) -> Option<Sandbox> {
        match Sandbox::start(options).await {
            Ok(sandbox) => Some(sandbox),
            Err(error) => {
                self.note(Place::Failure, in_full(&error).as_bytes());
                None
            }
        }
    }

    /// Ends the function, so that all that it printed has arrived.
    async fn end(&mut self, sandbox: Sandbox) {
        sandbox.end_idle_instances().await;
        self.note(Place::Log, sandbox.log_lines().join("\n").as_bytes());
        sandbox.stop().await;
    }

    async fn ask(&mut self, sandbox: &Sandbox, plain: &Plain) -> Option<Value> {
        let body = self.canaries.seal(&plain.json(), true);
        self.send(sandbox, &self.canaries.event(&body)).await
    }

    /// Hands over an event filled with canaries.
    async fn send(&mut self, sandbox: &Sandbox, event: &Event) -> Option<Value> {
        let mut event = event.json();
        self.canaries.fill(&mut event);
        self.invoke(sandbox, &event).await
    }

    /// Hands over an event and notes what came of it; gives back the answer's members.
    async fn invoke(&mut self, sandbox: &Sandbox, event: &Value) -> Option<Value> {
        let mut answer = match sandbox.invoke(event).await {
            Ok(answer) => answer,
            Err(error) => {
                self.note(Place::Failure, in_full(&error).as_bytes());
                return None;
            }
        };
        let body = answer["body"].take();
        let body = body.as_str().unwrap_or_default();
        self.note(Place::Head, answer.to_string().as_bytes());
        let Ok(sealed) = jwe::header(body) else {
            self.note(Place::PlainAnswer, body.as_bytes());
            return self.count(body.as_bytes());
        };
        self.note(Place::SealedAnswer, body.as_bytes());
        self.note(Place::SealedAnswer, sealed.to_string().as_bytes());
        self.note(Place::SealedAnswer, &decoded(body));
        let keys = &self.canaries.partner.payload_keys;
        let opened = keys.iter().find_map(|key| jwe::open(body, &key.k).ok());
        let plaintext = opened.expect("the partner opens its answer").plaintext;
        let place = match answer["statusCode"].as_u64() {
            Some(200) => Place::Success,
            _ => Place::SealedProblem,
        };
        self.note(place, &plaintext);
        let members = self.count(&plaintext)?;
        if place == Place::Success {
            self.learn(&members);
        }
        Some(members)
    }

    fn count(&mut self, answer: &[u8]) -> Option<Value> {
        let members: Value = serde_json::from_slice(answer).ok()?;
        let code = members["resCode"].to_string();
        *self.seen.codes.entry(code).or_default() += 1;
        Some(members)
    }

    /// What a success makes a canary: the token and all that only the partner should learn.
    fn learn(&mut self, members: &Value) {
        let text = |name: &str| members[name].as_str().expect("a success has it");
        let (token, server_pub_key) = (text("token"), text("serverPubKey"));
        for (name, secret) in self.canaries.session(server_pub_key) {
            self.seen.secrets.add(name, &secret);
        }
        let tokens = &mut self.seen.tokens;
        tokens.add("a token", token.as_bytes());
        let segments: Vec<&str> = token.split('.').collect();
        for (name, segment) in [
            ("IV", segments[2]),
            ("ciphertext", segments[3]),
            ("tag", segments[4]),
        ] {
            let name = format!("a token's {name}");
            tokens.add(&name, &URL_SAFE_NO_PAD.decode(segment).unwrap());
        }
        tokens.add("a serverPubKey", server_pub_key.as_bytes());
        tokens.add(
            "a serverPubKey's JWK",
            &URL_SAFE_NO_PAD.decode(server_pub_key).unwrap(),
        );
        let references = &mut self.seen.references;
        references.add("a referenceId", text("referenceId").as_bytes());
        if self.is_first_token {
            // The claims' plaintext, once: they are all alike but for what is a canary already.
            let claims =
                peers::resource_server::open_token_as_sealed(token, &self.canaries.server_keys);
            self.seen
                .secrets
                .add("a token's claims", &claims.unwrap().plaintext);
            self.is_first_token = false;
        }
    }

    /// Each row of the tables of the protocol, as a REST API's event and as an HTTP API's.
    async fn every_row_of_the_protocol(&mut self) {
        let options = self.options(&[]);
        let Some(sandbox) = self.start(options).await else {
            return;
        };
        let canaries = self.canaries;
        for http in [false, true] {
            for event in self.events() {
                let event = if http {
                    event.http("stage-canary")
                } else {
                    event
                };
                self.send(&sandbox, &event).await;
            }
            for event in broken(&canaries.event("x")) {
                self.invoke(&sandbox, &event).await;
            }
        }
        self.conflicts(&sandbox).await;
        for fault in [
            Fault::Throttle,
            Fault::Malformed,
            Fault::ResetAfter,
            Fault::ResetBefore,
            Fault::Status(400, "AccessDeniedException".to_owned()),
            Fault::Status(400, "ResourceNotFoundException".to_owned()),
            Fault::Status(400, ACCOUNT.to_owned()),
            Fault::Status(500, canaries.everything()),
        ] {
            sandbox.dynamodb_faults().set_always(Some(fault));
            self.ask(&sandbox, &canaries.plain()).await;
        }
        sandbox.dynamodb_faults().set_always(None);
        let dump = dump(&sandbox).await;
        self.note(Place::Table, &dump);
        self.end(sandbox).await;
    }

    /// Requests that succeed or fail by themselves.
    fn events(&self) -> Vec<Event> {
        let canaries = self.canaries;
        let plain = canaries.plain();
        let sealed = |plain: &Plain| canaries.event(&canaries.seal(&plain.json(), true));
        let valid = sealed(&plain);
        let stolen = |key: &Credentials| valid.clone().header("X-API-KEY", &key.api_key);
        let base64 = base64::engine::general_purpose::STANDARD.encode(plain.json());
        let mut events = vec![
            valid.clone(),
            valid.clone(),
            valid.clone().legacy(),
            valid.clone().method("GET"),
            canaries.event(&canaries.seal(&canaries.plain().json(), false)),
            sealed(&canaries.plain().text("sdkApiKey", "wrong sdk key canary")),
            sealed(
                &plain
                    .clone()
                    .text("email", "not an address but canary.mail+tag/x@leak.example"),
            ),
            valid
                .clone()
                .header("X-API-KEY", "api+key/canary~of nobody"),
            valid.clone().without_header("X-API-KEY"),
            stolen(&canaries.disabled),
            valid
                .clone()
                .header("Content-Type", "canary/x-content-type"),
            valid.clone().path("/path/canary/api+key/canary~of canaria"),
            valid.clone().method("METHODCANARY"),
            canaries.event(&plain.json()),
            canaries.event(&format!("\"{}\"", plain.json())),
            canaries.event(&format!("{}{}", plain.json(), " ".repeat(40_000))),
            canaries.event("").base64(&base64),
            canaries.event("").base64(&format!("{ACCOUNT}*")),
            canaries.event(&canaries.seal(&plain.json(), true).replace("..", ".AAAA.")),
            canaries.event(&jwe::seal(plain.json().as_bytes(), &[9; 32], Some(ACCOUNT))),
            canaries.event(&jwe::seal(plain.json().as_bytes(), &[9; 32], None)),
            canaries.event(&canaries.seal(&plain.json()[1..], true)),
            canaries.event(&canaries.seal(&format!("[{}]", plain.json()), true)),
            canaries.event(&canaries.seal(&format!("{} {ACCOUNT}", plain.json()), true)),
            canaries.event(&canaries.seal(&plain.json().replace("\u{eb}", "\\ud800"), true)),
            canaries.event(&canaries.seal(&plain.json().replace("{", &"{\"a\":{".repeat(9)), true)),
        ];
        let key = canaries.partner.payload_keys[0].k;
        for header in [
            format!(r#"{{"alg":"{ACCOUNT}","enc":"A256GCM"}}"#),
            format!(r#"{{"alg":"dir","enc":"{ACCOUNT}"}}"#),
            format!(
                r#"{{"alg":"dir","enc":"A256GCM","kid":"{}"}}"#,
                canaries.partner.api_key
            ),
            format!(r#"{{"alg":"dir","enc":"A256GCM","crit":["{ACCOUNT}"]}}"#),
            format!(r#"{{"alg":"dir","enc":"A256GCM","{ACCOUNT}":1,"{ACCOUNT}":2}}"#),
        ] {
            let body = jwe::seal_with_header(&header, plain.json().as_bytes(), &key, [3; 12]);
            events.push(canaries.event(&body));
        }
        // Each member with each other's value, and wrapped: whatever rule fails, with whoever's value.
        let members: Value = serde_json::from_str(&plain.json()).unwrap();
        for (name, value) in members.as_object().unwrap() {
            let wrapped = json!({ "data key canary/\u{e4}": [value] }).to_string();
            let twice = format!("{value},\"{name}\":{value}");
            let longer = Value::from(format!(
                "{} {ACCOUNT} \u{1}",
                value.as_str().unwrap_or("x").repeat(200)
            ));
            for json in [
                wrapped,
                twice,
                longer.to_string(),
                members["lastName"].to_string(),
            ] {
                events.push(sealed(&plain.clone().with(name, &json)));
            }
        }
        events
    }

    /// A record of another request, of an expired one, a revoked one, an altered one.
    async fn conflicts(&mut self, sandbox: &Sandbox) {
        let plain = self.canaries.plain();
        self.ask(sandbox, &plain).await;
        self.ask(sandbox, &plain).await;
        self.ask(sandbox, &plain.clone().text("name", "Somebody Else"))
            .await;
        let (client, key) = (
            dynamodb(sandbox),
            text(&format!("canaria#{}", plain.reference())),
        );
        let read = client.get_item().table_name(sandbox.table()).key("pk", key);
        let Some(item) = read.send().await.unwrap().item else {
            return;
        };
        for (attribute, value) in [
            ("status", text("REVOKED")),
            ("status", text(ACCOUNT)),
            ("expireAt", number(1)),
            ("sealed", bytes(&[7; 300])),
            ("sealed", text(ACCOUNT)),
            ("sealedBy", text(ACCOUNT)),
            ("jti", number(7)),
            ("fingerprint", text(ACCOUNT)),
        ] {
            let mut altered: Item = item.clone();
            altered.insert(attribute.to_owned(), value);
            self.put(sandbox, altered).await;
            self.ask(sandbox, &plain).await;
        }
        self.put(sandbox, item).await;
        self.ask(sandbox, &plain).await;
    }

    async fn put(&self, sandbox: &Sandbox, item: Item) {
        let client = dynamodb(sandbox);
        let put = client.put_item().table_name(sandbox.table());
        put.set_item(Some(item)).send().await.unwrap();
    }

    async fn dynamodb_that_echoes(&mut self) {
        let echo = Echo::start(MANNERS[0].1, &self.canaries.everything()).await;
        let options = self.options(&[("AWS_ENDPOINT_URL_DYNAMODB", echo.url())]);
        let Some(sandbox) = self.start(options).await else {
            return;
        };
        for (name, manner) in MANNERS {
            let before = echo.requests();
            echo.answer_by(manner);
            self.ask(&sandbox, &self.canaries.plain()).await;
            assert!(echo.requests() > before, "{name}: nothing was echoed");
        }
        self.end(sandbox).await;
    }

    async fn secrets_manager_that_echoes(&mut self) {
        for (_, manner) in MANNERS {
            let echo = Echo::start(manner, &self.canaries.everything()).await;
            let options = self.options(&[("AWS_ENDPOINT_URL_SECRETS_MANAGER", echo.url())]);
            let Some(sandbox) = self.start(options).await else {
                continue;
            };
            self.ask(&sandbox, &self.canaries.plain()).await;
            assert!(echo.requests() >= 2);
            self.end(sandbox).await;
        }
    }

    /// Both documents, with something wrong at each of their values.
    async fn refused_documents(&mut self) {
        let canaries = self.canaries;
        let mut documents = Vec::new();
        for api_keys in spoilt(&canaries.api_keys) {
            documents.push((api_keys, canaries.server_keys.clone()));
        }
        for server_keys in spoilt(&canaries.server_keys) {
            documents.push((canaries.api_keys.clone(), server_keys));
        }
        for (api_keys, server_keys) in documents {
            let options = Options {
                api_keys: Some(api_keys),
                server_keys: Some(server_keys),
                ..self.options(&[])
            };
            let Some(sandbox) = self.start(options).await else {
                continue;
            };
            self.ask(&sandbox, &canaries.plain()).await;
            self.end(sandbox).await;
        }
    }

    /// A value in the wrong variable is a likely slip of whoever deploys.
    async fn wrong_variables(&mut self) {
        let canaries = self.canaries;
        let (_, key) = &super::canaries::keys(&canaries.server_keys["token"])[0];
        let long = URL_SAFE_NO_PAD.encode(key).repeat(2);
        for name in [
            "ISSUER",
            "AUDIENCE",
            "TOKEN_TTL_SECONDS",
            "SECRETS_TTL_SECONDS",
            "RECORD_RETENTION_SECONDS",
        ] {
            for value in [&canaries.partner.sdk_api_key, &long] {
                let options = self.options(&[(name, value)]);
                if let Some(sandbox) = self.start(options).await {
                    self.end(sandbox).await;
                }
            }
        }
    }
}

/// An error with all of its causes.
fn in_full(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

/// The decoded segments of a JWE.
fn decoded(jwe: &str) -> Vec<u8> {
    let segments = jwe
        .split('.')
        .map(|segment| URL_SAFE_NO_PAD.decode(segment));
    segments.filter_map(Result::ok).collect::<Vec<_>>().concat()
}

/// The event with something else in the place of each of its members, as deep as they go.
fn broken(event: &Event) -> Vec<Value> {
    let event = event.json();
    let odd = |value: &Value| {
        [
            json!([value]),
            json!({ ACCOUNT: value }),
            json!(7),
            json!(null),
        ]
    };
    let mut broken = Vec::new();
    for pointer in pointers(&event) {
        let value = event.pointer(&pointer).unwrap();
        for odd in odd(value) {
            let mut event = event.clone();
            *event.pointer_mut(&pointer).unwrap() = odd;
            broken.push(event);
        }
    }
    broken.extend([
        json!(ACCOUNT),
        json!([ACCOUNT]),
        json!({ ACCOUNT: ACCOUNT }),
    ]);
    broken
}

/// The document with something wrong at one of its values each.
fn spoilt(document: &Value) -> Vec<Value> {
    let mut spoilt = Vec::new();
    for pointer in pointers(document) {
        let value = document.pointer(&pointer).unwrap();
        let text = value.as_str().unwrap_or(ACCOUNT);
        for wrong in [
            json!(format!("{text} {text}")),
            json!({ "k": text, "other": text }),
            json!([[text]]),
        ] {
            let mut document = document.clone();
            *document.pointer_mut(&pointer).unwrap() = wrong;
            spoilt.push(document);
        }
    }
    spoilt.push(json!(document.to_string()));
    spoilt.push(json!([document]));
    let mut unknown = document.clone();
    unknown["unknown"] = document.clone();
    spoilt.push(unknown);
    spoilt
}

/// The JSON pointers of all values below the outermost; of an array only its first element.
fn pointers(value: &Value) -> Vec<String> {
    fn walk(value: &Value, pointer: &str, pointers: &mut Vec<String>) {
        let mut child = |name: &str, value: &Value| {
            let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
            pointers.push(pointer.clone());
            walk(value, &pointer, pointers);
        };
        match value {
            Value::Object(members) => members.iter().for_each(|(name, value)| child(name, value)),
            Value::Array(elements) => elements.iter().take(1).for_each(|value| child("0", value)),
            _ => {}
        }
    }
    let mut pointers = Vec::new();
    walk(value, "", &mut pointers);
    pointers
}

/// Every attribute of every item, bytes as they are.
async fn dump(sandbox: &Sandbox) -> Vec<u8> {
    let scan = dynamodb(sandbox).scan().table_name(sandbox.table()).send();
    let items = scan
        .await
        .expect("the table can be scanned")
        .items
        .unwrap_or_default();
    let mut dump = Vec::new();
    for (name, value) in items.iter().flatten() {
        dump.extend_from_slice(format!("{name} {value:?} ").as_bytes());
        if let Ok(blob) = value.as_b() {
            dump.extend_from_slice(blob.as_ref());
        }
        dump.push(b'\n');
    }
    dump
}
