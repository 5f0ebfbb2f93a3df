//! A key that leaked and was removed does not come back by a file that is left of it.

use std::{fs, time::Duration};

use sandbox::Fault;
use serde_json::{Value, json};
use service_tests::Service;

use super::{credentials, futures, secret};
use crate::shell::Shell;

fn json_of(shell: &Shell, file: &str) -> Value {
    serde_json::from_slice(&fs::read(shell.path(file)).unwrap()).unwrap()
}

#[tokio::test]
async fn of_a_partner_that_was_removed() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    let add = "partner add hooli --program-id 1";
    shell.run(add).await.expect(0);
    let leaked = credentials(&shell, "hooli-credentials.json");
    shell.run("partner remove hooli --yes").await.expect(0);
    let before = secret(&service, "api-keys").await;
    for add in [add, "partner add hooli --program-id 1 --dry-run"] {
        let refused = shell.run(add).await.expect(2);
        assert!(
            refused
                .err
                .contains("hooli-credentials.json exists already"),
            "{refused:?}"
        );
        assert!(
            refused.err.contains("Delete it and repeat the command"),
            "{refused:?}"
        );
    }
    assert_eq!(secret(&service, "api-keys").await, before);
    fs::remove_file(shell.path("hooli-credentials.json")).unwrap();
    shell.run(add).await.expect(0);
    let fresh = credentials(&shell, "hooli-credentials.json");
    assert_ne!(fresh.api_key, leaked.api_key);
    assert_ne!(fresh.sdk_api_key, leaked.sdk_api_key);
    assert_ne!(fresh.payload_keys[0].k, leaked.payload_keys[0].k);
}

#[tokio::test]
async fn of_a_resource_server_that_was_removed() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    shell.run("resource-server add cards").await.expect(0);
    let leaked = json_of(&shell, "cards-resource-server.json");
    shell
        .run("resource-server remove cards --yes")
        .await
        .expect(0);
    let before = secret(&service, "api-keys").await;
    let refused = shell.run("resource-server add cards").await.expect(2);
    assert!(
        refused.err.contains("there is no resource server cards"),
        "{refused:?}"
    );
    assert_eq!(secret(&service, "api-keys").await, before);
    fs::remove_file(shell.path("cards-resource-server.json")).unwrap();
    shell.run("resource-server add cards").await.expect(0);
    assert_ne!(
        json_of(&shell, "cards-resource-server.json")["secret"],
        leaked["secret"]
    );
}

#[tokio::test]
async fn of_a_rotation_before() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    for (rotate, file) in [
        ("partner rotate api-key globex", "globex-api-key.json"),
        (
            "partner rotate sdk-api-key globex",
            "globex-sdk-api-key.json",
        ),
        (
            "partner rotate payload-key globex",
            "globex-payload-key.json",
        ),
        ("resource-server rotate wallet", "wallet-secret.json"),
    ] {
        shell.run(rotate).await.expect(0);
        let leaked = fs::read_to_string(shell.path(file)).unwrap();
        // The key is taken out again: the one beside it stays.
        let keys = secret(&service, "api-keys").await;
        let name = match rotate.contains("payload") {
            true => json_of(&shell, file)["payloadKeys"]["keys"][0]["kid"].clone(),
            false => match rotate.contains("resource") {
                true => keys["resourceServers"][0]["secretSha256"][1].clone(),
                false if rotate.contains("sdk") => {
                    keys["partners"][1]["sdkApiKeySha256"][1].clone()
                }
                false => keys["partners"][1]["apiKeySha256"][1].clone(),
            },
        };
        let name = name.as_str().unwrap();
        let remove = format!("{rotate} --step remove --key {name} --skip-wait --yes");
        shell.run(&remove).await.expect(0);

        let before = secret(&service, "api-keys").await;
        let refused = shell.run(rotate).await.expect(2);
        assert!(
            refused.err.contains(&format!("{file} exists already")),
            "{refused:?}"
        );
        assert_eq!(secret(&service, "api-keys").await, before, "{rotate}");
        assert_eq!(fs::read_to_string(shell.path(file)).unwrap(), leaked);
    }
}

