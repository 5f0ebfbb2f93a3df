//! The token, the session key in it, and the record of it.

use std::collections::BTreeSet;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use peers::{
    jwe,
    resource_server::{open_token, session_key},
    sdk::KeyPair,
};
use sandbox::{
    development,
    item_size::{WRITE_UNIT_BYTES, item_size},
};
use serde_json::{Value, json};
use service_tests::{
    Plain, Reply, Service, acme, globex, sdk, server_keys_of,
    table::{now, shows_none_of},
};

fn claims(reply: &Reply) -> Value {
    open_token(reply.token(), &development::server_keys().unwrap()).unwrap()
}

/// The claims as they were sealed.
fn claims_text(reply: &Reply) -> String {
    let key = development::server_keys().unwrap()["token"]["keys"][0]["k"]
        .as_str()
        .map(str::to_owned);
    let key = URL_SAFE_NO_PAD
        .decode(key.unwrap())
        .unwrap()
        .try_into()
        .unwrap();
    String::from_utf8(jwe::open(reply.token(), &key).unwrap().plaintext).unwrap()
}

#[tokio::test]
async fn the_sdk_and_the_token_have_one_session_key() {
    let service = Service::start().await;
    let mut keys = BTreeSet::new();
    for at in 0..4 {
        let sdk = if at == 0 {
            development::sdk_key_pair().unwrap()
        } else {
            KeyPair::generate()
        };
        let plain = Plain::new().text("sdkPublicKey", &sdk.public_key());
        let reply = service.ask(&plain).await.issued();
        let derived = sdk.session_key(reply.text("serverPubKey")).unwrap();
        assert_eq!(session_key(&claims(&reply)).unwrap(), derived);
        keys.insert(derived);
    }
    // One SDK key twice: the service's half is fresh.
    for _ in 0..2 {
        let reply = service.ask(&Plain::new()).await.issued();
        keys.insert(sdk().session_key(reply.text("serverPubKey")).unwrap());
    }
    assert_eq!(keys.len(), 6);
}

#[tokio::test]
async fn server_pub_key_is_a_jwk_of_four_members_in_order() {
    let service = Service::start().await;
    let reply = service.ask(&Plain::new()).await.issued();
    let text =
        String::from_utf8(URL_SAFE_NO_PAD.decode(reply.text("serverPubKey")).unwrap()).unwrap();
    let jwk: Value = serde_json::from_str(&text).unwrap();
    let (x, y) = (jwk["x"].as_str().unwrap(), jwk["y"].as_str().unwrap());
    assert_eq!(
        text,
        format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}}"#)
    );
    for coordinate in [x, y] {
        assert_eq!(URL_SAFE_NO_PAD.decode(coordinate).unwrap().len(), 32);
    }
}

#[tokio::test]
async fn a_token_has_exactly_its_header_and_its_claims_in_order() {
    let service = Service::start().await;
    let before = now();
    let plain = Plain::seed().text("accountNumber", "0000123123123");
    let reply = service.ask(&plain).await.issued();
    let after = now();

    let header = URL_SAFE_NO_PAD
        .decode(reply.token().split('.').next().unwrap())
        .unwrap();
    assert_eq!(
        String::from_utf8(header).unwrap(),
        r#"{"alg":"dir","enc":"A256GCM","kid":"token-2026-11","typ":"JWT"}"#
    );

    let claims = claims(&reply);
    let (jti, iat) = (
        claims["jti"].as_str().unwrap(),
        claims["iat"].as_i64().unwrap(),
    );
    let session_key =
        URL_SAFE_NO_PAD.encode(sdk().session_key(reply.text("serverPubKey")).unwrap());
    let expected = format!(
        r#"{{"iss":"token-service","aud":"bankezy-sdk","sub":"0000123123123","client_id":"acme","program_id":2001,"jti":"{jti}","ref":"{reference}","auth_time":{iat},"iat":{iat},"exp":{exp},"cnf":{{"jwk":{{"kty":"oct","k":"{session_key}"}}}}}}"#,
        reference = plain.reference(),
        exp = iat + 1800,
    );
    assert_eq!(claims_text(&reply), expected);
    assert_eq!(URL_SAFE_NO_PAD.decode(jti).unwrap().len(), 16);
    assert!((before..=after).contains(&iat), "{before} {iat} {after}");
    assert_eq!(reply.json["expireAt"], (iat + 1800) * 1000);
}

