//! What is refused, and in which order.

use bytes::Bytes;
use http::Request;
use peers::{
    jwe::seal, partner::INVALIDATE_PATH, partner::token_request_at,
    rules::introspection::Introspected,
};
use sandbox::{Fault, Faults};
use serde_json::json;
use service_tests::{
    Plain, Service, acme, and_header, api_keys, eventually, globex, initech, put_secret,
    table::Table, with_header, without_header,
};

use super::{is_unknown, naming, request, request_as, success};
use crate::secrets::SOON;

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
