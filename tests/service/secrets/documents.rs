//! Which documents are refused: with the path of the failing member in the log, never its value,
//! and 503 to callers.

use std::time::Duration;

use serde_json::{Value, json};
use service_tests::{
    Plain, Service, acme, api_keys, eventually, globex, hash_of, jwk, partner_with, server_keys_of,
};

/// A value that no log may show.
const CANARY: &str = "canary/of+the~tests";

/// Starts with these documents, and finds the path of what is refused in the log.
async fn refuses(partners: Option<Value>, rings: Option<Value>, path: &str) {
    let shown = format!("{path}: {partners:?} {rings:?}");
    let service = Service::start_with(|options| {
        options.api_keys = partners;
        options.server_keys = rings;
    })
    .await;
    let reply = service.ask(&Plain::new()).await;
    assert_eq!(
        (reply.status, &reply.json["resCode"]),
        (503, &json!("TOK503")),
        "{shown}: {reply}"
    );
    let line = eventually(
        "a line about the secret",
        Duration::from_secs(10),
        async || {
            service
                .log_json()
                .into_iter()
                .find(|line| line["level"] != "INFO")
        },
    )
    .await
    .to_string();
    assert!(line.contains(path), "no {path} in {line}");
    let lines = service.log_lines().join("\n");
    for secret in [CANARY, "i3JCdp6qebM4", "63cbde78575c", &hash_of(CANARY)] {
        assert!(!lines.contains(secret), "{secret} is in the log: {lines}");
    }
}

async fn refuses_partner(path: &str, change: impl FnOnce(&mut Value)) {
    let mut partners = api_keys();
    change(&mut partners["partners"][0]);
    refuses(Some(partners), None, &format!("partners[0]{path}")).await;
}

fn without(value: &mut Value, member: &str) {
    value.as_object_mut().unwrap().remove(member).unwrap();
}

#[tokio::test]
async fn refuses_a_partner_that_breaks_a_rule() {
    for member in [
        "partnerId",
        "programId",
        "apiKeySha256",
        "sdkApiKeySha256",
        "payloadKeys",
    ] {
        refuses_partner(&format!(".{member}"), |partner| without(partner, member)).await;
        refuses_partner(&format!(".{member}"), |partner| {
            partner[member] = json!(null)
        })
        .await;
    }
    let rows = [
        ("partnerId", json!("")),
        ("partnerId", json!("a#b")),
        ("partnerId", json!(CANARY)),
        ("partnerId", json!("a".repeat(65))),
        ("partnerId", json!(7)),
        ("programId", json!(-1)),
        ("programId", json!(2_147_483_648_u64)),
        ("programId", json!(1.5)),
        ("programId", json!("2001")),
        ("apiKeySha256", json!([])),
        ("apiKeySha256", json!(hash_of(CANARY))),
        ("sdkApiKeySha256", json!([])),
        ("payloadKeys", json!([jwk("a")])),
        ("tokenTtlSeconds", json!(59)),
        ("tokenTtlSeconds", json!(86_401)),
        ("tokenTtlSeconds", json!("600")),
        ("tokenTtlSeconds", json!(600.5)),
        ("enabled", json!("true")),
        ("enabled", json!(1)),
        ("enabeld", json!(CANARY)),
        ("Enabled", json!(false)),
    ];
    for (member, value) in rows {
        refuses_partner(&format!(".{member}"), |partner| partner[member] = value).await;
    }
    for member in ["apiKeySha256", "sdkApiKeySha256"] {
        for value in [
            json!(CANARY),
            json!(&hash_of(CANARY)[1..]),
            json!(format!("{}0", hash_of(CANARY))),
            json!(1),
        ] {
            refuses_partner(&format!(".{member}[1]"), |partner| {
                partner[member].as_array_mut().unwrap().push(value);
            })
            .await;
        }
    }
}

#[tokio::test]
async fn refuses_a_ring_that_breaks_a_rule() {
    refuses_partner(".payloadKeys.keys", |partner| {
        partner["payloadKeys"] = json!({"keys": []})
    })
    .await;
    refuses_partner(".payloadKeys.keys", |partner| {
        partner["payloadKeys"] = json!({})
    })
    .await;
    refuses_partner(".payloadKeys.kyes", |partner| {
        partner["payloadKeys"]["kyes"] = json!([])
    })
    .await;
    let nine: Vec<Value> = (0..9).map(|at| jwk(&format!("k{at}"))).collect();
    refuses_partner(".payloadKeys.keys", |partner| {
        partner["payloadKeys"]["keys"] = nine.into()
    })
    .await;
    let padded = format!("{}=", jwk("a")["k"].as_str().unwrap());
    let rows = [
        ("kty", json!("RSA")),
        ("kty", json!(null)),
        ("kid", json!("")),
        ("kid", json!("a b")),
        ("kid", json!("é")),
        ("kid", json!("a".repeat(129))),
        ("kid", json!(1)),
        ("kid", json!("acme-2026-11")),
        ("k", json!(CANARY)),
        ("k", json!("")),
        ("k", json!(padded)),
        ("k", json!(&padded[..42])),
        ("k", json!(&padded[..40])),
        ("k", json!(format!("{}A", &padded[..43]))),
        ("k", json!(7)),
    ];
    for (member, value) in rows {
        refuses_partner(&format!(".payloadKeys.keys[1].{member}"), |partner| {
            partner["payloadKeys"]["keys"][1][member] = value;
        })
        .await;
    }
    for (path, change) in [
        ("token", json!({"record": {"keys": [jwk("r")]}})),
        ("record", json!({"token": {"keys": [jwk("t")]}})),
        (
            "token.keys",
            json!({"token": {"keys": []}, "record": {"keys": [jwk("r")]}}),
        ),
        (
            "record.keys[1].kid",
            json!({"token": {"keys": [jwk("t")]}, "record": {"keys": [jwk("r"), jwk("r")]}}),
        ),
        (
            "payload",
            json!({"token": {"keys": [jwk("t")]}, "record": {"keys": [jwk("r")]}, "payload": {}}),
        ),
    ] {
        refuses(None, Some(change), path).await;
    }
}

