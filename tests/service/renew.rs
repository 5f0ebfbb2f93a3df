//! The SDK renews its token.

mod callers;
mod ends;
mod faults;
mod record;
mod refusals;
mod tokens;

use std::time::Duration;

use peers::{
    jwe,
    sdk::{LEGACY_RENEW_PATH, RENEW_PATH},
};
use sandbox::Fault;
use serde_json::{Value, json};
use service_tests::{
    Clocked, Plain, Service, acme, api_keys, claims, claims_text, globex, hash_of, race, reference,
    with_header, without_header,
};

/// The claims without those that a renewal changes.
fn kept(token: &str) -> Value {
    let mut claims = claims(token);
    for name in ["jti", "iat", "exp"] {
        assert!(claims.as_object_mut().unwrap().remove(name).is_some());
    }
    claims
}

#[tokio::test]
async fn a_renewed_token_differs_in_jti_iat_and_exp_alone() {
    let mut clocked = Clocked::start(|_| ()).await;
    let session = clocked.service.begin().await;
    clocked.pass(1000);
    let reply = clocked.service.renew(&session).await.issued();

    let members: Vec<_> = reply.json.as_object().unwrap().keys().collect();
    let mut expected = ["resCode", "resDesc", "referenceId", "token", "expireAt"];
    expected.sort_unstable();
    let mut found: Vec<_> = members.into_iter().map(String::as_str).collect();
    found.sort_unstable();
    assert_eq!(found, expected);
    assert_eq!(reply.text("resCode"), "TOK200");
    assert_eq!(reply.text("referenceId"), session.reference);
    assert_eq!(reply.sealed, Some(json!({"alg": "dir", "enc": "A256GCM"})));

    assert_eq!(kept(reply.token()), kept(&session.token));
    let (old, new) = (claims(&session.token), claims(reply.token()));
    assert_ne!(old["jti"], new["jti"]);
    let second = |claims: &Value, name: &str| claims[name].as_i64().unwrap();
    assert_eq!(second(&old, "auth_time"), second(&old, "iat"));
    let later = second(&new, "iat") - second(&old, "iat");
    assert!((1000..1010).contains(&later), "{later}");
    assert_eq!(second(&new, "exp"), second(&new, "iat") + 1800);
    assert_eq!(reply.json["expireAt"], second(&new, "exp") * 1000);
    // The claims are in their order, and the session key is still the SDK's.
    let text = claims_text(reply.token());
    let names = [
        "iss",
        "aud",
        "sub",
        "client_id",
        "program_id",
        "jti",
        "ref",
        "auth_time",
        "iat",
        "exp",
        "cnf",
    ];
    let places: Vec<_> = names.map(|name| text.find(&format!("\"{name}\":"))).into();
    assert!(places.is_sorted() && places[0] == Some(1), "{text}");
    let header = peers::jwe::header(reply.token()).unwrap();
    let expected = json!({"alg": "dir", "enc": "A256GCM", "kid": "token-2026-11", "typ": "JWT"});
    assert_eq!(header, expected);
}

#[tokio::test]
async fn a_session_renews_again_and_again() {
    let service = Service::start().await;
    let mut session = service.begin().await;
    let mut seen = vec![claims(&session.token)["jti"].clone()];
    for _ in 0..5 {
        let reply = service.renew(&session).await.issued();
        session = session.with_token(reply.token());
        seen.push(claims(&session.token)["jti"].clone());
    }
    for jti in &seen {
        assert_eq!(seen.iter().filter(|other| *other == jti).count(), 1);
    }
    assert_eq!((service.updates(), service.puts()), (5, 1));
}

#[tokio::test]
async fn an_expired_token_renews() {
    let mut clocked = Clocked::start(|_| ()).await;
    let session = clocked.service.begin().await;
    clocked.pass(1900);
    let reply = clocked.service.renew(&session).await.issued();
    let exp = claims(reply.token())["exp"].as_i64().unwrap();
    assert!(exp >= claims(&session.token)["exp"].as_i64().unwrap() + 1900);
    // A replay gives the current token, though it has expired by now: it renews, too.
    clocked.pass(1900);
    clocked.service.renew(&session).await.replays(&reply);
    let next = session.with_token(reply.token());
    clocked.service.renew(&next).await.issued();
}

#[tokio::test]
async fn a_lost_answer_costs_nothing() {
    let service = Service::start().await;
    let session = service.begin().await;
    let renewed = service.renew(&session).await.issued();
    for _ in 0..3 {
        let again = service.renew(&session).await.replays(&renewed);
        assert_eq!(again.json, renewed.json);
        assert!(again.kid().is_none());
    }
    service.end_idle_instances().await;
    service.renew(&session).await.replays(&renewed);
    // The token that was given twice renews.
    let next = session.with_token(renewed.token());
    let second = service.renew(&next).await.issued();
    service.renew(&next).await.replays(&second);
    service.renew(&session).await.ended("superseded");
}

#[tokio::test]
async fn renewals_of_one_token_at_once_get_one_token() {
    let service = Service::start().await;
    for copies in [2, 3] {
        for _ in 0..10 {
            let session = service.begin().await;
            race(copies, || service.renew(&session)).await;
        }
    }
    assert!(service.function_pids().len() >= 2);
}

#[tokio::test]
async fn the_slower_of_two_renewals_gives_the_token_of_the_faster() {
    let service = Service::start().await;
    for _ in 0..3 {
        let session = service.begin().await;
        let slow = Fault::StallBefore(Duration::from_millis(300));
        service.dynamodb_faults().push(slow);
        race(2, || service.renew(&session)).await;
    }
}

