//! A resource server asks whether a token is good.

mod asked;
mod callers;
mod parameters;

use std::time::Duration;

use peers::rules::introspection::Introspected;
use sandbox::Fault;
use serde_json::json;
use service_tests::{
    Clocked, Plain, Service, acme, api_keys, claims, claims_text, eventually, globex, partner_with,
    put_secret, server_keys_of,
    table::{Table, now, number, text},
    token_of, token_with_header, variables,
};

use crate::secrets::{EARLY, SOON, with_partner};

/// How many `GetItem` an introspection of `token` took, which must be inactive.
async fn is_inactive(service: &Service, token: &str) -> u64 {
    let before = (service.gets(), service.dynamodb_faults().requests());
    let introspected = service.introspect(token).await;
    assert_eq!(introspected, Introspected::Inactive, "{token}");
    let gets = service.gets() - before.0;
    assert_eq!(service.dynamodb_faults().requests() - before.1, gets);
    gets
}

async fn is_active(service: &Service, token: &str) {
    let before = (service.gets(), service.dynamodb_faults().requests());
    let active = Introspected::Active(claims(token));
    assert_eq!(service.introspect(token).await, active);
    // One read, and nothing else.
    assert_eq!(service.gets() - before.0, 1);
    assert_eq!(service.dynamodb_faults().requests() - before.1, 1);
}

#[tokio::test]
async fn an_active_token_is_answered_with_its_claims() {
    let service = Service::start().await;
    let plain = Plain::seed().text("accountNumber", "0000123123123");
    let session = service.begin_as(acme(), &plain).await;
    // The rules of every answer hold its claims against their order and types.
    is_active(&service, &session.token).await;
    let globexs = service.begin_as(globex(), &Plain::new()).await;
    is_active(&service, &globexs.token).await;
    for _ in 0..3 {
        is_active(&service, &session.token).await;
    }
    assert_eq!(service.secret_reads(), 2);
}

#[tokio::test]
async fn claims_are_given_as_they_are_whatever_is_in_them() {
    let issuer = "https://issuer \"1\"\\";
    let service = Service::start_in(&[("ISSUER", issuer), ("AUDIENCE", "</script>")]).await;
    let session = service.begin().await;
    is_active(&service, &session.token).await;
    let claims = claims(&session.token);
    assert_eq!(
        (&claims["iss"], &claims["aud"]),
        (&json!(issuer), &json!("</script>"))
    );
}

