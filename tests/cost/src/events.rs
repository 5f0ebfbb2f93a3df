//! The events that the subjects get, and whether what they answer is the real thing.

use std::time::Duration;

use peers::{credentials::Credentials, jwe, resource_server, sdk::KeyPair};
use sandbox::{development, events::sample_request, proxy_event};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::stub::Event;

/// Until an invocation's deadline.
const TIME_LEFT: Duration = Duration::from_secs(15);

/// Something of the sample files or of an answer is not what it should be.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Wrong(String);

fn wrong(what: impl ToString) -> Wrong {
    Wrong(what.to_string())
}

/// How far a request gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Refused for its content type, before anything else is looked at: 415.
    OfAnotherType,
    /// Its API key is unknown: 401.
    OfAStranger,
    /// Its tag does not fit: 400.
    Tampered,
    /// Opened and read, and without a key to agree with: 400.
    WithoutSdkPublicKey,
    /// All is well but its `sdkApiKey`: 401.
    OfAnotherSdk,
    /// All is well, and there is no time left to write its record: 503.
    WithoutTime,
    /// Answered 200.
    Good,
}

/// What is asked of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OfSession {
    /// Of its current token.
    Renewal,
    /// Again if it has ended, which has the same answer.
    Invalidation,
    /// Of its current token.
    Introspection,
    /// The same, and the session has ended.
    InactiveIntrospection,
}

/// A session, as its SDK, its partner and a resource server know it.
pub(crate) struct Session {
    pub(crate) reference_id: Uuid,
    key: [u8; 32],
    /// The current one.
    token: String,
}

/// An event, and who waits for its answer.
pub(crate) struct Prepared {
    pub(crate) event: Event,
    pub(crate) reference_id: Uuid,
    sdk: KeyPair,
}

/// Makes events: the seed's sample request by acme, with a `referenceId` and an SDK's key of its
/// own each.
pub(crate) struct Events {
    get_token: Value,
    renew: Value,
    invalidate: Value,
    introspect: Value,
    acme: Credentials,
    server_keys: Value,
}

macro_rules! sample {
    ($name:literal) => {
        serde_json::from_str(include_str!(concat!("../../../events/", $name))).map_err(wrong)?
    };
}

impl Events {
    pub(crate) fn new() -> Result<Self, Wrong> {
        Ok(Self {
            get_token: sample!("get-token.json"),
            renew: sample!("renew.json"),
            invalidate: sample!("invalidate.json"),
            introspect: sample!("introspect.json"),
            acme: development::acme().map_err(wrong)?,
            server_keys: development::server_keys().map_err(wrong)?,
        })
    }

    pub(crate) fn make(&self, kind: Request) -> Result<Prepared, Wrong> {
        let reference_id = Uuid::new_v4();
        let sdk = KeyPair::generate();
        let request = sample_request(reference_id, &self.acme, &sdk.public_key());
        let request = request.map_err(wrong)?;
        let (member, value) = match kind {
            Request::WithoutSdkPublicKey => ("\"sdkPublicKey\"", "\"sdkPublicKeX\""),
            Request::OfAnotherSdk => ("\"sdkApiKey\":\"", "\"sdkApiKey\":\"X"),
            _ => ("", ""),
        };
        let request = request.replacen(member, value, 1);
        let mut body = self.sealed(&request)?;
        if kind == Request::Tampered {
            // Of the tag's 22 characters the first: the last would not be canonical.
            let tag = body.len() - 22;
            let other = if body[tag..].starts_with('A') {
                "B"
            } else {
                "A"
            };
            body.replace_range(tag..=tag, other);
        }
        let event = with_body(&self.get_token, &body)?;
        let event = match kind {
            Request::OfAnotherType => event.replace("text/plain", "text/xplai"),
            Request::OfAStranger => event.replace(&self.acme.api_key, "MOB-APP-XXXX"),
            _ => event,
        };
        let time_left = match kind {
            // Less than the service keeps for its answer, and not over yet when it looks.
            Request::WithoutTime => Duration::from_millis(490),
            _ => TIME_LEFT,
        };
        Ok(Prepared {
            event: Event {
                payload: event.into(),
                time_left,
            },
            reference_id,
            sdk,
        })
    }

    /// Opens an answer as a partner, its token as a resource server, and agrees the session key as
    /// the SDK: hands over the session that it begins.
    pub(crate) fn check(&self, prepared: &Prepared, answer: &[u8]) -> Result<Session, Wrong> {
        let json = self.opened(&good(answer)?)?;
        let text = |member| json.get(member).and_then(Value::as_str).unwrap_or_default();
        let key = prepared.sdk.session_key(text("serverPubKey"));
        let session = Session {
            reference_id: prepared.reference_id,
            key: key.map_err(wrong)?,
            token: text("token").to_owned(),
        };
        self.is_of(&session, &json)?;
        Ok(session)
    }

