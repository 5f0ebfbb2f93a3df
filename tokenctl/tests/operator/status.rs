//! `tokenctl status`, and what other commands say of what is missing or faulty.

use std::fs;

use serde_json::{Value, json};
use service_tests::{Service, secrets_manager};

use super::{change, secret};
use crate::shell::Shell;

#[tokio::test]
async fn says_what_would_be_acted_on_and_changes_nothing() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    let before = secret(&service, "api-keys").await;
    let puts = service.secrets_faults().requests_of("PutSecretValue");
    let status = shell.run("status").await.expect(0);
    let variables = shell.variables();
    for told in [
        "account   000000000000\nregion    eu-west-1\n",
        &format!(
            "partners  token-service/api-keys at {}\n",
            variables["AWS_ENDPOINT_URL_SECRETS_MANAGER"]
        ),
        &format!(
            "table     tokens at {}\n",
            variables["AWS_ENDPOINT_URL_DYNAMODB"]
        ),
        "3 partners (1 disabled), 1 resource server",
        "1 key for tokens, 1 key for records",
        "All is as it must be.",
    ] {
        assert!(status.out.contains(told), "{told}\n{status:?}");
    }
    let json = shell.run("--json status").await.expect(0).json();
    assert_eq!(
        (
            &json["ok"],
            &json["account"],
            &json["region"],
            &json["profile"]
        ),
        (
            &true.into(),
            &"000000000000".into(),
            &"eu-west-1".into(),
            &Value::Null
        )
    );
    let version = current_version(&service).await;
    assert_eq!(json["partners"]["version"], version);
    assert!(status.out.contains(&version), "{status:?}");
    assert_eq!(json["partners"]["faults"], json!([]));
    assert_eq!(secret(&service, "api-keys").await, before);
    assert_eq!(service.secrets_faults().requests_of("PutSecretValue"), puts);
    for secret in ["k", "ABCDEFGH", "MOB-APP-2001"] {
        assert!(!status.out.contains(&format!("\"{secret}\"")), "{status:?}");
    }
}

async fn current_version(service: &Service) -> String {
    let client = secrets_manager(service);
    let value = client
        .get_secret_value()
        .secret_id("token-service/api-keys");
    value.send().await.unwrap().version_id.unwrap()
}

#[tokio::test]
async fn what_cannot_be_reached_is_said_beside_what_can() {
    let service = Service::start().await;
    let shell = |name: &str, value: &str| Shell::of(&service).with(name, value);
    for (variable, value, exit, member, told) in [
        (
            "TOKENS_TABLE",
            "nowhere",
            5,
            "table",
            "ResourceNotFoundException",
        ),
        ("TOKENS_TABLE", "", 2, "table", "set TOKENS_TABLE"),
        (
            "SERVER_KEYS_SECRET_ID",
            "nowhere",
            5,
            "keys",
            "ResourceNotFoundException",
        ),
        (
            "API_KEYS_SECRET_ID",
            "",
            2,
            "partners",
            "set API_KEYS_SECRET_ID",
        ),
        (
            "AWS_ENDPOINT_URL_DYNAMODB",
            "http://127.0.0.1:1",
            1,
            "table",
            "AWS_ENDPOINT_URL",
        ),
    ] {
        let shell = shell(variable, value);
        let status = shell.run("--json status").await.expect(exit).json();
        assert_eq!(status["ok"], false);
        for other in ["partners", "keys", "table"] {
            let error = status[other]["error"].as_str();
            match other == member {
                true => assert!(error.unwrap().contains(told), "{status}"),
                false => assert_eq!(error, None, "{status}"),
            }
        }
        let status = shell.run("status").await.expect(exit);
        assert!(status.out.contains("1 of 3 cannot be used"), "{status:?}");
        assert!(status.out.contains(told), "{status:?}");
    }
}

#[tokio::test]
async fn faults_of_a_document_are_named_by_their_path_and_without_values() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    change(&service, "api-keys", |document| {
        document["partners"][0]["enabeld"] = true.into();
        document["partners"][1]["payloadKeys"]["keys"][0]["k"] = "too-short-and-secret".into();
    })
    .await;
    let checked = shell.run("status").await.expect(6);
    assert!(checked.out.contains("partners[0].enabeld"), "{checked:?}");
    assert!(
        checked.out.contains("partners[1].payloadKeys.keys[0].k"),
        "{checked:?}"
    );
    assert!(checked.out.contains("1 of 3 cannot be used"), "{checked:?}");
    assert!(!checked.out.contains("too-short-and-secret"));
    // Nothing is changed on top of a fault: the service would go on with what it has.
    shell.run("partner disable globex").await.expect(6);

    fs::write(shell.path("keys.json"), r#"{"token":{"keys":[]}}"#).unwrap();
    let checked = shell
        .run("--json status --server-keys keys.json")
        .await
        .expect(6)
        .json();
    let faults = checked["keys"]["faults"].as_array().unwrap();
    assert!(
        faults
            .iter()
            .any(|fault| fault.as_str().unwrap().starts_with("token.keys ")),
        "{checked}"
    );
    assert!(
        faults
            .iter()
            .any(|fault| fault.as_str().unwrap().starts_with("record ")),
        "{checked}"
    );
}

#[tokio::test]
async fn a_payload_key_of_another_partner_is_a_fault() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    let before = secret(&service, "api-keys").await;
    let acmes = before["partners"][0]["payloadKeys"]["keys"][0]["k"].clone();
    change(&service, "api-keys", |document| {
        document["partners"][1]["payloadKeys"]["keys"][0]["k"] = acmes.clone();
    })
    .await;
    let said = shell.run("status").await.expect(6).out;
    let rule = "partners[1].payloadKeys.keys[0].k must not be another partner's key";
    assert!(said.contains(rule), "{said}");
    assert!(!said.contains(acmes.as_str().unwrap()), "{said}");
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let service = Service::start().await;
    let without = Shell::of(&service).with("API_KEYS_SECRET_ID", "");
    let refused = without.run("partner list").await.expect(2);
    assert!(
        refused.err.contains("set API_KEYS_SECRET_ID"),
        "{refused:?}"
    );
    let away = Shell::of(&service).with("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:1");
    let failed = away.run("--json partner list").await.expect(1);
    let error: Value = serde_json::from_str(&failed.err).unwrap();
    assert!(
        error["error"]["message"]
            .as_str()
            .unwrap()
            .contains("AWS_ENDPOINT_URL"),
        "{failed:?}"
    );
    let nowhere = Shell::of(&service)
        .with("SERVER_KEYS_SECRET_ID", "nowhere")
        .run("keys show")
        .await
        .expect(5);
    assert!(nowhere.err.contains("Correct its name"), "{nowhere:?}");
}
