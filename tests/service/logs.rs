//! One JSON line a request, and in no line anything secret.

mod sessions;

use std::collections::BTreeSet;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use peers::{resource_server::open_token, sdk::RENEW_PATH};
use sandbox::{Fault, development};
use serde_json::{Value, json};
use service_tests::{
    EXTENDED_REQUEST_ID, Event, Plain, Reply, Service, acme, initech, sdk, secrets_manager,
};

/// The line's own fields: what is in Pascal case is its metrics, and `metrics` holds the service to
/// them.
fn names(line: &Value) -> BTreeSet<&str> {
    line.as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .filter(|name| *name != "_aws" && !name.starts_with(|first: char| first.is_uppercase()))
        .collect()
}

/// The fields of every line, and those that some have.
const ALWAYS: [&str; 8] = [
    "timestamp",
    "level",
    "message",
    "request_id",
    "aws_request_id",
    "extended_request_id",
    "trace_id",
    "status",
];
const SOMETIMES: [&str; 3] = ["resource_server_id", "jti", "cause"];

#[track_caller]
fn has_its_fields(line: &Value) {
    let (names, always) = (names(line), BTreeSet::from(ALWAYS));
    let allowed = &always | &BTreeSet::from(SOMETIMES);
    let has_its_fields = names.is_subset(&allowed) && always.is_subset(&names);
    assert!(has_its_fields, "{line}");
}

/// The one line about a reply, with exactly its fields.
async fn line(service: &Service, reply: &Reply) -> Value {
    let line = service.log_line(reply).await;
    has_its_fields(&line);
    assert_eq!(line["status"], reply.status, "{line}");
    assert!(
        line["Latency"].as_f64().is_some_and(|took| took >= 0.0),
        "{line}"
    );
    assert_eq!(line["Version"], "$LATEST", "{line}");
    assert_eq!(line.get("jti").is_some(), reply.status == 200, "{line}");
    // What joins the line with Lambda's own and with the trace.
    for (name, len) in [
        ("aws_request_id", 36),
        ("extended_request_id", EXTENDED_REQUEST_ID.len()),
        ("trace_id", 35),
    ] {
        let id = line[name].as_str();
        assert_eq!(id.map(str::len), Some(len), "{line}");
    }
    assert_eq!(
        line.get("cause").is_some_and(|cause| !cause.is_null()),
        reply.status != 200,
        "{line}"
    );
    line
}

#[tokio::test]
async fn logs_one_line_a_request_with_what_became_of_it() {
    let service = Service::start().await;
    let plain = Plain::new();
    let known = |plain: &Plain| Event::new(plain);
    let rows = [
        (known(&plain), "TOK200", "acme", 1, false),
        (known(&plain), "TOK200", "acme", 1, true),
        (known(&plain).legacy(), "TOK200", "acme", 1, true),
        (
            known(&plain.clone().text("name", "x")),
            "TOK409",
            "acme",
            1,
            false,
        ),
        (
            known(&Plain::new().without("accountNumber")),
            "TOK400",
            "acme",
            0,
            false,
        ),
        (
            known(&Plain::new().text("sdkApiKey", "x")),
            "TOK004",
            "acme",
            0,
            false,
        ),
        (Event::of_body("x"), "TOK422", "acme", 0, false),
        (
            known(&plain).header("X-API-KEY", "x"),
            "TOK002",
            "",
            0,
            false,
        ),
        (
            known(&plain).without_header("X-API-KEY"),
            "TOK002",
            "",
            0,
            false,
        ),
        (
            known(&plain).header("X-API-KEY", &initech().api_key),
            "TOK002",
            "initech",
            0,
            false,
        ),
        (
            known(&plain).header("Content-Type", "text/html"),
            "TOK415",
            "",
            0,
            false,
        ),
        (Event::of_body(&" ".repeat(40_000)), "TOK413", "", 0, false),
        (known(&plain).path(RENEW_PATH), "TOK401", "", 0, false),
        (known(&plain).method("PUT"), "TOK405", "", 0, false),
        (known(&plain).path("/x"), "TOK404", "", 0, false),
    ];
    let count = rows.len();
    for (event, code, partner, attempts, replayed) in rows {
        let reply = service.invoke_event(&event).await;
        let line = line(&service, &reply).await;
        assert_eq!(line["Outcome"], code, "{line}");
        assert_eq!(
            line.get("PartnerId")
                .and_then(Value::as_str)
                .unwrap_or_default(),
            partner,
            "{line}"
        );
        let count = |name: &str| line.get(name).and_then(Value::as_u64).unwrap_or(0);
        assert_eq!(
            (count("DynamoDBAttempts"), count("Replays")),
            (attempts, u64::from(replayed)),
            "{line}"
        );
    }
    // Nothing else is logged about them: the rest is what was read at the start.
    let mut lines = service.log_json();
    lines.retain(|line| line["message"] != "secret refreshed");
    assert_eq!(lines.len(), count, "{lines:#?}");
}

