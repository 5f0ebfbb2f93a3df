//! The answers of `docs/vectors`: the service writes the plaintexts that clients are tested with.

use std::sync::Arc;

use ring::rand::SystemRandom;
use serde_json::Value;

use super::*;
use crate::{
    clock::UnixMillis,
    jwe::ReplyKey,
    keys::{KeyId, tests::sealing_key},
    record::{Issued, Renewed},
    request::RequestFields,
    session::PublicKey,
    token::Token,
    vectors::{self, read},
};

#[test]
fn writes_the_plaintext_of_every_answer() {
    for vector in read("answer").0 {
        let members: Value = serde_json::from_str(vector.text("plaintextUtf8")).unwrap();
        let reference = members["referenceId"].as_str().map(reference_id);
        let written = match vector.json("httpStatus").as_u64().unwrap() {
            200 => write_success(&members, reference.unwrap()),
            status => write_problem(&members, status, reference.as_ref()),
        };
        let written = String::from_utf8(written.to_vec()).unwrap();
        assert_eq!(written, vector.text("plaintextUtf8"), "{}", vector.name());
        assert!(
            members["referenceId"].is_null()
                || members["referenceId"] == *vector.json("expectedReferenceId"),
            "{}",
            vector.name()
        );
    }
}

/// Of `renewal.json`, `invalidation.json` and `introspection.json`.
#[test]
fn writes_the_answer_of_every_exchange() {
    for format in ["renewal", "invalidation"] {
        let (valid, invalid) = read(format);
        for vector in valid.iter().chain(&invalid) {
            let (answer, members) = (vector.part("answer"), vector.answer());
            let reference = members["referenceId"].as_str().map(reference_id);
            let written = match answer.json("httpStatus").as_u64().unwrap() {
                200 => write_success(&members, reference.unwrap()),
                status => write_problem(&members, status, reference.as_ref()),
            };
            let is_sealed = answer.has("plaintextUtf8");
            let expected = answer.bytes(if is_sealed {
                "plaintextUtf8"
            } else {
                "bodyUtf8"
            });
            assert_eq!(written.to_vec(), expected, "{}", vector.name());
        }
    }
}

fn write_success(members: &Value, reference_id: ReferenceId) -> Redacted<Vec<u8>> {
    let text = |member: &str| members[member].as_str();
    let expires_at = || UnixMillis::new(members["expireAt"].as_i64().unwrap());
    let outcome = match (text("token"), text("serverPubKey")) {
        (None, _) => Outcome::Invalidated,
        (Some(jwe), None) => Outcome::Renewed(Renewed {
            token: token(jwe),
            expires_at: expires_at(),
        }),
        (Some(jwe), Some(server_public_key)) => Outcome::Issued(Issued {
            token: token(jwe),
            server_public_key: PublicKey::parse(server_public_key).unwrap(),
            expires_at: expires_at(),
        }),
    };
    let key = Arc::new(sealing_key("any", 0));
    let success = Success {
        reply_key: ReplyKey::unnamed(&key),
        reference_id,
        outcome,
        replayed: false,
    };
    success_json(&success, form(members)).unwrap()
}

fn write_problem(
    members: &Value,
    status: u64,
    reference_id: Option<&ReferenceId>,
) -> Redacted<Vec<u8>> {
    let errors = members["errors"].as_array().map_or(&[][..], Vec::as_slice);
    let problem = Problem {
        status: status.try_into().unwrap(),
        code: match &members["resCode"] {
            Value::String(code) => code.strip_prefix("TOK").unwrap().parse().unwrap(),
            code => code.as_u64().unwrap().try_into().unwrap(),
        },
        description: leaked(&members["resDesc"]),
        errors: errors
            .iter()
            .map(|error| MemberFault {
                field: leaked(&error["field"]),
                reason: leaked(&error["reason"]).to_owned(),
            })
            .collect(),
        retry_after: None,
    };
    problem_json(&problem, reference_id, form(members)).unwrap()
}

fn form(members: &Value) -> CodeForm {
    if members["resCode"].is_string() {
        CodeForm::Text
    } else {
        CodeForm::Number
    }
}

/// The service's own texts are static.
fn leaked(text: &Value) -> &'static str {
    Box::leak(text.as_str().unwrap().to_owned().into_boxed_str())
}

/// The token as a replay has it: from its parts.
fn token(jwe: &str) -> Token {
    let vector = vectors::token(jwe);
    let decoded = |at: usize| {
        let segment = jwe.split('.').nth(at).unwrap();
        base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, segment).unwrap()
    };
    let kid = KeyId::new(vector.json("key")["kid"].as_str().unwrap()).unwrap();
    let sealed = [decoded(3), decoded(4)].concat();
    Token::from_parts(&kid, decoded(2).try_into().unwrap(), sealed).unwrap()
}

/// A `ReferenceId` exists in a valid request only.
fn reference_id(text: &str) -> ReferenceId {
    let [request, ..] = &read("request").0[..] else {
        panic!("no request")
    };
    let mut request: Value = serde_json::from_str(request.text("plaintextUtf8")).unwrap();
    request["referenceId"] = text.into();
    let today = UnixMillis::new(1_795_492_965_000).date().unwrap();
    let request = request.to_string();
    RequestFields::parse(request.as_bytes(), today)
        .unwrap()
        .agree(&SystemRandom::new())
        .unwrap()
        .reference_id
}
