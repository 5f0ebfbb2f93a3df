//! How a session ends: with its time, its record, its invalidation, or a new session in its place.

use std::time::Duration;

use peers::rules::introspection::Introspected;
use serde_json::json;
use service_tests::{
    Clocked, Plain, Reply, Service, Session, acme, api_keys, claims, claims_text, eventually,
    globex, put_secret,
    table::{Table, now, number},
    token_of,
};

fn second(token: &str, name: &str) -> i64 {
    claims(token)[name].as_i64().unwrap()
}

/// A renewal that is refused before anything is asked of the database.
async fn is_over(service: &Service, session: &Session) {
    let before = service.dynamodb_faults().requests();
    service.renew(session).await.ended("expired");
    assert_eq!(service.dynamodb_faults().requests(), before);
}

/// The reply's `exp` is the session's end.
fn lasts_to_the_end(reply: Reply, began: i64, lifetime: i64) -> Reply {
    let reply = reply.issued();
    let exp = second(reply.token(), "exp");
    assert_eq!(exp, began + lifetime);
    assert_eq!(reply.json["expireAt"], exp * 1000);
    reply
}

#[tokio::test]
async fn no_renewed_token_outlives_its_session() {
    let mut partners = api_keys();
    partners["partners"][0]["sessionTtlSeconds"] = json!(3600);
    let mut clocked = Clocked::start(|options| options.api_keys = Some(partners)).await;
    let session = clocked.service.begin().await;
    let began = second(&session.token, "auth_time");
    assert_eq!(second(&session.token, "exp"), began + 1800);

    clocked.pass(1000);
    let renewed = clocked.service.renew(&session).await.issued();
    assert_eq!(
        second(renewed.token(), "exp"),
        second(renewed.token(), "iat") + 1800
    );
    let session = session.with_token(renewed.token());
    clocked.pass(1500);
    let renewed = clocked.service.renew(&session).await;
    let renewed = lasts_to_the_end(renewed, began, 3600);
    let ttl = clocked.service.stored(&session.reference)["ttl"]["N"].clone();
    assert_eq!(ttl, (began + 3600 + 86_400).to_string());
    let (before, session) = (session.clone(), session.with_token(renewed.token()));

    clocked.pass(1000);
    let last = lasts_to_the_end(clocked.service.renew(&session).await, began, 3600);
    let last = session.with_token(last.token());
    clocked.pass(100);
    for ended in [&last, &session, &before] {
        is_over(&clocked.service, ended).await;
    }
    // The partner begins another one, as soon as the pair is free.
    clocked.pass(86_400);
    is_over(&clocked.service, &last).await;
    let plain = Plain::of(&session.reference);
    clocked.service.begin_as(acme(), &plain).await;
}

#[tokio::test]
async fn a_session_lasts_as_its_partner_or_the_environment_says() {
    let mut partners = api_keys();
    partners["partners"][0]["sessionTtlSeconds"] = json!(90);
    for (env, acmes, globexs) in [
        (&[][..], 90, 600),
        (&[("SESSION_TTL_SECONDS", "60")], 90, 60),
        (&[("SESSION_TTL_SECONDS", "2592000")], 90, 600),
        (
            &[("SESSION_TTL_SECONDS", "3600"), ("TOKEN_TTL_SECONDS", "60")],
            60,
            600,
        ),
    ] {
        let service = Service::start_with(|options| {
            options.api_keys = Some(partners.clone());
            options.env = service_tests::variables(env);
        })
        .await;
        for (partner, lifetime) in [(acme(), acmes), (globex(), globexs)] {
            let session = service.begin_as(partner, &Plain::new()).await;
            let began = second(&session.token, "auth_time");
            assert_eq!(second(&session.token, "iat"), began);
            assert_eq!(second(&session.token, "exp"), began + lifetime, "{env:?}");
        }
    }
}

#[tokio::test]
async fn a_session_lasts_12_hours_by_default_or_as_the_environment_says() {
    for (env, lifetime) in [
        (&[][..], 43_200),
        (&[("SESSION_TTL_SECONDS", "7200")], 7200),
    ] {
        let mut clocked =
            Clocked::start(|options| options.env.extend(service_tests::variables(env))).await;
        let session = clocked.service.begin().await;
        let began = second(&session.token, "auth_time");
        clocked.pass(lifetime - 60);
        let renewed = clocked.service.renew(&session).await;
        let lifetime = i64::try_from(lifetime).unwrap();
        let renewed = lasts_to_the_end(renewed, began, lifetime);
        clocked.pass(60);
        is_over(&clocked.service, &session.with_token(renewed.token())).await;
    }
}

