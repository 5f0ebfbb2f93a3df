//! Every kind of key is rotated by `tokenctl` under a constant load: no request is refused, and no
//! token unreadable.
//!
//! `make rotate-under-load` runs it with every waiting time in full, as `tokenctl` itself demands
//! them; CI with the waits for the instances only.

mod load;
use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use crate::shell::{Ended, Shell};
use load::{Figures, Load};
use sandbox::development;
use serde_json::Value;
use service_tests::{Service, put_secret};

const TTL: Duration = Duration::from_secs(2);
/// Refreshing early is not allowed before the TTL: it would hide what was done too soon.
const ENV: [(&str, &str); 5] = [
    ("SECRETS_TTL_SECONDS", "2"),
    ("SECRETS_MIN_REFRESH_SECONDS", "2"),
    ("TOKEN_TTL_SECONDS", "60"),
    ("SESSION_TTL_SECONDS", "60"),
    ("RECORD_RETENTION_SECONDS", "300"),
];
/// How an operator tells `tokenctl` of such a deployment.
const AGES: &str = "--secrets-ttl 2 --refreshes-succeeded --longest-token-ttl 60 --longest-session-ttl 60 --record-retention 300";

/// Until every instance and resource server has refreshed, a request under way included.
async fn refreshed() {
    tokio::time::sleep(TTL + Duration::from_millis(700)).await;
}

async fn service() -> Service {
    let service = Service::start_in(&ENV).await;
    // The partner begins with one key, as it was onboarded.
    let mut partners = service_tests::api_keys();
    partners["partners"][0]["payloadKeys"]["keys"]
        .as_array_mut()
        .unwrap()
        .truncate(1);
    put_secret(&service, "api-keys", &partners).await;
    refreshed().await;
    service
}

async fn load(service: &Service, retention: Option<i64>) -> Load {
    let mut acme = development::acme().unwrap();
    acme.payload_keys.truncate(1);
    let load = Load::start(service, acme, TTL, retention).await;
    // All workers are at it.
    refreshed().await;
    load
}

/// The step, once the harness has waited for the instances itself.
async fn at_once(shell: &Shell, line: &str) -> Value {
    shell
        .run(&format!("--json {line} --skip-wait --yes"))
        .await
        .expect(0)
        .json()
}

/// The step when `tokenctl` says that it is safe. Whoever was overtaken by another operator tries
/// again.
async fn in_time(shell: &Shell, line: &str) -> Value {
    loop {
        let ended: Ended = shell
            .run(&format!("--json {line} {AGES} --wait --yes"))
            .await;
        match ended.exit {
            4 => {}
            _ => return ended.expect(0).json(),
        }
    }
}

fn report(name: &str, figures: &Figures, took: Duration) {
    let count = |figure: &std::sync::atomic::AtomicU64| figure.load(Ordering::Relaxed);
    println!(
        "{name}: {} requests in {:.0} s: {} issued, {} repeated with the same token, {} repeated after its end; {} times a token \
         was opened by a resource server; {} refused",
        count(&figures.issued) + count(&figures.replayed) + count(&figures.expired),
        took.as_secs_f64(),
        count(&figures.issued),
        count(&figures.replayed),
        count(&figures.expired),
        count(&figures.opened),
        figures.refused.lock().unwrap().len(),
    );
}

fn nothing_was_refused(figures: &Figures) {
    let refused = figures.refused.lock().unwrap();
    assert!(
        refused.is_empty(),
        "{} refused, first: {:?}",
        refused.len(),
        &refused[..refused.len().min(5)]
    );
    assert!(
        figures.replayed.load(Ordering::Relaxed) > 100,
        "the load was too small to show anything"
    );
}

#[tokio::test]
async fn no_request_is_refused_while_every_key_rotates() {
    let began = Instant::now();
    let service = service().await;
    let shell = Shell::of(&service);
    let load = load(&service, None).await;

    for key in ["api-key", "sdk-api-key", "payload-key"] {
        let rotate = format!("partner rotate {key} acme");
        at_once(&shell, &rotate).await;
        refreshed().await;
        load.apply(&shell.path(&format!("acme-{key}.json")));
        if key == "payload-key" {
            assert_eq!(at_once(&shell, &rotate).await["step"], "promote");
        }
        refreshed().await;
        assert_eq!(at_once(&shell, &rotate).await["step"], "remove");
    }
    for ring in ["token", "record"] {
        let rotate = format!("keys rotate {ring}");
        for step in ["append", "promote"] {
            assert_eq!(at_once(&shell, &rotate).await["step"], step);
            refreshed().await;
        }
        // What the old key sealed would be needed for minutes yet: here it is not asked for any
        // more.
        load.forget();
        refreshed().await;
        assert_eq!(at_once(&shell, &rotate).await["step"], "remove");
        refreshed().await;
    }

    let figures = load.stop().await;
    report(
        "rotation, waits for the instances",
        &figures,
        began.elapsed(),
    );
    nothing_was_refused(&figures);
}

#[tokio::test]
#[ignore = "takes 8 minutes: make rotate-under-load"]
async fn no_request_is_refused_with_every_wait_in_full() {
    let began = Instant::now();
    let service = service().await;
    let shell = Shell::of(&service);
    let load = load(&service, Some(300_000)).await;

    let partner = async {
        for key in ["api-key", "sdk-api-key", "payload-key"] {
            let rotate = format!("partner rotate {key} acme");
            in_time(&shell, &rotate).await;
            refreshed().await;
            load.apply(&shell.path(&format!("acme-{key}.json")));
            if key == "payload-key" {
                assert_eq!(in_time(&shell, &rotate).await["step"], "promote");
            }
            assert_eq!(in_time(&shell, &rotate).await["step"], "remove");
        }
    };
    let ring = async |name: &str| {
        for step in ["append", "promote", "remove"] {
            assert_eq!(
                in_time(&shell, &format!("keys rotate {name}")).await["step"],
                step
            );
        }
    };
    tokio::join!(partner, ring("token"), ring("record"));
    refreshed().await;

    let figures = load.stop().await;
    report("rotation, every wait in full", &figures, began.elapsed());
    nothing_was_refused(&figures);
    assert!(
        figures.expired.load(Ordering::Relaxed) > 100,
        "no record outlived its token"
    );
}

#[tokio::test]
async fn a_payload_key_removed_too_soon_is_seen_as_refusals() {
    let service = service().await;
    let shell = Shell::of(&service);
    let load = load(&service, None).await;
    at_once(&shell, "partner rotate payload-key acme").await;
    refreshed().await;
    // The partner has not taken the new key over.
    at_once(&shell, "partner rotate payload-key acme").await;
    at_once(&shell, "partner rotate payload-key acme").await;
    refreshed().await;
    assert!(load.refusals() > 0);
    load.stop().await;
}

#[tokio::test]
async fn a_token_key_promoted_too_soon_is_seen_as_unreadable_tokens() {
    let service = service().await;
    let shell = Shell::of(&service);
    let load = load(&service, None).await;
    // Now and then an instance and the resource servers happen to refresh at the same moment.
    for _ in 0..5 {
        at_once(&shell, "keys rotate token --step append").await;
        at_once(&shell, "keys rotate token --step promote").await;
        refreshed().await;
        if load.refusals() > 0 {
            break;
        }
    }
    assert!(load.refusals() > 0);
    load.stop().await;
}
