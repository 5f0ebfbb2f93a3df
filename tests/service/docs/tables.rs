//! What the page's tables state, held against the running service.

use bytes::Bytes;
use http::{Method, Request};
use peers::{
    jwe::seal,
    partner::{INVALIDATE_PATH, token_request, token_request_at},
    rules::introspection::Introspected,
};
use sandbox::{Fault, Sandbox};
use service_tests::{
    Plain, Reply, Service, Session, acme, introspection_of,
    table::{Table, number, number_of, text},
    with_header, without_header,
};

use crate::contract;

#[tokio::test]
async fn each_path_has_its_methods_and_its_spelling() {
    let service = Service::start().await;
    let paths = contract::paths();
    assert_eq!(paths.len(), 7);
    for (path, is_text, allow) in paths {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
            let mut request = token_request_at(&path, acme(), "x".to_owned()).unwrap();
            *request.method_mut() = method.parse().unwrap();
            let is_allowed = allow.split(", ").any(|it| it == method);
            // The rules of every answer hold `Allow` against the operation.
            let status = if path.ends_with("/introspect") {
                service.send_introspection(request).await.0
            } else {
                let reply = service.send(request).await;
                assert_eq!(reply.json["resCode"].is_string(), is_text, "{path}");
                if !is_allowed {
                    assert_eq!(reply.header("allow"), Some(allow.as_str()), "{path}");
                }
                reply.status
            };
            assert_eq!(status != 405, is_allowed, "{method} {path}");
        }
    }
}

/// Each row of the table happens, in the table's order of precedence, and there is no other code.
#[tokio::test]
async fn the_error_table_has_every_code_of_get_token_in_its_order() {
    let service = Service::start().await;
    let plain = Plain::new();
    let invalid = plain
        .clone()
        .without("accountNumber")
        .text("sdkApiKey", "another's");
    let not_theirs = plain.clone().text("sdkApiKey", "another's");
    let reused = plain.clone().text("name", "Another");
    service.ask(&plain).await.issued();
    let requests = [invalid, not_theirs, reused, Plain::new()]
        .map(|plain| token_request(acme(), sealed(&plain.json())).unwrap());
    holds("Get Token", &service, None, &["x-api-key"], &requests).await;
}

#[tokio::test]
async fn the_error_table_has_every_code_of_a_renewal_in_its_order() {
    let service = Service::start().await;
    let session = service.begin().await;
    service.invalidate(&session.reference).await.issued();
    let of_another = with_header(session.request(), "x-account-number", "1");
    let requests = [of_another, session.request(), session.request()];
    let credentials = ["x-api-token", "x-api-key"];
    holds("Renew", &service, Some(&session), &credentials, &requests).await;
}

#[tokio::test]
async fn the_error_table_has_every_code_of_an_invalidation_in_its_order() {
    let service = Service::start().await;
    let requests = [
        "{}",
        r#"{"tokenReferenceId":"unknown"}"#,
        r#"{"tokenReferenceId":"any"}"#,
    ]
    .map(|plaintext| token_request_at(INVALIDATE_PATH, acme(), sealed(plaintext)).unwrap());
    holds("Invalidate", &service, None, &["x-api-key"], &requests).await;
}

