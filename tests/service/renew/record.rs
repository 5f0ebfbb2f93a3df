//! The record of a renewed session: its attributes, its size, and the keys that seal it.

use aws_sdk_dynamodb::types::AttributeValue;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use peers::resource_server::open_token;
use sandbox::item_size::{WRITE_UNIT_BYTES, item_size};
use serde_json::{Value, json};
use service_tests::{
    Plain, Service, acme, claims, eventually, put_secret, server_keys_of,
    table::{Table, bytes, bytes_of, shows_none_of, text},
    variables,
};

use super::super::secrets::{EARLY, QUICK, SOON};

#[tokio::test]
async fn a_renewal_changes_exactly_its_attributes() {
    for (retention, env) in [
        (86_400, &[][..]),
        (300, &[("RECORD_RETENTION_SECONDS", "300")]),
    ] {
        let service = Service::start_in(env).await;
        let mut session = service.begin_as(acme(), &Plain::seed()).await;
        let mut expected = service.stored(&session.reference);
        assert_eq!(expected.get("previousJti"), None);
        assert_eq!(expected.get("tokenSealedBy"), None);
        for _ in 0..2 {
            let renewed = service.renew(&session).await.issued();
            let expire_at = renewed.json["expireAt"].as_i64().unwrap();
            let ttl = expire_at / 1000 + retention;
            expected["previousJti"] = json!({"S": claims(&session.token)["jti"]});
            expected["jti"] = json!({"S": claims(renewed.token())["jti"]});
            expected["expireAt"] = json!({"N": expire_at.to_string()});
            expected["ttl"] = json!({"N": ttl.to_string()});
            expected["tokenSealedBy"] = json!({"S": "record-2026-11"});
            let item = service.stored(&session.reference);
            assert_ne!(item["token"], expected["token"]);
            expected["token"] = item["token"].clone();
            assert_eq!(item, expected);
            let began = claims(renewed.token())["auth_time"].as_i64().unwrap();
            assert_eq!(item["issuedAt"]["N"], (began * 1000).to_string());
            session = session.with_token(renewed.token());
        }
    }
}

#[tokio::test]
async fn what_is_refused_or_replayed_changes_nothing() {
    let service = Service::start().await;
    let session = service.begin().await;
    let renewed = service.renew(&session).await.issued();
    let item = service.stored(&session.reference);
    service.renew(&session).await.replays(&renewed);
    assert_eq!(service.stored(&session.reference), item);
    let next = session.with_token(renewed.token());
    service.renew(&next).await.issued();
    let item = service.stored(&session.reference);
    service.renew(&session).await.ended("superseded");
    assert_eq!(service.stored(&session.reference), item);
    service.invalidate(&session.reference).await.issued();
    let item = service.stored(&session.reference);
    service.renew(&next).await.ended("revoked");
    assert_eq!(service.stored(&session.reference), item);
}

#[tokio::test]
async fn the_seeds_sample_takes_one_write_unit_renewed_and_revoked() {
    // Key ids of 16 characters.
    let rings = server_keys_of(&["token-2026-11-24"], &["record-2026-1124"]);
    let service = Service::start_with(|options| options.server_keys = Some(rings)).await;
    let plain = Plain::seed();
    assert_eq!(plain.reference().len(), 36);
    let session = service.begin_as(acme(), &plain).await;
    let renewed = service.renew(&session).await.issued();
    service
        .renew(&session.with_token(renewed.token()))
        .await
        .issued();
    let fits = async || {
        let item = service.stored(&plain.reference());
        for name in ["sealedBy", "tokenSealedBy"] {
            assert_eq!(item[name]["S"].as_str().unwrap().len(), 16);
        }
        assert!(item.get("previousJti").is_some());
        let size = item_size(&item);
        assert!(size <= WRITE_UNIT_BYTES, "{size} bytes");
        item
    };
    fits().await;
    service.invalidate(&plain.reference()).await.issued();
    assert_eq!(fits().await["status"]["S"], "REVOKED");
}

#[tokio::test]
async fn the_record_shows_nothing_of_the_renewed_token_or_the_key() {
    let service = Service::start().await;
    let session = service.begin_as(acme(), &Plain::seed()).await;
    let renewed = service.renew(&session).await.issued();
    let item = service.stored(&session.reference);
    let mut secrets = vec![
        session.key.to_vec(),
        URL_SAFE_NO_PAD.encode(session.key).into_bytes(),
        b"123123123".to_vec(),
        b"A256GCM".to_vec(),
    ];
    for token in [&session.token, renewed.token()] {
        for segment in token.split('.').filter(|segment| !segment.is_empty()) {
            secrets.push(segment.as_bytes()[..16].to_vec());
            let bytes = URL_SAFE_NO_PAD.decode(segment).unwrap();
            secrets.push(bytes[..12].to_vec());
        }
    }
    shows_none_of(&item, &secrets);
}

