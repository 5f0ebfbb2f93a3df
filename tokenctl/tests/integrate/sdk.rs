//! `tokenctl sdk`, and `docs/vectors/session-key.json`.

use std::fs;

use peers::sdk::KeyPair;
use serde_json::Value;

use super::run::{Folder, mode, tokenctl};

#[test]
fn a_new_private_key_is_its_owners_only_and_its_public_half_is_printed() {
    let folder = Folder::new();
    let path = folder.path("sdk.json");
    let out = path.to_str().unwrap();

    let made = tokenctl(&["sdk", "keygen", "--out", out]);

    assert_eq!(made.code, 0);
    assert_eq!(mode(&path), 0o600);
    let jwk = fs::read_to_string(&path).unwrap();
    assert_eq!(KeyPair::from_jwk(&jwk).unwrap().public_key(), made.out);
    let private: Value = serde_json::from_str(&jwk).unwrap();
    assert!(made.hides(private["d"].as_str().unwrap()));

    let again = tokenctl(&["sdk", "keygen", "--out", out]);
    assert_eq!(again.code, 2);
    assert!(again.err.contains("exists"));
    assert_eq!(fs::read_to_string(&path).unwrap(), jwk);
}

#[test]
fn a_private_key_is_printed_only_when_asked() {
    let refused = tokenctl(&["sdk", "keygen"]);
    assert!(
        refused.code == 2 && refused.err.contains("--out"),
        "{refused:?}"
    );

    let revealed = tokenctl(&["sdk", "keygen", "--reveal"]);
    let (private, public) = revealed.out.split_once('\n').unwrap();
    assert_eq!(KeyPair::from_jwk(private).unwrap().public_key(), public);
    let report = tokenctl(&["sdk", "keygen", "--reveal", "--json"]).json();
    let pair = KeyPair::from_jwk(&report["privateJwk"].to_string()).unwrap();
    assert_eq!(report["sdkPublicKey"], pair.public_key());
}

#[test]
fn derives_the_session_key_of_every_vector_and_names_every_fault() {
    let file = include_str!("../../../docs/vectors/session-key.json");
    let file: Value = serde_json::from_str(file).unwrap();
    let (mut derived, mut refused) = (0, 0);
    for vector in file["vectors"].as_array().unwrap() {
        let folder = Folder::new();
        let key = folder.file("sdk.json", vector["sdkPrivateKey"].to_string());
        let server = vector["serverPubKey"].as_str().unwrap();
        let ended = tokenctl(&["sdk", "derive", "--json", "--key", &key, "--", server]);
        let name = &vector["name"];
        if vector["valid"] == true {
            assert_eq!(ended.json()["sessionKey"], vector["keyBase64url"], "{name}");
            derived += 1;
            continue;
        }
        assert_eq!(ended.code, 2, "{name}: {ended:?}");
        let mention = match vector["fault"].as_str().unwrap() {
            "off-curve" => "no point of P-256",
            "curve" => "crv",
            "coordinate" => "y",
            "not-an-object" => "JWK",
            _ => "base64url",
        };
        assert!(
            ended.err.contains("serverPubKey") && ended.err.contains(mention),
            "{name}: {ended:?}"
        );
        refused += 1;
    }
    assert!(derived > 5 && refused > 15, "{derived} and {refused}");
}

#[test]
fn names_what_is_wrong_with_the_key_and_does_not_show_it() {
    let folder = Folder::new();
    let pair = KeyPair::generate();
    let private = pair.private_jwk();
    let d = serde_json::from_str::<Value>(&private).unwrap()["d"]
        .as_str()
        .unwrap()
        .to_owned();
    for (text, mention) in [
        (pair.public_jwk(), "private key"),
        (private.replace(&d, &d[..40]), "d must be 32 bytes"),
        (private.replace("P-256", "P-384"), "P-384"),
        (private.replace("\"y\"", "\"z\""), "kty, crv, x and y"),
        (
            private[..private.len() - 1].to_owned(),
            "not JSON at line 1",
        ),
        ("-----BEGIN PRIVATE KEY-----".to_owned(), "PEM"),
        (
            KeyPair::generate()
                .private_jwk()
                .replace("\"d\":\"", "\"d\":\"A"),
            "d must be 32 bytes",
        ),
    ] {
        let key = folder.file("sdk.json", &text);
        let ended = tokenctl(&["sdk", "derive", "--key", &key, &pair.public_key()]);
        assert_eq!(ended.code, 2, "{text}");
        assert!(
            ended.err.contains("sdk.json") && ended.err.contains(mention),
            "{ended:?}"
        );
        assert!(ended.hides(&d) && ended.hides(&d[..40]), "{ended:?}");
    }
}