#[tokio::test]
async fn get_token_replays_the_current_token() {
    let service = Service::start().await;
    let plain = Plain::new();
    let mut session = service.begin_as(acme(), &plain).await;
    let first = service.ask(&plain).await;
    let server_key = first.text("serverPubKey");
    for _ in 0..2 {
        let renewed = service.renew(&session).await.issued();
        session = session.with_token(renewed.token());
        let replay = service.ask(&plain).await;
        assert!(replay.status == 200 && replay.is_replayed(), "{replay}");
        assert_eq!(replay.token(), renewed.token());
        assert_eq!(replay.json["expireAt"], renewed.json["expireAt"]);
        assert_eq!(replay.text("serverPubKey"), server_key);
    }
    let other = plain.text("name", "x");
    service.ask(&other).await.conflicts("reused");
}

#[tokio::test]
async fn a_legacy_path_has_integers() {
    let service = Service::start().await;
    let session = service.begin().await;
    let legacy = || session.request_at(LEGACY_RENEW_PATH);
    let renewed = service.send_renewal(legacy(), &session).await.issued();
    assert_eq!(renewed.json["resCode"], 100);
    let replay = service.send_renewal(legacy(), &session).await;
    assert_eq!(replay.replays(&renewed).json["resCode"], 100);
    let next = session.with_token(renewed.token());
    service.renew(&next).await.issued();
    let ended = service.send_renewal(legacy(), &session).await;
    assert_eq!((ended.status, &ended.json["resCode"]), (401, &json!(401)));
    assert!(ended.is_sealed());
    let tokenless = without_header(legacy(), "x-api-token");
    let refused = service.send_renewal(tokenless, &session).await;
    assert_eq!(
        (refused.status, &refused.json["resCode"]),
        (401, &json!(401))
    );
    let keyless = without_header(legacy(), "x-api-key");
    let refused = service.send_renewal(keyless, &session).await;
    assert_eq!(refused.json["resCode"], 2);
}

#[tokio::test]
async fn takes_what_get_token_takes() {
    let service = Service::start().await;
    for content_type in [
        "text/plain; charset=utf-8",
        "application/jose",
        "Application/JSON",
    ] {
        let session = service.begin().await;
        let request = with_header(session.request(), "content-type", content_type);
        service.send_renewal(request, &session).await.issued();
    }
    let session = service.begin().await;
    let untyped = without_header(session.request(), "content-type");
    service.send_renewal(untyped, &session).await.issued();

    // White space and quotes are dropped, a kid is not looked at.
    let session = service.begin().await;
    let sealed = |kid: Option<&str>| {
        let plaintext = session.plaintext();
        jwe::seal(plaintext.as_bytes(), &session.key, kid)
    };
    let first = service.renew(&session).await.issued();
    for body in [
        format!(" \r\n{}\t", sealed(None)),
        format!("\"{}\"", sealed(None)),
        sealed(Some("acme-2026-11")),
        sealed(Some("nobody's")),
        sealed(Some("")),
    ] {
        let reply = service.send_renewal(session.request_of(body), &session);
        reply.await.replays(&first);
    }
    // Unknown members are ignored.
    let plaintext = format!(r#"{{"x":[[[[[[[]]]]]]],"token":"{}"}}"#, session.token);
    let request = session.request_sealing(plaintext.as_bytes());
    service
        .send_renewal(request, &session)
        .await
        .replays(&first);
    // As API Gateway hands on a body that it takes for binary.
    let body = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, sealed(None));
    let event = session.event().path(&format!("/prod{RENEW_PATH}"));
    let event = event.base64(&body).json();
    let reply = service.invoke_renewal(&event, &session).await;
    reply.replays(&first);
}

#[tokio::test]
async fn each_partners_apps_renew_by_its_rules() {
    let mut partners = api_keys();
    let keys = partners["partners"][0]["sdkApiKeySha256"].as_array_mut();
    keys.unwrap().push(hash_of("NEXT KEY").into());
    let service = Service::start_with(|options| options.api_keys = Some(partners)).await;

    let session = service.begin_as(globex(), &Plain::new()).await;
    let renewed = service.renew(&session).await.issued();
    let claims = claims(renewed.token());
    let lifetime = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert_eq!((lifetime, &claims["client_id"]), (600, &json!("globex")));

    let session = service.begin().await;
    let request = with_header(session.request(), "x-api-key", "NEXT KEY");
    service.send_renewal(request, &session).await.issued();
}

#[tokio::test]
async fn the_account_number_is_the_exact_digit_string() {
    let service = Service::start().await;
    for (json, number) in [
        (r#""0001""#, "0001"),
        ("7", "7"),
        (r#""1234567890123456789""#, "1234567890123456789"),
    ] {
        let plain = Plain::of(&reference()).with("accountNumber", json);
        let mut session = service.begin_as(acme(), &plain).await;
        for other in ["1", "00001", "01", "0007", "12345678901234567890"] {
            let request = with_header(session.request(), "x-account-number", other);
            let reply = service.send_renewal(request, &session).await;
            assert_eq!(reply.refused(400, "TOK400").failing(), ["X-ACCOUNT-NUMBER"]);
        }
        session.account_number = number.to_owned();
        service.renew(&session).await.issued();
    }
}

#[tokio::test]
async fn one_update_and_nothing_else_is_asked_of_the_database() {
    let service = Service::start().await;
    let session = service.begin().await;
    let before = service.dynamodb_faults().requests();
    let renewed = service.renew(&session).await.issued();
    service.renew(&session).await.replays(&renewed);
    let next = session.with_token(renewed.token());
    service.renew(&next).await.issued();
    service.renew(&session).await.ended("superseded");
    assert_eq!(service.updates(), 4);
    assert_eq!(service.dynamodb_faults().requests() - before, 4);
    assert_eq!(service.secret_reads(), 2);
}
