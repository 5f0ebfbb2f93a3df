//! One algorithm or message taken for another.

use peers::jwe::seal;
use service_tests::{Plain, Service, acme};

use super::{refuses, under};

/// RFC 8725 section 2.1. CVE-2026-29000 and CVE-2023-51774 are the JWE's variants: what decrypts is
/// taken for what is signed, or the other way round.
#[tokio::test]
async fn takes_no_algorithm_but_dir_in_any_spelling() {
    let service = Service::start().await;
    let algorithms = [
        "none",
        "None",
        "NONE",
        "nOnE",
        "",
        " dir",
        "dir ",
        "dir\\u0000",
        "Dir",
        "DIR",
        "dIr",
        "d\\u0130r",
        "direct",
        "RSA1_5",
        "RSA-OAEP",
        "RSA-OAEP-256",
        "A128KW",
        "A192KW",
        "A256KW",
        "A128GCMKW",
        "A256GCMKW",
        "ECDH-ES",
        "ECDH-ES+A128KW",
        "ECDH-ES+A256KW",
        "ECDH-1PU",
        "HS256",
        "RS256",
        "ES256",
        "EdDSA",
        "A256GCM",
    ];
    let header = |alg: &str| format!(r#"{{"alg":"{alg}","enc":"A256GCM"}}"#);
    refuses(&service, &algorithms.map(|alg| (alg, under(&header(alg))))).await;
}

#[tokio::test]
async fn takes_no_encryption_but_a256gcm_in_any_spelling() {
    let service = Service::start().await;
    let encryptions = [
        "",
        "none",
        "a256gcm",
        "A256gcm",
        "A256GCM ",
        " A256GCM",
        "A256GCM\\u0000",
        "A128GCM",
        "A192GCM",
        "A256CBC",
        "A128CBC-HS256",
        "A192CBC-HS384",
        "A256CBC-HS512",
        "A256CCM",
        "A256CTR",
        "C20P",
        "XC20P",
        "A256GCMKW",
        "dir",
    ];
    let header = |enc: &str| format!(r#"{{"alg":"dir","enc":"{enc}"}}"#);
    refuses(&service, &encryptions.map(|enc| (enc, under(&header(enc))))).await;
}

/// Names are compared as they are, after unescaping: `ALG` is another member, which nobody knows.
#[tokio::test]
async fn takes_no_header_member_for_another_that_is_spelt_alike() {
    let service = Service::start().await;
    let missing = [
        r#"{"ALG":"dir","enc":"A256GCM"}"#,
        r#"{"Alg":"dir","enc":"A256GCM"}"#,
        r#"{"alg":"dir","ENC":"A256GCM"}"#,
        r#"{"alg ":"dir","enc":"A256GCM"}"#,
        r#"{"alg\u0000":"dir","enc":"A256GCM"}"#,
        r#"{"a\u200dlg":"dir","enc":"A256GCM"}"#,
        r#"{"alg":{"alg":"dir"},"enc":"A256GCM"}"#,
        r#"[{"alg":"dir","enc":"A256GCM"}]"#,
    ];
    refuses(&service, &missing.map(|header| (header, under(header)))).await;
    // What is not `alg` changes nothing about it.
    for header in [
        r#"{"alg":"dir","enc":"A256GCM","ALG":"none","Enc":"none","KID":"unknown"}"#,
        r#"{"\u0061lg":"\u0064ir","enc":"A256GCM"}"#,
        r#"{"alg":"dir","enc":"A256GCM","CRIT":["x"],"Zip":"DEF"}"#,
    ] {
        service.post(&under(header)).await.issued();
    }
}

/// CVE-2023-51774: a JWS whose HMAC key is the key that decrypts.
#[tokio::test]
async fn takes_no_jws_for_a_jwe() {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
    use hmac::{Hmac, Mac};
    let key = &acme().payload_keys[0];
    let payload = BASE64.encode(Plain::new().json());
    let signed = |header: &str| {
        let signed = format!("{}.{payload}", BASE64.encode(header));
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key.k).unwrap();
        mac.update(signed.as_bytes());
        format!("{signed}.{}", BASE64.encode(mac.finalize().into_bytes()))
    };
    let service = Service::start().await;
    let hs256 = signed(r#"{"alg":"HS256"}"#);
    let bodies = [
        ("HS256 under the payload key", hs256.clone()),
        (
            "with the JWE's header",
            signed(r#"{"alg":"dir","enc":"A256GCM"}"#),
        ),
        ("filled up to five segments", format!("{hs256}..")),
        (
            "unsigned",
            format!("{}.{payload}.", BASE64.encode(r#"{"alg":"none"}"#)),
        ),
    ];
    refuses(&service, &bodies).await;
}

/// CVE-2026-29000: an unsigned JWT in a JWE. Here a JWE has a JSON object in it, and nothing is
/// looked for in a text.
#[tokio::test]
async fn unwraps_nothing_that_is_nested() {
    let service = Service::start().await;
    let key = &acme().payload_keys[0];
    let request = Plain::new().json();
    let jwe = seal(request.as_bytes(), &key.k, Some(&key.kid));
    for nested in [
        jwe.clone(),
        format!("\"{jwe}\""),
        // {"alg":"none"} and {}.
        "eyJhbGciOiJub25lIn0.e30.".to_owned(),
    ] {
        service
            .ask_bytes(nested.as_bytes())
            .await
            .refused(400, "TOK400");
    }
    let nested = under(r#"{"alg":"dir","enc":"A256GCM","cty":"JWT"}"#);
    service.post(&nested).await.issued();
}

/// A message of the service sent back to it under the keys that made it.
#[tokio::test]
async fn takes_none_of_its_own_messages_for_a_request() {
    let service = Service::start().await;
    let issued = service.ask(&Plain::new()).await.issued();
    let failed = service.ask_bytes(b"{}").await.refused(400, "TOK400");
    let puts = service.puts();
    for reflected in [&issued, &failed] {
        let reply = service.post(&reflected.body).await.refused(400, "TOK400");
        assert!(reply.failing().contains(&"sdkPublicKey"), "{reply}");
    }
    // A token is sealed under a key that opens no request.
    service
        .post(issued.token())
        .await
        .refused_plainly(400, "TOK422");
    assert_eq!(service.puts(), puts);
}
