//! The metrics of each kind of request, as CloudWatch reads them out of the log: `docs/metrics.md`,
//! row by row. That every line is in the embedded metric format, `points` sees to in all tests.

mod cost;
mod operations;
mod secrets;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use sandbox::Fault;
use serde_json::Value;
use service_tests::{Event, Plain, Point, Reply, Service, acme, initech, points};

use crate::contract;

/// A metric of a name, a unit and the names of its dimensions.
type Metric = (String, String, Vec<String>);

/// What each answered request has.
const ALWAYS: [&str; 3] = ["Requests", "Latency", "SecretsAge"];
/// What a request whose body was opened has besides, and `SealedMessages` of its answer.
const OPENED: [&str; 3] = ["SecretsLatency", "CryptoLatency", "SealedMessages"];
const WRITTEN: [&str; 2] = ["DynamoDBLatency", "DynamoDBAttempts"];

async fn points_of(service: &Service, reply: &Reply) -> Vec<Point> {
    points(&service.log_line(reply).await)
}

/// The value of the metric without dimensions.
fn value(points: &[Point], name: &str) -> Option<f64> {
    let plain = |point: &&Point| point.name == name && point.dimensions.is_empty();
    points.iter().find(plain).map(|point| point.value)
}

fn with_dimensions(points: &[Point], name: &str) -> Vec<BTreeMap<String, String>> {
    let of_name = points.iter().filter(|point| point.name == name);
    of_name.map(|point| point.dimensions.clone()).collect()
}

fn map(dimensions: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    dimensions.iter().map(owned).collect()
}

/// Holds a reply's metrics against what is expected of its kind.
async fn has(
    service: &Service,
    reply: &Reply,
    code: &str,
    partner: Option<&str>,
    kinds: &[&[&str]],
) -> Vec<Point> {
    let points = points_of(service, reply).await;
    let names: BTreeSet<&str> = points.iter().map(|point| point.name.as_str()).collect();
    let expected: BTreeSet<&str> = kinds.iter().copied().flatten().copied().collect();
    assert_eq!(names, expected, "{code}");

    let outcome = ("Outcome", code);
    let version = ("Version", "$LATEST");
    // Nothing is asked for where nothing is at the path.
    let operation = (code != "TOK404").then_some(("Operation", "GetToken"));
    let mut requests = vec![
        map(&[]),
        map(&[outcome]),
        map(&[version]),
        map(&[version, outcome]),
    ];
    requests.extend(operation.map(|operation| map(&[operation, outcome])));
    requests.extend(partner.map(|partner| map(&[outcome, ("PartnerId", partner)])));
    assert_eq!(with_dimensions(&points, "Requests"), requests);
    let mut latencies = vec![map(&[]), map(&[outcome])];
    latencies.extend(operation.map(|operation| map(&[operation])));
    assert_eq!(with_dimensions(&points, "Latency"), latencies);

    let payload = map(&[
        ("PartnerId", "acme"),
        ("PayloadKid", &acme().payload_keys[0].kid),
    ]);
    let mut sealed = Vec::new();
    if expected.contains("DynamoDBLatency") {
        sealed.push(map(&[("TokenKid", "token-2026-11")]));
        sealed.push(map(&[("RecordKid", "record-2026-11")]));
    }
    if expected.contains("SealedMessages") {
        sealed.push(payload);
    }
    assert_eq!(with_dimensions(&points, "SealedMessages"), sealed, "{code}");

    let counts = points
        .iter()
        .filter(|point| !["DynamoDBAttempts", "SecretsAge"].contains(&point.name.as_str()));
    for point in counts.filter(|point| point.unit == "Count") {
        assert_eq!(point.value, 1.0, "{point:?}");
    }
    points
}

