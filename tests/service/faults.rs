//! DynamoDB misbehaves: every way ends in one item and the right answer, in bounded time.
//!
//! The bound is the function's timeout: a service that overstays it is ended, and API Gateway's 502
//! is no answer of the protocol.

use std::time::{Duration, Instant};

use sandbox::{Break, Fault};
use serde_json::json;
use service_tests::{FOREVER, Plain, Reply, Service, table::Table};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};

async fn items(service: &Service) -> usize {
    Table::of(service).count().await
}

async fn attempts(service: &Service, reply: &Reply) -> u64 {
    service.log_line(reply).await["DynamoDBAttempts"]
        .as_u64()
        .unwrap()
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_a_first_answer() {
    let service = Service::start().await;
    let lost = [
        vec![Fault::ResetAfter],
        vec![Fault::BreakOff],
        vec![Fault::StallAfter(FOREVER)],
        vec![Fault::ResetAfter, Fault::ResetAfter],
        vec![Fault::Throttle, Fault::ResetAfter],
        vec![Fault::ResetAfter, Fault::Throttle],
        vec![Fault::StallAfter(FOREVER), Fault::ResetBefore],
    ];
    for (at, faults) in lost.into_iter().enumerate() {
        let expected = 1 + faults.len() as u64;
        faults
            .into_iter()
            .for_each(|fault| service.dynamodb_faults().push(fault));
        let plain = Plain::new();
        let first = service.ask(&plain).await.issued();
        let line = service.log_line(&first).await;
        assert_eq!(
            (&line["DynamoDBAttempts"], line.get("Replays")),
            (&json!(expected), None),
            "{line}"
        );
        assert_eq!(items(&service).await, at + 1);
        // The item that is there is the one that was answered.
        service.ask(&plain).await.replays(&first);
    }
}

#[tokio::test]
async fn a_first_attempt_that_failed_is_tried_again() {
    let service = Service::start().await;
    let once = [
        Fault::Refuse,
        Fault::ResetBefore,
        Fault::Throttle,
        Fault::status(500, "InternalServerError"),
        Fault::status(503, "ServiceUnavailable"),
        Fault::status(400, "ThrottlingException"),
        Fault::status(400, "RequestLimitExceeded"),
        Fault::StallBefore(FOREVER),
    ];
    for (at, fault) in once.into_iter().enumerate() {
        let shown = format!("{fault:?}");
        service.dynamodb_faults().push(fault);
        let plain = Plain::new();
        let before = service.puts();
        let reply = service.ask(&plain).await;
        assert!(
            reply.status == 200 && !reply.is_replayed(),
            "{shown}: {reply}"
        );
        assert_eq!(service.puts() - before, 2, "{shown}");
        assert_eq!(attempts(&service, &reply).await, 2, "{shown}");
        assert_eq!(items(&service).await, at + 1, "{shown}");
        service.ask(&plain).await.replays(&reply);
    }
}

#[tokio::test]
async fn each_write_has_its_own_attempts_whatever_earlier_ones_used() {
    let service = Service::start().await;
    let faults = service.dynamodb_faults();
    // Enough for the quota of retries that the SDK's clients share by default: 500, of which a
    // retry takes 5 or more.
    faults.set_always(Some(Fault::Throttle));
    for _ in 0..140 {
        let before = service.puts();
        service.ask(&Plain::new()).await.refused(503, "TOK503");
        assert_eq!(service.puts() - before, 3);
    }
    faults.set_always(None);
    faults.push(Fault::status(500, "InternalServerError"));
    let before = service.puts();
    service.ask(&Plain::new()).await.issued();
    assert_eq!(service.puts() - before, 2);
}

#[tokio::test]
async fn an_answer_that_is_garbage_is_tried_again() {
    let service = Service::start().await;
    service.dynamodb_faults().push(Fault::Malformed);
    let plain = Plain::new();
    let first = service.ask(&plain).await.issued();
    service.ask(&plain).await.replays(&first);
}

#[tokio::test]
async fn a_replay_survives_the_same_faults() {
    let service = Service::start().await;
    let plain = Plain::new();
    let first = service.ask(&plain).await.issued();
    for fault in [
        Fault::Refuse,
        Fault::ResetBefore,
        Fault::ResetAfter,
        Fault::BreakOff,
        Fault::Throttle,
        Fault::status(500, "InternalServerError"),
        Fault::StallAfter(FOREVER),
    ] {
        service.dynamodb_faults().push(fault);
        service.ask(&plain).await.replays(&first);
    }
    assert_eq!(items(&service).await, 1);
}

/// What a partner gets while DynamoDB is down, then what it gets when it asks again.
async fn is_unavailable_then_recovers(service: &Service, fault: Fault, wrote: bool) {
    let shown = format!("{fault:?}");
    let before = items(service).await;
    service.dynamodb_faults().set_always(Some(fault));
    let plain = Plain::new();
    let reply = service.ask(&plain).await;
    service.dynamodb_faults().set_always(None);

    assert_eq!(
        (reply.status, &reply.json["resCode"]),
        (503, &json!("TOK503")),
        "{shown}: {reply}"
    );
    assert!(reply.is_sealed(), "{shown}: {reply}");
    assert_eq!(reply.text("referenceId"), plain.reference());
    let seconds: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!(
        (1..=60).contains(&seconds),
        "{shown}: Retry-After: {seconds}"
    );
    assert!(attempts(service, &reply).await >= 2, "{shown}");

    // Safe to retry with the same referenceId: one item, whether or not the first request has
    // written it.
    let again = service.ask(&plain).await;
    assert_eq!(
        (again.status, again.is_replayed()),
        (200, wrote),
        "{shown}: {again}"
    );
    assert_eq!(items(service).await, before + 1, "{shown}");
    service.ask(&plain).await.replays(&again);
}

#[tokio::test]
async fn a_database_that_is_down_is_unavailable_and_safe_to_ask_again() {
    let service = Service::start().await;
    for fault in [
        Fault::Refuse,
        Fault::ResetBefore,
        Fault::Throttle,
        Fault::status(500, "InternalServerError"),
        Fault::status(503, "ServiceUnavailable"),
        Fault::status(400, "ThrottlingException"),
    ] {
        is_unavailable_then_recovers(&service, fault, false).await;
    }
}

#[tokio::test]
async fn answers_that_are_always_lost_leave_a_token_to_be_replayed() {
    let service = Service::start().await;
    is_unavailable_then_recovers(&service, Fault::ResetAfter, true).await;
    is_unavailable_then_recovers(&service, Fault::BreakOff, true).await;
    is_unavailable_then_recovers(&service, Fault::StallAfter(FOREVER), true).await;
}

#[tokio::test]
async fn a_database_that_stalls_is_unavailable_before_the_functions_timeout() {
    for timeout in [15, 3] {
        let service =
            Service::start_with(|options| options.timeout = Duration::from_secs(timeout)).await;
        is_unavailable_then_recovers(&service, Fault::StallBefore(FOREVER), false).await;
    }
}

#[tokio::test]
async fn the_write_and_its_retries_end_within_their_4_seconds() {
    let service = Service::start().await;
    service
        .dynamodb_faults()
        .set_always(Some(Fault::StallBefore(FOREVER)));
    let reply = service.ask(&Plain::new()).await.refused(503, "TOK503");
    // Some room for a busy machine: without the operation's limit there is none at all.
    let took = service.log_line(&reply).await["Latency"].as_f64().unwrap();
    assert!((900.0..6_000.0).contains(&took), "{took} ms");
}

#[tokio::test]
async fn an_answer_that_trickles_is_waited_for_or_given_up() {
    let service = Service::start().await;
    service
        .dynamodb_faults()
        .push(Fault::Trickle(Duration::from_millis(1)));
    let plain = Plain::new();
    let first = service.ask(&plain).await.issued();
    // A failed condition returns the item, some 1,500 bytes: too many at this pace.
    service
        .dynamodb_faults()
        .set_always(Some(Fault::Trickle(Duration::from_millis(100))));
    service.ask(&plain).await.refused(503, "TOK503");
    service.dynamodb_faults().set_always(None);
    service.ask(&plain).await.replays(&first);
}

#[tokio::test]
async fn a_database_that_says_no_is_an_internal_error() {
    let service = Service::start().await;
    for fault in [
        Fault::status(400, "AccessDeniedException"),
        Fault::status(400, "ResourceNotFoundException"),
        Fault::status(400, "ValidationException"),
        Fault::status(
            400,
            "com.amazonaws.dynamodb.v20120810#ItemCollectionSizeLimitExceededException",
        ),
        Fault::status(403, "UnrecognizedClientException"),
    ] {
        let shown = format!("{fault:?}");
        service.dynamodb_faults().set_always(Some(fault));
        let plain = Plain::new();
        let reply = service.ask(&plain).await;
        assert_eq!(
            (reply.status, &reply.json["resCode"]),
            (500, &json!("TOK003")),
            "{shown}: {reply}"
        );
        assert!(
            reply.is_sealed() && reply.text("referenceId") == plain.reference(),
            "{shown}"
        );
        assert_eq!(attempts(&service, &reply).await, 1, "{shown}");
        service.dynamodb_faults().set_always(None);
        service.ask(&plain).await.issued();
    }
    service.dynamodb_faults().set_always(Some(Fault::Malformed));
    service.ask(&Plain::new()).await.refused(500, "TOK003");
}

#[tokio::test]
async fn a_missing_table_is_an_internal_error() {
    let service = Service::start_in(&[("TOKENS_TABLE", "no-such-table")]).await;
    service.ask(&Plain::new()).await.refused(500, "TOK003");
}

#[tokio::test]
async fn one_write_and_nothing_else_is_asked_of_the_database() {
    let service = Service::start().await;
    let plain = Plain::new();
    for _ in 0..5 {
        service.ask(&plain).await;
        service.ask(&Plain::new()).await;
        service.ask(&plain.clone().text("name", "x")).await;
    }
    assert_eq!(service.puts(), 15);
    assert_eq!(service.dynamodb_faults().requests(), 15);
}

/// Nothing went wrong, as far as the log knows.
fn is_quiet(service: &Service) {
    let lines = service.log_json();
    let quiet = lines.iter().all(|line| line["level"] == "INFO");
    assert!(quiet, "{lines:?}");
}

#[tokio::test]
async fn the_first_write_finds_a_connection() {
    let service = Service::start().await;
    let dynamodb = service.dynamodb_faults();
    assert_eq!(dynamodb.connections_opened(), 1);
    service.ask(&Plain::new()).await.issued();
    service.ask(&Plain::new()).await.issued();
    assert_eq!(dynamodb.connections_opened(), 1);
    assert_eq!(dynamodb.requests(), 2);
    is_quiet(&service);
}

#[tokio::test]
async fn a_connection_that_is_lost_before_the_first_write_is_replaced() {
    for how in [Break::Close, Break::Silence] {
        let service = Service::start().await;
        service.dynamodb_faults().break_connections(how);
        service.ask(&Plain::new()).await.issued();
        assert_eq!(service.dynamodb_faults().connections_opened(), 2);
    }
}

/// A way to `dynamodb` on which nobody answers the first connection, which is closed at once or
/// held. The later ones get through.
async fn door(dynamodb: &str, held: bool) -> String {
    let dynamodb = dynamodb.trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let first = listener.accept().await.unwrap();
        let _first = held.then_some(first);
        while let Ok((mut here, _)) = listener.accept().await {
            let mut there = TcpStream::connect(&dynamodb).await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut here, &mut there).await });
        }
    });
    url
}

#[tokio::test]
async fn starts_without_the_database_and_serves_once_it_is_back() {
    let elsewhere = Service::start().await;
    for (at, held) in [false, true].into_iter().enumerate() {
        let door = door(elsewhere.dynamodb_url(), held).await;
        let start = Instant::now();
        let service = Service::start_in(&[("AWS_ENDPOINT_URL_DYNAMODB", &door)]).await;
        // One attempt's second and some room for a busy machine, but not the whole of a write's 4
        // s.
        let took = start.elapsed();
        assert!(took < Duration::from_millis(3_500), "{took:?}");
        service.ask(&Plain::new()).await.issued();
        assert_eq!(elsewhere.puts(), at as u64 + 1);
        is_quiet(&service);
    }
}
