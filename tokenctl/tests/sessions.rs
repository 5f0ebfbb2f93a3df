//! Sessions: shown, renewed, ended; and the explanations of what is said about them.

use std::fs;

use peers::{jwe, sdk::Renewal};
use serde_json::{Value, json};
use service_tests::{Plain, Service, acme, sdk};

use crate::shell::{Ended, Shell};

const SEED_ACCOUNT: &str = "123123123";

fn answer(shell: &Shell, file: &str) -> Value {
    serde_json::from_slice(&fs::read(shell.path(file)).unwrap()).unwrap()
}

/// A session of the reference id `s`, its answer in `first.json` and the SDK's key in `sdk.json`.
async fn begin(shell: &Shell) {
    shell.run("sdk keygen --out sdk.json").await.expect(0);
    let account = format!("--account-number {SEED_ACCOUNT}");
    shell
        .run(&format!(
            "request --reference-id s {account} --sdk-key sdk.json --out first.json"
        ))
        .await
        .expect(0);
}

async fn renew(shell: &Shell, more: &str) -> Ended {
    shell
        .run(&format!(
            "--json renew --account-number {SEED_ACCOUNT} --sdk-key sdk.json {more}"
        ))
        .await
}

#[tokio::test]
async fn a_session_is_shown_without_the_customer_unless_asked() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    let plain = Plain::seed();
    service.ask(&plain).await.issued();
    let line = format!("session show acme {}", plain.reference());
    let shown = shell.run(&line).await.expect(0);
    assert!(
        shown.out.contains("of acme") && shown.out.contains("active"),
        "{shown:?}"
    );
    assert!(!shown.out.contains("beckham") && !shown.out.contains(SEED_ACCOUNT));
    let revealed = shell
        .run(&format!("--json {line} --reveal"))
        .await
        .expect(0)
        .json();
    assert_eq!(revealed["customer"]["name"], "David beckham");
    assert!(
        !revealed.to_string().contains("eyJ"),
        "a token is never shown"
    );
    let of_globex = format!("session show globex {}", plain.reference());
    shell.run(&of_globex).await.expect(5);
    shell.run("session show acme nobody-asked").await.expect(5);
    shell.run("session show acme no/reference").await.expect(2);
    shell.run("session show no/partner s").await.expect(2);
}

#[tokio::test]
async fn a_renewal_gives_the_sessions_next_token_and_can_be_repeated_and_followed() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    begin(&shell).await;
    let first = shell
        .run("--json session show acme s")
        .await
        .expect(0)
        .json();
    assert_eq!(first["previousJti"], Value::Null);

    let renewed = renew(&shell, "first.json --out second.json")
        .await
        .expect(0);
    let second = answer(&shell, "second.json");
    let token = second["token"].as_str().unwrap();
    assert!(!renewed.out.contains(token) && !renewed.err.contains(token));
    let renewed = renewed.json();
    assert_eq!(
        (&renewed["referenceId"], &renewed["replayed"]),
        (&"s".into(), &false.into())
    );
    assert_ne!(second["token"], answer(&shell, "first.json")["token"]);
    let repeated = renew(&shell, "first.json --reveal --legacy-path")
        .await
        .expect(0)
        .json();
    assert_eq!(
        (&repeated["token"], &repeated["replayed"]),
        (&second["token"], &true.into())
    );

    let shown = shell
        .run("--json session show acme s")
        .await
        .expect(0)
        .json();
    assert_eq!(shown["previousJti"], first["jti"]);
    assert_eq!(shown["issuedAt"], first["issuedAt"]);
    assert_ne!(shown["jti"], first["jti"]);

    renew(&shell, "second.json --out third.json")
        .await
        .expect(0);
    let superseded = renew(&shell, "first.json").await.expect(6).json();
    assert_eq!(superseded["errors"][0]["reason"], "superseded");
    assert!(
        superseded["advice"]
            .as_str()
            .unwrap()
            .contains("current token")
    );

    // The session key, in the place of what it is derived from.
    let server_pub_key = answer(&shell, "first.json")["serverPubKey"].clone();
    let derive = format!(
        "sdk derive --key sdk.json {}",
        server_pub_key.as_str().unwrap()
    );
    let session_key = shell.run(&derive).await.expect(0).out;
    fs::write(shell.path("session.key"), session_key).unwrap();
    fs::write(
        shell.path("token"),
        answer(&shell, "third.json")["token"].as_str().unwrap(),
    )
    .unwrap();
    let line = format!("renew token --account-number {SEED_ACCOUNT}");
    shell
        .run(&format!("{line} --sdk-key sdk.json"))
        .await
        .expect(2);
    shell
        .run(&format!("{line} --session-key session.key"))
        .await
        .expect(0);
    let other = shell
        .run("--json renew token --account-number 9 --session-key session.key")
        .await
        .expect(6)
        .json();
    assert_eq!(other["errors"][0]["field"], "X-ACCOUNT-NUMBER");
}

