//! Keys that the message brings along, and keys that are somebody else's.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use peers::jwe::{seal, seal_with_header};
use service_tests::{Event, Plain, Service, acme, globex, initech, sdk, table::Table};

use super::{refuses, under};

/// CVE-2018-0114 (node-jose), CVE-2026-34240 (jose for Dart): a key in the header was used.
#[tokio::test]
async fn uses_no_key_that_a_header_brings_or_points_to() {
    let service = Service::start().await;
    let own = [5; 32];
    let k = URL_SAFE_NO_PAD.encode(own);
    let jwk = format!(r#"{{"kty":"oct","k":"{k}"}}"#);
    let ec = sdk().public_jwk();
    let members = [
        format!(r#""jwk":{jwk}"#),
        format!(r#""jwk":{{"kty":"oct","kid":"acme-2026-11","k":"{k}"}},"kid":"acme-2026-11""#),
        format!(r#""jwks":{{"keys":[{jwk}]}}"#),
        format!(r#""k":"{k}""#),
        format!(r#""epk":{ec}"#),
        r#""jku":"http://127.0.0.1:9/jwks.json""#.to_owned(),
        r#""x5u":"http://127.0.0.1:9/cert.pem""#.to_owned(),
        format!(r#""x5c":["{k}"]"#),
    ];
    let header = |member: &String| format!(r#"{{"alg":"dir","enc":"A256GCM",{member}}}"#);
    let bodies = members.each_ref().map(|member| {
        let body = seal_with_header(
            &header(member),
            Plain::new().json().as_bytes(),
            &own,
            [9; 12],
        );
        (member.as_str(), body)
    });
    refuses(&service, &bodies).await;
    // Under the partner's key they are members that nobody knows.
    service.post(&under(&header(&members[0]))).await.issued();
}

/// Keys that are easily had: nobody's default, and no other kind of secret.
#[tokio::test]
async fn opens_with_no_key_but_the_partners_payload_keys() {
    let service = Service::start().await;
    let keys = [
        ("zeros", [0; 32]),
        ("ones", [0xff; 32]),
        ("the API key's hash", service_tests::digest(&acme().api_key)),
        (
            "the sdkApiKey's hash",
            service_tests::digest(&acme().sdk_api_key),
        ),
        ("another partner's", globex().payload_keys[0].k),
        ("a disabled partner's", initech().payload_keys[0].k),
    ];
    let bodies = keys.map(|(whose, key)| {
        [None, Some("acme-2026-11")]
            .map(|kid| (whose, seal(Plain::new().json().as_bytes(), &key, kid)))
    });
    refuses(&service, &bodies.concat()).await;
}

/// A captured body under another partner's API key, in either direction, and under none.
#[tokio::test]
async fn a_captured_body_is_of_use_under_no_other_api_key() {
    let service = Service::start().await;
    let plain = Plain::new();
    let key = &acme().payload_keys[0];
    for kid in [Some(key.kid.as_str()), None] {
        let captured = seal(plain.json().as_bytes(), &key.k, kid);
        service.post(&captured).await;
        let count = Table::of(&service).count().await;
        let puts = service.puts();
        let under = |api_key: &str| Event::of_body(&captured).header("X-API-KEY", api_key);
        service
            .invoke_event(&under(&globex().api_key))
            .await
            .refused_plainly(400, "TOK422");
        service
            .invoke_event(&under(&initech().api_key))
            .await
            .refused_plainly(401, "TOK002");
        service
            .invoke_event(&under("x"))
            .await
            .refused_plainly(401, "TOK002");
        let without = Event::of_body(&captured).without_header("X-API-KEY");
        service
            .invoke_event(&without)
            .await
            .refused_plainly(401, "TOK002");
        assert_eq!(
            (Table::of(&service).count().await, service.puts()),
            (count, puts)
        );
    }
}

/// Whoever replays a captured body with the API key learns nothing without the payload key, and
/// moves nothing.
#[tokio::test]
async fn a_replayed_body_yields_the_same_sealed_token_and_no_second_record() {
    let service = Service::start().await;
    let key = &acme().payload_keys[0];
    let captured = seal(Plain::new().json().as_bytes(), &key.k, Some(&key.kid));
    let first = service.post(&captured).await.issued();
    let count = Table::of(&service).count().await;
    for _ in 0..5 {
        let again = service.post(&captured).await.replays(&first);
        assert!(again.is_sealed() && again.body != first.body);
    }
    assert_eq!(Table::of(&service).count().await, count);
}

/// A private key that an SDK sends by mistake is refused whole, however it is spelt.
#[tokio::test]
async fn keeps_no_private_key_that_is_sent_as_a_public_one() {
    let service = Service::start().await;
    let jwk = sdk().public_jwk();
    let secret = URL_SAFE_NO_PAD.encode([3; 32]);
    for member in [
        format!(r#""d":"{secret}""#),
        format!(r#""\u0064":"{secret}""#),
        r#""d":null"#.to_owned(),
    ] {
        let private = format!("{},{member}}}", &jwk[..jwk.len() - 1]);
        let plain = Plain::new().text("sdkPublicKey", &URL_SAFE_NO_PAD.encode(private));
        let reply = service.ask(&plain).await.refused(400, "TOK400");
        assert_eq!(reply.failing(), ["sdkPublicKey"], "{member}");
        assert!(!reply.json.to_string().contains(&secret));
        assert!(!service.log_line(&reply).await.to_string().contains(&secret));
    }
}