#[tokio::test]
async fn a_token_can_be_followed_from_the_log_by_its_jti() {
    let service = Service::start().await;
    let plain = Plain::new();
    let first = service.ask(&plain).await.issued();
    let again = service.ask(&plain).await.replays(&first);
    let claims = open_token(first.token(), &development::server_keys().unwrap()).unwrap();
    for reply in [first, again] {
        assert_eq!(line(&service, &reply).await["jti"], claims["jti"]);
    }
}

/// Every string that no log may show, for these replies to `plain`.
fn canaries(plain: &Plain, replies: &[Reply]) -> Vec<String> {
    let mut canaries: Vec<String> = [
        "Firstname-Canary",
        "Lastname-Canary",
        "Name-Canary",
        "canary@example.com",
        "9876543210987654321",
        "4155550123",
        "19770707",
        "07071977",
        "data-key-canary",
        "data-value-canary",
        "unknown-canary",
        "MOB-APP-2001",
        "MOB-APP-2003",
        "ABCDEFGH",
        "wrong-api-key-canary",
        "wrong-sdk-key-canary",
    ]
    .map(str::to_owned)
    .into();
    canaries.push(sdk().public_key());
    canaries.push(sdk().public_key()[..40].to_owned());
    for key in &acme().payload_keys {
        canaries.extend([
            URL_SAFE_NO_PAD.encode(key.k),
            STANDARD.encode(key.k),
            format!("{:?}", key.k),
        ]);
    }
    let rings = service_tests::server_keys();
    for ring in ["token", "record"] {
        canaries.push(rings[ring]["keys"][0]["k"].as_str().unwrap().to_owned());
    }
    for reply in replies {
        canaries.extend(
            reply
                .body
                .split('.')
                .filter(|text| text.len() >= 16)
                .map(str::to_owned),
        );
        if reply.status == 200 {
            let session_key = sdk().session_key(reply.text("serverPubKey")).unwrap();
            canaries.extend([
                URL_SAFE_NO_PAD.encode(session_key),
                reply.text("serverPubKey").to_owned(),
            ]);
            canaries.extend(
                reply
                    .token()
                    .split('.')
                    .filter(|text| text.len() >= 16)
                    .map(str::to_owned),
            );
        }
    }
    canaries.push(plain.json());
    canaries
}

