//! Who may introspect: the resource servers of the secret, by id and secret.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::Request;
use peers::{resource_server::introspection, rules::introspection::Introspected};
use sandbox::development;
use serde_json::{Value, json};
use service_tests::{
    Service, acme, and_header, api_keys, eventually, hash_of, put_secret, with_header,
    without_header,
};

use super::parameters::asking;
use crate::secrets::{EARLY, SOON};

/// A request with these credentials, not encoded further.
fn by(credentials: &str) -> Request<Bytes> {
    let encoded = BASE64_STANDARD.encode(credentials);
    with_header(
        asking("token=a"),
        "authorization",
        &format!("Basic {encoded}"),
    )
}

async fn is_unknown(service: &Service, request: Request<Bytes>, what: &str) {
    let found = service.send_introspection(request).await;
    let refused = Introspected::Refused("invalid_client".to_owned());
    assert_eq!(found, (401, refused), "{what}");
}

async fn is_served(service: &Service, request: Request<Bytes>, what: &str) {
    let found = service.send_introspection(request).await;
    assert_eq!(found, (200, Introspected::Inactive), "{what}");
}

fn server(id: &str, secrets: &[&str]) -> Value {
    let hashes: Vec<String> = secrets.iter().map(|secret| hash_of(secret)).collect();
    json!({ "resourceServerId": id, "secretSha256": hashes })
}

#[tokio::test]
async fn whoever_is_no_resource_server_has_one_answer() {
    let service = Service::start().await;
    let wallet = development::wallet().unwrap();
    let (id, secret) = (&wallet.resource_server_id, &wallet.secret);
    let sound = format!("{id}:{secret}");
    let encoded = BASE64_STANDARD.encode(&sound);
    let authorized = |value: &str| with_header(asking("token=a"), "authorization", value);
    is_served(&service, by(&sound), "sound").await;
    for (what, request) in [
        ("none", without_header(asking("token=a"), "authorization")),
        ("empty", authorized("")),
        ("no credentials", authorized("Basic")),
        ("empty credentials", authorized("Basic ")),
        ("another scheme", authorized(&format!("Bearer {encoded}"))),
        ("no scheme", authorized(&encoded)),
        ("not base64", authorized("Basic wallet:secret")),
        (
            "no padding",
            authorized(&format!("Basic {}", encoded.trim_end_matches('='))),
        ),
        ("two", authorized(&format!("Basic {encoded} {encoded}"))),
        (
            "twice",
            and_header(by(&sound), "authorization", &format!("Basic {encoded}")),
        ),
        ("no colon", by("wallet")),
        ("a colon alone", by(":")),
        ("no secret", by(&format!("{id}:"))),
        ("no id", by(&format!(":{secret}"))),
        ("another secret", by(&format!("{id}:{secret}x"))),
        ("another case", by(&sound.to_uppercase())),
        ("an unknown id", by(&format!("cards:{secret}"))),
        ("turned round", by(&format!("{secret}:{id}"))),
        ("an escape of no UTF-8", by(&format!("{sound}%ff"))),
        ("a space behind", by(&format!("{sound} "))),
        ("a partner", by(&format!("acme:{}", acme().api_key))),
        (
            "an API key",
            with_header(
                without_header(asking("token=a"), "authorization"),
                "x-api-key",
                &acme().api_key,
            ),
        ),
        (
            "in the body",
            without_header(
                asking(&format!("token=a&client_id={id}&client_secret={secret}")),
                "authorization",
            ),
        ),
    ] {
        // "no padding" is what it says only where there is some.
        if what == "no padding" && !encoded.ends_with('=') {
            continue;
        }
        is_unknown(&service, request, what).await;
    }
    assert_eq!(service.dynamodb_faults().requests(), 0);
    // Strangers cause no more refreshes than the rate.
    assert_eq!(service.secret_reads(), 2);
    for scheme in ["basic", "BASIC", "Basic "] {
        is_served(&service, authorized(&format!("{scheme} {encoded}")), scheme).await;
    }
}

#[tokio::test]
async fn id_and_secret_are_form_encoded() {
    let mut keys = api_keys();
    keys["resourceServers"] = json!([server("a.b_c-1", &["s:% +/é"]), server("plain", &["abc"])]);
    let service = Service::start_with(|options| options.api_keys = Some(keys)).await;
    for credentials in [
        "a.b_c-1:s%3A%25+%2B%2F%C3%A9",
        "a%2Eb_c-1:s%3a%25%20%2b%2f%c3%a9",
        // What needs no encoding may have none.
        "a.b_c-1:s:%25+%2B/é",
        "%70lain:%61bc",
    ] {
        is_served(&service, by(credentials), credentials).await;
    }
    for credentials in [
        "a.b_c-1:s:%25 +/é",
        "a.b_c-1:s%253A%2525+%252B%252F",
        "plain:ab c",
    ] {
        is_unknown(&service, by(credentials), credentials).await;
    }
}

#[tokio::test]
async fn each_resource_server_has_its_own_secrets() {
    let mut keys = api_keys();
    let mut off = server("off", &["c"]);
    off["enabled"] = json!(false);
    let mut on = server("on", &["d"]);
    on["enabled"] = json!(true);
    keys["resourceServers"] = json!([
        server("wallet", &["a", "b"]),
        off,
        on,
        server("cards", &["e"])
    ]);
    let service = Service::start_with(|options| options.api_keys = Some(keys)).await;
    for sound in ["wallet:a", "wallet:b", "on:d", "cards:e"] {
        is_served(&service, by(sound), sound).await;
    }
    for unknown in [
        "wallet:d", "wallet:c", "off:c", "off:a", "on:c", "cards:a", "cards:ee",
    ] {
        is_unknown(&service, by(unknown), unknown).await;
    }
    let mut nobody = api_keys();
    for servers in [json!([]), Value::Null] {
        match servers.is_null() {
            true => drop(nobody.as_object_mut().unwrap().remove("resourceServers")),
            false => nobody["resourceServers"] = servers,
        }
        let service = Service::start_with(|options| options.api_keys = Some(nobody.clone())).await;
        is_unknown(&service, by("wallet:a"), "none there").await;
        service.begin().await;
    }
}

#[tokio::test]
async fn what_is_new_works_before_the_ttl() {
    let service = Service::start_in(&EARLY).await;
    let mut keys = api_keys();
    for (what, id, secrets) in [
        ("a new resource server", "cards", &["first"][..]),
        ("a new secret", "cards", &["first", "second"]),
    ] {
        keys["resourceServers"] = json!([server(id, secrets)]);
        put_secret(&service, "api-keys", &keys).await;
        let before = service.secret_reads();
        let secret = secrets[secrets.len() - 1];
        eventually(what, SOON, async || {
            let request = introspection(id, secret, "a").unwrap();
            match service.send_introspection(request).await {
                (200, Introspected::Inactive) => Some(()),
                (401, _) => None,
                other => panic!("{other:?}"),
            }
        })
        .await;
        assert_eq!(service.secret_reads() - before, 1, "{what}");
    }
    // And one that is gone is gone.
    is_unknown(&service, asking("token=a"), "removed").await;
}
