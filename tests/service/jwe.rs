//! The request's body: one compact JWE, `dir` and `A256GCM`.

mod form;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use peers::{
    credentials::Jwk,
    jwe::{seal, seal_with_header, seal_with_iv},
};
use service_tests::{Event, Plain, Reply, Service, acme, globex};

const HEADER: &str = r#"{"alg":"dir","enc":"A256GCM"}"#;
const IV: [u8; 12] = [9; 12];

fn newest() -> &'static Jwk {
    &acme().payload_keys[0]
}

fn older() -> &'static Jwk {
    &acme().payload_keys[1]
}

/// A valid request under `header`, sealed with acme's newest key.
fn under(header: &str) -> String {
    seal_with_header(header, Plain::new().json().as_bytes(), &newest().k, IV)
}

/// A valid request of five segments, one of them changed.
fn with_segment(at: usize, change: impl FnOnce(&str) -> String) -> String {
    let jwe = under(HEADER);
    let mut segments: Vec<String> = jwe.split('.').map(str::to_owned).collect();
    segments[at] = change(&segments[at]);
    segments.join(".")
}

/// Each body is refused with one and the same answer.
async fn refuses(service: &Service, bodies: &[(&str, String)]) {
    let reference = service.post("x").await.refused_plainly(400, "TOK422");
    assert!(reference.json["referenceId"].is_null() && reference.json["errors"].is_null());
    let mut wrong = Vec::new();
    for (why, body) in bodies {
        let reply = service.post(body).await;
        if (reply.status, &reply.body) != (400, &reference.body) {
            wrong.push(format!("{why}: {reply}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "must be refused, and alike:\n{}",
        wrong.join("\n")
    );
}

async fn accepts(service: &Service, bodies: &[(&str, String)]) {
    let mut wrong = Vec::new();
    for (why, body) in bodies {
        let reply = service.post(body).await;
        if reply.status != 200 {
            wrong.push(format!("{why}: {reply}"));
        }
    }
    assert!(wrong.is_empty(), "must be accepted:\n{}", wrong.join("\n"));
}

#[tokio::test]
async fn answers_under_the_key_that_opened_and_names_it_if_it_was_named() {
    let service = Service::start().await;
    for key in [newest(), older()] {
        for kid in [Some(key.kid.as_str()), None] {
            let reply = service
                .post(&seal(Plain::new().json().as_bytes(), &key.k, kid))
                .await
                .issued();
            assert_eq!(reply.kid(), kid);
            assert!(
                peers::jwe::open(&reply.body, &key.k).is_ok(),
                "another key: {reply}"
            );
            // So are errors.
            let reply = service
                .post(&seal(b"{}", &key.k, kid))
                .await
                .refused(400, "TOK400");
            assert_eq!(reply.kid(), kid);
            assert!(
                peers::jwe::open(&reply.body, &key.k).is_ok(),
                "another key: {reply}"
            );
        }
    }
}

#[tokio::test]
async fn answers_with_a_fresh_iv_each_time() {
    let service = Service::start().await;
    let body = under(HEADER);
    let mut ivs: Vec<String> = Vec::new();
    for _ in 0..5 {
        let reply = service.post(&body).await;
        ivs.push(reply.body.split('.').nth(2).unwrap().to_owned());
    }
    ivs.push(body.split('.').nth(2).unwrap().to_owned());
    ivs.sort_unstable();
    ivs.dedup();
    assert_eq!(ivs.len(), 6, "{ivs:?}");
}

#[tokio::test]
async fn drops_white_space_and_one_pair_of_quotes_around_the_body() {
    let service = Service::start().await;
    accepts(
        &service,
        &[
            ("a newline behind", format!("{}\n", under(HEADER))),
            (
                "white space around",
                format!(" \t\r\n{} \t\r\n", under(HEADER)),
            ),
            ("quotes", format!("\"{}\"", under(HEADER))),
            (
                "quotes and white space",
                format!(" \"{}\"\r\n", under(HEADER)),
            ),
        ],
    )
    .await;
    refuses(
        &service,
        &[
            ("two pairs", format!("\"\"{}\"\"", under(HEADER))),
            ("a quote in front", format!("\"{}", under(HEADER))),
            ("a quote behind", format!("{}\"", under(HEADER))),
            ("one quote", "\"".to_owned()),
            ("single quotes", format!("'{}'", under(HEADER))),
            ("white space inside", under(HEADER).replacen("..", ".. ", 1)),
            (
                "a line break inside",
                under(HEADER).replacen("..", "..\n", 1),
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn ignores_header_members_that_it_does_not_know() {
    let service = Service::start().await;
    let mut bodies: Vec<(&str, String)> = [
        r#"{"enc":"A256GCM","alg":"dir"}"#,
        r#"{"alg":"dir","enc":"A256GCM","typ":"JWE","cty":"json"}"#,
        r#"{"alg":"dir","enc":"A256GCM","x":{"y":[1,null]},"iat":1.5e3,"":""}"#,
        r#" { "alg" : "dir" , "enc" : "A256GCM" } "#,
        r#"{"\u0061lg":"\u0064ir","enc":"A256GCM"}"#,
        r#"{"alg":"dir","enc":"A256GCM","Alg":"none","CRIT":["exp"],"ZIP":"DEF"}"#,
        r#"{"alg":"dir","enc":"A256GCM","kid":"acme-2026-11"}"#,
        r#"{"alg":"dir","enc":"A256GCM","kid":"\u0061cme-2026-11"}"#,
    ]
    .map(|header| (header, under(header)))
    .into();
    bodies.push(("a header of 1,024 bytes", under(&padded(1024))));
    accepts(&service, &bodies).await;
}

/// A header of this size.
fn padded(size: usize) -> String {
    let shortest = r#"{"alg":"dir","enc":"A256GCM","x":""}"#;
    shortest.replace(
        r#""""#,
        &format!("\"{}\"", "x".repeat(size - shortest.len())),
    )
}

#[tokio::test]
async fn refuses_other_algorithms_and_critical_headers() {
    let service = Service::start().await;
    let mut bodies: Vec<(&str, String)> = [
        r#"{"alg":"A256KW","enc":"A256GCM"}"#,
        r#"{"alg":"DIR","enc":"A256GCM"}"#,
        r#"{"alg":"none","enc":"A256GCM"}"#,
        r#"{"alg":"","enc":"A256GCM"}"#,
        r#"{"alg":null,"enc":"A256GCM"}"#,
        r#"{"alg":["dir"],"enc":"A256GCM"}"#,
        r#"{"enc":"A256GCM"}"#,
        r#"{"alg":"dir"}"#,
        r#"{"alg":"dir","enc":"A128GCM"}"#,
        r#"{"alg":"dir","enc":"a256gcm"}"#,
        r#"{"alg":"dir","enc":"A256CBC-HS512"}"#,
        r#"{"alg":"dir","enc":256}"#,
        r#"{"alg":"dir","enc":"A256GCM","crit":["exp"],"exp":1}"#,
        r#"{"alg":"dir","enc":"A256GCM","crit":[]}"#,
        r#"{"alg":"dir","enc":"A256GCM","crit":null}"#,
        r#"{"alg":"dir","enc":"A256GCM","cr\u0069t":["alg"]}"#,
        r#"{"alg":"dir","enc":"A256GCM","zip":"DEF"}"#,
        r#"{"alg":"dir","enc":"A256GCM","zip":""}"#,
        r#"{"alg":"dir","enc":"A256GCM","alg":"dir"}"#,
        r#"{"alg":"dir","enc":"A256GCM","\u0061lg":"dir"}"#,
        r#"{"alg":"dir","enc":"A256GCM","x":1,"x":1}"#,
        r#"{"alg":"dir","enc":"A256GCM","x":1,"\u0078":2}"#,
        r#"{"alg":"dir","enc":"A256GCM","kid":"acme-2026-11","kid":"acme-2026-11"}"#,
        "{}",
        "[]",
        "null",
        "\"dir\"",
        "",
        "x",
        r#"{"alg":"dir","enc":"A256GCM"} x"#,
        r#"{"alg":"dir","enc":"A256GCM""#,
        "\u{feff}{\"alg\":\"dir\",\"enc\":\"A256GCM\"}",
    ]
    .map(|header| (header, under(header)))
    .into();
    bodies.push(("a header of 1,025 bytes", under(&padded(1025))));
    bodies.push(("a header of 20 KiB", under(&padded(20_000))));
    let not_utf_8 = [
        b"{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"x\":\"".as_slice(),
        b"\xff\"}",
    ]
    .concat();
    bodies.push((
        "a header that is not UTF-8",
        with_segment(0, |_| URL_SAFE_NO_PAD.encode(not_utf_8)),
    ));
    refuses(&service, &bodies).await;
}

#[tokio::test]
async fn refuses_a_kid_that_is_not_one_of_the_partners() {
    let service = Service::start().await;
    let named = |kid: &str| under(&format!(r#"{{"alg":"dir","enc":"A256GCM","kid":{kid}}}"#));
    let other = &globex().payload_keys[0];
    let plain = Plain::new().json();
    let bodies = [
        ("a number", named("1")),
        ("null", named("null")),
        ("a list", named(r#"["acme-2026-11"]"#)),
        ("an object", named(r#"{"kid":"acme-2026-11"}"#)),
        ("unknown", named(r#""acme-2027-11""#)),
        ("empty", named(r#""""#)),
        ("another case", named(r#""ACME-2026-11""#)),
        ("white space", named(r#""acme-2026-11 ""#)),
        ("the other key of the ring", named(r#""acme-2026-05""#)),
        ("another partner's", named(&format!("\"{}\"", other.kid))),
        (
            "another partner's, with its key",
            seal(plain.as_bytes(), &other.k, Some(&other.kid)),
        ),
        (
            "another partner's key, unnamed",
            seal(plain.as_bytes(), &other.k, None),
        ),
        ("a token key's name", named(r#""token-2026-11""#)),
    ];
    refuses(&service, &bodies).await;
}

#[tokio::test]
async fn opens_an_empty_plaintext_and_refuses_it_sealed() {
    let service = Service::start().await;
    service
        .post(&seal_with_iv(b"", &newest().k, None, IV))
        .await
        .refused(400, "TOK400");
}

#[tokio::test]
async fn tells_who_sends_json_that_it_is_not_encrypted() {
    let service = Service::start().await;
    let usual = service.post("x").await;
    let told = service
        .post(&Plain::new().json())
        .await
        .refused_plainly(400, "TOK422");
    assert_ne!(told.json["resDesc"], usual.json["resDesc"]);
    for body in ["{", "{}", " \n{\"a\":1}", "{\"protected\":\"\"}"] {
        let reply = service.post(body).await.refused_plainly(400, "TOK422");
        assert_eq!(reply.body, told.body, "{body}");
    }
}

#[tokio::test]
async fn refuses_bytes_that_are_not_text() {
    let service = Service::start().await;
    let usual: Reply = service.post("x").await;
    // What API Gateway hands over as base64: random bytes, and a JWE with a byte that is not UTF-8.
    for base64 in ["//79/A==", "AAAA", ""] {
        let reply = service
            .invoke_event(&Event::of_body("").base64(base64))
            .await;
        assert_eq!((reply.status, &reply.body), (400, &usual.body), "{base64}");
    }
}
