//! `docs/vectors/session-key.json` and `sdk-public-key.json`.

use ring::rand::SystemRandom;

use super::*;
use crate::vectors::{Vector, hex, read};

/// Reads and validates a key, as the service does with an `sdkPublicKey`.
fn validated(encoded: &str) -> Result<PublicKey, PublicKeyFault> {
    let key = PublicKey::parse(encoded)?;
    match Session::agree(&key, &SystemRandom::new()) {
        Ok(_) => Ok(key),
        Err(AgreementError::OffCurve) => Err(PublicKeyFault::OffCurve),
        Err(AgreementError::Generator) => panic!("the generator failed"),
    }
}

#[test]
fn derives_every_session_key() {
    for vector in read("session-key").0 {
        let name = vector.name();
        let (z, key) = (vector.bytes("zHex"), vector.array::<32>("keyHex"));
        assert_eq!(z.len(), 32, "{name}");
        assert_eq!(*concat_kdf(&z).unwrap(), key, "{name}");
        assert_eq!(vector.array::<32>("keyBase64url"), key, "{name}: base64url");
        let input = vector.bytes("kdfInputHex");
        assert_eq!(
            digest::digest(&digest::SHA256, &input).as_ref(),
            key,
            "{name}: what is hashed"
        );
    }
}

#[test]
fn reads_and_writes_the_public_key_of_every_session() {
    for vector in read("session-key").0 {
        let name = vector.name();
        for member in ["sdkPublicKey", "serverPubKey"] {
            let text = vector.text(member);
            let key = validated(text).unwrap_or_else(|fault| panic!("{name}: {member} {fault}"));
            assert_eq!(key.to_base64url_jwk(), text, "{name}");
        }
        for (private, public) in [
            ("sdkPrivateKey", "sdkPublicKey"),
            ("serverPrivateKey", "serverPubKey"),
        ] {
            if vector.has(private) {
                let mut jwk = vector.json(private).clone();
                assert!(jwk.as_object_mut().unwrap().remove("d").is_some());
                let encoded = BASE64_URL_SAFE_NO_PAD.encode(jwk.to_string());
                assert_eq!(
                    validated(&encoded),
                    validated(vector.text(public)),
                    "{name}"
                );
            }
        }
    }
}

#[test]
fn reads_the_sdk_public_key_in_every_encoding() {
    for vector in read("sdk-public-key").0 {
        let key = validated(vector.text("sdkPublicKey"));
        let expected = vector.text("xHex").to_owned() + vector.text("yHex");
        assert_eq!(
            key.map(|key| hex(key.as_bytes())),
            Ok(expected),
            "{}",
            vector.name()
        );
    }
}

#[test]
fn refuses_every_wrong_public_key_for_the_fault_that_it_names() {
    let refused = |vector: &Vector, member| {
        let name = vector.name();
        match validated(vector.text(member)) {
            Ok(_) => panic!("accepted {member} {name}"),
            Err(fault) => assert_eq!(in_words(fault, vector), vector.fault(), "{member} {name}"),
        }
    };
    for vector in read("sdk-public-key").1 {
        refused(&vector, "sdkPublicKey");
    }
    // What an SDK must refuse, the service must refuse too.
    for vector in read("session-key").1 {
        refused(&vector, "serverPubKey");
    }
}

/// In the vectors' words.
fn in_words(fault: PublicKeyFault, vector: &Vector) -> &'static str {
    match fault {
        PublicKeyFault::Base64 => "base64",
        PublicKeyFault::Size => "too-long",
        PublicKeyFault::NotAnObject if vector.fault() == "repeated-member" => "repeated-member",
        PublicKeyFault::NotAnObject => "not-an-object",
        PublicKeyFault::Private => "private",
        PublicKeyFault::Curve => "curve",
        PublicKeyFault::Coordinate => "coordinate",
        PublicKeyFault::OffCurve => "off-curve",
    }
}
