//! The two secrets' documents, as development has them and as tests change them.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use peers::credentials::{Credentials, Jwk};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The development partners.
pub fn api_keys() -> Value {
    serde_json::from_str(sandbox::development::API_KEYS).unwrap()
}

/// The development rings.
pub fn server_keys() -> Value {
    sandbox::development::server_keys().unwrap()
}

/// Rings of these key ids; the key of an id is always the same.
pub fn server_keys_of(token: &[&str], record: &[&str]) -> Value {
    let ring = |kids: &[&str]| {
        let keys: Vec<Value> = kids.iter().map(|kid| jwk(kid)).collect();
        json!({ "keys": keys })
    };
    json!({ "token": ring(token), "record": ring(record) })
}

/// The key of an id: the SHA-256 of it.
pub fn jwk(kid: &str) -> Value {
    json!({ "kty": "oct", "kid": kid, "k": URL_SAFE_NO_PAD.encode(digest(kid)) })
}

/// SHA-256.
pub fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

/// SHA-256 in lowercase hexadecimal digits, as the secret has API keys.
pub fn hash_of(text: &str) -> String {
    digest(text)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A partner that development does not know, with one payload key: its credentials and its entry in
/// the secret.
pub fn partner_with(id: &str) -> (Credentials, Value) {
    let kid = format!("{id}-key");
    let credentials = Credentials {
        partner_id: id.to_owned(),
        api_key: format!("api-key-of-{id}"),
        sdk_api_key: format!("sdk-api-key-of-{id}"),
        payload_keys: vec![Jwk {
            kid: kid.clone(),
            k: digest(&kid),
        }],
        url: None,
    };
    let entry = json!({
        "partnerId": id,
        "programId": 7,
        "apiKeySha256": [hash_of(&credentials.api_key)],
        "sdkApiKeySha256": [hash_of(&credentials.sdk_api_key)],
        "payloadKeys": { "keys": [jwk(&kid)] },
    });
    (credentials, entry)
}
