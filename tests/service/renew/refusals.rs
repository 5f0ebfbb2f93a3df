//! What is refused, and in which order: nothing of it reaches DynamoDB.

use bytes::Bytes;
use http::Request;
use peers::{jwe, sdk::RENEW_PATH};
use sandbox::{Fault, Faults};
use serde_json::json;
use service_tests::{Service, Session, acme, and_header, with_header, without_header};

/// One renewal that fails in every way from `row` on, and in none before. `session`'s token is
/// superseded.
fn failing_from(row: usize, session: &Session) -> Request<Bytes> {
    let plaintext = match row <= 7 {
        true => r#"{"token":"another"}"#.to_owned(),
        false => session.plaintext(),
    };
    let mut body = jwe::seal(plaintext.as_bytes(), &session.key, None);
    if row <= 6 {
        body.push_str(".x");
    }
    if row <= 2 {
        body.push_str(&" ".repeat(32 * 1024));
    }
    let mut request = session.request_of(body);
    for (last, name, value) in [
        (5, "x-api-key", "unknown"),
        (4, "x-api-token", "no token"),
        (3, "content-type", "text/html"),
    ] {
        if row <= last {
            request = with_header(request, name, value);
        }
    }
    if row <= 1 {
        *request.method_mut() = http::Method::DELETE;
    }
    if row == 0 {
        *request.uri_mut() = format!("{RENEW_PATH}/x").parse().unwrap();
    }
    request
}

#[tokio::test]
async fn the_first_failure_of_the_order_answers() {
    let service = Service::start().await;
    let session = service.begin().await;
    let renewed = service.renew(&session).await.issued();
    let next = session.with_token(renewed.token());
    service.renew(&next).await.issued();
    let rows = [
        (0, 404, "TOK404", false),
        (1, 405, "TOK405", false),
        (2, 413, "TOK413", false),
        (3, 415, "TOK415", false),
        (4, 401, "TOK401", false),
        (5, 401, "TOK002", false),
        (6, 400, "TOK422", false),
        (7, 400, "TOK400", true),
        (8, 401, "TOK401", true),
    ];
    for dynamodb_is_down in [false, true] {
        service
            .dynamodb_faults()
            .set_always(dynamodb_is_down.then_some(Fault::Throttle));
        for (row, status, code, sealed) in rows {
            let before = service.updates();
            let request = failing_from(row, &session);
            let reply = service.send_renewal(request, &session).await;
            let (status, code) = match row {
                8 if dynamodb_is_down => (503, "TOK503"),
                _ => (status, code),
            };
            let found = (reply.status, &reply.json["resCode"], reply.is_sealed());
            assert_eq!(found, (status, &json!(code), sealed), "row {row}: {reply}");
            let echo = match sealed {
                true => json!(session.reference),
                false => json!(null),
            };
            assert_eq!(reply.json["referenceId"], echo, "row {row}: {reply}");
            assert_eq!(service.updates() > before, row == 8, "row {row}");
        }
    }
}

#[tokio::test]
async fn only_post_renews() {
    let service = Service::start().await;
    let session = service.begin().await;
    for method in ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let mut request = session.request();
        *request.method_mut() = method.parse().unwrap();
        let reply = service.send_renewal(request, &session).await;
        let reply = reply.refused_plainly(405, "TOK405");
        assert_eq!(reply.header("allow"), Some("POST"));
    }
    for path in [
        "/token-service/client/app/renew/v1/token",
        "/token-service/client/server/renew/v2/token",
        "/token-service/client/app/new/v2/token",
        "/token-service/client/app/renew/v2",
    ] {
        let mut request = session.request();
        *request.uri_mut() = path.parse().unwrap();
        let reply = service.send_renewal(request, &session).await;
        reply.refused_plainly(404, "TOK404");
    }
    service.renew(&session).await.issued();
}

#[tokio::test]
async fn without_secrets_nobody_is_told_more() {
    let faults = Faults::default();
    faults.set_always(Some(Fault::status(400, "AccessDeniedException")));
    let service = Service::start_with(|options| options.secrets_faults = faults).await;
    let session = Session {
        reference: "r".to_owned(),
        account_number: "1".to_owned(),
        sdk_api_key: acme().sdk_api_key.clone(),
        key: [1; 32],
        token: "no token".to_owned(),
    };
    service.renew(&session).await.refused_plainly(503, "TOK503");
}

