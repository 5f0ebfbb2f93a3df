//! `docs/vectors/token.json`.

use std::time::Duration;

use ring::rand::SystemRandom;
use serde_json::Value;

use super::*;
use crate::vectors::{Vector, hex, read};

/// Opens a vector as a renewal and an introspection do.
fn opened(vector: &Vector) -> Result<PresentedToken, TokenError> {
    open(vector.text("jwe"), &vector.ring(), &vector.identity())
}

#[test]
fn opens_every_token() {
    for vector in read("token").0 {
        let name = vector.name();
        let token = opened(&vector).unwrap_or_else(|error| panic!("{name}: {error}"));
        let claims = vector.json("claims");
        assert_eq!(claims["sub"], **token.account_number, "{name}");
        assert_eq!(claims["client_id"], token.partner.as_str(), "{name}");
        assert_eq!(claims["program_id"], token.program_id, "{name}");
        assert_eq!(claims["jti"], token.id.as_str(), "{name}");
        assert_eq!(claims["ref"], token.reference_id.as_str(), "{name}");
        let Lifetime {
            auth_time,
            issued_at,
            expires_at,
        } = token.lifetime;
        let times = ["auth_time", "iat", "exp"].map(|claim| claims[claim].as_i64().unwrap());
        assert_eq!(times, [auth_time, issued_at, expires_at], "{name}");
        let session_key = hex(token.session_key.expose());
        assert_eq!(session_key, vector.text("sessionKeyHex"), "{name}");
    }
}

#[test]
fn writes_the_claims_of_every_token() {
    for vector in read("token").0 {
        let (name, token) = (vector.name(), opened(&vector).unwrap());
        let active = token.active_json(&vector.identity()).unwrap();
        let active = std::str::from_utf8(&active).unwrap();
        let claims = active.replace(r#"{"active":true,"#, "{");
        assert_eq!(claims, vector.text("plaintextUtf8"), "{name}");
        assert_eq!(
            serde_json::from_str::<Value>(&claims).unwrap(),
            *vector.json("claims"),
            "{name}"
        );
    }
}

/// What [`mint`] makes of a vector's session has its claims, but for `jti`, `iat` and `exp`.
#[test]
fn mints_a_token_of_every_session() {
    for vector in read("token").0 {
        let (name, token) = (vector.name(), opened(&vector).unwrap());
        let (identity, ring) = (vector.identity(), vector.ring());
        let ttls = Ttls {
            token: Duration::from_secs(100),
            session: Duration::from_secs(2_592_000),
        };
        let now = UnixMillis::new(token.lifetime.issued_at * 1000 + 999);
        let lifetime = token.lifetime.renewed(now, ttls).unwrap();
        let (key, rng) = (ring.sealer(), SystemRandom::new());
        let minted = mint(key, &identity, token.grant(), lifetime, &rng).unwrap();
        let next = open(minted.token.compact(), &ring, &identity).unwrap();

        assert_eq!(minted.kid, *key.kid(), "{name}");
        assert_eq!((&next.id, next.lifetime), (&minted.id, lifetime), "{name}");
        assert_ne!(next.id, token.id, "{name}");
        let same = |token: PresentedToken, like: &PresentedToken| {
            let token = PresentedToken {
                id: like.id.clone(),
                lifetime: like.lifetime,
                ..token
            };
            token.active_json(&identity).unwrap().to_vec()
        };
        let expected = token.active_json(&identity).unwrap().to_vec();
        assert_eq!(same(next, &token), expected, "{name}");
    }
}

#[test]
fn opens_no_wrong_token() {
    for vector in read("token").1 {
        let (name, fault) = (vector.name(), vector.fault());
        let expected = match fault {
            _ if name == "empty" => TokenError::Missing,
            "kid-unknown" => TokenError::UnknownKey,
            "wrong-key" | "tampered" => TokenError::NotSealedHere,
            "issuer" | "audience" | "cnf" | "not-json" | "claim-missing" | "claim-unknown"
            | "claim-type" | "claim-form" => TokenError::Claims,
            _ => TokenError::Form,
        };
        assert_eq!(opened(&vector).unwrap_err(), expected, "{name}");
    }
}

#[test]
fn looks_at_no_token_over_4096_bytes() {
    let vector = &read("token").0[0];
    for (len, error) in [(4096, TokenError::Form), (4097, TokenError::Size)] {
        let long = "a".repeat(len);
        let opened = open(&long, &vector.ring(), &vector.identity());
        assert_eq!(opened.unwrap_err(), error, "{len}");
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
