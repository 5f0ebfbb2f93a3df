//! Secrets Manager fails: the last good value serves on for a while, and comes back by itself.

use std::time::{Duration, Instant};

use sandbox::{Fault, Faults};
use serde_json::json;
use service_tests::{
    Event, FOREVER, Plain, Reply, Service, eventually,
    table::{Table, text},
    within,
};

use super::{EARLY, QUICK, SOON};

/// A service that met this fault while it initialised.
async fn started_with(fault: Fault, env: &[(&str, &str)]) -> Service {
    let faults = Faults::default();
    faults.set_always(Some(fault));
    let env: Vec<_> = env
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Service::start_with(|options| {
        options.secrets_faults = faults;
        options.env = env;
    })
    .await
}

pub(super) fn is_unavailable(reply: Reply) -> Reply {
    let reply = reply.refused_plainly(503, "TOK503");
    let seconds: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=30).contains(&seconds), "Retry-After: {seconds}");
    assert!(reply.json["referenceId"].is_null(), "{reply}");
    reply
}

async fn recovers(service: &Service) {
    eventually("a token", SOON, async || {
        let reply = service.ask(&Plain::new()).await;
        match reply.status {
            200 => Some(reply.issued()),
            _ => {
                is_unavailable(reply);
                None
            }
        }
    })
    .await;
}

#[tokio::test]
async fn both_secrets_are_read_at_the_same_time() {
    let faults = Faults::default();
    faults.set_always(Some(Fault::StallBefore(FOREVER)));
    let started = tokio::spawn({
        let faults = faults.clone();
        async move { Service::start_with(|options| options.secrets_faults = faults).await }
    });
    eventually("the first read", SOON, async || {
        (faults.requests() >= 1).then_some(())
    })
    .await;
    // An attempt takes seconds to be given up: who reads one after the other is not here in time.
    let at_once = Duration::from_secs(2);
    eventually("the second read", at_once, async || {
        (faults.requests() >= 2).then_some(())
    })
    .await;
    faults.set_always(None);
    let service = started.await.unwrap();
    service.ask(&Plain::new()).await.issued();
}

#[tokio::test]
async fn initialisation_ends_even_if_secrets_manager_never_answers() {
    // Lambda ends an initialisation after 10 s.
    let started = started_with(Fault::StallBefore(FOREVER), &EARLY);
    let service = within("its first load ends", Duration::from_secs(10), started).await;
    is_unavailable(service.ask(&Plain::new()).await);
    service.secrets_faults().set_always(None);
    recovers(&service).await;
}

#[tokio::test]
async fn starts_without_secrets_manager_and_recovers() {
    for fault in [
        Fault::Refuse,
        Fault::ResetBefore,
        Fault::Throttle,
        Fault::Malformed,
        Fault::status(500, "InternalServiceError"),
        Fault::status(400, "AccessDeniedException"),
        Fault::status(400, "ResourceNotFoundException"),
        Fault::status(400, "DecryptionFailure"),
    ] {
        let service = started_with(fault, &EARLY).await;
        is_unavailable(service.ask(&Plain::new()).await);
        service.secrets_faults().set_always(None);
        recovers(&service).await;
    }
}

#[tokio::test]
async fn asks_no_more_often_than_the_rate_while_it_has_nothing() {
    let service = started_with(Fault::status(400, "AccessDeniedException"), &[]).await;
    let reads = service.secret_reads();
    for _ in 0..5 {
        let reply = is_unavailable(service.ask(&Plain::new()).await);
        let seconds: u64 = reply.header("retry-after").unwrap().parse().unwrap();
        assert!(
            seconds > 20,
            "it knows that it may not ask before: {seconds}"
        );
    }
    assert_eq!(service.secret_reads(), reads);
}

#[tokio::test]
async fn a_secret_that_does_not_exist_is_no_value() {
    let service = Service::start_in(&[("API_KEYS_SECRET_ID", "no-such-secret")]).await;
    is_unavailable(service.ask(&Plain::new()).await);
    let service = Service::start_in(&[("SERVER_KEYS_SECRET_ID", "no-such-secret")]).await;
    is_unavailable(service.ask(&Plain::new()).await);
}