#[tokio::test]
async fn every_token_has_its_own_id_iv_and_key() {
    let service = Service::start().await;
    let mut seen = BTreeSet::new();
    for _ in 0..10 {
        let reply = service.ask(&Plain::new()).await.issued();
        let claims = claims(&reply);
        seen.insert(claims["jti"].as_str().unwrap().to_owned());
        seen.insert(claims["cnf"]["jwk"]["k"].as_str().unwrap().to_owned());
        seen.insert(reply.token().split('.').nth(2).unwrap().to_owned());
        seen.insert(reply.text("serverPubKey").to_owned());
    }
    assert_eq!(seen.len(), 40);
}

fn lifetime(reply: &Reply) -> i64 {
    let claims = claims(reply);
    let (iat, exp) = (
        claims["iat"].as_i64().unwrap(),
        claims["exp"].as_i64().unwrap(),
    );
    assert_eq!(reply.json["expireAt"], exp * 1000);
    exp - iat
}

#[tokio::test]
async fn lifetime_is_the_partners_then_the_environments_then_half_an_hour() {
    let as_globex = || Plain::new().text("sdkApiKey", &globex().sdk_api_key);
    let service = Service::start().await;
    assert_eq!(lifetime(&service.ask(&Plain::new()).await), 1800);
    assert_eq!(lifetime(&service.ask_as(globex(), &as_globex()).await), 600);
    // A session's lifetime caps its first token's.
    let short = Service::start_in(&[("SESSION_TTL_SECONDS", "60")]).await;
    assert_eq!(lifetime(&short.ask(&Plain::new()).await), 60);
    // One that is not shorter than the longest token's caps none.
    for seconds in [60, 900, 86_400] {
        let service = Service::start_in(&[
            ("TOKEN_TTL_SECONDS", &seconds.to_string()),
            ("SESSION_TTL_SECONDS", "86400"),
        ])
        .await;
        assert_eq!(lifetime(&service.ask(&Plain::new()).await), seconds);
        assert_eq!(lifetime(&service.ask_as(globex(), &as_globex()).await), 600);
    }
}

#[tokio::test]
async fn issuer_and_audience_are_the_environments() {
    let longest = "a".repeat(64);
    let service =
        Service::start_in(&[("ISSUER", "https://issuer \"1\""), ("AUDIENCE", &longest)]).await;
    let reply = service.ask(&Plain::new()).await.issued();
    let claims = claims(&reply);
    assert_eq!(claims["iss"], "https://issuer \"1\"");
    assert_eq!(claims["aud"], longest.as_str());
}

#[tokio::test]
async fn the_first_key_of_a_ring_seals() {
    let rings = server_keys_of(&["token-b", "token-a"], &["record-b", "record-a"]);
    let service = Service::start_with(|options| options.server_keys = Some(rings.clone())).await;
    let plain = Plain::new();
    let reply = service.ask(&plain).await.issued();
    assert_eq!(jwe::header(reply.token()).unwrap()["kid"], "token-b");
    assert!(open_token(reply.token(), &rings).is_ok());
    assert_eq!(
        service.stored(&plain.reference())["sealedBy"]["S"],
        "record-b"
    );
}

