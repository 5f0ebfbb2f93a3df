//! AWS's staging rules and error shapes, request by request.

use serde_json::{Value, json};

use super::*;

const V1: &str = "11111111-1111-4111-8111-111111111111";
const V2: &str = "22222222-2222-4222-8222-222222222222";
const V3: &str = "33333333-3333-4333-8333-333333333333";

/// Sends a request; an error is its `kind`.
fn send(store: &SecretsManager, operation: &str, request: Value) -> Result<Value, &'static str> {
    let answer = store.perform(operation, request.to_string().as_bytes());
    let answer = answer.map_err(|refusal| refusal.kind())?;
    Ok(serde_json::from_slice(&answer).unwrap())
}

fn with_one_version() -> SecretsManager {
    let store = SecretsManager::open(None).unwrap();
    let request = json!({ "Name": "s", "SecretString": "one", "ClientRequestToken": V1 });
    send(&store, "CreateSecret", request).unwrap();
    store
}

fn put(store: &SecretsManager, version: &str, value: &str) -> Result<Value, &'static str> {
    let request = json!({ "SecretId": "s", "SecretString": value, "ClientRequestToken": version });
    send(store, "PutSecretValue", request)
}

/// Two versions: the second is current, the first previous.
fn with_two_versions() -> SecretsManager {
    let store = with_one_version();
    put(&store, V2, "two").unwrap();
    store
}

fn move_stage(
    store: &SecretsManager,
    stage: &str,
    from: Option<&str>,
    to: Option<&str>,
) -> Result<Value, &'static str> {
    let mut request = json!({ "SecretId": "s", "VersionStage": stage });
    if let Some(from) = from {
        request["RemoveFromVersionId"] = json!(from);
    }
    if let Some(to) = to {
        request["MoveToVersionId"] = json!(to);
    }
    send(store, "UpdateSecretVersionStage", request)
}

fn stages(store: &SecretsManager) -> Value {
    let described = send(store, "DescribeSecret", json!({ "SecretId": "s" })).unwrap();
    described["VersionIdsToStages"].clone()
}

fn value(store: &SecretsManager, request: Value) -> Result<Value, &'static str> {
    send(store, "GetSecretValue", request).map(|answer| answer["SecretString"].clone())
}

#[test]
fn a_first_version_is_current() {
    let store = with_one_version();
    assert_eq!(stages(&store), json!({ V1: ["AWSCURRENT"] }));
}

#[test]
fn a_first_version_is_current_whatever_stages_it_is_put_with() {
    let store = SecretsManager::open(None).unwrap();
    send(&store, "CreateSecret", json!({ "Name": "s" })).unwrap();
    let request = json!({
        "SecretId": "s", "SecretString": "one", "ClientRequestToken": V1, "VersionStages": ["AWSPENDING"],
    });

    send(&store, "PutSecretValue", request).unwrap();

    assert_eq!(stages(&store), json!({ V1: ["AWSPENDING", "AWSCURRENT"] }));
}

#[test]
fn a_new_value_is_current_and_the_former_one_previous() {
    let store = with_two_versions();
    assert_eq!(
        stages(&store),
        json!({ V1: ["AWSPREVIOUS"], V2: ["AWSCURRENT"] })
    );
}

#[test]
fn there_is_one_previous_version_and_older_ones_are_deprecated() {
    let store = with_two_versions();

    put(&store, V3, "three").unwrap();

    assert_eq!(
        stages(&store),
        json!({ V2: ["AWSPREVIOUS"], V3: ["AWSCURRENT"] })
    );
    let deprecated = value(&store, json!({ "SecretId": "s", "VersionId": V1 }));
    assert_eq!(deprecated, Ok(json!("one")));
}

#[test]
fn a_version_put_with_another_stage_leaves_current_alone() {
    let store = with_one_version();
    let request = json!({
        "SecretId": "s", "SecretString": "two", "ClientRequestToken": V2, "VersionStages": ["AWSPENDING"],
    });

    let answer = send(&store, "PutSecretValue", request).unwrap();

    assert_eq!(answer["VersionId"], V2);
    assert_eq!(answer["VersionStages"], json!(["AWSPENDING"]));
    assert_eq!(
        stages(&store),
        json!({ V1: ["AWSCURRENT"], V2: ["AWSPENDING"] })
    );
}