/// Of the file of a try that was cut off, nobody knows who has read it.
#[tokio::test]
async fn of_a_try_that_was_cut_off() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    let partner = json!({"partnerId": "hooli", "apiKey": "of-the-first-try", "sdkApiKey": "sdk-of-the-first-try",
        "payloadKeys": {"keys": [{"kty": "oct", "kid": "hooli-2026-11", "k": "njyXwayjw2zr1dBpka8l3ADoyV7Ospwtn7_KyuIYqRg"}]}});
    let server = json!({"resourceServerId": "cards", "secret": "of-the-first-try"});
    let key = json!({"partnerId": "globex", "apiKey": "of-the-first-try"});
    let before = secret(&service, "api-keys").await;
    for (add, file, left) in [
        (
            "partner add hooli --program-id 1",
            "hooli-credentials.json",
            &partner,
        ),
        (
            "resource-server add cards",
            "cards-resource-server.json",
            &server,
        ),
        ("partner rotate api-key globex", "globex-api-key.json", &key),
    ] {
        fs::write(shell.path(file), left.to_string()).unwrap();
        let refused = shell.run(add).await.expect(2);
        assert!(
            refused.err.contains("Keys are never taken from a file"),
            "{refused:?}"
        );
        assert_eq!(secret(&service, "api-keys").await, before, "{add}");
        assert_eq!(json_of(&shell, file), *left);
    }
}

#[tokio::test]
async fn a_repeated_onboarding_is_done_already_or_names_what_differs() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    let add = "partner add hooli --program-id 2004 --url https://x.example";
    shell.run(add).await.expect(0);
    let before = secret(&service, "api-keys").await;
    let again = shell.run(add).await.expect(0);
    assert!(
        again.out.contains("an earlier `partner add` made hooli"),
        "{again:?}"
    );
    for (other, named) in [
        (
            "--program-id 7 --url https://x.example",
            "program id (2004, now 7)",
        ),
        (
            "--program-id 2004 --url https://y.example",
            "url (https://x.example, now https://y.example)",
        ),
        ("--program-id 2004", "url (https://x.example, now none)"),
        (
            "--program-id 2004 --url https://x.example --token-ttl 600",
            "token lifetime (none, now 600)",
        ),
        (
            "--program-id 2004 --url https://x.example --session-ttl 600",
            "session lifetime (none, now 600)",
        ),
    ] {
        let refused = shell
            .run(&format!("partner add hooli {other}"))
            .await
            .expect(2);
        assert!(refused.err.contains(named), "{named}\n{refused:?}");
    }
    shell.run("partner rotate api-key hooli").await.expect(0);
    let rotated = shell.run(add).await.expect(2);
    assert!(
        rotated.err.contains("there is a partner hooli already"),
        "{rotated:?}"
    );
    assert_ne!(secret(&service, "api-keys").await, before);

    let add = "resource-server add cards --url https://x.example";
    shell.run(add).await.expect(0);
    shell.run(add).await.expect(0);
    let refused = shell.run("resource-server add cards").await.expect(2);
    assert!(
        refused.err.contains("url (https://x.example, now none)"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_rotation_that_lost_a_race_leaves_no_file() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    // Both have read the same version before either puts its own.
    for _ in 0..4 {
        let stall = Fault::StallBefore(Duration::from_millis(300));
        service.secrets_faults().push(stall);
    }
    let both = futures(vec![
        shell.run("partner rotate api-key globex --out one.json"),
        shell.run("partner rotate api-key globex --out other.json"),
    ])
    .await;
    let mut exits: Vec<i32> = both.iter().map(|ended| ended.exit).collect();
    exits.sort_unstable();
    assert_eq!(exits, [0, 4], "{both:?}");
    for (ended, file) in both.iter().zip(["one.json", "other.json"]) {
        assert_eq!(shell.path(file).exists(), ended.exit == 0, "{ended:?}");
        if ended.exit == 4 {
            assert!(
                ended.err.contains(&format!("{file} was not kept")),
                "{ended:?}"
            );
        }
    }
}

#[tokio::test]
async fn secrets_go_to_no_standard_output() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    let before = secret(&service, "api-keys").await;
    for line in [
        "partner add hooli --program-id 1",
        "resource-server add cards",
        "partner rotate api-key globex",
        "keys export",
        "sdk keygen",
        "request --account-number 123123123",
    ] {
        let refused = shell.run(&format!("{line} --out -")).await.expect(2);
        assert!(refused.err.contains("standard output"), "{refused:?}");
        assert!(!shell.path("-").exists(), "{line}");
    }
    assert_eq!(secret(&service, "api-keys").await, before);
}
