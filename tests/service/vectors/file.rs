//! A file of vectors, as `docs/vectors/schema.json` describes it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use peers::credentials::{Credentials, Jwk};
use serde_json::Value;

pub(crate) const FORMATS: [&str; 10] = [
    "answer",
    "introspection",
    "invalidation",
    "members",
    "record",
    "renewal",
    "request",
    "sdk-public-key",
    "session-key",
    "token",
];

/// One vector.
pub(crate) struct Vector(Value);

/// All of a file, in order.
pub(crate) fn vectors(format: &str) -> Vec<Vector> {
    let mut document = super::json(&format!("{format}.json"));
    assert_eq!(document["format"], format);
    let Value::Array(vectors) = document["vectors"].take() else {
        panic!("{format}.json has no vectors")
    };
    let vectors: Vec<Vector> = vectors.into_iter().map(Vector).collect();
    for valid in [true, false] {
        assert!(vectors.iter().any(|vector| vector.is_valid() == valid));
    }
    vectors
}

impl Vector {
    pub(crate) fn name(&self) -> &str {
        self.text("name")
    }

    pub(crate) fn is_valid(&self) -> bool {
        self.0["valid"].as_bool().unwrap()
    }

    pub(crate) fn fault(&self) -> Option<&str> {
        self.optional("fault")
    }

    pub(crate) fn json(&self, member: &str) -> &Value {
        &self.0[member]
    }

    pub(crate) fn optional(&self, member: &str) -> Option<&str> {
        self.0.get(member)?.as_str()
    }

    pub(crate) fn text(&self, member: &str) -> &str {
        self.optional(member)
            .unwrap_or_else(|| panic!("{}: no string {member}", self.0["name"]))
    }

    /// The request or the answer of an exchange, called like it, with the key of both.
    pub(crate) fn part(&self, member: &str) -> Option<Self> {
        let mut part = self.0.get(member).filter(|part| part.is_object())?.clone();
        part["name"] = format!("{member} of {}", self.name()).into();
        part["key"] = match self.optional("sessionKeyHex") {
            Some(key) => session_jwk(key),
            None => self.0["key"].clone(),
        };
        Some(Self(part))
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = &str> {
        self.0.as_object().unwrap().keys().map(String::as_str)
    }

    /// The receiver's keys, as the JWK Set that they are in the secrets.
    pub(crate) fn key_set(&self) -> Value {
        let keys = match &self.0["keys"] {
            Value::Array(keys) => keys.clone(),
            _ => vec![self.0["key"].clone()],
        };
        serde_json::json!({ "keys": keys })
    }

    /// The key that sealed a positive vector; else the receiver's first.
    pub(crate) fn key(&self) -> [u8; 32] {
        jwk(&self.0["key"]).k
    }

    /// A partner that has the receiver's keys.
    pub(crate) fn partner(&self) -> Credentials {
        partner(self.key_set()["keys"].as_array().unwrap())
    }
}

/// A partner with these payload keys, whose other credentials are those of the vectors.
pub(crate) fn partner(keys: &[Value]) -> Credentials {
    Credentials {
        partner_id: "vectors".to_owned(),
        api_key: "vectors-api-key".to_owned(),
        sdk_api_key: "vectors-sdk-api-key".to_owned(),
        payload_keys: keys.iter().map(jwk).collect(),
        url: None,
    }
}

/// A session key has no name of its own.
fn session_jwk(hex: &str) -> Value {
    let digits = (0..hex.len()).step_by(2).map(|at| &hex[at..at + 2]);
    let key: Vec<u8> = digits
        .map(|it| u8::from_str_radix(it, 16).unwrap())
        .collect();
    serde_json::json!({ "kty": "oct", "kid": "session", "k": URL_SAFE_NO_PAD.encode(key) })
}

fn jwk(jwk: &Value) -> Jwk {
    let text = |member: &str| jwk[member].as_str().unwrap();
    Jwk {
        kid: text("kid").to_owned(),
        k: URL_SAFE_NO_PAD
            .decode(text("k"))
            .unwrap()
            .try_into()
            .unwrap(),
    }
}
