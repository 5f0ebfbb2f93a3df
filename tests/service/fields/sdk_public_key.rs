//! `sdkPublicKey`: a point of P-256, in any base64.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};
use service_tests::{Service, sdk};

use super::{fresh_key, quoted, refuses, tells_apart, texts};

/// A JWK of the SDK's public key, changed.
pub(super) fn jwk(change: impl FnOnce(&mut Value)) -> String {
    let mut jwk: Value = serde_json::from_str(&sdk().public_jwk()).unwrap();
    change(&mut jwk);
    jwk.to_string()
}

#[tokio::test]
async fn an_sdk_public_key_is_compared_by_its_point() {
    let service = Service::start().await;
    // `?` and `~` come out as `/`, `+` or `-`, `_` at any offset.
    let extras = jwk(|jwk| {
        jwk["kid"] = "???~~~>>>???".into();
        jwk["a"] = "??~>".into();
        jwk["alg"] = "ECDH-ES".into();
        jwk["use"] = json!(["nested", {"x": 1}]);
    });
    assert!(STANDARD.encode(&extras).contains(['+', '/']));
    let spaced = format!(" {}\n", sdk().public_jwk().replace(',', " , "));
    let padded = format!(
        "{}{}",
        sdk().public_jwk(),
        " ".repeat(1024 - sdk().public_jwk().len())
    );
    let mut same = vec![sdk().public_key()];
    for json in [&sdk().public_jwk(), &extras, &spaced, &padded] {
        // One of three lengths has no padding: a space more or less makes the others.
        for json in [json.clone(), format!("{json} "), format!("{json}  ")] {
            if json.len() <= 1024 {
                same.extend([
                    STANDARD.encode(&json),
                    STANDARD_NO_PAD.encode(&json),
                    URL_SAFE.encode(&json),
                    URL_SAFE_NO_PAD.encode(&json),
                ]);
            }
        }
    }
    let same = quoted(&same);
    let other = quoted(&[fresh_key().public_key()]);
    let same: Vec<_> = same
        .iter()
        .map(|json| [("sdkPublicKey", json.as_str())])
        .collect();
    let same: Vec<_> = same.iter().map(|members| &members[..]).collect();
    tells_apart(&service, &[&same, &[&[("sdkPublicKey", &other[0])]]]).await;
}

#[tokio::test]
async fn refuses_what_is_no_public_key_on_p_256() {
    let service = Service::start().await;
    let point: Value = serde_json::from_str(&sdk().public_jwk()).unwrap();
    let (x, y) = (point["x"].as_str().unwrap(), point["y"].as_str().unwrap());
    let last = |text: &str, last: &str| format!("{}{last}", &text[..42]);
    let set = |name: &str, value: Value| jwk(|jwk| jwk[name] = value);
    let mut jwks = vec![
        String::new(),
        "null".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        format!("{{}}{}", sdk().public_jwk()),
        format!("\u{feff}{}", sdk().public_jwk()),
        set("kty", "ec".into()),
        set("kty", "OKP".into()),
        set("kty", Value::Null),
        set("crv", "P-384".into()),
        set("crv", "p-256".into()),
        set("crv", 256.into()),
        // 42 and 44 characters, padding, another alphabet, bits that must be zero.
        set("x", x[..42].into()),
        set("x", format!("{x}A").into()),
        set("x", format!("{x}=").into()),
        set("y", format!("A{y}").into()),
        set("y", format!(" {}", &y[..42]).into()),
        set("x", last(x, "+").into()),
        set("x", last(x, "B").into()),
        set("y", "".into()),
        set("x", 1.into()),
        set("x", json!([x])),
        // No point of the curve: changed, the other coordinate's, zero, beyond the field.
        set(
            "y",
            last(y, if y.ends_with('A') { "E" } else { "A" }).into(),
        ),
        jwk(|jwk| (jwk["x"], jwk["y"]) = (y.into(), x.into())),
        jwk(|jwk| (jwk["x"], jwk["y"]) = ("A".repeat(43).into(), "A".repeat(43).into())),
        set("x", URL_SAFE_NO_PAD.encode([0xff; 32]).into()),
        // A private key has no business here, whatever it is.
        set("d", "A".repeat(43).into()),
        set("d", "".into()),
        // Repeated, the second time escaped.
        sdk()
            .public_jwk()
            .replacen('{', &format!(r#"{{"x":"{x}","#), 1),
        sdk().public_jwk().replacen('{', r#"{"k\u0074y":"EC","#, 1),
        sdk().public_jwk().replacen('{', r#"{"a":1,"a":1,"#, 1),
        // 1,025 bytes.
        format!(
            "{}{}",
            sdk().public_jwk(),
            " ".repeat(1025 - sdk().public_jwk().len())
        ),
    ];
    for missing in ["kty", "crv", "x", "y"] {
        jwks.push(jwk(|jwk| {
            jwk.as_object_mut().unwrap().remove(missing);
        }));
    }
    let mut refused: Vec<String> = jwks
        .iter()
        .flat_map(|jwk| quoted(&[STANDARD.encode(jwk), URL_SAFE_NO_PAD.encode(jwk)]))
        .collect();

    let unpadded = URL_SAFE_NO_PAD.encode(sdk().public_jwk());
    refused.extend(quoted(&[
        "*".to_owned(),
        sdk().public_jwk(),
        format!(" {unpadded}"),
        format!("{unpadded}\n"),
        format!("{unpadded}===="),
        "asdbajsdkajvskdghakshgdfakjsgdasfjdgafkhsdfajhgsdfajshgdasdhga".to_owned(),
        "A".repeat(10_000),
    ]));
    refused.extend(texts(&["", "null", "1", "true", "[]", &sdk().public_jwk()]));
    refuses(&service, "sdkPublicKey", &refused).await;
}