/// `opened` are requests that are refused after they were opened, in the table's order; the last
/// one reaches DynamoDB, too.
async fn holds(
    operation: &str,
    service: &Service,
    session: Option<&Session>,
    credentials: &[&'static str],
    opened: &[Request<Bytes>],
) {
    let (valid, refused) = opened.split_last().unwrap();
    let mut replies = Vec::new();
    for (request, has_secrets) in unopened(valid, credentials) {
        replies.push(match has_secrets {
            true => send(service, request, session).await,
            false => send(&without_secrets().await, request, session).await,
        });
    }
    for request in refused {
        replies.push(send(service, request.clone(), session).await);
    }
    for fault in [
        Fault::status(503, "ServiceUnavailable"),
        Fault::status(400, "AccessDeniedException"),
    ] {
        service.dynamodb_faults().set_always(Some(fault));
        replies.push(send(service, valid.clone(), session).await);
    }

    let happened: Vec<contract::Error> = replies.iter().map(row).collect();
    let mut stated = contract::errors_of(operation);
    for ((_, code, encrypted), (.., sealed)) in stated.iter_mut().zip(&happened) {
        assert!(
            encrypted.is_some() || *sealed == Some(true),
            "{code} was decrypted"
        );
        *encrypted = *encrypted.as_ref().map_or(sealed, |_| encrypted);
    }
    assert_eq!(happened, stated);
}

/// Each is all right but for one thing less than the one before it: path, method, size, type, the
/// service's secrets, each of the credentials. Of the last the body alone is wrong. Tells whether
/// the service that it is for has secrets.
fn unopened(valid: &Request<Bytes>, credentials: &[&'static str]) -> Vec<(Request<Bytes>, bool)> {
    let at_most = "x".repeat(32 * 1024);
    let mut request = valid.clone().map(|_| at_most.clone().into());
    let mut inside_out = vec![(request.clone(), true)];
    for name in credentials.iter().rev() {
        request = without_header(request, name);
        inside_out.push((request.clone(), true));
    }
    inside_out.push((request.clone(), false));
    request = with_header(request, "content-type", "text/html");
    inside_out.push((request.clone(), true));
    request = request.map(|_| format!("{at_most}x").into());
    inside_out.push((request.clone(), true));
    *request.method_mut() = Method::PUT;
    inside_out.push((request.clone(), true));
    *request.uri_mut() = "/token-service".parse().unwrap();
    inside_out.push((request, true));
    inside_out.reverse();
    inside_out
}

async fn send(service: &Service, request: Request<Bytes>, session: Option<&Session>) -> Reply {
    match session {
        Some(session) => service.send_renewal(request, session).await,
        None => service.send(request).await,
    }
}

fn sealed(plaintext: &str) -> String {
    seal(plaintext.as_bytes(), &acme().payload_keys[0].k, None)
}

fn row(reply: &Reply) -> contract::Error {
    (
        reply.status,
        reply.text("resCode").to_owned(),
        Some(reply.is_sealed()),
    )
}

/// A service that has never read its secrets.
async fn without_secrets() -> Service {
    Service::start_with(|options| {
        let denied = Fault::status(400, "AccessDeniedException");
        options.secrets_faults.set_always(Some(denied));
    })
    .await
}

/// Where two rows hold, the one above decides. That the service knows its own write, a test of
/// renewals with faults shows.
#[tokio::test]
async fn the_table_of_renewals_has_every_outcome_in_its_order() {
    let mut stated = contract::renewals();
    stated.retain(|outcome| *outcome != "first");
    assert_eq!(stated, ["expired", "revoked", "replayed", "superseded"]);

    let service = Service::start().await;
    let table = Table::of(&service);
    let session = service.begin().await;
    let renewed = service.renew(&session).await.issued();
    let ttl = number_of(&table.item(&session.reference).await, "ttl");
    table
        .set(&session.reference, "status", text("REVOKED"))
        .await;
    table.set(&session.reference, "ttl", number(1)).await;
    service.renew(&session).await.ended("expired");
    table.set(&session.reference, "ttl", number(ttl)).await;
    service.renew(&session).await.ended("revoked");
    table
        .set(&session.reference, "status", text("ACTIVE"))
        .await;
    service.renew(&session).await.replays(&renewed);
    let next = session.with_token(renewed.token());
    service.renew(&next).await.issued();
    service.renew(&session).await.ended("superseded");
}

#[tokio::test]
async fn the_table_of_introspections_errors_has_every_error_in_its_order() {
    let service = Service::start().await;
    let session = service.begin().await;
    let valid = introspection_of(&session.token);
    let mut happened = Vec::new();
    // A path that there is not is nobody's.
    for (request, has_secrets) in unopened(&valid, &["authorization"]).into_iter().skip(1) {
        happened.push(match has_secrets {
            true => service.send_introspection(request).await,
            false => without_secrets().await.send_introspection(request).await,
        });
    }
    let denied = Fault::status(400, "AccessDeniedException");
    service.dynamodb_faults().set_always(Some(denied));
    happened.push(service.send_introspection(valid).await);

    let stated = contract::introspection_errors().into_iter();
    let stated: Vec<_> = stated
        .map(|(status, error)| (status, Introspected::Refused(error)))
        .collect();
    assert_eq!(happened, stated);
}

/// The function refuses a value below each range that the page states, in words that name that
/// range.
#[tokio::test]
async fn the_environment_table_has_every_variable_and_its_range() {
    let mut expected = Vec::new();
    for [name, default, rule] in contract::variables() {
        let range = rule.split(';').next().unwrap();
        let rule = match range.split_once('-') {
            _ if default == "required" => "must be set".to_owned(),
            _ if range.ends_with("printable ASCII") => format!("must be {range} characters"),
            Some((least, most)) => format!("must be an integer from {least} to {most}"),
            None => panic!("{name}: {range}"),
        };
        expected.push((name.clone(), format!("{name} {rule}")));
    }
    assert!(expected.len() >= 10);

    // A variable that is empty breaks every rule; the sandbox removes one that is given an empty
    // value.
    let mut options = sandbox::Options::default();
    for (name, rule) in &expected {
        let value = if rule.ends_with("must be set") {
            ""
        } else {
            "\u{7f}"
        };
        options.env.push((name.clone(), value.to_owned()));
    }
    let error = match Sandbox::start(options).await {
        Ok(_) => panic!("the function starts with every variable wrong"),
        Err(error) => error.to_string(),
    };
    for (_, rule) in expected {
        assert!(error.contains(&rule), "not said: {rule}\n{error}");
    }
}