#[tokio::test]
async fn what_is_no_token_of_this_service_is_inactive_and_asks_nothing() {
    let service = Service::start().await;
    let session = service.begin().await;
    let text = claims_text(&session.token);
    let claim = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}: {text}");
        token_of(&text.replace(from, to))
    };
    let header = |header: &str| token_with_header(header, &text);
    let token = &session.token;
    for forged in [
        "token".to_owned(),
        "....".to_owned(),
        format!("{token}x"),
        format!("{token}.x"),
        token[1..].to_owned(),
        token.replacen("..", ".AAAA.", 1),
        header(r#"{"alg":"dir","enc":"A256GCM","kid":"unknown","typ":"JWT"}"#),
        header(r#"{"alg":"dir","enc":"A256GCM","typ":"JWT"}"#),
        header(r#"{"alg":"dir","enc":"A256GCM","kid":"token-2026-11"}"#),
        header(r#"{"alg":"dir","enc":"A256GCM","typ":"JWT","kid":"token-2026-11"}"#),
        peers::jwe::seal(text.as_bytes(), &acme().payload_keys[0].k, None),
        claim(r#""iss":"token-service""#, r#""iss":"another""#),
        claim(r#""aud":"bankezy-sdk""#, r#""aud":"another""#),
        claim(r#""auth_time""#, r#""nbf""#),
        claim(r#""iss""#, r#""scope":"a","iss""#),
        claim(r#""oct""#, r#""EC""#),
    ] {
        assert_eq!(is_inactive(&service, &forged).await, 0, "{forged}");
    }
    is_active(&service, token).await;
}

#[tokio::test]
async fn an_expired_token_is_inactive_and_asks_nothing() {
    let mut clocked = Clocked::start(|_| ()).await;
    let session = clocked.service.begin().await;
    clocked.pass(1700);
    is_active(&clocked.service, &session.token).await;
    clocked.pass(100);
    assert_eq!(is_inactive(&clocked.service, &session.token).await, 0);
    // Its session renews; the token before stays expired.
    let renewed = clocked.service.renew(&session).await.issued();
    is_active(&clocked.service, renewed.token()).await;
    assert_eq!(is_inactive(&clocked.service, &session.token).await, 0);
}

#[tokio::test]
async fn a_token_that_was_renewed_stays_active() {
    let service = Service::start().await;
    let first = service.begin().await;
    let second = first.with_token(service.renew(&first).await.issued().token());
    let third = first.with_token(service.renew(&second).await.issued().token());
    for session in [&first, &second, &third] {
        is_active(&service, &session.token).await;
    }
    service.invalidate(&first.reference).await.issued();
    for session in [&first, &second, &third] {
        assert_eq!(is_inactive(&service, &session.token).await, 1);
    }
}

#[tokio::test]
async fn the_record_decides() {
    let service = Service::start().await;
    let table = Table::of(&service);
    let session = service.begin().await;
    let original = table.item(&session.reference).await;
    let began = claims(&session.token)["auth_time"].as_i64().unwrap() * 1000;
    for (attribute, value) in [
        ("status", text("REVOKED")),
        ("ttl", number(now())),
        ("ttl", number(1)),
        ("issuedAt", number(began + 1000)),
        ("issuedAt", number(began - 1000)),
        ("issuedAt", number(began + 1)),
    ] {
        let shown = format!("{attribute} {value:?}");
        table.set(&session.reference, attribute, value).await;
        assert_eq!(is_inactive(&service, &session.token).await, 1, "{shown}");
        table.put(original.clone()).await;
    }
    // Nothing else is looked at.
    for (attribute, value) in [
        ("jti", text("another")),
        ("expireAt", number(1)),
        ("ttl", number(now() + 60)),
        ("token", number(1)),
        ("sealedBy", text("record-of-nobody")),
    ] {
        table.set(&session.reference, attribute, value).await;
        is_active(&service, &session.token).await;
    }
    table.delete(&session.reference).await;
    assert_eq!(is_inactive(&service, &session.token).await, 1);
}

#[tokio::test]
async fn a_token_of_another_session_of_the_pair_is_inactive() {
    let service = Service::start().await;
    let session = service.begin().await;
    let text = claims_text(&session.token);
    let began = claims(&session.token)["auth_time"].as_i64().unwrap();
    for other in [began - 1, began + 1, began - 86_400] {
        let from = format!(r#""auth_time":{began}"#);
        let token = token_of(&text.replace(&from, &format!(r#""auth_time":{other}"#)));
        assert_eq!(is_inactive(&service, &token).await, 1);
    }
    // Of another partner's pair.
    let token = token_of(&text.replace(r#""acme""#, r#""globex""#));
    assert_eq!(is_inactive(&service, &token).await, 1);
    is_active(&service, &session.token).await;
}

#[tokio::test]
async fn a_token_of_a_disabled_or_unknown_partner_is_inactive() {
    for enabled in [Some(false), None] {
        let mut partners = api_keys();
        match enabled {
            Some(enabled) => partners["partners"][0]["enabled"] = json!(enabled),
            None => drop(partners["partners"].as_array_mut().unwrap().remove(0)),
        }
        let mut clocked = Clocked::start(|_| ()).await;
        let session = clocked.service.begin().await;
        is_active(&clocked.service, &session.token).await;
        put_secret(&clocked.service, "api-keys", &partners).await;
        clocked.pass(301);
        is_inactive(&clocked.service, &session.token).await;
        // Back again, it is what it was.
        put_secret(&clocked.service, "api-keys", &api_keys()).await;
        clocked.pass(301);
        is_active(&clocked.service, &session.token).await;
    }
}

/// Waits until a token is active, for which the service must read one secret early, once.
async fn is_active_soon(service: &Service, what: &str, token: &str) {
    let before = service.secret_reads();
    eventually(what, SOON, async || match service.introspect(token).await {
        Introspected::Active(_) => Some(()),
        Introspected::Inactive => None,
        Introspected::Refused(error) => panic!("{error}"),
    })
    .await;
    assert_eq!(service.secret_reads() - before, 1, "{what}");
}

#[tokio::test]
async fn what_is_new_works_before_the_ttl() {
    let (newcomer, entry) = partner_with("newcomer");
    let partners = with_partner(entry);
    let newer = server_keys_of(&["token-2", "token-1"], &["record"]);
    // Another instance has refreshed already.
    let ahead = Service::start_with(|options| {
        options.server_keys = Some(newer.clone());
        options.api_keys = Some(partners.clone());
    })
    .await
    .knowing(newcomer.clone());
    let of_new_key = ahead.begin().await;

    let service = Service::start_with(|options| {
        options.server_keys = Some(server_keys_of(&["token-1"], &["record"]));
        options.env = variables(&EARLY);
    })
    .await
    .knowing(newcomer.clone());
    let item = Table::of(&ahead).item(&of_new_key.reference).await;
    Table::of(&service).put(item).await;
    // While no secret can be read, the cached ones decide.
    let faults = service.secrets_faults();
    faults.set_always(Some(Fault::Refuse));
    let before = faults.requests();
    eventually("a failed refresh", SOON, async || {
        assert_eq!(is_inactive(&service, &of_new_key.token).await, 0);
        (faults.requests() > before).then_some(())
    })
    .await;
    faults.set_always(None);
    put_secret(&service, "server-keys", &newer).await;
    is_active_soon(&service, "a new token key", &of_new_key.token).await;

    // An instance that knows the partner has asked DynamoDB once more.
    let of_newcomer = ahead.begin_as(&newcomer, &Plain::new()).await;
    put_secret(&service, "api-keys", &partners).await;
    let before = service.gets();
    eventually("a new partner", SOON, async || {
        let introspected = service.introspect(&of_newcomer.token).await;
        assert_eq!(introspected, Introspected::Inactive);
        (service.gets() > before).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_removed_token_key_opens_nothing() {
    let rings = |kids: &[&str]| Some(server_keys_of(kids, &["record"]));
    let maker = Service::start_with(|options| options.server_keys = rings(&["old"])).await;
    let session = maker.begin().await;
    let item = Table::of(&maker).item(&session.reference).await;
    let removed = Service::start_with(|options| options.server_keys = rings(&["new"])).await;
    Table::of(&removed).put(item.clone()).await;
    assert_eq!(is_inactive(&removed, &session.token).await, 0);
    for name in ["ISSUER", "AUDIENCE"] {
        let service = Service::start_with(|options| {
            options.server_keys = rings(&["old"]);
            options.env = variables(&[(name, "another")]);
        })
        .await;
        Table::of(&service).put(item.clone()).await;
        assert_eq!(is_inactive(&service, &session.token).await, 0);
    }
    let active = maker.introspect(&session.token).await;
    assert!(matches!(active, Introspected::Active(_)), "{active:?}");
}

#[tokio::test]
async fn a_new_session_of_the_pair_does_not_revive_a_token() {
    let service = Service::start().await;
    let table = Table::of(&service);
    let plain = Plain::new();
    let first = service.begin_as(acme(), &plain).await;
    let began = claims(&first.token)["auth_time"].as_i64().unwrap();
    service.invalidate(&first.reference).await.issued();
    table.set(&first.reference, "ttl", number(now())).await;
    eventually("the next second", Duration::from_secs(5), async || {
        (now() > began).then_some(())
    })
    .await;
    let second = service.begin_as(acme(), &plain).await;
    assert_eq!(is_inactive(&service, &first.token).await, 1);
    is_active(&service, &second.token).await;
}
