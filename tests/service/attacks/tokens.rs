//! What is no token of this service, presented as one: at a renewal and at an introspection.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use hmac::{Hmac, Mac};
use peers::{
    jwe::{seal, seal_with_header},
    rules::introspection::Introspected,
};
use serde_json::Value;
use service_tests::{
    Plain, Service, Session, TOKEN_HEADER, acme, claims_text, globex, server_keys, token_of,
    token_with_header, variables,
};

use super::Records;

/// None of these is a token to a renewal or an introspection, and no record is read or changed.
async fn refuses(service: &Service, session: &Session, forged: &[(String, String)]) {
    let records = Records::of(service, &[("acme", &session.reference)]);
    let usual = service.renew(&session.with_token("x")).await;
    let usual = usual.refused_plainly(401, "TOK401");
    for (attack, token) in forged {
        let reply = service.renew(&session.with_token(token)).await;
        let found = (reply.status, &reply.body);
        assert_eq!(found, (401, &usual.body), "{attack}: {reply}");
        let introspected = service.introspect(token).await;
        assert_eq!(introspected, Introspected::Inactive, "{attack}");
    }
    records.are_untouched();
    // What was forged is a token, if nothing is wrong with it.
    let sound = token_of(&claims_text(&session.token));
    let active = service.introspect(&sound).await;
    assert!(matches!(active, Introspected::Active(_)), "{active:?}");
    service.renew(&session.with_token(&sound)).await.issued();
}

fn named<const N: usize>(rows: [(&str, String); N]) -> Vec<(String, String)> {
    rows.map(|(name, token)| (name.to_owned(), token)).into()
}

fn key_of(ring: &str) -> [u8; 32] {
    let keys = server_keys();
    let k = keys[ring]["keys"][0]["k"].as_str().unwrap();
    URL_SAFE_NO_PAD.decode(k).unwrap().try_into().unwrap()
}

/// A part of a record as a compact JWE.
fn part_of(item: &Value, attribute: &str, header: &str) -> String {
    let part = item[attribute]["B"].as_str().unwrap();
    let part = STANDARD.decode(part).unwrap();
    let (iv, sealed) = part.split_at(12);
    let (ciphertext, tag) = sealed.split_at(sealed.len() - 16);
    let [header, iv, ciphertext, tag] =
        [header.as_bytes(), iv, ciphertext, tag].map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
    format!("{header}..{iv}.{ciphertext}.{tag}")
}

/// RFC 8725 section 2.8: what another key of this system sealed, with a token's header or its own.
#[tokio::test]
async fn takes_nothing_that_another_key_sealed_for_a_token() {
    let service = Service::start().await;
    let session = service.begin().await;
    let text = claims_text(&session.token);
    let item = service.stored(&session.reference);
    let key = &acme().payload_keys[0];
    let mut forged = Vec::new();
    for (whose, k, kid) in [
        ("a payload key", key.k, key.kid.as_str()),
        (
            "another partner's",
            globex().payload_keys[0].k,
            "globex-2026-11",
        ),
        ("a record key", key_of("record"), "record-2026-11"),
        ("the session key", session.key, "session"),
        ("zeros", [0; 32], "zeros"),
    ] {
        for kid in [kid, "token-2026-11"] {
            let header = TOKEN_HEADER.replace("token-2026-11", kid);
            let token = seal_with_header(&header, text.as_bytes(), &k, [5; 12]);
            forged.push((format!("{whose} as {kid}"), token));
        }
    }
    for kid in [
        "record-2026-11",
        key.kid.as_str(),
        "token-2026-1",
        "TOKEN-2026-11",
    ] {
        let header = TOKEN_HEADER.replace("token-2026-11", kid);
        forged.push((
            format!("the token key as {kid}"),
            token_with_header(&header, &text),
        ));
    }
    for attribute in ["token", "sealed"] {
        for kid in ["token-2026-11", "record-2026-11"] {
            let header = TOKEN_HEADER.replace("token-2026-11", kid);
            let token = part_of(&item, attribute, &header);
            forged.push((format!("the record's {attribute} as {kid}"), token));
        }
    }
    let plain = Plain::new();
    let request = seal(plain.json().as_bytes(), &key.k, Some(&key.kid));
    let answer = service.post(&request).await.issued();
    let renewing = String::from_utf8(session.request().into_body().to_vec());
    let ended = service.invalidate(&plain.reference()).await.issued();
    forged.extend(named([
        ("a request", request),
        ("an answer", answer.body),
        ("a renewal", renewing.unwrap()),
        ("an invalidation's answer", ended.body),
        ("a token in a token", token_of(&session.token)),
        (
            "a token in quotes in a token",
            token_of(&format!("\"{}\"", session.token)),
        ),
    ]));
    refuses(&service, &session, &forged).await;
}

