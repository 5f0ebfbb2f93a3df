//! DynamoDB misbehaves: an invalidation is done, or the partner is told that it was not.

use sandbox::Fault;
use service_tests::{FOREVER, Service};

use super::success;

#[tokio::test]
async fn an_invalidation_survives_dynamodbs_faults() {
    let service = Service::start().await;
    for fault in [
        Fault::Refuse,
        Fault::ResetBefore,
        Fault::ResetAfter,
        Fault::BreakOff,
        Fault::Throttle,
        Fault::Malformed,
        Fault::status(500, "InternalServerError"),
        Fault::StallBefore(FOREVER),
        Fault::StallAfter(FOREVER),
    ] {
        let shown = format!("{fault:?}");
        let session = service.begin().await;
        service.dynamodb_faults().push(fault);
        let before = service.updates();
        let reply = service.invalidate(&session.reference).await.issued();
        assert_eq!(reply.json, success(&session.reference), "{shown}");
        assert_eq!(service.updates() - before, 2, "{shown}");
        service.renew(&session).await.ended("revoked");
    }
}

#[tokio::test]
async fn a_database_that_is_down_is_unavailable_and_one_that_says_no_an_internal_error() {
    let service = Service::start().await;
    for (fault, code) in [
        (Fault::Throttle, (503, "TOK503")),
        (Fault::status(500, "InternalServerError"), (503, "TOK503")),
        (Fault::ResetAfter, (503, "TOK503")),
        (Fault::BreakOff, (503, "TOK503")),
        (Fault::status(400, "AccessDeniedException"), (500, "TOK003")),
        (
            Fault::status(400, "ResourceNotFoundException"),
            (500, "TOK003"),
        ),
        (Fault::Malformed, (500, "TOK003")),
    ] {
        let session = service.begin().await;
        service.dynamodb_faults().set_always(Some(fault));
        let reply = service.invalidate(&session.reference).await;
        service.dynamodb_faults().set_always(None);
        let reply = reply.refused(code.0, code.1);
        assert_eq!(reply.text("referenceId"), session.reference);
        service.invalidate(&session.reference).await.issued();
    }
}
