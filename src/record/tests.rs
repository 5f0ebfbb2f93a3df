use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use serde_json::{Value as Json, json};

use super::{stored::*, *};
use crate::{
    clock::UnixMillis,
    keys::{IV_LEN, KeyId, KeyRing, tests::sealing_key},
    request::{IssueRequest, RequestFields},
    token::{self, Grant, Lifetime, Minted, PresentedToken, TokenIdentity, Ttls},
};

const NOW: UnixMillis = UnixMillis::new(1_795_000_000_123);

fn record_key(kid: &str, byte: u8) -> RecordKey {
    RecordKey::new(KeyId::new(kid).unwrap(), &[byte; 32]).unwrap()
}

fn ring() -> KeyRing<RecordKey> {
    KeyRing::new([record_key("r1", 1), record_key("r0", 9)]).unwrap()
}

fn token_ring() -> KeyRing<crate::keys::SealingKey> {
    KeyRing::new([sealing_key("t1", 5)]).unwrap()
}

fn identity() -> TokenIdentity {
    TokenIdentity {
        issuer: "token-service".to_owned(),
        audience: "bankezy-sdk".to_owned(),
    }
}

const TTLS: Ttls = Ttls {
    token: Duration::from_secs(1800),
    session: Duration::from_secs(43_200),
};

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
    let (request, rng) = (request(plaintext), SystemRandom::new());
    let partner = PartnerId::new("acme").unwrap();
    let grant = Grant {
        account_number: &request.customer.account_number,
        partner: &partner,
        program_id: 2001,
        reference_id: &request.reference_id,
        session_key: &request.session.key,
    };
    let lifetime = Lifetime::first(NOW, TTLS);
    let key = token_ring();
    let minted = token::mint(key.sealer(), &identity(), grant, lifetime, &rng).unwrap();
    let draft = NewRecord::seal(&ring(), &partner, &request, &minted, &rng).unwrap();
    (draft, minted.token.compact().to_owned())
}

/// The item that a draft becomes.
fn existing(draft: &NewRecord) -> StoredRecord {
    StoredRecord {
        token_id: draft.token.id.as_str().to_owned(),
        previous_token_id: None,
        status: "ACTIVE".to_owned(),
        expires_at: draft.token.expires_at,
        ttl: draft.token.expires_at.seconds() + 86_400,
        sealed_by: draft.token.sealed_by.to_string(),
        fingerprint: draft.fingerprint.to_vec(),
        sealed: draft.sealed.clone(),
        token_sealed_by: None,
        token: draft.token.bytes.clone(),
    }
}

fn presented(token: &str) -> PresentedToken {
    token::open(token, &token_ring(), &identity()).unwrap()
}

/// The renewal of a token, with the new token, sealed by the first key of `ring`.
fn renewal(token: &str, ring: &KeyRing<RecordKey>) -> (Renewal, Minted) {
    let (presented, rng) = (presented(token), SystemRandom::new());
    let lifetime = presented.lifetime.renewed(NOW, TTLS).unwrap();
    let key = token_ring();
    let minted = token::mint(key.sealer(), &identity(), presented.grant(), lifetime, &rng);
    let minted = minted.unwrap();
    let renewal = Renewal::seal(ring, &presented, &minted, &rng).unwrap();
    (renewal, minted)
}

/// The item that a renewal makes of another.
fn renewed(existing: StoredRecord, renewal: &Renewal) -> StoredRecord {
    StoredRecord {
        token_id: renewal.token.id.as_str().to_owned(),
        previous_token_id: Some(renewal.presented.as_str().to_owned()),
        expires_at: renewal.token.expires_at,
        ttl: renewal.token.expires_at.seconds() + 86_400,
        token_sealed_by: Some(renewal.token.sealed_by.to_string()),
        token: renewal.token.bytes.clone(),
        ..existing
    }
}

