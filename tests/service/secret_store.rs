//! The sandbox's Secrets Manager against AWS's staging rules, asked by AWS's own SDK: what the
//! other tests take for granted when they rotate a secret.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_secretsmanager::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    primitives::Blob,
};
use service_tests::{Plain, Service, api_keys, secrets_manager};

/// A client of a store with one more secret, whose value is `one`.
async fn store() -> (Service, Client, String) {
    let service = Service::start().await;
    let client = secrets_manager(&service);
    let created = client
        .create_secret()
        .name("a/secret")
        .secret_string("one")
        .send()
        .await
        .unwrap();
    let first = created.version_id().unwrap().to_owned();
    (service, client, first)
}

async fn put(client: &Client, value: &str, stages: &[&str]) -> String {
    let mut put = client
        .put_secret_value()
        .secret_id("a/secret")
        .secret_string(value);
    for stage in stages {
        put = put.version_stages(*stage);
    }
    put.send().await.unwrap().version_id().unwrap().to_owned()
}

/// Which version holds which stages, as `DescribeSecret` says.
async fn stages(client: &Client) -> BTreeMap<String, BTreeSet<String>> {
    let described = client
        .describe_secret()
        .secret_id("a/secret")
        .send()
        .await
        .unwrap();
    let stages = described.version_ids_to_stages().unwrap().iter();
    stages
        .map(|(id, stages)| (id.clone(), stages.iter().cloned().collect()))
        .collect()
}

fn expected<const N: usize>(versions: [(&str, &[&str]); N]) -> BTreeMap<String, BTreeSet<String>> {
    let owned = |stages: &[&str]| stages.iter().map(|stage| (*stage).to_owned()).collect();
    versions
        .into_iter()
        .map(|(id, stages)| (id.to_owned(), owned(stages)))
        .collect()
}

async fn value(client: &Client, id: Option<&str>, stage: Option<&str>) -> String {
    let get = client.get_secret_value().secret_id("a/secret");
    let get = get
        .set_version_id(id.map(str::to_owned))
        .set_version_stage(stage.map(str::to_owned));
    get.send()
        .await
        .unwrap()
        .secret_string()
        .unwrap()
        .to_owned()
}

#[track_caller]
fn refused<T: std::fmt::Debug, E: ProvideErrorMetadata>(
    result: Result<T, SdkError<E>>,
    code: &str,
) {
    match result {
        Err(SdkError::ServiceError(error)) => assert_eq!(error.err().code(), Some(code)),
        Err(_) => panic!("not answered at all"),
        Ok(answer) => panic!("{answer:?} instead of {code}"),
    }
}

#[tokio::test]
async fn the_first_version_is_current() {
    let (_service, client, first) = store().await;
    assert_eq!(stages(&client).await, expected([(&first, &["AWSCURRENT"])]));
    let read = client
        .get_secret_value()
        .secret_id("a/secret")
        .send()
        .await
        .unwrap();
    assert_eq!(read.secret_string(), Some("one"));
    assert_eq!(read.name(), Some("a/secret"));
    assert_eq!(read.version_id(), Some(first.as_str()));
    assert_eq!(read.version_stages(), ["AWSCURRENT"]);
    assert!(read.created_date().is_some());
    let arn = read.arn().unwrap();
    assert!(
        arn.starts_with("arn:aws:secretsmanager:") && arn.contains(":secret:a/secret-"),
        "{arn}"
    );
    let by_arn = client
        .get_secret_value()
        .secret_id(arn)
        .send()
        .await
        .unwrap();
    assert_eq!(by_arn.secret_string(), Some("one"));
}

#[tokio::test]
async fn a_new_value_moves_current_and_previous() {
    let (_service, client, first) = store().await;
    let second = put(&client, "two", &[]).await;
    assert_eq!(
        stages(&client).await,
        expected([(&second, &["AWSCURRENT"]), (&first, &["AWSPREVIOUS"])])
    );
    let third = put(&client, "three", &[]).await;
    assert_eq!(
        stages(&client).await,
        expected([(&third, &["AWSCURRENT"]), (&second, &["AWSPREVIOUS"])])
    );
    assert_eq!(value(&client, None, None).await, "three");
    assert_eq!(value(&client, None, Some("AWSPREVIOUS")).await, "two");
    // A version without a stage is deprecated, not gone yet.
    assert_eq!(value(&client, Some(&first), None).await, "one");
}

