use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use serde_json::{Value as Json, json};

use super::*;
use crate::{
    keys::tests::sealing_key,
    partner::Partner,
    request::RequestFields,
    token::{self, Lifetime, TokenIdentity},
};

const NOW: UnixMillis = UnixMillis::new(1_795_000_000_123);

fn record_key(kid: &str, byte: u8) -> RecordKey {
    RecordKey::new(KeyId::new(kid).unwrap(), &Redacted::new([byte; 32])).unwrap()
}

fn ring() -> KeyRing<RecordKey> {
    KeyRing::new([record_key("r1", 1), record_key("r0", 9)]).unwrap()
}

fn partner() -> Partner {
    Partner {
        id: PartnerId::new("acme").unwrap(),
        program_id: 2001,
        payload_keys: KeyRing::new([sealing_key("p1", 3)]).unwrap(),
        token_ttl: None,
        api_keys: Vec::new(),
        sdk_api_keys: Vec::new(),
        enabled: true,
    }
}

fn plaintext() -> Json {
    // The example key of RFC 7517 appendix A.1.
    let jwk = r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}"#;
    json!({
        "referenceId": "ref-1",
        "sdkPublicKey": BASE64_URL_SAFE_NO_PAD.encode(jwk),
        "sdkApiKey": "ABCDEFGH",
        "name": "David beckham",
        "accountNumber": 123123123,
        "dob": 19910807,
        "data": {"b": "2", "a": "1"},
    })
}

fn request(plaintext: &Json) -> IssueRequest {
    let text = plaintext.to_string();
    RequestFields::parse(text.as_bytes(), NOW.date().unwrap())
        .unwrap()
        .agree(&SystemRandom::new())
        .unwrap()
}

/// A draft of `plaintext`, and its token.
fn draft(plaintext: &Json) -> (NewRecord, String) {
    let (partner, request, rng) = (partner(), request(plaintext), SystemRandom::new());
    let audience = TokenIdentity {
        issuer: "token-service".to_owned(),
        audience: "bankezy-sdk".to_owned(),
    };
    let lifetime = Lifetime::starting(NOW, Duration::from_secs(1800));
    let key = sealing_key("t1", 5);
    let minted = token::mint(&key, &audience, &partner, &request, lifetime, &rng).unwrap();
    let draft = NewRecord::seal(&ring(), &partner.id, &request, &minted, NOW, &rng).unwrap();
    (draft, minted.token.compact().to_owned())
}

/// The item that a draft becomes.
fn existing(draft: &NewRecord) -> StoredRecord {
    StoredRecord {
        token_id: draft.token_id.clone(),
        status: "ACTIVE".to_owned(),
        expires_at: draft.expires_at,
        sealed_by: draft.sealed_by.to_string(),
        fingerprint: draft.fingerprint.to_vec(),
        sealed: draft.sealed.clone(),
    }
}

