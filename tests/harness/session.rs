//! A session as its SDK knows it, and tokens as the service makes them.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderValue, Request};
use peers::{
    jwe,
    resource_server::{open_token, open_token_as_sealed},
    sdk::{RENEW_PATH, Renewal},
};
use serde_json::{Value, json};

use crate::{Event, server_keys};

/// The header of the development's tokens.
pub const TOKEN_HEADER: &str = r#"{"alg":"dir","enc":"A256GCM","kid":"token-2026-11","typ":"JWT"}"#;

/// A session, and the token that it presents.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its `referenceId`.
    pub reference: String,
    /// Its customer's.
    pub account_number: String,
    /// Its partner's.
    pub sdk_api_key: String,
    /// Its key.
    pub key: [u8; 32],
    /// The token that it presents.
    pub token: String,
}

impl Session {
    /// The session with another token.
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: token.to_owned(),
            ..self.clone()
        }
    }

    /// A valid renewal.
    pub fn request(&self) -> Request<Bytes> {
        self.request_at(RENEW_PATH)
    }

    /// A valid renewal at a path.
    pub fn request_at(&self, path: &str) -> Request<Bytes> {
        let renewal = Renewal {
            sdk_api_key: &self.sdk_api_key,
            account_number: &self.account_number,
            token: &self.token,
            session_key: &self.key,
        };
        renewal.request(path).unwrap()
    }

    /// A valid renewal, as API Gateway hands it on.
    pub fn event(&self) -> Event {
        Event::of_body(&jwe::seal(self.plaintext().as_bytes(), &self.key, None))
            .path(RENEW_PATH)
            .header("X-API-KEY", &self.sdk_api_key)
            .header("X-API-TOKEN", &self.token)
            .header("X-ACCOUNT-NUMBER", &self.account_number)
    }

    /// A renewal with any body.
    pub fn request_of(&self, body: String) -> Request<Bytes> {
        self.request().map(|_| body.into())
    }

    /// A renewal whose body is this plaintext, sealed under the session key.
    pub fn request_sealing(&self, plaintext: &[u8]) -> Request<Bytes> {
        self.request_of(jwe::seal(plaintext, &self.key, None))
    }

    /// The plaintext of a valid renewal.
    pub fn plaintext(&self) -> String {
        json!({ "token": self.token }).to_string()
    }
}

/// A request with a header in the place of any of the same name.
pub fn with_header(mut request: Request<Bytes>, name: &'static str, value: &str) -> Request<Bytes> {
    let value = HeaderValue::from_bytes(value.as_bytes());
    request.headers_mut().insert(name, value.unwrap());
    request
}

/// A request with one more header of this name.
pub fn and_header(mut request: Request<Bytes>, name: &'static str, value: &str) -> Request<Bytes> {
    let value = HeaderValue::from_bytes(value.as_bytes());
    request.headers_mut().append(name, value.unwrap());
    request
}

/// A request without a header.
pub fn without_header(mut request: Request<Bytes>, name: &str) -> Request<Bytes> {
    request.headers_mut().remove(name);
    request
}

/// The claims of a token under the development's keys.
pub fn claims(token: &str) -> Value {
    open_token(token, &server_keys()).unwrap()
}

/// The same as they were sealed.
pub fn claims_text(token: &str) -> String {
    let opened = open_token_as_sealed(token, &server_keys()).unwrap();
    String::from_utf8(opened.plaintext).unwrap()
}

/// A token that seals any claims under the development's key.
pub fn token_of(claims: &str) -> String {
    token_with_header(TOKEN_HEADER, claims)
}

/// The same with any header.
pub fn token_with_header(header: &str, claims: &str) -> String {
    let key = development_token_key();
    // One IV for all: these are tests, and the keys are public.
    jwe::seal_with_header(header, claims.as_bytes(), &key, [7; 12])
}

fn development_token_key() -> [u8; 32] {
    let keys = server_keys();
    let k = keys["token"]["keys"][0]["k"].as_str().unwrap();
    URL_SAFE_NO_PAD.decode(k).unwrap().try_into().unwrap()
}
