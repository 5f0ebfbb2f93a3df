//! An `sdkPublicKey`: the input once as it is sent, and once as the JWK that is sent in each of
//! four encodings.

#![no_main]

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD},
};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use token_service::session::PublicKey;
use token_service_fuzz::{
    budget::{watched, within},
    strict_json,
};

fuzz_target!(|bytes: &[u8]| watched(bytes, check));

fn check(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(key) = parse(text)
    {
        let unpadded = text
            .trim_end_matches('=')
            .replace('+', "-")
            .replace('/', "_");
        let jwk = BASE64_URL_SAFE_NO_PAD
            .decode(unpadded)
            .expect("one of four encodings");
        is_of(&key, &jwk);
    }

    let encoded = [
        BASE64_URL_SAFE_NO_PAD.encode(bytes),
        BASE64_URL_SAFE.encode(bytes),
        BASE64_STANDARD.encode(bytes),
        BASE64_STANDARD_NO_PAD.encode(bytes),
    ];
    let read = encoded.each_ref().map(|text| parse(text));
    assert!(
        read.iter().all(|other| *other == read[0]),
        "the encoding makes a difference"
    );
    if let Ok(key) = &read[0] {
        is_of(key, bytes);
    }
}

fn parse(text: &str) -> Result<PublicKey, token_service::session::PublicKeyFault> {
    within(128 * 1024, || PublicKey::parse(text))
}

/// `key` is what `jwk` says, and its own JWK says it too.
fn is_of(key: &PublicKey, jwk: &[u8]) {
    assert_eq!(PublicKey::parse(&key.to_base64url_jwk()).as_ref(), Ok(key));
    assert!(jwk.len() <= 1024);
    assert!(
        !strict_json::shape(jwk).is_ok_and(|shape| shape.repeated),
        "a repeated member"
    );
    let Ok(jwk) = serde_json::from_slice::<Value>(jwk) else {
        return;
    };
    assert!(jwk.get("d").is_none(), "a private key");
    assert!(jwk["kty"] == "EC" && jwk["crv"] == "P-256");
    let (x, y) = key.as_bytes().split_at(32);
    assert_eq!(jwk["x"], BASE64_URL_SAFE_NO_PAD.encode(x));
    assert_eq!(jwk["y"], BASE64_URL_SAFE_NO_PAD.encode(y));
}