#[tokio::test]
async fn unusable_secrets_outrank_401_but_not_404() {
    let service = started_with(Fault::Refuse, &[]).await;
    let valid = || Event::new(&Plain::new());
    for (event, status, code) in [
        (valid().path("/"), 404, "TOK404"),
        (valid().method("PUT"), 405, "TOK405"),
        (Event::of_body(&" ".repeat(33_000)), 413, "TOK413"),
        (valid().header("Content-Type", "text/html"), 415, "TOK415"),
        (valid().without_header("X-API-KEY"), 503, "TOK503"),
        (valid().header("X-API-KEY", "unknown"), 503, "TOK503"),
        (Event::of_body("x"), 503, "TOK503"),
        (Event::of_body("{}"), 503, "TOK503"),
        (valid(), 503, "TOK503"),
    ] {
        service
            .invoke_event(&event)
            .await
            .refused_plainly(status, code);
    }
    let legacy = service.invoke_event(&valid().legacy()).await;
    assert_eq!((legacy.status, &legacy.json["resCode"]), (503, &json!(503)));
    // One of the two is as little as none.
    let service = Service::start_with(|options| options.server_keys = Some(json!({}))).await;
    is_unavailable(service.invoke_event(&valid()).await);
    is_unavailable(
        service
            .invoke_event(&valid().header("X-API-KEY", "unknown"))
            .await,
    );
}

#[tokio::test]
async fn serves_the_last_good_value_while_refreshes_fail() {
    let service = Service::start_in(&QUICK).await;
    for fault in [
        Fault::Throttle,
        Fault::Refuse,
        Fault::ResetBefore,
        Fault::Malformed,
        Fault::StallBefore(FOREVER),
        Fault::status(500, "InternalServiceError"),
        Fault::status(400, "AccessDeniedException"),
        Fault::status(400, "ResourceNotFoundException"),
    ] {
        let shown = format!("{fault:?}");
        let reads = service.secret_reads();
        service.secrets_faults().set_always(Some(fault));
        eventually("a refresh that fails", SOON, async || {
            let reply = service.ask(&Plain::new()).await;
            assert_eq!(reply.status, 200, "{shown}: {reply}");
            (service.secret_reads() > reads).then_some(())
        })
        .await;
    }
    service.secrets_faults().set_always(None);
    service.ask(&Plain::new()).await.issued();
}

#[tokio::test]
async fn a_refresh_that_stalls_delays_a_request_by_2_seconds_at_most() {
    let service = Service::start_in(&QUICK).await;
    let reads = service.secret_reads();
    service
        .secrets_faults()
        .set_always(Some(Fault::StallBefore(FOREVER)));
    let delayed = eventually("a refresh", SOON, async || {
        let reply = service.ask(&Plain::new()).await.issued();
        (service.secret_reads() > reads).then_some(reply)
    })
    .await;
    let took = service.log_line(&delayed).await["Latency"]
        .as_f64()
        .unwrap();
    // Both at the same time, and some room for a busy machine.
    assert!((500.0..3_800.0).contains(&took), "{took} ms");
}

#[tokio::test]
async fn a_stranger_stays_one_while_secrets_manager_is_down() {
    let service = Service::start_in(&EARLY).await;
    let table = Table::of(&service);
    let taken = Plain::new();
    let first = service.ask(&taken).await.issued();
    let sealed_by = table.item(&taken.reference()).await["sealedBy"].clone();
    table
        .set(&taken.reference(), "sealedBy", text("record-unknown"))
        .await;
    service.secrets_faults().set_always(Some(Fault::Throttle));

    let reads = service.secret_reads();
    let stranger = Event::new(&Plain::new()).header("X-API-KEY", "unknown");
    eventually("an early refresh that fails", SOON, async || {
        let reply = service.invoke_event(&stranger).await;
        reply.refused_plainly(401, "TOK002");
        (service.secret_reads() > reads).then_some(())
    })
    .await;
    // Whether a record's key exists is open: that is to be asked again.
    let reads = service.secret_reads();
    eventually("another one", SOON, async || {
        let reply = service.ask(&taken).await;
        (service.secret_reads() > reads).then(|| reply.refused(503, "TOK503"))
    })
    .await;
    table.set(&taken.reference(), "sealedBy", sealed_by).await;
    service.ask(&taken).await.replays(&first);
}

#[tokio::test]
async fn a_value_that_was_not_confirmed_for_too_long_is_not_served() {
    let max_stale = Duration::from_secs(3);
    let env = [QUICK[0], QUICK[1], ("SECRETS_MAX_STALE_SECONDS", "3")];
    let service = Service::start_in(&env).await;
    // All that it has was confirmed before now, and serving it meanwhile confirms nothing.
    let confirmed = Instant::now();
    service.secrets_faults().set_always(Some(Fault::Throttle));
    let mut served = 0;
    eventually("the end of its use", SOON, async || {
        let asked = Instant::now();
        let reply = service.ask(&Plain::new()).await;
        if reply.status == 200 {
            assert!(
                asked < confirmed + max_stale,
                "served too long: {:?}",
                asked - confirmed
            );
            served += 1;
            return None;
        }
        Some(is_unavailable(reply))
    })
    .await;
    assert!(served > 0);
    assert!(
        confirmed.elapsed() > Duration::from_secs(1),
        "stale after {:?}",
        confirmed.elapsed()
    );
    is_unavailable(service.ask(&Plain::new()).await);

    service.secrets_faults().set_always(None);
    recovers(&service).await;
}
