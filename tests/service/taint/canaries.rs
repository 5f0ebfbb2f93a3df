//! The values that must not come out, and the documents, headers and requests that carry them in.

mod derived;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use p256::{
    EncodedPoint, PublicKey, SecretKey,
    ecdh::diffie_hellman,
    elliptic_curve::{
        rand_core::OsRng,
        sec1::{FromEncodedPoint, ToEncodedPoint},
    },
};
use peers::{
    credentials::{Credentials, Jwk},
    jwe,
};
use sandbox::development::ResourceServer;
use serde_json::{Value, json};
use service_tests::{Event, Plain, Session, digest, hash_of};

use super::forms::{Needles, WORD};
pub(super) use derived::{derived, keys};
use derived::{hmac_states, session_key};

/// AWS's credentials, as Lambda hands them to the function.
pub(super) const AWS: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "AKIACANARYCANARY0001"),
    (
        "AWS_SECRET_ACCESS_KEY",
        "aws/secret+access/key/canary/0123456789a",
    ),
    ("AWS_SESSION_TOKEN", "aws//session++token==canary"),
];

/// Whatever a user could set to see more.
pub(super) const LOUD: [(&str, &str); 8] = [
    ("RUST_LOG", "trace"),
    ("AWS_LAMBDA_LOG_LEVEL", "TRACE"),
    ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
    ("RUST_BACKTRACE", "full"),
    ("RUST_LIB_BACKTRACE", "full"),
    // The AWS SDK's own, by which it logs bodies that it knows to be sensitive.
    ("LOG_SENSITIVE_BODIES", "true"),
    ("AWS_LOG_LEVEL", "trace"),
    ("SSLKEYLOGFILE", "/dev/stdout"),
];

/// What a caller sends besides the API key and the body: names and values.
const HEADERS: [(&str, &str); 6] = [
    ("User-Agent", "user-agent/canary (0.1)"),
    ("Cookie", "cookie=canary; other=\"canary\""),
    ("Authorization", "Bearer authorization+canary/token=="),
    ("X-Forwarded-For", "203.0.113.199, 2001:db8::cafe:canary"),
    ("X-Header-Name-Canary", "header value canary \u{e9}"),
    ("Accept-Language", "x-canary-language"),
];

/// The rest of an event.
const QUERY: (&str, &str) = ("query-name-canary", "query value canary");
const IDENTITY: (&str, &str) = ("identity/canary", "AROACANARY:identity-canary");

/// The customer, as text members.
pub(super) const CUSTOMER: [(&str, &str); 8] = [
    ("accountNumber", ACCOUNT),
    ("firstName", "Zo\u{eb} \"Vorname\" Canary"),
    ("lastName", "Nach\\name/Canary+\u{3a9}"),
    ("name", "Voller <Name> & 'Canary'"),
    ("email", "canary.mail+tag/x@leak.example"),
    ("isdCode", "9173"),
    ("mobileNumber", "41555501239876"),
    ("dob", "19770712"),
];
pub(super) const ACCOUNT: &str = "7350918264095173846";
const DATA: [(&str, &str); 2] = [
    (
        "data key canary/\u{e4}",
        "data value canary \u{1f600} \"quoted\"",
    ),
    ("second-data-key-canary", "second\tdata\nvalue canary"),
];
const UNKNOWN: (&str, &str) = ("unknownMemberCanary", "unknown value canary");

/// What is wrong in a renewal's headers and in an introspection.
pub(super) const WRONG: [(&str, &str); 5] = [
    ("another account number", "8461029375106284957"),
    ("a wrong sdkApiKey", "wrong sdk key canary"),
    ("a wrong secret", "wrong+secret/canary"),
    ("an unknown parameter's name", "unknown parameter/canary"),
    ("an unknown parameter", "parameter value+canary"),
];

/// Everybody's secrets, and the SDK's key pair.
pub(super) struct Canaries {
    pub(super) partner: Credentials,
    pub(super) disabled: Credentials,
    pub(super) server: ResourceServer,
    pub(super) disabled_server: ResourceServer,
    pub(super) api_keys: Value,
    pub(super) server_keys: Value,
    sdk: SecretKey,
}

