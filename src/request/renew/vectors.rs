//! `docs/vectors/renewal.json`: what is in a renewal that its session key opens.

use serde_json::{Value as Json, json};

use super::*;
use crate::{
    request::MemberFault,
    token,
    vectors::{self, Vector, read},
};

/// Reads a vector as the service does; `None` if it gets no further than the headers or the JWE.
fn parse(vector: &Vector) -> Option<Result<RenewRequest, RequestFault>> {
    let header = |name: &str| vector.json("headers")[name].as_str();
    let request = vector.part("request");
    if vector.part("answer").has("bodyUtf8") {
        return None;
    }
    let compact = header("X-API-TOKEN").unwrap();
    let of_token = vectors::token(compact);
    let presented = token::open(compact, &of_token.ring(), &of_token.identity()).unwrap();
    let plaintext = request.bytes("plaintextUtf8");
    let account_number = header("X-ACCOUNT-NUMBER");
    Some(RenewRequest::parse(
        &plaintext,
        compact,
        account_number,
        presented,
    ))
}

#[test]
fn takes_every_renewal() {
    for vector in read("renewal").0 {
        let name = vector.name();
        let parsed = parse(&vector).unwrap_or_else(|| panic!("{name} is not opened"));
        assert!(parsed.is_ok(), "{name}: {parsed:?}");
    }
}

#[test]
fn names_what_fails_of_every_wrong_renewal() {
    let mut failed = 0;
    for vector in read("renewal").1 {
        let (name, answer) = (vector.name(), vector.answer());
        let Some(parsed) = parse(&vector) else {
            continue;
        };
        let Err(fault) = parsed else {
            // Whether the session has ended, its record says.
            assert_eq!(answer["resCode"], "TOK401", "{name}");
            continue;
        };
        assert_eq!(answer["resCode"], "TOK400", "{name}");
        let errors: Vec<Json> = fault.members().iter().map(as_json).collect();
        let told = answer["errors"].as_array().cloned().unwrap_or_default();
        assert_eq!(errors, told, "{name}");
        failed += 1;
    }
    assert_eq!(failed, 9);
}

fn as_json(fault: &MemberFault) -> Json {
    json!({ "field": fault.field, "reason": fault.reason })
}
