//! The service's own rings: begun, rotated, exported.

use std::{fs, time::Duration};

use sandbox::Fault;
use serde_json::{Value, json};
use service_tests::{Plain, Service, eventually};

use super::{QUICK, SOON, change, credentials, futures, kids, secret};
use crate::shell::Shell;

/// As if the moments of a ring's last steps were this much longer ago.
fn age(ring: &mut Value, seconds: i64) {
    for key in ring["keys"].as_array_mut().unwrap() {
        for moment in ["appendedAt", "promotedAt", "demotedAt"] {
            if let Some(at) = key[moment].as_i64() {
                key[moment] = (at - seconds).into();
            }
        }
    }
}

#[tokio::test]
async fn empty_secrets_are_filled_once_and_the_first_partner_is_served() {
    let service = Service::start_with(|options| {
        options.empty_secrets = true;
        options
            .env
            .extend(QUICK.map(|(name, value)| (name.to_owned(), value.to_owned())));
    })
    .await;
    let shell = Shell::of(&service);
    let empty = shell.run("status").await.expect(6);
    assert!(
        empty
            .out
            .contains("the secret is empty: `tokenctl keys init`"),
        "{empty:?}"
    );
    shell.run("keys show").await.expect(5);
    shell.run("keys init --dry-run").await.expect(0);
    // Both have seen that it is empty before either fills it.
    for _ in 0..4 {
        service
            .secrets_faults()
            .push(Fault::StallBefore(Duration::from_millis(300)));
    }
    let both = futures(vec![
        shell.run("--json keys init"),
        shell.run("--json keys init"),
    ])
    .await;
    let created = both
        .iter()
        .filter(|ended| ended.exit == 0 && ended.json()["created"] == true);
    assert_eq!(created.count(), 1, "{both:?}");
    let again = shell.run("--json keys init").await.expect(0).json();
    assert_eq!(again["created"], false);
    shell
        .run("partner add first --program-id 1")
        .await
        .expect(0);
    shell.run("status").await.expect(0);
    let first = credentials(&shell, "first-credentials.json");
    let service = service.knowing(first.clone());
    let request = Plain::new().text("sdkApiKey", &first.sdk_api_key);
    eventually("the first partner is served", SOON, async || {
        (service.ask_as(&first, &request).await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_step_is_refused_before_its_time_and_taken_after() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    for (ring, sealed_for) in [
        ("token", 86_400 + 86_400),
        ("record", 86_400 + 30 * 86_400 + 86_400),
    ] {
        let rotate = format!("keys rotate {ring}");
        let appended = shell
            .run(&format!("--json {rotate}"))
            .await
            .expect(0)
            .json();
        assert_eq!(
            (&appended["step"], &appended["next"]["step"]),
            (&"append".into(), &"promote".into())
        );
        let new = appended["key"].as_str().unwrap().to_owned();
        let document = secret(&service, "server-keys").await;
        assert_eq!(kids(&document[ring])[1], new);

        let early = shell.run(&rotate).await.expect(3);
        assert!(
            early.err.contains("step 2 of 3: promote is safe from"),
            "{early:?}"
        );
        assert_eq!(
            secret(&service, "server-keys").await,
            document,
            "a refused step changes nothing"
        );
        // Shorter where the operator has seen that the refreshes succeed, but not at once.
        let early = shell
            .run(&format!("{rotate} --refreshes-succeeded"))
            .await
            .expect(3);
        assert!(early.err.contains("in 5 minutes"), "{early:?}");

        change(&service, "server-keys", |keys| {
            age(&mut keys[ring], 86_400 + 31)
        })
        .await;
        let promoted = shell.run(&rotate).await.expect(0);
        let says = format!("step 2 of 3: promote {new} in token-service/server-keys (account ");
        assert!(promoted.err.starts_with(&says), "{promoted:?}");
        assert!(
            promoted.err.contains("it seals from then on"),
            "{promoted:?}"
        );
        let document = secret(&service, "server-keys").await;
        assert_eq!(kids(&document[ring])[0], new);

        shell.run(&rotate).await.expect(3);
        // Not after a day of waiting, but before it.
        let unsaid = shell.run(&format!("{rotate} --wait")).await.expect(2);
        assert!(unsaid.err.contains("--yes"), "{unsaid:?}");
        change(&service, "server-keys", |keys| {
            age(&mut keys[ring], sealed_for - 100)
        })
        .await;
        shell.run(&format!("{rotate} --yes")).await.expect(3);
        change(&service, "server-keys", |keys| age(&mut keys[ring], 131)).await;
        let unsaid = shell.run(&rotate).await.expect(2);
        assert!(unsaid.err.contains("is irreversible"), "{unsaid:?}");
        assert!(unsaid.err.contains("--yes"), "{unsaid:?}");
        shell.run(&format!("{rotate} --yes")).await.expect(0);
        let document = secret(&service, "server-keys").await;
        assert_eq!(kids(&document[ring]), [new.as_str()]);
        assert_eq!(
            document[ring]["keys"][0].as_object().unwrap().len(),
            3,
            "a finished rotation leaves no moments"
        );
    }
    shell.run("status").await.expect(0);
}

#[tokio::test]
async fn a_leaked_key_is_out_at_once_if_that_is_said_twice() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    shell.run("keys rotate token").await.expect(0);
    let refused = shell.run("keys rotate token --skip-wait").await.expect(2);
    assert!(refused.err.contains("may be refused"), "{refused:?}");
    let early = shell
        .run("--json keys rotate token --skip-wait --yes")
        .await
        .expect(0);
    let note: Value = serde_json::from_str(&early.err).unwrap();
    let note = note["note"].as_str().unwrap();
    assert!(note.starts_with("step 2 of 3: promote "), "{note}");
    let early = shell
        .run("keys rotate token --skip-wait --yes")
        .await
        .expect(0);
    assert!(
        early.out.contains("It was not safe yet: until "),
        "{early:?}"
    );
    assert!(
        early.out.contains("some requests may be refused"),
        "{early:?}"
    );
    let left = secret(&service, "server-keys").await;
    assert_eq!(left["token"]["keys"].as_array().unwrap().len(), 1);
    assert_ne!(kids(&left["token"]), ["token-2026-11"]);
}

#[tokio::test]
async fn resource_servers_get_the_token_ring_and_no_more() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    shell.run("keys export").await.expect(2);
    shell.run("keys export --out ring.json").await.expect(0);
    let ring: Value = serde_json::from_slice(&fs::read(shell.path("ring.json")).unwrap()).unwrap();
    let reply = service.ask(&Plain::new()).await;
    peers::resource_server::open_token(reply.token(), &json!({ "token": ring })).unwrap();
    assert!(!ring.to_string().contains("record"));
    let there = shell.run("keys export --out ring.json").await.expect(2);
    assert!(there.err.contains("exists already"), "{there:?}");
}
