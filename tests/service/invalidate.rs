//! The partner's server ends a session.

use bytes::Bytes;
use http::Request;
use peers::{
    credentials::{Credentials, Jwk},
    jwe::seal,
    partner::{INVALIDATE_PATH, LEGACY_INVALIDATE_PATH, token_request_at},
    rules::introspection::Introspected,
};
use sandbox::{Fault, Faults};
use serde_json::{Value, json};
use service_tests::{
    Event, Plain, Service, acme, and_header, api_keys, claims, digest, eventually, globex, initech,
    jwk, partner_with, put_secret,
    table::{Table, now, number},
    with_header, without_header,
};

use crate::secrets::{EARLY, SOON, with_partner};

/// A request of a partner under its newest payload key.
fn request_as(partner: &Credentials, plaintext: &str) -> Request<Bytes> {
    let key = &partner.payload_keys[0];
    let body = seal(plaintext.as_bytes(), &key.k, Some(&key.kid));
    token_request_at(INVALIDATE_PATH, partner, body).unwrap()
}

fn request(plaintext: &str) -> Request<Bytes> {
    request_as(acme(), plaintext)
}

fn naming(reference: &str) -> String {
    json!({ "tokenReferenceId": reference }).to_string()
}

/// What every answer to a success is, and nothing else.
fn success(reference: &str) -> Value {
    json!({"resCode": "TOK200", "resDesc": "SUCCESS", "referenceId": reference})
}

#[tokio::test]
async fn a_session_that_was_ended_is_over_everywhere() {
    let service = Service::start().await;
    let plain = Plain::new();
    let session = service.begin_as(acme(), &plain).await;
    let renewed = service.renew(&session).await.issued();
    let current = session.with_token(renewed.token());
    for token in [&session.token, &current.token] {
        let active = Introspected::Active(claims(token));
        assert_eq!(service.introspect(token).await, active);
    }
    let reply = service.invalidate(&session.reference).await.issued();
    assert_eq!(reply.json, success(&session.reference));

    service.renew(&session).await.ended("revoked");
    service.renew(&current).await.ended("revoked");
    service.ask(&plain).await.conflicts("revoked");
    // The request is compared before anything is revealed.
    let other = plain.text("name", "x");
    service.ask(&other).await.conflicts("reused");
    for token in [&session.token, &current.token] {
        assert_eq!(service.introspect(token).await, Introspected::Inactive);
    }
    // Another session of the same customer goes on.
    let next = service.begin().await;
    service.renew(&next).await.issued();
}

#[tokio::test]
async fn the_answer_is_sealed_under_the_key_that_opened_the_request() {
    let service = Service::start().await;
    let session = service.begin().await;
    for (path, code) in [
        (INVALIDATE_PATH, json!("TOK200")),
        (LEGACY_INVALIDATE_PATH, json!(100)),
    ] {
        for key in &acme().payload_keys {
            for kid in [None, Some(key.kid.as_str())] {
                let body = seal(naming(&session.reference).as_bytes(), &key.k, kid);
                let request = token_request_at(path, acme(), body.clone()).unwrap();
                let reply = service.send(request).await.issued();
                assert_eq!((reply.kid(), &reply.json["resCode"]), (kid, &code));
                assert!(peers::jwe::open(&reply.body, &key.k).is_ok());
                // As a REST API hands it on, as an HTTP API does, with white space and quotes.
                let event = Event::of_body(&format!(" \"{body}\"\n")).path(path);
                service.invoke_event(&event).await.issued();
                service.invoke_event(&event.http("prod")).await.issued();
            }
        }
    }
}

#[tokio::test]
async fn a_legacy_path_has_integers() {
    let service = Service::start().await;
    let legacy = |plaintext: &str| {
        let mut request = request(plaintext);
        *request.uri_mut() = LEGACY_INVALIDATE_PATH.parse().unwrap();
        request
    };
    for (request, status, code) in [
        (legacy(&naming("never")), 404, 404),
        (legacy("{}"), 400, 400),
        (without_header(legacy("{}"), "x-api-key"), 401, 2),
        (legacy("{}").map(|_| "x".into()), 400, 422),
    ] {
        let reply = service.send(request).await;
        let found = (reply.status, &reply.json["resCode"]);
        assert_eq!(found, (status, &json!(code)), "{reply}");
    }
}

