//! An operator's commands against the sandbox, and what the service makes of what they did.

use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

use crate::shell::Shell;
use peers::credentials::Credentials;
use sandbox::Fault;
use serde_json::{Value, json};
use service_tests::{Plain, Service, eventually, put_secret, secrets_manager};

pub(crate) const SOON: Duration = Duration::from_secs(10);
/// The shortest ages that the service takes.
pub(crate) const QUICK: [(&str, &str); 2] = [
    ("SECRETS_TTL_SECONDS", "1"),
    ("SECRETS_MIN_REFRESH_SECONDS", "1"),
];

pub(crate) async fn secret(service: &Service, name: &str) -> Value {
    let client = secrets_manager(service);
    let value = client
        .get_secret_value()
        .secret_id(format!("token-service/{name}"))
        .send()
        .await
        .unwrap();
    serde_json::from_str(value.secret_string().unwrap()).unwrap()
}

async fn change(service: &Service, name: &str, change: impl FnOnce(&mut Value)) {
    let mut document = secret(service, name).await;
    change(&mut document);
    put_secret(service, name, &document).await;
}

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

fn kids(ring: &Value) -> Vec<&str> {
    ring["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["kid"].as_str().unwrap())
        .collect()
}

fn credentials(shell: &Shell, file: &str) -> Credentials {
    Credentials::parse(&fs::read(shell.path(file)).unwrap()).unwrap()
}

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

#[tokio::test]
async fn an_onboarding_that_was_cut_off_goes_on_with_its_file() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    service
        .secrets_faults()
        .set_always(Some(Fault::Status(400, "AccessDeniedException".to_owned())));
    // Nothing can be read: nothing is written either.
    shell
        .run("partner add hooli --program-id 1")
        .await
        .expect(1);
    assert!(!shell.path("hooli-credentials.json").exists());
    service.secrets_faults().set_always(None);

    // The first request reads, the second one puts: the file is there by then, the partner is not.
    let dry = shell
        .run("partner add hooli --program-id 1 --dry-run")
        .await
        .expect(0);
    assert!(
        dry.out.contains("+ partner hooli: enabled, program 1"),
        "{dry:?}"
    );
    assert!(!shell.path("hooli-credentials.json").exists());
    let read = secret(&service, "api-keys").await;
    assert_eq!(
        read["partners"].as_array().unwrap().len(),
        3,
        "a dry run changes nothing"
    );

    fs::write(
        shell.path("hooli-credentials.json"),
        unfinished("hooli").to_string(),
    )
    .unwrap();
    shell
        .run("partner add hooli --program-id 1")
        .await
        .expect(0);
    let hooli = credentials(&shell, "hooli-credentials.json");
    assert_eq!(hooli.api_key, "of-the-first-try");
    let shown = shell
        .run("--json partner show hooli")
        .await
        .expect(0)
        .json();
    assert_eq!(shown["payloadKeys"][0]["kid"], "hooli-2026-11");

    fs::write(
        shell.path("pied-credentials.json"),
        unfinished("somebody-else").to_string(),
    )
    .unwrap();
    let refused = shell.run("partner add pied --program-id 1").await.expect(2);
    assert!(
        refused.err.contains("name another file with --out"),
        "{refused:?}"
    );
}

fn unfinished(partner: &str) -> Value {
    json!({"partnerId": partner, "apiKey": "of-the-first-try", "sdkApiKey": "sdk-of-the-first-try",
           "payloadKeys": {"keys": [{"kty": "oct", "kid": "hooli-2026-11", "k": "njyXwayjw2zr1dBpka8l3ADoyV7Ospwtn7_KyuIYqRg"}]}})
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
        // What the file says is what the service knows: the credentials of a try that lost are the
        // ones of the try that won.
        let file = credentials(&shell, &format!("{name}-credentials.json"));
        let shown = shell
            .run(&format!("--json partner show {name}"))
            .await
            .expect(0)
            .json();
        assert_eq!(shown["payloadKeys"][0]["kid"], file.payload_keys[0].kid);
    }
}

