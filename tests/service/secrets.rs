//! The two secrets: when they are read, what is served when they cannot be, and what is refused.

mod ages;
mod bad_write;
mod documents;
mod outage;

use std::time::{Duration, Instant};

use peers::{
    credentials::{Credentials, Jwk},
    jwe::seal,
    partner::token_request,
};
use serde_json::{Value, json};
use service_tests::{
    Event, Plain, Reply, Service, acme, api_keys, digest, eventually, hash_of, jwk, partner_with,
    put_secret,
    table::{Table, text},
};

/// Some seconds for what happens within one or two.
pub(crate) const SOON: Duration = Duration::from_secs(15);

/// Ages of a second, where the defaults are minutes.
pub(crate) const QUICK: [(&str, &str); 2] = [
    ("SECRETS_TTL_SECONDS", "1"),
    ("SECRETS_MIN_REFRESH_SECONDS", "1"),
];

/// The default TTL, but a refresh each second for those who need it.
pub(crate) const EARLY: [(&str, &str); 1] = [("SECRETS_MIN_REFRESH_SECONDS", "1")];

/// Waits until something that was loaded before `since` is older than `age`. Only the clock can
/// tell.
async fn becomes_older_than(since: Instant, age: Duration) {
    // The service counts in milliseconds.
    tokio::time::sleep_until((since + age + Duration::from_millis(5)).into()).await;
}

pub(crate) fn with_partner(entry: Value) -> Value {
    let mut partners = api_keys();
    partners["partners"].as_array_mut().unwrap().push(entry);
    partners
}

fn asks(partner: &Credentials) -> Plain {
    Plain::new().text("sdkApiKey", &partner.sdk_api_key)
}

#[tokio::test]
async fn a_warm_request_reads_no_secret() {
    let service = Service::start().await;
    assert_eq!(service.secret_reads(), 2);
    for _ in 0..10 {
        service.ask(&Plain::new()).await.issued();
    }
    assert_eq!(service.secret_reads(), 2);
    assert_eq!(service.secrets_faults().requests(), 2);
    assert_eq!(service.dynamodb_faults().requests(), 10);
}

#[tokio::test]
async fn the_first_request_after_the_ttl_sees_the_new_value() {
    let service = Service::start_in(&QUICK).await;
    for enabled in [false, true, false] {
        let mut partners = api_keys();
        partners["partners"][0]["enabled"] = enabled.into();
        put_secret(&service, "api-keys", &partners).await;
        let last_read = Instant::now();
        becomes_older_than(last_read, Duration::from_secs(1)).await;
        let reply = service.ask(&Plain::new()).await;
        assert_eq!(reply.status, if enabled { 200 } else { 401 }, "{reply}");
    }
}

#[tokio::test]
async fn a_refresh_uses_the_connections_of_the_first_load() {
    let service = Service::start_in(&QUICK).await;
    assert_eq!(service.secrets_faults().connections_opened(), 2);
    becomes_older_than(Instant::now(), Duration::from_secs(1)).await;
    service.ask(&Plain::new()).await.issued();
    assert_eq!(service.secret_reads(), 4);
    assert_eq!(service.secrets_faults().connections_opened(), 2);
}

/// Asks until it is served, and counts what was read for it.
async fn is_served_soon(service: &Service, what: &str, ask: impl AsyncFn() -> Reply) {
    let before = service.secret_reads();
    let reply = eventually(what, SOON, async || {
        let reply = ask().await;
        (reply.status == 200).then_some(reply)
    })
    .await;
    reply.issued();
    // One secret, once: the other one and the time in between need nothing.
    assert_eq!(service.secret_reads() - before, 1, "{what}");
}