#[tokio::test]
async fn a_pending_value_changes_nothing_until_it_is_promoted() {
    let (_service, client, first) = store().await;
    let pending = put(&client, "two", &["AWSPENDING"]).await;
    assert_eq!(value(&client, None, None).await, "one");
    assert_eq!(
        stages(&client).await,
        expected([(&first, &["AWSCURRENT"]), (&pending, &["AWSPENDING"])])
    );

    let promote = || {
        client
            .update_secret_version_stage()
            .secret_id("a/secret")
            .version_stage("AWSCURRENT")
    };
    // The version that loses it must be named, and rightly.
    refused(
        promote().move_to_version_id(&pending).send().await,
        "InvalidParameterException",
    );
    let wrong = promote()
        .move_to_version_id(&pending)
        .remove_from_version_id(&pending);
    refused(wrong.send().await, "InvalidParameterException");
    assert_eq!(value(&client, None, None).await, "one");

    let right = promote()
        .move_to_version_id(&pending)
        .remove_from_version_id(&first);
    right.send().await.unwrap();
    assert_eq!(value(&client, None, None).await, "two");
    assert_eq!(
        stages(&client).await,
        expected([
            (&pending, &["AWSCURRENT", "AWSPENDING"]),
            (&first, &["AWSPREVIOUS"])
        ])
    );
    // And back.
    let back = promote()
        .move_to_version_id(&first)
        .remove_from_version_id(&pending);
    back.send().await.unwrap();
    assert_eq!(value(&client, None, None).await, "one");
    assert_eq!(
        stages(&client).await,
        expected([
            (&first, &["AWSCURRENT"]),
            (&pending, &["AWSPENDING", "AWSPREVIOUS"])
        ])
    );
}

#[tokio::test]
async fn current_can_be_moved_but_not_removed() {
    let (_service, client, first) = store().await;
    let second = put(&client, "two", &["MINE"]).await;
    let update = |stage: &str| {
        client
            .update_secret_version_stage()
            .secret_id("a/secret")
            .version_stage(stage)
    };
    refused(
        update("AWSCURRENT")
            .remove_from_version_id(&first)
            .send()
            .await,
        "InvalidParameterException",
    );
    update("MINE")
        .remove_from_version_id(&second)
        .send()
        .await
        .unwrap();
    assert_eq!(stages(&client).await, expected([(&first, &["AWSCURRENT"])]));
    let unknown = "00000000-0000-4000-8000-000000000000";
    let to_unknown = update("AWSCURRENT")
        .move_to_version_id(unknown)
        .remove_from_version_id(&first);
    refused(to_unknown.send().await, "ResourceNotFoundException");
}

#[tokio::test]
async fn a_stage_is_on_one_version_at_a_time() {
    let (_service, client, first) = store().await;
    let second = put(&client, "two", &["MINE"]).await;
    let third = put(&client, "three", &["MINE", "YOURS"]).await;
    assert_eq!(
        stages(&client).await,
        expected([(&first, &["AWSCURRENT"]), (&third, &["MINE", "YOURS"])])
    );
    assert_eq!(value(&client, Some(&second), None).await, "two");
    assert_eq!(value(&client, None, Some("MINE")).await, "three");
}