/// The name of a member's field in Rust.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

fn credentials(id: &str, keys: usize, tag: &str) -> Credentials {
    let key = |at: usize| Jwk {
        kid: format!("{id}-key-{at}"),
        k: digest(&format!("{tag}payload key {at} of {id}")),
    };
    Credentials {
        partner_id: id.to_owned(),
        api_key: format!("api+key/canary~{tag}of {id}"),
        sdk_api_key: format!("sdk \"api\" key\\canary {tag}of {id}"),
        payload_keys: (1..=keys).map(key).collect(),
        url: None,
    }
}

fn resource_server(id: &str, tag: &str) -> ResourceServer {
    ResourceServer {
        resource_server_id: id.to_owned(),
        secret: format!("resource server's {tag}secret/canary+of:{id}"),
    }
}

fn ring(name: &str, keys: usize, tag: &str) -> Value {
    let keys: Vec<Value> = (1..=keys)
        .map(|at| {
            let k = digest(&format!("{tag}{name} key {at}"));
            let kid = format!("canary-{name}-{at}");
            Jwk { kid, k }.to_json()
        })
        .collect();
    json!({ "keys": keys })
}

impl Canaries {
    pub(super) fn new() -> Self {
        Self::of("")
    }

    /// With other keys for each tag. None of its values holds one of another tag.
    pub(super) fn of(tag: &str) -> Self {
        let partner = credentials("canaria", 3, tag);
        let disabled = credentials("disablia", 1, tag);
        let entry = |partner: &Credentials, enabled: bool| {
            let keys: Vec<Value> = partner.payload_keys.iter().map(Jwk::to_json).collect();
            json!({
                "partnerId": partner.partner_id,
                "programId": 2001,
                "apiKeySha256": [hash_of(&format!("{tag}another of {}", partner.partner_id)), hash_of(&partner.api_key)],
                "sdkApiKeySha256": [hash_of(&partner.sdk_api_key)],
                "payloadKeys": { "keys": keys },
                "tokenTtlSeconds": 600,
                "enabled": enabled,
            })
        };
        let [server, disabled_server] =
            ["canary-server", "disabled-server"].map(|id| resource_server(id, tag));
        let entry_of = |server: &ResourceServer, enabled: bool| {
            json!({
                "resourceServerId": server.resource_server_id,
                "secretSha256": [hash_of(&server.secret)],
                "enabled": enabled,
            })
        };
        let api_keys = json!({
            "partners": [entry(&partner, true), entry(&disabled, false)],
            "resourceServers": [entry_of(&server, true), entry_of(&disabled_server, false)],
        });
        Self {
            api_keys,
            server,
            disabled_server,
            server_keys: json!({ "token": ring("token", 2, tag), "record": ring("record", 2, tag) }),
            partner,
            disabled,
            sdk: SecretKey::random(&mut OsRng),
        }
    }

