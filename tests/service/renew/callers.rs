//! Who renews: the apps of the token's partner, by the secrets at hand or by newer ones.

use serde_json::json;
use service_tests::{
    Plain, Reply, Service, Session, TOKEN_HEADER, acme, and_header, claims_text, eventually,
    globex, initech, partner_with, put_secret, server_keys_of, token_of, token_with_header,
    with_header, without_header,
};

use crate::secrets::{EARLY, SOON, with_partner};

#[tokio::test]
async fn only_the_apps_of_the_tokens_partner_renew_it() {
    let service = Service::start().await;
    let session = service.begin().await;
    let text = claims_text(&session.token);
    let of_partner = |partner: &str, sdk_api_key: &str| {
        let text = text.replace(
            r#""client_id":"acme""#,
            &format!(r#""client_id":"{partner}""#),
        );
        let mut session = session.with_token(&token_of(&text));
        session.sdk_api_key = sdk_api_key.to_owned();
        session.request()
    };
    let key = |value: &str| with_header(session.request(), "x-api-key", value);
    let rows = [
        ("missing", without_header(session.request(), "x-api-key")),
        ("empty", key("")),
        ("unknown", key("unknown")),
        ("another case", key(&acme().sdk_api_key.to_lowercase())),
        ("the server's", key(&acme().api_key)),
        ("another partner's", key(&globex().sdk_api_key)),
        (
            "twice",
            and_header(session.request(), "x-api-key", &acme().sdk_api_key),
        ),
        (
            "of two partners",
            and_header(session.request(), "x-api-key", &globex().sdk_api_key),
        ),
        ("disabled", of_partner("initech", &initech().sdk_api_key)),
        (
            "disabled, and another's",
            of_partner("initech", &acme().sdk_api_key),
        ),
        ("gone", of_partner("nobody", &acme().sdk_api_key)),
        (
            "the token of another",
            of_partner("globex", &acme().sdk_api_key),
        ),
    ];
    let mut bodies = Vec::new();
    for (what, request) in rows {
        let reply = service.send_renewal(request, &session).await;
        let found = (reply.status, &reply.json["resCode"], reply.is_sealed());
        assert_eq!(found, (401, &json!("TOK002"), false), "{what}: {reply}");
        bodies.push(reply.body);
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    assert_eq!(service.updates(), 0);
    // A partner has no record of another's session.
    let request = of_partner("globex", &globex().sdk_api_key);
    service
        .send_renewal(request, &session)
        .await
        .ended("expired");
    service.renew(&session).await.issued();
}

/// Renews until the reply is sealed, which needs a secret that the service must read early, once.
async fn opens_soon(service: &Service, what: &str, session: &Session, until: &str) -> Reply {
    let before = service.secret_reads();
    let reply = eventually(what, SOON, async || {
        let reply = service.renew(session).await;
        match reply.is_sealed() {
            true => Some(reply),
            false => {
                reply.refused_plainly(401, until);
                None
            }
        }
    })
    .await;
    assert_eq!(service.secret_reads() - before, 1, "{what}");
    reply
}

#[tokio::test]
async fn what_is_new_works_before_the_ttl() {
    let (old, new) = (&["token-1"][..], &["token-2", "token-1"][..]);
    let record = &["record"][..];
    let (newcomer, entry) = partner_with("newcomer");
    let mut partners = with_partner(entry);
    let keys = partners["partners"][0]["sdkApiKeySha256"].as_array_mut();
    keys.unwrap()
        .push(service_tests::hash_of("new-sdk-key").into());
    // Another instance has refreshed already.
    let ahead = Service::start_with(|options| {
        options.server_keys = Some(server_keys_of(new, record));
        options.api_keys = Some(partners.clone());
    })
    .await
    .knowing(newcomer.clone());
    let of_new_key = ahead.begin().await;
    let of_newcomer = ahead.begin_as(&newcomer, &Plain::new()).await;

    let service = Service::start_with(|options| {
        options.server_keys = Some(server_keys_of(old, record));
        options.env = service_tests::variables(&EARLY);
    })
    .await;
    put_secret(&service, "server-keys", &server_keys_of(new, record)).await;
    let reply = opens_soon(&service, "a new token key", &of_new_key, "TOK401").await;
    reply.ended("expired");

    put_secret(&service, "api-keys", &partners).await;
    let reply = opens_soon(&service, "a new partner", &of_newcomer, "TOK002").await;
    reply.ended("expired");

    let session = service.begin().await;
    let mut newer = partners.clone();
    let keys = newer["partners"][0]["sdkApiKeySha256"].as_array_mut();
    keys.unwrap()
        .push(service_tests::hash_of("newest-sdk-key").into());
    put_secret(&service, "api-keys", &newer).await;
    let mut renewing = session.clone();
    renewing.sdk_api_key = "newest-sdk-key".to_owned();
    let reply = opens_soon(&service, "a new sdkApiKey", &renewing, "TOK002").await;
    reply.issued();
}

#[tokio::test]
async fn strangers_cause_no_more_than_the_rate() {
    let service = Service::start().await;
    let session = service.begin().await;
    let kid = TOKEN_HEADER.replace("2026-11", "2026-12");
    let unknown = token_with_header(&kid, &claims_text(&session.token));
    for _ in 0..5 {
        let reply = service.renew(&session.with_token(&unknown)).await;
        reply.refused_plainly(401, "TOK401");
        let request = with_header(session.request(), "x-api-key", "unknown");
        let reply = service.send_renewal(request, &session).await;
        reply.refused_plainly(401, "TOK002");
    }
    // Within 30 s after the first load.
    assert_eq!(service.secret_reads(), 2);
}
