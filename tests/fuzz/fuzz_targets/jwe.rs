//! A compact JWE as text: parsed and opened by the service, and by others (`src/others.rs`).
//!
//! The keys are those of `docs/vectors/request.json`, so that seeds open.

#![no_main]

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use token_service::{
    jwe::{HeaderBuffer, Received},
    keys::{KeyId, SealingKey},
};
use token_service_fuzz::{
    budget::{watched, within},
    others,
};

const KEYS: [&str; 2] = [
    "njyXwayjw2zr1dBpka8l3ADoyV7Ospwtn7_KyuIYqRg",
    "X57uNk-ejB9pci1CVqyLRFjpMnWWiB6CyN2LjRv52dk",
];

fuzz_target!(|bytes: &[u8]| watched(bytes, check));

fn check(text: &[u8]) {
    let keys = KEYS.map(|key| <[u8; 32]>::try_from(BASE64.decode(key).unwrap()).unwrap());
    // Two copies of the ciphertext, and what a header of 1 KiB may take as members.
    let limit = 64 * 1024 + 2 * text.len();
    let sealing = keys.each_ref().map(|key| {
        let kid = KeyId::new("k").unwrap();
        SealingKey::new(kid, key).unwrap()
    });
    let open = |key| {
        let mut header = HeaderBuffer::new();
        Received::parse(text, &mut header).ok()?.open([key])
    };
    let mut header = HeaderBuffer::new();
    let opened = within(limit, || {
        let received = Received::parse(text, &mut header).ok()?;
        let kid = received.kid().map(str::to_owned);
        let alone = sealing.each_ref().map(open);
        Some((kid, alone.map(|opened| Some(opened?.0))))
    });
    if let Ok(received) = Received::parse(text, &mut header) {
        // In turn the keys open what they open alone.
        let in_turn = received.open(&sealing).map(|(plaintext, _)| plaintext);
        let (_, alone) = opened.as_ref().expect("it was sound");
        assert_eq!(in_turn.as_ref(), alone.iter().flatten().next());
    }
    let text = std::str::from_utf8(text);
    if let Some((kid, _)) = &opened {
        is_canonical(text.expect("a JWE is ASCII"), kid.as_deref());
    }
    let Ok(text) = text else { return };
    for (at, key) in keys.iter().enumerate() {
        let ours = opened
            .as_ref()
            .and_then(|(_, plaintexts)| plaintexts[at].as_ref());
        others::agree(text, key, ours.map(|plaintext| plaintext.as_slice()));
    }
}

/// What is accepted is the one spelling of what it decodes to.
fn is_canonical(text: &str, kid: Option<&str>) {
    let segments: Vec<&str> = text.split('.').collect();
    let decoded: Vec<Vec<u8>> = segments
        .iter()
        .map(|text| BASE64.decode(text).unwrap())
        .collect();
    let encoded: Vec<String> = decoded.iter().map(|bytes| BASE64.encode(bytes)).collect();
    assert_eq!(encoded.join("."), text);
    let [header, encrypted_key, iv, _, tag] = &decoded[..] else {
        panic!("{} segments", decoded.len());
    };
    assert!(encrypted_key.is_empty() && iv.len() == 12 && tag.len() == 16 && header.len() <= 1024);
    let Ok(header) = serde_json::from_slice::<Value>(header) else {
        return;
    };
    assert!(header["alg"] == "dir" && header["enc"] == "A256GCM");
    assert!(header.get("crit").is_none() && header.get("zip").is_none());
    assert_eq!(
        header
            .get("kid")
            .map(|kid| kid.as_str().expect("kid is a string")),
        kid
    );
}