#[tokio::test]
async fn a_session_is_ended_if_that_is_said_twice() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    begin(&shell).await;
    let unsaid = shell.run("session invalidate acme s").await.expect(2);
    assert!(unsaid.err.contains("--yes"), "{unsaid:?}");
    let dry = shell
        .run("--json session invalidate acme s --dry-run")
        .await
        .expect(0)
        .json();
    assert_eq!(
        (&dry["state"], &dry["revokedAt"]),
        (&"active".into(), &Value::Null)
    );
    shell.run("introspect first.json").await.expect(0);

    let ended = shell
        .run("--json session invalidate acme s --yes")
        .await
        .expect(0)
        .json();
    assert_eq!(ended["state"], "revoked");
    assert!(ended["revokedAt"].is_i64());
    shell.run("introspect first.json").await.expect(6);
    let refused = renew(&shell, "first.json").await.expect(6).json();
    assert_eq!(
        (&refused["code"], &refused["errors"][0]["reason"]),
        (&"TOK401".into(), &"revoked".into())
    );
    assert_eq!(refused["advice"], "Get a new token");

    let again = shell.run("session invalidate acme s --yes").await.expect(0);
    assert!(again.out.contains("ended already"), "{again:?}");
    let shown = shell
        .run("--json session show acme s")
        .await
        .expect(0)
        .json();
    assert_eq!(shown["revokedAt"], ended["revokedAt"]);
    shell
        .run("session invalidate globex s --yes")
        .await
        .expect(5);
    shell
        .run("session invalidate acme nobody --yes")
        .await
        .expect(5);
    let nowhere = Shell::of(&service).with("TOKENS_TABLE", "nowhere");
    nowhere
        .run("session invalidate acme s --yes")
        .await
        .expect(5);
}

/// `explain` of a text, with the credentials and, if it is there, the session key.
async fn explain(shell: &Shell, text: &str, more: &str) -> Ended {
    fs::write(shell.path("said"), text).unwrap();
    shell.run(&format!("explain said {more}")).await
}

#[track_caller]
fn says(ended: &Ended, exit: i32, lines: &[&str]) {
    assert_eq!(ended.exit, exit, "{ended:?}");
    for line in lines {
        assert!(ended.out.contains(line), "no {line} in {ended:?}");
    }
}

