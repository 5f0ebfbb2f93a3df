//! Partners: onboarded, listed, switched off and on, removed.

use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

use peers::credentials::Credentials;
use sandbox::Fault;
use serde_json::json;
use service_tests::{Plain, Service, eventually};

use super::{QUICK, SOON, credentials, futures, secret};
use crate::shell::Shell;

/// A request with a partner's own sdkApiKey.
fn plain(partner: &Credentials) -> Plain {
    Plain::new().text("sdkApiKey", &partner.sdk_api_key)
}

#[tokio::test]
async fn onboards_a_partner_that_is_then_served() {
    let service = Service::start_in(&QUICK).await;
    let shell = Shell::of(&service);
    let ended = shell
        .run("partner add hooli --program-id 2004 --token-ttl 600 --url https://api.example.com")
        .await
        .expect(0);
    let hooli = credentials(&shell, "hooli-credentials.json");
    assert_eq!(hooli.url.as_deref(), Some("https://api.example.com"));
    let mode = fs::metadata(shell.path("hooli-credentials.json"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    for secret in [
        &hooli.api_key,
        &hooli.sdk_api_key,
        &hooli.payload_keys[0].encoded(),
    ] {
        assert!(!ended.out.contains(secret) && !ended.err.contains(secret));
    }
    let service = service.knowing(hooli.clone());
    eventually("the new partner is served", SOON, async || {
        (service.ask_as(&hooli, &plain(&hooli)).await.status == 200).then_some(())
    })
    .await;
    let again = shell
        .run("partner add hooli --program-id 2004 --out other.json")
        .await
        .expect(2);
    assert!(
        again.err.contains("there is a partner hooli already"),
        "{again:?}"
    );
    assert!(!shell.path("other.json").exists());
}

/// Where no partner came of it, the file goes again; where that is not known, it stays and is
/// named.
#[tokio::test]
async fn a_file_is_kept_where_its_keys_may_be_in_use() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    let add = "partner add hooli --program-id 1";
    let denied = || Fault::status(400, "AccessDeniedException");
    let done = || Fault::StallAfter(Duration::ZERO);
    // Nothing can be read: nothing is written either.
    service.secrets_faults().set_always(Some(denied()));
    shell.run(add).await.expect(1);
    assert!(!shell.path("hooli-credentials.json").exists());

    // GetSecretValue passes, PutSecretValue does not.
    service.secrets_faults().push(done());
    let failed = shell.run(add).await.expect(1);
    assert!(
        failed.err.contains("hooli-credentials.json was not kept"),
        "{failed:?}"
    );
    assert!(!shell.path("hooli-credentials.json").exists());

    // UpdateSecretVersionStage does not, and DescribeSecret does not tell what became of it.
    for _ in 0..2 {
        service.secrets_faults().push(done());
    }
    let unknown = shell.run(add).await.expect(1);
    assert!(
        unknown.err.contains("it is not known whether"),
        "{unknown:?}"
    );
    assert!(
        unknown.err.contains("hooli-credentials.json"),
        "{unknown:?}"
    );
    assert!(shell.path("hooli-credentials.json").exists());
    service.secrets_faults().set_always(None);
    shell.run("partner show hooli").await.expect(5);
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    let before = secret(&service, "api-keys").await;
    let dry = shell
        .run("partner add hooli --program-id 1 --dry-run")
        .await
        .expect(0);
    assert!(
        dry.out.contains("+ partner hooli: enabled, program 1"),
        "{dry:?}"
    );
    assert!(
        dry.out
            .contains("token-service/api-keys (account 000000000000, eu-west-1)"),
        "{dry:?}"
    );
    assert!(!shell.path("hooli-credentials.json").exists());
    shell
        .run("partner rotate api-key acme --dry-run")
        .await
        .expect(0);
    assert!(!shell.path("acme-api-key.json").exists());
    assert_eq!(secret(&service, "api-keys").await, before);
}

#[tokio::test]
async fn operators_at_the_same_time_lose_nothing_of_each_other() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    let names: Vec<String> = (0..8).map(|number| format!("together-{number}")).collect();
    let mut left: Vec<&String> = names.iter().collect();
    let mut conflicts = 0;
    while !left.is_empty() {
        let lines: Vec<String> = left
            .iter()
            .map(|name| format!("partner add {name} --program-id 1"))
            .collect();
        let ended = futures(lines.iter().map(|line| shell.run(line)).collect()).await;
        let mut again = Vec::new();
        for (name, ended) in left.iter().zip(ended) {
            match ended.exit {
                0 => {}
                4 => {
                    assert!(ended.err.contains("nothing was changed here"), "{ended:?}");
                    let file = format!("{name}-credentials.json");
                    assert!(ended.err.contains(&file), "{ended:?}");
                    assert!(!shell.path(&file).exists(), "a loser's keys are nobody's");
                    conflicts += 1;
                    again.push(*name);
                }
                _ => panic!("{ended:?}"),
            }
        }
        assert!(again.len() < left.len(), "nobody got through");
        left = again;
    }
    assert!(conflicts > 0, "they never met: this test shows nothing");
    let listed = shell.run("--json partner list").await.expect(0).json();
    let there: Vec<&str> = listed["partners"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["partnerId"].as_str().unwrap())
        .collect();
    for name in &names {
        assert!(there.contains(&name.as_str()), "{name} is lost");
        // What the file says is what the service knows.
        let file = credentials(&shell, &format!("{name}-credentials.json"));
        let shown = shell
            .run(&format!("--json partner show {name}"))
            .await
            .expect(0)
            .json();
        assert_eq!(shown["payloadKeys"][0]["kid"], file.payload_keys[0].kid);
    }
}

