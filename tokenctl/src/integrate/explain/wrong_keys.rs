//! The keys that a payload key's text becomes where it is not decoded, or not as it must be.

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD},
};
use peers::credentials::{Credentials, Jwk};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512, digest};
use zeroize::Zeroizing;

use super::layers::ANY_BASE64URL;

/// A key, and what it is, after "opens under".
pub(super) struct WrongKey {
    pub(super) key: Zeroizing<[u8; 32]>,
    pub(super) is: String,
}

/// All of them for one key.
pub(super) fn of_key(key: &Jwk) -> Vec<WrongKey> {
    let url = key.encoded();
    let hex = hex(&key.k);
    let texts = [
        ("k's text", url.clone()),
        ("k's text with its padding", format!("{url}=")),
        ("k in standard base64", BASE64_STANDARD_NO_PAD.encode(key.k)),
        ("k in padded standard base64", BASE64_STANDARD.encode(key.k)),
        ("k in hex", hex.clone()),
        ("k in upper-case hex", hex.to_ascii_uppercase()),
        ("the hex of k's text", self::hex(url.as_bytes())),
        ("k's text in base64 once more", ANY_BASE64URL.encode(&url)),
        (
            "k's text in standard base64 once more",
            BASE64_STANDARD.encode(&url),
        ),
        ("k's hex in base64 once more", BASE64_STANDARD.encode(&hex)),
        (
            "k's bytes, each as a character,",
            key.k.iter().map(|b| char::from(*b)).collect(),
        ),
        (
            "k's bytes, read as UTF-8,",
            String::from_utf8_lossy(&key.k).into_owned(),
        ),
        ("k's text in its quotes", format!("\"{url}\"")),
        ("k's text and a line break", format!("{url}\n")),
        ("the JWK's text", key.to_json().to_string()),
    ];
    let mut keys = WrongKeys::default();
    keys.cut("no bytes at all", &[]);
    keys.cut(
        "the first half of k's bytes",
        key.k.first_chunk::<16>().map_or(&[][..], |half| half),
    );
    for (name, text) in &texts {
        keys.of_text(name, text.as_bytes());
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        keys.cut(&format!("the UTF-16 of {name}"), &wide);
    }
    for (name, text) in [("k's text", url.as_str()), ("k's hex", &hex)] {
        // A decoder of standard base64 that skips what it does not know, as PHP's and Python's do.
        let known: String = text.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
        for at in 0..4 {
            let cut = known.get(..known.len() - at).unwrap_or_default();
            if let Ok(bytes) = ANY_BASE64URL.decode(cut) {
                keys.cut(
                    &format!("{name} as a decoder of standard base64 reads it"),
                    &bytes,
                );
            }
        }
    }
    // Node.js decodes hex up to the first character that is none.
    let digits: Vec<u8> = url.bytes().take_while(u8::is_ascii_hexdigit).collect();
    let digits: Vec<u8> = digits.chunks_exact(2).filter_map(byte).collect();
    keys.cut("k's text read as hex", &digits);
    let mut reversed = key.k;
    reversed.reverse();
    keys.add("the bytes of k in reverse order", reversed);
    let mut words = key.k;
    words.chunks_exact_mut(4).for_each(<[u8]>::reverse);
    keys.add("the bytes of k in words of the other byte order", words);
    keys.of_digests("k's bytes", &key.k);
    keys.0
}

/// Whatever else the credentials have that could be taken for the key.
pub(super) fn of_credentials(credentials: &Credentials) -> Vec<WrongKey> {
    let mut keys = WrongKeys::default();
    for (name, text) in [
        ("apiKey", &credentials.api_key),
        ("sdkApiKey", &credentials.sdk_api_key),
        ("partnerId", &credentials.partner_id),
    ] {
        keys.of_text(name, text.as_bytes());
    }
    for key in &credentials.payload_keys {
        keys.of_text("kid", key.kid.as_bytes());
    }
    keys.0
}

#[derive(Default)]
struct WrongKeys(Vec<WrongKey>);

impl WrongKeys {
    fn add(&mut self, is: &str, key: [u8; 32]) {
        let (key, is) = (Zeroizing::new(key), is.to_owned());
        self.0.push(WrongKey { key, is });
    }

    fn of_text(&mut self, name: &str, text: &[u8]) {
        self.cut(name, text);
        self.of_digests(name, text);
        if let Some(last) = text.last_chunk::<32>().filter(|_| text.len() > 32) {
            self.add(&format!("the last 32 bytes of {name}"), *last);
        }
    }

    fn of_digests(&mut self, name: &str, bytes: &[u8]) {
        let sha256 = digest(&SHA256, bytes);
        self.cut(&format!("the SHA-256 of {name}"), sha256.as_ref());
        let as_hex = hex(sha256.as_ref());
        self.cut(
            &format!("the hex of the SHA-256 of {name}"),
            as_hex.as_bytes(),
        );
        let sha512 = digest(&SHA512, bytes);
        self.cut(&format!("the SHA-512 of {name}"), sha512.as_ref());
        let sha384 = digest(&SHA384, bytes);
        self.cut(&format!("the SHA-384 of {name}"), sha384.as_ref());
        let sha1 = digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes);
        self.cut(&format!("the SHA-1 of {name}"), sha1.as_ref());
    }

    /// As OpenSSL's wrappers do: what is too long is cut, what is too short gets zeros.
    fn cut(&mut self, name: &str, bytes: &[u8]) {
        let mut key = [0; 32];
        for (to, from) in key.iter_mut().zip(bytes) {
            *to = *from;
        }
        let is = match bytes.len() {
            32 => name.to_owned(),
            33.. => format!("the first 32 bytes of {name}"),
            _ => format!("{name} and zeros up to 32 bytes"),
        };
        self.add(&is, key);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn byte(pair: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()
}
