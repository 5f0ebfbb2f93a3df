//! What is presented as a token: one of this service, or one answer to everything else.

use peers::jwe;
use serde_json::json;
use service_tests::{
    Service, TOKEN_HEADER, acme, and_header, claims_text, server_keys_of, token_of,
    token_with_header, without_header,
};

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
    // White space before the claims: each claim has a form of its own, and none is so long.
    let of_width = |width| session.with_token(&token_of(&format!("{text:>width$}")));
    let fits = |width: &usize| of_width(*width).token.len() <= 4096;
    let width = (2000..4096).rev().find(fits).unwrap();
    let longest = of_width(width);
    assert!(longest.token.len() >= 4095, "{}", longest.token.len());
    service.renew(&longest).await.issued();
    let longer = of_width(width + 1);
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