fn replayed(verdict: Result<Verdict<Issued, Conflict>, RecordError>) -> Issued {
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
    assert_eq!(issued.expires_at, first.token.expires_at);
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
        assert!(
            matches!(verdict, Ok(Verdict::Refused(Conflict::Reused))),
            "{member}"
        );
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
    assert!(matches!(
        judged("ACTIVE", NOW),
        Ok(Verdict::Refused(Conflict::Expired))
    ));
    assert!(matches!(
        judged("REVOKED", later),
        Ok(Verdict::Refused(Conflict::Revoked))
    ));
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
        ("REVOKED", first.token.expires_at),
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
            Ok(Verdict::Refused(Conflict::Reused))
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
        Ok(Verdict::Refused(Conflict::Reused))
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
    let attributes: [fn(&mut StoredRecord) -> &mut Vec<u8>; 2] =
        [|record| &mut record.sealed, |record| &mut record.token];
    for attribute in attributes {
        for len in 0..attribute(&mut existing(&first)).len() {
            let mut record = existing(&first);
            attribute(&mut record).truncate(len);
            let verdict = record.judge(&second, &ring(), NOW);
            assert!(matches!(verdict, Err(RecordError::OpenError)), "{len}");
        }
    }
}

#[test]
fn a_replay_has_the_current_token_whichever_key_sealed_it() {
    let (first, token) = draft(&plaintext());
    let (second, _) = draft(&plaintext());
    let rotated = KeyRing::new([record_key("r2", 2), record_key("r1", 1)]).unwrap();
    let (renewal, minted) = renewal(&token, &rotated);
    let record = || renewed(existing(&first), &renewal);
    let issued = replayed(record().judge(&second, &rotated, NOW));
    assert_eq!(issued.token.compact(), minted.token.compact());
    assert_eq!(issued.expires_at, minted.lifetime.expires_at());
    // Each of the two keys is needed.
    for left in [record_key("r2", 2), record_key("r1", 1)] {
        let left = KeyRing::new([left]).unwrap();
        let verdict = record().judge(&second, &left, NOW);
        assert!(matches!(verdict, Err(RecordError::UnknownKey)));
    }
    // An earlier generation's token is not this one's.
    let older = StoredRecord {
        token: first.token.bytes.clone(),
        token_sealed_by: None,
        ..record()
    };
    let verdict = older.judge(&second, &rotated, NOW);
    assert!(matches!(verdict, Err(RecordError::OpenError)));
}

#[test]
fn what_stands_there_decides_about_a_renewal_in_order() {
    let (first, token) = draft(&plaintext());
    let (renewal, _) = renewal(&token, &ring());
    let judge = |record: &StoredRecord| record.judge_renewal(&renewal, &ring(), NOW);
    // The record as another renewal of the same token has left it.
    let (other, others) = self::renewal(&token, &ring());
    let replaced = || renewed(existing(&first), &other);
    match judge(&replaced()) {
        Ok(Verdict::Replay(renewed)) => {
            assert_eq!(renewed.token.compact(), others.token.compact());
            assert_eq!(renewed.expires_at, others.lifetime.expires_at());
        }
        verdict => panic!("{verdict:?}"),
    }
    let own = || renewed(existing(&first), &renewal);
    assert!(matches!(judge(&own()), Ok(Verdict::OwnWrite)));
    // Two renewals later.
    let (next, _) = self::renewal(others.token.compact(), &ring());
    let verdict = judge(&renewed(replaced(), &next));
    assert!(matches!(verdict, Ok(Verdict::Refused(Ended::Superseded))));
    // Another session's record.
    let (another, _) = draft(&plaintext());
    let verdict = judge(&existing(&another));
    assert!(matches!(verdict, Ok(Verdict::Refused(Ended::Superseded))));
    for record in [&own as &dyn Fn() -> StoredRecord, &replaced] {
        let with = |status: &str, ttl| StoredRecord {
            status: status.to_owned(),
            ttl,
            ..record()
        };
        let (kept, passed) = (record().ttl, NOW.seconds());
        let verdict = judge(&with("REVOKED", kept));
        assert!(matches!(verdict, Ok(Verdict::Refused(Ended::Revoked))));
        let verdict = judge(&with("REVOKED", passed));
        assert!(matches!(verdict, Ok(Verdict::Refused(Ended::Expired))));
        let verdict = judge(&with("ACTIVE", passed));
        assert!(matches!(verdict, Ok(Verdict::Refused(Ended::Expired))));
        assert!(!matches!(
            judge(&with("ACTIVE", passed + 1)),
            Ok(Verdict::Refused(Ended::Expired))
        ));
        let verdict = judge(&with("GONE", kept));
        assert!(matches!(verdict, Err(RecordError::UnknownStatus)));
    }
    let mut forgotten = replaced();
    forgotten.token_sealed_by = Some("gone".to_owned());
    assert!(matches!(judge(&forgotten), Err(RecordError::UnknownKey)));
}