#[tokio::test]
async fn each_kind_of_answer_has_its_metrics_and_no_other() {
    let service = Service::start().await;
    let known = Event::new;
    let plain = Plain::new();
    let mut seen = Vec::new();

    let first = service.ask(&plain).await.issued();
    let all = [&ALWAYS[..], &OPENED, &WRITTEN];
    let kinds = [&all[..], &[&["ConsumedWriteCapacity", "ColdStarts"][..]]].concat();
    seen.extend(has(&service, &first, "TOK200", Some("acme"), &kinds).await);
    let second = service.ask(&Plain::new()).await.issued();
    let kinds = [&all[..], &[&["ConsumedWriteCapacity"][..]]].concat();
    has(&service, &second, "TOK200", Some("acme"), &kinds).await;
    let replay = service.ask(&plain).await.replays(&first);
    let kinds = [&all[..], &[&["Replays"][..]]].concat();
    seen.extend(has(&service, &replay, "TOK200", Some("acme"), &kinds).await);
    let conflict = service.ask(&plain.clone().text("name", "x")).await;
    let kinds = [&all[..], &[&["Conflicts"][..]]].concat();
    seen.extend(has(&service, &conflict, "TOK409", Some("acme"), &kinds).await);

    for (plain, code) in [
        (Plain::new().without("accountNumber"), "TOK400"),
        (Plain::new().text("sdkApiKey", "x"), "TOK004"),
    ] {
        let reply = service.ask(&plain).await;
        has(&service, &reply, code, Some("acme"), &[&ALWAYS, &OPENED]).await;
    }

    // Who is not a partner has no partner, whatever is sent; who is and can't be read has no key.
    let asked = &[&ALWAYS[..], &["SecretsLatency"]];
    let nobodys = peers::jwe::seal(b"{}", &[7; 32], Some("kid-of-a-stranger"));
    for (event, code, partner) in [
        (Event::of_body("x"), "TOK422", Some("acme")),
        (Event::of_body(&nobodys), "TOK422", Some("acme")),
        (known(&plain).header("X-API-KEY", "acme"), "TOK002", None),
        (known(&plain).without_header("X-API-KEY"), "TOK002", None),
        (
            known(&plain).header("X-API-KEY", &initech().api_key),
            "TOK002",
            Some("initech"),
        ),
    ] {
        let reply = service.invoke_event(&event).await;
        has(&service, &reply, code, partner, asked).await;
    }
    for (event, code) in [
        (known(&plain).header("Content-Type", "text/html"), "TOK415"),
        (Event::of_body(&" ".repeat(40_000)), "TOK413"),
        (known(&plain).method("PUT"), "TOK405"),
        (known(&plain).path("/acme"), "TOK404"),
    ] {
        let reply = service.invoke_event(&event).await;
        has(&service, &reply, code, None, &[&ALWAYS]).await;
    }

    for (fault, code, attempts) in [
        (Fault::Throttle, "TOK503", 3.0),
        (Fault::status(400, "AccessDeniedException"), "TOK003", 1.0),
    ] {
        service.dynamodb_faults().set_always(Some(fault));
        let reply = service.ask(&Plain::new()).await;
        let points = has(&service, &reply, code, Some("acme"), &all).await;
        assert_eq!(value(&points, "DynamoDBAttempts"), Some(attempts), "{code}");
    }

    seen.extend(operations::of_a_session().await);
    seen.extend(secrets::of_a_failed_reading().await);
    seen.extend(secrets::of_a_fallback().await);
    let seen: BTreeSet<Metric> = seen.into_iter().map(metric).collect();
    let mut documented = contract::metrics();
    // A filter of the access log makes this one (deploy/watch.yaml).
    documented.retain(|(name, ..)| name != "GatewayThrottles");
    assert_eq!(seen, documented);
}

fn metric(point: Point) -> Metric {
    let dimensions = point.dimensions.into_keys().collect();
    (point.name, point.unit, dimensions)
}

/// The lines of failed readings of the secrets.
fn failures(service: &Service) -> Vec<Value> {
    let mut lines = service.log_json();
    lines.retain(|line| line["message"] == "secret not refreshed");
    lines
}
