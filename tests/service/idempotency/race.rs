//! Requests for one `referenceId` at the same time, in different processes.

use std::time::Duration;

use sandbox::Fault;
use service_tests::{Plain, Reply, Service, table::Table};

/// Asks `copies` times at once.
async fn at_once(service: &Service, plain: &Plain, copies: usize) -> Vec<Reply> {
    let mut replies = Vec::new();
    match copies {
        2 => {
            let (a, b) = tokio::join!(service.ask(plain), service.ask(plain));
            replies.extend([a, b]);
        }
        _ => {
            let (a, b, c) =
                tokio::join!(service.ask(plain), service.ask(plain), service.ask(plain));
            replies.extend([a, b, c]);
        }
    }
    replies
}

/// All got one token, and exactly one of them was first.
fn assert_one_issue(replies: &[Reply]) {
    let (replays, firsts): (Vec<&Reply>, Vec<&Reply>) =
        replies.iter().partition(|reply| reply.is_replayed());
    assert_eq!(firsts.len(), 1, "{replies:?}");
    for reply in replays {
        reply.clone().replays(firsts[0]);
    }
    firsts[0].clone().issued();
}

#[tokio::test]
async fn two_instances_racing_give_one_token() {
    let service = Service::start().await;
    for _ in 0..30 {
        assert_one_issue(&at_once(&service, &Plain::new(), 2).await);
    }
    for _ in 0..10 {
        assert_one_issue(&at_once(&service, &Plain::new(), 3).await);
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
        assert_one_issue(&at_once(&service, &Plain::new(), 2).await);
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
        let replies = at_once(&service, &plain, 2).await;
        assert_one_issue(&replies);
        assert!(replies.iter().all(|reply| reply.token() != first.token()));
    }
}
