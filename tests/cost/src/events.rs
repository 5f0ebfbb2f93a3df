//! The events that the subjects get, and whether what they answer is the real thing.

use std::time::Duration;

use peers::{credentials::Credentials, partner, resource_server, sdk::KeyPair};
use sandbox::{development, events::sample_request, proxy_event};
use serde_json::Value;
use uuid::Uuid;

use crate::stub::Event;

/// The development secrets' values.
pub(crate) const API_KEYS: &str = include_str!("../../../events/secrets/api-keys.json");
pub(crate) const SERVER_KEYS: &str = include_str!("../../../events/secrets/server-keys.json");

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

/// An event, and who waits for its answer.
pub(crate) struct Prepared {
    pub(crate) event: Event,
    pub(crate) reference_id: Uuid,
    sdk: KeyPair,
}

/// Makes events: the seed's sample request by acme, with a `referenceId` and an SDK's key of its
/// own each.
pub(crate) struct Events {
    event: Value,
    acme: Credentials,
    server_keys: Value,
}

impl Events {
    pub(crate) fn new() -> Result<Self, Wrong> {
        Ok(Self {
            event: serde_json::from_str(include_str!("../../../events/get-token.json"))
                .map_err(wrong)?,
            acme: development::acme().map_err(wrong)?,
            server_keys: serde_json::from_str(SERVER_KEYS).map_err(wrong)?,
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
        let key = self.acme.payload_keys.first();
        let key = key.ok_or_else(|| wrong("acme has no payload key"))?;
        let mut body = partner::seal(request.as_bytes(), &key.k, Some(&key.kid));
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
        let mut event = self.event.clone();
        let members = event.as_object_mut();
        let members = members.ok_or_else(|| wrong("events/get-token.json is no event"))?;
        members.insert("body".to_owned(), body.into());
        members.insert("isBase64Encoded".to_owned(), false.into());
        let event = event.to_string();
        let event = match kind {
            Request::OfAnotherType => event.replace("text/plain", "text/xplai"),
            Request::OfAStranger => event.replace(&self.acme.api_key, "MOB-APP-XXXX"),
            _ => event,
        };
        let time_left = match kind {
            // Less than the service keeps for its answer, and not over yet when it looks.
            Request::WithoutTime => Duration::from_millis(490),
            _ => Duration::from_secs(15),
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
    /// the SDK.
    pub(crate) fn check(&self, prepared: &Prepared, answer: &[u8]) -> Result<(), Wrong> {
        let answer: Value = serde_json::from_slice(answer).map_err(wrong)?;
        let response = proxy_event::response(&answer).map_err(wrong)?;
        if response.status() != 200 {
            return Err(wrong(format!("answered {}", response.status())));
        }
        let body = String::from_utf8_lossy(response.body());
        let opened = self.acme.open(&body).map_err(wrong)?;
        let json = opened.json().map_err(wrong)?;
        let text = |member| json.get(member).and_then(Value::as_str).unwrap_or_default();
        if text("referenceId") != prepared.reference_id.to_string() {
            return Err(wrong("the answer has another referenceId"));
        }
        let claims =
            resource_server::open_token(text("token"), &self.server_keys).map_err(wrong)?;
        let in_token = resource_server::session_key(&claims).map_err(wrong)?;
        let agreed = prepared.sdk.session_key(text("serverPubKey"));
        match agreed.map_err(wrong)? == in_token {
            true => Ok(()),
            false => Err(wrong("the token has another session key than the SDK")),
        }
    }
}
