//! A session's life: what each operation counts.

use std::time::Duration;

use service_tests::{Point, Service, eventually, points};

use super::{map, value, with_dimensions};

/// The lines of one session: begun, renewed, renewed again by the replaced token's successor, asked
/// about, a replaced token presented, and ended.
async fn lines() -> Vec<Vec<Point>> {
    let service = Service::start().await;
    let first = service.begin().await;
    let renewed = service.renew(&first).await;
    assert_eq!(renewed.status, 200, "{renewed}");
    let mut second = first.clone();
    second.token = renewed.token().to_owned();
    assert_eq!(service.renew(&second).await.status, 200);
    assert_eq!(service.renew(&first).await.status, 401);
    service.introspect(&second.token).await;
    assert_eq!(service.invalidate(&first.reference).await.status, 200);
    eventually("a line for each", Duration::from_secs(10), async || {
        let lines = service.log_json();
        let answered = lines.iter().filter(|line| line["message"] == "answered");
        let answered: Vec<_> = answered.map(points).collect();
        (answered.len() == 6).then_some(answered)
    })
    .await
}

/// All points of them.
pub(super) async fn of_a_session() -> Vec<Point> {
    lines().await.into_iter().flatten().collect()
}

#[tokio::test]
async fn each_operation_counts_its_one_call() {
    let lines = lines().await;
    for (line, (operation, outcome)) in lines.iter().zip([
        ("GetToken", "TOK200"),
        ("Renew", "TOK200"),
        ("Renew", "TOK200"),
        ("Renew", "TOK401"),
        ("Introspect", "TOK200"),
        ("Invalidate", "TOK200"),
    ]) {
        let (operation, outcome) = (("Operation", operation), ("Outcome", outcome));
        let requests = with_dimensions(line, "Requests");
        assert!(
            requests.contains(&map(&[operation, outcome])),
            "{requests:?}"
        );
        let latencies = with_dimensions(line, "Latency");
        assert!(latencies.contains(&map(&[operation])), "{latencies:?}");
        assert_eq!(value(line, "DynamoDBAttempts"), Some(1.0), "{operation:?}");
    }
    let all = |name: &str| -> Vec<Option<f64>> {
        let values = lines.iter().map(|line| value(line, name));
        values.collect()
    };
    let one = Some(1.0);
    // A refused condition costs a unit too, and DynamoDB does not say so.
    let writes = [one, one, one, None, None, one];
    assert_eq!(all("ConsumedWriteCapacity"), writes);
    let reads = [None, None, None, None, one, None];
    assert_eq!(all("ConsumedReadCapacity"), reads);
    let superseded = [None, None, None, one, None, None];
    assert_eq!(all("Superseded"), superseded);
}
