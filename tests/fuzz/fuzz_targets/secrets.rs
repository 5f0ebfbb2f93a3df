//! The two secrets' documents: `secrets::api_keys` and `secrets::server_keys`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use token_service::secrets::{self, DocumentFaults};
use token_service_fuzz::{
    budget::{watched, within},
    strict_json,
};

fuzz_target!(|bytes: &[u8]| watched(bytes, check));

fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let limit = 64 * 1024 + 256 * text.len();
    let partners = within(limit, || secrets::api_keys(text));
    let server_keys = within(limit, || secrets::server_keys(text));
    assert!(
        partners.is_err() || server_keys.is_err(),
        "no document is both"
    );

    let document = serde_json::from_slice::<Value>(bytes).ok();
    let mut taken = None;
    match &partners {
        Ok(partners) => taken = Some(format!("{partners:?}")),
        Err(faults) => names_no_value(faults, document.as_ref()),
    }
    match &server_keys {
        Ok(keys) => taken = Some(format!("{keys:?}")),
        Err(faults) => names_no_value(faults, document.as_ref()),
    }
    // The function itself reads on the first fault's account.
    assert_eq!(secrets::api_keys(text).is_ok(), partners.is_ok());
    assert_eq!(secrets::server_keys(text).is_ok(), server_keys.is_ok());

    let Some(debug) = taken else { return };
    assert!(text.len() <= 64 * 1024);
    // Members of a JWK that are not read may hold numbers that serde_json does not take.
    let (Some(document), Ok(shape)) = (document, strict_json::shape(bytes)) else {
        return;
    };
    assert!(!shape.repeated && shape.depth <= 16);
    let rings: Vec<&Value> = match document.get("partners") {
        Some(partners) => {
            let partners = partners.as_array().expect("a list");
            assert!(!partners.is_empty());
            let ids = partners
                .iter()
                .map(|partner| partner["partnerId"].as_str().unwrap());
            assert_eq!(
                ids.collect::<std::collections::HashSet<_>>().len(),
                partners.len()
            );
            partners
                .iter()
                .map(|partner| &partner["payloadKeys"])
                .collect()
        }
        None => vec![&document["token"], &document["record"]],
    };
    for ring in rings {
        let keys = ring["keys"].as_array().expect("a JWK Set");
        assert!((1..=8).contains(&keys.len()));
        for key in keys {
            assert_eq!(key["kty"], "oct");
            let (k, kid) = (key["k"].as_str().unwrap(), key["kid"].as_str().unwrap());
            assert!(k.len() == 43 && (1..=128).contains(&kid.len()));
            // A kid that holds the key shows it: a name is no secret.
            assert!(
                !debug.contains(k) || kid.contains(k) || in_names(&document, k),
                "Debug shows a key"
            );
        }
    }
}

/// A fault names the path and the rule, never a value.
///
/// Looked for are values that look like keys, digests and names: 16 characters and more of
/// base64url's alphabet. Such a run is no part of a rule's words, and in a path it lies within one
/// member's name.
fn names_no_value(faults: &DocumentFaults, document: Option<&Value>) {
    let Some(document) = document else { return };
    let mut values = Vec::new();
    strings(document, &mut values);
    values.retain(|value| {
        value.len() >= 16
            && value
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    });
    for fault in faults.iter().map(ToString::to_string) {
        for value in &values {
            assert!(
                !fault.contains(value.as_str()) || in_names(document, value),
                "a fault shows a value: {fault}"
            );
        }
    }
}

fn strings(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(elements) => elements.iter().for_each(|value| strings(value, found)),
        Value::Object(members) => members.values().for_each(|value| strings(value, found)),
        _ => {}
    }
}

/// Whether a member's name holds `text`: names are shown, as the path.
fn in_names(value: &Value, text: &str) -> bool {
    match value {
        Value::Array(elements) => elements.iter().any(|value| in_names(value, text)),
        Value::Object(members) => members.iter().any(|(name, value)| {
            format!("{name:?}").contains(text) || name.contains(text) || in_names(value, text)
        }),
        _ => false,
    }
}
