//! The same of a session's later operations.

use std::time::Duration;

use peers::{
    jwe::{self, seal},
    partner::INVALIDATE_PATH,
};
use serde_json::json;
use service_tests::{
    Event, Plain, Service, TOKEN_HEADER, acme, api_keys, claims_text, eventually, globex, hash_of,
    initech, put_secret,
    table::{Table, key, now, number},
    token_of, token_with_header, variables,
};

use super::{answer, are_alike};
use crate::secrets::QUICK;

#[tokio::test]
async fn whatever_is_no_token_gets_one_answer() {
    let service = Service::start().await;
    let session = service.begin().await;
    let (token, text) = (session.token.clone(), claims_text(&session.token));
    let segments: Vec<&str> = token.split('.').collect();
    let presenting = |token: &str| session.event().header("X-API-TOKEN", token);
    let claim = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}: {text}");
        presenting(&token_of(&text.replace(from, to)))
    };
    let header = |from: &str, to: &str| {
        presenting(&token_with_header(&TOKEN_HEADER.replace(from, to), &text))
    };
    let under = |key: &[u8; 32]| {
        let token = jwe::seal_with_header(TOKEN_HEADER, text.as_bytes(), key, [5; 12]);
        presenting(&token)
    };
    let with = |at: usize, segment: &str| {
        let mut segments = segments.clone();
        segments[at] = segment;
        presenting(&segments.join("."))
    };
    let tag = match segments[4].starts_with('A') {
        true => format!("B{}", &segments[4][1..]),
        false => format!("A{}", &segments[4][1..]),
    };
    let events = [
        ("missing", session.event().without_header("X-API-TOKEN")),
        ("empty", presenting("")),
        ("a word", presenting("token")),
        ("twice", presenting(&format!("{token}, {token}"))),
        ("a scheme", presenting(&format!("Bearer {token}"))),
        ("beyond ASCII", presenting("schl\u{fc}ssel")),
        ("over 4 KiB", presenting(&"A".repeat(4097))),
        ("empty segments", presenting("....")),
        ("four segments", presenting(&segments[..4].join("."))),
        ("six segments", presenting(&format!("{token}.x"))),
        ("an encrypted key", with(1, "AAAA")),
        ("an IV of 11 bytes", with(2, "AAAAAAAAAAAAAAA")),
        ("no ciphertext", with(3, "")),
        ("padding", presenting(&format!("{token}="))),
        ("another tag", with(4, &tag)),
        ("an unknown kid", header("token-2026-11", "token-2026-12")),
        ("no kid", header(r#""kid":"token-2026-11","#, "")),
        ("another typ", header("JWT", "jwt")),
        ("another alg", header("dir", "none")),
        ("crit", header("}", r#","crit":["exp"]}"#)),
        ("a payload key", under(&acme().payload_keys[0].k)),
        ("the session key", under(&session.key)),
        ("another issuer", claim("token-service", "another")),
        ("another audience", claim("bankezy-sdk", "another")),
        ("a claim more", claim(r#""iss""#, r#""name":"n","iss""#)),
        ("a claim less", claim(r#""auth_time""#, r#""nbf""#)),
        ("another kind of key", claim(r#""oct""#, r#""EC""#)),
        ("no claims", presenting(&token_of("{}"))),
        ("no JSON", presenting(&token_of("claims"))),
        (
            "an unknown API key, too",
            presenting("token").header("X-API-KEY", "unknown"),
        ),
        (
            "a body that opens with nothing, too",
            presenting("token").text("x"),
        ),
    ];
    are_alike(&service, &events, "TOK401").await;
}

#[tokio::test]
async fn whoever_may_not_renew_gets_one_answer() {
    let service = Service::start().await;
    let session = service.begin().await;
    let text = claims_text(&session.token);
    let key = |key: &str| session.event().header("X-API-KEY", key);
    let of = |partner: &str, key: &str| {
        let token = token_of(&text.replace(r#""acme""#, &format!("\"{partner}\"")));
        session.with_token(&token).event().header("X-API-KEY", key)
    };
    let own = &acme().sdk_api_key;
    let events = [
        ("missing", session.event().without_header("X-API-KEY")),
        ("empty", key("")),
        ("unknown", key("unknown")),
        ("the server's", key(&acme().api_key)),
        ("another partner's", key(&globex().sdk_api_key)),
        ("in lower case", key(&own.to_lowercase())),
        ("twice", key(&format!("{own}, {own}"))),
        ("its digest", key(&hash_of(own))),
        (
            "a disabled partner's token",
            of("initech", &initech().sdk_api_key),
        ),
        ("the same, and another's key", of("initech", own)),
        ("an unknown partner's token", of("nobody", own)),
        ("another partner's token", of("globex", own)),
        (
            "another partner's token, and no key of any",
            of("globex", "x"),
        ),
        (
            "a body that opens with nothing, too",
            key("unknown").text("x"),
        ),
        (
            "no account number, too",
            key("unknown").without_header("X-ACCOUNT-NUMBER"),
        ),
    ];
    are_alike(&service, &events, "TOK002").await;
}

#[tokio::test]
async fn whatever_the_session_key_does_not_open_gets_one_answer() {
    let service = Service::start().await;
    let session = service.begin().await;
    let other = service.begin().await;
    let plaintext = session.plaintext();
    let under = |key: &[u8; 32], kid| session.event().text(&seal(plaintext.as_bytes(), key, kid));
    let key = &acme().payload_keys[0];
    let sealed = seal(plaintext.as_bytes(), &session.key, None);
    let events = [
        ("nothing", session.event().text("")),
        ("a word", session.event().text("x")),
        ("the token", session.event().text(&session.token)),
        ("another session's key", under(&other.key, None)),
        ("a payload key", under(&key.k, None)),
        ("a payload key by name", under(&key.k, Some(&key.kid))),
        ("zeros", under(&[0; 32], None)),
        ("six segments", session.event().text(&format!("{sealed}.x"))),
        ("cut off", session.event().text(&sealed[..sealed.len() - 2])),
        ("flagged as base64", session.event().base64("*")),
        (
            "no account number, too",
            session.event().text("x").without_header("X-ACCOUNT-NUMBER"),
        ),
    ];
    are_alike(&service, &events, "TOK422").await;
}

#[tokio::test]
async fn whoever_is_no_resource_server_gets_one_answer() {
    let mut keys = api_keys();
    keys["resourceServers"] = json!([
        { "resourceServerId": "wallet", "secretSha256": [hash_of("secret")] },
        { "resourceServerId": "cards", "secretSha256": [hash_of("others")] },
        { "resourceServerId": "off", "secretSha256": [hash_of("secret")], "enabled": false },
    ]);
    let service = Service::start_with(|options| options.api_keys = Some(keys)).await;
    let session = service.begin().await;
    let form = format!("token={}", session.token);
    let asking = |form: &str, authorization: &str| {
        Event::introspection(form.as_bytes()).header("Authorization", authorization)
    };
    let by = |credentials: &str| {
        use base64::{Engine, prelude::BASE64_STANDARD};
        format!("Basic {}", BASE64_STANDARD.encode(credentials))
    };
    let events = [
        ("unknown id", asking(&form, &by("nobody:secret"))),
        ("another secret", asking(&form, &by("wallet:another"))),
        ("another's secret", asking(&form, &by("wallet:others"))),
        (
            "the secret's digest",
            asking(&form, &by(&format!("wallet:{}", hash_of("secret")))),
        ),
        ("disabled", asking(&form, &by("off:secret"))),
        (
            "disabled, and another secret",
            asking(&form, &by("off:another")),
        ),
        (
            "a partner",
            asking(&form, &by(&format!("acme:{}", acme().api_key))),
        ),
        ("no id", asking(&form, &by(":secret"))),
        ("no secret", asking(&form, &by("wallet:"))),
        ("no colon", asking(&form, &by("wallet"))),
        ("not base64", asking(&form, "Basic *")),
        ("not UTF-8", asking(&form, "Basic d2FsbGV0Ov8=")),
        (
            "another scheme",
            asking(&form, &by("wallet:secret").replace("Basic", "Bearer")),
        ),
        ("empty", asking(&form, "")),
        ("none", asking(&form, "").without_header("Authorization")),
        (
            "of a token that is none",
            asking("token=x", &by("nobody:x")),
        ),
        ("without a token", asking("", &by("nobody:x"))),
        (
            "of two tokens",
            asking(&format!("{form}&{form}"), &by("off:secret")),
        ),
        (
            "not a form",
            asking(&form, &by("wallet:another")).base64("*"),
        ),
    ];
    are_alike(&service, &events, "invalid_client").await;
}

#[tokio::test]
async fn whatever_is_not_active_gets_one_answer() {
    let service = Service::start_with(|options| options.env = variables(&QUICK)).await;
    let table = Table::of(&service);
    let [sound, revoked, lapsed, gone] = [
        service.begin().await,
        service.begin().await,
        service.begin().await,
        service.begin().await,
    ];
    let theirs = service.begin_as(globex(), &Plain::new()).await;
    service.invalidate(&revoked.reference).await.issued();
    table.set(&lapsed.reference, "ttl", number(now())).await;
    table.delete(&gone.reference).await;
    let mut partners = api_keys();
    partners["partners"][1]["enabled"] = json!(false);
    put_secret(&service, "api-keys", &partners).await;
    let text = claims_text(&sound.token);
    let member = |name: &str, to: i64| {
        let at = text.find(&format!("\"{name}\":")).unwrap() + name.len() + 3;
        let digits = text[at..].find(|c: char| !c.is_ascii_digit()).unwrap();
        token_of(&format!("{}{to}{}", &text[..at], &text[at + digits..]))
    };
    let asking = |token: &str| Event::introspection(format!("token={token}").as_bytes());
    // As soon as the partner is disabled, its token is as good as none.
    let inactive = json!(r#"{"active":false}"#);
    eventually(
        "the partner is disabled",
        Duration::from_secs(15),
        async || {
            let answer = service.answer(&asking(&theirs.token).json()).await;
            (answer["body"] == inactive).then_some(())
        },
    )
    .await;
    let events = [
        ("no token", asking("x")),
        ("altered", asking(&format!("{}A", sound.token))),
        (
            "an unknown key's",
            asking(&token_with_header(&TOKEN_HEADER.replace("11", "12"), &text)),
        ),
        (
            "another issuer's",
            asking(&token_of(&text.replace("token-service", "another"))),
        ),
        ("expired", asking(&member("exp", 1))),
        (
            "of another session of the pair",
            asking(&member("auth_time", 1)),
        ),
        ("revoked", asking(&revoked.token)),
        ("without a live record", asking(&lapsed.token)),
        ("without a record", asking(&gone.token)),
        ("a disabled partner's", asking(&theirs.token)),
        (
            "an unknown partner's",
            asking(&token_of(&text.replace(r#""acme""#, r#""nobody""#))),
        ),
    ];
    are_alike(&service, &events, r#"{\"active\":false}"#).await;
}

/// Sealed answers differ in each byte, so what was sealed is compared.
async fn opened(service: &Service, event: &Event) -> String {
    let answer = answer(service, &event.json()).await;
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    let body = answer["body"].as_str().unwrap().to_owned();
    let opened = jwe::open(&body, &acme().payload_keys[0].k).unwrap();
    let plaintext = String::from_utf8(opened.plaintext).unwrap();
    let header = jwe::header(&body).unwrap();
    format!(
        "{} {} {header} {plaintext}",
        answer["statusCode"], answer["multiValueHeaders"]
    )
}

#[tokio::test]
async fn a_session_of_nobody_and_one_of_another_partner_get_one_answer() {
    let service = Service::start().await;
    let table = Table::of(&service);
    let plain = Plain::new();
    let reference = plain.reference();
    let plaintext = json!({ "tokenReferenceId": reference }).to_string();
    let body = seal(plaintext.as_bytes(), &acme().payload_keys[0].k, None);
    let event = Event::of_body(&body).path(INVALIDATE_PATH);
    let ask = async || {
        let before = service.dynamodb_faults().requests();
        let opened = opened(&service, &event).await;
        // One call each, so that no time tells.
        assert_eq!(service.dynamodb_faults().requests() - before, 1);
        opened
    };
    let nobodys = ask().await;
    assert!(
        nobodys.starts_with("404 ") && nobodys.contains("unknown"),
        "{nobodys}"
    );
    let theirs = service.begin_as(globex(), &plain).await;
    assert_eq!(ask().await, nobodys, "another partner's");
    service.renew(&theirs).await.issued();
    assert_eq!(ask().await, nobodys, "another partner's, renewed");
    service.invalidate_as(globex(), &reference).await.issued();
    assert_eq!(ask().await, nobodys, "another partner's, ended");
    service.begin_as(acme(), &plain).await;
    table.set(&reference, "ttl", number(now())).await;
    assert_eq!(ask().await, nobodys, "its own, whose record has lapsed");
    assert_eq!(table.item(&reference).await["pk"], key(&reference));
}