#[tokio::test]
async fn an_invalidation_changes_exactly_its_attributes_and_once() {
    let service = Service::start().await;
    for renewed in [false, true] {
        let session = service.begin().await;
        if renewed {
            service.renew(&session).await.issued();
        }
        let mut expected = service.stored(&session.reference).await;
        assert_eq!(expected.get("revokedAt"), None);
        let before = now() * 1000;
        service.invalidate(&session.reference).await.issued();
        let after = (now() + 1) * 1000;
        let item = service.stored(&session.reference).await;
        let revoked_at = item["revokedAt"].clone();
        let millis: i64 = revoked_at["N"].as_str().unwrap().parse().unwrap();
        assert!((before..=after).contains(&millis), "{before} {millis}");
        expected["status"] = json!({"S": "REVOKED"});
        expected["revokedAt"] = revoked_at;
        assert_eq!(item, expected);

        // To do it again is a success and changes nothing, on any instance.
        service.end_idle_instances().await;
        for _ in 0..2 {
            let reply = service.invalidate(&session.reference).await.issued();
            assert_eq!(reply.json, success(&session.reference));
            assert_eq!(service.stored(&session.reference).await, expected);
        }
    }
}

#[tokio::test]
async fn an_expired_session_is_ended_while_its_record_is_kept() {
    let service = Service::start().await;
    let table = Table::of(&service);
    let session = service.begin().await;
    table.set(&session.reference, "expireAt", number(1)).await;
    let soon = number(now() + 300);
    table.set(&session.reference, "ttl", soon).await;
    service.invalidate(&session.reference).await.issued();
    // Not deleted by DynamoDB yet.
    table.set(&session.reference, "ttl", number(now())).await;
    let kept = service.stored(&session.reference).await;
    let reply = service.invalidate(&session.reference).await;
    is_unknown(reply, &session.reference);
    assert_eq!(service.stored(&session.reference).await, kept);
}

#[track_caller]
fn is_unknown(reply: service_tests::Reply, reference: &str) {
    let reply = reply.refused(404, "TOK404");
    let errors: Vec<_> = reply.errors().collect();
    assert_eq!(errors, [("tokenReferenceId", "unknown")]);
    assert_eq!(reply.text("referenceId"), reference);
}

#[tokio::test]
async fn an_unknown_session_and_another_partners_are_alike() {
    let service = Service::start().await;
    let table = Table::of(&service);
    let acmes = service.begin().await;
    let globexs = service.begin_as(globex(), &Plain::new()).await;
    let longest = "a".repeat(64);
    for reference in [
        "never",
        &globexs.reference,
        &longest,
        "globex:x",
        "A-Z.a_z:0-9",
    ] {
        is_unknown(service.invalidate(reference).await, reference);
    }
    let reply = service.invalidate_as(globex(), &acmes.reference).await;
    is_unknown(reply, &acmes.reference);
    // Nothing was written, and both sessions go on.
    assert_eq!(table.count().await, 2);
    service.renew(&acmes).await.issued();
    service.renew(&globexs).await.issued();
    let reply = service.invalidate_as(globex(), &globexs.reference).await;
    assert_eq!(reply.issued().json, success(&globexs.reference));
    // One name, two sessions.
    let plain = Plain::of(&acmes.reference);
    let namesake = service.begin_as(globex(), &plain).await;
    service.invalidate(&acmes.reference).await.issued();
    service.renew(&namesake).await.issued();
}

#[tokio::test]
async fn a_new_session_of_the_pair_begins_unspoilt() {
    let service = Service::start().await;
    let table = Table::of(&service);
    let plain = Plain::new();
    let session = service.begin_as(acme(), &plain).await;
    service.renew(&session).await.issued();
    service.invalidate(&session.reference).await.issued();
    table.set(&session.reference, "ttl", number(now())).await;
    let next = service.begin_as(acme(), &plain).await;
    let item = service.stored(&next.reference).await;
    for name in ["revokedAt", "previousJti", "tokenSealedBy"] {
        assert_eq!(item.get(name), None);
    }
    assert_eq!(item["status"]["S"], "ACTIVE");
    service.renew(&next).await.issued();
}

