//! Events' files through the function, and their answers read.
//!
//! A renewal and an introspection need a token, which is another one each time. So their files have
//! text in its place, which [`Conversation::send`] replaces: `{{token of NAME}}` by the token in
//! the answer to the sample NAME, and `{{renewal of NAME}}` by the body with which the SDK renews
//! that token, sealed with the session key.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use http::Response;
use serde_json::{Value, json};

use crate::{
    InvokeError, Sandbox,
    development::{self, DevelopmentError},
    proxy_event::{self, ProxyError},
};
use peers::{
    answer::{Answer, AnswerError},
    credentials::Credentials,
    jwe::{self, OpenError},
    sdk::{KeyError, KeyPair, LEGACY_RENEW_PATH, RENEW_PATH},
};

/// Why an event has no answer that can be read.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// No such file.
    #[error("{} cannot be read; `token-sandbox events` writes the samples into the folder events", .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
    /// The file is not JSON.
    #[error("{} is not JSON; an event is what API Gateway hands to the function, see events/README.md", .0.display())]
    NotJson(PathBuf, #[source] serde_json::Error),
    /// The file is JSON, but no event.
    #[error("{} cannot be sent", .0.display())]
    NotAnEvent(PathBuf, #[source] ProxyError),
    /// The function did not answer.
    #[error("the function gave no answer, which API Gateway makes a 502 or 504")]
    NoAnswer(#[from] InvokeError),
    /// The function's answer is not one for API Gateway.
    #[error(transparent)]
    NotAnAnswer(#[from] ProxyError),
    /// The answer is not one of the protocol's.
    #[error(transparent)]
    Unread(#[from] AnswerError),
    /// The partners' keys.
    #[error(transparent)]
    Credentials(#[from] DevelopmentError),
    /// No session key follows from an answer.
    #[error("the SDK cannot derive the session key")]
    Key(#[from] KeyError),
    /// A sample was not sent, or was not answered with a token.
    #[error(
        "the event needs a token of the sample {0}, which must come before it: see `before` in manifest.json"
    )]
    NoToken(String),
}

/// Reads an event's file.
///
/// # Errors
/// There is none, or it holds no event.
pub fn read(path: &Path) -> Result<Value, SendError> {
    let json = match fs::read(path) {
        Ok(json) => json,
        Err(error) => return Err(SendError::Unreadable(path.to_owned(), error)),
    };
    let event = match serde_json::from_slice(&json) {
        Ok(event) => event,
        Err(error) => return Err(SendError::NotJson(path.to_owned(), error)),
    };
    match proxy_event::ensure_event(&event) {
        Ok(()) => Ok(event),
        Err(error) => Err(SendError::NotAnEvent(path.to_owned(), error)),
    }
}

/// The events that one stack is sent, and what later ones need of the answers.
pub struct Conversation<'a> {
    sandbox: &'a Sandbox,
    partners: Vec<Credentials>,
    sdk: KeyPair,
    /// What stands for which text in an event.
    known: Vec<(String, String)>,
    /// Each session's `referenceId` and key.
    sessions: Vec<(String, [u8; 32])>,
}

impl<'a> Conversation<'a> {
    /// Begins one, as the development partners and the SDK.
    ///
    /// # Errors
    /// The development files were broken when this program was built.
    pub fn new(sandbox: &'a Sandbox) -> Result<Self, DevelopmentError> {
        Ok(Self {
            sandbox,
            partners: development::partners()?,
            sdk: development::sdk_key_pair()?,
            known: Vec::new(),
            sessions: Vec::new(),
        })
    }

    /// Invokes the function with the event of a sample, and opens its answer as whoever sent it:
    /// the SDK with a session's key, or a partner with its payload keys.
    ///
    /// # Errors
    /// There is no answer, it cannot be read, or the event needs a token that no answer has had.
    pub async fn send(&mut self, name: &str, event: &Value) -> Result<Answer, SendError> {
        let event = self.filled(event)?;
        let is_renewal = proxy_event::request(&event)
            .is_ok_and(|request| [RENEW_PATH, LEGACY_RENEW_PATH].contains(&request.uri().path()));
        let response = proxy_event::response(&self.sandbox.invoke(&event).await?)?;
        let answer = match is_renewal {
            true => self.read_as_sdk(response)?,
            false => Answer::read(response, &self.partners)?,
        };
        self.remember(name, &answer)?;
        Ok(answer)
    }

    fn filled(&self, event: &Value) -> Result<Value, SendError> {
        let mut text = event.to_string();
        for (placeholder, value) in &self.known {
            text = text.replace(placeholder, value);
        }
        let missing = [token_of, renewal_of].iter().find_map(|placeholder| {
            let of = placeholder("");
            let (_, rest) = text.split_once(of.trim_end_matches('}'))?;
            rest.split_once("}}").map(|(name, _)| name.to_owned())
        });
        match missing {
            Some(name) => Err(SendError::NoToken(name)),
            // What was put in is base64url and dots, which JSON does not escape: this is still
            // JSON.
            None => Ok(serde_json::from_str(&text).unwrap_or(Value::Null)),
        }
    }

    fn read_as_sdk(&self, response: Response<Bytes>) -> Result<Answer, AnswerError> {
        Answer::read_with(response, |body| {
            let mut keys = self.sessions.iter();
            keys.find_map(|(_, key)| jwe::open(body, key).ok())
                .ok_or(OpenError::Unauthentic)
        })
    }

    fn remember(&mut self, name: &str, answer: &Answer) -> Result<(), SendError> {
        let (Some(token), Some(reference_id)) = (answer.text("token"), answer.text("referenceId"))
        else {
            return Ok(());
        };
        if let Some(server_key) = answer.text("serverPubKey") {
            let key = self.sdk.session_key(server_key)?;
            self.sessions.push((reference_id.to_owned(), key));
        }
        let mut sessions = self.sessions.iter();
        if let Some((_, key)) = sessions.find(|(known, _)| known == reference_id) {
            let plaintext = json!({ "token": token }).to_string();
            let renewal = jwe::seal(plaintext.as_bytes(), key, None);
            self.known.push((renewal_of(name), renewal));
        }
        self.known.push((token_of(name), token.to_owned()));
        Ok(())
    }
}

/// What stands for the token in the answer to a sample.
pub(super) fn token_of(name: &str) -> String {
    format!("{{{{token of {name}}}}}")
}

/// What stands for the body that renews this token.
pub(super) fn renewal_of(name: &str) -> String {
    format!("{{{{renewal of {name}}}}}")
}
