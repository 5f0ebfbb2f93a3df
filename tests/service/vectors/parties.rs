//! The other parties as the sandbox has them: the partner that opens answers, the SDK, the resource
//! server.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use peers::{
    jwe::{self, seal_with_header},
    resource_server::{self, TokenError},
    sdk::KeyPair,
};
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
        let is_for_another = matches!(fault, Some("issuer" | "audience"));
        let opened_and_checked = resource_server::open_token(vector.text("jwe"), &keys);
        assert_eq!(
            opened_and_checked.is_ok_and(|claims| resource_server::session_key(&claims).is_ok()),
            vector.is_valid() || is_for_another,
            "{name}"
        );
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
    if resource_server::session_key(&claims).is_err() {
        return Some("cnf");
    }
    match resource_server::check_claims(&claims) {
        Ok(()) if claims["iss"] != *vector.json("issuer") => Some("issuer"),
        Ok(()) if claims["aud"] != *vector.json("audience") => Some("audience"),
        Ok(()) => None,
        Err(TokenError::UnknownClaim(_)) => Some("claim-unknown"),
        Err(TokenError::Claim(name)) if claims.get(name).is_none() => Some("claim-missing"),
        // The other claims have no form but their type.
        Err(TokenError::Claim("sub" | "jti" | "ref" | "client_id")) => Some("claim-form"),
        Err(_) => Some("claim-type"),
    }
}

/// Requests and answers of renewals and invalidations, sealed and opened with RustCrypto.
#[test]
fn the_parties_seal_and_open_every_exchange() {
    let (mut opened, mut refused) = (0, 0);
    for vector in ["renewal", "invalidation"].into_iter().flat_map(vectors) {
        for part in ["request", "answer"].map(|part| vector.part(part).unwrap()) {
            let Some(jwe) = part.optional("jwe") else {
                // The answer to a request that was not opened.
                assert!(part.optional("bodyUtf8").is_some(), "{}", part.name());
                continue;
            };
            let name = part.name();
            let plaintext = jwe::open(jwe, &part.key()).map(|opened| opened.plaintext);
            match part.optional("plaintextUtf8") {
                Some(expected) => {
                    assert_eq!(plaintext.unwrap(), expected.as_bytes(), "{name}");
                    assert_eq!(sealed(&part), jwe, "{name}");
                    opened += 1;
                }
                // `kid-number` opens for those who do not look at it.
                None if vector.fault() == Some("kid-not-a-string") => {}
                None => {
                    assert!(plaintext.is_err(), "{name}");
                    refused += 1;
                }
            }
        }
    }
    assert!(opened > 40 && refused == 3, "{opened} and {refused}");
}

/// A session key seals its answers without a `kid`, whatever the request had.
#[test]
fn no_answer_to_a_renewal_names_its_key() {
    for vector in vectors("renewal") {
        let answer = vector.part("answer").unwrap();
        if let Some(header) = answer.optional("headerUtf8") {
            assert_eq!(
                header,
                r#"{"alg":"dir","enc":"A256GCM"}"#,
                "{}",
                vector.name()
            );
        }
    }
}

/// An active answer has the claims of a token, and the key that its bearer must prove.
#[test]
fn a_resource_server_reads_every_introspection() {
    let mut active = 0;
    for vector in vectors("introspection") {
        let (name, answer) = (vector.name(), vector.part("answer").unwrap());
        let mut claims: Value = serde_json::from_str(answer.text("bodyUtf8")).unwrap();
        let is_active = claims.as_object_mut().unwrap().remove("active");
        if is_active != Some(true.into()) {
            assert_eq!(vector.optional("sessionKeyHex"), None, "{name}");
            let expected = match vector.is_valid() {
                true => json!({}),
                false => json!({ "error": claims["error"].as_str().unwrap() }),
            };
            assert_eq!(claims, expected, "{name}");
            continue;
        }
        assert!(resource_server::check_claims(&claims).is_ok(), "{name}");
        let key = resource_server::session_key(&claims).unwrap();
        let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, vector.text("sessionKeyHex"), "{name}");
        active += 1;
    }
    assert_eq!(active, 4);
}
