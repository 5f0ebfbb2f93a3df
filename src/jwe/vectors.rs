//! The JWEs of `docs/vectors`: requests, answers and tokens.

use super::*;
use crate::{
    keys::KeyRing,
    vectors::{Vector, read},
};

/// Opens with the ring, as the service opens a request.
fn opened(vector: &Vector, ring: &KeyRing<SealingKey>) -> Result<Option<Vec<u8>>, FormFault> {
    let mut buffer = HeaderBuffer::new();
    let received = Received::parse(vector.text("jwe").as_bytes(), &mut buffer)?;
    let opened = match received.kid() {
        Some(kid) => {
            let named = ring.opener(kid);
            received.open(named)
        }
        None => received.open(ring.openers()),
    };
    Ok(opened.map(|(plaintext, _)| plaintext.to_vec()))
}

#[test]
fn opens_and_seals_every_positive_jwe() {
    let mut sealed = 0;
    for format in ["request", "answer", "token"] {
        for vector in read(format).0 {
            let name = vector.name();
            let plaintext = vector.bytes("plaintextUtf8");
            assert_eq!(
                opened(&vector, &vector.ring()),
                Ok(Some(plaintext.clone())),
                "{format} {name}"
            );

            let (key, iv) = (vector.sealing_key(), vector.array("ivBase64url"));
            let text = vector.text("headerUtf8");
            let mut in_out = plaintext.clone();
            let mut compact = compact::begin(text.as_bytes(), 0);
            key.seal(iv, compact.as_bytes(), &mut in_out).unwrap();
            compact::finish(&mut compact, &iv, &in_out);
            assert_eq!(compact, vector.text("jwe"), "{format} {name}");

            let typ = (format == "token").then_some("JWT");
            for kid in [None, Some(key.kid())] {
                let own = Header { kid, typ };
                if header::json(own, &mut HeaderBuffer::new()).unwrap() == text.as_bytes() {
                    let jwe =
                        seal_with_iv(&key, own, Redacted::new(plaintext.clone()), iv).unwrap();
                    assert_eq!(jwe.compact(), vector.text("jwe"), "{format} {name}");
                    sealed += 1;
                }
            }
        }
    }
    assert!(sealed > 20, "only {sealed} have the header that is written");
}

/// Requests and answers of `renewal.json` and `invalidation.json`, and their key.
fn exchanged() -> Vec<(Vector, SealingKey)> {
    let mut parts = Vec::new();
    for format in ["renewal", "invalidation"] {
        let (valid, invalid) = read(format);
        for vector in valid.iter().chain(&invalid) {
            for part in ["request", "answer"] {
                let key = match format {
                    "renewal" => vector.session_key(),
                    _ => vector.sealing_key(),
                };
                parts.push((vector.part(part), key));
            }
        }
    }
    parts
}

#[test]
fn opens_and_seals_every_exchange() {
    let (mut sealed, mut unopened) = (0, 0);
    for (part, key) in exchanged().iter().filter(|(part, _)| part.has("jwe")) {
        let (name, jwe) = (part.name(), part.text("jwe"));
        let mut buffer = HeaderBuffer::new();
        let received = Received::parse(jwe.as_bytes(), &mut buffer);
        let opened = received.ok().and_then(|received| received.open_with(key));
        let Some(plaintext) = part.json("plaintextUtf8").as_str() else {
            assert!(opened.is_none(), "{name}");
            unopened += 1;
            continue;
        };
        assert_eq!(opened.unwrap().as_slice(), plaintext.as_bytes(), "{name}");

        // The service writes no other header, and a session key has no name.
        for kid in [None, Some(key.kid())] {
            let own = Header { kid, typ: None };
            let text = part.text("headerUtf8").as_bytes();
            if header::json(own, &mut HeaderBuffer::new()).unwrap() == text {
                let plaintext = Redacted::new(plaintext.as_bytes().to_vec());
                let made = seal_with_iv(key, own, plaintext, part.array("ivBase64url")).unwrap();
                assert_eq!(made.compact(), jwe, "{name}");
                sealed += 1;
            }
        }
    }
    assert!(sealed > 40 && unopened == 4, "{sealed} and {unopened}");
}

