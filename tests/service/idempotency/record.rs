//! Records that were altered, moved, or sealed by other keys.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use peers::resource_server::open_token;
use service_tests::{
    Plain, Service, eventually, put_secret, reference, server_keys_of,
    table::{Table, bytes, bytes_of, key, number, text},
};

/// Some seconds for what happens within one.
const SOON: Duration = Duration::from_secs(15);

#[tokio::test]
async fn a_record_that_was_moved_is_unreadable() {
    let service = Service::start().await;
    let table = Table::of(&service);
    // The same customer, key and token lifetime: only the reference ids differ.
    let (here, there) = (Plain::new(), Plain::new());
    let first = service.ask(&here).await.issued();
    service.ask(&there).await.issued();

    // What is sealed, put into the other item.
    let original = table.item(&here.reference()).await;
    let other = table.item(&there.reference()).await;
    table
        .set(&there.reference(), "sealed", original["sealed"].clone())
        .await;
    service.ask(&there).await.refused(500, "TOK003");

    // The whole item, under the other key: now it is not even that request's.
    let mut moved = original.clone();
    moved.insert("pk".to_owned(), key(&there.reference()));
    table.put(moved).await;
    let reply = service.ask(&there).await;
    assert!([409, 500].contains(&reply.status), "{reply}");

    table.put(other).await;
    assert!(service.ask(&there).await.is_replayed());
    service.ask(&here).await.replays(&first);
}

#[tokio::test]
async fn a_record_that_was_altered_is_an_internal_error() {
    let service = Service::start().await;
    let table = Table::of(&service);
    let plain = Plain::seed();
    let first = service.ask(&plain).await.issued();
    let reference = plain.reference();
    let original = table.item(&reference).await;
    let sealed = bytes_of(&original, "sealed");

    let flipped = |at: usize| {
        let mut sealed = sealed.clone();
        sealed[at] ^= 1;
        bytes(&sealed)
    };
    let mut altered = vec![
        ("sealed", flipped(0)),
        ("sealed", flipped(sealed.len() / 2)),
        ("sealed", flipped(sealed.len() - 1)),
        ("sealed", bytes(&sealed[..sealed.len() - 1])),
        ("sealed", bytes(&sealed[..27])),
        ("sealed", bytes(&[7])),
        ("status", text("PAUSED")),
        ("sealedBy", text("record-of-nobody")),
        ("sealedBy", text("")),
        ("sealedBy", text("token-2026-11")),
    ];
    for attribute in ["status", "expireAt", "sealedBy", "sealed", "fingerprint"] {
        altered.push((attribute, AttributeValue::Null(true)));
    }
    for (attribute, value) in altered {
        let shown = format!("{attribute} {value:?}");
        table.set(&reference, attribute, value).await;
        let reply = service.ask(&plain).await;
        assert_eq!(
            (reply.status, &reply.json["resCode"]),
            (500, &"TOK003".into()),
            "{shown}: {reply}"
        );
        assert!(
            reply.is_sealed() && reply.text("referenceId") == reference,
            "{shown}: {reply}"
        );
        table.put(original.clone()).await;
    }
    for attribute in [
        "status",
        "expireAt",
        "sealedBy",
        "sealed",
        "fingerprint",
        "jti",
    ] {
        let mut item = original.clone();
        item.remove(attribute);
        table.put(item).await;
        service.ask(&plain).await.refused(500, "TOK003");
    }
    table.put(original).await;
    service.ask(&plain).await.replays(&first);
}

#[tokio::test]
async fn a_fingerprint_of_another_request_is_a_conflict() {
    let service = Service::start().await;
    let table = Table::of(&service);
    let plain = Plain::seed();
    service.ask(&plain).await.issued();
    for fingerprint in [vec![0; 32], vec![0; 31], vec![1]] {
        table
            .set(&plain.reference(), "fingerprint", bytes(&fingerprint))
            .await;
        service.ask(&plain).await.conflicts("reused");
    }
}

#[tokio::test]
async fn the_clear_attributes_decide_not_the_sealed_ones() {
    let service = Service::start().await;
    let table = Table::of(&service);
    let plain = Plain::seed();
    let first = service.ask(&plain).await.issued();
    let expires = first.json["expireAt"].as_i64().unwrap();
    // Somebody lets it expire earlier, but not yet.
    table
        .set(&plain.reference(), "expireAt", number(expires - 60_000))
        .await;
    let again = service.ask(&plain).await;
    assert!(
        again.is_replayed() && again.token() == first.token(),
        "{again}"
    );
    table.set(&plain.reference(), "expireAt", number(1)).await;
    service.ask(&plain).await.conflicts("expired");
}

const QUICK: [(&str, &str); 2] = [
    ("SECRETS_TTL_SECONDS", "1"),
    ("SECRETS_MIN_REFRESH_SECONDS", "1"),
];

#[tokio::test]
async fn replays_after_the_rings_were_rotated() {
    let old = server_keys_of(&["token-1"], &["record-1"]);
    let both = server_keys_of(&["token-2", "token-1"], &["record-2", "record-1"]);
    let service = Service::start_with(|options| {
        options.server_keys = Some(old.clone());
        options.env = QUICK
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
    })
    .await;
    let plain = Plain::seed();
    let first = service.ask(&plain).await.issued();
    assert!(open_token(first.token(), &old).is_ok());

    put_secret(&service, "server-keys", &both).await;
    let (renewed, reply) = eventually("tokens under the new key", SOON, async || {
        let plain = Plain::new();
        let reply = service.ask(&plain).await.issued();
        open_token(reply.token(), &old)
            .is_err()
            .then_some((plain, reply))
    })
    .await;
    assert!(open_token(reply.token(), &both).is_ok());
    let item = service.stored(&renewed.reference());
    assert_eq!(item["sealedBy"]["S"], "record-2");

    // Compared and opened under its own key, and still the first token.
    service.ask(&plain).await.replays(&first);
    service
        .ask(&plain.clone().text("name", "x"))
        .await
        .conflicts("reused");
    service.ask(&renewed).await.replays(&reply);

    // Removed too early: the record cannot be judged any more.
    put_secret(
        &service,
        "server-keys",
        &server_keys_of(&["token-2"], &["record-2"]),
    )
    .await;
    eventually("the old record key is gone", SOON, async || {
        let reply = service.ask(&plain).await;
        (!reply.is_replayed()).then(|| reply.refused(500, "TOK003"))
    })
    .await;
    service.ask(&renewed).await.replays(&reply);
}

#[tokio::test]
async fn a_record_of_a_newer_key_causes_an_early_refresh() {
    let plain = Plain::of(&reference());
    // Another instance, which has refreshed already, wrote this record.
    let newer = server_keys_of(&["token-2", "token-1"], &["record-2", "record-1"]);
    let ahead = Service::start_with(|options| options.server_keys = Some(newer.clone())).await;
    let first = ahead.ask(&plain).await.issued();
    let item = Table::of(&ahead).item(&plain.reference()).await;

    let service = Service::start_with(|options| {
        options.server_keys = Some(server_keys_of(&["token-1"], &["record-1"]));
        options.env = vec![("SECRETS_MIN_REFRESH_SECONDS".to_owned(), "1".to_owned())];
    })
    .await;
    Table::of(&service).put(item).await;
    put_secret(&service, "server-keys", &newer).await;
    let replay = eventually("the newer ring", SOON, async || {
        let reply = service.ask(&plain).await;
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
    replay.replays(&first);
}
