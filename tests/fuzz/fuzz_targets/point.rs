//! Coordinates, on the curve or not: `session::Session::agree` against RustCrypto's P-256. The
//! input is read by `events::of_point`.

#![no_main]

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use libfuzzer_sys::fuzz_target;
use p256::elliptic_curve::sec1::FromEncodedPoint;
use ring::rand::SystemRandom;
use token_service::session::{AgreementError, PublicKey, Session};
use token_service_fuzz::{
    budget::{watched, within},
    events::{of_point, sdk_public_key},
};

fuzz_target!(|bytes: &[u8]| watched(bytes, check));

fn check(bytes: &[u8]) {
    let (x, y) = of_point(bytes);
    let key = sdk_public_key(&BASE64.encode(x), &BASE64.encode(y));
    let agreed = within(32 * 1024, || {
        let key = PublicKey::parse(&key).expect("the form is right");
        Session::agree(&key, &SystemRandom::new())
    });
    let point = p256::EncodedPoint::from_affine_coordinates(&x.into(), &y.into(), false);
    let theirs: Option<p256::PublicKey> = p256::PublicKey::from_encoded_point(&point).into();
    match (agreed, theirs) {
        (Ok(session), Some(_)) => {
            // The server's own key is a point too.
            let mut sec1 = [4; 65];
            sec1[1..].copy_from_slice(session.server_public_key.as_bytes());
            assert!(p256::PublicKey::from_sec1_bytes(&sec1).is_ok());
        }
        (Err(AgreementError::OffCurve), None) => {}
        (ours, theirs) => panic!("we say {ours:?}, RustCrypto says {theirs:?}"),
    }
}