    fn sdk_jwk(&self) -> String {
        let point = self.sdk.public_key().to_encoded_point(false);
        let (x, y) = (point.x().unwrap(), point.y().unwrap());
        let encode = |coordinate: &[u8]| URL_SAFE_NO_PAD.encode(coordinate);
        json!({ "kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y) }).to_string()
    }

    /// A valid request with a value in every member that there is.
    pub(super) fn plain(&self) -> Plain {
        // Ends with what no number goes on with: the ids of events are numbered, too.
        let plain = Plain::of(&format!("reference.canary:{}:", service_tests::reference()))
            .text("sdkPublicKey", &URL_SAFE_NO_PAD.encode(self.sdk_jwk()))
            .text("sdkApiKey", &self.partner.sdk_api_key)
            .text(UNKNOWN.0, UNKNOWN.1);
        let plain = CUSTOMER
            .iter()
            .fold(plain, |plain, (name, value)| plain.text(name, value));
        let data: serde_json::Map<String, Value> = DATA
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).into()))
            .collect();
        plain.with("data", &Value::from(data).to_string())
    }

    /// A request of `partner`'s in a body of any plaintext.
    pub(super) fn seal(&self, plaintext: &str, named: bool) -> String {
        let key = &self.partner.payload_keys[0];
        peers::jwe::seal(plaintext.as_bytes(), &key.k, named.then_some(&key.kid))
    }

    /// An event with this body, and with canaries wherever an event has room.
    pub(super) fn event(&self, body: &str) -> Event {
        self.among_headers(Event::of_body(body).header("X-API-KEY", &self.partner.api_key))
    }

    /// The event with more headers.
    pub(super) fn among_headers(&self, event: Event) -> Event {
        HEADERS
            .iter()
            .fold(event, |event, (name, value)| event.header(name, value))
    }

    /// An introspection by these credentials.
    pub(super) fn introspection(&self, form: &str, id: &str, secret: &str) -> Event {
        let credentials = format!("{}:{}", percent_encoded(id), percent_encoded(secret));
        let authorization = format!("Basic {}", STANDARD.encode(credentials));
        let event = self.among_headers(Event::introspection(form.as_bytes()));
        event.header("Authorization", &authorization)
    }

    /// The session that a Get Token of these members has begun.
    pub(super) fn begun(&self, reference: String, members: &Value) -> Session {
        let text = |name: &str| members[name].as_str().expect("a success has it");
        let [_, (_, key)] = self.session(text("serverPubKey"));
        Session {
            reference,
            account_number: ACCOUNT.to_owned(),
            sdk_api_key: self.partner.sdk_api_key.clone(),
            key,
            token: text("token").to_owned(),
        }
    }

    /// A token with another header or other claims.
    pub(super) fn forged(&self, token: &str, kid: &str, from: &str, to: &str) -> String {
        let claims = peers::resource_server::open_token_as_sealed(token, &self.server_keys);
        let claims = String::from_utf8(claims.unwrap().plaintext).unwrap();
        assert!(claims.contains(from), "{from}: {claims}");
        let claims = claims.replace(from, to);
        let header = format!(r#"{{"alg":"dir","enc":"A256GCM","kid":"{kid}","typ":"JWT"}}"#);
        let (_, key) = &keys(&self.server_keys["token"])[0];
        jwe::seal_with_header(&header, claims.as_bytes(), key, [3; 12])
    }

    /// What [`Event`] has no words for.
    pub(super) fn fill(&self, event: &mut Value) {
        let (name, value) = QUERY;
        event["queryStringParameters"] = json!({ name: value });
        event["multiValueQueryStringParameters"] = json!({ name: [value] });
        event["rawQueryString"] = format!("{name}={value}").into();
        event["cookies"] = json!([HEADERS[1].1]);
        event["stageVariables"] = json!({ "canary": IDENTITY.0 });
        event["requestContext"]["identity"] = json!({
            "sourceIp": IDENTITY.0, "userAgent": HEADERS[0].1, "caller": IDENTITY.1,
            "apiKey": self.partner.api_key, "apiKeyId": IDENTITY.1,
        });
        event["requestContext"]["authorizer"] = json!({ "claims": { "sub": IDENTITY.1 } });
    }

    /// What comes in front of each echo: all that AWS could have at hand.
    pub(super) fn everything(&self) -> String {
        let customer: Vec<&str> = CUSTOMER.iter().map(|(_, value)| *value).collect();
        format!(
            "{} {} {} {} {}",
            customer.join(" "),
            self.api_keys,
            self.server_keys,
            self.partner.api_key,
            self.partner.sdk_api_key
        )
    }

    /// What may come out nowhere, whatever happens.
    pub(super) fn needles(&self) -> Needles {
        let mut needles = Needles::default();
        for (name, value) in AWS.iter().chain(&HEADERS) {
            needles.add(&format!("header or variable {name}"), value.as_bytes());
        }
        needles.add("a header's name", b"X-Header-Name-Canary");
        for value in [QUERY.0, QUERY.1, IDENTITY.0, IDENTITY.1] {
            needles.add("the rest of the event", value.as_bytes());
        }
        for (name, value) in WRONG {
            needles.add(name, value.as_bytes());
        }
        for (name, value) in CUSTOMER.into_iter().filter(|(_, value)| *value != ACCOUNT) {
            if value.len() >= WORD {
                needles.add(name, value.as_bytes());
                continue;
            }
            // A short value is found anywhere: only with its name is it this customer's.
            for text in [
                format!("\"{name}\":\"{value}\""),
                format!("\\\"{name}\\\":\\\"{value}\\\""),
                format!("{}: Some(\"{value}\")", snake_case(name)),
            ] {
                needles.add_raw(name, text.as_bytes());
            }
        }
        needles.add("dob, as its partner may write it", b"12071977");
        for (key, value) in DATA {
            needles.add("a key of data", key.as_bytes());
            needles.add("a value of data", value.as_bytes());
        }
        needles.add("an unknown member's name", UNKNOWN.0.as_bytes());
        needles.add("an unknown member", UNKNOWN.1.as_bytes());
        let sdk = self.sdk.public_key().to_encoded_point(false);
        needles.add("sdkPublicKey", &sdk.as_bytes()[1..]);
        needles.add("sdkPublicKey's JWK", self.sdk_jwk().as_bytes());

        for partner in [&self.partner, &self.disabled] {
            needles.add("an API key", partner.api_key.as_bytes());
            needles.add("an API key's digest", &digest(&partner.api_key));
            needles.add("an sdkApiKey", partner.sdk_api_key.as_bytes());
            needles.add("an sdkApiKey's digest", &digest(&partner.sdk_api_key));
            for key in &partner.payload_keys {
                needles.add(&format!("payload key {}", key.kid), &key.k);
            }
        }
        for server in [&self.server, &self.disabled_server] {
            needles.add("a resource server's secret", server.secret.as_bytes());
            needles.add("a resource server's digest", &digest(&server.secret));
            let (id, secret) = (&server.resource_server_id, percent_encoded(&server.secret));
            let credentials = format!("{}:{secret}", percent_encoded(id));
            needles.add("a resource server's credentials", credentials.as_bytes());
        }
        for ring in ["token", "record"] {
            for (kid, k) in keys(&self.server_keys[ring]) {
                needles.add(&format!("{ring} key {kid}"), &k);
                if ring == "record" {
                    for info in ["record seal v1", "record fingerprint v1"] {
                        needles.add(&format!("{info} of {kid}"), &derived(&k, info));
                    }
                    let fingerprint = derived(&k, "record fingerprint v1");
                    for state in hmac_states(&fingerprint) {
                        needles.add_raw(&format!("HMAC state of {kid}"), &state);
                    }
                }
            }
        }
        needles
    }

    /// What may come out in the claims that a resource server is told.
    pub(super) fn claims(&self) -> Needles {
        let mut needles = Needles::default();
        needles.add("accountNumber", ACCOUNT.as_bytes());
        needles
    }

    /// The two secrets of a session, from the service's public key.
    pub(super) fn session(&self, server_pub_key: &str) -> [(&'static str, [u8; 32]); 2] {
        let jwk: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(server_pub_key).unwrap()).unwrap();
        let coordinate = |name: &str| -> [u8; 32] {
            let bytes = URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap());
            bytes.unwrap().try_into().unwrap()
        };
        let point = EncodedPoint::from_affine_coordinates(
            &coordinate("x").into(),
            &coordinate("y").into(),
            false,
        );
        let public = PublicKey::from_encoded_point(&point).unwrap();
        let shared = diffie_hellman(self.sdk.to_nonzero_scalar(), public.as_affine());
        let z: [u8; 32] = (*shared.raw_secret_bytes()).into();
        [("a shared secret Z", z), ("a session key", session_key(&z))]
    }
}

/// Every byte that a form may encode (RFC 6749 section 2.3.1).
fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte.is_ascii_alphanumeric() {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}