#[tokio::test]
async fn a_version_never_changes() {
    let (_service, client, first) = store().await;
    let token = "11111111-1111-4111-8111-111111111111";
    let put = |value: &str| {
        let put = client.put_secret_value().secret_id("a/secret");
        put.client_request_token(token).secret_string(value).send()
    };
    assert_eq!(put("two").await.unwrap().version_id(), Some(token));
    // Sent again it is the same; with another value it is refused.
    assert_eq!(put("two").await.unwrap().version_id(), Some(token));
    refused(put("three").await, "ResourceExistsException");
    assert_eq!(value(&client, None, None).await, "two");
    assert_eq!(
        stages(&client).await,
        expected([(token, &["AWSCURRENT"]), (&first, &["AWSPREVIOUS"])])
    );
    let again = client
        .create_secret()
        .name("a/secret")
        .secret_string("one")
        .send()
        .await;
    refused(again, "ResourceExistsException");
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let (_service, client, first) = store().await;
    let get = |secret: &str| client.get_secret_value().secret_id(secret);
    refused(get("a/secre").send().await, "ResourceNotFoundException");
    refused(
        get("a/secret").version_stage("AWSPREVIOUS").send().await,
        "ResourceNotFoundException",
    );
    let unknown = "00000000-0000-4000-8000-000000000000";
    refused(
        get("a/secret").version_id(unknown).send().await,
        "ResourceNotFoundException",
    );
    let second = put(&client, "two", &[]).await;
    refused(
        get("a/secret")
            .version_id(&second)
            .version_stage("AWSPREVIOUS")
            .send()
            .await,
        "InvalidRequestException",
    );
    assert_eq!(
        value(&client, Some(&first), Some("AWSPREVIOUS")).await,
        "one"
    );
    refused(
        client.describe_secret().secret_id("a").send().await,
        "ResourceNotFoundException",
    );
    let put = client.put_secret_value().secret_id("a").secret_string("x");
    refused(put.send().await, "ResourceNotFoundException");
}

#[tokio::test]
async fn a_secret_that_is_scheduled_for_deletion_has_no_value_until_it_is_restored() {
    let (_service, client, _) = store().await;
    let get = || client.get_secret_value().secret_id("a/secret").send();
    let delete = client.delete_secret().secret_id("a/secret");
    assert!(delete.send().await.unwrap().deletion_date().is_some());
    refused(get().await, "InvalidRequestException");
    let restore = client.restore_secret().secret_id("a/secret");
    restore.send().await.unwrap();
    assert_eq!(get().await.unwrap().secret_string(), Some("one"));
}

#[tokio::test]
async fn a_value_is_text_or_bytes_of_at_most_64_kib() {
    let (_service, client, _) = store().await;
    let put = || client.put_secret_value().secret_id("a/secret");
    put()
        .secret_binary(Blob::new([0, 0xff]))
        .send()
        .await
        .unwrap();
    let read = client
        .get_secret_value()
        .secret_id("a/secret")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (read.secret_string(), read.secret_binary().unwrap().as_ref()),
        (None, &[0, 0xff][..])
    );
    put()
        .secret_string("a".repeat(65_536))
        .send()
        .await
        .unwrap();
    refused(
        put().secret_string("a".repeat(65_537)).send().await,
        "ValidationException",
    );
    let both = put().secret_string("a").secret_binary(Blob::new([1]));
    refused(both.send().await, "InvalidParameterException");
}

#[tokio::test]
async fn a_batch_gives_what_it_finds_and_names_what_it_does_not() {
    let (_service, client, _) = store().await;
    let batch = client.batch_get_secret_value();
    let batch = batch
        .secret_id_list("a/secret")
        .secret_id_list("b/secret")
        .secret_id_list("token-service/api-keys");
    let batch = batch.send().await.unwrap();
    let mut names: Vec<_> = batch
        .secret_values()
        .iter()
        .filter_map(|value| value.name())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["a/secret", "token-service/api-keys"]);
    let errors: Vec<_> = batch
        .errors()
        .iter()
        .map(|error| (error.secret_id(), error.error_code()))
        .collect();
    assert_eq!(
        errors,
        [(Some("b/secret"), Some("ResourceNotFoundException"))]
    );
}

#[tokio::test]
async fn the_service_reads_the_current_version() {
    let service = Service::start().await;
    let mut disabled = api_keys();
    disabled["partners"][0]["enabled"] = false.into();
    let pending = secrets_manager(&service)
        .put_secret_value()
        .secret_id("token-service/api-keys");
    let pending = pending
        .secret_string(disabled.to_string())
        .version_stages("AWSPENDING");
    pending.send().await.unwrap();
    service.end_idle_instances().await;
    service.ask(&Plain::new()).await.issued();
}
