//! Resource servers: onboarded, rotated, switched off and on, removed; and their introspections.

use std::{fs, os::unix::fs::PermissionsExt};

use peers::{partner, resource_server::introspection};
use serde_json::{Value, json};
use service_tests::{Plain, Service, eventually};

use crate::{
    operator::{QUICK, SOON, secret},
    shell::Shell,
};

/// The secret of a file that `tokenctl` wrote.
fn issued(shell: &Shell, file: &str) -> String {
    let file: Value = serde_json::from_slice(&fs::read(shell.path(file)).unwrap()).unwrap();
    assert_eq!(file["resourceServerId"], "cards");
    file["secret"].as_str().unwrap().to_owned()
}

/// What the service answers to an introspection by `cards`.
async fn introspect(service: &Service, secret: &str, token: &str) -> (u16, Value) {
    let request = introspection("cards", secret, token).unwrap();
    let response = partner::call(service.url(), request).await.unwrap();
    let json = serde_json::from_slice(response.body()).unwrap();
    (response.status().as_u16(), json)
}

async fn comes_to(service: &Service, secret: &str, token: &str, status: u16) -> Value {
    eventually("the answer", SOON, async || {
        let (came, json) = introspect(service, secret, token).await;
        (came == status).then_some(json)
    })
    .await
}

#[tokio::test]
async fn onboards_a_resource_server_that_is_then_answered() {
    let service = Service::start_in(&QUICK).await;
    let shell = Shell::of(&service);
    let before = secret(&service, "api-keys").await;
    let ended = shell
        .run("resource-server add cards --url https://api.example.com")
        .await
        .expect(0);
    let cards = issued(&shell, "cards-resource-server.json");
    let path = shell.path("cards-resource-server.json");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(
        fs::read_to_string(&path)
            .unwrap()
            .contains("https://api.example.com")
    );
    assert!(!ended.out.contains(&cards) && !ended.err.contains(&cards));
    let after = secret(&service, "api-keys").await;
    assert!(!after.to_string().contains(&cards), "hashes only");
    assert_eq!(after["partners"], before["partners"]);
    assert_eq!(after["resourceServers"][0], before["resourceServers"][0]);

    let reply = service.ask(&Plain::new()).await;
    let json = comes_to(&service, &cards, reply.token(), 200).await;
    assert_eq!(json["active"], true);

    let again = shell
        .run("resource-server add cards --out other.json")
        .await
        .expect(2);
    assert!(
        again
            .err
            .contains("there is a resource server cards already"),
        "{again:?}"
    );
    assert!(!shell.path("other.json").exists());
    let listed = shell
        .run("--json resource-server list")
        .await
        .expect(0)
        .json();
    let ids: Vec<_> = listed["resourceServers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["resourceServerId"])
        .collect();
    assert_eq!(ids, ["wallet", "cards"]);
}

#[tokio::test]
async fn a_dry_run_of_an_onboarding_writes_nothing() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    let before = secret(&service, "api-keys").await;
    let dry = shell
        .run("resource-server add cards --dry-run")
        .await
        .expect(0);
    assert!(
        dry.out.contains("+ resource server cards: enabled"),
        "{dry:?}"
    );
    assert!(!shell.path("cards-resource-server.json").exists());
    assert_eq!(secret(&service, "api-keys").await, before);
}

