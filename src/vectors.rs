//! `docs/vectors`, read for the tests of the modules that they are about.
//!
//! What a vector means is in `docs/vectors/README.md`.

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use serde_json::Value;

use crate::{
    keys::{KeyBytes, KeyId, KeyRing, SealingKey},
    redacted::Redacted,
    token::TokenIdentity,
};

/// One vector. Its readers panic, with its name, where it is not as they expect.
pub(crate) struct Vector(Value);

/// The positive and the negative vectors of a file, at least one of each.
pub(crate) fn read(format: &str) -> (Vec<Vector>, Vec<Vector>) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/vectors");
    let file = std::fs::read_to_string(format!("{folder}/{format}.json")).unwrap();
    let mut file: Value = serde_json::from_str(&file).unwrap();
    assert_eq!(file["format"], format);
    let Value::Array(vectors) = file["vectors"].take() else {
        panic!("{format}.json has no vectors")
    };
    let (valid, invalid): (Vec<_>, Vec<_>) = vectors
        .into_iter()
        .map(Vector)
        .partition(|vector| vector.0["valid"].as_bool().unwrap());
    assert!(!valid.is_empty() && !invalid.is_empty());
    (valid, invalid)
}

/// The positive vector of `token.json` that is this token.
pub(crate) fn token(compact: &str) -> Vector {
    let mut tokens = read("token").0.into_iter();
    let found = tokens.find(|token| token.text("jwe") == compact);
    found.expect("the token is one of token.json")
}

impl Vector {
    pub(crate) fn name(&self) -> &str {
        self.text("name")
    }

    pub(crate) fn fault(&self) -> &str {
        self.text("fault")
    }

    pub(crate) fn json(&self, member: &str) -> &Value {
        &self.0[member]
    }

    pub(crate) fn has(&self, member: &str) -> bool {
        self.0.get(member).is_some()
    }

    pub(crate) fn text(&self, member: &str) -> &str {
        let text = self.0[member].as_str();
        text.unwrap_or_else(|| panic!("{}: no string {member}", self.0["name"]))
    }

    /// A member's bytes: the end of its name says how they are written.
    pub(crate) fn bytes(&self, member: &str) -> Vec<u8> {
        let text = self.text(member);
        if member.ends_with("Utf8") {
            return text.as_bytes().to_vec();
        }
        let decoded = if member.ends_with("Base64url") {
            BASE64_URL_SAFE_NO_PAD.decode(text).ok()
        } else if member.ends_with("Base64") {
            BASE64_STANDARD.decode(text).ok()
        } else {
            assert!(member.ends_with("Hex"), "{member} has no encoding");
            from_hex(text)
        };
        decoded.unwrap_or_else(|| panic!("{}: {member} is not in its encoding", self.name()))
    }

    pub(crate) fn array<const N: usize>(&self, member: &str) -> [u8; N] {
        self.bytes(member).try_into().unwrap()
    }

    /// The key that sealed, or else the receiver's.
    pub(crate) fn key(&self) -> (KeyId, KeyBytes) {
        self.key_of("key")
    }

    pub(crate) fn key_of(&self, member: &str) -> (KeyId, KeyBytes) {
        oct(&self.0[member])
    }

    pub(crate) fn sealing_key(&self) -> SealingKey {
        let (kid, bytes) = self.key();
        SealingKey::new(kid, &bytes).unwrap()
    }

    /// Who issues the vector's token and for whom.
    pub(crate) fn identity(&self) -> TokenIdentity {
        TokenIdentity {
            issuer: self.text("issuer").to_owned(),
            audience: self.text("audience").to_owned(),
        }
    }

    /// The session key, under a name that no message gives it.
    pub(crate) fn session_key(&self) -> SealingKey {
        let kid = KeyId::new("session").unwrap();
        SealingKey::new(kid, &self.array("sessionKeyHex")).unwrap()
    }

    /// The request or the answer of an exchange, called like it.
    pub(crate) fn part(&self, member: &str) -> Self {
        let mut part = self.0[member].clone();
        part["name"] = format!("{member} of {}", self.name()).into();
        Self(part)
    }

    /// The answer's plaintext, or what it says in the clear.
    pub(crate) fn answer(&self) -> Value {
        let answer = self.part("answer");
        let is_sealed = answer.has("plaintextUtf8");
        let text = answer.text(if is_sealed {
            "plaintextUtf8"
        } else {
            "bodyUtf8"
        });
        serde_json::from_str(text).unwrap()
    }

    /// The receiver's keys.
    pub(crate) fn ring(&self) -> KeyRing<SealingKey> {
        let keys = match &self.0["keys"] {
            Value::Array(keys) => keys.iter().collect(),
            _ => vec![&self.0["key"]],
        };
        KeyRing::new(keys.into_iter().map(|jwk| {
            let (kid, bytes) = oct(jwk);
            SealingKey::new(kid, &bytes).unwrap()
        }))
        .unwrap()
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .bytes()
        .map(|digit| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        })
        .collect();
    let (pairs, []) = digits.as_deref()?.as_chunks::<2>() else {
        return None;
    };
    Some(pairs.iter().map(|[high, low]| high * 16 + low).collect())
}

fn oct(jwk: &Value) -> (KeyId, KeyBytes) {
    assert_eq!(jwk["kty"], "oct");
    let kid = KeyId::new(jwk["kid"].as_str().unwrap()).unwrap();
    let bytes = BASE64_URL_SAFE_NO_PAD
        .decode(jwk["k"].as_str().unwrap())
        .unwrap();
    (kid, Redacted::new(bytes.try_into().unwrap()))
}