fn replayed(verdict: Result<Verdict, RecordError>) -> Issued {
    match verdict {
        Ok(Verdict::Replay(issued)) => issued,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_same_request_gets_the_same_token() {
    let (first, token) = draft(&plaintext());
    // Other order, other spelling of the same members; what is not compared differs.
    let mut same = plaintext();
    same["accountNumber"] = json!("123123123");
    same["dob"] = json!("07081991");
    same["data"] = json!({"a": "1", "b": "2"});
    same["email"] = Json::Null;
    same["sdkApiKey"] = json!("another");
    same["unknown"] = json!(1);
    let (second, _) = draft(&same);
    let issued = replayed(existing(&first).judge(&second, &ring(), NOW));
    assert_eq!(issued.token.compact(), token);
    assert_eq!(issued.expires_at, first.expires_at);
}

#[test]
fn any_compared_member_makes_another_request() {
    let (first, _) = draft(&plaintext());
    let other_key = r#"{"kty":"EC","crv":"P-256","x":"gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0","y":"SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps"}"#;
    for (member, value) in [
        (
            "sdkPublicKey",
            json!(BASE64_URL_SAFE_NO_PAD.encode(other_key)),
        ),
        ("accountNumber", json!("0123123123")),
        ("name", json!("David Beckham")),
        ("firstName", json!("David beckham")),
        ("email", json!("a@b")),
        ("isdCode", json!(91)),
        ("mobileNumber", json!(9642308308_u64)),
        ("dob", json!(19910808)),
        ("data", json!({"a": "1"})),
        ("data", json!({"a": "2", "b": "1"})),
        ("name", Json::Null),
    ] {
        let mut other = plaintext();
        other[member] = value;
        let (second, _) = draft(&other);
        let verdict = existing(&first).judge(&second, &ring(), NOW);
        assert!(matches!(verdict, Ok(Verdict::Reused)), "{member}");
    }
}

#[test]
fn the_clear_attributes_decide_once_the_request_is_the_same() {
    let (first, _) = draft(&plaintext());
    let (second, _) = draft(&plaintext());
    let judged = |status: &str, expires_at| {
        let record = StoredRecord {
            status: status.to_owned(),
            expires_at,
            ..existing(&first)
        };
        record.judge(&second, &ring(), NOW)
    };
    let later = UnixMillis::new(NOW.millis() + 1);
    assert_eq!(replayed(judged("ACTIVE", later)).expires_at, later);
    assert!(matches!(judged("ACTIVE", NOW), Ok(Verdict::Expired)));
    assert!(matches!(judged("REVOKED", later), Ok(Verdict::Revoked)));
    assert!(matches!(
        judged("GONE", later),
        Err(RecordError::UnknownStatus)
    ));
}

#[test]
fn another_request_is_told_nothing_of_the_first() {
    let (first, _) = draft(&plaintext());
    let mut other = plaintext();
    other["accountNumber"] = json!(1);
    let (second, _) = draft(&other);
    for (status, expires_at) in [
        ("REVOKED", first.expires_at),
        ("ACTIVE", NOW),
        ("GONE", NOW),
    ] {
        let record = StoredRecord {
            status: status.to_owned(),
            expires_at,
            ..existing(&first)
        };
        assert!(matches!(
            record.judge(&second, &ring(), NOW),
            Ok(Verdict::Reused)
        ));
    }
}

#[test]
fn its_own_write_is_recognised_by_its_token_id() {
    let (first, _) = draft(&plaintext());
    let mut record = existing(&first);
    record.sealed_by = "gone".to_owned();
    assert!(matches!(
        record.judge(&first, &ring(), NOW),
        Ok(Verdict::OwnWrite)
    ));
}

#[test]
fn a_record_moved_to_another_item_does_not_open() {
    let (first, _) = draft(&plaintext());
    let mut elsewhere = plaintext();
    elsewhere["referenceId"] = json!("ref-2");
    let (second, _) = draft(&elsewhere);
    let moved = existing(&first);
    assert!(matches!(
        moved.judge(&second, &ring(), NOW),
        Ok(Verdict::Reused)
    ));
    // Even with a fingerprint that fits.
    let forged = StoredRecord {
        fingerprint: second.fingerprint.to_vec(),
        token_id: "forged".to_owned(),
        ..existing(&first)
    };
    let verdict = forged.judge(&second, &ring(), NOW);
    assert!(matches!(verdict, Err(RecordError::OpenError)));
}

#[test]
fn opens_under_the_key_that_sealed_it_after_a_rotation() {
    let (first, token) = draft(&plaintext());
    let (second, _) = draft(&plaintext());
    let rotated = KeyRing::new([record_key("r2", 2), record_key("r1", 1)]).unwrap();
    let issued = replayed(existing(&first).judge(&second, &rotated, NOW));
    assert_eq!(issued.token.compact(), token);
    let removed = KeyRing::new([record_key("r2", 2)]).unwrap();
    let verdict = existing(&first).judge(&second, &removed, NOW);
    assert!(matches!(verdict, Err(RecordError::UnknownKey)));
}

#[test]
fn truncated_contents_do_not_open() {
    let (first, _) = draft(&plaintext());
    let (second, _) = draft(&plaintext());
    for len in 0..first.sealed.len() {
        let mut record = existing(&first);
        record.sealed.truncate(len);
        let verdict = record.judge(&second, &ring(), NOW);
        assert!(matches!(verdict, Err(RecordError::OpenError)), "{len}");
    }
}

/// Computed apart from this code, with Python's `hmac` and RFC 5869: a stored fingerprint must match
/// for as long as its record is kept.
#[test]
fn the_fingerprint_is_pinned() {
    let (draft, _) = draft(&plaintext());
    let hex: String = draft
        .fingerprint
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    assert_eq!(
        hex,
        "22bc015eb39c8a01fdef87e36279ac8c39359e46f0e5a3f8323e2e5c95e8b0b5"
    );
}

#[test]
fn two_seals_of_one_request_differ() {
    let (one, _) = draft(&plaintext());
    let (two, _) = draft(&plaintext());
    assert_ne!(one.token_id, two.token_id);
    assert_ne!(one.sealed[..IV_LEN], two.sealed[..IV_LEN]);
    assert_eq!(one.fingerprint, two.fingerprint);
}

#[test]
fn what_is_opened_is_the_customer_and_debug_shows_none() {
    let (first, token) = draft(&plaintext());
    let contents = record_key("r1", 1).open(&first.key, &first.sealed).unwrap();
    let customer = br#"{"accountNumber":"123123123","name":"David beckham","dob":"19910807","data":{"a":"1","b":"2"}}"#;
    assert_eq!(contents.customer.expose(), customer);
    assert_eq!(format!("{:?}", contents.customer), "CustomerJson(redacted)");
    let ciphertext = contents.token.sealed().ciphertext_and_tag().to_vec();
    let secrets: [&[u8]; 5] = [
        b"123123123",
        b"David beckham",
        token.as_bytes(),
        &ciphertext,
        &[1; 32],
    ];
    crate::redaction::shows_none(&secrets, &contents);
    // What the table holds in the clear, or sealed.
    crate::redaction::shows_none(&secrets, &existing(&first));
    let verdict = existing(&first).judge(&draft(&plaintext()).0, &ring(), NOW);
    crate::redaction::shows_none(&secrets, &verdict);
}
