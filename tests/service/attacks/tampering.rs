//! Every bit counts. Tags and IVs of other sizes, and every spelling of base64url that is not
//! canonical, are in `jwe`.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use service_tests::{Plain, Service};

use super::{refuses, under};

/// The segments of a valid request, decoded: header, IV, ciphertext, tag.
fn segments() -> [Vec<u8>; 5] {
    let jwe = under(r#"{"alg":"dir","enc":"A256GCM","kid":"acme-2026-11"}"#);
    let segments: Vec<_> = jwe
        .split('.')
        .map(|text| URL_SAFE_NO_PAD.decode(text).unwrap())
        .collect();
    segments.try_into().unwrap()
}

fn join(segments: &[Vec<u8>; 5]) -> String {
    segments
        .each_ref()
        .map(|bytes| URL_SAFE_NO_PAD.encode(bytes))
        .join(".")
}

/// CVE-2025-54887 (ruby-jwe): a tag that was not checked in full.
#[tokio::test]
async fn refuses_every_changed_bit_of_iv_tag_header_and_ciphertext() {
    let service = Service::start().await;
    let segments = segments();
    service.post(&join(&segments)).await.issued();
    let mut bodies = Vec::new();
    for (at, name) in [(0, "header"), (2, "IV"), (3, "ciphertext"), (4, "tag")] {
        let bits = segments[at].len() * 8;
        // All of header, IV and tag; of the ciphertext its first and last blocks and a sample of
        // the rest.
        let chosen =
            |bit: &usize| at != 3 || *bit < 128 || bits - bit <= 128 || bit.is_multiple_of(61);
        for bit in (0..bits).filter(chosen) {
            let mut changed = segments.clone();
            changed[at][bit / 8] ^= 1 << (bit % 8);
            bodies.push((format!("{name}, bit {bit}"), join(&changed)));
        }
    }
    assert!(bodies.len() > 128 + 96 + 256);
    refuses(&service, &bodies).await;
}

/// Parts of one authentic message in another.
#[tokio::test]
async fn refuses_parts_of_two_messages() {
    let service = Service::start().await;
    let (one, other) = (segments(), segments());
    assert_ne!(one[3], other[3], "each has a reference of its own");
    let mut bodies = Vec::new();
    for at in [3, 4] {
        let mut mixed = one.clone();
        mixed[at].clone_from(&other[at]);
        bodies.push(("another's segment", join(&mixed)));
    }
    let mut swapped = one.clone();
    swapped.swap(2, 4);
    bodies.push(("IV and tag swapped", join(&swapped)));
    let mut longer = one.clone();
    longer[3].extend_from_slice(&other[3]);
    bodies.push(("both ciphertexts", join(&longer)));
    let mut none = one.clone();
    none[3].clear();
    bodies.push(("no ciphertext", join(&none)));
    refuses(&service, &bodies).await;
    service.ask(&Plain::new()).await.issued();
}