#[tokio::test]
async fn the_record_has_exactly_its_attributes() {
    for (retention, env) in [
        (86_400, &[][..]),
        (300, &[("RECORD_RETENTION_SECONDS", "300")]),
    ] {
        let service = Service::start_in(env).await;
        let plain = Plain::seed();
        let reply = service.ask(&plain).await.issued();
        let item = service.stored(&plain.reference());
        let claims = claims(&reply);
        let expire_at = reply.json["expireAt"].as_i64().unwrap();
        let issued_at: i64 = item["issuedAt"]["N"].as_str().unwrap().parse().unwrap();
        assert_eq!(issued_at, claims["auth_time"].as_i64().unwrap() * 1000);
        assert_eq!(claims["auth_time"], claims["iat"]);
        let bytes = |name: &str| STANDARD.decode(item[name]["B"].as_str().unwrap()).unwrap();
        assert_eq!(bytes("fingerprint").len(), 32);
        assert!(bytes("sealed").len() > 200);
        assert!(bytes("token").len() > 300);
        let expected = json!({
            "pk": {"S": format!("acme#{}", plain.reference())},
            "jti": {"S": claims["jti"]},
            "status": {"S": "ACTIVE"},
            "issuedAt": {"N": issued_at.to_string()},
            "expireAt": {"N": expire_at.to_string()},
            "ttl": {"N": (expire_at / 1000 + retention).to_string()},
            "fingerprint": item["fingerprint"],
            "sealedBy": {"S": "record-2026-11"},
            "sealed": item["sealed"],
            "token": item["token"],
        });
        assert_eq!(item, expected);
    }
}

#[tokio::test]
async fn the_seeds_sample_takes_one_write_unit() {
    // Key ids of 16 characters.
    let rings = server_keys_of(&["token-2026-11-24"], &["record-2026-1124"]);
    let service = Service::start_with(|options| options.server_keys = Some(rings)).await;
    let plain = Plain::seed();
    assert_eq!(plain.reference().len(), 36);
    service.ask(&plain).await.issued();
    let item = service.stored(&plain.reference());
    assert_eq!(item["sealedBy"]["S"].as_str().unwrap().len(), 16);
    let size = item_size(&item);
    assert!(size <= WRITE_UNIT_BYTES, "{size} bytes");
}

#[tokio::test]
async fn the_record_shows_nothing_of_customer_token_or_key() {
    let service = Service::start().await;
    let plain = Plain::seed()
        .text("firstName", "Firstname-Canary")
        .text("lastName", "Lastname-Canary");
    let reply = service.ask(&plain).await.issued();
    let item = service.stored(&plain.reference());

    let mut secrets: Vec<Vec<u8>> = [
        "123123123",
        "David",
        "beckham",
        "Canary",
        "OperationalSupport",
        "wibmo",
        "9642308308",
        "19910807",
        "key1",
        "value1",
        "ABCDEFGH",
        "MOB-APP-2001",
        "A256GCM",
        "kty",
        "cnf",
        "bankezy",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into();
    let session_key = sdk().session_key(reply.text("serverPubKey")).unwrap();
    secrets.push(session_key.to_vec());
    secrets.push(URL_SAFE_NO_PAD.encode(session_key).into_bytes());
    for segment in reply
        .token()
        .split('.')
        .filter(|segment| !segment.is_empty())
    {
        secrets.push(segment.as_bytes()[..16.min(segment.len())].to_vec());
        let bytes = URL_SAFE_NO_PAD.decode(segment).unwrap();
        secrets.push(bytes[..12.min(bytes.len())].to_vec());
    }
    let jwk = URL_SAFE_NO_PAD.decode(reply.text("serverPubKey")).unwrap();
    let jwk: Value = serde_json::from_slice(&jwk).unwrap();
    secrets.push(URL_SAFE_NO_PAD.decode(jwk["x"].as_str().unwrap()).unwrap());
    secrets.push(acme().payload_keys[0].k.to_vec());

    shows_none_of(&item, &secrets);
}

#[tokio::test]
async fn the_fingerprint_depends_on_key_reference_and_customer() {
    let fingerprint = async |record_key: &str, plain: &Plain| {
        let rings = server_keys_of(&["token"], &[record_key]);
        let service = Service::start_with(|options| options.server_keys = Some(rings)).await;
        service.ask(plain).await.issued();
        service.stored(&plain.reference())["fingerprint"]["B"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let plain = Plain::of("a");
    let usual = fingerprint("record-1", &plain).await;
    // Deterministic: two instances find the same.
    assert_eq!(fingerprint("record-1", &plain).await, usual);
    assert_ne!(fingerprint("record-2", &plain).await, usual);
    assert_ne!(fingerprint("record-1", &Plain::of("b")).await, usual);
    assert_ne!(
        fingerprint("record-1", &plain.text("name", "x")).await,
        usual
    );
}
