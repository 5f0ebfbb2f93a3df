//! What the metrics' values say.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use peers::{jwe, partner::token_request};
use sandbox::Fault;
use service_tests::{Plain, Service, acme, server_keys_of};

use super::{map, points_of, value, with_dimensions};

#[tokio::test]
async fn the_parts_are_the_whole() {
    let service = Service::start().await;
    let plain = Plain::new();
    service.dynamodb_faults().push(Fault::Throttle);
    for plain in [&plain, &plain, &Plain::new()] {
        let reply = service.ask(plain).await;
        let (line, points) = (
            service.log_line(&reply).await,
            points_of(&service, &reply).await,
        );
        let value = |name| value(&points, name).unwrap();
        let parts = ["SecretsLatency", "DynamoDBLatency", "CryptoLatency"].map(value);
        let sum: f64 = parts.iter().sum();
        // Each is cut to microseconds.
        assert!((sum - value("Latency")).abs() < 0.005, "{line}");
        assert!(parts.iter().all(|part| *part >= 0.0), "{line}");
        assert!(value("CryptoLatency") > 0.0, "{line}");
    }
}

#[tokio::test]
async fn a_slow_database_shows_in_its_own_part() {
    let service = Service::start().await;
    service.ask(&Plain::new()).await.issued();
    let pause = Duration::from_millis(400);
    service.dynamodb_faults().push(Fault::StallBefore(pause));
    let reply = service.ask(&Plain::new()).await.issued();
    let points = points_of(&service, &reply).await;
    assert!(value(&points, "DynamoDBLatency").unwrap() >= 400.0);
    assert!(value(&points, "CryptoLatency").unwrap() < 400.0);
    assert!(value(&points, "SecretsLatency").unwrap() < 400.0);
}

#[tokio::test]
async fn write_units_are_dynamodbs_own() {
    let service = Service::start().await;
    let value_of = "x".repeat(1000);
    let large = Plain::new().with("data", &format!(r#"{{"a":"{value_of}"}}"#));
    for (plain, units) in [(Plain::seed(), 1.0), (large, 2.0)] {
        let reply = service.ask(&plain).await.issued();
        let points = points_of(&service, &reply).await;
        assert_eq!(value(&points, "ConsumedWriteCapacity"), Some(units));
    }
    // The first attempt wrote and its answer was lost: what the second is refused for is not told.
    service.dynamodb_faults().push(Fault::ResetAfter);
    let reply = service.ask(&Plain::new()).await.issued();
    let points = points_of(&service, &reply).await;
    assert_eq!(value(&points, "ConsumedWriteCapacity"), None);
    assert_eq!(value(&points, "DynamoDBAttempts"), Some(2.0));
    assert_eq!(value(&points, "Replays"), None);
}

#[tokio::test]
async fn each_key_counts_what_it_sealed() {
    let service = Service::start_with(|options| {
        options.server_keys = Some(server_keys_of(&["t-new", "t-old"], &["r-new", "r-old"]));
    })
    .await;
    // The first of each ring seals; a payload key that opened a request seals its answer, named or
    // not.
    let plain = Plain::new();
    for _ in 0..2 {
        for key in &acme().payload_keys {
            let body = jwe::seal(plain.json().as_bytes(), &key.k, None);
            let reply = service.send(token_request(acme(), body).unwrap()).await;
            assert_eq!(reply.status, 200, "{reply}");
            let points = points_of(&service, &reply).await;
            assert_eq!(
                with_dimensions(&points, "SealedMessages"),
                [
                    map(&[("TokenKid", "t-new")]),
                    map(&[("RecordKid", "r-new")]),
                    map(&[("PartnerId", "acme"), ("PayloadKid", &key.kid)]),
                ]
            );
        }
    }
}

#[tokio::test]
async fn a_process_starts_cold_once() {
    let service = Service::start_with(|options| options.max_instances = 1).await;
    for _ in 0..2 {
        let mut cold = Vec::new();
        for _ in 0..3 {
            let reply = service.ask(&Plain::new()).await.issued();
            cold.push(value(&points_of(&service, &reply).await, "ColdStarts"));
        }
        assert_eq!(cold, [Some(1.0), None, None]);
        service.end_idle_instances().await;
    }
}

#[tokio::test]
async fn points_are_of_the_time_of_the_request() {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let service = Service::start().await;
    let before = now().as_millis();
    let reply = service.ask(&Plain::new()).await;
    let at = service.log_line(&reply).await["_aws"]["Timestamp"]
        .as_u64()
        .unwrap();
    assert!((before..=now().as_millis()).contains(&u128::from(at)));
}