#[tokio::test]
async fn a_change_whose_answer_was_lost_is_done_and_said_to_be() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    // GetSecretValue and PutSecretValue pass: UpdateSecretVersionStage is done, and its answer
    // lost.
    for fault in [
        Fault::StallAfter(Duration::ZERO),
        Fault::StallAfter(Duration::ZERO),
        Fault::ResetAfter,
    ] {
        service.secrets_faults().push(fault);
    }
    shell.run("partner disable acme").await.expect(0);
    assert_eq!(
        secret(&service, "api-keys").await["partners"][0]["enabled"],
        false
    );
}

#[tokio::test]
async fn a_partner_is_off_and_on_and_gone() {
    let service = Service::start_in(&QUICK).await;
    let shell = Shell::of(&service);
    for (line, status) in [("partner disable acme", 401), ("partner enable acme", 200)] {
        let ended = shell
            .run(&format!("{line} --secrets-ttl 300"))
            .await
            .expect(0);
        assert!(ended.out.contains("within 5 minutes"), "{ended:?}");
        eventually(line, SOON, async || {
            (service.ask(&Plain::new()).await.status == status).then_some(())
        })
        .await;
    }
    let refused = shell.run("partner remove acme").await.expect(2);
    assert!(refused.err.contains("--yes"), "{refused:?}");
    let place = "token-service/api-keys (account 000000000000, eu-west-1)";
    assert!(refused.err.contains(place), "{refused:?}");
    shell.run("partner remove acme --dry-run").await.expect(0);
    assert_eq!(
        secret(&service, "api-keys").await["partners"][0]["partnerId"],
        "acme"
    );
    shell.run("partner remove acme --yes").await.expect(0);
    shell.run("partner show acme").await.expect(5);
    eventually("acme is out", SOON, async || {
        (service.ask(&Plain::new()).await.status == 401).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_list_has_a_header_and_counts_in_words() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    let listed = shell.run("partners list").await.expect(0);
    let lines: Vec<&str> = listed.out.lines().collect();
    assert!(lines[0].starts_with("PARTNER "), "{listed:?}");
    let acme = lines.iter().find(|line| line.starts_with("acme ")).unwrap();
    assert!(
        acme.ends_with("1 API key, 1 sdkApiKey, 2 payload keys"),
        "{acme}"
    );
    let listed = shell.run("resource-servers list").await.expect(0);
    assert!(listed.out.starts_with("RESOURCE SERVER "), "{listed:?}");
}

#[tokio::test]
async fn a_partner_is_shown_with_what_is_next_of_its_rotations() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    let none = shell
        .run("--json partner show globex")
        .await
        .expect(0)
        .json();
    assert_eq!(none["rotations"], json!([]));
    for key in ["api-key", "payload-key"] {
        shell
            .run(&format!("partner rotate {key} globex"))
            .await
            .expect(0);
    }
    let shown = shell.run("partner show globex").await.expect(0);
    for next in [
        "api-key rotation: next is step 2 of 2: remove ",
        "payload-key rotation: next is step 2 of 3: promote globex-",
        " on, in 1 day ",
        "(`tokenctl partner rotate payload-key globex`)",
    ] {
        assert!(shown.out.contains(next), "{next}\n{shown:?}");
    }
    assert!(!shown.out.contains("sdk-api-key rotation"), "{shown:?}");
    let shown = shell
        .run("--json partner show globex")
        .await
        .expect(0)
        .json();
    let steps = shown["rotations"].as_array().unwrap().iter();
    let steps: Vec<_> = steps.map(|it| (&it["rotation"], &it["step"])).collect();
    assert_eq!(
        steps,
        [
            (&"api-key".into(), &"remove".into()),
            (&"payload-key".into(), &"promote".into())
        ]
    );
}