#[tokio::test]
async fn explains_a_renewal_and_its_answer() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    let reply = service.ask(&Plain::seed()).await;
    let session_key = sdk().session_key(reply.text("serverPubKey")).unwrap();
    let renewal = Renewal {
        sdk_api_key: &acme().sdk_api_key,
        account_number: SEED_ACCOUNT,
        token: reply.token(),
        session_key: &session_key,
    };
    let request = renewal.request(peers::sdk::RENEW_PATH).unwrap();
    let body = String::from_utf8(request.body().to_vec()).unwrap();
    let response = peers::partner::call(service.url(), request).await.unwrap();
    let said = String::from_utf8(response.body().to_vec()).unwrap();

    fs::write(shell.path("sdk.json"), sdk().private_jwk().as_str()).unwrap();
    let derive = format!("sdk derive --key sdk.json {}", reply.text("serverPubKey"));
    let key = shell.run(&derive).await.expect(0).out;
    fs::write(shell.path("key"), key).unwrap();
    let with_key = "--session-key key";

    let ended = explain(&shell, &body, with_key).await;
    says(
        &ended,
        0,
        &[
            "✓ the session key opens it",
            "✓ token is a token",
            "Nothing is wrong with this renewal.",
        ],
    );
    let ended = explain(&shell, &said, with_key).await;
    says(
        &ended,
        0,
        &[
            "under the session key",
            "TOK200, a renewed token",
            "✓ it expires at",
        ],
    );
    says(
        &explain(&shell, &body, "").await,
        6,
        &["no payload key of the credentials opens it"],
    );

    let wrong = jwe::seal(br#"{"token":5,"more":1}"#, &session_key, Some("any"));
    let ended = explain(&shell, &wrong, with_key).await;
    says(
        &ended,
        6,
        &["✗ token must be a string", "\"more\" is ignored"],
    );
    let get_token = jwe::seal(Plain::seed().json().as_bytes(), &session_key, None);
    let ended = explain(&shell, &get_token, with_key).await;
    says(
        &ended,
        6,
        &["a Get Token is sealed under a payload key, and this is under the session key"],
    );
    let refusal = json!({"resCode": "TOK401", "resDesc": "no", "errors": [{"field": "token", "reason": "superseded"}]});
    let refusal = jwe::seal(refusal.to_string().as_bytes(), &session_key, None);
    let ended = explain(&shell, &refusal, with_key).await;
    says(
        &ended,
        6,
        &[
            "this token was renewed before",
            "what to do: Use the session's current token",
        ],
    );
}

#[tokio::test]
async fn explains_an_invalidation_its_answers_and_an_introspections() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    let key = &acme().payload_keys[0];
    let sealed = |json: &Value| jwe::seal(json.to_string().as_bytes(), &key.k, Some(&key.kid));
    let nothing_wrong = [
        "it ends the session \"s\"",
        "Nothing is wrong with this invalidation.",
    ];
    says(
        &explain(&shell, &sealed(&json!({"tokenReferenceId": "s"})), "").await,
        0,
        &nothing_wrong,
    );
    let ended = explain(&shell, &sealed(&json!({"tokenReferenceId": "a/b"})), "").await;
    says(&ended, 6, &["✗ tokenReferenceId must be 1-64"]);
    let ended = explain(&shell, r#"{"tokenReferenceId":"s"}"#, "--plaintext").await;
    says(&ended, 0, &["it ends the session \"s\""]);

    let done = json!({"resCode": "TOK200", "resDesc": "SUCCESS", "referenceId": "s"});
    says(
        &explain(&shell, &sealed(&done), "").await,
        0,
        &["an invalidation", "referenceId \"s\""],
    );
    let unknown = json!({"resCode": "TOK404", "resDesc": "no", "errors": [{"field": "tokenReferenceId", "reason": "unknown"}]});
    let ended = explain(&shell, &sealed(&unknown), "").await;
    says(
        &ended,
        6,
        &["the partner has no such session", "it never was yours"],
    );

    let token = service.ask(&Plain::new()).await;
    fs::write(shell.path("token"), token.token()).unwrap();
    let active = shell
        .run("--json introspect token --reveal")
        .await
        .expect(0)
        .out;
    says(
        &explain(&shell, &active, "").await,
        0,
        &["the token is active", "this introspection's answer"],
    );
    for (said, lines) in [
        (
            r#"{"active":false}"#,
            ["✗ the token is inactive", "its session was invalidated"],
        ),
        (
            r#"{"active":true,"sub":"1"}"#,
            ["✗ client_id is missing", "✗ cnf is missing"],
        ),
        (
            r#"{"error":"invalid_client"}"#,
            ["\"invalid_client\"", "check the credentials"],
        ),
        (
            r#"{"error":"\u001b[2J"}"#,
            ["\\u{1b}", "not the token service's answer"],
        ),
    ] {
        says(&explain(&shell, said, "").await, 6, &lines);
    }
}
