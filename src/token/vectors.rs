//! `docs/vectors/token.json`. That tokens open, and which JWEs are none, is tested where they are opened.

use serde_json::Value;

use super::*;
use crate::vectors::{hex, read};

#[test]
fn writes_the_claims_of_every_token() {
    for vector in read("token").0 {
        let (name, claims) = (vector.name(), vector.json("claims"));
        let text = |claim: &Value| claim.as_str().unwrap().to_owned();
        let number = |claim: &Value| claim.as_i64().unwrap();
        let k = text(&claims["cnf"]["jwk"]["k"]);
        let written = Claims {
            iss: &text(&claims["iss"]),
            aud: &text(&claims["aud"]),
            sub: &text(&claims["sub"]),
            client_id: &text(&claims["client_id"]),
            program_id: u32::try_from(number(&claims["program_id"])).unwrap(),
            jti: &text(&claims["jti"]),
            r#ref: &text(&claims["ref"]),
            iat: number(&claims["iat"]),
            exp: number(&claims["exp"]),
            cnf: Confirmation {
                jwk: Jwk { kty: "oct", k: &k },
            },
        };
        let written = serde_json::to_string(&written).unwrap();
        assert_eq!(written, vector.text("plaintextUtf8"), "{name}");
        // `claims` has nothing more.
        assert_eq!(
            serde_json::from_str::<Value>(&written).unwrap(),
            *claims,
            "{name}"
        );

        let key = BASE64_URL_SAFE_NO_PAD.decode(&k).unwrap();
        assert_eq!(hex(&key), vector.text("sessionKeyHex"), "{name}");
        assert_eq!(claims["iss"], *vector.json("issuer"), "{name}");
        assert_eq!(claims["aud"], *vector.json("audience"), "{name}");
    }
}

#[test]
fn rebuilds_every_token_from_its_parts() {
    for vector in read("token").0 {
        let key = vector.sealing_key();
        let mut in_out = vector.bytes("plaintextUtf8");
        let iv = vector.array("ivBase64url");
        let aad = BASE64_URL_SAFE_NO_PAD.encode(vector.text("headerUtf8"));
        key.seal(iv, aad.as_bytes(), &mut in_out).unwrap();
        let token = Token::from_parts(key.kid(), iv, in_out).unwrap();
        assert_eq!(token.compact(), vector.text("jwe"), "{}", vector.name());
    }
}
