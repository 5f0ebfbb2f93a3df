//! `docs/vectors/record.json`.

use std::time::Duration;

use ring::{
    hmac::{self, HMAC_SHA256},
    rand::SystemRandom,
};

use super::{key::token_aad, *};
use crate::{
    clock::UnixMillis,
    keys::{IV_LEN, KeyId, KeyRing, SealingKey, tests::sealing_key},
    request::{IssueRequest, RequestFields},
    session::PublicKey,
    token::{self, Grant, Lifetime, Minted, PresentedToken, Token, TokenId, TokenIdentity, Ttls},
    vectors::{Vector, hex, read},
};

const NOW: UnixMillis = UnixMillis::new(1_795_492_965_000);

const TTLS: Ttls = Ttls {
    token: Duration::from_secs(1800),
    session: Duration::from_secs(43_200),
};

fn record_key(vector: &Vector, member: &str) -> RecordKey {
    let (kid, bytes) = vector.key_of(member);
    RecordKey::new(kid, &bytes).unwrap()
}

/// The key that sealed the token: a renewal's own, or the first one.
fn token_key(vector: &Vector) -> RecordKey {
    let renewed = vector.has("tokenKey");
    record_key(vector, if renewed { "tokenKey" } else { "key" })
}

/// The key as the vector has it, derived.
fn derived(vector: &Vector, member: &str) -> SealingKey {
    SealingKey::new(KeyId::new("derived").unwrap(), &vector.array(member)).unwrap()
}

fn partition_key(vector: &Vector) -> PartitionKey {
    PartitionKey(vector.text("pk").to_owned())
}

fn request(vector: &Vector) -> IssueRequest {
    let text = vector.bytes("requestUtf8");
    let fields = RequestFields::parse(&text, NOW.date().unwrap()).unwrap();
    let mut request = fields.agree(&SystemRandom::new()).unwrap();
    request.session.server_public_key = PublicKey::parse(vector.text("serverPubKey")).unwrap();
    request
}

/// The token of a vector, as if it had just been made.
fn minted(vector: &Vector) -> Minted {
    let kid = KeyId::new(vector.text("tokenKid")).unwrap();
    let decoded = |at: usize| {
        let segment = vector.text("token").split('.').nth(at).unwrap();
        base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, segment).unwrap()
    };
    let sealed = [decoded(3), decoded(4)].concat();
    let token = Token::from_parts(&kid, decoded(2).try_into().unwrap(), sealed).unwrap();
    assert_eq!(token.compact(), vector.text("token"), "{}", vector.name());
    Minted {
        token,
        kid,
        id: TokenId::new(vector.text("jti")).unwrap(),
        lifetime: Lifetime::first(NOW, TTLS),
    }
}

/// A draft of the vector's request and token, sealed by its `key`.
fn draft(vector: &Vector) -> NewRecord {
    let (partner, _) = vector.text("pk").split_once('#').unwrap();
    let partner = PartnerId::new(partner).unwrap();
    let ring = KeyRing::new([record_key(vector, "key")]).unwrap();
    let (request, minted) = (request(vector), minted(vector));
    NewRecord::seal(&ring, &partner, &request, &minted, &SystemRandom::new()).unwrap()
}

/// The vector's item.
fn stored(vector: &Vector) -> StoredRecord {
    let optional = |member| vector.has(member).then(|| vector.text(member).to_owned());
    let kid = |member| vector.key_of(member).0.to_string();
    StoredRecord {
        token_id: vector.text("jti").to_owned(),
        previous_token_id: optional("previousJti"),
        status: "ACTIVE".to_owned(),
        expires_at: UnixMillis::new(NOW.millis() + 1),
        ttl: NOW.seconds() + 1,
        fingerprint: vector.bytes("fingerprintBase64"),
        sealed_by: kid("key"),
        sealed: vector.bytes("sealedBase64"),
        token_sealed_by: vector.has("tokenKey").then(|| kid("tokenKey")),
        token: vector.bytes("tokenBase64"),
    }
}

