//! What every verdict about a plaintext must be (protocol.md, Request).

use ring::rand::SystemRandom;
use serde_json::{Value, json};
use time::{Date, Month};
use token_service::request::{IssueRequest, JsonFault, RequestFault, RequestFields};

use crate::{
    budget::within,
    strict_json::{self, NoShape},
};

/// The most that reading a plaintext may hold at once: a fixed part, and some times its size.
///
/// The most per byte is an array of arrays, `[[],[],...]`: three bytes make an element that takes
/// 32 in memory, once as text and once as a value, in a list that doubles as it grows.
fn limit(plaintext: &[u8]) -> usize {
    64 * 1024 + 64 * plaintext.len()
}

/// Every reason there is. A closed list: a reason that repeats anything of the sender's is not in
/// it.
const REASONS: [&str; 29] = [
    "is required",
    "must not be given together with firstname",
    "must not be given together with lastname",
    "must be a string",
    "must be 1-64 characters of A-Z a-z 0-9 . _ : -",
    "must be 1-128 printable ASCII characters",
    "must be 1-19 digits 0-9, as a string or an integer without sign, fraction or exponent",
    "must be 1-100 characters without control characters",
    "must be an ASCII e-mail address of at most 254 characters",
    "must be 1-4 digits 0-9, a leading + allowed, as a string or an integer",
    "must be 4-15 digits 0-9, a leading + allowed, as a string or an integer",
    "must be a real date from 1900-01-01 to today (UTC), as yyyyMMdd or ddMMyyyy",
    "must be an object of strings",
    "must have at most 32 entries",
    "must have strings as values",
    "must have keys of 1-64 characters",
    "must have values of at most 1024 characters",
    "must have at most 8192 bytes of keys and values in all",
    "must be the base64url (or base64) of a JWK",
    "must decode to at most 1024 bytes",
    "must decode to a JWK: one JSON object without repeated members",
    "must be a public key: remove the private member d, and make a new key pair",
    "must be an EC key on P-256: kty EC, crv P-256",
    "must have x and y of exactly 43 base64url characters each",
    "must be a point on the curve P-256",
    "has a string with a lone surrogate",
    "has a repeated member",
    "is nested deeper than 8",
    "reused",
];

/// Holds the service's verdict about `plaintext` against every rule that can be told from outside.
#[track_caller]
pub fn check(plaintext: &[u8]) -> Result<IssueRequest, RequestFault> {
    let verdict = within(limit(plaintext), || parse(plaintext));
    agrees_on_the_json(plaintext, &verdict);
    match &verdict {
        Ok(request) => is_canonical(request, plaintext),
        Err(fault) => tells_rules_only(fault),
    }
    verdict
}

/// The service's verdict.
pub fn parse(plaintext: &[u8]) -> Result<IssueRequest, RequestFault> {
    let today = Date::from_calendar_date(2026, Month::November, 24).unwrap();
    RequestFields::parse(plaintext, today)?.agree(&SystemRandom::new())
}

/// The structure is refused exactly if a second reading refuses it.
#[track_caller]
fn agrees_on_the_json(plaintext: &[u8], verdict: &Result<IssueRequest, RequestFault>) {
    let fault = match verdict {
        Err(RequestFault::Json { fault, .. }) => Some(fault),
        Err(RequestFault::Generator) => panic!("the generator failed"),
        _ => None,
    };
    let shape = match strict_json::shape(plaintext) {
        Ok(shape) => shape,
        // The one intended difference: numbers stay text.
        Err(NoShape::NumberOutOfRange) => return,
        Err(NoShape::TooDeep) => {
            assert!(fault.is_some(), "deeper than 128 and taken");
            return;
        }
        Err(NoShape::Refused) => {
            let of_text = matches!(
                fault,
                Some(
                    JsonFault::NotUtf8 | JsonFault::Syntax { .. } | JsonFault::LoneSurrogate { .. }
                    // Found before the lone surrogate that follows them.
                    | JsonFault::Repeated { .. } | JsonFault::TooDeep { .. }
                )
            );
            assert!(
                of_text,
                "serde_json refuses it, and the service says {fault:?}"
            );
            return;
        }
    };
    let is_object = is_object(plaintext);
    let sound = is_object && !shape.repeated && shape.depth <= 8;
    assert_eq!(
        fault.is_none(),
        sound,
        "{shape:?}, and the service says {fault:?}"
    );
    match fault {
        Some(JsonFault::Repeated { .. }) => assert!(shape.repeated),
        Some(JsonFault::TooDeep { .. }) => assert!(shape.depth > 8),
        Some(JsonFault::NotAnObject) => assert!(!is_object),
        Some(other) => panic!("serde_json takes it, and the service says {other}"),
        None => {}
    }
}

/// Whether `plaintext` is one JSON object as the protocol has it, by the second reading.
pub fn is_sound(plaintext: &[u8]) -> Result<bool, NoShape> {
    let shape = strict_json::shape(plaintext)?;
    Ok(is_object(plaintext) && !shape.repeated && shape.depth <= 8)
}

fn is_object(plaintext: &[u8]) -> bool {
    plaintext.trim_ascii_start().first() == Some(&b'{')
}

/// What was made of a request is a request of the same meaning: normalised once, nothing changes
/// any more.
#[track_caller]
fn is_canonical(request: &IssueRequest, plaintext: &[u8]) {
    let customer = serde_json::to_value(&request.customer).unwrap();
    let mut again = customer.clone();
    again["referenceId"] = request.reference_id.as_str().into();
    again["sdkPublicKey"] = request.sdk_public_key.to_base64url_jwk().into();
    // Its digest alone is kept.
    again["sdkApiKey"] = "x".into();
    let reparsed = parse(again.to_string().as_bytes()).expect("the canonical form is accepted");
    assert_eq!(serde_json::to_value(&reparsed.customer).unwrap(), customer);
    assert_eq!(reparsed.reference_id, request.reference_id);
    assert_eq!(reparsed.sdk_public_key, request.sdk_public_key);

    // The members are the sender's, by another reading: not checked where numbers are out of range.
    let Ok(sent) = serde_json::from_slice::<Value>(plaintext) else {
        return;
    };
    assert_eq!(sent["referenceId"], json!(request.reference_id.as_str()));
    if let Some(text) = sent["accountNumber"].as_str() {
        assert_eq!(text, *request.customer.account_number);
    }
    if let Some(number) = sent["accountNumber"].as_u64() {
        assert_eq!(number.to_string(), *request.customer.account_number);
    }
    for name in ["name", "email"] {
        assert_eq!(sent[name].as_str(), customer[name].as_str(), "{name}");
    }
    let data = |value: &Value| {
        value["data"]
            .as_object()
            .filter(|data| !data.is_empty())
            .cloned()
    };
    assert_eq!(data(&sent), data(&customer));
    let debug = format!("{request:?}");
    assert!(debug.contains("account_number: redacted") && debug.contains("SessionKey(redacted)"));
}

#[track_caller]
fn tells_rules_only(fault: &RequestFault) {
    let members = fault.members();
    assert!(matches!(fault, RequestFault::Json { .. }) || !members.is_empty());
    for member in members {
        assert!(
            REASONS.contains(&member.reason.as_str()),
            "{} {}",
            member.field,
            member.reason
        );
    }
    if let RequestFault::Members { faults, .. } = fault {
        let mut fields: Vec<&str> = faults.iter().map(|fault| fault.field).collect();
        fields.sort_unstable();
        let all = fields.len();
        fields.dedup();
        assert_eq!(fields.len(), all, "a member is named twice");
    }
}
