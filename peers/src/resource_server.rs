//! A resource server's side: asks the service whether a token is good (RFC 7662), or opens it with a copy of the `token`
//! ring.
//!
//! It opens and no more. A real resource server then checks `iss`, `aud` and `exp`, and makes the SDK prove that it
//! holds the session key.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use bytes::Bytes;
use http::{Request, header};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    credentials::{Jwk, keys_of_set},
    jwe::{self, OpenError, Opened},
};

/// The path that tells whether a token is good.
pub const INTROSPECT_PATH: &str = "/token-service/introspect";

/// An introspection of `token`. Id, secret and token hold no character that a form encodes.
///
/// # Errors
/// The credentials cannot be a header's value.
pub fn introspection(id: &str, secret: &str, token: &str) -> Result<Request<Bytes>, http::Error> {
    let credentials = STANDARD.encode(format!("{id}:{secret}"));
    Request::post(INTROSPECT_PATH)
        .header(header::AUTHORIZATION, format!("Basic {credentials}"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(format!("token={token}").into())
}

/// Why a token is not one of the service's.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The keys are not `{"token":{"keys":[...]},...}`.
    #[error("the server keys have no usable token ring")]
    Keys(#[source] serde_json::Error),
    /// The header is not the four members of a token's.
    #[error("a token's header is exactly alg, enc, kid and typ, but this is {0}")]
    Header(Value),
    /// A key that the resource server does not have.
    #[error("no token key is called {0}")]
    UnknownKey(String),
    /// It does not open.
    #[error("the token does not open")]
    Open(#[from] OpenError),
    /// What was sealed are no claims.
    #[error("the token's claims are not JSON")]
    Claims(#[source] serde_json::Error),
    /// No key to prove possession of (RFC 7800).
    #[error("the token's cnf holds no session key of 32 bytes")]
    NoSessionKey,
}

#[derive(Deserialize)]
struct ServerKeys {
    #[serde(deserialize_with = "keys_of_set")]
    token: Vec<Jwk>,
}

/// The claims of a token, opened with the `token` ring of `server_keys` (the value of the server keys secret; a copy
/// without the `record` ring is enough).
///
/// # Errors
/// Another header than the protocol's, an unknown key, or a token that its key does not open: see [`TokenError`].
pub fn open_token(token: &str, server_keys: &Value) -> Result<Value, TokenError> {
    let opened = open_token_as_sealed(token, server_keys)?;
    opened.json().map_err(TokenError::Claims)
}

/// The same, with the claims as they were written.
///
/// # Errors
/// As [`open_token`].
pub fn open_token_as_sealed(token: &str, server_keys: &Value) -> Result<Opened, TokenError> {
    let keys = ServerKeys::deserialize(server_keys).map_err(TokenError::Keys)?;
    let header = jwe::header(token)?;
    let kid = match header.get("kid") {
        Some(Value::String(kid)) => kid.clone(),
        _ => return Err(TokenError::Header(header)),
    };
    if header != json!({"alg": "dir", "enc": "A256GCM", "kid": kid, "typ": "JWT"}) {
        return Err(TokenError::Header(header));
    }
    match keys.token.iter().find(|key| key.kid == kid) {
        Some(key) => Ok(jwe::open(token, &key.k)?),
        None => Err(TokenError::UnknownKey(kid)),
    }
}

/// The key of the session that the token stands for, from its `cnf` claim.
///
/// # Errors
/// There is none of 32 bytes.
pub fn session_key(claims: &Value) -> Result<[u8; 32], TokenError> {
    let jwk = claims.pointer("/cnf/jwk").ok_or(TokenError::NoSessionKey)?;
    if jwk.get("kty") != Some(&"oct".into()) {
        return Err(TokenError::NoSessionKey);
    }
    jwk.get("k")
        .and_then(Value::as_str)
        .and_then(|k| URL_SAFE_NO_PAD.decode(k).ok())
        .and_then(|k| k.try_into().ok())
        .ok_or(TokenError::NoSessionKey)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server_keys() -> Value {
        serde_json::from_str(include_str!("../../events/secrets/server-keys.json")).unwrap()
    }

    const HEADER: &str = r#"{"alg":"dir","enc":"A256GCM","kid":"token-2026-11","typ":"JWT"}"#;

    fn token(header: &str) -> String {
        let keys = server_keys();
        let keys = ServerKeys::deserialize(&keys).unwrap();
        jwe::seal_with_header(header, br#"{"sub":"1"}"#, &keys.token[0].k, [0; 12])
    }

    #[test]
    fn opens_a_token_of_its_ring() {
        let claims = open_token(&token(HEADER), &server_keys()).unwrap();
        assert_eq!(claims, json!({"sub": "1"}));
    }

    #[test]
    fn needs_no_record_ring() {
        let mut keys = server_keys();
        keys.as_object_mut().unwrap().remove("record");
        assert!(open_token(&token(HEADER), &keys).is_ok());
    }

    #[test]
    fn refuses_another_header() {
        let keys = server_keys();
        for header in [
            HEADER.replace(r#","typ":"JWT""#, ""),
            HEADER.replace("}", r#","cty":"JWT"}"#),
            HEADER.replace(r#""kid":"token-2026-11","#, ""),
        ] {
            assert!(matches!(
                open_token(&token(&header), &keys),
                Err(TokenError::Header(_))
            ));
        }
        assert!(matches!(
            open_token(&token(&HEADER.replace("2026", "2025")), &keys),
            Err(TokenError::UnknownKey(_))
        ));
    }

    #[test]
    fn reads_the_session_key_and_no_other() {
        let k = URL_SAFE_NO_PAD.encode([1; 32]);
        let claims = json!({"cnf": {"jwk": {"kty": "oct", "k": k}}});
        assert_eq!(session_key(&claims).unwrap(), [1; 32]);
        let short = json!({"cnf": {"jwk": {"kty": "oct", "k": "AAAA"}}});
        assert!(matches!(session_key(&short), Err(TokenError::NoSessionKey)));
        assert!(matches!(
            session_key(&json!({})),
            Err(TokenError::NoSessionKey)
        ));
    }
}
