//! Inputs as the events that API Gateway makes of them, for the development partner of `events/`.

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD as BASE64},
};
use serde_json::{
    Value, json,
    value::{RawValue, to_raw_value},
};

use crate::{seal, service::development_secrets};

/// Acme's payload keys, newest first, as in `events/secrets/`.
const ACMES: [(&str, &str); 2] = [
    (
        "acme-2026-11",
        "i3JCdp6qebM4jnRWMjsB98typkX92QW4HdRHRj5Cmag",
    ),
    (
        "acme-2026-05",
        "FH__JE2zYKMW-3ZoDvBzUzuV9asoL3mqJGAx8gKFm2g",
    ),
];

/// What a partner may choose about a request: one byte of a fuzzer's.
#[derive(Clone, Copy)]
pub struct Choices(pub u8);

impl Choices {
    fn bit(self, at: u8) -> bool {
        self.0 & (1 << at) != 0
    }

    /// Whether the JWE names its key.
    pub fn names_its_key(self) -> bool {
        self.bit(0)
    }

    fn chosen_key(self) -> (&'static str, [u8; 32]) {
        let (kid, key) = ACMES[usize::from(self.bit(1))];
        (kid, BASE64.decode(key).unwrap().try_into().unwrap())
    }

    /// The key that seals it.
    pub fn key(self) -> [u8; 32] {
        self.chosen_key().1
    }

    /// The path whose `resCode` is a number.
    pub fn is_first_path(self) -> bool {
        self.bit(2)
    }

    fn is_http_api(self) -> bool {
        self.bit(3)
    }

    fn is_base64(self) -> bool {
        self.bit(4)
    }

    fn is_quoted(self) -> bool {
        self.bit(5)
    }
}

/// The body of a request with this plaintext.
pub fn sealed(choices: Choices, plaintext: &[u8]) -> String {
    let (kid, key) = choices.chosen_key();
    let header = match choices.names_its_key() {
        true => format!(r#"{{"alg":"dir","enc":"A256GCM","kid":"{kid}"}}"#),
        false => r#"{"alg":"dir","enc":"A256GCM"}"#.to_owned(),
    };
    let body = seal(header.as_bytes(), plaintext, &key);
    match choices.is_quoted() {
        true => format!(" \"{body}\"\n"),
        false => body,
    }
}

/// The event with this body.
pub fn event(choices: Choices, body: &[u8]) -> Value {
    let path = match choices.is_first_path() {
        false => "/token-service/client/server/new/v2/token",
        true => "/token-service/client/server/new/token",
    };
    let (body, is_base64) = match (choices.is_base64(), std::str::from_utf8(body)) {
        (false, Ok(text)) => (text.to_owned(), false),
        // As API Gateway does with what is no text.
        _ => (BASE64_STANDARD.encode(body), true),
    };
    match choices.is_http_api() {
        true => json!({
            "version": "2.0", "rawPath": path, "headers": {"x-api-key": "MOB-APP-2001", "content-type": "text/plain"},
            "requestContext": {"requestId": "id", "stage": "$default", "http": {"method": "POST"}},
            "body": body, "isBase64Encoded": is_base64,
        }),
        false => json!({
            "path": path, "httpMethod": "POST", "headers": {"X-API-KEY": "MOB-APP-2001"},
            "requestContext": {"requestId": "id"}, "body": body, "isBase64Encoded": is_base64,
        }),
    }
}

/// All partners' payload keys.
pub fn payload_keys() -> Vec<[u8; 32]> {
    let [api_keys, _] = development_secrets();
    let document: Value = serde_json::from_str(api_keys).unwrap();
    let partners = document["partners"].as_array().unwrap();
    let keys = partners
        .iter()
        .flat_map(|partner| partner["payloadKeys"]["keys"].as_array().unwrap());
    keys.map(|key| {
        BASE64
            .decode(key["k"].as_str().unwrap())
            .unwrap()
            .try_into()
            .unwrap()
    })
    .collect()
}

/// A plaintext that is valid, with this `sdkPublicKey`.
pub fn plaintext(sdk_public_key: &str) -> String {
    json!({
        "referenceId": "f3b0c442-98fc-4c14-9afb-4c8996fb9242",
        "sdkPublicKey": sdk_public_key,
        "sdkApiKey": "ABCDEFGH",
        "name": "David beckham",
        "email": "OperationalSupport@wibmo.com",
        "accountNumber": 123_123_123,
        "isdCode": 91,
        "mobileNumber": 9_642_308_308_u64,
        "dob": 19_910_807,
        "data": {"key1": "value1", "key2": "value2"},
    })
    .to_string()
}

/// The example key of RFC 7517 appendix A.1.
pub const X: &str = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4";
/// Its y.
pub const Y: &str = "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM";

/// An `sdkPublicKey` of these coordinates.
pub fn sdk_public_key(x: &str, y: &str) -> String {
    BASE64.encode(format!(
        r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}}"#
    ))
}

