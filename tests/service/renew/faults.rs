//! DynamoDB misbehaves: a renewal that was written and whose answer was lost is known by its `jti`.

use std::time::Duration;

use sandbox::Fault;
use serde_json::json;
use service_tests::{FOREVER, Service, claims};

#[tokio::test]
async fn a_renewal_whose_answer_was_lost_is_a_first_answer() {
    let service = Service::start().await;
    let lost = [
        vec![Fault::ResetAfter],
        vec![Fault::BreakOff],
        vec![Fault::StallAfter(FOREVER)],
        vec![Fault::ResetAfter, Fault::ResetAfter],
        vec![Fault::Throttle, Fault::ResetAfter],
        vec![Fault::ResetAfter, Fault::Throttle],
    ];
    for faults in lost {
        let session = service.begin().await;
        let expected = 1 + faults.len() as u64;
        faults
            .into_iter()
            .for_each(|fault| service.dynamodb_faults().push(fault));
        let before = service.updates();
        let first = service.renew(&session).await.issued();
        assert_eq!(service.updates() - before, expected);
        // The token that was answered is the record's.
        let item = service.stored(&session.reference);
        assert_eq!(item["jti"]["S"], claims(first.token())["jti"]);
        assert_eq!(item["previousJti"]["S"], claims(&session.token)["jti"]);
        service.renew(&session).await.replays(&first);
        service
            .renew(&session.with_token(first.token()))
            .await
            .issued();
    }
}

#[tokio::test]
async fn a_first_attempt_that_failed_is_tried_again() {
    let service = Service::start().await;
    for fault in [
        Fault::Refuse,
        Fault::ResetBefore,
        Fault::Throttle,
        Fault::Malformed,
        Fault::status(500, "InternalServerError"),
        Fault::status(503, "ServiceUnavailable"),
        Fault::status(400, "ThrottlingException"),
        Fault::StallBefore(FOREVER),
    ] {
        let shown = format!("{fault:?}");
        let session = service.begin().await;
        service.dynamodb_faults().push(fault.clone());
        let before = service.updates();
        let first = service.renew(&session).await;
        assert!(
            first.status == 200 && !first.is_replayed(),
            "{shown}: {first}"
        );
        assert_eq!(service.updates() - before, 2, "{shown}");
        service.dynamodb_faults().push(fault);
        service.renew(&session).await.replays(&first);
    }
}

#[tokio::test]
async fn a_database_that_is_down_is_unavailable_and_safe_to_ask_again() {
    let service = Service::start().await;
    for (fault, wrote) in [
        (Fault::Refuse, false),
        (Fault::Throttle, false),
        (Fault::status(500, "InternalServerError"), false),
        (Fault::StallBefore(FOREVER), false),
        (Fault::ResetAfter, true),
        (Fault::BreakOff, true),
        (Fault::StallAfter(FOREVER), true),
    ] {
        let shown = format!("{fault:?}");
        let session = service.begin().await;
        service.dynamodb_faults().set_always(Some(fault));
        let reply = service.renew(&session).await.refused(503, "TOK503");
        service.dynamodb_faults().set_always(None);
        assert_eq!(reply.text("referenceId"), session.reference, "{shown}");
        // One renewal, whether or not the first request has written it.
        let again = service.renew(&session).await;
        let found = (again.status, again.is_replayed());
        assert_eq!(found, (200, wrote), "{shown}: {again}");
        service.renew(&session).await.replays(&again);
        service
            .renew(&session.with_token(again.token()))
            .await
            .issued();
    }
}

#[tokio::test]
async fn a_write_that_arrives_late_renews_once() {
    let service = Service::start().await;
    let session = service.begin().await;
    // The first attempt's write is done after the second's.
    let late = Fault::Late(Duration::from_millis(1500));
    service.dynamodb_faults().push(late);
    let first = service.renew(&session).await.issued();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let item = service.stored(&session.reference);
    assert_eq!(item["jti"]["S"], claims(first.token())["jti"]);
    service.renew(&session).await.replays(&first);
}

#[tokio::test]
async fn a_database_that_says_no_is_an_internal_error() {
    let service = Service::start().await;
    for fault in [
        Fault::status(400, "AccessDeniedException"),
        Fault::status(400, "ResourceNotFoundException"),
        Fault::status(400, "ValidationException"),
        Fault::Malformed,
    ] {
        let shown = format!("{fault:?}");
        let session = service.begin().await;
        service.dynamodb_faults().set_always(Some(fault));
        let reply = service.renew(&session).await;
        service.dynamodb_faults().set_always(None);
        let found = (reply.status, &reply.json["resCode"], reply.is_sealed());
        assert_eq!(found, (500, &json!("TOK003"), true), "{shown}: {reply}");
        assert_eq!(reply.text("referenceId"), session.reference);
        service.renew(&session).await.issued();
    }
}