#[tokio::test]
async fn a_renewal_at_the_same_time_does_not_bring_a_session_back() {
    let service = Service::start().await;
    for _ in 0..10 {
        let session = service.begin().await;
        let (renewed, ended) = tokio::join!(
            service.renew(&session),
            service.invalidate(&session.reference)
        );
        ended.issued();
        let item = service.stored(&session.reference).await;
        assert_eq!(item["status"]["S"], "REVOKED");
        match renewed.status {
            200 => {
                let next = session.with_token(renewed.token());
                service.renew(&next).await.ended("revoked");
                assert_eq!(
                    service.introspect(&next.token).await,
                    Introspected::Inactive
                );
            }
            _ => drop(renewed.ended("revoked")),
        }
        service.renew(&session).await.ended("revoked");
    }
}

/// One request that fails in every way from `row` on, and in none before.
fn failing_from(row: usize) -> Request<Bytes> {
    let plaintext = match row <= 6 {
        true => "{}".to_owned(),
        false => naming("never"),
    };
    let key = &acme().payload_keys[0];
    let mut body = seal(plaintext.as_bytes(), &key.k, None);
    if row <= 5 {
        body.push_str(".x");
    }
    if row <= 2 {
        body.push_str(&" ".repeat(32 * 1024));
    }
    let mut request = token_request_at(INVALIDATE_PATH, acme(), body).unwrap();
    if row <= 4 {
        request = with_header(request, "x-api-key", "unknown");
    }
    if row <= 3 {
        request = with_header(request, "content-type", "text/html");
    }
    if row <= 1 {
        *request.method_mut() = http::Method::PUT;
    }
    if row == 0 {
        *request.uri_mut() = "/token-service/client/server/invalidate/v3/token"
            .parse()
            .unwrap();
    }
    request
}

#[tokio::test]
async fn the_first_failure_of_the_order_answers() {
    let service = Service::start().await;
    let rows = [
        (0, 404, "TOK404", false),
        (1, 405, "TOK405", false),
        (2, 413, "TOK413", false),
        (3, 415, "TOK415", false),
        (4, 401, "TOK002", false),
        (5, 400, "TOK422", false),
        (6, 400, "TOK400", true),
        (7, 404, "TOK404", true),
    ];
    for dynamodb_is_down in [false, true] {
        service
            .dynamodb_faults()
            .set_always(dynamodb_is_down.then_some(Fault::Throttle));
        for (row, status, code, sealed) in rows {
            let before = service.dynamodb_faults().requests();
            let reply = service.send(failing_from(row)).await;
            let (status, code) = match row {
                7 if dynamodb_is_down => (503, "TOK503"),
                _ => (status, code),
            };
            let found = (reply.status, &reply.json["resCode"], reply.is_sealed());
            assert_eq!(found, (status, &json!(code), sealed), "row {row}: {reply}");
            let echo = match row {
                7 => json!("never"),
                _ => json!(null),
            };
            assert_eq!(reply.json["referenceId"], echo, "row {row}: {reply}");
            let asked = service.dynamodb_faults().requests() > before;
            assert_eq!(asked, row == 7, "row {row}");
        }
    }
}

#[tokio::test]
async fn without_secrets_nobody_is_told_more() {
    let faults = Faults::default();
    faults.set_always(Some(Fault::Throttle));
    let service = Service::start_with(|options| options.secrets_faults = faults).await;
    let reply = service.send(failing_from(4 + 1)).await;
    reply.refused_plainly(503, "TOK503");
}

#[tokio::test]
async fn only_post_ends_a_session() {
    let service = Service::start().await;
    let session = service.begin().await;
    for method in ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let mut request = request(&naming(&session.reference));
        *request.method_mut() = method.parse().unwrap();
        let reply = service.send(request).await.refused_plainly(405, "TOK405");
        assert_eq!(reply.header("allow"), Some("POST"));
    }
    assert_eq!(service.updates(), 0);
}

