//! What is refused, and in which order: nothing of it reaches DynamoDB.

use bytes::Bytes;
use http::Request;
use peers::{jwe, sdk::RENEW_PATH};
use sandbox::{Fault, Faults};
use serde_json::json;
use service_tests::{
    Event, Plain, Reply, Service, Session, TOKEN_HEADER, acme, and_header, claims_text, eventually,
    globex, initech, partner_with, put_secret, server_keys_of, token_of, token_with_header,
    with_header, without_header,
};

use super::super::secrets::{EARLY, SOON, with_partner};

/// One renewal that fails in every way from `row` on, and in none before. `session`'s token is
/// superseded.
fn failing_from(row: usize, session: &Session) -> Request<Bytes> {
    let plaintext = match row <= 7 {
        true => r#"{"token":"another"}"#.to_owned(),
        false => session.plaintext(),
    };
    let mut body = jwe::seal(plaintext.as_bytes(), &session.key, None);
    if row <= 6 {
        body.push_str(".x");
    }
    if row <= 2 {
        body.push_str(&" ".repeat(32 * 1024));
    }
    let mut request = session.request_of(body);
    for (last, name, value) in [
        (5, "x-api-key", "unknown"),
        (4, "x-api-token", "no token"),
        (3, "content-type", "text/html"),
    ] {
        if row <= last {
            request = with_header(request, name, value);
        }
    }
    if row <= 1 {
        *request.method_mut() = http::Method::DELETE;
    }
    if row == 0 {
        *request.uri_mut() = format!("{RENEW_PATH}/x").parse().unwrap();
    }
    request
}

#[tokio::test]
async fn the_first_failure_of_the_order_answers() {
    let service = Service::start().await;
    let session = service.begin().await;
    let renewed = service.renew(&session).await.issued();
    let next = session.with_token(renewed.token());
    service.renew(&next).await.issued();
    let rows = [
        (0, 404, "TOK404", false),
        (1, 405, "TOK405", false),
        (2, 413, "TOK413", false),
        (3, 415, "TOK415", false),
        (4, 401, "TOK401", false),
        (5, 401, "TOK002", false),
        (6, 400, "TOK422", false),
        (7, 400, "TOK400", true),
        (8, 401, "TOK401", true),
    ];
    for dynamodb_is_down in [false, true] {
        service
            .dynamodb_faults()
            .set_always(dynamodb_is_down.then_some(Fault::Throttle));
        for (row, status, code, sealed) in rows {
            let before = service.updates();
            let request = failing_from(row, &session);
            let reply = service.send_renewal(request, &session).await;
            let (status, code) = match row {
                8 if dynamodb_is_down => (503, "TOK503"),
                _ => (status, code),
            };
            let found = (reply.status, &reply.json["resCode"], reply.is_sealed());
            assert_eq!(found, (status, &json!(code), sealed), "row {row}: {reply}");
            let echo = match sealed {
                true => json!(session.reference),
                false => json!(null),
            };
            assert_eq!(reply.json["referenceId"], echo, "row {row}: {reply}");
            assert_eq!(service.updates() > before, row == 8, "row {row}");
        }
    }
}

#[tokio::test]
async fn only_post_renews() {
    let service = Service::start().await;
    let session = service.begin().await;
    for method in ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let mut request = session.request();
        *request.method_mut() = method.parse().unwrap();
        let reply = service.send_renewal(request, &session).await;
        let reply = reply.refused_plainly(405, "TOK405");
        assert_eq!(reply.header("allow"), Some("POST"));
    }
    for path in [
        "/token-service/client/app/renew/v1/token",
        "/token-service/client/server/renew/v2/token",
        "/token-service/client/app/new/v2/token",
        "/token-service/client/app/renew/v2",
    ] {
        let mut request = session.request();
        *request.uri_mut() = path.parse().unwrap();
        let reply = service.send_renewal(request, &session).await;
        reply.refused_plainly(404, "TOK404");
    }
    service.renew(&session).await.issued();
}

