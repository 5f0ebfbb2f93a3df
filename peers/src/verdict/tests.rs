//! `docs/vectors/answer.json`, and what is not in a sealed body.

use super::*;
use crate::jwe;

fn credentials() -> Credentials {
    Credentials::parse(include_bytes!("../../../events/secrets/partner.json")).unwrap()
}

fn response(status: u64, body: impl Into<Bytes>) -> Response<Bytes> {
    Response::builder()
        .status(u16::try_from(status).unwrap())
        .header("x-request-id", "r-1")
        .header("retry-after", "2")
        .body(body.into())
        .unwrap()
}

fn refused(status: u64, body: &'static str) -> Refusal {
    match judge(&response(status, body), &credentials(), "r") {
        Verdict::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

fn vectors() -> Vec<Value> {
    let file = include_str!("../../../docs/vectors/answer.json");
    let file: Value = serde_json::from_str(file).unwrap();
    file["vectors"].as_array().unwrap().clone()
}

fn keys_of(vector: &Value) -> Credentials {
    let keys = match vector.get("keys") {
        Some(keys) => keys.clone(),
        None => Value::from(vec![vector["key"].clone()]),
    };
    let mut file = credentials().to_json();
    file["payloadKeys"] = serde_json::json!({ "keys": keys });
    Credentials::parse(file.to_string().as_bytes()).unwrap()
}

#[test]
fn believes_every_positive_answer_and_no_negative_one() {
    let (mut believed, mut not) = (0, 0);
    for vector in vectors() {
        let status = vector["httpStatus"].as_u64().unwrap();
        let body = vector["jwe"].as_str().unwrap().to_owned();
        let reference_id = vector["expectedReferenceId"].as_str().unwrap();
        let verdict = judge(&response(status, body), &keys_of(&vector), reference_id);
        match (vector["valid"].as_bool().unwrap(), verdict) {
            (true, Verdict::Token(token)) => {
                assert_eq!(status, 200, "{}", vector["name"]);
                assert_eq!(
                    token.json,
                    vector["plaintextUtf8"].as_str().unwrap().as_bytes()
                );
                believed += 1;
            }
            (true, Verdict::Refused(refusal)) => {
                assert!(status != 200 && refusal.authenticated, "{}", vector["name"]);
                believed += 1;
            }
            (false, Verdict::Unreadable(_)) => not += 1,
            (_, verdict) => panic!("{}: {verdict:?}", vector["name"]),
        }
    }
    assert!(believed > 10 && not > 20, "{believed} and {not}");
}

#[test]
fn an_error_in_the_clear_is_a_hint() {
    let refusal = refused(401, r#"{"resCode":"TOK002","resDesc":"no"}"#);
    assert!(!refusal.authenticated && !refusal.is_retryable());
    assert_eq!(refusal.code, "TOK002");
    assert_eq!(refusal.request_id.as_deref(), Some("r-1"));
    assert_eq!(refusal.retry_after, Duration::from_secs(2));
}

#[test]
fn a_success_in_the_clear_is_not_believed_on_any_status() {
    let success =
        r#"{"resCode":"TOK200","referenceId":"r","token":"t","serverPubKey":"k","expireAt":1}"#;
    let verdict = judge(&response(200, success), &credentials(), "r");
    assert!(matches!(verdict, Verdict::Unreadable(it) if it.fault.contains("plain JSON")));
    assert_eq!(
        refused(201, success).meaning(),
        "success, but not sealed: nothing vouches for it"
    );
}

#[test]
fn an_error_to_another_reference_id_is_not_believed() {
    let credentials = credentials();
    let body = jwe::seal(
        br#"{"resCode":"TOK409","referenceId":"other"}"#,
        &credentials.payload_keys[0].k,
        None,
    );
    let verdict = judge(&response(409, body), &credentials, "r");
    assert!(matches!(verdict, Verdict::Unreadable(it) if it.fault.contains("another referenceId")));
}

#[test]
fn a_gateways_answer_has_no_code_and_may_pass() {
    let refusal = refused(502, r#"{"message":"Internal server error"}"#);
    assert_eq!(refusal.code, "");
    assert!(refusal.is_retryable());
    let refusal = refused(404, "<html>");
    assert!(refusal.advice().contains("URL"), "{}", refusal.advice());
}

#[test]
fn each_code_has_a_meaning_of_its_own_on_either_path() {
    let mut meanings = std::collections::HashSet::new();
    for number in [2, 3, 4, 400, 401, 404, 405, 409, 413, 415, 422, 503] {
        let said = serde_json::json!({ "resCode": number });
        let refusal = Refusal::of_body(&said);
        assert_eq!(refusal.code, format!("TOK{number:03}"));
        assert!(meanings.insert(refusal.meaning()), "{number}");
        assert!(!refusal.meaning().contains("not the token service's"));
    }
}

#[test]
fn tells_what_became_of_a_session() {
    let mut told = std::collections::HashSet::new();
    for (code, field, reason) in [
        ("TOK401", "token", "expired"),
        ("TOK401", "token", "revoked"),
        ("TOK401", "token", "superseded"),
        ("TOK404", "tokenReferenceId", "unknown"),
        ("TOK401", "", ""),
        ("TOK404", "", ""),
    ] {
        let errors = serde_json::json!([{ "field": field, "reason": reason }]);
        let said = serde_json::json!({ "resCode": code, "errors": errors });
        let refusal = Refusal::of_body(&said);
        assert!(told.insert(refusal.meaning()), "{code} {reason}");
        assert!(!refusal.is_retryable());
        assert_eq!(
            refusal.advice().contains("URL"),
            code == "TOK404" && field.is_empty()
        );
    }
}

#[test]
fn a_token_is_not_in_its_debug() {
    for vector in vectors().iter().filter(|it| it["valid"] == true) {
        let body = vector["jwe"].as_str().unwrap().to_owned();
        let reference_id = vector["expectedReferenceId"].as_str().unwrap();
        let status = vector["httpStatus"].as_u64().unwrap();
        if let Verdict::Token(token) =
            judge(&response(status, body), &keys_of(vector), reference_id)
        {
            assert!(!format!("{token:?}").contains(&token.token));
        }
    }
}