#[tokio::test]
async fn a_secret_is_rotated_without_a_gap() {
    let service = Service::start_in(&QUICK).await;
    let shell = Shell::of(&service);
    shell.run("resource-server add cards").await.expect(0);
    let old = issued(&shell, "cards-resource-server.json");
    let appended = shell
        .run("--json resource-server rotate cards")
        .await
        .expect(0);
    let new = issued(&shell, "cards-secret.json");
    assert!(!appended.out.contains(&new) && !appended.err.contains(&new));
    let appended = appended.json();
    assert_eq!(
        (&appended["step"], &appended["next"]["step"]),
        (&"append".into(), &"remove".into())
    );

    let reply = service.ask(&Plain::new()).await;
    for secret in [&old, &new] {
        comes_to(&service, secret, reply.token(), 200).await;
    }
    let early = shell.run("resource-server rotate cards").await.expect(3);
    assert!(early.err.contains("remove is safe from"), "{early:?}");
    let unsaid = shell
        .run("resource-server rotate cards --skip-wait")
        .await
        .expect(2);
    assert!(unsaid.err.contains("--yes"), "{unsaid:?}");
    shell
        .run("resource-server rotate cards --skip-wait --yes")
        .await
        .expect(0);
    let refused = comes_to(&service, &old, reply.token(), 401).await;
    assert_eq!(refused, json!({"error": "invalid_client"}));
    let (status, _) = introspect(&service, &new, reply.token()).await;
    assert_eq!(status, 200);
    let last = shell
        .run("resource-server rotate cards --step remove")
        .await
        .expect(2);
    assert!(last.err.contains("the only one"), "{last:?}");
    shell.run("resource-server rotate nobody").await.expect(5);
}

#[tokio::test]
async fn a_resource_server_is_off_and_on_and_gone() {
    let service = Service::start_in(&QUICK).await;
    let shell = Shell::of(&service);
    shell.run("resource-server add cards").await.expect(0);
    let cards = issued(&shell, "cards-resource-server.json");
    let reply = service.ask(&Plain::new()).await;
    for (line, status) in [
        ("resource-server disable cards", 401),
        ("resource-server enable cards", 200),
    ] {
        shell.run(line).await.expect(0);
        comes_to(&service, &cards, reply.token(), status).await;
    }
    let refused = shell.run("resource-server remove cards").await.expect(2);
    assert!(refused.err.contains("--yes"), "{refused:?}");
    shell
        .run("resource-server remove cards --dry-run")
        .await
        .expect(0);
    shell.run("resource-server disable nobody").await.expect(5);
    shell
        .run("resource-server remove cards --yes")
        .await
        .expect(0);
    comes_to(&service, &cards, reply.token(), 401).await;
    // The last one may go, too.
    shell
        .run("resource-server remove wallet --yes")
        .await
        .expect(0);
    let listed = shell
        .run("--json resource-server list")
        .await
        .expect(0)
        .json();
    assert_eq!(listed, json!({"resourceServers": []}));
}

#[tokio::test]
async fn introspect_tells_active_from_inactive_and_shows_no_secret() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    let reply = service.ask(&Plain::seed()).await;
    fs::write(shell.path("token"), reply.token()).unwrap();
    let active = shell.run("--json introspect token").await.expect(0).json();
    assert_eq!(
        (&active["active"], &active["client_id"]),
        (&true.into(), &"acme".into())
    );
    assert_eq!(
        (&active["sub"], &active["cnf"]),
        (&Value::Null, &Value::Null)
    );
    let shown = shell.run("introspect token").await.expect(0);
    assert!(
        shown.out.contains("The token is active") && !shown.out.contains("123123123"),
        "{shown:?}"
    );
    let revealed = shell
        .run("--json introspect token --reveal")
        .await
        .expect(0)
        .json();
    assert_eq!(revealed["sub"], "123123123");
    assert!(revealed["cnf"]["jwk"]["k"].is_string());

    fs::write(shell.path("none"), "no.token").unwrap();
    let inactive = shell.run("--json introspect none").await.expect(6).json();
    assert_eq!(inactive, json!({"active": false}));
    fs::write(shell.path("words"), "two words").unwrap();
    shell.run("introspect words").await.expect(2);

    let stranger = json!({"resourceServerId": "wallet", "secret": "wrong"});
    fs::write(shell.path("stranger.json"), stranger.to_string()).unwrap();
    let refused = shell
        .run("introspect token --resource-server stranger.json")
        .await
        .expect(6);
    assert!(refused.out.contains("invalid_client"), "{refused:?}");
    let faulty = shell
        .run("introspect token --resource-server credentials.json")
        .await
        .expect(2);
    assert!(
        faulty
            .err
            .contains("is not a resource server's credentials"),
        "{faulty:?}"
    );
    assert!(!faulty.err.contains("ABCDEFGH"));
}