#[test]
fn moving_current_back_makes_the_other_previous() {
    let store = with_two_versions();

    move_stage(&store, "AWSCURRENT", Some(V2), Some(V1)).unwrap();

    assert_eq!(
        stages(&store),
        json!({ V1: ["AWSCURRENT"], V2: ["AWSPREVIOUS"] })
    );
    assert_eq!(value(&store, json!({ "SecretId": "s" })), Ok(json!("one")));
}

#[test]
fn finishing_a_rotation_moves_current_to_the_pending_version() {
    let store = with_two_versions();
    let pending = json!({
        "SecretId": "s", "SecretString": "three", "ClientRequestToken": V3, "VersionStages": ["AWSPENDING"],
    });
    send(&store, "PutSecretValue", pending).unwrap();

    move_stage(&store, "AWSCURRENT", Some(V2), Some(V3)).unwrap();
    move_stage(&store, "AWSPENDING", Some(V3), None).unwrap();

    assert_eq!(
        stages(&store),
        json!({ V2: ["AWSPREVIOUS"], V3: ["AWSCURRENT"] })
    );
}

#[test]
fn a_stage_is_only_taken_from_the_version_that_is_named() {
    let store = with_two_versions();
    let invalid = Err("InvalidParameterException");

    assert_eq!(move_stage(&store, "AWSCURRENT", None, Some(V1)), invalid);
    assert_eq!(
        move_stage(&store, "AWSCURRENT", Some(V1), Some(V1)),
        invalid
    );
    assert_eq!(move_stage(&store, "NOWHERE", Some(V1), Some(V2)), invalid);
    assert_eq!(move_stage(&store, "AWSCURRENT", None, None), invalid);
    assert_eq!(
        stages(&store),
        json!({ V1: ["AWSPREVIOUS"], V2: ["AWSCURRENT"] })
    );
}

#[test]
fn a_stage_moves_to_where_it_is_without_effect() {
    let store = with_two_versions();
    move_stage(&store, "AWSCURRENT", None, Some(V2)).unwrap();
    assert_eq!(
        stages(&store),
        json!({ V1: ["AWSPREVIOUS"], V2: ["AWSCURRENT"] })
    );
}

#[test]
fn current_is_never_removed_but_other_stages_are() {
    let store = with_two_versions();

    let removed = move_stage(&store, "AWSCURRENT", Some(V2), None);
    move_stage(&store, "AWSPREVIOUS", Some(V1), None).unwrap();

    assert_eq!(removed, Err("InvalidParameterException"));
    assert_eq!(stages(&store), json!({ V2: ["AWSCURRENT"] }));
}

#[test]
fn a_stage_does_not_move_to_a_version_that_is_not_there() {
    let moved = move_stage(&with_one_version(), "AWSCURRENT", Some(V1), Some(V2));
    assert_eq!(moved, Err("ResourceNotFoundException"));
}

#[test]
fn putting_the_same_again_changes_nothing() {
    let store = with_two_versions();

    let again = put(&store, V1, "one").unwrap();

    assert_eq!(again["VersionStages"], json!(["AWSPREVIOUS"]));
    assert_eq!(
        stages(&store),
        json!({ V1: ["AWSPREVIOUS"], V2: ["AWSCURRENT"] })
    );
}

#[test]
fn a_version_never_changes_its_value() {
    let store = with_one_version();
    assert_eq!(put(&store, V1, "other"), Err("ResourceExistsException"));
    assert_eq!(value(&store, json!({ "SecretId": "s" })), Ok(json!("one")));
}

#[test]
fn a_creation_that_is_sent_again_is_answered_again() {
    let store = with_one_version();
    let again = json!({ "Name": "s", "SecretString": "one", "ClientRequestToken": V1 });
    let other = json!({ "Name": "s", "SecretString": "one", "ClientRequestToken": V2 });

    assert_eq!(
        send(&store, "CreateSecret", again).unwrap()["VersionId"],
        V1
    );
    assert_eq!(
        send(&store, "CreateSecret", other),
        Err("ResourceExistsException")
    );
}

#[test]
fn is_found_by_name_by_arn_and_by_arn_without_suffix() {
    let store = with_one_version();
    let described = send(&store, "DescribeSecret", json!({ "SecretId": "s" })).unwrap();
    let arn = described["ARN"].as_str().unwrap();
    let (partial, suffix) = arn.rsplit_once('-').unwrap();

    assert_eq!(suffix.len(), 6);
    for id in ["s", arn, partial] {
        assert_eq!(value(&store, json!({ "SecretId": id })), Ok(json!("one")));
    }
    let unknown = value(&store, json!({ "SecretId": "t" }));
    assert_eq!(unknown, Err("ResourceNotFoundException"));
}