/// The event by which an input of this target gets to the function; `None` for `secrets`, which comes another way.
pub fn of_target(target: &str, input: &[u8]) -> Option<Box<RawValue>> {
    let plain = Choices(1);
    let event = match target {
        "event" => return Some(of_event(input)),
        "jwe" => event(plain, input),
        "header" => event(
            plain,
            seal(
                input,
                plaintext(&sdk_public_key(X, Y)).as_bytes(),
                &plain.key(),
            )
            .as_bytes(),
        ),
        "plaintext" => event(plain, sealed(plain, input).as_bytes()),
        "sdk_public_key" => {
            let text = match std::str::from_utf8(input) {
                Ok(text) if !text.starts_with('{') => text.to_owned(),
                _ => BASE64.encode(input),
            };
            event(plain, sealed(plain, plaintext(&text).as_bytes()).as_bytes())
        }
        "point" => {
            let (x, y) = of_point(input);
            let key = sdk_public_key(&BASE64.encode(x), &BASE64.encode(y));
            event(plain, sealed(plain, plaintext(&key).as_bytes()).as_bytes())
        }
        "request" => {
            let (choices, sent) = of_request(input);
            event(choices, sealed(choices, sent).as_bytes())
        }
        _ => return None,
    };
    Some(to_raw_value(&event).unwrap())
}

/// The input as an event, if it is JSON, as all is that the Lambda runtime hands over; else as a body.
pub fn of_event(input: &[u8]) -> Box<RawValue> {
    serde_json::from_slice(input)
        .unwrap_or_else(|_| to_raw_value(&event(Choices(0), input)).unwrap())
}

/// One byte of choices, and the plaintext.
pub fn of_request(input: &[u8]) -> (Choices, &[u8]) {
    let (choices, sent) = input.split_first().unwrap_or((&0, &[]));
    (Choices(*choices), sent)
}

/// x (32 bytes), a byte that chooses y, and y (32 bytes) for one of the choices. A random x has a y on the curve every
/// other time, a random pair never. What is missing of a short input is zeros.
pub fn of_point(input: &[u8]) -> ([u8; 32], [u8; 32]) {
    use p256::elliptic_curve::sec1::ToEncodedPoint;
    let mut bytes = [0; 65];
    let len = input.len().min(65);
    bytes[..len].copy_from_slice(&input[..len]);
    let x: [u8; 32] = bytes[..32].try_into().unwrap();
    let choice = bytes[32];
    let mut y: [u8; 32] = bytes[33..].try_into().unwrap();
    if choice & 1 == 0 {
        // The y of this x, if there is one; and one bit of it changed by another choice.
        let mut compressed = [2 + ((choice >> 1) & 1); 33];
        compressed[1..].copy_from_slice(&x);
        if let Ok(point) = p256::PublicKey::from_sec1_bytes(&compressed) {
            y.copy_from_slice(point.to_encoded_point(false).y().unwrap());
            if choice & 4 != 0 {
                y[usize::from(choice >> 3)] ^= 1;
            }
        }
    }
    (x, y)
}
