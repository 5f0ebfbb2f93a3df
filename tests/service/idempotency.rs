//! `(partner, referenceId)` names one issue.

mod race;
mod record;

use peers::{
    jwe::seal,
    partner::{LEGACY_TOKEN_PATH, TOKEN_PATH, token_request},
};
use service_tests::{
    Plain, Service, acme, api_keys, globex, hash_of,
    table::{Table, now, number, text},
};

#[tokio::test]
async fn replays_the_same_token_to_the_same_request() {
    let service = Service::start().await;
    let plain = Plain::seed();
    let first = service.ask(&plain).await.issued();
    for _ in 0..3 {
        let again = service.ask(&plain).await.replays(&first);
        assert_eq!(again.json, first.json);
    }
    assert_eq!(Table::of(&service).count().await, 1);
}

#[tokio::test]
async fn replays_from_another_instance() {
    let service = Service::start().await;
    let plain = Plain::seed();
    let first = service.ask(&plain).await.issued();
    service.end_idle_instances().await;
    service.ask(&plain).await.replays(&first);
}

#[tokio::test]
async fn compares_neither_method_nor_path_nor_key() {
    let service = Service::start().await;
    let plain = Plain::seed();
    let first = service.ask(&plain).await.issued();
    for path in [TOKEN_PATH, LEGACY_TOKEN_PATH] {
        for method in ["POST", "GET"] {
            for key in &acme().payload_keys {
                for kid in [None, Some(key.kid.as_str())] {
                    let body = seal(plain.json().as_bytes(), &key.k, kid);
                    let mut request = token_request(acme(), body).unwrap();
                    *request.uri_mut() = path.parse().unwrap();
                    *request.method_mut() = method.parse().unwrap();
                    service.send(request).await.replays(&first);
                }
            }
        }
    }
}

#[tokio::test]
async fn compares_no_sdk_api_key_and_no_unknown_member() {
    let mut partners = api_keys();
    let sdk_api_keys = partners["partners"][0]["sdkApiKeySha256"].as_array_mut();
    sdk_api_keys.unwrap().push(hash_of("NEXT KEY").into());
    let service = Service::start_with(|options| options.api_keys = Some(partners)).await;

    let plain = Plain::seed();
    let first = service.ask(&plain).await.issued();
    for same in [
        plain.clone().text("sdkApiKey", "NEXT KEY"),
        plain.clone().with("unknown", "[1]"),
        plain.clone().reversed(),
    ] {
        service.ask(&same).await.replays(&first);
    }
    let stranger = plain.text("sdkApiKey", "ANOTHER KEY");
    service.ask(&stranger).await.refused(401, "TOK004");
}

#[tokio::test]
async fn refuses_a_different_request_and_shows_nothing_of_the_first() {
    let service = Service::start().await;
    let plain = Plain::seed();
    let first = service.ask(&plain).await.issued();
    let another_sdk = peers::sdk::KeyPair::generate().public_key();
    for other in [
        plain.clone().text("name", "David Beckham"),
        plain.clone().without("name"),
        plain.clone().with("accountNumber", "123123124"),
        plain.clone().text("sdkPublicKey", &another_sdk),
        plain.clone().with("data", r#"{"key1":"value1"}"#),
        plain.clone().text("firstName", "David"),
    ] {
        let reply = service.ask(&other).await.conflicts("reused");
        assert_eq!(reply.text("referenceId"), plain.reference());
    }
    service.ask(&plain).await.replays(&first);
    assert_eq!(Table::of(&service).count().await, 1);
}

#[tokio::test]
async fn partners_do_not_share_reference_ids() {
    let service = Service::start().await;
    let plain = Plain::seed();
    let globexs = plain.clone().text("sdkApiKey", &globex().sdk_api_key);
    let acmes = service.ask(&plain).await.issued();
    let globexs_first = service.ask_as(globex(), &globexs).await.issued();
    assert_ne!(acmes.token(), globexs_first.token());
    service.ask(&plain).await.replays(&acmes);
    service
        .ask_as(globex(), &globexs)
        .await
        .replays(&globexs_first);
    assert_eq!(Table::of(&service).count().await, 2);
}

#[tokio::test]
async fn reference_ids_differ_in_case() {
    let service = Service::start().await;
    let lower = service.ask(&Plain::of("reference-a")).await.issued();
    let upper = service.ask(&Plain::of("reference-A")).await.issued();
    assert_ne!(lower.token(), upper.token());
}

#[tokio::test]
async fn a_request_that_fails_uses_no_reference_id() {
    let service = Service::start().await;
    let plain = Plain::seed();
    service
        .ask(&plain.clone().with("dob", "1"))
        .await
        .refused(400, "TOK400");
    service
        .ask(&plain.clone().text("sdkApiKey", "unknown"))
        .await
        .refused(401, "TOK004");
    assert_eq!(service.puts(), 0);
    service.ask(&plain).await.issued();
}

#[tokio::test]
async fn refuses_a_reference_whose_token_has_expired() {
    let service = Service::start().await;
    let table = Table::of(&service);
    let plain = Plain::seed();
    let first = service.ask(&plain).await.issued();
    let reference = plain.reference();

    table
        .set(&reference, "expireAt", number(now() * 1000 - 1))
        .await;
    let reply = service.ask(&plain).await.conflicts("expired");
    assert_eq!(reply.text("referenceId"), reference);
    // Who sends another request learns that, and nothing of the first one.
    service
        .ask(&plain.clone().text("name", "x"))
        .await
        .conflicts("reused");

    let expires = first.json["expireAt"].as_i64().unwrap();
    table.set(&reference, "expireAt", number(expires)).await;
    service.ask(&plain).await.replays(&first);
}

#[tokio::test]
async fn refuses_a_reference_whose_token_was_revoked() {
    let service = Service::start().await;
    let table = Table::of(&service);
    let plain = Plain::seed();
    let first = service.ask(&plain).await.issued();
    let reference = plain.reference();

    table.set(&reference, "status", text("REVOKED")).await;
    service.ask(&plain).await.conflicts("revoked");
    service
        .ask(&plain.clone().text("name", "x"))
        .await
        .conflicts("reused");

    table.set(&reference, "status", text("ACTIVE")).await;
    service.ask(&plain).await.replays(&first);
}

#[tokio::test]
async fn a_reference_is_free_again_when_its_records_ttl_has_passed() {
    let service = Service::start().await;
    let table = Table::of(&service);
    for (status, other) in [
        ("ACTIVE", false),
        ("ACTIVE", true),
        ("REVOKED", false),
        ("REVOKED", true),
    ] {
        let plain = Plain::new();
        let reference = plain.reference();
        let first = service.ask(&plain).await.issued();
        table.set(&reference, "status", text(status)).await;
        // Not deleted by DynamoDB yet.
        table.set(&reference, "ttl", number(now())).await;

        let plain = if other {
            plain.text("name", "x")
        } else {
            plain
        };
        let second = service.ask(&plain).await.issued();
        assert_ne!(second.token(), first.token());
        assert_ne!(second.json["serverPubKey"], first.json["serverPubKey"]);
        service.ask(&plain).await.replays(&second);
    }
    // A ttl to come is not passed, whatever the expiry.
    let plain = Plain::new();
    service.ask(&plain).await.issued();
    table.set(&plain.reference(), "expireAt", number(0)).await;
    table
        .set(&plain.reference(), "ttl", number(now() + 300))
        .await;
    service.ask(&plain).await.conflicts("expired");
}
