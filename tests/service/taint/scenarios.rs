//! What happens to the service while it is watched: every kind of success and failure.

mod sessions;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use peers::{credentials::Credentials, jwe};
use sandbox::{Fault, Options, Sandbox};
use serde_json::{Value, json};
use service_tests::{
    Event, Plain, dynamodb,
    table::{Item, bytes, number, text},
};

use super::{
    canaries::{ACCOUNT, Canaries},
    echo::{Echo, MANNERS},
    seen::{Place, Seen},
    spoilt::{broken, spoilt},
    watch::Watch,
};

/// Runs all of them.
pub(super) async fn run() -> Seen {
    let canaries = Canaries::new();
    let mut watch = Watch {
        seen: Seen::new(canaries.needles(), canaries.claims()),
        canaries: &canaries,
        session_keys: Vec::new(),
    };
    watch.every_row_of_the_protocol().await;
    watch.every_row_of_sessions().await;
    watch.dynamodb_that_echoes().await;
    watch.secrets_manager_that_echoes().await;
    watch.refused_documents().await;
    watch.wrong_variables().await;
    watch.seen
}

impl Watch<'_> {
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
        for fault in faults(canaries) {
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
        // Each member with each other's value, and wrapped: whatever rule fails, with whoever's
        // value.
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
        let session = self.elsewhere().await;
        for (name, manner) in MANNERS {
            echo.answer_by(manner);
            let plain = self.canaries.plain();
            let asked = self
                .canaries
                .event(&self.canaries.seal(&plain.json(), true));
            for event in self
                .canaries
                .operations(&session)
                .into_iter()
                .chain([asked])
            {
                let before = echo.requests();
                self.send(&sandbox, &event).await;
                if echo.requests() == before {
                    self.seen.unechoed.push(name);
                }
            }
        }
        self.end(sandbox).await;
    }

    async fn secrets_manager_that_echoes(&mut self) {
        let session = self.elsewhere().await;
        for (_, manner) in MANNERS {
            let echo = Echo::start(manner, &self.canaries.everything()).await;
            let options = self.options(&[("AWS_ENDPOINT_URL_SECRETS_MANAGER", echo.url())]);
            let Some(sandbox) = self.start(options).await else {
                continue;
            };
            self.ask(&sandbox, &self.canaries.plain()).await;
            for event in self.canaries.operations(&session) {
                self.send(&sandbox, &event).await;
            }
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
            "SESSION_TTL_SECONDS",
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

/// Ways for DynamoDB to fail.
fn faults(canaries: &Canaries) -> [Fault; 9] {
    [
        Fault::Throttle,
        Fault::Malformed,
        Fault::ResetAfter,
        Fault::BreakOff,
        Fault::ResetBefore,
        Fault::status(400, "AccessDeniedException"),
        Fault::status(400, "ResourceNotFoundException"),
        Fault::Status(400, ACCOUNT.to_owned()),
        Fault::Status(500, canaries.everything()),
    ]
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
