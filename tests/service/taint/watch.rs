//! The service under watch: what is sent, and what comes of it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use peers::jwe;
use sandbox::{Logs, Options, Sandbox};
use serde_json::Value;
use service_tests::{Event, Plain};

use super::{
    canaries::{AWS, Canaries, LOUD},
    seen::{Place, Seen},
};

/// Hands events to the service and notes all that comes out.
pub(super) struct Watch<'c> {
    pub(super) canaries: &'c Canaries,
    pub(super) seen: Seen,
    pub(super) session_keys: Vec<[u8; 32]>,
}

impl Watch<'_> {
    pub(super) fn note(&mut self, place: Place, text: &[u8]) {
        let out = self.seen.out.entry(place).or_default();
        out.extend_from_slice(text);
        out.push(b'\n');
    }

    pub(super) fn options(&self, env: &[(&str, &str)]) -> Options {
        let env = AWS.iter().chain(&LOUD).chain(env);
        Options {
            logs: Logs::Capture,
            env: env
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            api_keys: Some(self.canaries.api_keys.clone()),
            server_keys: Some(self.canaries.server_keys.clone()),
            ..Options::default()
        }
    }

    pub(super) async fn start(&mut self, options: Options) -> Option<Sandbox> {
        match Sandbox::start(options).await {
            Ok(sandbox) => Some(sandbox),
            Err(error) => {
                self.note(Place::Failure, in_full(&error).as_bytes());
                None
            }
        }
    }

    /// Ends the function, so that all that it printed has arrived.
    pub(super) async fn end(&mut self, sandbox: Sandbox) {
        sandbox.end_idle_instances().await;
        self.note(Place::Log, sandbox.log_lines().join("\n").as_bytes());
        sandbox.stop().await;
    }

    pub(super) async fn ask(&mut self, sandbox: &Sandbox, plain: &Plain) -> Option<Value> {
        let body = self.canaries.seal(&plain.json(), true);
        self.send(sandbox, &self.canaries.event(&body)).await
    }

    /// Hands over an event filled with canaries.
    pub(super) async fn send(&mut self, sandbox: &Sandbox, event: &Event) -> Option<Value> {
        let mut event = event.json();
        self.canaries.fill(&mut event);
        self.invoke(sandbox, &event).await
    }

    /// Hands over an event and notes what came of it; gives back the answer's members.
    pub(super) async fn invoke(&mut self, sandbox: &Sandbox, event: &Value) -> Option<Value> {
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
            let place = match body.starts_with(r#"{"active":true"#) {
                true => Place::Claims,
                false => Place::PlainAnswer,
            };
            self.note(place, body.as_bytes());
            return self.count(body.as_bytes());
        };
        self.note(Place::SealedAnswer, body.as_bytes());
        self.note(Place::SealedAnswer, sealed.to_string().as_bytes());
        self.note(Place::SealedAnswer, &decoded(body));
        let payload_keys = self.canaries.partner.payload_keys.iter().map(|key| &key.k);
        let mut keys = payload_keys.chain(&self.session_keys);
        let opened = keys.find_map(|key| jwe::open(body, key).ok());
        let plaintext = opened
            .expect("the partner or the SDK opens its answer")
            .plaintext;
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
        let mut codes = ["resCode", "error", "active"]
            .iter()
            .map(|name| &members[name]);
        let code = codes.find(|code| !code.is_null())?.to_string();
        *self.seen.codes.entry(code).or_default() += 1;
        Some(members)
    }

    /// What a success makes a canary: the token and all that only the partner or its SDK should
    /// learn.
    fn learn(&mut self, members: &Value) {
        let text = |name: &str| members[name].as_str();
        if let Some(server_pub_key) = text("serverPubKey") {
            let [(shared, z), (name, key)] = self.canaries.session(server_pub_key);
            self.seen.secrets.add(shared, &z);
            self.seen.claims.add(name, &key);
            self.session_keys.push(key);
            let tokens = &mut self.seen.tokens;
            tokens.add("a serverPubKey", server_pub_key.as_bytes());
            let jwk = URL_SAFE_NO_PAD.decode(server_pub_key).unwrap();
            tokens.add("a serverPubKey's JWK", &jwk);
        }
        if let Some(token) = text("token") {
            self.learn_token(token);
        }
        let references = &mut self.seen.references;
        let reference = text("referenceId").expect("a success has it");
        references.add("a referenceId", reference.as_bytes());
    }

    /// What a token makes a canary, wherever it is from.
    pub(super) fn learn_token(&mut self, token: &str) {
        // The claims' plaintext, once: they are all alike but for what is a canary already.
        if self.seen.tokens.canaries() < 3 {
            let claims =
                peers::resource_server::open_token_as_sealed(token, &self.canaries.server_keys);
            let claims = claims.unwrap().plaintext;
            self.seen.secrets.add("a token's claims", &claims);
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
