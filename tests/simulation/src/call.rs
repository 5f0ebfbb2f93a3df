//! One request over HTTP, and its answer as its caller sees it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Response};
use peers::{
    answer::{Answer, AnswerError},
    credentials::Credentials,
    jwe,
    partner::{
        self, CallError, INVALIDATE_PATH, LEGACY_INVALIDATE_PATH, LEGACY_TOKEN_PATH, TOKEN_PATH,
    },
    resource_server,
    rules::{
        BrokenRule,
        introspection::{self, Introspected},
    },
    sdk::{LEGACY_RENEW_PATH, RENEW_PATH, Renewal},
};
use serde_json::{Value, json};

use crate::{
    apps::{Held, account, sdk},
    sequence::{Ask, Invalidate, Keys, Request},
    world::World,
};

/// What a caller got.
#[derive(Debug)]
pub enum Outcome {
    /// An answer of the function's.
    Answer(Box<Answer>),
    /// An answer of the function's to an introspection.
    Introspection(Introspection),
    /// An answer of API Gateway's own, of this status.
    Gateway(u16),
    /// An answer that is not one of the protocol's.
    Unreadable(Unreadable),
    /// None, as the caller gave up.
    GaveUp,
}

/// What a resource server was told.
#[derive(Debug)]
pub struct Introspection {
    /// The HTTP status.
    pub status: u16,
    /// What it says.
    pub said: Introspected,
    /// When to ask again.
    pub retry_after: Option<String>,
}

/// Why an answer is not one of the protocol's.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It cannot be opened or read.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// It breaks a rule of introspection's.
    #[error(transparent)]
    Rule(#[from] BrokenRule),
}

/// A request, and the token that its app held when it was sent.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What is asked.
    pub request: Request,
    /// The token, as it was given to the app.
    pub held: Option<Arc<Held>>,
}

/// An outcome, and how long it took.
#[derive(Debug)]
pub struct Answered {
    /// What was asked.
    pub asked: Asked,
    /// What came of it.
    pub outcome: Outcome,
    /// By the caller's watch.
    pub took: Duration,
}

impl Answered {
    /// The status of an answer of the function's.
    pub fn status(&self) -> Option<u16> {
        match &self.outcome {
            Outcome::Answer(answer) => Some(answer.status.as_u16()),
            Outcome::Introspection(introspection) => Some(introspection.status),
            Outcome::Gateway(_) | Outcome::Unreadable(_) | Outcome::GaveUp => None,
        }
    }
}

impl Asked {
    /// The token that it presents; it is altered where the request says so.
    fn token(&self) -> String {
        let token = self.held.as_ref().map(|held| held.token.as_str());
        let token = token.unwrap_or_default();
        match self.request.presents() {
            Some((_, true)) => altered(token),
            _ => token.to_owned(),
        }
    }

    /// Whether the presented token is one that the service may have made.
    pub fn may_open(&self) -> bool {
        matches!(self.request.presents(), Some((_, false)))
    }
}

/// The token with another tag of the same form.
fn altered(token: &str) -> String {
    let (rest, tag) = token.rsplit_once('.').unwrap_or_default();
    let mut tag = tag.to_owned();
    let first = if tag.starts_with('A') { "B" } else { "A" };
    tag.replace_range(..tag.len().min(1), first);
    format!("{rest}.{tag}")
}

/// Sends a request to the gateway, by the keys that are its caller's now.
///
/// # Errors
/// The gateway, which never fails, does not answer.
pub(crate) async fn call(world: &World, asked: &Asked) -> Result<Outcome, CallError> {
    let (request, url) = (&asked.request, world.sandbox.url());
    let credentials = world
        .documents
        .credentials(request.pair().partner, request.keys());
    let sent = match request {
        Request::Issue(ask) => partner_request(
            &plaintext(ask, &credentials),
            ask.named,
            if ask.legacy {
                LEGACY_TOKEN_PATH
            } else {
                TOKEN_PATH
            },
            &credentials,
        )?,
        Request::Invalidate(Invalidate { named, legacy, .. }) => partner_request(
            &json!({ "tokenReferenceId": request.pair().reference() }),
            *named,
            if *legacy {
                LEGACY_INVALIDATE_PATH
            } else {
                INVALIDATE_PATH
            },
            &credentials,
        )?,
        Request::Renew(renew) => {
            let key = asked.held.as_ref().map(|held| held.session_key);
            let renewal = Renewal {
                sdk_api_key: match renew.keys {
                    Keys::Unknown => "an sdkApiKey that is nobody's",
                    Keys::Safe | Keys::Other => &credentials.sdk_api_key,
                },
                account_number: &asked
                    .held
                    .as_ref()
                    .map(|held| held.account())
                    .unwrap_or_default(),
                token: &asked.token(),
                session_key: &key.unwrap_or_default(),
            };
            renewal.request(if renew.legacy {
                LEGACY_RENEW_PATH
            } else {
                RENEW_PATH
            })?
        }
        Request::Introspect(introspect) => {
            let secret = world.documents.secret(introspect.server, introspect.keys);
            resource_server::introspection(introspect.server.id(), &secret, &asked.token())?
        }
    };
    let response = partner::call(url, sent).await?;
    // The function's own answers have no such header.
    if response.headers().contains_key("x-amzn-errortype") {
        return Ok(Outcome::Gateway(response.status().as_u16()));
    }
    Ok(read(asked, response, &credentials).unwrap_or_else(Outcome::Unreadable))
}

fn partner_request(
    plaintext: &Value,
    named: bool,
    path: &str,
    credentials: &Credentials,
) -> Result<http::Request<Bytes>, CallError> {
    let Some(key) = credentials.payload_keys.first() else {
        return Err(CallError::Address(
            "a partner without a payload key".to_owned(),
        ));
    };
    let plaintext = plaintext.to_string();
    let body = jwe::seal(plaintext.as_bytes(), &key.k, named.then_some(&key.kid));
    let mut request = partner::token_request_at(path, credentials, body)?;
    if path == LEGACY_TOKEN_PATH {
        // The seed has it so.
        *request.method_mut() = Method::GET;
    }
    Ok(request)
}

fn read(
    asked: &Asked,
    response: Response<Bytes>,
    credentials: &Credentials,
) -> Result<Outcome, Unreadable> {
    let answer = match &asked.request {
        Request::Issue(_) | Request::Invalidate(_) => {
            Answer::read(response, std::slice::from_ref(credentials))?
        }
        Request::Renew(_) => {
            let key = asked.held.as_ref().map(|held| held.session_key);
            Answer::read_with(response, |body| jwe::open(body, &key.unwrap_or_default()))?
        }
        Request::Introspect(_) => {
            let retry_after = response.headers().get("retry-after");
            let retry_after = retry_after.and_then(|value| value.to_str().ok());
            return Ok(Outcome::Introspection(Introspection {
                status: response.status().as_u16(),
                retry_after: retry_after.map(str::to_owned),
                said: introspection::check(&response)?,
            }));
        }
    };
    Ok(Outcome::Answer(Box::new(answer)))
}

fn plaintext(ask: &Ask, credentials: &Credentials) -> Value {
    json!({
        "referenceId": ask.pair.reference(),
        "sdkPublicKey": sdk(ask.customer).public_key(),
        "sdkApiKey": credentials.sdk_api_key,
        "accountNumber": account(ask.customer),
        "name": "A Customer",
        "data": { "key": "value" },
    })
}
