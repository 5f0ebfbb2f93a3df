//! `tokenctl encrypt` and `tokenctl decrypt`.

use peers::jwe;
use serde_json::{Value, json};
use token_service::jwe::{HeaderBuffer, Received};

use super::run::{Folder, acme, tokenctl, tokenctl_of};

fn request() -> Value {
    json!({
        "referenceId": "messages:1",
        "sdkPublicKey": peers::sdk::KeyPair::generate().public_key(),
        "accountNumber": 1234567890123456789_u64,
    })
}

#[test]
fn encrypts_what_decrypt_gives_back_and_adds_the_sdk_api_key() {
    let folder = Folder::new();
    let credentials = folder.credentials(|_| ());
    let text = request().to_string();
    let sealed = tokenctl_of(&text, &["encrypt", "--credentials", &credentials]);
    assert_eq!(sealed.code, 0, "{sealed:?}");
    assert!(sealed.err.contains("sdkApiKey was added"));
    let mut header = HeaderBuffer::new();
    let received = Received::parse(sealed.out.as_bytes(), &mut header).unwrap();
    assert_eq!(received.kid(), Some("acme-2026-11"));

    for jwe in [sealed.out.clone(), format!(" \"{}\"\n", sealed.out)] {
        let opened = tokenctl_of(jwe, &["decrypt", "--credentials", &credentials]);
        let with = format!(
            "{},\"sdkApiKey\":\"ABCDEFGH\"}}",
            text.trim_end_matches('}')
        );
        assert_eq!((opened.code, opened.out), (0, with));
    }
    let opened = tokenctl_of(
        &sealed.out,
        &["decrypt", "--json", "--credentials", &credentials],
    );
    assert_eq!(opened.json()["key"], "acme-2026-11");
    assert_eq!(opened.json()["header"]["alg"], "dir");
}

#[test]
fn a_complete_request_is_sealed_byte_for_byte_under_the_key_that_is_chosen() {
    let folder = Folder::new();
    let credentials = folder.credentials(|_| ());
    let mut request = request();
    request["sdkApiKey"] = "ABCDEFGH".into();
    let text = format!("{request:#}\n");
    let file = folder.file("request.json", &text);
    let line = ["encrypt", "--json", "--credentials", &credentials, &file];
    let older = ["--kid", "acme-2026-05", "--no-kid"];

    let sealed = tokenctl(&[&line[..], &older].concat()).json();
    let opened = jwe::open(sealed["jwe"].as_str().unwrap(), &acme().payload_keys[1].k).unwrap();
    assert_eq!(opened.plaintext, text.as_bytes());
    assert_eq!(opened.header.get("kid"), None);
    assert_eq!(sealed["added"], json!([]));

    let unknown = tokenctl(&[&line[..], &["--kid", "acme-1999"]].concat());
    assert_eq!(unknown.code, 2);
    assert!(
        unknown.err.contains("acme-2026-11, acme-2026-05"),
        "{unknown:?}"
    );
}

#[test]
fn names_what_is_wrong_with_the_json_and_seals_it_only_unchecked() {
    let folder = Folder::new();
    let credentials = folder.credentials(|_| ());
    for (text, mentions) in [
        (
            "{\n  “referenceId”: 1}",
            vec!["line 2, column 3", "curly quote"],
        ),
        ("{\"referenceId\": \"a\",}", vec!["line 1, column 21"]),
        ("{\"referenceId\": \"a", vec!["cut off"]),
        ("[]", vec!["not an object"]),
        ("{\"data\":{\"k\":\"1\",\"k\":\"2\"}}", vec!["data.k twice"]),
        (
            "{\"sdkApiKey\":null,\"sdkApiKey\":null}",
            vec!["sdkApiKey twice"],
        ),
        (
            "{\"referenceId\":\"/\",\"isdCode\":\"x\"}",
            vec![
                "referenceId",
                "isdCode",
                "sdkPublicKey is required",
                "accountNumber",
            ],
        ),
    ] {
        let line = ["encrypt", "--credentials", &credentials];
        let refused = tokenctl_of(text, &line);
        assert_eq!((refused.code, refused.out.as_str()), (2, ""), "{text}");
        for mention in mentions {
            assert!(refused.err.contains(mention), "{text}: {}", refused.err);
        }
        let sealed = tokenctl_of(text, &[&line[..], &["--unchecked"]].concat());
        assert_eq!(sealed.code, 0, "{text}: {sealed:?}");
        assert!(acme().open(&sealed.out).is_ok(), "{text}");
    }
}

#[test]
fn decrypt_says_why_it_does_not() {
    let folder = Folder::new();
    let credentials = folder.credentials(|_| ());
    let other = jwe::seal(b"{}", &[9; 32], None);
    let unknown = jwe::seal(b"{}", &[9; 32], Some("their-key"));
    let token = jwe::seal_with_header(
        r#"{"alg":"dir","enc":"A256GCM","kid":"token-2026-11","typ":"JWT"}"#,
        b"{}",
        &[9; 32],
        [1; 12],
    );
    for (text, mention) in [
        (other.as_str(), "another key"),
        (&unknown, "their-key"),
        (&token, "only a resource server"),
        ("", "empty"),
        ("{}", "plain JSON"),
        ("a.b", "segments"),
    ] {
        let refused = tokenctl_of(text, &["decrypt", "--credentials", &credentials]);
        assert_eq!(refused.code, 6, "{text}");
        assert!(refused.err.contains(mention), "{text}: {}", refused.err);
    }
}

#[test]
fn two_files_cannot_both_be_standard_input() {
    for command in ["encrypt", "decrypt", "explain"] {
        let refused = tokenctl(&[command, "--credentials", "-"]);
        assert!(
            refused.code == 2 && refused.err.contains("standard input"),
            "{refused:?}"
        );
    }
}