#[tokio::test]
async fn a_token_that_was_moved_or_altered_is_unreadable() {
    let service = Service::start().await;
    let table = Table::of(&service);
    let session = service.begin().await;
    let reference = session.reference.clone();
    let first = table.item(&reference).await;
    let renewed = service.renew(&session).await.issued();
    let original = table.item(&reference).await;
    let other = service.begin().await;
    service.renew(&other).await.issued();
    let others = table.item(&other.reference).await;
    let token = bytes_of(&original, "token");
    let flipped = |at: usize| {
        let mut token = token.clone();
        token[at] ^= 1;
        bytes(&token)
    };
    let mut altered: Vec<(&str, AttributeValue)> = vec![
        // Another generation's, another item's, another part's.
        ("token", first["token"].clone()),
        ("token", others["token"].clone()),
        ("token", original["sealed"].clone()),
        ("jti", first["jti"].clone()),
        ("token", flipped(0)),
        ("token", flipped(token.len() - 1)),
        ("token", bytes(&token[..token.len() - 1])),
        ("token", bytes(&[1])),
        ("tokenSealedBy", text("record-of-nobody")),
        ("tokenSealedBy", text("token-2026-11")),
        ("status", text("PAUSED")),
    ];
    for name in [
        "token",
        "tokenSealedBy",
        "jti",
        "previousJti",
        "status",
        "ttl",
        "expireAt",
    ] {
        altered.push((name, AttributeValue::Null(true)));
    }
    for (name, value) in altered {
        let shown = format!("{name} {value:?}");
        table.set(&reference, name, value).await;
        let reply = service.renew(&session).await;
        // A ttl that is no number keeps nothing: whatever stands there is no record.
        let found = (reply.status, &reply.json["resCode"], reply.is_sealed());
        let expected = match name {
            // The presented one is the current one again, and is renewed.
            "jti" if reply.status == 200 => (200, &json!("TOK200"), true),
            _ => (500, &json!("TOK003"), true),
        };
        assert_eq!(found, expected, "{shown}: {reply}");
        assert_eq!(reply.text("referenceId"), reference, "{shown}");
        table.put(original.clone()).await;
    }
    service.renew(&session).await.replays(&renewed);
}

fn rings(record: &[&str]) -> Value {
    server_keys_of(&["token"], record)
}

#[tokio::test]
async fn a_session_is_renewed_after_the_rings_were_rotated() {
    let old = server_keys_of(&["token-1"], &["record-1"]);
    let both = server_keys_of(&["token-2", "token-1"], &["record-2", "record-1"]);
    let service = Service::start_with(|options| {
        options.server_keys = Some(old.clone());
        options.env = variables(&QUICK);
    })
    .await;
    let plain = Plain::seed();
    let mut session = service.begin_as(acme(), &plain).await;
    let first = service.stored(&session.reference);
    put_secret(&service, "server-keys", &both).await;
    let (presented, renewed) = eventually("tokens under the new key", SOON, async || {
        let presented = session.clone();
        let reply = service.renew(&session).await.issued();
        session = session.with_token(reply.token());
        open_token(reply.token(), &old)
            .is_err()
            .then_some((presented, reply))
    })
    .await;
    assert!(open_token(renewed.token(), &both).is_ok());
    let item = service.stored(&session.reference);
    assert_eq!(item["tokenSealedBy"]["S"], "record-2");
    for name in ["sealedBy", "sealed", "fingerprint"] {
        assert_eq!(item[name], first[name]);
    }
    // Each part is opened under its own key.
    service.renew(&presented).await.replays(&renewed);
    let replay = service.ask(&plain).await;
    assert!(replay.is_replayed() && replay.token() == renewed.token());
    service
        .ask(&plain.clone().text("name", "x"))
        .await
        .conflicts("reused");

    // The key that the record began with is removed too early: the session renews, Get Token cannot
    // compare.
    let newest = server_keys_of(&["token-2"], &["record-2"]);
    put_secret(&service, "server-keys", &newest).await;
    eventually("the old record key is gone", SOON, async || {
        let reply = service.ask(&plain).await;
        (!reply.is_replayed()).then(|| reply.refused(500, "TOK003"))
    })
    .await;
    let again = service.renew(&session).await.issued();
    service.renew(&session).await.replays(&again);
}

#[tokio::test]
async fn a_token_sealed_by_a_newer_record_key_causes_an_early_refresh() {
    let plain = Plain::new();
    // Another instance, which has refreshed already, renews the token.
    let (old, newer) = (rings(&["record-1"]), rings(&["record-2", "record-1"]));
    let ahead = Service::start_with(|options| {
        options.server_keys = Some(old.clone());
        options.env = variables(&QUICK);
    })
    .await;
    let mut session = ahead.begin_as(acme(), &plain).await;
    put_secret(&ahead, "server-keys", &newer).await;
    let (presented, renewed) = eventually("the new record key", SOON, async || {
        let presented = session.clone();
        let reply = ahead.renew(&session).await.issued();
        session = session.with_token(reply.token());
        let item = ahead.stored(&session.reference);
        (item["tokenSealedBy"]["S"] == "record-2").then_some((presented, reply))
    })
    .await;
    let item = Table::of(&ahead).item(&session.reference).await;

    for renews in [true, false] {
        let service = Service::start_with(|options| {
            options.server_keys = Some(old.clone());
            options.env = variables(&EARLY);
        })
        .await;
        Table::of(&service).put(item.clone()).await;
        put_secret(&service, "server-keys", &newer).await;
        let before = service.secret_reads();
        let replay = eventually("the newer ring", SOON, async || {
            let reply = match renews {
                true => service.renew(&presented).await,
                false => service.ask(&plain).await,
            };
            match reply.status {
                200 => Some(reply),
                // Within the second after the last attempt none follows.
                _ => {
                    reply.refused(500, "TOK003");
                    None
                }
            }
        })
        .await;
        assert!(replay.is_replayed() && replay.token() == renewed.token());
        assert_eq!(service.secret_reads() - before, 1);
    }
    // Without a newer ring it is an internal error, for now.
    let behind = Service::start_with(|options| options.server_keys = Some(old)).await;
    Table::of(&behind).put(item).await;
    behind.renew(&presented).await.refused(500, "TOK003");
    // The current token needs nothing of what the newer key sealed.
    behind.renew(&session).await.issued();
}
