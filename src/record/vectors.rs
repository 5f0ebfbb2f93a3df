//! `docs/vectors/record.json`.

use std::time::Duration;

use ring::rand::SystemRandom;

use super::*;
use crate::{
    keys::tests::sealing_key,
    partner::Partner,
    request::RequestFields,
    token::{self, Lifetime, TokenIdentity},
    vectors::{Vector, hex, read},
};

const NOW: UnixMillis = UnixMillis::new(1_795_492_965_000);

fn record_key(vector: &Vector) -> RecordKey {
    let (kid, bytes) = vector.key();
    RecordKey::new(kid, &bytes).unwrap()
}

fn request(vector: &Vector) -> IssueRequest {
    let today = NOW.date().unwrap();
    let text = vector.bytes("requestUtf8");
    RequestFields::parse(&text, today)
        .unwrap()
        .agree(&SystemRandom::new())
        .unwrap()
}

/// The item's key, made of the partner and the request.
fn partition_key(vector: &Vector, request: &IssueRequest) -> PartitionKey {
    let (partner, _) = vector.text("pk").split_once('#').unwrap();
    PartitionKey::new(&PartnerId::new(partner).unwrap(), &request.reference_id)
}

fn item(vector: &Vector) -> StoredRecord {
    StoredRecord {
        token_id: String::new(),
        status: "ACTIVE".to_owned(),
        expires_at: NOW,
        sealed_by: vector.key().0.to_string(),
        fingerprint: Vec::new(),
        sealed: vector.bytes("sealedBase64"),
    }
}

/// The token of a vector, as if it had just been made.
fn minted(vector: &Vector, request: &IssueRequest) -> Minted {
    let (rng, key) = (SystemRandom::new(), sealing_key("k", 1));
    let partner = Partner {
        id: PartnerId::new("acme").unwrap(),
        program_id: 1,
        payload_keys: KeyRing::new([sealing_key("p", 1)]).unwrap(),
        token_ttl: None,
        api_keys: Vec::new(),
        sdk_api_keys: Vec::new(),
        enabled: true,
    };
    let audience = TokenIdentity {
        issuer: String::new(),
        audience: String::new(),
    };
    let lifetime = Lifetime::starting(NOW, Duration::from_secs(60));
    let minted = token::mint(&key, &audience, &partner, request, lifetime, &rng).unwrap();
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
        ..minted
    }
}

#[test]
fn fingerprints_every_request() {
    for vector in read("record").0 {
        let (name, request) = (vector.name(), request(&vector));
        let key = partition_key(&vector, &request);
        assert_eq!(key.as_str(), vector.text("pk"), "{name}");
        let bytes = RequestBytes::of(&request).unwrap();
        let point = hex(bytes.sdk_public_key.as_bytes());
        assert_eq!(point, vector.text("sdkPublicKeyXyHex"), "{name}");
        let customer = std::str::from_utf8(&bytes.customer).unwrap();
        assert_eq!(customer, vector.text("customerUtf8"), "{name}");

        let expected = vector.array::<32>("fingerprintHex");
        let fingerprint = record_key(&vector).fingerprint(&key, &bytes).unwrap();
        assert_eq!(fingerprint, expected, "{name}");
        assert_eq!(vector.array::<32>("fingerprintBase64"), expected, "{name}");
        // Its steps, one by one.
        let derived = hmac::Key::new(HMAC_SHA256, &vector.bytes("fingerprintKeyHex"));
        let signed = hmac::sign(&derived, &vector.bytes("fingerprintInputHex"));
        assert_eq!(signed.as_ref(), expected, "{name}: step by step");
    }
}

#[test]
fn seals_every_record() {
    for vector in read("record").0 {
        let (name, request) = (vector.name(), request(&vector));
        let minted = minted(&vector, &request);
        let server = PublicKey::parse(vector.text("serverPubKey")).unwrap();
        let bytes = RequestBytes::of(&request).unwrap();
        let mut contents = contents(&minted, &server, &bytes).unwrap();
        assert_eq!(hex(&contents), vector.text("plaintextHex"), "{name}");

        let iv = vector.array::<IV_LEN>("ivBase64url");
        let pk = vector.text("pk").as_bytes();
        let mut step = contents.to_vec();
        record_key(&vector)
            .sealing
            .seal(iv, pk, &mut contents)
            .unwrap();
        let sealed = [&iv[..], &contents].concat();
        assert_eq!(sealed, vector.bytes("sealedBase64"), "{name}");
        // Under the derived key, as the vector has it.
        let derived = Redacted::new(vector.array("sealKeyHex"));
        let derived = SealingKey::new(vector.key().0, &derived).unwrap();
        derived.seal(iv, pk, &mut step).unwrap();
        assert_eq!(step[..], contents[..], "{name}: step by step");
    }
}

#[test]
fn opens_every_record() {
    for vector in read("record").0 {
        let (name, record_key) = (vector.name(), record_key(&vector));
        let key = PartitionKey(vector.text("pk").to_owned());
        let issued = item(&vector).open(&record_key, &key);
        let issued = issued.unwrap_or_else(|| panic!("{name} does not open"));
        assert_eq!(issued.token.compact(), vector.text("token"), "{name}");
        let server = issued.server_public_key.to_base64url_jwk();
        assert_eq!(server, vector.text("serverPubKey"), "{name}");
    }
}

#[test]
fn opens_no_wrong_record() {
    for vector in read("record").1 {
        let (name, record_key) = (vector.name(), record_key(&vector));
        let key = PartitionKey(vector.text("pk").to_owned());
        assert!(item(&vector).open(&record_key, &key).is_none(), "{name}");

        let sealed = vector.bytes("sealedBase64");
        let decrypted = sealed.split_first_chunk::<IV_LEN>().and_then(|(iv, rest)| {
            let mut buffer = rest.to_vec();
            let opened = record_key.sealing.open(*iv, key.0.as_bytes(), &mut buffer);
            opened.ok().map(|contents| hex(contents))
        });
        // Either it can't be decrypted, or what it holds is no record.
        let expected = vector.json("plaintextHex").as_str().map(str::to_owned);
        assert_eq!(decrypted, expected, "{name}");
        assert_eq!(vector.fault() == "contents", decrypted.is_some(), "{name}");
    }
}
