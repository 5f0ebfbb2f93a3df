//! The lines of a session's later operations.

use serde_json::{Value, json};
use service_tests::{Event, Service, acme, claims};

use super::has_its_fields;

/// What is expected of a line: operation, outcome, who asked, and of which token.
struct Expected {
    operation: &'static str,
    outcome: &'static str,
    partner: Option<&'static str>,
    resource_server: Option<&'static str>,
    jti: Option<Value>,
}

#[tokio::test]
async fn logs_one_line_an_operation_with_who_asked_and_of_which_token() {
    let service = Service::start().await;
    let session = service.begin().await;
    let first = claims(&session.token)["jti"].clone();
    let renewal = || session.event();
    let renewed = service.invoke_renewal(&renewal().json(), &session).await;
    let second = claims(renewed.issued().token())["jti"].clone();
    let ending = |plaintext: Value| {
        let plaintext = plaintext.to_string();
        let key = &acme().payload_keys[0];
        let body = peers::jwe::seal(plaintext.as_bytes(), &key.k, None);
        Event::of_body(&body).path(peers::partner::INVALIDATE_PATH)
    };
    let form = format!("token={}", session.token);
    let asking = |form: &str| Event::introspection(form.as_bytes());
    let row = |operation, outcome, partner, jti| Expected {
        operation,
        outcome,
        partner,
        resource_server: None,
        jti,
    };
    let asked = |outcome, resource_server, jti| Expected {
        operation: "Introspect",
        outcome,
        partner: None,
        resource_server,
        jti,
    };
    let renew = |outcome, partner, jti| row("Renew", outcome, partner, jti);
    let end = |outcome, partner| row("Invalidate", outcome, partner, None);
    let (acme, wallet) = (Some("acme"), Some("wallet"));
    let rows = [
        // The token that is answered, or the one that a refused renewal presents.
        (renewal(), renew("TOK200", acme, Some(second))),
        (
            renewal().without_header("X-ACCOUNT-NUMBER"),
            renew("TOK400", acme, Some(first.clone())),
        ),
        (renewal().text("x"), renew("TOK422", acme, None)),
        (
            renewal().header("X-API-KEY", "x"),
            renew("TOK002", None, None),
        ),
        (
            renewal().header("X-API-TOKEN", "x"),
            renew("TOK401", None, None),
        ),
        (renewal().method("GET"), renew("TOK405", None, None)),
        (asking(&form), asked("TOK200", wallet, Some(first.clone()))),
        (asking("token=x"), asked("TOK200", wallet, None)),
        (asking(""), asked("TOK400", wallet, None)),
        (
            asking(&form).header("Authorization", "Basic eDp4"),
            asked("TOK002", None, None),
        ),
        (
            asking(&form).header("Content-Type", "x"),
            asked("TOK415", None, None),
        ),
        (
            ending(json!({ "tokenReferenceId": "never" })),
            end("TOK404", acme),
        ),
        (ending(json!({})), end("TOK400", acme)),
        (
            ending(json!({})).header("X-API-KEY", "x"),
            end("TOK002", None),
        ),
        (
            ending(json!({ "tokenReferenceId": session.reference })),
            end("TOK200", acme),
        ),
        (renewal(), renew("TOK401", acme, Some(first))),
        (asking(&form), asked("TOK200", wallet, None)),
    ];
    for (at, (event, expected)) in rows.into_iter().enumerate() {
        let id = format!("request-{at}");
        let answer = service.answer(&event.request_id(&id).json()).await;
        let lines =
            service_tests::eventually("a line", std::time::Duration::from_secs(10), async || {
                let mut lines = service.log_json();
                lines.retain(|line| line["request_id"] == id);
                (!lines.is_empty()).then_some(lines)
            })
            .await;
        assert_eq!(lines.len(), 1, "{lines:?}");
        let line = &lines[0];
        has_its_fields(line);
        let text = |name: &str| line.get(name).and_then(Value::as_str);
        assert_eq!(
            text("Operation"),
            Some(expected.operation),
            "row {at}: {line}"
        );
        assert_eq!(text("Outcome"), Some(expected.outcome), "row {at}: {line}");
        assert_eq!(text("PartnerId"), expected.partner, "row {at}: {line}");
        let resource_server = text("resource_server_id");
        assert_eq!(
            resource_server, expected.resource_server,
            "row {at}: {line}"
        );
        assert_eq!(line.get("jti").cloned(), expected.jti, "row {at}: {line}");
        assert_eq!(line["status"], answer["statusCode"], "row {at}: {line}");
        let has_cause = line.get("cause").is_some_and(|cause| !cause.is_null());
        assert_eq!(has_cause, line["status"] != 200, "row {at}: {line}");
    }
}