#[tokio::test]
async fn the_lifetimes_in_force_when_a_token_is_made_decide() {
    let mut clocked = Clocked::start(|_| ()).await;
    let session = clocked.service.begin().await;
    let mut partners = api_keys();
    partners["partners"][0]["sessionTtlSeconds"] = json!(600);
    put_secret(&clocked.service, "api-keys", &partners).await;
    clocked.pass(700);
    is_over(&clocked.service, &session).await;
    // The token that was made before lives to its own exp.
    let active = clocked.service.introspect(&session.token).await;
    assert_eq!(active, Introspected::Active(claims(&session.token)));
    // Longer again.
    partners["partners"][0]["sessionTtlSeconds"] = json!(7200);
    partners["partners"][0]["tokenTtlSeconds"] = json!(100);
    put_secret(&clocked.service, "api-keys", &partners).await;
    clocked.pass(400);
    let renewed = clocked.service.renew(&session).await.issued();
    assert_eq!(
        second(renewed.token(), "exp"),
        second(renewed.token(), "iat") + 100
    );
}

#[tokio::test]
async fn a_session_without_a_kept_record_has_expired() {
    let service = Service::start().await;
    let table = Table::of(&service);
    for renewed in [false, true] {
        let mut session = service.begin().await;
        if renewed {
            let reply = service.renew(&session).await.issued();
            session = session.with_token(reply.token());
        }
        let soon = number(now() + 300);
        table.set(&session.reference, "ttl", soon.clone()).await;
        service.renew(&session).await.issued();

        // Not deleted by DynamoDB yet.
        table.set(&session.reference, "ttl", number(now())).await;
        let before = service.updates();
        service.renew(&session).await.ended("expired");
        assert_eq!(service.updates() - before, 1);
        // It decides before what the record says.
        let revoked = service_tests::table::text("REVOKED");
        table.set(&session.reference, "status", revoked).await;
        service.renew(&session).await.ended("expired");
        table.set(&session.reference, "ttl", soon).await;
        service.renew(&session).await.ended("revoked");

        table.delete(&session.reference).await;
        service.renew(&session).await.ended("expired");
        assert_eq!(table.count().await, 0);
    }
    // One that never was.
    let session = service.begin().await;
    let other = claims_text(&session.token).replace(&session.reference, "never");
    let mut never = session.with_token(&token_of(&other));
    never.reference = "never".to_owned();
    let reply = service.renew(&never).await.ended("expired");
    assert_eq!(reply.text("referenceId"), "never");
    assert_eq!(table.count().await, 1);
}

#[tokio::test]
async fn an_invalidated_session_is_revoked_whichever_token_is_presented() {
    let service = Service::start().await;
    let first = service.begin().await;
    let second = first.with_token(service.renew(&first).await.issued().token());
    let third = first.with_token(service.renew(&second).await.issued().token());
    service.invalidate(&first.reference).await.issued();
    for session in [&third, &second, &first] {
        let reply = service.renew(session).await.ended("revoked");
        assert_eq!(reply.text("referenceId"), first.reference);
    }
}

#[tokio::test]
async fn only_the_last_token_and_the_one_before_are_renewed() {
    let service = Service::start().await;
    let first = service.begin().await;
    let mut tokens = vec![first.clone()];
    for at in 0..4 {
        let reply = service.renew(&tokens[at]).await.issued();
        tokens.push(first.with_token(reply.token()));
        for superseded in &tokens[..at] {
            let reply = service.renew(superseded).await.ended("superseded");
            assert_eq!(reply.text("referenceId"), first.reference);
        }
        let replay = service.renew(&tokens[at]).await;
        assert!(replay.is_replayed() && replay.token() == tokens[at + 1].token);
    }
    // A token of this session that never was its current one.
    let text = claims_text(&first.token);
    let jti = claims(&first.token)["jti"].as_str().unwrap().to_owned();
    let stranger = token_of(&text.replace(&jti, "AAAAAAAAAAAAAAAAAAAAAA"));
    service
        .renew(&first.with_token(&stranger))
        .await
        .ended("superseded");
}

#[tokio::test]
async fn a_new_session_of_the_pair_does_not_revive_the_one_before() {
    let service = Service::start().await;
    let table = Table::of(&service);
    for invalidated in [false, true] {
        let plain = Plain::new();
        let first = service.begin_as(acme(), &plain).await;
        let began = second(&first.token, "auth_time");
        if invalidated {
            service.invalidate(&first.reference).await.issued();
        }
        table.set(&first.reference, "ttl", number(now())).await;
        // A record is kept for minutes at least, so that two sessions begin in one second only
        // here.
        eventually("the next second", Duration::from_secs(5), async || {
            (now() > began).then_some(())
        })
        .await;
        let second = service.begin_as(acme(), &plain).await;
        assert_ne!(first.key, second.key);
        service.renew(&first).await.ended("superseded");
        assert_eq!(
            service.introspect(&first.token).await,
            Introspected::Inactive
        );
        let active = Introspected::Active(claims(&second.token));
        assert_eq!(service.introspect(&second.token).await, active);
        let renewed = service.renew(&second).await.issued();
        service.renew(&first).await.ended("superseded");
        service.renew(&second).await.replays(&renewed);
    }
}
