//! The secrets' age, the waiting for them, and failed readings of them.

use std::time::Duration;

use sandbox::{Fault, Faults};
use service_tests::{
    Plain, Point, Reply, Service, api_keys, eventually, partner_with, points, put_secret,
};

use super::{failures, map, points_of, value, with_dimensions};

/// Some seconds for what happens within one or two.
const SOON: Duration = Duration::from_secs(15);

const QUICK: [(&str, &str); 2] = [
    ("SECRETS_TTL_SECONDS", "1"),
    ("SECRETS_MIN_REFRESH_SECONDS", "1"),
];

/// The points of a line that says so.
pub(super) async fn of_a_failed_reading() -> Vec<Point> {
    let service = started_without_secrets().await;
    points(&failures(&service)[0])
}

/// The points of the line that an instance serves the previous version of a secret.
pub(super) async fn of_a_fallback() -> Vec<Point> {
    let service = Service::start().await;
    put_secret(&service, "api-keys", &serde_json::json!({})).await;
    service.end_idle_instances().await;
    service.ask(&Plain::new()).await.issued();
    let lines = service.log_json();
    let is_fallback =
        |line: &&serde_json::Value| line["message"] == "the previous version of the secret serves";
    points(lines.iter().find(is_fallback).unwrap())
}

async fn started_without_secrets() -> Service {
    let faults = Faults::default();
    faults.set_always(Some(Fault::status(400, "AccessDeniedException")));
    let service = Service::start_with(|options| options.secrets_faults = faults).await;
    eventually("both failures", SOON, async || {
        (failures(&service).len() == 2).then_some(())
    })
    .await;
    service
}

#[tokio::test]
async fn a_first_reading_that_fails_is_counted_though_nobody_asked() {
    let service = started_without_secrets().await;
    let mut seen = Vec::new();
    for line in failures(&service) {
        let points = points(&line);
        assert!(points.iter().all(|point| point.value == 1.0), "{line}");
        let [all, one] = &with_dimensions(&points, "SecretsRefreshFailures")[..] else {
            panic!("{line}");
        };
        assert_eq!((points.len(), all), (2, &map(&[])), "{line}");
        seen.push(one["Secret"].clone());
    }
    seen.sort();
    assert_eq!(seen, ["api-keys", "server-keys"]);

    let reply = service.ask(&Plain::new()).await;
    reply_has_no_secrets(&service, &reply.refused_plainly(503, "TOK503")).await;
}

/// It waited for none, as no attempt was allowed yet, and there is none to have an age.
async fn reply_has_no_secrets(service: &Service, reply: &Reply) {
    let points = points_of(service, reply).await;
    assert!(value(&points, "SecretsLatency").unwrap() < 1_000.0);
    for absent in ["SecretsAge", "CryptoLatency", "SealedMessages"] {
        assert_eq!(value(&points, absent), None, "{absent}");
    }
    let outcome = ("Outcome", "TOK503");
    let version = ("Version", "$LATEST");
    assert_eq!(
        with_dimensions(&points, "Requests"),
        [
            map(&[]),
            map(&[outcome]),
            map(&[version]),
            map(&[version, outcome]),
            map(&[("Operation", "GetToken"), outcome])
        ]
    );
}

#[tokio::test]
async fn the_age_is_the_older_ones_and_grows_while_readings_fail() {
    let service = Service::start_in(&QUICK).await;
    let ask = async || {
        let reply = service.ask(&Plain::new()).await.issued();
        value(&points_of(&service, &reply).await, "SecretsAge").unwrap()
    };
    assert!(ask().await < 15.0);
    // The one is refused, the other goes on being refreshed.
    put_secret(&service, "api-keys", &serde_json::json!({})).await;
    eventually("an age that no refreshed secret has", SOON, async || {
        (ask().await >= 3.0).then_some(())
    })
    .await;
    let lines = failures(&service);
    assert!(!lines.is_empty());
    for line in &lines {
        assert_eq!(line["Secret"], "api-keys", "{line}");
    }
    put_secret(&service, "api-keys", &api_keys()).await;
    eventually("a new age", SOON, async || {
        (ask().await < 2.0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn waiting_for_a_refresh_shows_in_its_own_part() {
    let service = Service::start_in(&QUICK).await;
    let pause = Duration::from_millis(400);
    service
        .secrets_faults()
        .set_always(Some(Fault::StallBefore(pause)));
    eventually("a request that refreshes", SOON, async || {
        let reply = service.ask(&Plain::new()).await.issued();
        let points = points_of(&service, &reply).await;
        let waited = value(&points, "SecretsLatency").unwrap();
        assert!(value(&points, "CryptoLatency").unwrap() < waited.max(400.0));
        (waited >= 400.0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn waiting_for_a_partner_that_is_new_counts_too() {
    let (newcomer, entry) = partner_with("newcomer");
    let early = [("SECRETS_MIN_REFRESH_SECONDS", "1")];
    let service = Service::start_in(&early).await.knowing(newcomer.clone());
    let mut partners = api_keys();
    partners["partners"].as_array_mut().unwrap().push(entry);
    put_secret(&service, "api-keys", &partners).await;

    let pause = Duration::from_millis(400);
    service.secrets_faults().push(Fault::StallBefore(pause));
    let plain = Plain::new().text("sdkApiKey", &newcomer.sdk_api_key);
    let reply = eventually("a token for the new partner", SOON, async || {
        let reply = service.ask_as(&newcomer, &plain).await;
        (reply.status == 200).then_some(reply)
    })
    .await;
    let points = points_of(&service, &reply).await;
    assert!(value(&points, "SecretsLatency").unwrap() >= 400.0);
    assert!(value(&points, "CryptoLatency").unwrap() >= 0.0);
}
