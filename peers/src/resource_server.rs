//! A resource server's side: asks the service whether a token is good (RFC 7662), or opens it with
//! a copy of the `token` ring.
//!
//! It opens and no more. A real resource server then checks `iss`, `aud` and `exp`, and makes the
//! SDK prove that it holds the session key. That the session was invalidated, only introspection
//! tells.

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
    /// The header is not the text of a token's.
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
    /// One of them is not there, or is not what the protocol says.
    #[error("the token's claim {0} is missing or has not its form")]
    Claim(&'static str),
    /// One that the protocol does not name.
    #[error("the protocol names no claim {0}")]
    UnknownClaim(String),
    /// No key to prove possession of (RFC 7800).
    #[error("the token's cnf holds no session key of 32 bytes")]
    NoSessionKey,
}

#[derive(Deserialize)]
struct ServerKeys {
    #[serde(deserialize_with = "keys_of_set")]
    token: Vec<Jwk>,
}

/// The claims of a token, opened with the `token` ring of `server_keys` (the value of the server
/// keys secret; a copy without the `record` ring is enough).
///
/// # Errors
/// Another header than the protocol's, an unknown key, or a token that its key does not open: see
/// [`TokenError`].
pub fn open_token(token: &str, server_keys: &Value) -> Result<Value, TokenError> {
    let opened = open_token_as_sealed(token, server_keys)?;
    let claims = opened.json().map_err(TokenError::Claims)?;
    check_claims(&claims)?;
    Ok(claims)
}

/// A claim's name, and whether a value has its form.
type Claim = (&'static str, fn(&Value) -> bool);

/// A token's claims (protocol.md, Token).
const CLAIMS: [Claim; 11] = [
    ("iss", Value::is_string),
    ("aud", Value::is_string),
    ("sub", is_account_number),
    ("client_id", |id| is_name(id, b"._-")),
    ("program_id", Value::is_u64),
    ("jti", |id| bytes_of(id).is_some_and(|id| id.len() == 16)),
    ("ref", |id| is_name(id, b"._:-")),
    ("auth_time", Value::is_i64),
    ("iat", Value::is_i64),
    ("exp", Value::is_i64),
    ("cnf", Value::is_object),
];

/// Checks that the claims are those of a token, by name and form, and no others.
///
/// # Errors
/// The first that is not: see [`TokenError`].
pub fn check_claims(claims: &Value) -> Result<(), TokenError> {
    for (name, has_its_form) in CLAIMS {
        if !claims.get(name).is_some_and(has_its_form) {
            return Err(TokenError::Claim(name));
        }
    }
    let names = claims.as_object().into_iter().flat_map(|it| it.keys());
    match names
        .into_iter()
        .find(|name| !CLAIMS.iter().any(|(known, _)| known == name))
    {
        Some(unknown) => Err(TokenError::UnknownClaim(unknown.clone())),
        None => Ok(()),
    }
}

fn is_account_number(value: &Value) -> bool {
    value.as_str().is_some_and(|text| {
        (1..=19).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn is_name(value: &Value, punctuation: &[u8]) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || punctuation.contains(&byte);
    value
        .as_str()
        .is_some_and(|text| (1..=64).contains(&text.len()) && text.bytes().all(allowed))
}

fn bytes_of(value: &Value) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(value.as_str()?).ok()
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
    // As text: another order of the same members is another header.
    let exact = json!({"alg": "dir", "enc": "A256GCM", "kid": kid, "typ": "JWT"}).to_string();
    if token.split('.').next() != Some(&URL_SAFE_NO_PAD.encode(exact)) {
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
        .and_then(bytes_of)
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

    fn claims() -> Value {
        json!({
            "iss": "i", "aud": "a", "sub": "1", "client_id": "acme", "program_id": 1,
            "jti": URL_SAFE_NO_PAD.encode([1; 16]), "ref": "r", "auth_time": 1, "iat": 1, "exp": 2,
            "cnf": {"jwk": {"kty": "oct", "k": URL_SAFE_NO_PAD.encode([1; 32])}},
        })
    }

    fn sealed(header: &str, claims: &Value) -> String {
        let keys = server_keys();
        let keys = ServerKeys::deserialize(&keys).unwrap();
        let claims = claims.to_string();
        jwe::seal_with_header(header, claims.as_bytes(), &keys.token[0].k, [0; 12])
    }

    fn token(header: &str) -> String {
        sealed(header, &claims())
    }

    #[test]
    fn opens_a_token_of_its_ring() {
        let opened = open_token(&token(HEADER), &server_keys()).unwrap();
        assert_eq!(opened, claims());
    }

    #[test]
    fn names_the_claim_that_is_not_as_it_must_be() {
        let keys = server_keys();
        for (name, _) in CLAIMS {
            for wrong in [Value::Null, true.into(), json!([name])] {
                let mut claims = claims();
                claims[name] = wrong;
                let opened = open_token(&sealed(HEADER, &claims), &keys);
                assert!(matches!(opened, Err(TokenError::Claim(named)) if named == name));
            }
        }
        let mut more = claims();
        more["nbf"] = 1.into();
        let opened = open_token(&sealed(HEADER, &more), &keys);
        assert!(matches!(opened, Err(TokenError::UnknownClaim(name)) if name == "nbf"));
        assert!(open_token(&sealed(HEADER, &json!([])), &keys).is_err());
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
            HEADER.replace(
                r#""alg":"dir","enc":"A256GCM""#,
                r#""enc":"A256GCM","alg":"dir""#,
            ),
            HEADER.replace(',', ", "),
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
