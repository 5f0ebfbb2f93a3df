//! One bad write of a secret takes nobody down: instances that have a value keep it, and an
//! instance that never had one serves `AWSPREVIOUS` while the write is mended.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use aws_sdk_secretsmanager::primitives::Blob;
use sandbox::Fault;
use serde_json::{Value, json};
use service_tests::{
    Plain, Reply, Service, api_keys, eventually, partner_with, points, put_secret, secrets_manager,
    server_keys_of,
};

use super::{EARLY, QUICK, SOON, asks, becomes_older_than, outage::is_unavailable, with_partner};

const SECOND: Duration = Duration::from_secs(1);

/// A document of the partners that is refused, and the path of its fault.
fn misspelt() -> Value {
    let mut partners = api_keys();
    partners["partners"][0]["enabeld"] = false.into();
    partners
}

const FAULT: &str = "partners[0].enabeld";

fn disabled() -> Value {
    let mut partners = api_keys();
    partners["partners"][0]["enabled"] = false.into();
    partners
}

fn lines(service: &Service, message: &str) -> Vec<Value> {
    let mut lines = service.log_json();
    lines.retain(|line| line["message"] == message);
    lines
}

/// The lines of the attempts after which `AWSPREVIOUS` served.
fn fallbacks(service: &Service) -> Vec<Value> {
    lines(service, "the previous version of the secret serves")
}

fn failures(service: &Service) -> Vec<Value> {
    lines(service, "secret not refreshed")
}

/// Writes partners that are right and then a bad document, and ends the instances that know
/// neither. Gives back the version of the former.
async fn newly_started_after_a_bad_write(service: &Service, second: &Value, bad: &Value) -> String {
    let previous = put_secret(service, "api-keys", second).await;
    put_secret(service, "api-keys", bad).await;
    service.end_idle_instances().await;
    previous
}

async fn asks_five_times(service: &Service) {
    for _ in 0..5 {
        service.ask(&Plain::new()).await.issued();
    }
}

#[tokio::test]
async fn an_old_instance_keeps_its_last_good_value_and_never_reads_the_previous_version() {
    let (newcomer, entry) = partner_with("newcomer");
    let service = Service::start_in(&EARLY).await.knowing(newcomer.clone());
    let loaded = Instant::now();
    // `AWSPREVIOUS` is newer than what the instance has, and knows the newcomer.
    put_secret(&service, "api-keys", &with_partner(entry)).await;
    put_secret(&service, "api-keys", &misspelt()).await;
    let reads = service.secret_reads();
    becomes_older_than(loaded, SECOND).await;

    let reply = service.ask_as(&newcomer, &asks(&newcomer)).await;
    reply.refused_plainly(401, "TOK002");
    assert_eq!(service.secret_reads() - reads, 1);
    assert!(
        failures(&service)[0]["error"]
            .as_str()
            .unwrap()
            .contains(FAULT)
    );
    assert_eq!(fallbacks(&service), [Value::Null; 0]);
    service.ask(&Plain::new()).await.issued();
}

#[tokio::test]
async fn a_new_instance_serves_the_previous_version_and_says_so() {
    let (newcomer, entry) = partner_with("newcomer");
    let service = Service::start_in(&EARLY).await.knowing(newcomer.clone());
    let before = (service.secret_reads(), service.log_lines().len());
    let previous =
        newly_started_after_a_bad_write(&service, &with_partner(entry), &misspelt()).await;

    let ask = async || service.ask_as(&newcomer, &asks(&newcomer)).await;
    ask().await.issued();
    // Both secrets, and the one's previous version.
    assert_eq!(service.secret_reads() - before.0, 3);

    let lines = service.log_json().split_off(before.1);
    let said = |message: &str| {
        let mut lines = lines.iter();
        lines
            .find(|line| line["message"] == message)
            .unwrap()
            .clone()
    };
    let refused = said("secret not refreshed");
    assert!(
        refused["error"].as_str().unwrap().contains(FAULT),
        "{refused}"
    );
    let serves = said("the previous version of the secret serves");
    assert_eq!(
        (&serves["level"], &serves["Secret"], &serves["version_id"]),
        (&json!("ERROR"), &json!("api-keys"), &json!(previous)),
        "{serves}"
    );
    let points: BTreeMap<_, _> = points(&serves)
        .into_iter()
        .map(|point| {
            (
                (point.name, point.dimensions.into_iter().collect()),
                point.value,
            )
        })
        .collect();
    let dimensions = |all: &[(&str, &str)]| {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        all.iter().map(owned).collect::<Vec<_>>()
    };
    let metric = "SecretsFallbacks".to_owned();
    assert_eq!(
        points,
        BTreeMap::from([
            ((metric.clone(), dimensions(&[])), 1.0),
            ((metric, dimensions(&[("Secret", "api-keys")])), 1.0),
        ])
    );

    // Each further attempt reads `AWSCURRENT` alone, finds it as it was, and says so again.
    let reads = service.secret_reads();
    eventually("a second line", SOON, async || {
        ask().await.issued();
        (fallbacks(&service).len() >= 2).then_some(())
    })
    .await;
    let more = fallbacks(&service).len() as u64 - 1;
    assert_eq!(service.secret_reads() - reads, more);
}

