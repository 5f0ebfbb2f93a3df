//! Inputs as the events that API Gateway makes of them, for the development partner of `events/`.

use std::borrow::Cow;

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

/// The session that [`token`] and [`session_item`] are of, and its key.
pub const REFERENCE_ID: &str = "a-session-of-the-harness";
/// See [`REFERENCE_ID`].
pub const SESSION_KEY: [u8; 32] = [42; 32];

const JTI: &str = "AAAAAAAAAAAAAAAAAAAAAA";
const SECONDS: u64 = 80_000;

/// When the session began, for a service whose clock shows the same.
pub const BEGAN: u64 = 1_795_512_600;

/// The session's token, if it began at this time.
pub fn token(began: u64) -> String {
    let claims = json!({
        "iss": "token-service", "aud": "bankezy-sdk", "sub": "123123123", "client_id": "acme",
        "program_id": 2001, "jti": JTI, "ref": REFERENCE_ID, "auth_time": began, "iat": began,
        "exp": began + SECONDS, "cnf": {"jwk": {"kty": "oct", "k": BASE64.encode(SESSION_KEY)}},
    });
    sealed_token(claims.to_string().as_bytes())
}

/// Any claims, sealed as the service seals a token's.
pub fn sealed_token(claims: &[u8]) -> String {
    let (kid, key) = token_key();
    let header = format!(r#"{{"alg":"dir","enc":"A256GCM","kid":"{kid}","typ":"JWT"}}"#);
    seal(header.as_bytes(), claims, &key)
}

/// The service's first token key, and its name.
pub fn token_key() -> (String, [u8; 32]) {
    let [_, server_keys] = development_secrets();
    let server_keys: Value = serde_json::from_str(server_keys).unwrap();
    let key = &server_keys["token"]["keys"][0];
    let bytes = BASE64.decode(key["k"].as_str().unwrap()).unwrap();
    let kid = key["kid"].as_str().unwrap().to_owned();
    (kid, bytes.try_into().unwrap())
}

/// The session's item, as far as it is read while its token is the current one.
pub fn session_item(began: u64) -> Value {
    let number = |value: u64| json!({"N": value.to_string()});
    json!({
        "pk": {"S": format!("acme#{REFERENCE_ID}")},
        "jti": {"S": JTI},
        "status": {"S": "ACTIVE"},
        "issuedAt": number(began * 1000),
        "expireAt": number((began + SECONDS) * 1000),
        "ttl": number(began + SECONDS + 86_400),
        "fingerprint": {"B": ""},
        "sealedBy": {"S": "none"},
        "sealed": {"B": ""},
        "token": {"B": ""},
    })
}

/// What a sealed request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// A token.
    GetToken,
    /// The next token of the harness's session.
    Renew,
    /// The end of a session.
    Invalidate,
}

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

    /// What it asks for.
    pub fn asks(self) -> Asks {
        match self.0 >> 6 {
            1 => Asks::Renew,
            2 => Asks::Invalidate,
            _ => Asks::GetToken,
        }
    }

    /// The key that seals it.
    pub fn key(self) -> [u8; 32] {
        match self.asks() {
            Asks::Renew => SESSION_KEY,
            Asks::GetToken | Asks::Invalidate => self.chosen_key().1,
        }
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
    let ((kid, _), key) = (choices.chosen_key(), choices.key());
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
    let path = match (choices.asks(), choices.is_first_path()) {
        (Asks::GetToken, false) => "/token-service/client/server/new/v2/token",
        (Asks::GetToken, true) => "/token-service/client/server/new/token",
        (Asks::Renew, false) => "/token-service/client/app/renew/v2/token",
        (Asks::Renew, true) => "/token-service/client/app/renew/token",
        (Asks::Invalidate, false) => "/token-service/client/server/invalidate/v2/token",
        (Asks::Invalidate, true) => "/token-service/client/server/invalidate/token",
    };
    let headers = match choices.asks() {
        Asks::GetToken | Asks::Invalidate => vec![("x-api-key", "MOB-APP-2001".to_owned())],
        Asks::Renew => vec![
            ("x-api-key", "ABCDEFGH".to_owned()),
            ("x-api-token", token(BEGAN)),
            ("x-account-number", "123123123".to_owned()),
        ],
    };
    event_at(
        path,
        &headers,
        choices.is_http_api(),
        choices.is_base64(),
        body,
    )
}

