//! The partner's server ends a session.

mod faults;
mod record;
mod refusals;

use bytes::Bytes;
use http::Request;
use peers::{
    credentials::{Credentials, Jwk},
    jwe::seal,
    partner::{INVALIDATE_PATH, LEGACY_INVALIDATE_PATH, token_request_at},
    rules::introspection::Introspected,
};
use serde_json::{Value, json};
use service_tests::{
    Event, Plain, Reply, Service, acme, claims, digest, eventually, jwk, partner_with, put_secret,
    without_header,
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

#[track_caller]
fn is_unknown(reply: Reply, reference: &str) {
    let reply = reply.refused(404, "TOK404");
    let errors: Vec<_> = reply.errors().collect();
    assert_eq!(errors, [("tokenReferenceId", "unknown")]);
    assert_eq!(reply.text("referenceId"), reference);
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