#[tokio::test]
async fn only_the_session_key_opens_the_body() {
    let service = Service::start().await;
    let session = service.begin().await;
    let other = service.begin().await;
    let plaintext = session.plaintext();
    let under = |key: &[u8; 32]| jwe::seal(plaintext.as_bytes(), key, None);
    let sound = under(&session.key);
    let header =
        |header: &str| jwe::seal_with_header(header, plaintext.as_bytes(), &session.key, [1; 12]);
    let payload_key = &acme().payload_keys[0];
    let rows = [
        ("nothing", String::new()),
        ("a word", "x".to_owned()),
        ("another session's key", under(&other.key)),
        ("a payload key", under(&payload_key.k)),
        (
            "a named payload key",
            jwe::seal(plaintext.as_bytes(), &payload_key.k, Some(&payload_key.kid)),
        ),
        ("the token itself", session.token.clone()),
        ("cut off", sound[..sound.len() - 1].to_owned()),
        ("six segments", format!("{sound}.x")),
        ("two quotes", format!("\"\"{sound}\"\"")),
        (
            "a kid that is a number",
            header(r#"{"alg":"dir","enc":"A256GCM","kid":1}"#),
        ),
        (
            "a kid that is null",
            header(r#"{"alg":"dir","enc":"A256GCM","kid":null}"#),
        ),
        (
            "a kid twice",
            header(r#"{"alg":"dir","enc":"A256GCM","kid":"a","kid":"a"}"#),
        ),
        (
            "crit",
            header(r#"{"alg":"dir","enc":"A256GCM","crit":["exp"]}"#),
        ),
        (
            "zip",
            header(r#"{"alg":"dir","enc":"A256GCM","zip":"DEF"}"#),
        ),
        ("another alg", header(r#"{"alg":"A256KW","enc":"A256GCM"}"#)),
        ("another enc", header(r#"{"alg":"dir","enc":"A128GCM"}"#)),
    ];
    let mut bodies = Vec::new();
    for (what, body) in rows {
        let reply = service
            .send_renewal(session.request_of(body), &session)
            .await;
        let found = (reply.status, &reply.json["resCode"], reply.is_sealed());
        assert_eq!(found, (400, &json!("TOK422"), false), "{what}: {reply}");
        bodies.push(reply.body);
    }
    let flagged = session.event().base64("a.b");
    let reply = service.invoke_event(&flagged).await;
    bodies.push(reply.refused_plainly(400, "TOK422").body);
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");

    // Only JSON is told that it is JSON.
    for body in [
        plaintext.clone(),
        format!(" {plaintext}"),
        "\"{\"".to_owned(),
    ] {
        let reply = service
            .send_renewal(session.request_of(body), &session)
            .await;
        let reply = reply.refused_plainly(400, "TOK422");
        assert!(reply.text("resDesc").contains("JSON"), "{reply}");
    }
    assert_eq!(service.updates(), 0);
    // Another session's token is none for this session's key.
    let reply = service.send_renewal(session.with_token(&other.token).request(), &session);
    reply.await.refused_plainly(400, "TOK422");
    service.renew(&session).await.issued();
}

#[tokio::test]
async fn headers_and_member_are_about_the_presented_token() {
    let service = Service::start().await;
    let session = service.begin().await;
    let other = service.begin().await;
    let sound = session.plaintext();
    let number = |value: &str| with_header(session.request(), "x-account-number", value);
    let sealing = |plaintext: &str| session.request_sealing(plaintext.as_bytes());
    let member = |json: &str| sealing(&format!(r#"{{"token":{json}}}"#));
    let numberless = |request| without_header(request, "x-account-number");
    let (account, token) = (&["X-ACCOUNT-NUMBER"][..], &["token"][..]);
    let rows: Vec<(&str, Request<Bytes>, &[&str])> = vec![
        ("no number", numberless(session.request()), account),
        ("an empty number", number(""), account),
        ("another number", number("123123124"), account),
        ("a zero more", number("0123123123"), account),
        ("a number that goes on", number("1231231230"), account),
        ("a number in quotes", number("\"123123123\""), account),
        (
            "a number twice",
            and_header(session.request(), "x-account-number", "123123123"),
            account,
        ),
        ("no token", sealing("{}"), token),
        ("null", member("null"), token),
        ("a number", member("1"), token),
        ("a list", member(&format!("[\"{}\"]", session.token)), token),
        ("empty", member("\"\""), token),
        (
            "another token",
            member(&format!("\"{}\"", other.token)),
            token,
        ),
        (
            "a token with white space",
            member(&format!("\" {}\"", session.token)),
            token,
        ),
        (
            "another case",
            sealing(&sound.replace("token", "Token")),
            token,
        ),
        (
            "both",
            numberless(sealing("{}")),
            &["X-ACCOUNT-NUMBER", "token"],
        ),
        (
            "both, other",
            with_header(member("\"x\""), "x-account-number", "1"),
            &["X-ACCOUNT-NUMBER", "token"],
        ),
        (
            "twice",
            sealing(&format!(
                r#"{{"token":"{0}","token":"{0}"}}"#,
                session.token
            )),
            token,
        ),
        (
            "twice, escaped",
            sealing(&format!(
                r#"{{"token":"{0}","t\u006fken":"{0}"}}"#,
                session.token
            )),
            token,
        ),
        (
            "an unknown member twice",
            sealing(&sound.replace('{', r#"{"x":1,"x":1,"#)),
            &[],
        ),
        (
            "nine levels",
            sealing(&sound.replace('{', r#"{"x":[[[[[[[[]]]]]]]],"#)),
            &[],
        ),
        ("no object", sealing("[]"), &[]),
        ("text behind", sealing(&format!("{sound}x")), &[]),
        ("nothing", sealing(""), &[]),
        (
            "no UTF-8",
            session.request_sealing(b"{\"x\":\"\xff\"}"),
            &[],
        ),
    ];
    for (what, request, failing) in rows {
        let reply = service.send_renewal(request, &session).await;
        let found = (reply.status, &reply.json["resCode"], reply.is_sealed());
        assert_eq!(found, (400, &json!("TOK400"), true), "{what}: {reply}");
        assert_eq!(reply.failing(), failing, "{what}: {reply}");
        assert_eq!(reply.text("referenceId"), session.reference, "{what}");
        for value in ["123123", &session.token[..40]] {
            assert!(!reply.json["errors"].to_string().contains(value), "{reply}");
        }
    }
    assert_eq!(service.updates(), 0);
    service.renew(&session).await.issued();
}
