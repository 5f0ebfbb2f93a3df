//! Requests for one `referenceId` at the same time, in different processes.

use std::time::Duration;

use sandbox::Fault;
use service_tests::{Plain, Service, race, table::Table};

#[tokio::test]
async fn two_instances_racing_give_one_token() {
    let service = Service::start().await;
    for _ in 0..30 {
        let plain = Plain::new();
        race(2, || service.ask(&plain)).await;
    }
    for _ in 0..10 {
        let plain = Plain::new();
        race(3, || service.ask(&plain)).await;
    }
    assert!(
        service.function_pids().len() >= 2,
        "{:?}",
        service.function_pids()
    );
    assert_eq!(Table::of(&service).count().await, 40);
}

#[tokio::test]
async fn the_slower_of_two_gives_the_token_of_the_faster() {
    let service = Service::start().await;
    for _ in 0..5 {
        // One write is under way while the other one overtakes it.
        service
            .dynamodb_faults()
            .push(Fault::StallBefore(Duration::from_millis(300)));
        let plain = Plain::new();
        race(2, || service.ask(&plain)).await;
    }
    assert_eq!(service.function_pids().len(), 2);
    assert_eq!(Table::of(&service).count().await, 5);
}

#[tokio::test]
async fn two_different_requests_racing_give_one_token_and_one_conflict() {
    let service = Service::start().await;
    for _ in 0..20 {
        let plain = Plain::new();
        let other = plain.clone().text("name", "Another");
        let (a, b) = tokio::join!(service.ask(&plain), service.ask(&other));
        let (won, lost) = if a.status == 200 { (a, b) } else { (b, a) };
        won.issued();
        lost.conflicts("reused");
    }
}

#[tokio::test]
async fn racing_for_a_reference_that_became_free_gives_one_token() {
    let service = Service::start().await;
    let table = Table::of(&service);
    for _ in 0..10 {
        let plain = Plain::new();
        let first = service.ask(&plain).await.issued();
        table
            .set(&plain.reference(), "ttl", service_tests::table::number(1))
            .await;
        let replies = race(2, || service.ask(&plain)).await;
        assert!(replies.iter().all(|reply| reply.token() != first.token()));
    }
}
