//! Whatever stalls, an answer comes before the function's timeout.

use std::time::{Duration, Instant};

use peers::rules::introspection::Introspected;
use sandbox::Fault;
use service_tests::{Clocked, FOREVER, Plain, Reply, Service};

fn stalls() -> [Fault; 4] {
    [
        Fault::StallBefore(FOREVER),
        Fault::StallAfter(FOREVER),
        Fault::Late(FOREVER),
        // The answer to a write has two bytes, the others more.
        Fault::Trickle(Duration::from_millis(700)),
    ]
}

/// A 503 of the protocol: the function has given it, as API Gateway's own would not be one.
fn is_unavailable(reply: &Reply, shown: &str) {
    assert_eq!(
        (reply.status, &reply.json["resCode"]),
        (503, &"TOK503".into()),
        "{shown}: {reply}"
    );
    let seconds: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{shown}: {reply}");
}

async fn duration_of(service: &Service, reply: &Reply) -> Duration {
    let line = service.log_line(reply).await;
    Duration::from_secs_f64(line["Latency"].as_f64().unwrap() / 1000.0)
}

#[tokio::test]
async fn a_write_that_stalls_ends_500_ms_before_a_deadline_that_is_nearer_than_its_own_limit() {
    for timeout in [2, 3].map(Duration::from_secs) {
        let service = Service::start_with(|options| options.timeout = timeout).await;
        for fault in stalls() {
            let shown = format!("{fault:?} with a timeout of {timeout:?}");
            let plain = Plain::new();
            service.dynamodb_faults().set_always(Some(fault));
            let reply = service.ask(&plain).await;
            service.dynamodb_faults().set_always(None);
            is_unavailable(&reply, &shown);
            assert!(duration_of(&service, &reply).await < timeout, "{shown}");
            // The write is given up when 500 ms are left, and not long before.
            let took = duration_of(&service, &reply).await;
            assert!(
                took > timeout - Duration::from_millis(700),
                "{shown}: {took:?}"
            );
            assert_eq!(service.ask(&plain).await.status, 200, "{shown}");
        }
    }
}

/// What an introspection is told while DynamoDB or Secrets Manager is away.
fn is_unavailable_to_introspection() -> (u16, Introspected) {
    let error = "temporarily_unavailable".to_owned();
    (503, Introspected::Refused(error))
}

#[tokio::test]
async fn every_other_operation_that_stalls_ends_before_the_deadline_too() {
    let timeout = Duration::from_secs(2);
    let service = Service::start_with(|options| options.timeout = timeout).await;
    for fault in stalls() {
        let shown = format!("{fault:?}");
        let session = service.begin().await;
        service.dynamodb_faults().set_always(Some(fault));
        let renewed = service.renew(&session).await;
        is_unavailable(&renewed, &shown);
        let ended = service.invalidate(&session.reference).await;
        is_unavailable(&ended, &shown);
        for reply in [renewed, ended] {
            let took = duration_of(&service, &reply).await;
            assert!(took < timeout, "{shown}: {took:?}");
        }
        let began = Instant::now();
        let introspected = service.introspect_session(&session).await;
        assert_eq!(introspected, is_unavailable_to_introspection(), "{shown}");
        assert!(began.elapsed() < timeout, "{shown}");
        service.dynamodb_faults().set_always(None);
        assert_eq!(service.invalidate(&session.reference).await.status, 200);
    }
}

#[tokio::test]
async fn secrets_and_a_write_that_both_stall_end_before_the_deadline() {
    for timeout in [2, 3, 15] {
        let mut world =
            Clocked::start(|options| options.timeout = Duration::from_secs(timeout)).await;
        for fault in stalls() {
            let shown = format!("{fault:?} with a timeout of {timeout} s");
            let service = &world.service;
            service.ask(&Plain::new()).await.issued();
            service.secrets_faults().set_always(Some(fault.clone()));
            service.dynamodb_faults().set_always(Some(fault));
            // The refresh is due, and goes first.
            world.pass(301);
            let service = &world.service;
            let began = Instant::now();
            let reply = service.ask(&Plain::new()).await;
            is_unavailable(&reply, &shown);
            assert!(
                reply.is_sealed(),
                "{shown}: the last good secrets served: {reply}"
            );
            // A refresh's 2 s and a write's 4 s, and room for a busy machine.
            assert!(
                began.elapsed() < Duration::from_secs(timeout.min(9)),
                "{shown}"
            );
            service.secrets_faults().set_always(None);
            service.dynamodb_faults().set_always(None);
            world.pass(31);
        }
    }
}

#[tokio::test]
async fn a_clock_that_is_5_minutes_off_keeps_the_limits_of_the_calls() {
    for ahead in [300, -300] {
        let mut world = Clocked::start(|_| ()).await;
        world.skew(ahead);
        let service = &world.service;
        service
            .dynamodb_faults()
            .set_always(Some(Fault::StallBefore(FOREVER)));
        let reply = service.ask(&Plain::new()).await;
        is_unavailable(&reply, &format!("{ahead} s ahead"));
        let took = duration_of(service, &reply).await;
        assert!(took < Duration::from_secs(6), "{ahead} s ahead: {took:?}");
        service.dynamodb_faults().set_always(None);
        service.ask(&Plain::new()).await.issued();
    }
}