/// RFC 8725 sections 3.1, 3.11 and 3.12: one header is a token's, byte for byte.
#[tokio::test]
async fn takes_no_token_with_another_header() {
    let service = Service::start().await;
    let session = service.begin().await;
    let text = claims_text(&session.token);
    let mut headers = Vec::new();
    for alg in [
        "none",
        "DIR",
        "Dir",
        "dir ",
        "A256KW",
        "A256GCMKW",
        "ECDH-ES",
        "HS256",
        "RSA-OAEP",
    ] {
        headers.push(TOKEN_HEADER.replace("dir", alg));
    }
    for enc in [
        "A128GCM",
        "A192GCM",
        "a256gcm",
        "A128CBC-HS256",
        "XC20P",
        "none",
    ] {
        headers.push(TOKEN_HEADER.replace("A256GCM", enc));
    }
    for typ in [
        "jwt",
        "JWE",
        "JOSE",
        "at+jwt",
        "application/jwt",
        "JWT ",
        "",
    ] {
        headers.push(TOKEN_HEADER.replace("JWT", typ));
    }
    for member in [
        r#""crit":["exp"]"#,
        r#""crit":[]"#,
        r#""zip":"DEF""#,
        r#""cty":"JWT""#,
        r#""b64":false"#,
        r#""jku":"http://127.0.0.1:9/jwks.json""#,
        r#""jwk":{"kty":"oct","k":"AAAA"}"#,
        r#""x5u":"http://127.0.0.1:9/cert.pem""#,
        r#""p2c":2147483647"#,
        r#""kid":"token-2026-11""#,
        r#""exp":0"#,
    ] {
        headers.push(TOKEN_HEADER.replace('}', &format!(",{member}}}")));
        headers.push(TOKEN_HEADER.replace('{', &format!("{{{member},")));
    }
    for kid in [
        "",
        "*",
        "../token-2026-11",
        "token-2026-11/",
        "token-2026-11\\u0000",
        "' OR '1'='1",
        "\\u0074oken-2026-11",
    ] {
        headers.push(TOKEN_HEADER.replace("token-2026-11", kid));
    }
    headers.extend([
        TOKEN_HEADER.replace("alg", "\\u0061lg"),
        TOKEN_HEADER.replace(':', ": "),
        format!("{TOKEN_HEADER} "),
        format!("\n{TOKEN_HEADER}"),
        format!("\u{feff}{TOKEN_HEADER}"),
        format!("[{TOKEN_HEADER}]"),
        TOKEN_HEADER.to_uppercase(),
        String::new(),
        "{}".to_owned(),
    ]);
    let sealed = |header: String| {
        let token = token_with_header(&header, &text);
        (header, token)
    };
    let mut forged: Vec<_> = headers.into_iter().map(sealed).collect();
    // CVE-2026-29000 and CVE-2023-51774: unsigned, or signed by the key that encrypts.
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let none = encode(r#"{"alg":"none","typ":"JWT"}"#);
    let signed = format!(
        "{}.{}",
        encode(r#"{"alg":"HS256","typ":"JWT"}"#),
        encode(&text)
    );
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key_of("token")).unwrap();
    mac.update(signed.as_bytes());
    let mac = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    forged.extend(named([
        ("an unsigned JWT", format!("{none}.{}.", encode(&text))),
        (
            "an unsigned JWT of five segments",
            format!("{none}..{}..", encode(&text)),
        ),
        ("a JWS under the token key", format!("{signed}.{mac}")),
        (
            "an unsigned JWT in a token",
            token_of(&format!("{none}.{}.", encode(&text))),
        ),
    ]));
    refuses(&service, &session, &forged).await;
}

/// RFC 8725 sections 3.8 and 3.9: a service with the same keys and another name.
#[tokio::test]
async fn takes_no_token_of_another_issuer_or_for_another_audience() {
    let service = Service::start().await;
    let session = service.begin().await;
    let text = claims_text(&session.token);
    let mut forged = Vec::new();
    for other in [
        ("ISSUER", "another"),
        ("ISSUER", "Token-Service"),
        ("ISSUER", "token-service "),
        ("AUDIENCE", "another"),
        ("AUDIENCE", "bankezy-sdk/"),
    ] {
        let elsewhere = Service::start_with(|options| options.env = variables(&[other])).await;
        let plain = Plain::of(&session.reference);
        let token = elsewhere.begin_as(acme(), &plain).await.token;
        forged.push((format!("{other:?}"), token));
    }
    for (from, to) in [
        (r#""token-service""#, r#"["token-service"]"#),
        (r#""token-service""#, r#""token-service\u0000""#),
        (r#""token-service""#, "null"),
        (r#""bankezy-sdk""#, r#"["bankezy-sdk","another"]"#),
        (r#""bankezy-sdk""#, r#""*""#),
        (r#""bankezy-sdk""#, r#""""#),
        (r#""aud""#, r#""iss":"token-service","aud""#),
        (r#""aud""#, r#""Aud""#),
    ] {
        assert!(text.contains(from), "{from}: {text}");
        forged.push((to.to_owned(), token_of(&text.replace(from, to))));
    }
    for text in [
        format!("{text} x"),
        format!("\u{feff}{text}"),
        format!("[{text}]"),
        format!("{text}{text}"),
    ] {
        let token = token_of(&text);
        forged.push((text, token));
    }
    refuses(&service, &session, &forged).await;
}
