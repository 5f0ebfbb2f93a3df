//! What the fuzz targets share. Each target states invariants of its own; a panic is only one way
//! to fail.
//!
//! | module | responsible for |
//! |---|---|
//! | [`budget`] | what an input may allocate, and which inputs cost the most |
//! | [`strict_json`] | a second reading of JSON, to compare the service's with |
//! | [`service`] | the whole function in this process, its AWS replaced below the SDK |
//! | [`events`] | inputs as the events by which they reach it |
//! | [`answer`] | the function's answers, held against the rules of every answer |
//! | [`form`] | a second reading of an introspection |
//! | [`others`] | what other JOSE libraries make of the same JWE |
//! | [`plaintext`] | what every verdict about a plaintext must be |

pub mod answer;
pub mod budget;
pub mod events;
pub mod form;
pub mod others;
pub mod plaintext;
pub mod service;
pub mod strict_json;

/// Seals `plaintext` under any header, byte for byte as given, as a partner would that is out to
/// break things.
pub fn seal(header: &[u8], plaintext: &[u8], key: &[u8; 32]) -> String {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
    use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
    let iv = [9; 12];
    let aad = BASE64.encode(header);
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).unwrap());
    let mut sealed = plaintext.to_vec();
    let tag = key
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(iv),
            Aad::from(&aad),
            &mut sealed,
        )
        .unwrap();
    let [iv, sealed, tag] = [&iv[..], &sealed, tag.as_ref()].map(|part| BASE64.encode(part));
    format!("{aad}..{iv}.{sealed}.{tag}")
}
