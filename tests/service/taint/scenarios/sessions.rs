//! What happens to a session: renewals, invalidations and introspections, in every way that they
//! succeed or fail.

use base64::{Engine, engine::general_purpose::STANDARD};
use peers::{
    jwe,
    partner::{INVALIDATE_PATH, LEGACY_INVALIDATE_PATH},
    sdk::LEGACY_RENEW_PATH,
};
use sandbox::Sandbox;
use serde_json::json;
use service_tests::{
    Event, Session, dynamodb,
    table::{Item, bytes, number, text},
};

use super::super::{
    canaries::{ACCOUNT, Canaries, WRONG},
    seen::Place,
    spoilt::broken,
    watch::Watch,
};

impl Canaries {
    /// A valid renewal, invalidation and introspection of a session.
    pub(super) fn operations(&self, session: &Session) -> [Event; 3] {
        [
            self.renewal(session),
            self.invalidation(&session.reference),
            self.introspecting(&session.token),
        ]
    }

    fn renewal(&self, session: &Session) -> Event {
        self.among_headers(session.event())
    }

    fn invalidation(&self, reference: &str) -> Event {
        self.invalidation_of(&json!({ "tokenReferenceId": reference }).to_string())
    }

    fn invalidation_of(&self, plaintext: &str) -> Event {
        self.event(&self.seal(plaintext, true))
            .path(INVALIDATE_PATH)
    }

    fn introspecting(&self, token: &str) -> Event {
        self.introspecting_by(&format!("token={token}"))
    }

    fn introspecting_by(&self, form: &str) -> Event {
        let server = &self.server;
        self.introspection(form, &server.resource_server_id, &server.secret)
    }
}