#[tokio::test]
async fn no_line_shows_a_customer_a_token_or_a_key() {
    // Whatever level somebody asks for.
    let loud = [
        ("RUST_LOG", "trace"),
        ("AWS_LAMBDA_LOG_LEVEL", "TRACE"),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
    ];
    let service = Service::start_in(&loud).await;
    let plain = Plain::new()
        .text("firstName", "Firstname-Canary")
        .text("lastName", "Lastname-Canary")
        .text("name", "Name-Canary")
        .text("email", "canary@example.com")
        .with("accountNumber", "9876543210987654321")
        .with("mobileNumber", "4155550123")
        .with("dob", "19770707")
        .with("data", r#"{"data-key-canary":"data-value-canary"}"#)
        .text("unknown", "unknown-canary");
    let invalid = |member: &str| {
        plain
            .clone()
            .with(member, r#"{"data-key-canary":["data-value-canary"]}"#)
    };
    let events = [
        Event::new(&plain),
        Event::new(&plain).http("$default").legacy(),
        Event::new(&plain.clone().text("email", "canary@example.com.other")),
        Event::new(
            &plain
                .clone()
                .text("email", "not an address but canary@example.com"),
        ),
        Event::new(&plain.clone().text("accountNumber", "9876543210987654321x")),
        Event::new(&plain.clone().text("dob", "07071977x")),
        Event::new(&plain.clone().text("sdkApiKey", "wrong-sdk-key-canary")),
        Event::new(&invalid("data")),
        Event::new(&invalid("name")),
        Event::new(&invalid("sdkPublicKey")),
        Event::new(
            &plain
                .clone()
                .with("data-key-canary", "1")
                .with("data-key\\u002dcanary", "2"),
        ),
        Event::new(&plain).header("X-API-KEY", "wrong-api-key-canary"),
        Event::new(&plain).header("X-API-KEY", "MOB-APP-2003"),
        Event::new(&plain).header("Content-Type", "unknown-canary"),
        Event::new(&plain).path("/unknown-canary"),
        Event::new(&plain).method("unknown-canary"),
        Event::of_body(&plain.json()),
        Event::of_body("unknown-canary"),
        Event::of_body("").base64("unknown-canary*"),
    ];
    let mut replies = Vec::new();
    for event in &events {
        replies.push(service.invoke_event(event).await);
    }
    for fault in [
        Fault::Throttle,
        Fault::Malformed,
        Fault::ResetAfter,
        Fault::status(400, "AccessDeniedException"),
        Fault::Status(500, "unknown-canary <script>".to_owned()),
    ] {
        service.dynamodb_faults().set_always(Some(fault));
        replies.push(
            service
                .ask(
                    &plain
                        .clone()
                        .text("referenceId", &service_tests::reference()),
                )
                .await,
        );
    }
    // Once the last request's line is there, so are all others.
    service.log_line(replies.last().unwrap()).await;
    let lines = service.log_lines().join("\n");
    for canary in canaries(&plain, &replies) {
        assert!(!lines.contains(&canary), "{canary} is in the log:\n{lines}");
    }
    assert!(service.log_json().len() >= replies.len());
}

#[tokio::test]
async fn a_cold_start_logs_which_version_of_each_secret_it_read() {
    let service = Service::start().await;
    let reply = service.ask(&Plain::new()).await;
    line(&service, &reply).await;
    let lines = service.log_json();
    let mut read: Vec<&Value> = lines
        .iter()
        .filter(|line| line["message"] == "secret refreshed")
        .collect();
    assert_eq!((lines.len(), read.len()), (3, 2), "{lines:#?}");
    read.sort_by_key(|line| line["Secret"].as_str());
    for (line, secret) in read.into_iter().zip(["api-keys", "server-keys"]) {
        let members = line.as_object().unwrap().keys().map(String::as_str);
        let names = ["Secret", "level", "message", "timestamp", "version_id"];
        assert_eq!(members.collect::<BTreeSet<_>>(), BTreeSet::from(names));
        assert_eq!(
            (&line["level"], &line["Secret"]),
            (&json!("INFO"), &json!(secret))
        );
        let current = secrets_manager(&service)
            .get_secret_value()
            .secret_id(format!("token-service/{secret}"))
            .send()
            .await
            .unwrap();
        assert_eq!(line["version_id"].as_str(), current.version_id(), "{line}");
    }
}
