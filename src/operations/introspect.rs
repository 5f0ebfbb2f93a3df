//! Introspect: a resource server asks whether a token is good (RFC 7662; protocol.md, Introspect).

use std::{borrow::Cow, collections::HashSet};

use base64::{Engine, prelude::BASE64_STANDARD};
use percent_encoding::percent_decode_str;

use super::{Operations, RequestLog, accept::StaleRefusal};
use crate::{
    deadline::Deadline,
    record::{PartitionKey, RecordError, StoreError},
    redacted::Redacted,
    resource_server::ClientError,
    secrets::{SecretUnavailable, Snapshot, Stale},
    token::{self, PresentedToken, TokenError},
};

/// One introspection, as it was received.
pub struct IntrospectCall<'a> {
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
    /// `None` if it was flagged as base64 and is not.
    pub body: Option<&'a [u8]>,
    /// When the last AWS call must have ended.
    pub deadline: Deadline,
}

/// What a resource server is told of a token.
pub enum Introspection {
    /// `{"active":true}` and the claims, as JSON.
    Active(Redacted<Vec<u8>>),
    /// `{"active":false}` alone.
    Inactive,
}

/// Why a resource server is told nothing; the text is for the log.
#[derive(Debug, thiserror::Error)]
pub enum IntrospectionError {
    /// Come back.
    #[error(transparent)]
    NoSecrets(#[from] SecretUnavailable),
    /// Authenticate.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Correct the parameters.
    #[error("{0}")]
    Parameters(&'static str),
    /// Come back, if the error is transient; else nothing.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing: the record that stands there can't be judged.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Nothing: JSON could not be written.
    #[error("the answer could not be written")]
    Json(#[from] serde_json::Error),
}

/// Why no record is looked for.
enum NotAccepted {
    Refused(IntrospectionError),
    /// Which newer secret might know the token's key or partner, if one might.
    Inactive(Option<Stale>),
}

impl Operations {
    /// Tells a resource server whether the token that it names is active.
    ///
    /// `log` is filled as far as the call got.
    pub async fn introspect(
        &self,
        call: &IntrospectCall<'_>,
        log: &mut RequestLog,
    ) -> Result<Introspection, IntrospectionError> {
        let read =
            |secrets: &Snapshot, log: &mut RequestLog| self.read_introspection(secrets, call, log);
        let presented = match self.accept(call.deadline, log, read).await {
            Ok((_, presented)) => presented,
            Err(NotAccepted::Inactive(_)) => return Ok(Introspection::Inactive),
            Err(NotAccepted::Refused(error)) => return Err(error),
        };
        let key = PartitionKey::new(&presented.partner, &presented.reference_id);
        let state = self.records.state(&key, call.deadline, &mut log.call);
        let Some(state) = state.await? else {
            return Ok(Introspection::Inactive);
        };
        let now = self.clock.now();
        if presented.has_expired(now) || !state.keeps_active(&presented, now)? {
            return Ok(Introspection::Inactive);
        }
        log.token_id = Some(presented.id.clone());
        Ok(Introspection::Active(
            presented.active_json(&self.identity)?,
        ))
    }

    /// From the headers to a token of an enabled partner that has not expired.
    fn read_introspection(
        &self,
        secrets: &Snapshot,
        call: &IntrospectCall<'_>,
        log: &mut RequestLog,
    ) -> Result<PresentedToken, NotAccepted> {
        let (id, secret) = credentials(call.authorization).ok_or(ClientError::Credentials)?;
        let servers = &secrets.api_keys.resource_servers;
        let server = servers.authenticate(&id, &secret)?;
        log.resource_server = Some(server.id.clone());

        let compact = token_of(call.body)?;
        let presented = token::open(&compact, &secrets.server_keys.token, &self.identity)?;
        if presented.has_expired(self.clock.now()) {
            return Err(NotAccepted::Inactive(None));
        }
        match secrets.api_keys.partners.named(&presented.partner) {
            Some(partner) if partner.enabled => Ok(presented),
            Some(_) => Err(NotAccepted::Inactive(None)),
            None => Err(NotAccepted::Inactive(Some(Stale::ApiKeys))),
        }
    }
}

impl StaleRefusal for NotAccepted {
    fn may_come_from_stale(&self) -> Option<Stale> {
        match self {
            Self::Refused(IntrospectionError::Client(ClientError::Unknown)) => Some(Stale::ApiKeys),
            Self::Refused(_) => None,
            Self::Inactive(stale) => *stale,
        }
    }
}

impl<E: Into<IntrospectionError>> From<E> for NotAccepted {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

impl From<TokenError> for NotAccepted {
    fn from(error: TokenError) -> Self {
        Self::Inactive(match error {
            TokenError::UnknownKey => Some(Stale::ServerKeys),
            _ => None,
        })
    }
}

/// Id and secret of `Basic`, each form-encoded (RFC 7617, RFC 6749 section 2.3.1).
fn credentials(authorization: Option<&str>) -> Option<(String, Redacted<String>)> {
    let (scheme, credentials) = authorization?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let decoded = Redacted::new(BASE64_STANDARD.decode(credentials.trim_ascii()).ok()?);
    let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((form_decoded(id)?, Redacted::new(form_decoded(secret)?)))
}

fn form_decoded(text: &str) -> Option<String> {
    let spaced = Redacted::new(text.replace('+', " "));
    let decoded = percent_decode_str(&spaced).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

/// The parameter `token`.
fn token_of(body: Option<&[u8]>) -> Result<Cow<'_, str>, IntrospectionError> {
    let body = body.ok_or(IntrospectionError::Parameters(
        "the body is flagged as base64 and is not",
    ))?;
    let mut names = HashSet::new();
    let mut token = None;
    for (name, value) in form_urlencoded::parse(body) {
        if name == "token" {
            token = Some(value);
        }
        if !names.insert(name) {
            return Err(IntrospectionError::Parameters("a parameter is repeated"));
        }
    }
    match token {
        None => Err(IntrospectionError::Parameters("token is missing")),
        Some(token) if token.is_empty() => Err(IntrospectionError::Parameters("token is empty")),
        Some(token) if token.len() > token::MAX_TOKEN => {
            Err(IntrospectionError::Parameters("token is over 4096 bytes"))
        }
        Some(token) => Ok(token),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_basic_credentials() {
        let read = |authorization: &str| {
            let (id, secret) = credentials(Some(authorization))?;
            Some((id, secret.to_string()))
        };
        let encoded = |text: &str| BASE64_STANDARD.encode(text);
        for (text, id, secret) in [
            ("wallet:s3cret", "wallet", "s3cret"),
            ("wallet:a:b", "wallet", "a:b"),
            ("wal%6cet:a%3Ab+c%2Bd", "wallet", "a:b c+d"),
            (":", "", ""),
        ] {
            let expected = Some((id.to_owned(), secret.to_owned()));
            for scheme in ["Basic", "basic", "BASIC", "Basic "] {
                let read = read(&format!("{scheme} {}", encoded(text)));
                assert_eq!(read, expected, "{scheme} {text}");
            }
        }
        for authorization in [
            "",
            "Basic",
            "Basic ",
            "Bearer d2FsbGV0OmE=",
            "Basic d2FsbGV0OmE",
            "Basic d2FsbGV0",
            "Basic !",
            &format!("Basic {}", BASE64_STANDARD.encode(b"a\xff:b")),
            &format!("Basic {}", encoded("wallet:%ff")),
            "Basic d2FsbGV0OmE=, Basic d2FsbGV0OmE=",
        ] {
            assert_eq!(read(authorization), None, "{authorization}");
        }
        assert!(credentials(None).is_none());
    }

    #[test]
    fn reads_the_one_token() {
        let read = |body: &str| token_of(Some(body.as_bytes())).map(Cow::into_owned);
        for body in [
            "token=a.b",
            "token=a%2Eb",
            "token_type_hint=access_token&token=a.b",
            "&token=a.b&other",
        ] {
            assert_eq!(read(body).unwrap(), "a.b", "{body}");
        }
        let longest = "x".repeat(4096);
        assert_eq!(read(&format!("token={longest}")).unwrap(), longest);
        for (body, fault) in [
            ("", "token is missing"),
            ("Token=a", "token is missing"),
            ("token=", "token is empty"),
            ("token", "token is empty"),
            ("token=a&token=a", "a parameter is repeated"),
            ("token=a&x=1&x=2", "a parameter is repeated"),
            ("x&token=a&x", "a parameter is repeated"),
            ("token=a&t%6fken=b", "a parameter is repeated"),
            (&format!("token={longest}x"), "token is over 4096 bytes"),
        ] {
            assert_eq!(read(body).unwrap_err().to_string(), fault, "{body}");
        }
        let flagged = token_of(None).unwrap_err().to_string();
        assert!(flagged.contains("base64"), "{flagged}");
    }
}

#[cfg(test)]
mod vectors;
