//! Failures that must not be told apart are answered by the same bytes: status, headers and body,
//! but for the request's id.

mod sessions;

use peers::jwe::{seal, seal_with_header};
use serde_json::{Value, json};
use service_tests::{Event, Plain, Service, acme, globex, initech};

/// The answer as API Gateway gets it, without the request's id.
async fn answer(service: &Service, event: &Value) -> String {
    let mut answer = service.answer(event).await;
    for headers in ["headers", "multiValueHeaders"] {
        if let Some(headers) = answer[headers].as_object_mut() {
            headers.remove("x-request-id");
        }
    }
    answer.to_string()
}

/// Each event's answer must be the first one's.
async fn are_alike(service: &Service, events: &[(&str, Event)], code: &str) {
    println!("{} causes of {code}", events.len());
    for http in [false, true] {
        let of = |event: &Event| {
            if http {
                event.clone().http("$default")
            } else {
                event.clone()
            }
            .json()
        };
        let first = answer(service, &of(&events[0].1)).await;
        assert!(first.contains(code), "{first}");
        for (cause, event) in events {
            assert_eq!(answer(service, &of(event)).await, first, "{cause}");
        }
        let other = answer(service, &of(&Event::new(&Plain::new()).path("/"))).await;
        assert_ne!(other, first, "another failure is seen to be another");
    }
}

#[tokio::test]
async fn whoever_is_no_partner_gets_one_answer() {
    let event = || Event::new(&Plain::new());
    let key = |key: &str| event().header("X-API-KEY", key);
    let known = &acme().api_key;
    let initechs = Plain::new().text("sdkApiKey", &initech().sdk_api_key);
    let initechs = seal(
        initechs.json().as_bytes(),
        &initech().payload_keys[0].k,
        None,
    );
    let events = [
        ("unknown", key("unknown")),
        ("missing", event().without_header("X-API-KEY")),
        ("empty", key("")),
        ("disabled", key(&initech().api_key)),
        (
            "disabled, and all else valid",
            Event::of_body(&initechs).header("X-API-KEY", &initech().api_key),
        ),
        ("nearly known", key(&known[..known.len() - 1])),
        ("known and more", key(&format!("{known}x"))),
        ("in lower case", key(&known.to_lowercase())),
        ("after a space", key(&format!(" {known}"))),
        ("before a space", key(&format!("{known} "))),
        ("twice", key(&format!("{known}, {known}"))),
        ("its digest", key(&service_tests::hash_of(known))),
        ("another's sdkApiKey", key(&acme().sdk_api_key)),
        ("beyond ASCII", key("schl\u{fc}ssel")),
        ("long", key(&"k".repeat(8_000))),
        (
            "disabled, with a body that is none",
            Event::of_body("{").header("X-API-KEY", &initech().api_key),
        ),
        (
            "unknown, with no body",
            Event::of_body("").header("X-API-KEY", "x"),
        ),
        (
            "unknown, not base64",
            Event::of_body("").base64("*").header("X-API-KEY", "x"),
        ),
    ];
    are_alike(&Service::start().await, &events, "TOK002").await;
}

