//! The compact form: five segments of canonical base64url, each of its size.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use peers::jwe::{seal, seal_with_header};
use service_tests::{Plain, Service};

use super::{HEADER, IV, accepts, newest, refuses, under, with_segment};

#[tokio::test]
async fn refuses_another_number_of_segments() {
    let service = Service::start().await;
    let jwe = under(HEADER);
    let four = jwe.rsplit_once('.').unwrap().0.to_owned();
    let bodies = [
        ("none", String::new()),
        ("white space", " \n ".to_owned()),
        ("empty quotes", "\"\"".to_owned()),
        ("dots", "....".to_owned()),
        (
            "three, as a JWS",
            jwe.splitn(4, '.').take(3).collect::<Vec<_>>().join("."),
        ),
        ("four", four.clone()),
        ("five with an empty tag", format!("{four}.")),
        ("six", format!("{jwe}.")),
        ("six, in front", format!(".{jwe}")),
        ("two JWEs", format!("{jwe}.{jwe}")),
        ("two lines", format!("{jwe}\n{jwe}")),
        ("an encrypted key", with_segment(1, |_| "AAAA".to_owned())),
        (
            "an encrypted key of one character",
            with_segment(1, |_| "A".to_owned()),
        ),
        ("no header", with_segment(0, |_| String::new())),
        ("not ASCII", format!("{jwe}é")),
        ("NUL", format!("{jwe}\u{0}")),
    ];
    refuses(&service, &bodies).await;
}

#[tokio::test]
async fn refuses_an_iv_of_another_size_than_12() {
    let service = Service::start().await;
    let bodies = [0, 1, 8, 11, 13, 16, 24].map(|size| {
        let iv = URL_SAFE_NO_PAD.encode(vec![9; size]);
        ("an IV of another size", with_segment(2, |_| iv))
    });
    refuses(&service, &bodies).await;
}

#[tokio::test]
async fn refuses_a_tag_of_another_size_than_16() {
    let service = Service::start().await;
    let resized = |size: usize| {
        let body = with_segment(4, |tag| {
            let mut tag = URL_SAFE_NO_PAD.decode(tag).unwrap();
            tag.resize(size, 0);
            URL_SAFE_NO_PAD.encode(tag)
        });
        ("a tag of another size", body)
    };
    refuses(&service, &[0, 4, 8, 12, 13, 14, 15, 17, 32].map(resized)).await;
    // The ciphertext's end as the beginning of a longer tag, and the other way round.
    let moved = |by: usize| {
        let jwe = under(HEADER);
        let segments: Vec<&str> = jwe.split('.').collect();
        let mut bytes = URL_SAFE_NO_PAD.decode(segments[3]).unwrap();
        bytes.extend(URL_SAFE_NO_PAD.decode(segments[4]).unwrap());
        let (ciphertext, tag) = bytes.split_at(bytes.len() - by);
        let [ciphertext, tag] = [ciphertext, tag].map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        (
            "bytes moved between ciphertext and tag",
            format!("{}..{}.{ciphertext}.{tag}", segments[0], segments[2]),
        )
    };
    refuses(&service, &[moved(15), moved(17), moved(32)]).await;
    accepts(&service, &[moved(16)]).await;
}

#[tokio::test]
async fn refuses_base64url_that_is_not_canonical() {
    let service = Service::start().await;
    let mut bodies = Vec::new();
    for at in [0, 2, 3, 4] {
        bodies.push(("padding", with_segment(at, |text| format!("{text}="))));
        bodies.push(("more padding", with_segment(at, |text| format!("{text}=="))));
        bodies.push((
            "a character too many",
            with_segment(at, |text| format!("{text}A")),
        ));
        bodies.push((
            "a character too few",
            with_segment(at, |text| text[1..].to_owned()),
        ));
        for foreign in ["+", "/", "*", " ", "\n", "=", "%"] {
            bodies.push((
                "a foreign character",
                with_segment(at, |text| format!("{foreign}{}", &text[1..])),
            ));
        }
    }
    for at in [0, 3, 4] {
        if let Some(body) = with_unused_bits(at) {
            bodies.push(("bits that must be zero", body));
        }
    }
    assert!(
        bodies.len() >= 4 * 11 + 2,
        "a segment of each kind has unused bits"
    );
    refuses(&service, &bodies).await;
}

/// A JWE that decodes to a valid one where the unused bits of a segment's last character are
/// ignored. The header is the AAD as it was received, so that its tag is made for the changed text.
fn with_unused_bits(at: usize) -> Option<String> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut plaintext = Plain::new().json();
    while plaintext.len().is_multiple_of(3) {
        plaintext.push(' ');
    }
    let header = r#"{"alg":"dir","enc":"A256GCM" }"#;
    let jwe = seal_with_header(header, plaintext.as_bytes(), &newest().k, IV);
    let mut segments: Vec<String> = jwe.split('.').map(str::to_owned).collect();
    let text = &segments[at];
    if text.len().is_multiple_of(4) {
        return None;
    }
    let last = text.bytes().last()?;
    let value = ALPHABET.iter().position(|known| *known == last)?;
    let changed = char::from(ALPHABET[value + 1]);
    let changed = format!("{}{changed}", &text[..text.len() - 1]);
    assert!(URL_SAFE_NO_PAD.decode(&changed).is_err());
    segments[at] = changed;
    Some(segments.join("."))
}

#[tokio::test]
async fn refuses_a_change_in_any_segment() {
    let service = Service::start().await;
    let flipped = |at: usize| {
        let body = with_segment(at, |text| {
            let mut bytes = URL_SAFE_NO_PAD.decode(text).unwrap();
            bytes[3] ^= 1;
            URL_SAFE_NO_PAD.encode(bytes)
        });
        ("one bit changed", body)
    };
    // A header of the same meaning is another AAD.
    let other_header = URL_SAFE_NO_PAD.encode(r#"{"enc":"A256GCM","alg":"dir"}"#);
    let added_kid = URL_SAFE_NO_PAD.encode(r#"{"alg":"dir","enc":"A256GCM","kid":"acme-2026-11"}"#);
    let bodies = [
        flipped(0),
        flipped(2),
        flipped(3),
        flipped(4),
        ("another header", with_segment(0, |_| other_header)),
        ("a kid added", with_segment(0, |_| added_kid)),
        ("no ciphertext", with_segment(3, |_| String::new())),
        (
            "cut off",
            with_segment(3, |text| text[..text.len() - 4].to_owned()),
        ),
        (
            "sealed with a wrong key",
            seal(Plain::new().json().as_bytes(), &[1; 32], None),
        ),
        ("the JSON serialization", r#"["protected"]"#.to_owned()),
    ];
    refuses(&service, &bodies).await;
}