#[tokio::test]
async fn only_the_partners_server_ends_its_sessions() {
    let service = Service::start().await;
    let session = service.begin().await;
    let sound = || request(&naming(&session.reference));
    let key = |value: &str| with_header(sound(), "x-api-key", value);
    let rows = [
        ("missing", without_header(sound(), "x-api-key")),
        ("empty", key("")),
        ("unknown", key("unknown")),
        ("the app's", key(&acme().sdk_api_key)),
        ("twice", and_header(sound(), "x-api-key", &acme().api_key)),
        (
            "disabled",
            request_as(initech(), &naming(&session.reference)),
        ),
    ];
    let mut bodies = Vec::new();
    for (what, request) in rows {
        let reply = service.send(request).await;
        let found = (reply.status, &reply.json["resCode"], reply.is_sealed());
        assert_eq!(found, (401, &json!("TOK002"), false), "{what}: {reply}");
        bodies.push(reply.body);
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    let plaintext = naming(&session.reference);
    let sealed = |key: &[u8; 32], kid| seal(plaintext.as_bytes(), key, kid);
    let own = &acme().payload_keys[0];
    for body in [
        String::new(),
        session.token.clone(),
        sealed(&session.key, None),
        sealed(&globex().payload_keys[0].k, None),
        sealed(&own.k, Some("another")),
        sealed(&own.k, Some(&acme().payload_keys[1].kid)),
    ] {
        let reply = service.send(sound().map(|_| body.into())).await;
        reply.refused_plainly(400, "TOK422");
    }
    let reply = service
        .send(sound().map(|_| plaintext.clone().into()))
        .await;
    let reply = reply.refused_plainly(400, "TOK422");
    assert!(reply.text("resDesc").contains("JSON"), "{reply}");
    assert_eq!(service.updates(), 0);
    service.renew(&session).await.issued();
}

#[tokio::test]
async fn the_member_has_the_rule_of_reference_ids() {
    let service = Service::start().await;
    let member = |json: &str| format!(r#"{{"tokenReferenceId":{json}}}"#);
    let long = format!("\"{}\"", "a".repeat(65));
    let name = &["tokenReferenceId"][..];
    let rows = [
        ("{}".to_owned(), name),
        (member("null"), name),
        (member("1"), name),
        (member("true"), name),
        (member(r#"["a"]"#), name),
        (member(r#""""#), name),
        (member(&long), name),
        (member(r#""a b""#), name),
        (member(r##""a#b""##), name),
        (member(r#""a/b""#), name),
        (member(r#""é""#), name),
        (r#"{"referenceId":"a"}"#.to_owned(), name),
        (r#"{"tokenreferenceid":"a"}"#.to_owned(), name),
        (
            r#"{"tokenReferenceId":"a","tokenReferenceId":"a"}"#.to_owned(),
            name,
        ),
        (
            r#"{"tokenReferenceId":"a","token\u0052eferenceId":"a"}"#.to_owned(),
            name,
        ),
        (r#"{"tokenReferenceId":"a","x":1,"x":1}"#.to_owned(), &[]),
        (
            r#"{"tokenReferenceId":"a","x":[[[[[[[[]]]]]]]]}"#.to_owned(),
            &[],
        ),
        ("[]".to_owned(), &[]),
        (String::new(), &[]),
        (r#"{"tokenReferenceId":"a"}x"#.to_owned(), &[]),
    ];
    for (plaintext, failing) in rows {
        let reply = service.send(request(&plaintext)).await;
        let reply = reply.refused(400, "TOK400");
        assert_eq!(reply.failing(), failing, "{plaintext}: {reply}");
        assert_eq!(reply.json["referenceId"], json!(null), "{plaintext}");
    }
    assert_eq!(service.updates(), 0);
    // Unknown members are ignored, Get Token's among them.
    let session = service.begin().await;
    let plaintext = format!(
        r#"{{"tokenReferenceId":"{}","referenceId":1,"dob":"x","y":[[[[[[[]]]]]]]}}"#,
        session.reference
    );
    service.send(request(&plaintext)).await.issued();
}

#[tokio::test]
async fn what_is_new_works_before_the_ttl() {
    let (newcomer, entry) = partner_with("newcomer");
    let key = Jwk {
        kid: "new-key".to_owned(),
        k: digest("new-key"),
    };
    let with_new_key = Credentials {
        payload_keys: vec![key],
        ..newcomer.clone()
    };
    let mut partners = with_partner(entry);
    let service = Service::start_in(&EARLY).await;
    let service = service
        .knowing(newcomer.clone())
        .knowing(with_new_key.clone());
    for (what, partner, until) in [
        ("a new API key", &newcomer, (401, "TOK002")),
        ("a new payload key", &with_new_key, (400, "TOK422")),
    ] {
        put_secret(&service, "api-keys", &partners).await;
        let before = service.secret_reads();
        let reply = eventually(what, SOON, async || {
            let reply = service.invalidate_as(partner, "never").await;
            match reply.is_sealed() {
                true => Some(reply),
                false => {
                    reply.refused_plainly(until.0, until.1);
                    None
                }
            }
        })
        .await;
        is_unknown(reply, "never");
        assert_eq!(service.secret_reads() - before, 1, "{what}");
        let newest = partners["partners"].as_array_mut().unwrap().last_mut();
        let keys = newest.unwrap()["payloadKeys"]["keys"].as_array_mut();
        keys.unwrap().push(jwk("new-key"));
    }
}

#[tokio::test]
async fn a_disabled_partner_ends_nothing() {
    let mut partners = api_keys();
    let service = Service::start_in(&[
        ("SECRETS_TTL_SECONDS", "1"),
        ("SECRETS_MIN_REFRESH_SECONDS", "1"),
    ])
    .await;
    let session = service.begin().await;
    partners["partners"][0]["enabled"] = json!(false);
    put_secret(&service, "api-keys", &partners).await;
    eventually("the partner is disabled", SOON, async || {
        let reply = service.invalidate("never").await;
        (reply.status == 401).then(|| reply.refused_plainly(401, "TOK002"))
    })
    .await;
    let before = service.dynamodb_faults().requests();
    service
        .invalidate(&session.reference)
        .await
        .refused_plainly(401, "TOK002");
    service.renew(&session).await.refused_plainly(401, "TOK002");
    assert_eq!(
        service.introspect(&session.token).await,
        Introspected::Inactive
    );
    assert_eq!(service.dynamodb_faults().requests(), before);
}

fn status(status: u16, kind: &str) -> Fault {
    Fault::Status(status, kind.to_owned())
}

#[tokio::test]
async fn an_invalidation_survives_dynamodbs_faults() {
    let service = Service::start().await;
    let forever = std::time::Duration::from_secs(60);
    for fault in [
        Fault::Refuse,
        Fault::ResetBefore,
        Fault::ResetAfter,
        Fault::Throttle,
        Fault::Malformed,
        status(500, "InternalServerError"),
        Fault::StallBefore(forever),
        Fault::StallAfter(forever),
    ] {
        let shown = format!("{fault:?}");
        let session = service.begin().await;
        service.dynamodb_faults().push(fault);
        let before = service.updates();
        let reply = service.invalidate(&session.reference).await.issued();
        assert_eq!(reply.json, success(&session.reference), "{shown}");
        assert_eq!(service.updates() - before, 2, "{shown}");
        service.renew(&session).await.ended("revoked");
    }
}

#[tokio::test]
async fn a_database_that_is_down_is_unavailable_and_one_that_says_no_an_internal_error() {
    let service = Service::start().await;
    for (fault, code) in [
        (Fault::Throttle, (503, "TOK503")),
        (status(500, "InternalServerError"), (503, "TOK503")),
        (Fault::ResetAfter, (503, "TOK503")),
        (status(400, "AccessDeniedException"), (500, "TOK003")),
        (status(400, "ResourceNotFoundException"), (500, "TOK003")),
        (Fault::Malformed, (500, "TOK003")),
    ] {
        let session = service.begin().await;
        service.dynamodb_faults().set_always(Some(fault));
        let reply = service.invalidate(&session.reference).await;
        service.dynamodb_faults().set_always(None);
        let reply = reply.refused(code.0, code.1);
        assert_eq!(reply.text("referenceId"), session.reference);
        service.invalidate(&session.reference).await.issued();
    }
}

#[tokio::test]
async fn one_update_and_nothing_else_is_asked_of_the_database() {
    let service = Service::start().await;
    let session = service.begin().await;
    let before = service.dynamodb_faults().requests();
    service.invalidate(&session.reference).await.issued();
    service.invalidate(&session.reference).await.issued();
    service.invalidate("never").await.refused(404, "TOK404");
    assert_eq!(service.updates(), 3);
    assert_eq!(service.dynamodb_faults().requests() - before, 3);
    assert_eq!(service.secret_reads(), 2);
}
