//! One request over HTTP, and its answer as its caller sees it.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, PoisonError},
    time::Duration,
};

use http::Method;
use peers::{
    answer::{Answer, AnswerError},
    credentials::Credentials,
    jwe,
    partner::{self, CallError, LEGACY_TOKEN_PATH},
    sdk::{KeyError, KeyPair},
};
use serde_json::json;

use crate::sequence::Ask;

/// An SDK. What it works out on its curve is kept: that takes longer than all else that a caller
/// does, and a replay has the same again.
pub struct Sdk {
    pair: KeyPair,
    public_key: String,
    session_keys: Mutex<HashMap<String, [u8; 32]>>,
}

/// So many session keys are kept.
const KEPT: usize = 1000;

/// Two are enough to be told apart.
static ONE_SDK: LazyLock<Sdk> = LazyLock::new(Sdk::new);
static ANOTHER_SDK: LazyLock<Sdk> = LazyLock::new(Sdk::new);

impl Sdk {
    fn new() -> Self {
        let pair = KeyPair::generate();
        let public_key = pair.public_key();
        Self {
            pair,
            public_key,
            session_keys: Mutex::default(),
        }
    }

    /// The session key that it agrees on.
    ///
    /// # Errors
    /// The service's key is none.
    pub fn session_key(&self, server_pub_key: &str) -> Result<[u8; 32], KeyError> {
        let kept = || {
            self.session_keys
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if let Some(key) = kept().get(server_pub_key) {
            return Ok(*key);
        }
        let key = self.pair.session_key(server_pub_key)?;
        let mut kept = kept();
        if kept.len() == KEPT {
            kept.clear();
        }
        kept.insert(server_pub_key.to_owned(), key);
        Ok(key)
    }
}

/// The SDK of a customer.
pub fn sdk(customer: u8) -> &'static Sdk {
    match customer {
        2 => &ANOTHER_SDK,
        _ => &ONE_SDK,
    }
}

/// The account of a customer.
pub fn account(customer: u8) -> String {
    format!("0012300{}", customer % 2)
}

/// A `referenceId`.
pub fn reference(ask: &Ask) -> String {
    format!("r{}", ask.reference)
}

/// What a caller got.
#[derive(Debug)]
pub enum Outcome {
    /// An answer of the function's.
    Answer(Box<Answer>),
    /// An answer of API Gateway's own, of this status.
    Gateway(u16),
    /// An answer that is not one of the protocol's.
    Unreadable(AnswerError),
    /// None, as the caller gave up.
    GaveUp,
}

/// An outcome, and how long it took.
#[derive(Debug)]
pub struct Answered {
    /// What was asked.
    pub ask: Ask,
    /// What came of it.
    pub outcome: Outcome,
    /// By the caller's watch.
    pub took: Duration,
}

/// Sends a request to the gateway at `url`, sealed with the one payload key of `credentials`.
///
/// # Errors
/// The gateway, which never fails, does not answer.
pub async fn call(url: &str, ask: &Ask, credentials: &Credentials) -> Result<Outcome, CallError> {
    let Some(key) = credentials.payload_keys.first() else {
        return Err(CallError::Address(
            "a partner without a payload key".to_owned(),
        ));
    };
    let plain = plaintext(ask, credentials);
    let body = jwe::seal(plain.as_bytes(), &key.k, ask.named.then_some(&key.kid));
    let mut request = partner::token_request(credentials, body)?;
    if ask.legacy {
        *request.uri_mut() = http::Uri::from_static(LEGACY_TOKEN_PATH);
        // The seed has it so.
        *request.method_mut() = Method::GET;
    }
    let response = partner::call(url, request).await?;
    // The function's own answers have no such header.
    if response.headers().contains_key("x-amzn-errortype") {
        return Ok(Outcome::Gateway(response.status().as_u16()));
    }
    Ok(
        match Answer::read(response, std::slice::from_ref(credentials)) {
            Ok(answer) => Outcome::Answer(Box::new(answer)),
            Err(error) => Outcome::Unreadable(error),
        },
    )
}

fn plaintext(ask: &Ask, credentials: &Credentials) -> String {
    json!({
        "referenceId": reference(ask),
        "sdkPublicKey": sdk(ask.customer).public_key,
        "sdkApiKey": credentials.sdk_api_key,
        "accountNumber": account(ask.customer),
        "name": "A Customer",
        "data": { "key": "value" },
    })
    .to_string()
}