#[tokio::test]
async fn refuses_what_occurs_twice() {
    let mut partners = api_keys();
    partners["partners"][1]["partnerId"] = json!("acme");
    refuses(Some(partners), None, "partners[1].partnerId").await;

    let mut partners = api_keys();
    partners["partners"][1]["apiKeySha256"] = partners["partners"][0]["apiKeySha256"].clone();
    refuses(Some(partners), None, "partners[1].apiKeySha256[0]").await;

    let mut partners = api_keys();
    let twice = partners["partners"][0]["apiKeySha256"][0].clone();
    partners["partners"][0]["apiKeySha256"]
        .as_array_mut()
        .unwrap()
        .push(twice);
    refuses(Some(partners), None, "partners[0].apiKeySha256[1]").await;

    // Each of the two could read the other's requests and answers.
    let mut partners = api_keys();
    let shared = partners["partners"][0]["payloadKeys"]["keys"][1]["k"].clone();
    let ring = partners["partners"][1]["payloadKeys"]["keys"].as_array_mut();
    let ring = ring.unwrap();
    let at = ring.len();
    ring.push(json!({"kty": "oct", "kid": "another-kid", "k": shared}));
    let path = format!("partners[1].payloadKeys.keys[{at}].k must not be");
    refuses(Some(partners), None, &path).await;
}

#[tokio::test]
async fn refuses_what_is_no_such_document() {
    for (document, path) in [
        (json!({}), "partners"),
        (json!({"partners": {}}), "partners"),
        (json!({"partners": []}), "partners"),
        (json!({"partners": [1]}), "partners[0]"),
        (json!({"partners": [], "version": 1}), "version"),
        (json!([]), ""),
        (json!(CANARY), ""),
    ] {
        refuses(Some(document), None, path).await;
    }
}

#[tokio::test]
async fn takes_every_document_that_keeps_the_rules() {
    let mut partners = api_keys();
    let eight: Vec<Value> = (0..8).map(|at| jwk(&"k".repeat(121 + at))).collect();
    let (newcomer, mut entry) = partner_with(&"a".repeat(64));
    entry["programId"] = json!(0);
    entry["payloadKeys"]["keys"]
        .as_array_mut()
        .unwrap()
        .extend(eight[1..].to_vec());
    // SDK API keys may be shared, a partner may have one payload key under two ids, and a JWK may
    // say more than it must.
    entry["sdkApiKeySha256"] =
        json!([hash_of(&acme().sdk_api_key), hash_of(&newcomer.sdk_api_key)]);
    entry["payloadKeys"]["keys"][0]["alg"] = json!("A256GCM");
    entry["payloadKeys"]["keys"][0]["x-note"] = json!({"any": [1]});
    entry["enabled"] = json!(true);
    entry["tokenTtlSeconds"] = json!(86_400);
    partners["partners"][0]["programId"] = json!(2_147_483_647);
    let mut again = partners["partners"][1]["payloadKeys"]["keys"][0].clone();
    again["kid"] = json!("globex-again");
    let ring = partners["partners"][1]["payloadKeys"]["keys"].as_array_mut();
    ring.unwrap().push(again);
    partners["partners"].as_array_mut().unwrap().push(entry);
    let rings = server_keys_of(&["a", "b", "c", "d", "e", "f", "g", "h"], &["a"]);
    let service = Service::start_with(|options| {
        options.api_keys = Some(partners);
        options.server_keys = Some(rings.clone());
    })
    .await
    .knowing(newcomer.clone());

    let reply = service.ask(&Plain::new()).await.issued();
    let claims = peers::resource_server::open_token(reply.token(), &rings).unwrap();
    assert_eq!(claims["program_id"], 2_147_483_647);
    let plain = Plain::new().text("sdkApiKey", &acme().sdk_api_key);
    let reply = service.ask_as(&newcomer, &plain).await.issued();
    let claims = peers::resource_server::open_token(reply.token(), &rings).unwrap();
    assert_eq!(
        (&claims["program_id"], &claims["client_id"]),
        (&json!(0), &json!(newcomer.partner_id))
    );
    let mut globex_again = globex().clone();
    globex_again.payload_keys[0].kid = "globex-again".to_owned();
    let service = service.knowing(globex_again.clone());
    let plain = Plain::new().text("sdkApiKey", &globex().sdk_api_key);
    service.ask_as(&globex_again, &plain).await.issued();
}
