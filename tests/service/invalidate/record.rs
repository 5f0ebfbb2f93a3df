//! What an invalidation changes of the record, and what it leaves.

use peers::rules::introspection::Introspected;
use serde_json::json;
use service_tests::{
    Plain, Service, acme,
    table::{Table, now, number},
};

use super::{is_unknown, success};

#[tokio::test]
async fn an_invalidation_changes_exactly_its_attributes_and_once() {
    let service = Service::start().await;
    for renewed in [false, true] {
        let session = service.begin().await;
        if renewed {
            service.renew(&session).await.issued();
        }
        let mut expected = service.stored(&session.reference);
        assert_eq!(expected.get("revokedAt"), None);
        let before = now() * 1000;
        service.invalidate(&session.reference).await.issued();
        let after = (now() + 1) * 1000;
        let item = service.stored(&session.reference);
        let revoked_at = item["revokedAt"].clone();
        let millis: i64 = revoked_at["N"].as_str().unwrap().parse().unwrap();
        assert!((before..=after).contains(&millis), "{before} {millis}");
        expected["status"] = json!({"S": "REVOKED"});
        expected["revokedAt"] = revoked_at;
        assert_eq!(item, expected);

        // To do it again is a success and changes nothing, on any instance.
        service.end_idle_instances().await;
        for _ in 0..2 {
            let reply = service.invalidate(&session.reference).await.issued();
            assert_eq!(reply.json, success(&session.reference));
            assert_eq!(service.stored(&session.reference), expected);
        }
    }
}

#[tokio::test]
async fn an_expired_session_is_ended_while_its_record_is_kept() {
    let service = Service::start().await;
    let table = Table::of(&service);
    let session = service.begin().await;
    table.set(&session.reference, "expireAt", number(1)).await;
    let soon = number(now() + 300);
    table.set(&session.reference, "ttl", soon).await;
    service.invalidate(&session.reference).await.issued();
    // Not deleted by DynamoDB yet.
    table.set(&session.reference, "ttl", number(now())).await;
    let kept = service.stored(&session.reference);
    let reply = service.invalidate(&session.reference).await;
    is_unknown(reply, &session.reference);
    assert_eq!(service.stored(&session.reference), kept);
}

#[tokio::test]
async fn a_new_session_of_the_pair_begins_unspoilt() {
    let service = Service::start().await;
    let table = Table::of(&service);
    let plain = Plain::new();
    let session = service.begin_as(acme(), &plain).await;
    service.renew(&session).await.issued();
    service.invalidate(&session.reference).await.issued();
    table.set(&session.reference, "ttl", number(now())).await;
    let next = service.begin_as(acme(), &plain).await;
    let item = service.stored(&next.reference);
    for name in ["revokedAt", "previousJti", "tokenSealedBy"] {
        assert_eq!(item.get(name), None);
    }
    assert_eq!(item["status"]["S"], "ACTIVE");
    service.renew(&next).await.issued();
}

#[tokio::test]
async fn a_renewal_at_the_same_time_does_not_bring_a_session_back() {
    let service = Service::start().await;
    for _ in 0..10 {
        let session = service.begin().await;
        let (renewed, ended) = tokio::join!(
            service.renew(&session),
            service.invalidate(&session.reference)
        );
        ended.issued();
        let item = service.stored(&session.reference);
        assert_eq!(item["status"]["S"], "REVOKED");
        match renewed.status {
            200 => {
                let next = session.with_token(renewed.token());
                service.renew(&next).await.ended("revoked");
                assert_eq!(
                    service.introspect(&next.token).await,
                    Introspected::Inactive
                );
            }
            _ => drop(renewed.ended("revoked")),
        }
        service.renew(&session).await.ended("revoked");
    }
}

#[tokio::test]
async fn one_update_and_nothing_else_is_asked_of_the_database() {
    let service = Service::start().await;
    let session = service.begin().await;
    let before = service.dynamodb_faults().requests();
    service.invalidate(&session.reference).await.issued();
    service.invalidate(&session.reference).await.issued();
    service.invalidate("never").await.refused(404, "TOK404");
    assert_eq!(service.updates(), 3);
    assert_eq!(service.dynamodb_faults().requests() - before, 3);
    assert_eq!(service.secret_reads(), 2);
}
