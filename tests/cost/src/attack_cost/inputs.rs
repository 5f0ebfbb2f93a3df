//! Valid requests, and the inputs that are meant to be the hardest to refuse.

mod get_token;
mod sessions;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use bytes::Bytes;
use ring::digest;
use serde_json::{Value, json};

use super::{
    fuzz_events::{self, X, Y},
    seal,
};
use get_token::get_token;
pub(crate) use sessions::session_item;
use sessions::{introspections, invalidations, renewals};

/// How many times the instructions of a valid request of 32 KiB a refused one may take.
const LIMIT: f64 = 2.0;

/// The same where the body of 32 KiB is an event of 192: the Lambda runtime reads it all before the
/// function can refuse it, which is 1.0 of the 2.5 that were measured.
const LIMIT_OF_ESCAPES: f64 = 2.75;

/// The same for a body that was opened, where a valid request of the operation agrees on no key:
/// JSON is refused for what it costs in Get Token, and is held against less.
const LIMIT_WITHOUT_AGREEMENT: f64 = 2.5;

/// The same for a resource server's form of thousands of parameters: each name is decoded and
/// looked for among the others, and the valid form has two.
const LIMIT_OF_PARAMETERS: f64 = 5.5;

/// The limit of what a fuzz target found.
pub(super) fn limit_of(target: &str) -> f64 {
    match target {
        "introspection" => LIMIT_OF_PARAMETERS,
        _ => LIMIT,
    }
}

/// The largest body.
const MAX_BODY: usize = 32 * 1024;

/// Largest plaintext whose JWE fits: three quarters of what is left for the ciphertext.
const PLAINTEXT: usize = (MAX_BODY - 200) / 4 * 3;

const API_KEY: &str = "MOB-APP-2001";
const SDK_API_KEY: &str = "ABCDEFGH";
const RESOURCE_SERVER: &str = "wallet:a secret of the wallet's";

/// One event, and the answer that it must get.
pub(crate) struct Input {
    pub(crate) name: String,
    /// `None`: any.
    pub(crate) status: Option<u64>,
    /// How many times the instructions of its group's first input it may take.
    pub(crate) limit: f64,
    pub(crate) event: Bytes,
    /// The event that must have been answered before.
    pub(crate) before: Option<Bytes>,
}

impl Input {
    /// An event that may be answered in any way.
    pub(crate) fn of_event(name: String, event: impl Into<Bytes>) -> Self {
        Self {
            name,
            status: None,
            limit: LIMIT,
            event: event.into(),
            before: None,
        }
    }
}

/// Eight keys, as many as a ring may have.
fn key(at: u8) -> [u8; 32] {
    [at + 1; 32]
}

/// The secret of partners: as many as fit, one of them with a full ring, and some resource servers.
pub(crate) fn api_keys() -> String {
    let sha256 = |text: &str| -> String {
        let digest = digest::digest(&digest::SHA256, text.as_bytes());
        digest
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    };
    let jwk = |kid: u8, at: u8| json!({"kty": "oct", "kid": format!("k{kid}"), "k": BASE64.encode(key(at))});
    let ring =
        |keys: &[u8]| json!({"keys": keys.iter().map(|at| jwk(*at, *at)).collect::<Vec<_>>()});
    let partner = |id: &str, api_key: &str, keys: Value| {
        json!({
            "partnerId": id, "programId": 1, "apiKeySha256": [sha256(api_key)],
            "sdkApiKeySha256": [sha256(SDK_API_KEY)], "payloadKeys": keys,
        })
    };
    let mut partners = vec![partner("acme", API_KEY, ring(&[0, 1, 2, 3, 4, 5, 6, 7]))];
    // No two partners have one payload key. Below 10 are acme's.
    partners.extend((10..185).map(|at| {
        let keys = json!({"keys": [jwk(0, at)]});
        partner(&format!("p{at}"), &format!("another-{at}"), keys)
    }));
    let (_, secret) = RESOURCE_SERVER.split_once(':').unwrap();
    let servers: Vec<Value> = (0..10)
        .map(|at| json!({"resourceServerId": format!("other-{at}"), "secretSha256": [sha256("x")]}))
        .chain([json!({"resourceServerId": "wallet", "secretSha256": [sha256(secret)]})])
        .collect();
    let api_keys = json!({"partners": partners, "resourceServers": servers}).to_string();
    assert!(api_keys.len() <= 64 * 1024, "{}", api_keys.len());
    api_keys
}

fn event(body: &str) -> Value {
    let headers = [("X-API-KEY", API_KEY), ("Content-Type", "text/plain")];
    event_at("/token-service/client/server/new/v2/token", &headers, body)
}

fn event_at(path: &str, headers: &[(&str, &str)], body: &str) -> Value {
    let mut event = json!({
        "path": path,
        "httpMethod": "POST",
        "headers": {},
        "multiValueHeaders": {},
        "requestContext": {"requestId": "1863f0fb-5c8c-4cce-94f4-b62e1d87484a", "stage": "prod"},
        "body": body,
        "isBase64Encoded": false,
    });
    for (name, value) in headers {
        event["headers"][name] = (*value).into();
        event["multiValueHeaders"][name] = json!([value]);
    }
    event
}

/// The guide's sample, changed.
fn plaintext(change: impl FnOnce(&mut Value)) -> String {
    let mut plaintext =
        serde_json::from_str(&fuzz_events::plaintext(&fuzz_events::sdk_public_key(X, Y))).unwrap();
    change(&mut plaintext);
    plaintext.to_string()
}

fn sealed(plaintext: &str) -> String {
    let body = seal(
        br#"{"alg":"dir","enc":"A256GCM","kid":"k0"}"#,
        plaintext.as_bytes(),
        &key(0),
    );
    assert!(body.len() <= MAX_BODY, "{} of plaintext", plaintext.len());
    body
}

/// `open`, as many of `element` with commas as fit, `close`.
fn filled(open: &str, element: impl Fn(usize) -> String, close: &str) -> String {
    let mut text = open.to_owned();
    for at in 0.. {
        let element = element(at);
        if text.len() + element.len() + 1 + close.len() > PLAINTEXT {
            break;
        }
        text.push_str(&element);
        text.push(',');
    }
    text.pop();
    text + close
}

/// What the others are measured against: a valid request that fills the body, with a member that is
/// ignored.
pub(crate) fn filler() -> String {
    let short = plaintext(|sent| sent["filler"] = "".into()).len();
    plaintext(|sent| sent["filler"] = "x".repeat(PLAINTEXT - short).into())
}

/// A list for each operation. Its first input, a valid request of 32 KiB, is what the others are
/// held against.
pub(crate) fn all() -> Vec<Vec<Input>> {
    vec![get_token(), renewals(), invalidations(), introspections()]
}

fn input(name: &str, status: u64, event: Value) -> Input {
    Input {
        status: Some(status),
        ..Input::of_event(name.to_owned(), event.to_string())
    }
}