#[tokio::test]
async fn what_is_mended_is_read_after_the_minimum_and_not_after_the_ttl() {
    let service = Service::start_in(&EARLY).await;
    newly_started_after_a_bad_write(&service, &api_keys(), &misspelt()).await;
    service.ask(&Plain::new()).await.issued();

    let mended = put_secret(&service, "api-keys", &disabled()).await;
    // A partner that is known asks for no early refresh.
    let reply = eventually("the mended document", SOON, async || {
        let reply = service.ask(&Plain::new()).await;
        (reply.status != 200).then_some(reply)
    })
    .await;
    reply.refused_plainly(401, "TOK002");
    let last = lines(&service, "secret refreshed").pop().unwrap();
    assert_eq!(last["version_id"], mended, "{last}");

    // From now on it is like any other instance: the TTL counts, and a bad write leaves it its
    // value.
    put_secret(&service, "api-keys", &misspelt()).await;
    let (reads, said) = (service.secret_reads(), fallbacks(&service).len());
    becomes_older_than(Instant::now(), SECOND).await;
    let reply = service.ask(&Plain::new()).await;
    reply.refused_plainly(401, "TOK002");
    assert_eq!(
        (service.secret_reads(), fallbacks(&service).len()),
        (reads, said)
    );
}

#[tokio::test]
async fn the_next_attempt_is_not_before_the_minimum() {
    let service = Service::start().await;
    newly_started_after_a_bad_write(&service, &api_keys(), &misspelt()).await;
    asks_five_times(&service).await;
    let reads = service.secret_reads();
    put_secret(&service, "api-keys", &disabled()).await;
    asks_five_times(&service).await;
    assert_eq!(service.secret_reads(), reads);
    assert_eq!(fallbacks(&service).len(), 1);
}

#[tokio::test]
async fn each_secret_falls_back_by_itself() {
    let service = Service::start().await;
    let rings = server_keys_of(&["token-2"], &["record-2"]);
    put_secret(&service, "server-keys", &rings).await;
    put_secret(&service, "server-keys", &json!({"token": 1})).await;
    let mut partners = api_keys();
    partners["partners"][0]["programId"] = 7.into();
    put_secret(&service, "api-keys", &partners).await;
    service.end_idle_instances().await;

    let reply = service.ask(&Plain::new()).await.issued();
    let claims = peers::resource_server::open_token(reply.token(), &rings).unwrap();
    assert_eq!(claims["program_id"], 7);
    let secrets: Vec<_> = fallbacks(&service)
        .iter()
        .map(|line| line["Secret"].clone())
        .collect();
    assert_eq!(secrets, ["server-keys"]);
}

#[tokio::test]
async fn bytes_are_refused_as_a_wrong_document_is() {
    let service = Service::start().await;
    let put = secrets_manager(&service)
        .put_secret_value()
        .secret_id("token-service/api-keys");
    put.secret_binary(Blob::new(api_keys().to_string()))
        .send()
        .await
        .unwrap();
    service.end_idle_instances().await;
    service.ask(&Plain::new()).await.issued();
    assert_eq!(fallbacks(&service).len(), 1);
    let error = failures(&service)[0]["error"].clone();
    assert!(
        error.as_str().unwrap().contains("no SecretString"),
        "{error}"
    );
}