impl Watch<'_> {
    /// Each row of the tables of the protocol, as a REST API's event and as an HTTP API's.
    pub(super) async fn every_row_of_sessions(&mut self) {
        let options = self.options(&[]);
        let Some(sandbox) = self.start(options).await else {
            return;
        };
        for http in [false, true] {
            let kind = |event: Event| match http {
                true => event.http("stage-canary"),
                false => event,
            };
            let session = self.begin(&sandbox).await;
            let other = self.begin(&sandbox).await;
            let renewal = kind(self.canaries.renewal(&session));
            let renewed = self.send(&sandbox, &renewal).await.expect("an answer");
            self.send(&sandbox, &renewal).await;
            let token = renewed["token"].as_str().expect("a token");
            let next = session.with_token(token);
            // Refused before the session ends, and after.
            let rows = [
                self.renewals(&next, &other),
                self.invalidations(&other),
                self.introspections(&next, &other),
            ];
            for event in rows.concat() {
                self.send(&sandbox, &kind(event)).await;
            }
            for session in [&next, &session] {
                let legacy = self.canaries.renewal(session).path(LEGACY_RENEW_PATH);
                self.send(&sandbox, &kind(legacy)).await;
            }
            let end = self.canaries.invalidation(&next.reference);
            for event in [end.clone(), end.path(LEGACY_INVALIDATE_PATH)] {
                self.send(&sandbox, &kind(event)).await;
            }
            for event in self.canaries.operations(&next) {
                self.send(&sandbox, &kind(event)).await;
            }
        }
        let session = self.begin(&sandbox).await;
        for event in self.canaries.operations(&session) {
            for event in broken(&event) {
                self.invoke(&sandbox, &event).await;
            }
        }
        self.altered_records(&sandbox).await;
        let session = self.begin(&sandbox).await;
        for fault in super::faults(self.canaries) {
            sandbox.dynamodb_faults().set_always(Some(fault));
            for event in self.canaries.operations(&session) {
                self.send(&sandbox, &event).await;
            }
        }
        sandbox.dynamodb_faults().set_always(None);
        let dump = super::dump(&sandbox).await;
        self.note(Place::Table, &dump);
        self.end(sandbox).await;
    }

    /// A session of another service with the same keys.
    pub(super) async fn elsewhere(&mut self) -> Session {
        let options = self.options(&[]);
        let sandbox = self.start(options).await.expect("a sandbox");
        let session = self.begin(&sandbox).await;
        self.end(sandbox).await;
        session
    }

    async fn begin(&mut self, sandbox: &Sandbox) -> Session {
        let plain = self.canaries.plain();
        let members = self.ask(sandbox, &plain).await.expect("an answer");
        self.canaries.begun(plain.reference(), &members)
    }

    /// Renewals that are refused.
    fn renewals(&mut self, session: &Session, other: &Session) -> Vec<Event> {
        let canaries = self.canaries;
        let [(_, number), (_, key), ..] = WRONG;
        let kid = "canary-token-1";
        let forged = [
            canaries.forged(&session.token, "unknown-canary-kid", "", ""),
            canaries.forged(&session.token, kid, "canaria\"", "disablia\""),
            canaries.forged(&session.token, kid, "canaria\"", "nobody\""),
            canaries.forged(
                &session.token,
                kid,
                "\"auth_time\":",
                "\"auth_time\":0,\"nbf\":",
            ),
            canaries.forged(&session.token, kid, "\"iss\":\"", "\"iss\":\"not-"),
            canaries.forged(&session.token, kid, "\"oct\"", "\"EC\""),
        ];
        let mut began = canaries.forged(&session.token, kid, "\"auth_time\":1", "\"auth_time\":");
        for forged in forged.iter().chain([&began]) {
            self.learn_token(forged);
        }
        let valid = || canaries.renewal(session);
        let with = |token: &str| canaries.renewal(&session.with_token(token));
        let sealing = |plaintext: &str, key: &[u8; 32]| {
            valid().text(&jwe::seal(plaintext.as_bytes(), key, None))
        };
        let plaintext = session.plaintext();
        let member = |json: String| sealing(&format!("{{\"token\":{json}}}"), &session.key);
        let payload_key = &canaries.partner.payload_keys[0].k;
        let mut events: Vec<Event> = forged.iter().map(|token| with(token)).collect();
        events.push(with(&began));
        began.push_str(&session.token.repeat(8));
        events.extend([
            with(&began),
            with(&format!("Bearer {}", session.token)),
            with(&session.token.replacen("..", ".AAAA.", 1)),
            with(&format!("{}A", session.token)),
            valid().without_header("X-API-TOKEN"),
            valid().without_header("X-API-KEY"),
            valid().without_header("X-ACCOUNT-NUMBER"),
            valid().header("X-API-KEY", key),
            valid().header("X-API-KEY", &canaries.partner.api_key),
            valid().header("X-API-KEY", &canaries.disabled.sdk_api_key),
            valid().header("X-ACCOUNT-NUMBER", number),
            valid().header("X-ACCOUNT-NUMBER", &format!("{ACCOUNT}, {number}")),
            valid().header("Content-Type", &session.token),
            valid().method("PATCH"),
            valid().text(&plaintext),
            valid().text(&session.token),
            valid().text(&format!("{plaintext}{}", " ".repeat(40_000))),
            valid().base64(&STANDARD.encode(&plaintext)),
            valid().base64(&format!("{}*", session.token)),
            sealing(&plaintext, &other.key),
            sealing(&plaintext, payload_key),
            sealing(&plaintext[1..], &session.key),
            sealing(&format!("{plaintext} {ACCOUNT}"), &session.key),
            sealing(&other.plaintext(), &session.key),
            member(json!([session.token]).to_string()),
            member(json!({ ACCOUNT: session.token }).to_string()),
            member(format!("\"{0}\",\"token\":\"{0}\"", session.token)),
            member(format!("\"{0}\",\"{0}\":1,\"{0}\":1", session.token)),
            member(format!("\"{} {ACCOUNT}\"", session.token)),
        ]);
        events
    }

    /// Invalidations that are refused.
    fn invalidations(&self, other: &Session) -> Vec<Event> {
        let canaries = self.canaries;
        let valid = || canaries.invalidation(&other.reference);
        let member =
            |json: String| canaries.invalidation_of(&format!("{{\"tokenReferenceId\":{json}}}"));
        let plaintext = json!({ "tokenReferenceId": ACCOUNT }).to_string();
        vec![
            canaries.invalidation("unknown.reference.canary:"),
            valid().header("X-API-KEY", "api+key/canary~of nobody"),
            valid().header("X-API-KEY", &canaries.disabled.api_key),
            valid().header("X-API-KEY", &other.sdk_api_key),
            valid().without_header("X-API-KEY"),
            valid().header("Content-Type", &other.token),
            valid().method("METHODCANARY"),
            valid().text(&plaintext),
            valid().text(&jwe::seal(plaintext.as_bytes(), &other.key, Some(ACCOUNT))),
            valid().base64(&STANDARD.encode(&plaintext)),
            member(format!("[{plaintext}]")),
            member(format!("\"{ACCOUNT} {ACCOUNT}\"")),
            member(json!(other.token).to_string()),
            member(format!("\"a\",\"{ACCOUNT}\":1,\"{ACCOUNT}\":1")),
            member(format!("\"a\"}} {ACCOUNT}")),
        ]
    }

    /// Introspections of active tokens and of others, and those that are refused.
    fn introspections(&self, session: &Session, other: &Session) -> Vec<Event> {
        let canaries = self.canaries;
        let [_, _, (_, secret), (_, name), (_, value)] = WRONG;
        let (name, value) = (name.replace(' ', "+"), value.replace('+', "%2B"));
        let (server, disabled) = (&canaries.server, &canaries.disabled_server);
        let (id, token) = (&server.resource_server_id, &session.token);
        let form = format!("token={token}");
        let forged = canaries.forged(token, "canary-token-1", "canaria\"", "disablia\"");
        let by = |id: &str, secret: &str| canaries.introspection(&form, id, secret);
        let valid = || canaries.introspecting(token);
        let authorized = |value: &str| valid().header("Authorization", value);
        let credentials = format!("{id}:{}", server.secret);
        vec![
            valid(),
            canaries.introspecting(&other.token),
            canaries.introspecting(&forged),
            canaries.introspecting(&format!("{token}A")),
            canaries.introspecting_by(&format!("{form}&{name}={value}")),
            by(id, secret),
            by(id, &disabled.secret),
            by("nobody/canary", &server.secret),
            by(&disabled.resource_server_id, &disabled.secret),
            by(&canaries.partner.partner_id, &canaries.partner.api_key),
            authorized(&credentials),
            authorized(&format!("Basic {credentials}")),
            authorized(&format!("Basic {}*", STANDARD.encode(&credentials))),
            authorized(&format!("Bearer {token}")),
            authorized(&format!("Basic {}", STANDARD.encode(token))),
            authorized(&format!(
                "Basic {}",
                STANDARD.encode([credentials.as_bytes(), b"\xff"].concat())
            )),
            valid().without_header("Authorization"),
            canaries.introspecting_by(""),
            canaries.introspecting_by(&format!("{form}&{form}")),
            canaries.introspecting_by(&format!("{form}&{name}={value}&{name}={value}")),
            canaries.introspecting_by(&format!("{name}={value}")),
            canaries.introspecting_by(&format!("token={}", token.repeat(8))),
            canaries.introspecting_by(&json!({ "token": token }).to_string()),
            canaries.introspecting_by(&format!("{form}&{}", " ".repeat(40_000))),
            valid().text(&form),
            valid().base64(&format!("{token}*")),
            valid().header("Content-Type", token),
            valid().method("GET"),
            valid().path(&format!("/token-service/introspect/{token}")),
        ]
    }

    /// Records that somebody has altered.
    async fn altered_records(&mut self, sandbox: &Sandbox) {
        let session = self.begin(sandbox).await;
        let renewal = self.canaries.renewal(&session);
        self.send(sandbox, &renewal).await;
        let (client, key) = (
            dynamodb(sandbox),
            text(&format!("canaria#{}", session.reference)),
        );
        let read = client.get_item().table_name(sandbox.table()).key("pk", key);
        let item = read.send().await.unwrap().item.expect("there is a record");
        for (attribute, value) in [
            ("status", text(ACCOUNT)),
            ("ttl", text(ACCOUNT)),
            ("issuedAt", text(ACCOUNT)),
            ("issuedAt", number(7)),
            ("expireAt", text(ACCOUNT)),
            ("jti", text(ACCOUNT)),
            ("previousJti", text(ACCOUNT)),
            ("token", bytes(&[7; 300])),
            ("token", text(ACCOUNT)),
            ("tokenSealedBy", text(ACCOUNT)),
        ] {
            let mut altered: Item = item.clone();
            altered.insert(attribute.to_owned(), value);
            // An invalidation writes, so each operation gets its own copy.
            for event in self.canaries.operations(&session) {
                self.put(sandbox, altered.clone()).await;
                self.send(sandbox, &event).await;
            }
        }
        self.put(sandbox, item).await;
    }
}
