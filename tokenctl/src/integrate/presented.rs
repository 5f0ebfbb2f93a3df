//! A token that is presented, and the key of its session: from files.

use std::path::Path;

use peers::credentials::key_bytes;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{files, outcome::Failure, resource_server::is_plain};

/// A token, and what was found beside it.
pub(crate) struct Presented {
    pub(crate) token: String,
    /// Of the answer that the token stands in.
    pub(crate) server_pub_key: Option<String>,
}

impl Presented {
    /// Reads a token, or an answer with one.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let bytes = files::read(path)?;
        let text = String::from_utf8_lossy(&bytes);
        let answer: Value = match text.trim_start().starts_with('{') {
            true => serde_json::from_str(&text).unwrap_or_default(),
            false => Value::Null,
        };
        let member = |name| Some(answer.get(name)?.as_str()?.to_owned());
        let read = Self {
            token: member("token").unwrap_or_else(|| text.trim().to_owned()),
            server_pub_key: member("serverPubKey"),
        };
        match is_plain(&read.token) {
            true => Ok(read),
            false => Err(Failure::usage(format!(
                "{} is neither a token nor an answer's JSON with one",
                path.display()
            ))),
        }
    }
}

/// Reads a session key, as `sdk derive` prints it.
pub(crate) fn read_session_key(path: &Path) -> Result<Zeroizing<[u8; 32]>, Failure> {
    let bytes = files::read(path)?;
    let text = Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned());
    let key = key_bytes(text.trim());
    key.map(Zeroizing::new)
        .map_err(|why| Failure::usage(format!("{}: the session key {why}", path.display())))
}
