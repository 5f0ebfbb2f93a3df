//! What was sealed, without what is around its JSON: another seal, a signature, an encoding,
//! padding.

use base64::Engine;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::{
    findings::{Findings, Step},
    form, header,
    layers::{ANY_BASE64URL, DEPTH, Goal, Layer, is_compact, is_message},
    opening::{self, KeysAtHand},
};

const STEP: Step = Step::Json;
/// Most layers that are taken off.
const MAX_LAYERS: usize = 8;

/// Takes off what can be, and says so.
pub(super) fn unwrap(plaintext: &[u8], keys: KeysAtHand<'_>, findings: &mut Findings) -> Vec<u8> {
    let mut bytes = plaintext.to_vec();
    for _ in 0..MAX_LAYERS {
        let text = std::str::from_utf8(&bytes).map(str::trim);
        let (is, inner) = match text {
            Ok(text) if is_compact(text) => match compact(text, keys, findings) {
                Some(layer) => layer,
                None => return bytes,
            },
            _ => match padding(&bytes) {
                Some(layer) => layer,
                None => match Goal::Object
                    .peel(&bytes, DEPTH)
                    .or_else(|| sealed_again(&bytes))
                {
                    Some(layer) => (layer.is, layer.inner),
                    None => break,
                },
            },
        };
        let is_json = serde_json::from_slice::<IgnoredAny>(&bytes).is_ok();
        let not_json = if is_json { "" } else { "it is not JSON: " };
        findings.fault(STEP, format!("{not_json}{is}. Seal the JSON object alone"));
        bytes = inner;
    }
    let member = std::str::from_utf8(&bytes)
        .ok()
        .and_then(|text| Goal::Object.in_a_member(text));
    match member {
        Some(layer) => {
            findings.fault(STEP, format!("{}. Seal the JSON object alone", layer.is));
            layer.inner
        }
        None => bytes,
    }
}

/// A JWE in a member of JSON that is no message.
fn sealed_again(bytes: &[u8]) -> Option<Layer> {
    let members: Map<String, Value> = serde_json::from_slice(bytes).ok()?;
    let is_other = !is_message(&members) && !members.contains_key("token");
    is_other.then(|| Goal::Jwe.peel(bytes, DEPTH)).flatten()
}

/// A JWE in the JWE, or what was signed.
fn compact(text: &str, keys: KeysAtHand<'_>, findings: &mut Findings) -> Option<(String, Vec<u8>)> {
    let segments: Vec<&str> = text.split('.').collect();
    if let [_, payload, _] = *segments.as_slice() {
        let payload = ANY_BASE64URL.decode(payload).ok()?;
        let is = "it is a signed JWT (JWS), which the service does not read: it takes no signature";
        return Some((is.to_owned(), payload));
    }
    let mut unseen = Findings::default();
    let parts = form::examine(text, &mut unseen);
    let named = header::examine(parts.header.as_deref(), &mut unseen);
    let opened = opening::attempt(&parts, &named, keys, &mut unseen);
    match opened.plaintext {
        Some((inner, _)) => Some((
            "it is a JWE again, which a key of yours opens: it was encrypted twice".to_owned(),
            inner,
        )),
        None if opened.is_token => {
            findings.fault(
                STEP,
                "it is a token, and not JSON: a renewal seals {\"token\":\"<the token>\"}",
            );
            None
        }
        None => {
            findings.fault(
                STEP,
                "it is a JWE again, which no key of yours opens: seal the JSON object itself",
            );
            None
        }
    }
}

/// What ciphers other than GCM need behind the text.
fn padding(bytes: &[u8]) -> Option<(String, Vec<u8>)> {
    let end = bytes.iter().rposition(|byte| *byte == b'}')? + 1;
    let (json, behind) = bytes.split_at_checked(end)?;
    std::str::from_utf8(json)
        .ok()
        .filter(|text| !text.contains('\0'))?;
    let behind = behind.trim_ascii_start();
    let (last, before) = behind.split_last()?;
    let length = behind.len();
    let zeros = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
    let is = if zeros(behind) {
        format!("it has {length} NUL bytes behind it")
    } else if usize::from(*last) == length && before.iter().all(|byte| byte == last) {
        format!("it has PKCS#7 padding behind it, {length} bytes, which GCM does not need")
    } else if usize::from(*last) == length && zeros(before) {
        format!("it has padding of ANSI X9.23 behind it, {length} bytes, which GCM does not need")
    } else if behind.first() == Some(&0x80) && behind.get(1..).is_some_and(zeros) {
        format!("it has padding of ISO 7816-4 behind it, {length} bytes, which GCM does not need")
    } else if behind.iter().all(u8::is_ascii_control) {
        format!("it has {length} control characters behind it")
    } else {
        return None;
    };
    Some((is, json.to_vec()))
}