/// Another token of the request's session, as a later attempt makes one.
fn other_token(request: &IssueRequest) -> Minted {
    let partner = PartnerId::new("acme").unwrap();
    let identity = TokenIdentity {
        issuer: "i".to_owned(),
        audience: "a".to_owned(),
    };
    let grant = Grant {
        account_number: &request.customer.account_number,
        partner: &partner,
        program_id: 1,
        reference_id: &request.reference_id,
        session_key: &request.session.key,
    };
    let lifetime = Lifetime::first(NOW, TTLS);
    let (key, rng) = (sealing_key("k", 1), SystemRandom::new());
    token::mint(&key, &identity, grant, lifetime, &rng).unwrap()
}

/// Opens `sealed` under a derived key: `iv || ciphertext || tag`.
fn decrypted(key: &SealingKey, aad: &[u8], sealed: &[u8]) -> Option<String> {
    let (iv, rest) = sealed.split_first_chunk::<IV_LEN>()?;
    let mut buffer = rest.to_vec();
    let opened = key.open(*iv, aad, &mut buffer).ok()?;
    Some(hex(opened))
}

#[test]
fn fingerprints_every_request() {
    for vector in read("record").0 {
        let (name, draft) = (vector.name(), draft(&vector));
        assert_eq!(draft.key.as_str(), vector.text("pk"), "{name}");
        let request = request(&vector);
        let point = hex(request.sdk_public_key.as_bytes());
        assert_eq!(point, vector.text("sdkPublicKeyXyHex"), "{name}");
        let customer = serde_json::to_string(&request.customer).unwrap();
        assert_eq!(customer, vector.text("customerUtf8"), "{name}");

        let expected = vector.array::<32>("fingerprintHex");
        assert_eq!(draft.fingerprint, expected, "{name}");
        assert_eq!(vector.array::<32>("fingerprintBase64"), expected, "{name}");
        // Its steps, one by one.
        let derived = hmac::Key::new(HMAC_SHA256, &vector.bytes("fingerprintKeyHex"));
        let signed = hmac::sign(&derived, &vector.bytes("fingerprintInputHex"));
        assert_eq!(signed.as_ref(), expected, "{name}: step by step");
    }
}

/// Under the derived keys, as the vector has them: a draft's IVs are its own.
#[test]
fn seals_every_record() {
    for vector in read("record").0 {
        let (name, draft) = (vector.name(), draft(&vector));
        let pk = vector.text("pk").as_bytes();
        let session = derived(&vector, "sealKeyHex");
        let plaintext = vector.text("plaintextHex");
        let opened = decrypted(&session, pk, &draft.sealed);
        assert_eq!(opened.as_deref(), Some(plaintext), "{name}");

        let aad = vector.bytes("tokenAadHex");
        let own = token_aad(&draft.key, vector.text("jti"));
        assert_eq!(own, aad, "{name}");
        let token = vector.text("tokenPlaintextHex");
        let opened = decrypted(&session, &aad, &draft.token.bytes);
        assert_eq!(opened.as_deref(), Some(token), "{name}");

        // The vector's own boxes, with its IVs.
        let token_key = derived(&vector, "tokenSealKeyHex");
        for (key, iv, aad, plaintext, sealed) in [
            (&session, "ivBase64url", pk, "plaintextHex", "sealedBase64"),
            (
                &token_key,
                "tokenIvBase64url",
                &aad[..],
                "tokenPlaintextHex",
                "tokenBase64",
            ),
        ] {
            let iv = vector.array::<IV_LEN>(iv);
            let mut in_out = vector.bytes(plaintext);
            key.seal(iv, aad, &mut in_out).unwrap();
            let made = [&iv[..], &in_out].concat();
            assert_eq!(made, vector.bytes(sealed), "{name}: {sealed}");
        }
    }
}

