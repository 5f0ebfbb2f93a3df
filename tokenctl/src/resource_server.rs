//! The credentials file of a resource server: `{"resourceServerId","secret","url"?}`.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};
use token_service::partner::PartnerId;
use zeroize::Zeroizing;

use crate::{files, outcome::Failure};

/// What a resource server gets at onboarding.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ResourceServerCredentials {
    pub(crate) resource_server_id: String,
    pub(crate) secret: Zeroizing<String>,
    /// Where its service is, if it is told.
    pub(crate) url: Option<String>,
}

impl ResourceServerCredentials {
    /// Reads the file.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        // Not the parser's words: they may quote the secret.
        let read = serde_json::from_slice::<Self>(&files::read(path)?).ok();
        let usable = read
            .filter(|it| PartnerId::new(&it.resource_server_id).is_some() && is_plain(&it.secret));
        usable.ok_or_else(|| {
            Failure::usage(format!(
                "{} is not a resource server's credentials: a JSON object with the strings resourceServerId and secret, \
                 and perhaps url",
                path.display()
            ))
        })
    }

    /// The file's JSON.
    pub(crate) fn to_json(&self) -> Value {
        let mut file =
            json!({ "resourceServerId": self.resource_server_id, "secret": self.secret.as_str() });
        if let (Some(url), Some(members)) = (&self.url, file.as_object_mut()) {
            members.insert("url".to_owned(), url.as_str().into());
        }
        file
    }
}

/// Whether a form sends the text as it is (RFC 6749 appendix B), as it does secrets of `tokenctl`
/// and tokens.
pub(crate) fn is_plain(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    !text.is_empty() && text.bytes().all(plain)
}