/// Whether a new instance has nothing, and which faults its log names in their order.
async fn has_nothing(service: &Service, faults: &[&str]) {
    is_unavailable(service.ask(&Plain::new()).await);
    assert_eq!(fallbacks(service), [Value::Null; 0]);
    let errors: Vec<_> = service
        .log_json()
        .into_iter()
        .filter(|line| line["Secret"] == "api-keys" && line["level"] == "WARN")
        .map(|line| line["error"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(errors.len(), faults.len(), "{errors:?}");
    for (error, fault) in errors.iter().zip(faults) {
        assert!(error.contains(fault), "{errors:?}");
    }
}

#[tokio::test]
async fn two_bad_writes_are_refused_both() {
    let service = Service::start().await;
    newly_started_after_a_bad_write(&service, &json!({"partners": []}), &misspelt()).await;
    has_nothing(&service, &[FAULT, "partners must not be empty"]).await;
}

#[tokio::test]
async fn a_first_write_that_is_bad_has_no_previous_version() {
    let service = Service::start_with(|options| options.api_keys = Some(misspelt())).await;
    has_nothing(&service, &[FAULT, "ResourceNotFoundException"]).await;
}

#[tokio::test]
async fn the_previous_version_is_asked_for_once_an_attempt_until_it_was_read() {
    let service = Service::start_in(&EARLY).await;
    let reads = service.secret_reads();
    newly_started_after_a_bad_write(&service, &api_keys(), &misspelt()).await;
    // The two current versions come late, so that the third request is for the previous one.
    let late = Fault::StallAfter(Duration::from_millis(300));
    for fault in [
        late.clone(),
        late,
        Fault::status(400, "AccessDeniedException"),
    ] {
        service.secrets_faults().push(fault);
    }
    is_unavailable(service.ask(&Plain::new()).await);
    assert_eq!(service.secret_reads() - reads, 3);
    eventually("the second attempt", SOON, async || {
        let reply = service.ask(&Plain::new()).await;
        (reply.status == 200).then_some(())
    })
    .await;
    // The current version and the previous one, once more.
    assert_eq!(service.secret_reads() - reads, 5);
    assert_eq!(fallbacks(&service).len(), 1);
}

#[tokio::test]
async fn a_current_version_that_cannot_be_read_is_no_reason_to_read_the_previous_one() {
    let service = Service::start_in(&EARLY).await;
    put_secret(&service, "api-keys", &api_keys()).await;
    for fault in [
        Fault::status(400, "AccessDeniedException"),
        Fault::status(400, "DecryptionFailure"),
        Fault::status(400, "ResourceNotFoundException"),
        Fault::Malformed,
        Fault::Throttle,
        Fault::Refuse,
    ] {
        let shown = format!("{fault:?}");
        service.end_idle_instances().await;
        let (reads, before) = (service.secret_reads(), service.log_lines().len());
        // The two current versions, with or without retries. A previous version would be there.
        service.secrets_faults().set_always(Some(fault));
        is_unavailable(service.ask(&Plain::new()).await);
        let reads = service.secret_reads() - reads;
        assert!([2, 6].contains(&reads), "{shown}: {reads}");
        service.secrets_faults().set_always(None);
        eventually("a token", SOON, async || {
            let reply = service.ask(&Plain::new()).await;
            (reply.status == 200).then_some(())
        })
        .await;
        let lines = service.log_json().split_off(before);
        let previous = |line: &&Value| {
            line["message"]
                .as_str()
                .unwrap_or_default()
                .contains("previous")
        };
        assert_eq!(lines.iter().find(previous), None, "{shown}");
    }
}

#[tokio::test]
async fn the_previous_version_does_not_serve_for_too_long_and_is_not_read_again() {
    let max_stale = Duration::from_secs(3);
    let env = [QUICK[0], QUICK[1], ("SECRETS_MAX_STALE_SECONDS", "3")];
    let service = Service::start_in(&env).await;
    newly_started_after_a_bad_write(&service, &api_keys(), &misspelt()).await;
    service.ask(&Plain::new()).await.issued();
    // The attempt that read it began before now.
    let read = Instant::now();
    let reply = eventually("the end of its use", SOON, async || {
        let asked = Instant::now();
        let reply = service.ask(&Plain::new()).await;
        if reply.status != 200 {
            return Some(reply);
        }
        assert!(asked < read + max_stale, "served too long");
        None
    })
    .await;
    is_unavailable(reply);
    assert!(
        read.elapsed() > SECOND,
        "it served for {:?}",
        read.elapsed()
    );
    let said = fallbacks(&service).len();
    // Attempts go on, and it serves in none of them.
    let failed = failures(&service).len();
    eventually("two more attempts", SOON, async || {
        is_unavailable(service.ask(&Plain::new()).await);
        (failures(&service).len() >= failed + 2).then_some(())
    })
    .await;
    assert_eq!(fallbacks(&service).len(), said);

    put_secret(&service, "api-keys", &api_keys()).await;
    eventually("a token", SOON, async || {
        let reply: Reply = service.ask(&Plain::new()).await;
        (reply.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_refresh_is_told_with_its_version() {
    let service = Service::start_in(&QUICK).await;
    let told = |secret: &str| -> Vec<String> {
        lines(&service, "secret refreshed")
            .into_iter()
            .filter(|line| line["Secret"] == secret)
            .inspect(|line| assert_eq!(line["level"], "INFO"))
            .map(|line| line["version_id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!((told("api-keys").len(), told("server-keys").len()), (1, 1));
    let second = put_secret(&service, "api-keys", &api_keys()).await;
    // The other one has an age of its own, is refreshed as well, and is what it was.
    let rings = eventually("both refreshed", SOON, async || {
        service.ask(&Plain::new()).await.issued();
        let rings = told("server-keys");
        (told("api-keys").contains(&second) && rings.len() >= 2).then_some(rings)
    })
    .await;
    assert!(rings.iter().all(|id| *id == rings[0]), "{rings:?}");
}

#[tokio::test]
async fn a_first_deployment_is_told_to_put_a_first_value() {
    // As the template makes it: there is a secret, and no version of it.
    let account = Service::start().await;
    let client = secrets_manager(&account);
    let created = client.create_secret().name("empty/api-keys").send().await;
    created.unwrap();
    let service = Service::start_in(&[
        ("API_KEYS_SECRET_ID", "empty/api-keys"),
        (
            "AWS_ENDPOINT_URL_SECRETS_MANAGER",
            account.secrets_manager_url(),
        ),
        EARLY[0],
    ])
    .await;
    is_unavailable(service.ask(&Plain::new()).await);
    let line = &failures(&service)[0];
    assert_eq!(line["Secret"], "api-keys");
    let error = line["error"].as_str().unwrap();
    for said in [
        "ResourceNotFoundException",
        "put a first value",
        "correct its id",
    ] {
        assert!(error.contains(said), "{error}");
    }
    let put = client.put_secret_value().secret_id("empty/api-keys");
    put.secret_string(api_keys().to_string())
        .send()
        .await
        .unwrap();
    eventually("a token", SOON, async || {
        let reply = service.ask(&Plain::new()).await;
        (reply.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_secret_that_is_scheduled_for_deletion_is_told_to_be_restored() {
    let service = Service::start_in(&EARLY).await;
    let client = secrets_manager(&service);
    let delete = client.delete_secret().secret_id("token-service/api-keys");
    delete.send().await.unwrap();
    // An instance that has its value goes on; a new one has none, and no previous one either.
    service.ask(&Plain::new()).await.issued();
    service.end_idle_instances().await;
    is_unavailable(service.ask(&Plain::new()).await);
    let errors = failures(&service);
    assert_eq!(errors.len(), 1, "{errors:?}");
    let error = errors[0]["error"].as_str().unwrap();
    assert!(
        error.contains("InvalidRequestException") && error.contains("restore it"),
        "{error}"
    );
    let restore = client.restore_secret().secret_id("token-service/api-keys");
    restore.send().await.unwrap();
    eventually("a token", SOON, async || {
        let reply = service.ask(&Plain::new()).await;
        (reply.status == 200).then_some(())
    })
    .await;
}
