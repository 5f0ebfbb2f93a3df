//! The values that must not come out, and the documents, headers and requests that carry them in.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hkdf::Hkdf;
use p256::{
    EncodedPoint, PublicKey, SecretKey,
    ecdh::diffie_hellman,
    elliptic_curve::{
        rand_core::OsRng,
        sec1::{FromEncodedPoint, ToEncodedPoint},
    },
};
use peers::credentials::{Credentials, Jwk};
use serde_json::{Value, json};
use service_tests::{Event, Plain, digest, hash_of};
use sha2::Sha256;

use super::forms::{Needles, WORD};

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

/// Everybody's secrets, and the SDK's key pair.
pub(super) struct Canaries {
    pub(super) partner: Credentials,
    pub(super) disabled: Credentials,
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
        let api_keys = json!({ "partners": [entry(&partner, true), entry(&disabled, false)] });
        Self {
            api_keys,
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
        let event = Event::of_body(body).header("X-API-KEY", &self.partner.api_key);
        HEADERS
            .iter()
            .fold(event, |event, (name, value)| event.header(name, value))
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
        for (name, value) in CUSTOMER {
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
        [("a shared secret Z", z), ("a session key", peers_kdf(&z))]
    }
}

/// The Concat KDF of protocol.md, Session key.
fn peers_kdf(z: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    let mut hash = Sha256::new();
    hash.update(1_u32.to_be_bytes());
    hash.update(z);
    hash.update(7_u32.to_be_bytes());
    hash.update(b"A256GCM");
    hash.update([0; 8]);
    hash.update(256_u32.to_be_bytes());
    hash.finalize().into()
}

/// The ids and keys of a ring.
pub(super) fn keys(ring: &Value) -> Vec<(String, [u8; 32])> {
    let keys = ring["keys"].as_array().unwrap();
    keys.iter()
        .map(|jwk| {
            let k = URL_SAFE_NO_PAD.decode(jwk["k"].as_str().unwrap()).unwrap();
            (
                jwk["kid"].as_str().unwrap().to_owned(),
                k.try_into().unwrap(),
            )
        })
        .collect()
}

/// What `ring` makes of an HMAC-SHA256 key and keeps in its place: the hash's state after the inner
/// and the outer pad (RFC 2104 section 4), as good as the key itself.
fn hmac_states(key: &[u8; 32]) -> [[u8; 32]; 2] {
    [0x36, 0x5c].map(|pad| {
        let mut block = [pad; 64];
        block
            .iter_mut()
            .zip(key)
            .for_each(|(byte, key)| *byte ^= key);
        // FIPS 180-4 section 5.3.3.
        let mut state = [
            0x6a09_e667,
            0xbb67_ae85,
            0x3c6e_f372,
            0xa54f_f53a,
            0x510e_527f,
            0x9b05_688c,
            0x1f83_d9ab,
            0x5be0_cd19,
        ];
        sha2::compress256(&mut state, &[block.into()]);
        let mut bytes = [0; 32];
        let words = bytes.chunks_exact_mut(4).zip(state);
        words.for_each(|(bytes, word)| bytes.copy_from_slice(&word.to_ne_bytes()));
        bytes
    })
}

/// A key that the service derives of a record key.
pub(super) fn derived(record_key: &[u8; 32], info: &str) -> [u8; 32] {
    let mut key = [0; 32];
    Hkdf::<Sha256>::new(None, record_key)
        .expand(info.as_bytes(), &mut key)
        .unwrap();
    key
}