#[tokio::test]
async fn without_secrets_nobody_is_told_more() {
    let faults = Faults::default();
    faults.set_always(Some(Fault::Status(400, "AccessDeniedException".to_owned())));
    let service = Service::start_with(|options| options.secrets_faults = faults).await;
    let session = Session {
        reference: "r".to_owned(),
        account_number: "1".to_owned(),
        sdk_api_key: acme().sdk_api_key.clone(),
        key: [1; 32],
        token: "no token".to_owned(),
    };
    service.renew(&session).await.refused_plainly(503, "TOK503");
}

#[tokio::test]
async fn whatever_is_no_token_of_this_service_has_one_answer() {
    let service = Service::start().await;
    let session = service.begin().await;
    let (token, text) = (session.token.clone(), claims_text(&session.token));
    assert_eq!(token_of(&text).len(), token.len());
    // What is forged below opens, if nothing is changed.
    let first = service
        .renew(&session.with_token(&token_of(&text)))
        .await
        .issued();

    let segment = |at: usize| {
        let mut segments: Vec<String> = token.split('.').map(str::to_owned).collect();
        let other = match segments[at].starts_with('A') {
            true => "B",
            false => "A",
        };
        match segments[at].is_empty() {
            true => segments[at] = "AAAA".to_owned(),
            false => segments[at].replace_range(..1, other),
        }
        segments.join(".")
    };
    let claim = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}: {text}");
        token_of(&text.replace(from, to))
    };
    let header = |from: &str, to: &str| {
        assert!(TOKEN_HEADER.contains(from), "{from}");
        token_with_header(&TOKEN_HEADER.replace(from, to), &text)
    };
    let under = |key: &[u8; 32]| jwe::seal_with_header(TOKEN_HEADER, text.as_bytes(), key, [0; 12]);
    let jti = service_tests::claims(&token)["jti"]
        .as_str()
        .unwrap()
        .to_owned();
    let rows: Vec<(&str, String)> = vec![
        ("empty", String::new()),
        ("a word", "token".to_owned()),
        ("dots", "....".to_owned()),
        ("quotes", format!("\"{token}\"")),
        ("a scheme", format!("Bearer {token}")),
        (
            "four segments",
            token.rsplit_once('.').unwrap().0.to_owned(),
        ),
        ("six segments", format!("{token}.AAAA")),
        ("padding", format!("{token}=")),
        ("another header", segment(0)),
        ("an encrypted key", segment(1)),
        ("another IV", segment(2)),
        ("another ciphertext", segment(3)),
        ("another tag", segment(4)),
        ("an unknown kid", header("token-2026-11", "token-2026-12")),
        (
            "a record key's kid",
            header("token-2026-11", "record-2026-11"),
        ),
        ("no kid", header(r#""kid":"token-2026-11","#, "")),
        ("a kid that is a number", header(r#""token-2026-11""#, "1")),
        ("no typ", header(r#","typ":"JWT""#, "")),
        ("another typ", header("JWT", "jwt")),
        ("one member more", header("}", r#","cty":"JWT"}"#)),
        (
            "another order",
            header(
                r#""alg":"dir","enc":"A256GCM""#,
                r#""enc":"A256GCM","alg":"dir""#,
            ),
        ),
        ("white space", header(",", ", ")),
        ("another alg", header("dir", "A256KW")),
        ("a payload key", under(&acme().payload_keys[0].k)),
        ("the session key", under(&session.key)),
        (
            "a request",
            jwe::seal(text.as_bytes(), &acme().payload_keys[0].k, None),
        ),
        (
            "another issuer",
            claim(r#""iss":"token-service""#, r#""iss":"token-servicf""#),
        ),
        (
            "another audience",
            claim(r#""aud":"bankezy-sdk""#, r#""aud":"bankezy""#),
        ),
        (
            "a list of audiences",
            claim(r#""bankezy-sdk""#, r#"["bankezy-sdk"]"#),
        ),
        ("no audience", claim(r#""aud":"bankezy-sdk","#, "")),
        ("no auth_time", claim(r#""auth_time""#, r#""nbf""#)),
        ("one claim more", claim(r#""iss""#, r#""name":"n","iss""#)),
        (
            "a claim twice",
            claim(r#""iss""#, r#""iss":"token-service","iss""#),
        ),
        (
            "an exp that is a string",
            claim(r#""exp":"#, r#""exp":"1","x":"#),
        ),
        ("a jti that is none", claim(&jti, "AAAA")),
        ("a ref that is none", claim(r#""ref":""#, r#""ref":"a b"#)),
        (
            "a client_id that is none",
            claim(r#""acme""#, r##""ac#me""##),
        ),
        ("a key that is not oct", claim(r#""oct""#, r#""EC""#)),
        ("a short key", claim(r#""k":""#, r#""k":"AAAA","x":""#)),
        ("no claims", token_of("{}")),
        ("no JSON", token_of("claims")),
        ("over 4 KiB", "a".repeat(4097)),
    ];
    let mut answers = Vec::new();
    for (what, token) in rows {
        let reply = service.renew(&session.with_token(&token)).await;
        answers.push((what, reply));
    }
    let missing = without_header(session.request(), "x-api-token");
    answers.push(("missing", service.send_renewal(missing, &session).await));
    let twice = and_header(session.request(), "x-api-token", &token);
    answers.push(("twice", service.send_renewal(twice, &session).await));
    let bodies: Vec<String> = answers
        .iter()
        .map(|(_, reply)| reply.body.clone())
        .collect();
    for (what, reply) in answers {
        let found = (reply.status, &reply.json["resCode"], reply.is_sealed());
        assert_eq!(found, (401, &json!("TOK401"), false), "{what}: {reply}");
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    assert_eq!(service.updates(), 1);
    service.renew(&session).await.replays(&first);
}

#[tokio::test]
async fn a_token_has_at_most_4_kib() {
    let service = Service::start().await;
    let session = service.begin().await;
    let text = claims_text(&session.token);
    let of_digits = |digits: usize| {
        let number = "1".repeat(digits);
        let mut long = session.with_token(&token_of(&text.replace("123123123", &number)));
        long.account_number = number;
        long
    };
    let longest = (2000..4096)
        .rev()
        .map(of_digits)
        .find(|session| session.token.len() <= 4096)
        .unwrap();
    assert!(longest.token.len() >= 4095, "{}", longest.token.len());
    service.renew(&longest).await.issued();
    let longer = of_digits(longest.account_number.len() + 1);
    service.renew(&longer).await.refused_plainly(401, "TOK401");
}

#[tokio::test]
async fn a_token_is_this_services_and_under_a_key_of_its_ring() {
    let rings = |kids: &[&str]| Some(server_keys_of(kids, &["record"]));
    let maker = Service::start_with(|options| options.server_keys = rings(&["old"])).await;
    let session = maker.begin().await;
    let removed = Service::start_with(|options| options.server_keys = rings(&["new"])).await;
    removed.renew(&session).await.refused_plainly(401, "TOK401");
    for other in [("ISSUER", "other"), ("AUDIENCE", "other")] {
        let service = Service::start_with(|options| {
            options.server_keys = rings(&["old"]);
            options.env = service_tests::variables(&[other]);
        })
        .await;
        service.renew(&session).await.refused_plainly(401, "TOK401");
    }
    maker.renew(&session).await.issued();
}

#[tokio::test]
async fn only_the_apps_of_the_tokens_partner_renew_it() {
    let service = Service::start().await;
    let session = service.begin().await;
    let text = claims_text(&session.token);
    let of_partner = |partner: &str, sdk_api_key: &str| {
        let text = text.replace(
            r#""client_id":"acme""#,
            &format!(r#""client_id":"{partner}""#),
        );
        let mut session = session.with_token(&token_of(&text));
        session.sdk_api_key = sdk_api_key.to_owned();
        session.request()
    };
    let key = |value: &str| with_header(session.request(), "x-api-key", value);
    let rows = [
        ("missing", without_header(session.request(), "x-api-key")),
        ("empty", key("")),
        ("unknown", key("unknown")),
        ("another case", key(&acme().sdk_api_key.to_lowercase())),
        ("the server's", key(&acme().api_key)),
        ("another partner's", key(&globex().sdk_api_key)),
        (
            "twice",
            and_header(session.request(), "x-api-key", &acme().sdk_api_key),
        ),
        (
            "of two partners",
            and_header(session.request(), "x-api-key", &globex().sdk_api_key),
        ),
        ("disabled", of_partner("initech", &initech().sdk_api_key)),
        (
            "disabled, and another's",
            of_partner("initech", &acme().sdk_api_key),
        ),
        ("gone", of_partner("nobody", &acme().sdk_api_key)),
        (
            "the token of another",
            of_partner("globex", &acme().sdk_api_key),
        ),
    ];
    let mut bodies = Vec::new();
    for (what, request) in rows {
        let reply = service.send_renewal(request, &session).await;
        let found = (reply.status, &reply.json["resCode"], reply.is_sealed());
        assert_eq!(found, (401, &json!("TOK002"), false), "{what}: {reply}");
        bodies.push(reply.body);
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    assert_eq!(service.updates(), 0);
    // A partner has no record of another's session.
    let request = of_partner("globex", &globex().sdk_api_key);
    service
        .send_renewal(request, &session)
        .await
        .ended("expired");
    service.renew(&session).await.issued();
}

#[tokio::test]
async fn only_the_session_key_opens_the_body() {
    let service = Service::start().await;
    let session = service.begin().await;
    let other = service.begin().await;
    let plaintext = session.plaintext();
    let under = |key: &[u8; 32]| jwe::seal(plaintext.as_bytes(), key, None);
    let sound = under(&session.key);
    let header =
        |header: &str| jwe::seal_with_header(header, plaintext.as_bytes(), &session.key, [1; 12]);
    let payload_key = &acme().payload_keys[0];
    let rows = [
        ("nothing", String::new()),
        ("a word", "x".to_owned()),
        ("another session's key", under(&other.key)),
        ("a payload key", under(&payload_key.k)),
        (
            "a named payload key",
            jwe::seal(plaintext.as_bytes(), &payload_key.k, Some(&payload_key.kid)),
        ),
        ("the token itself", session.token.clone()),
        ("cut off", sound[..sound.len() - 1].to_owned()),
        ("six segments", format!("{sound}.x")),
        ("two quotes", format!("\"\"{sound}\"\"")),
        (
            "a kid that is a number",
            header(r#"{"alg":"dir","enc":"A256GCM","kid":1}"#),
        ),
        (
            "a kid that is null",
            header(r#"{"alg":"dir","enc":"A256GCM","kid":null}"#),
        ),
        (
            "a kid twice",
            header(r#"{"alg":"dir","enc":"A256GCM","kid":"a","kid":"a"}"#),
        ),
        (
            "crit",
            header(r#"{"alg":"dir","enc":"A256GCM","crit":["exp"]}"#),
        ),
        (
            "zip",
            header(r#"{"alg":"dir","enc":"A256GCM","zip":"DEF"}"#),
        ),
        ("another alg", header(r#"{"alg":"A256KW","enc":"A256GCM"}"#)),
        ("another enc", header(r#"{"alg":"dir","enc":"A128GCM"}"#)),
    ];
    let mut bodies = Vec::new();
    for (what, body) in rows {
        let reply = service
            .send_renewal(session.request_of(body), &session)
            .await;
        let found = (reply.status, &reply.json["resCode"], reply.is_sealed());
        assert_eq!(found, (400, &json!("TOK422"), false), "{what}: {reply}");
        bodies.push(reply.body);
    }
    let flagged = Event::of_body("")
        .path(RENEW_PATH)
        .header("X-API-KEY", &session.sdk_api_key)
        .header("X-API-TOKEN", &session.token)
        .header("X-ACCOUNT-NUMBER", &session.account_number)
        .base64("a.b");
    let reply = service.invoke_event(&flagged).await;
    bodies.push(reply.refused_plainly(400, "TOK422").body);
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");

    // Only JSON is told that it is JSON.
    for body in [
        plaintext.clone(),
        format!(" {plaintext}"),
        "\"{\"".to_owned(),
    ] {
        let reply = service
            .send_renewal(session.request_of(body), &session)
            .await;
        let reply = reply.refused_plainly(400, "TOK422");
        assert!(reply.text("resDesc").contains("JSON"), "{reply}");
    }
    assert_eq!(service.updates(), 0);
    // Another session's token is none for this session's key.
    let reply = service.send_renewal(session.with_token(&other.token).request(), &session);
    reply.await.refused_plainly(400, "TOK422");
    service.renew(&session).await.issued();
}

#[tokio::test]
async fn headers_and_member_are_about_the_presented_token() {
    let service = Service::start().await;
    let session = service.begin().await;
    let other = service.begin().await;
    let sound = session.plaintext();
    let number = |value: &str| with_header(session.request(), "x-account-number", value);
    let sealing = |plaintext: &str| session.request_sealing(plaintext.as_bytes());
    let member = |json: &str| sealing(&format!(r#"{{"token":{json}}}"#));
    let numberless = |request| without_header(request, "x-account-number");
    let (account, token) = (&["X-ACCOUNT-NUMBER"][..], &["token"][..]);
    let rows: Vec<(&str, Request<Bytes>, &[&str])> = vec![
        ("no number", numberless(session.request()), account),
        ("an empty number", number(""), account),
        ("another number", number("123123124"), account),
        ("a zero more", number("0123123123"), account),
        ("a number that goes on", number("1231231230"), account),
        ("a number in quotes", number("\"123123123\""), account),
        (
            "a number twice",
            and_header(session.request(), "x-account-number", "123123123"),
            account,
        ),
        ("no token", sealing("{}"), token),
        ("null", member("null"), token),
        ("a number", member("1"), token),
        ("a list", member(&format!("[\"{}\"]", session.token)), token),
        ("empty", member("\"\""), token),
        (
            "another token",
            member(&format!("\"{}\"", other.token)),
            token,
        ),
        (
            "a token with white space",
            member(&format!("\" {}\"", session.token)),
            token,
        ),
        (
            "another case",
            sealing(&sound.replace("token", "Token")),
            token,
        ),
        (
            "both",
            numberless(sealing("{}")),
            &["X-ACCOUNT-NUMBER", "token"],
        ),
        (
            "both, other",
            with_header(member("\"x\""), "x-account-number", "1"),
            &["X-ACCOUNT-NUMBER", "token"],
        ),
        (
            "twice",
            sealing(&format!(
                r#"{{"token":"{0}","token":"{0}"}}"#,
                session.token
            )),
            token,
        ),
        (
            "twice, escaped",
            sealing(&format!(
                r#"{{"token":"{0}","t\u006fken":"{0}"}}"#,
                session.token
            )),
            token,
        ),
        (
            "an unknown member twice",
            sealing(&sound.replace('{', r#"{"x":1,"x":1,"#)),
            &[],
        ),
        (
            "nine levels",
            sealing(&sound.replace('{', r#"{"x":[[[[[[[[]]]]]]]],"#)),
            &[],
        ),
        ("no object", sealing("[]"), &[]),
        ("text behind", sealing(&format!("{sound}x")), &[]),
        ("nothing", sealing(""), &[]),
        (
            "no UTF-8",
            session.request_sealing(b"{\"x\":\"\xff\"}"),
            &[],
        ),
    ];
    for (what, request, failing) in rows {
        let reply = service.send_renewal(request, &session).await;
        let found = (reply.status, &reply.json["resCode"], reply.is_sealed());
        assert_eq!(found, (400, &json!("TOK400"), true), "{what}: {reply}");
        assert_eq!(reply.failing(), failing, "{what}: {reply}");
        assert_eq!(reply.text("referenceId"), session.reference, "{what}");
        for value in ["123123", &session.token[..40]] {
            assert!(!reply.json["errors"].to_string().contains(value), "{reply}");
        }
    }
    assert_eq!(service.updates(), 0);
    service.renew(&session).await.issued();
}

/// Renews until the reply is sealed, which needs a secret that the service must read early, once.
async fn opens_soon(service: &Service, what: &str, session: &Session, until: &str) -> Reply {
    let before = service.secret_reads();
    let reply = eventually(what, SOON, async || {
        let reply = service.renew(session).await;
        match reply.is_sealed() {
            true => Some(reply),
            false => {
                reply.refused_plainly(401, until);
                None
            }
        }
    })
    .await;
    assert_eq!(service.secret_reads() - before, 1, "{what}");
    reply
}

#[tokio::test]
async fn what_is_new_works_before_the_ttl() {
    let (old, new) = (&["token-1"][..], &["token-2", "token-1"][..]);
    let record = &["record"][..];
    let (newcomer, entry) = partner_with("newcomer");
    let mut partners = with_partner(entry);
    let keys = partners["partners"][0]["sdkApiKeySha256"].as_array_mut();
    keys.unwrap()
        .push(service_tests::hash_of("new-sdk-key").into());
    // Another instance has refreshed already.
    let ahead = Service::start_with(|options| {
        options.server_keys = Some(server_keys_of(new, record));
        options.api_keys = Some(partners.clone());
    })
    .await
    .knowing(newcomer.clone());
    let of_new_key = ahead.begin().await;
    let of_newcomer = ahead.begin_as(&newcomer, &Plain::new()).await;

    let service = Service::start_with(|options| {
        options.server_keys = Some(server_keys_of(old, record));
        options.env = service_tests::variables(&EARLY);
    })
    .await;
    put_secret(&service, "server-keys", &server_keys_of(new, record)).await;
    let reply = opens_soon(&service, "a new token key", &of_new_key, "TOK401").await;
    reply.ended("expired");

    put_secret(&service, "api-keys", &partners).await;
    let reply = opens_soon(&service, "a new partner", &of_newcomer, "TOK002").await;
    reply.ended("expired");

    let session = service.begin().await;
    let mut newer = partners.clone();
    let keys = newer["partners"][0]["sdkApiKeySha256"].as_array_mut();
    keys.unwrap()
        .push(service_tests::hash_of("newest-sdk-key").into());
    put_secret(&service, "api-keys", &newer).await;
    let mut renewing = session.clone();
    renewing.sdk_api_key = "newest-sdk-key".to_owned();
    let reply = opens_soon(&service, "a new sdkApiKey", &renewing, "TOK002").await;
    reply.issued();
}

#[tokio::test]
async fn strangers_cause_no_more_than_the_rate() {
    let service = Service::start().await;
    let session = service.begin().await;
    let kid = TOKEN_HEADER.replace("2026-11", "2026-12");
    let unknown = token_with_header(&kid, &claims_text(&session.token));
    for _ in 0..5 {
        let reply = service.renew(&session.with_token(&unknown)).await;
        reply.refused_plainly(401, "TOK401");
        let request = with_header(session.request(), "x-api-key", "unknown");
        let reply = service.send_renewal(request, &session).await;
        reply.refused_plainly(401, "TOK002");
    }
    // Within 30 s after the first load.
    assert_eq!(service.secret_reads(), 2);
}