#[test]
fn opens_every_record() {
    for vector in read("record").0 {
        let (name, key) = (vector.name(), partition_key(&vector));
        let session = record_key(&vector, "key").open_session(&key, &vector.bytes("sealedBase64"));
        let SessionContents {
            server_public_key,
            customer,
        } = session.unwrap_or_else(|| panic!("{name}: the session does not open"));
        let server = server_public_key.to_base64url_jwk();
        assert_eq!(server, vector.text("serverPubKey"), "{name}");
        assert_eq!(**customer, vector.bytes("customerUtf8"), "{name}");
        let sealed = vector.bytes("tokenBase64");
        let token = token_key(&vector).open_token(&key, vector.text("jti"), &sealed);
        let token = token.unwrap_or_else(|| panic!("{name}: the token does not open"));
        assert_eq!(token.compact(), vector.text("token"), "{name}");
    }
}

/// A ring whose first key is none of the vector's.
fn ring(vector: &Vector) -> KeyRing<RecordKey> {
    let other = RecordKey::new(KeyId::new("other").unwrap(), &[7; 32]).unwrap();
    KeyRing::new([other, token_key(vector), record_key(vector, "key")]).unwrap()
}

#[test]
fn replays_every_record() {
    for vector in read("record").0 {
        let (name, request) = (vector.name(), request(&vector));
        let (minted, rng) = (other_token(&request), SystemRandom::new());
        let partner = PartnerId::new("acme").unwrap();
        let ring = ring(&vector);
        let draft = NewRecord::seal(&ring, &partner, &request, &minted, &rng).unwrap();
        match stored(&vector).judge(&draft, &ring, NOW) {
            Ok(Verdict::Replay(issued)) => {
                assert_eq!(issued.token.compact(), vector.text("token"), "{name}");
                let server = issued.server_public_key.to_base64url_jwk();
                assert_eq!(server, vector.text("serverPubKey"), "{name}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn replays_every_renewal() {
    let mut renewed = 0;
    for vector in read("record").0 {
        let (name, request) = (vector.name(), request(&vector));
        let (minted, rng) = (other_token(&request), SystemRandom::new());
        let previous = vector
            .has("previousJti")
            .then(|| vector.text("previousJti"));
        let presented = PresentedToken {
            id: TokenId::new(previous.unwrap_or(vector.text("jti"))).unwrap(),
            account_number: request.customer.account_number.clone(),
            partner: PartnerId::new("acme").unwrap(),
            program_id: 1,
            reference_id: request.reference_id,
            lifetime: Lifetime::first(NOW, TTLS),
            session_key: request.session.key,
        };
        let ring = ring(&vector);
        let renewal = Renewal::seal(&ring, &presented, &minted, &rng).unwrap();
        match (
            previous,
            stored(&vector).judge_renewal(&renewal, &ring, NOW),
        ) {
            (Some(_), Ok(Verdict::Replay(replay))) => {
                assert_eq!(replay.token.compact(), vector.text("token"), "{name}");
                renewed += 1;
            }
            // The condition of the write would have held.
            (None, Ok(Verdict::Refused(Ended::Superseded))) => {}
            (_, other) => panic!("{name}: {other:?}"),
        }
    }
    assert_eq!(renewed, 2);
}

#[test]
fn opens_no_wrong_record() {
    let (valid, wrong) = read("record");
    for vector in wrong {
        let (name, key) = (vector.name(), partition_key(&vector));
        let record_key = record_key(&vector, "key");
        let derived = derived(&valid[0], "sealKeyHex");
        assert_eq!(valid[0].json("key"), vector.json("key"), "{name}");
        let (aad, sealed, plaintext) = if vector.has("jti") {
            let (jti, sealed) = (vector.text("jti"), vector.bytes("tokenBase64"));
            let opened = record_key.open_token(&key, jti, &sealed);
            assert!(opened.is_none(), "{name}");
            (token_aad(&key, jti), sealed, "tokenPlaintextHex")
        } else {
            let sealed = vector.bytes("sealedBase64");
            assert!(record_key.open_session(&key, &sealed).is_none(), "{name}");
            (key.as_bytes().to_vec(), sealed, "plaintextHex")
        };
        // Either it can't be decrypted, or what it holds is not what it should.
        let decrypted = decrypted(&derived, &aad, &sealed);
        let expected = vector.json(plaintext).as_str().map(str::to_owned);
        assert_eq!(decrypted, expected, "{name}");
        assert_eq!(vector.fault() == "contents", decrypted.is_some(), "{name}");
    }
}