/// All of them at once.
async fn futures<F: Future + Send>(futures: Vec<F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = running.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, done) in running.iter_mut().zip(&mut done) {
            if done.is_none()
                && let std::task::Poll::Ready(output) = future.as_mut().poll(context)
            {
                *done = Some(output);
            }
        }
        match done.iter().all(Option::is_some) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    done.into_iter().map(Option::unwrap).collect()
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
        shell.run(line).await.expect(0);
        eventually(line, SOON, async || {
            (service.ask(&Plain::new()).await.status == status).then_some(())
        })
        .await;
    }
    let refused = shell.run("partner remove acme").await.expect(2);
    assert!(refused.err.contains("--yes"), "{refused:?}");
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
async fn empty_secrets_are_filled_once() {
    let service = Service::start().await;
    for name in ["empty/api-keys", "empty/server-keys"] {
        secrets_manager(&service)
            .create_secret()
            .name(name)
            .send()
            .await
            .unwrap();
    }
    let shell = Shell::of(&service)
        .with("API_KEYS_SECRET_ID", "empty/api-keys")
        .with("SERVER_KEYS_SECRET_ID", "empty/server-keys");
    let empty = shell.run("secrets check").await.expect(6);
    assert!(empty.out.contains("the secret is empty"), "{empty:?}");
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
    let checked = shell.run("secrets check").await.expect(0);
    assert!(
        checked.out.contains("api-keys: as it must be"),
        "{checked:?}"
    );
    let nowhere = Shell::of(&service)
        .with("SERVER_KEYS_SECRET_ID", "nowhere")
        .run("keys show")
        .await
        .expect(5);
    assert!(nowhere.err.contains("Correct its name"), "{nowhere:?}");
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
        assert!(early.err.contains("promote is safe from"), "{early:?}");
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
        assert!(early.err.contains("in 5 min"), "{early:?}");

        change(&service, "server-keys", |keys| {
            age(&mut keys[ring], 86_400 + 31)
        })
        .await;
        shell.run(&rotate).await.expect(0);
        let document = secret(&service, "server-keys").await;
        assert_eq!(kids(&document[ring])[0], new);

        let unsaid = format!("{rotate} --step remove");
        shell.run(&unsaid).await.expect(3);
        change(&service, "server-keys", |keys| {
            age(&mut keys[ring], sealed_for - 100)
        })
        .await;
        shell.run(&format!("{rotate} --yes")).await.expect(3);
        change(&service, "server-keys", |keys| age(&mut keys[ring], 131)).await;
        let unsaid = shell.run(&rotate).await.expect(2);
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
    shell.run("secrets check").await.expect(0);
}

#[tokio::test]
async fn a_leaked_key_is_out_at_once_if_that_is_said_twice() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    shell.run("keys rotate token").await.expect(0);
    let refused = shell.run("keys rotate token --skip-wait").await.expect(2);
    assert!(refused.err.contains("may be refused"), "{refused:?}");
    shell
        .run("keys rotate token --skip-wait --yes")
        .await
        .expect(0);
    shell
        .run("keys rotate token --skip-wait --yes")
        .await
        .expect(0);
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

#[tokio::test]
async fn faults_of_a_document_are_named_by_their_path_and_without_values() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    change(&service, "api-keys", |document| {
        document["partners"][0]["enabeld"] = true.into();
        document["partners"][1]["payloadKeys"]["keys"][0]["k"] = "too-short-and-secret".into();
    })
    .await;
    let checked = shell.run("secrets check").await.expect(6);
    assert!(checked.out.contains("partners[0].enabeld"), "{checked:?}");
    assert!(
        checked.out.contains("partners[1].payloadKeys.keys[0].k"),
        "{checked:?}"
    );
    assert!(
        checked.out.contains("server-keys: as it must be"),
        "{checked:?}"
    );
    assert!(!checked.out.contains("too-short-and-secret"));
    // Nothing is changed on top of a fault: the service would go on with what it has.
    shell.run("partner disable globex").await.expect(6);

    fs::write(shell.path("keys.json"), r#"{"token":{"keys":[]}}"#).unwrap();
    let checked = shell
        .run("--json secrets check --server-keys keys.json")
        .await
        .expect(6)
        .json();
    let faults = checked["faults"]["server-keys"].as_array().unwrap();
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
async fn a_payload_key_of_another_partner_is_refused() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    let before = secret(&service, "api-keys").await;
    let acmes = before["partners"][0]["payloadKeys"]["keys"][0]["k"].clone();
    let refused = |said: &str, path: &str| {
        let rule = format!("{path} must not be another partner's key");
        assert!(said.contains(&rule), "{said}");
        assert!(!said.contains(acmes.as_str().unwrap()), "{said}");
    };

    // Credentials that somebody has put together from another partner's.
    let mut copied = unfinished("hooli");
    copied["payloadKeys"]["keys"][0]["k"] = acmes.clone();
    fs::write(shell.path("hooli-credentials.json"), copied.to_string()).unwrap();
    let added = shell
        .run("partner add hooli --program-id 1")
        .await
        .expect(2);
    refused(&added.err, "partners[3].payloadKeys.keys[0].k");
    assert_eq!(secret(&service, "api-keys").await, before);

    change(&service, "api-keys", |document| {
        document["partners"][1]["payloadKeys"]["keys"][0]["k"] = acmes.clone();
    })
    .await;
    let checked = shell.run("secrets check").await.expect(6);
    refused(&checked.out, "partners[1].payloadKeys.keys[0].k");
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
}
