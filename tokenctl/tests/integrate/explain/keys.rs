//! Keys that do not open a message, and keys that should not be in it.

use base64::{Engine, prelude::BASE64_STANDARD};
use peers::jwe;
use serde_json::json;

use super::{acme, base64, explain, request, says};

/// A key that was not decoded, or not as it must be, is named.
#[test]
fn the_usual_wrong_keys_are_tried() {
    use sha2::{Digest, Sha256};
    let key = acme().payload_keys[0].clone();
    let text = key.encoded();
    let hex: String = key.k.iter().map(|byte| format!("{byte:02x}")).collect();
    let first = |text: &str| -> [u8; 32] { text.as_bytes()[..32].try_into().unwrap() };
    let mut reversed = key.k;
    reversed.reverse();
    let mut words = key.k;
    words.chunks_exact_mut(4).for_each(<[u8]>::reverse);
    let of_hex = BASE64_STANDARD.decode(&hex).unwrap();
    let mut api_key = [0; 32];
    api_key[..acme().api_key.len()].copy_from_slice(acme().api_key.as_bytes());
    for (wrong, words) in [
        (first(&text), "the first 32 bytes of k's text"),
        (
            text.as_bytes()[11..].try_into().unwrap(),
            "the last 32 bytes of k's text",
        ),
        (first(&hex), "the first 32 bytes of k in hex"),
        (
            first(&hex.to_uppercase()),
            "the first 32 bytes of k in upper-case hex",
        ),
        (
            first(&base64(&text)),
            "the first 32 bytes of k's text in base64 once more",
        ),
        (
            of_hex[..32].try_into().unwrap(),
            "the first 32 bytes of k's hex as a decoder of standard base64",
        ),
        (Sha256::digest(&text).into(), "the SHA-256 of k's text"),
        (Sha256::digest(&hex).into(), "the SHA-256 of k in hex"),
        (Sha256::digest(key.k).into(), "the SHA-256 of k's bytes"),
        (reversed, "the bytes of k in reverse order"),
        (words, "the bytes of k in words of the other byte order"),
        (api_key, "apiKey and zeros"),
        (
            first(&format!("\"{text}\"")),
            "the first 32 bytes of k's text in its quotes",
        ),
        (
            first(&String::from_utf8_lossy(&key.k)),
            "the first 32 bytes of k's bytes, read as UTF-8,",
        ),
        ([0; 32], "no bytes at all and zeros"),
    ] {
        for kid in [Some("acme-2026-11"), None] {
            let ended = explain(
                jwe::seal(request().to_string().as_bytes(), &wrong, kid),
                &[],
            );
            let sentence = format!("✗ the key is wrong: it opens under {words}");
            says(
                &ended,
                &[&sentence, "✓ accountNumber", "One thing is wrong"],
            );
            assert!(ended.hides(&text) && ended.hides(&hex));
        }
    }
}

/// RFC 7518's other algorithms: one cross for the algorithm, and what follows from it is told as
/// that.
#[test]
fn another_algorithm_is_one_fault() {
    let header = r#"{"alg":"A256KW","enc":"A256GCM","kid":"acme-2026-11"}"#;
    let sealed = jwe::seal_with_header(header, request().to_string().as_bytes(), &[8; 32], [5; 12]);
    let key = "LdEuIl9kEwPYUWb4JfJqSlbFwDVi9FbDEzqlb8e5a2vAmSVLBcZ1gw";
    for (body, words) in [
        (
            sealed.replacen("..", &format!(".{key}."), 1),
            "alg is \"A256KW\"",
        ),
        (
            sealed_with(r#"{"alg":"dir","enc":"A128CBC-HS256","kid":"acme-2026-11"}"#),
            "enc is \"A128CBC-HS256\"",
        ),
        (
            sealed_with(r#"{"alg":"dir","enc":"A256GCM","kid":"nobody"}"#),
            "none of the credentials'",
        ),
    ] {
        let ended = explain(body, &[]);
        says(&ended, &[words, "One thing is wrong"]);
    }
}

#[test]
fn a_key_in_the_header_is_warned_of() {
    let key = acme().payload_keys[0].clone();
    let header = json!({ "alg": "dir", "enc": "A256GCM", "jwk": key.to_json() }).to_string();
    let text = request().to_string();
    let ended = explain(
        jwe::seal_with_header(&header, text.as_bytes(), &key.k, [5; 12]),
        &[],
    );
    says(
        &ended,
        &["! jwk has a key's secret part", "✓ accountNumber"],
    );
    assert!(ended.hides(&key.encoded()), "{}", ended.out);
}

fn sealed_with(header: &str) -> String {
    jwe::seal_with_header(header, request().to_string().as_bytes(), &[8; 32], [5; 12])
}