    /// A request of a session.
    pub(crate) fn of_session(&self, session: &Session, request: OfSession) -> Result<Event, Wrong> {
        let token = &session.token;
        let payload = match request {
            OfSession::Renewal => {
                let plaintext = json!({ "token": token }).to_string();
                let body = jwe::seal(plaintext.as_bytes(), &session.key, None);
                with_body(&self.renew, &body)?
            }
            OfSession::Invalidation => {
                let plaintext = json!({ "tokenReferenceId": session.reference_id.to_string() });
                with_body(&self.invalidate, &self.sealed(&plaintext.to_string())?)?
            }
            OfSession::Introspection | OfSession::InactiveIntrospection => {
                self.introspect.to_string()
            }
        };
        Ok(Event {
            payload: payload.replace("{{token of get-token}}", token).into(),
            time_left: TIME_LEFT,
        })
    }

    /// Checks what a session's request is answered, as who asked; a renewal's answer has the
    /// session's next token.
    pub(crate) fn check_of_session(
        &self,
        session: &mut Session,
        request: OfSession,
        answer: &[u8],
    ) -> Result<(), Wrong> {
        let body = good(answer)?;
        match request {
            OfSession::Renewal => {
                let json = jwe::open(&body, &session.key).map_err(wrong)?;
                let json = json.json().map_err(wrong)?;
                let token = json.get("token").and_then(Value::as_str);
                let token = token.unwrap_or_default().to_owned();
                if std::mem::replace(&mut session.token, token) == session.token {
                    return Err(wrong("the renewed token is the one before"));
                }
                self.is_of(session, &json)
            }
            OfSession::Invalidation => has_reference_id(session, &self.opened(&body)?),
            OfSession::Introspection => {
                let claims: Value = serde_json::from_str(&body).map_err(wrong)?;
                let is_active = claims.get("active") == Some(&true.into());
                let key = resource_server::session_key(&claims).map_err(wrong)?;
                match is_active && key == session.key {
                    true => Ok(()),
                    false => Err(wrong("the answer is not the session's claims")),
                }
            }
            OfSession::InactiveIntrospection => match body == r#"{"active":false}"# {
                true => Ok(()),
                false => Err(wrong("the token is active")),
            },
        }
    }

    /// Checks that an answer names the session, and that its token has the session's key.
    fn is_of(&self, session: &Session, answer: &Value) -> Result<(), Wrong> {
        has_reference_id(session, answer)?;
        let claims = resource_server::open_token(&session.token, &self.server_keys);
        let in_token = resource_server::session_key(&claims.map_err(wrong)?);
        match in_token.map_err(wrong)? == session.key {
            true => Ok(()),
            false => Err(wrong("the token has another session key than the SDK")),
        }
    }

    fn sealed(&self, plaintext: &str) -> Result<String, Wrong> {
        let key = self.acme.payload_keys.first();
        let key = key.ok_or_else(|| wrong("acme has no payload key"))?;
        Ok(jwe::seal(plaintext.as_bytes(), &key.k, Some(&key.kid)))
    }

    fn opened(&self, body: &str) -> Result<Value, Wrong> {
        self.acme.open(body).map_err(wrong)?.json().map_err(wrong)
    }
}

fn has_reference_id(session: &Session, answer: &Value) -> Result<(), Wrong> {
    let named = answer.get("referenceId").and_then(Value::as_str);
    match named == Some(&session.reference_id.to_string()) {
        true => Ok(()),
        false => Err(wrong("the answer has another referenceId")),
    }
}

/// The body of an answer with status 200.
fn good(answer: &[u8]) -> Result<String, Wrong> {
    let answer: Value = serde_json::from_slice(answer).map_err(wrong)?;
    let response = proxy_event::response(&answer).map_err(wrong)?;
    match response.status().as_u16() {
        200 => Ok(String::from_utf8_lossy(response.body()).into_owned()),
        status => Err(wrong(format!("answered {status}"))),
    }
}

/// A sample event with another body.
fn with_body(sample: &Value, body: &str) -> Result<String, Wrong> {
    let mut event = sample.clone();
    let members = event.as_object_mut();
    let members = members.ok_or_else(|| wrong("a sample event is none"))?;
    members.insert("body".to_owned(), body.into());
    members.insert("isBase64Encoded".to_owned(), false.into());
    Ok(event.to_string())
}