/// The event of a `POST`.
pub fn event_at(
    path: &str,
    headers: &[(&str, String)],
    is_http_api: bool,
    is_base64: bool,
    body: &[u8],
) -> Value {
    let (body, is_base64) = match (is_base64, std::str::from_utf8(body)) {
        (false, Ok(text)) => (text.to_owned(), false),
        // As API Gateway does with what is no text.
        _ => (BASE64_STANDARD.encode(body), true),
    };
    let mut event = match is_http_api {
        true => json!({
            "version": "2.0", "rawPath": path, "headers": {"content-type": "text/plain"},
            "requestContext": {"requestId": "id", "stage": "$default", "http": {"method": "POST"}},
            "body": body, "isBase64Encoded": is_base64,
        }),
        false => json!({
            "path": path, "httpMethod": "POST", "headers": {},
            "requestContext": {"requestId": "id"}, "body": body, "isBase64Encoded": is_base64,
        }),
    };
    for (name, value) in headers {
        event["headers"][name] = value.as_str().into();
    }
    event
}

/// An introspection in its parts: the `Authorization` header, a line feed, and the body; without a
/// line feed there is no header. `{{token}}` in the body is the session's.
pub fn of_introspection(input: &[u8]) -> (Option<String>, Vec<u8>) {
    let at = input.iter().position(|byte| *byte == b'\n');
    let (authorization, body) = match at {
        None => (None, input),
        Some(at) => (
            Some(String::from_utf8_lossy(&input[..at]).into_owned()),
            &input[at + 1..],
        ),
    };
    let body = match std::str::from_utf8(body) {
        Ok(text) => text.replace("{{token}}", &token(BEGAN)).into_bytes(),
        Err(_) => body.to_owned(),
    };
    (authorization, body)
}

/// The event of an introspection.
pub fn introspection(authorization: Option<&str>, body: &[u8]) -> Value {
    let form = "application/x-www-form-urlencoded".to_owned();
    let mut headers = vec![("content-type", form)];
    headers.extend(authorization.map(|value| ("authorization", value.to_owned())));
    event_at("/token-service/introspect", &headers, false, false, body)
}

/// The keys that answers are sealed with: all partners' payload keys, and the session's.
pub fn answer_keys() -> Vec<[u8; 32]> {
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
    .chain([SESSION_KEY])
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

/// The event by which an input of this target gets to the function; `None` for `secrets`, which
/// comes another way.
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
        "token" => {
            let headers = [
                ("x-api-key", "ABCDEFGH".to_owned()),
                ("x-api-token", of_token(input)),
            ];
            let path = "/token-service/client/app/renew/v2/token";
            event_at(path, &headers, false, false, b"")
        }
        "introspection" => {
            let (authorization, body) = of_introspection(input);
            introspection(authorization.as_deref(), &body)
        }
        "request" => {
            let (choices, sent) = of_request(input);
            event(choices, sealed(choices, &sent).as_bytes())
        }
        _ => return None,
    };
    Some(to_raw_value(&event).unwrap())
}

/// The input as an event, if it is JSON, as all is that the Lambda runtime hands over; else as a
/// body. The sample events' places for a token and a renewal's body have the session's.
pub fn of_event(input: &[u8]) -> Box<RawValue> {
    let filled = std::str::from_utf8(input).ok().map(|text| {
        let (token, renewal) = (token(BEGAN), sealed(Choices(64), renewal(BEGAN).as_bytes()));
        text.replace("{{token of get-token}}", &token)
            .replace("{{renewal of get-token}}", &renewal)
    });
    filled
        .and_then(|text| RawValue::from_string(text).ok())
        .unwrap_or_else(|| to_raw_value(&event(Choices(0), input)).unwrap())
}

/// The plaintext that renews the session's token.
pub fn renewal(began: u64) -> String {
    json!({"token": token(began)}).to_string()
}

/// A token: the input as it is, or after a brace the input as its claims.
pub fn of_token(input: &[u8]) -> String {
    match std::str::from_utf8(input) {
        Ok(text) if !text.starts_with('{') => text.to_owned(),
        _ => sealed_token(input),
    }
}

/// One byte of choices, and the plaintext. A renewal's may be about `{{token}}`, the session's.
pub fn of_request(input: &[u8]) -> (Choices, Cow<'_, [u8]>) {
    let (choices, sent) = input.split_first().unwrap_or((&0, &[]));
    let sent = match std::str::from_utf8(sent) {
        Ok(text) if text.contains("{{token}}") => {
            Cow::Owned(text.replace("{{token}}", &token(BEGAN)).into_bytes())
        }
        _ => Cow::Borrowed(sent),
    };
    (Choices(*choices), sent)
}

/// x (32 bytes), a byte that chooses y, and y (32 bytes) for one of the choices. A random x has a y
/// on the curve every other time; a random pair is never on it. A short input is padded with zeros.
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
