//! Whatever becomes of a request, the explanation and the service agree on whether it is sound.

use peers::jwe;
use serde_json::json;
use token_service::{
    jwe::{HeaderBuffer, Received},
    keys::{KeyId, SealingKey},
};

use super::*;
use crate::integrate::rules;

const HEADER: &str = r#"{"alg":"dir","enc":"A256GCM","kid":"acme-2026-11","typ":"JOSE"}"#;

fn credentials() -> Credentials {
    Credentials::parse(include_bytes!("../../../../events/secrets/partner.json")).unwrap()
}

fn request() -> String {
    json!({
        "referenceId": "agreement:1",
        "sdkPublicKey": peers::sdk::KeyPair::generate().public_key(),
        "sdkApiKey": "ABCDEFGH",
        "accountNumber": "123123123",
        "name": "Zoë \u{1f642}",
        "isdCode": "+91",
        "dob": 19910807,
        "data": { "key1": "value1", "key2": "" },
        "unknown": [[{ "deep": [null, true, 1.5e3] }]],
    })
    .to_string()
}

fn is_called_sound(body: &[u8], credentials: &Credentials) -> bool {
    let mut explanation = Explanation {
        credentials: Some(credentials),
        session_key: None,
        reveal: true,
        findings: Findings::default(),
        kind: "message",
    };
    explanation.body(body);
    explanation.report().exit == Exit::Done
}

/// Steps 4 and 5 of the service's journey, by its own readers.
fn is_taken(body: &[u8], credentials: &Credentials) -> bool {
    let body = body.trim_ascii();
    let unquoted = body
        .strip_prefix(b"\"")
        .and_then(|it| it.strip_suffix(b"\""));
    let mut header = HeaderBuffer::new();
    let Ok(received) = Received::parse(unquoted.unwrap_or(body), &mut header) else {
        return false;
    };
    let keys = credentials.payload_keys.iter();
    let named = keys.filter(|key| received.kid().is_none_or(|kid| kid == key.kid));
    let sealing = named.map(|key| {
        let kid = KeyId::new(&key.kid).unwrap();
        SealingKey::new(kid, &key.k).unwrap()
    });
    let sealing: Vec<SealingKey> = sealing.collect();
    let opened = received.open(sealing);
    opened.is_some_and(|(plaintext, _)| rules::check(&plaintext).is_ok())
}

/// Marsaglia's xorshift: the same changes in every run.
struct Changes(u64);

impl Changes {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }

    /// The text with one to three changes, by which it mostly stays a text of its kind.
    fn of(&mut self, text: &[u8]) -> Vec<u8> {
        const PIECES: [&str; 24] = [
            "\"",
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            ".",
            "=",
            "+",
            " ",
            "\n",
            "0",
            "a",
            "null",
            "-",
            "é",
            "“",
            "\\",
            "\\ud800",
            "\u{feff}",
            "\"name\":1,",
            "\"d\":[",
            "\u{1}",
        ];
        let mut changed = text.to_vec();
        for _ in 0..=self.below(3) {
            let at = self.below(changed.len() + 1);
            let until = (at + self.below(3)).min(changed.len());
            let piece = match self.below(3) {
                0 => &b""[..],
                1 => PIECES[self.below(PIECES.len())].as_bytes(),
                _ => &text[self.below(text.len())..][..1],
            };
            changed.splice(at..until, piece.iter().copied());
        }
        changed
    }
}

#[test]
fn a_changed_request_is_called_sound_only_if_the_service_takes_it() {
    let credentials = credentials();
    let key = &credentials.payload_keys[0].k;
    let plaintext = request();
    let sound = jwe::seal_with_header(HEADER, plaintext.as_bytes(), key, [1; 12]);
    assert!(is_called_sound(sound.as_bytes(), &credentials));

    let mut changes = Changes(0x9e37_79b9_7f4a_7c15);
    let mut taken = 0;
    for round in 0..3_000 {
        let body = match round % 3 {
            0 => changes.of(sound.as_bytes()),
            1 => {
                let plaintext = changes.of(plaintext.as_bytes());
                jwe::seal_with_header(HEADER, &plaintext, key, [1; 12]).into_bytes()
            }
            _ => {
                let header = changes.of(HEADER.as_bytes());
                let header = String::from_utf8_lossy(&header).into_owned();
                jwe::seal_with_header(&header, plaintext.as_bytes(), key, [1; 12]).into_bytes()
            }
        };
        let is_taken = is_taken(&body, &credentials);
        let shown = String::from_utf8_lossy(&body);
        assert_eq!(is_called_sound(&body, &credentials), is_taken, "{shown}");
        taken += usize::from(is_taken);
    }
    // Else one side would be hardly tried.
    assert!((100..2_500).contains(&taken), "{taken}");
}