#[test]
fn a_session_keeps_its_own_tokens_active() {
    let (first, token) = draft(&plaintext());
    let token = presented(&token);
    let state = |status: &str, ttl, session_began| SessionState {
        status: status.to_owned(),
        ttl,
        session_began,
    };
    let (began, kept) = (first.session_began, NOW.seconds() + 1);
    let active = |state: SessionState| state.keeps_active(&token, NOW);
    assert_eq!(active(state("ACTIVE", kept, began)), Ok(true));
    assert_eq!(active(state("ACTIVE", NOW.seconds(), began)), Ok(false));
    assert_eq!(active(state("REVOKED", kept, began)), Ok(false));
    let other = UnixMillis::new(began.millis() + 1000);
    assert_eq!(active(state("ACTIVE", kept, other)), Ok(false));
    let unknown = active(state("GONE", kept, began));
    assert_eq!(unknown, Err(RecordError::UnknownStatus));
}

/// Computed apart from this code, with Python's `hmac` and RFC 5869: a stored fingerprint must
/// match for as long as its record is kept.
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
    assert_ne!(one.token.id, two.token.id);
    assert_ne!(one.sealed[..IV_LEN], two.sealed[..IV_LEN]);
    assert_eq!(one.fingerprint, two.fingerprint);
}

#[test]
fn what_is_opened_is_the_customer_and_debug_shows_none() {
    let (first, token) = draft(&plaintext());
    let contents = record_key("r1", 1)
        .open_session(&first.key, &first.sealed)
        .unwrap();
    let customer = br#"{"accountNumber":"123123123","name":"David beckham","dob":"19910807","data":{"a":"1","b":"2"}}"#;
    assert_eq!(*contents.customer, customer);
    let opened = record_key("r1", 1)
        .open_token(&first.key, first.token.id.as_str(), &first.token.bytes)
        .unwrap();
    let ciphertext = opened.sealed().ciphertext_and_tag().to_vec();
    let secrets: [&[u8]; 5] = [
        b"123123123",
        b"David beckham",
        token.as_bytes(),
        &ciphertext,
        &[1; 32],
    ];
    crate::redaction::shows_none(&secrets, &contents);
    crate::redaction::shows_none(&secrets, &opened);
    crate::redaction::shows_none(&secrets, &presented(&token));
    // What the table holds in the clear, or sealed.
    crate::redaction::shows_none(&secrets, &existing(&first));
    let verdict = existing(&first).judge(&draft(&plaintext()).0, &ring(), NOW);
    crate::redaction::shows_none(&secrets, &verdict);
    let (first_renewal, _) = renewal(&token, &ring());
    let (second_renewal, _) = renewal(&token, &ring());
    let record = renewed(existing(&first), &second_renewal);
    let verdict = record.judge_renewal(&first_renewal, &ring(), NOW);
    crate::redaction::shows_none(&secrets, &verdict);
}
