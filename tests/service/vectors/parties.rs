//! The other parties as the sandbox has them: the partner that opens answers, the SDK, the resource server.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use peers::{jwe::seal_with_header, resource_server, sdk::KeyPair};
use serde_json::{Value, json};

use super::file::{Vector, vectors};

#[test]
fn a_partner_seals_every_request() {
    for vector in vectors("request") {
        if vector.is_valid() {
            assert_eq!(sealed(&vector), vector.text("jwe"), "{}", vector.name());
        }
    }
}

/// Sealed with RustCrypto, under the vector's IV.
fn sealed(vector: &Vector) -> String {
    let iv = URL_SAFE_NO_PAD.decode(vector.text("ivBase64url")).unwrap();
    let (header, plaintext) = (vector.text("headerUtf8"), vector.text("plaintextUtf8"));
    let iv = iv.try_into().unwrap();
    seal_with_header(header, plaintext.as_bytes(), &vector.key(), iv)
}

#[test]
fn a_partner_opens_every_answer() {
    for vector in vectors("answer") {
        let (name, opened) = (vector.name(), vector.partner().open(vector.text("jwe")));
        // The sandbox's partner opens and no more: it does not look inside.
        if let Some(plaintext) = vector.optional("plaintextUtf8") {
            assert_eq!(opened.unwrap().plaintext, plaintext.as_bytes(), "{name}");
        } else {
            assert!(opened.is_err(), "{name}");
        }
        if vector.is_valid() {
            assert_eq!(sealed(&vector), vector.text("jwe"), "{name}");
        }
    }
}

/// Of the answers that open, the negative ones break a rule of what is inside.
#[test]
fn only_sound_answers_are_called_valid() {
    for vector in vectors("answer") {
        let Some(plaintext) = vector.optional("plaintextUtf8") else {
            continue;
        };
        let answer: Option<Value> = serde_json::from_str(plaintext).ok();
        let fault = match answer.filter(Value::is_object) {
            None => Some("not-json"),
            Some(answer) => fault_of(&answer, &vector),
        };
        assert_eq!(fault, vector.fault(), "{}", vector.name());
    }
}

fn fault_of(answer: &Value, vector: &Vector) -> Option<&'static str> {
    let success = *vector.json("httpStatus") == 200;
    let reference = answer["referenceId"].as_str();
    if (success || reference.is_some()) && reference != vector.optional("expectedReferenceId") {
        return Some("reference-id");
    }
    let whole = answer["token"].is_string()
        && answer["serverPubKey"].is_string()
        && answer["expireAt"].is_i64();
    (success && !whole).then_some("member-missing")
}

#[test]
fn an_sdk_derives_every_session_key() {
    for vector in vectors("session-key") {
        let name = vector.name();
        let sdk = KeyPair::from_jwk(&vector.json("sdkPrivateKey").to_string()).unwrap();
        let derived = sdk.session_key(vector.text("serverPubKey"));
        if !vector.is_valid() {
            assert!(derived.is_err(), "{name}");
            continue;
        }
        assert_eq!(sdk.public_key(), vector.text("sdkPublicKey"), "{name}");
        let hex = |key: [u8; 32]| -> String { key.iter().map(|b| format!("{b:02x}")).collect() };
        assert_eq!(hex(derived.unwrap()), vector.text("keyHex"), "{name}");
        // The service's side of the same agreement.
        if vector.json("serverPrivateKey").is_object() {
            let server = vector.json("serverPrivateKey").to_string();
            let server = KeyPair::from_jwk(&server).unwrap();
            assert_eq!(server.public_key(), vector.text("serverPubKey"), "{name}");
            let derived = server.session_key(vector.text("sdkPublicKey")).unwrap();
            assert_eq!(hex(derived), vector.text("keyHex"), "{name}");
        }
    }
}

#[test]
fn a_resource_server_opens_every_token() {
    for vector in vectors("token") {
        let (name, keys) = (vector.name(), json!({ "token": vector.key_set() }));
        let opened = resource_server::open_token_as_sealed(vector.text("jwe"), &keys);
        let Some(plaintext) = vector.optional("plaintextUtf8") else {
            assert!(opened.is_err(), "{name}");
            continue;
        };
        let opened = opened.unwrap();
        assert_eq!(opened.plaintext, plaintext.as_bytes(), "{name}");
        let fault = fault_of_claims(opened.json().ok(), &vector);
        assert_eq!(fault, vector.fault(), "{name}");
        if vector.is_valid() {
            assert_eq!(sealed(&vector), vector.text("jwe"), "{name}");
            let header: Value = serde_json::from_str(vector.text("headerUtf8")).unwrap();
            assert_eq!(opened.header, header, "{name}");
        }
    }
}

fn fault_of_claims(claims: Option<Value>, vector: &Vector) -> Option<&'static str> {
    let Some(claims) = claims else {
        return Some("not-json");
    };
    if claims["iss"] != *vector.json("issuer") {
        return Some("issuer");
    }
    if claims["aud"] != *vector.json("audience") {
        return Some("audience");
    }
    resource_server::session_key(&claims)
        .is_err()
        .then_some("cnf")
}
