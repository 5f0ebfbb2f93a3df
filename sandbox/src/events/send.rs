//! An event's file through the function, and its answer read.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    InvokeError, Sandbox,
    development::{self, DevelopmentError},
    proxy_event::{self, ProxyError},
};
use peers::answer::{Answer, AnswerError};

/// Why an event has no answer that can be read.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// No such file.
    #[error("{} cannot be read; `ls events` lists the samples", .0.display())]
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

/// Invokes the function with an event and opens its answer with whichever development partner's key opens it.
///
/// # Errors
/// There is no answer, or it cannot be read.
pub async fn send(sandbox: &Sandbox, event: &Value) -> Result<Answer, SendError> {
    let response = proxy_event::response(&sandbox.invoke(event).await?)?;
    Ok(Answer::read(response, &development::partners()?)?)
}