#[test]
fn refuses_every_negative_jwe_for_the_fault_that_it_names() {
    for format in ["request", "answer"] {
        for vector in read(format).1 {
            let (name, opened) = (vector.name(), opened(&vector, &vector.ring()));
            if vector.has("plaintextUtf8") {
                // What is inside is at fault: that is the client's to find.
                let plaintext = vector.bytes("plaintextUtf8");
                assert_eq!(opened, Ok(Some(plaintext)), "{format} {name}");
            } else {
                assert_eq!(fault_of(opened, &vector), vector.fault(), "{format} {name}");
            }
        }
    }
}

/// A reader that lacked the rule would be taken in: nothing else is wrong with these.
#[test]
fn a_negative_header_is_the_only_fault() {
    let of_the_header = [
        "alg",
        "enc",
        "crit",
        "zip",
        "typ",
        "repeated-header-member",
        "header-not-an-object",
        "header-member",
        "kid-missing",
        "kid-not-a-string",
    ];
    let mut tried = 0;
    for format in ["request", "answer", "token"] {
        for vector in read(format).1 {
            let unknown_to_requests = format != "answer" && vector.fault() == "kid-unknown";
            if of_the_header.contains(&vector.fault()) || unknown_to_requests {
                let mut buffer = HeaderBuffer::new();
                let compact = Compact::parse(vector.text("jwe").as_bytes(), &mut buffer);
                let compact = compact.unwrap_or_else(|fault| panic!("{}: {fault}", vector.name()));
                let mut buffer = compact.ciphertext_and_tag;
                let opened = vector
                    .sealing_key()
                    .open(compact.iv, compact.aad, &mut buffer);
                assert!(opened.is_ok(), "{format} {}", vector.name());
                tried += 1;
            }
        }
    }
    assert!(tried > 30, "only {tried}");
}

/// What the service finds wrong, in the vectors' words.
fn fault_of(opened: Result<Option<Vec<u8>>, FormFault>, vector: &Vector) -> &'static str {
    let jwe = vector.text("jwe");
    match opened {
        Ok(Some(_)) => "nothing",
        // One answer for these three, so the service can't tell: the ring can.
        Ok(None) => {
            let mut buffer = HeaderBuffer::new();
            let named = Received::parse(jwe.as_bytes(), &mut buffer).unwrap();
            let named = named.kid();
            if named.is_some_and(|kid| vector.ring().opener(kid).is_none()) {
                "kid-unknown"
            } else if vector.fault() == "wrong-key" {
                "wrong-key"
            } else {
                "tampered"
            }
        }
        Err(_) if jwe.starts_with('{') => "not-encrypted",
        Err(FormFault::Compact(fault)) => match fault {
            CompactFault::NotFiveSegments => "segments",
            CompactFault::EncryptedKey => "encrypted-key",
            CompactFault::HeaderSize => "header-too-long",
            CompactFault::Base64(_) => "base64url",
            CompactFault::IvSize => "iv-size",
            // Sizes are checked before anything is decoded, so padding and quotes are seen as
            // length.
            CompactFault::TagSize if jwe.ends_with(['=', '"', '”']) => "base64url",
            CompactFault::TagSize => "tag-size",
        },
        Err(FormFault::Header(fault)) => match fault {
            HeaderFault::NotAnObject if vector.fault() == "repeated-header-member" => {
                "repeated-header-member"
            }
            HeaderFault::NotAnObject => "header-not-an-object",
            HeaderFault::Algorithm => "alg",
            HeaderFault::Encryption => "enc",
            HeaderFault::KeyId => "kid-not-a-string",
            HeaderFault::Unsupported(member) => member,
        },
    }
}