#[tokio::test]
async fn whatever_does_not_open_gets_one_answer() {
    let plain = Plain::new().json();
    let key = &acme().payload_keys[0];
    let sealed = seal(plain.as_bytes(), &key.k, None);
    let header =
        |header: &str| Event::of_body(&seal_with_header(header, plain.as_bytes(), &key.k, [5; 12]));
    let segments: Vec<&str> = sealed.split('.').collect();
    let with = |at: usize, segment: &str| {
        let mut segments = segments.clone();
        segments[at] = segment;
        Event::of_body(&segments.join("."))
    };
    let flipped = |at: usize| {
        let first = if segments[at].starts_with('A') {
            "B"
        } else {
            "A"
        };
        with(at, &format!("{first}{}", &segments[at][1..]))
    };
    let padded = |at: usize| with(at, &format!("{}=", segments[at]));
    let huge = format!(
        r#"{{"alg":"dir","enc":"A256GCM","x":"{}"}}"#,
        "x".repeat(1_100)
    );
    let deep = format!(
        r#"{{"alg":"dir","enc":"A256GCM","x":{}1{}}}"#,
        "[".repeat(300),
        "]".repeat(300)
    );
    let events = [
        (
            "no key opens it",
            Event::of_body(&seal(plain.as_bytes(), &[9; 32], None)),
        ),
        ("nothing", Event::of_body("")),
        ("white space", Event::of_body(" \n")),
        ("no JWE", Event::of_body("x")),
        ("quotes only", Event::of_body("\"\"")),
        ("a JSON array", Event::of_body("[1]")),
        ("four segments", Event::of_body(&segments[..4].join("."))),
        ("six segments", Event::of_body(&format!("{sealed}.x"))),
        ("empty segments", Event::of_body("....")),
        ("an encrypted key", with(1, "AAAA")),
        ("header padded", padded(0)),
        ("IV padded", padded(2)),
        ("ciphertext padded", padded(3)),
        ("tag padded", padded(4)),
        ("header in another alphabet", with(0, "eyJ+/w")),
        ("IV of 11 bytes", with(2, "AAAAAAAAAAAAAAA")),
        ("IV of 13 bytes", with(2, "AAAAAAAAAAAAAAAAAA")),
        ("tag of 15 bytes", with(4, "AAAAAAAAAAAAAAAAAAAA")),
        ("stray bits", with(4, "AAAAAAAAAAAAAAAAAAAAAB")),
        ("IV changed", flipped(2)),
        ("ciphertext changed", flipped(3)),
        ("tag changed", flipped(4)),
        ("ciphertext empty", with(3, "")),
        ("header no JSON", header("x")),
        ("header no object", header("[]")),
        ("header empty", header("{}")),
        (
            "header with a repeated member",
            header(r#"{"alg":"dir","enc":"A256GCM","alg":"dir"}"#),
        ),
        ("header over 1 KiB", header(&huge)),
        ("header deep", with(0, &base64_of(&deep))),
        ("alg none", header(r#"{"alg":"none","enc":"A256GCM"}"#)),
        ("alg missing", header(r#"{"enc":"A256GCM"}"#)),
        ("enc A128GCM", header(r#"{"alg":"dir","enc":"A128GCM"}"#)),
        (
            "crit",
            header(r#"{"alg":"dir","enc":"A256GCM","crit":["x"]}"#),
        ),
        (
            "zip",
            header(r#"{"alg":"dir","enc":"A256GCM","zip":"DEF"}"#),
        ),
        (
            "kid a number",
            header(r#"{"alg":"dir","enc":"A256GCM","kid":1}"#),
        ),
        (
            "kid unknown",
            header(r#"{"alg":"dir","enc":"A256GCM","kid":"unknown"}"#),
        ),
        (
            "kid another of the partner's",
            header(r#"{"alg":"dir","enc":"A256GCM","kid":"acme-2026-05"}"#),
        ),
        (
            "kid of another partner",
            header(r#"{"alg":"dir","enc":"A256GCM","kid":"globex-2026-11"}"#),
        ),
        (
            "another partner's key",
            Event::of_body(&seal(plain.as_bytes(), &globex().payload_keys[0].k, None)),
        ),
        ("flagged as base64", Event::of_body("").base64("*")),
        ("base64 of no JWE", Event::of_body("").base64("eHh4")),
    ];
    let service = Service::start().await;
    are_alike(&service, &events, "TOK422").await;
    // The one exception, which is told that it is JSON.
    let plain = service
        .invoke(&Event::of_body(&plain).json())
        .await
        .unwrap();
    assert_eq!(plain["statusCode"], json!(400));
    let body: Value = serde_json::from_str(plain["body"].as_str().unwrap()).unwrap();
    let (code, words) = (&body["resCode"], body["resDesc"].as_str().unwrap());
    assert_eq!(code, "TOK422");
    assert!(words.starts_with("The body is JSON"), "{words}");
}

fn base64_of(text: &str) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(text)
}