#[test]
fn a_value_is_had_by_version_by_stage_or_by_both_if_they_agree() {
    let store = with_two_versions();
    for (request, expected) in [
        (
            json!({ "SecretId": "s", "VersionId": V1 }),
            Ok(json!("one")),
        ),
        (
            json!({ "SecretId": "s", "VersionStage": "AWSPREVIOUS" }),
            Ok(json!("one")),
        ),
        (
            json!({ "SecretId": "s", "VersionId": V2, "VersionStage": "AWSCURRENT" }),
            Ok(json!("two")),
        ),
        (
            json!({ "SecretId": "s", "VersionId": V1, "VersionStage": "AWSCURRENT" }),
            Err("InvalidRequestException"),
        ),
        (
            json!({ "SecretId": "s", "VersionId": V3 }),
            Err("ResourceNotFoundException"),
        ),
        (
            json!({ "SecretId": "s", "VersionStage": "X" }),
            Err("ResourceNotFoundException"),
        ),
    ] {
        assert_eq!(value(&store, request.clone()), expected, "{request}");
    }
}

#[test]
fn a_secret_without_a_value_has_no_current_version() {
    let store = SecretsManager::open(None).unwrap();
    let request = json!({ "Name": "s" }).to_string();
    store.perform("CreateSecret", request.as_bytes()).unwrap();

    let read = store.perform("GetSecretValue", br#"{"SecretId":"s"}"#);
    let message =
        "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT";
    assert_eq!(read.unwrap_err().to_string(), message);
    assert_eq!(stages(&store), json!({}));
}

#[test]
fn a_secret_that_is_scheduled_for_deletion_has_no_value_until_it_is_restored() {
    let store = with_two_versions();
    let secret = || json!({ "SecretId": "s" });
    let describe = || send(&store, "DescribeSecret", secret()).unwrap();
    assert!(describe().get("DeletedDate").is_none());

    let window = json!({ "SecretId": "s", "RecoveryWindowInDays": 6 });
    let refused = send(&store, "DeleteSecret", window);
    assert_eq!(refused, Err("InvalidParameterException"));
    let window = json!({ "SecretId": "s", "RecoveryWindowInDays": 7 });
    let scheduled = send(&store, "DeleteSecret", window).unwrap();
    let created = describe()["CreatedDate"].as_f64().unwrap();
    let week_after = created + 7.0 * 86_400.0;
    assert!((week_after..week_after + 60.0).contains(&scheduled["DeletionDate"].as_f64().unwrap()));
    assert_eq!(describe()["DeletedDate"], scheduled["DeletionDate"]);

    assert_eq!(value(&store, secret()), Err("InvalidRequestException"));
    assert_eq!(put(&store, V3, "three"), Err("InvalidRequestException"));
    let back = move_stage(&store, "AWSCURRENT", Some(V2), Some(V1));
    assert_eq!(back, Err("InvalidRequestException"));
    let again = send(&store, "DeleteSecret", secret());
    assert_eq!(again, Err("InvalidRequestException"));

    send(&store, "RestoreSecret", secret()).unwrap();
    assert_eq!(value(&store, secret()), Ok(json!("two")));
    assert!(describe().get("DeletedDate").is_none());
}

#[test]
fn a_retrieved_value_says_what_it_is() {
    let store = with_one_version();

    let answer = send(&store, "GetSecretValue", json!({ "SecretId": "s" })).unwrap();

    assert!(
        answer["ARN"]
            .as_str()
            .unwrap()
            .starts_with("arn:aws:secretsmanager:eu-west-1:")
    );
    assert_eq!(answer["Name"], "s");
    assert_eq!(answer["VersionId"], V1);
    assert_eq!(answer["VersionStages"], json!(["AWSCURRENT"]));
    assert!(answer["CreatedDate"].as_f64().unwrap() > 1.7e9);
    assert!(answer.get("SecretBinary").is_none());
}

#[test]
fn a_batch_fails_only_where_it_must() {
    let store = with_one_version();

    let batch = send(
        &store,
        "BatchGetSecretValue",
        json!({ "SecretIdList": ["s", "t"] }),
    )
    .unwrap();

    assert_eq!(batch["SecretValues"][0]["SecretString"], "one");
    assert_eq!(batch["Errors"][0]["SecretId"], "t");
    assert_eq!(batch["Errors"][0]["ErrorCode"], "ResourceNotFoundException");
    assert_eq!(batch["SecretValues"].as_array().unwrap().len(), 1);
}

#[test]
fn binary_values_come_back_as_they_went() {
    let store = SecretsManager::open(None).unwrap();
    send(
        &store,
        "CreateSecret",
        json!({ "Name": "b", "SecretBinary": "AAEC" }),
    )
    .unwrap();

    let answer = send(&store, "GetSecretValue", json!({ "SecretId": "b" })).unwrap();

    assert_eq!(answer["SecretBinary"], "AAEC");
    assert!(answer.get("SecretString").is_none());
}

#[test]
fn refuses_what_breaks_a_constraint() {
    let store = with_one_version();
    let largest = "x".repeat(65_536);
    let too_large = "x".repeat(65_537);
    for (operation, request, kind) in [
        ("GetSecretValue", json!({}), "ValidationException"),
        (
            "GetSecretValue",
            json!({ "SecretId": "" }),
            "ValidationException",
        ),
        (
            "GetSecretValue",
            json!({ "SecretId": "s", "VersionId": "v" }),
            "ValidationException",
        ),
        ("GetSecretValue", json!([1]), "SerializationException"),
        (
            "GetSecretValue",
            json!({ "SecretId": 1 }),
            "SerializationException",
        ),
        (
            "BatchGetSecretValue",
            json!({}),
            "InvalidParameterException",
        ),
        (
            "CreateSecret",
            json!({ "Name": "a b" }),
            "InvalidParameterException",
        ),
        (
            "CreateSecret",
            json!({ "Name": "n", "ClientRequestToken": "t" }),
            "ValidationException",
        ),
        (
            "PutSecretValue",
            json!({ "SecretId": "s" }),
            "InvalidRequestException",
        ),
        (
            "PutSecretValue",
            json!({ "SecretId": "s", "SecretString": "a", "SecretBinary": "AA==" }),
            "InvalidParameterException",
        ),
        (
            "PutSecretValue",
            json!({ "SecretId": "s", "SecretString": too_large }),
            "ValidationException",
        ),
        (
            "PutSecretValue",
            json!({ "SecretId": "s", "SecretString": "a", "VersionStages": [] }),
            "ValidationException",
        ),
        ("ListSecrets", json!({}), "UnknownOperationException"),
    ] {
        assert_eq!(
            send(&store, operation, request.clone()),
            Err(kind),
            "{operation} {request}"
        );
    }
    assert!(put(&store, V2, &largest).is_ok());
}

#[test]
fn an_error_has_aws_shape() {
    let answer = refused(&Refusal::StageNotFound("AWSCURRENT".to_owned()));

    assert_eq!(answer.status(), 400);
    assert_eq!(
        answer.headers()["x-amzn-errortype"],
        "ResourceNotFoundException"
    );
    assert_eq!(
        answer.headers()["content-type"],
        "application/x-amz-json-1.1"
    );
    let body: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(body["__type"], "ResourceNotFoundException");
    let message =
        "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT";
    assert_eq!(body["Message"], message);
}

#[test]
fn is_kept_in_the_data_directory() {
    let directory = tempfile::tempdir().unwrap();
    let store = SecretsManager::open(Some(directory.path())).unwrap();
    store
        .create_unless_present("s", Some("one".to_owned()))
        .unwrap();
    put(&store, V2, "two").unwrap();
    drop(store);

    let store = SecretsManager::open(Some(directory.path())).unwrap();
    store
        .create_unless_present("s", Some("three".to_owned()))
        .unwrap();

    assert_eq!(value(&store, json!({ "SecretId": "s" })), Ok(json!("two")));
}

#[test]
#[cfg(unix)]
fn its_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let store = SecretsManager::open(Some(directory.path())).unwrap();
    store
        .create_unless_present("s", Some("one".to_owned()))
        .unwrap();

    let file = std::fs::metadata(directory.path().join("secrets.json")).unwrap();

    assert_eq!(file.permissions().mode() & 0o777, 0o600);
}

#[test]
fn what_cannot_be_kept_has_not_happened() {
    let directory = tempfile::tempdir().unwrap();
    let store = SecretsManager::open(Some(directory.path())).unwrap();
    store
        .create_unless_present("s", Some("one".to_owned()))
        .unwrap();
    drop(directory);

    assert_eq!(put(&store, V2, "two"), Err("InternalServiceError"));
    assert_eq!(value(&store, json!({ "SecretId": "s" })), Ok(json!("one")));
}