#[tokio::test]
async fn what_is_new_works_before_the_ttl() {
    let (newcomer, entry) = partner_with("newcomer");
    let service = Service::start_in(&EARLY).await.knowing(newcomer.clone());

    let mut partners = with_partner(entry);
    put_secret(&service, "api-keys", &partners).await;
    is_served_soon(&service, "a new API key", async || {
        service.ask_as(&newcomer, &asks(&newcomer)).await
    })
    .await;

    let sdk_keys = partners["partners"][0]["sdkApiKeySha256"].as_array_mut();
    sdk_keys.unwrap().push(hash_of("new-sdk-key").into());
    put_secret(&service, "api-keys", &partners).await;
    is_served_soon(&service, "a new sdkApiKey", async || {
        service
            .ask(&Plain::new().text("sdkApiKey", "new-sdk-key"))
            .await
    })
    .await;

    for (kid, named) in [("acme-2027-05", true), ("acme-2027-11", false)] {
        let mut acme_with_new = acme().clone();
        acme_with_new.payload_keys = vec![Jwk {
            kid: kid.to_owned(),
            k: digest(kid),
        }];
        let ring = partners["partners"][0]["payloadKeys"]["keys"].as_array_mut();
        ring.unwrap().push(jwk(kid));
        put_secret(&service, "api-keys", &partners).await;
        let key = digest(kid);
        is_served_soon(&service, "a new payload key", async || {
            let body = seal(Plain::new().json().as_bytes(), &key, named.then_some(kid));
            let request = token_request(acme(), body).unwrap();
            let response = peers::partner::call(service.url(), request).await.unwrap();
            Reply::read(
                peers::rules::GET_TOKEN,
                response,
                &[acme_with_new.clone(), acme().clone()],
            )
        })
        .await;
    }
}

#[tokio::test]
async fn strangers_cause_no_read_within_the_rate() {
    let service = Service::start().await;
    let table = Table::of(&service);
    let taken = Plain::new();
    service.ask(&taken).await.issued();
    table
        .set(&taken.reference(), "sealedBy", text("record-unknown"))
        .await;
    let reads = service.secret_reads();
    for _ in 0..5 {
        for stranger in strangers() {
            let reply = service.invoke_event(&stranger).await;
            assert!([400, 401].contains(&reply.status), "{reply}");
        }
        service.ask(&taken).await.refused(500, "TOK003");
    }
    assert_eq!(service.secret_reads(), reads);
}

#[tokio::test]
async fn strangers_cause_no_more_reads_than_the_rate() {
    let service = Service::start_in(&EARLY).await;
    let (reads, began) = (service.secret_reads(), Instant::now());
    eventually("three reads more", SOON, async || {
        for stranger in strangers() {
            service.invoke_event(&stranger).await;
        }
        (service.secret_reads() >= reads + 3).then_some(())
    })
    .await;
    // The third one is at least two times the minimum after the first one.
    assert!(
        began.elapsed() >= Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
    // Only the partners could have known them.
    let line = service
        .log_json()
        .into_iter()
        .find(|line| line["level"] != "INFO");
    assert_eq!(line, None);
}

fn strangers() -> [Event; 5] {
    let valid = || Event::new(&Plain::new());
    let key = &acme().payload_keys[0];
    [
        valid().header("X-API-KEY", "unknown"),
        Event::of_body(&seal(b"{}", &key.k, Some("unknown"))),
        Event::of_body(&seal(b"{}", &[1; 32], None)),
        Event::of_body(&seal(b"{}", &[1; 32], Some(&key.kid))),
        Event::new(&Plain::new().text("sdkApiKey", "unknown")),
    ]
}

#[tokio::test]
async fn what_no_newer_secret_could_change_reads_none() {
    let service = Service::start_in(&EARLY).await;
    let reads = service.secret_reads();
    becomes_older_than(Instant::now(), Duration::from_secs(1)).await;
    let valid = || Event::new(&Plain::new());
    for event in [
        valid().path("/"),
        valid().method("PUT"),
        valid().header("Content-Type", "text/html"),
        Event::of_body("x"),
        Event::of_body("{}"),
        Event::of_body("").base64("*"),
        Event::of_body(&seal(b"{}", &acme().payload_keys[0].k, None)),
        valid(),
    ] {
        service.invoke_event(&event).await;
    }
    assert_eq!(service.secret_reads(), reads);
}

#[tokio::test]
async fn each_secret_stands_alone() {
    let service = Service::start_in(&QUICK).await;
    // The partners' document is refused from now on; the rings go on being refreshed.
    put_secret(&service, "api-keys", &json!({"partners": 1})).await;
    let rings = service_tests::server_keys_of(&["token-new"], &["record-new"]);
    put_secret(&service, "server-keys", &rings).await;
    eventually("tokens under the new key", SOON, async || {
        let reply = service.ask(&Plain::new()).await.issued();
        peers::resource_server::open_token(reply.token(), &rings).ok()
    })
    .await;
    // And the other way round.
    put_secret(&service, "server-keys", &json!({"token": 1})).await;
    let (newcomer, entry) = partner_with("newcomer");
    put_secret(&service, "api-keys", &with_partner(entry)).await;
    let service = service.knowing(newcomer.clone());
    eventually("the new partner", SOON, async || {
        let reply = service.ask_as(&newcomer, &asks(&newcomer)).await;
        (reply.status == 200).then_some(())
    })
    .await;
}
