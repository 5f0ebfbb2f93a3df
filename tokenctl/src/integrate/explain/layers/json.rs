//! Layers of JSON: members, lists, strings, and the JSON serializations of a JWE.

use serde_json::{Map, Value};

use super::{
    DEPTH, Goal, Layer,
    compact::{is_compact, length_of_compact},
};
use crate::integrate::page::quoted;

/// Members that only messages of the protocol have.
pub(super) const OF_A_MESSAGE: [&str; 7] = [
    "resCode",
    "active",
    "error",
    "referenceId",
    "sdkPublicKey",
    "accountNumber",
    "tokenReferenceId",
];

impl Goal {
    pub(super) fn json(self, text: &str, depth: usize) -> Option<Layer> {
        if !text.starts_with(['{', '[', '"']) {
            return None;
        }
        let value: Value = serde_json::from_str(text).ok()?;
        match &value {
            Value::String(inner) => {
                let is = match self {
                    Self::Jwe => "it is a JSON string with escapes in it",
                    Self::Object => {
                        "it is not an object but a string with one in it: it was made JSON twice"
                    }
                };
                let layer = Layer::of(is, inner.as_str());
                return Some(layer).filter(|it| depth > 0 && self.is_under(&it.inner, depth - 1));
            }
            Value::Object(members) if self == Self::Jwe && is_message(members) => {
                return in_a_message(members);
            }
            _ => {}
        }
        if self == Self::Jwe
            && let Some(layer) = serialization(&value)
        {
            return Some(layer);
        }
        if let Some(bytes) = bytes_of(&value) {
            let layer = Layer::of("it is its bytes as a JSON list of numbers", bytes);
            return Some(layer).filter(|it| depth > 0 && self.is_under(&it.inner, depth - 1));
        }
        let mut places = Vec::new();
        if depth > 0 {
            self.places(&value, String::new(), depth - 1, &mut places);
        }
        let (path, inner) = places.into_iter().next()?;
        let is = match (self, &value) {
            (Self::Object, Value::Array(_)) => {
                format!(
                    "it is not an object but an array with one in it, at {}",
                    quoted(&path)
                )
            }
            _ => format!("it is inside JSON, at {}", quoted(&path)),
        };
        Some(Layer::of(is, inner))
    }

    /// What is looked for in a member of an object that is none of the protocol's messages.
    pub(crate) fn in_a_member(self, text: &str) -> Option<Layer> {
        match serde_json::from_str(text) {
            Ok(Value::Object(members)) if !is_message(&members) => {
                let mut places = Vec::new();
                self.places(&Value::Object(members), String::new(), DEPTH, &mut places);
                let (path, inner) = places.into_iter().next()?;
                let is = format!("it is inside other JSON, at {}", quoted(&path));
                let found = serde_json::from_slice::<Value>(&inner).ok()?;
                let is_meant = found.as_object().is_some_and(is_message);
                is_meant.then(|| Layer::of(is, inner))
            }
            _ => None,
        }
    }

    /// Where it stands in other JSON, the first place alone.
    fn places(self, value: &Value, path: String, depth: usize, found: &mut Vec<(String, Vec<u8>)>) {
        if !found.is_empty() {
            return;
        }
        match value {
            Value::String(text) if text.len() > 8 && self.is_under(text.as_bytes(), depth) => {
                found.push((path, text.clone().into_bytes()));
            }
            Value::Array(elements) => {
                for (index, element) in elements.iter().enumerate() {
                    self.step(element, format!("{path}[{index}]"), depth, found);
                }
            }
            Value::Object(members) => {
                for (name, member) in members {
                    let dot = if path.is_empty() { "" } else { "." };
                    self.step(member, format!("{path}{dot}{name}"), depth, found);
                }
            }
            _ => {}
        }
    }

    fn step(self, value: &Value, path: String, depth: usize, found: &mut Vec<(String, Vec<u8>)>) {
        let layer = (self == Self::Jwe).then(|| serialization(value)).flatten();
        match (value, layer) {
            (_, Some(layer)) => found.push((path, layer.inner)),
            (Value::Object(members), None) if self == Self::Object && is_message(members) => {
                found.push((path, value.to_string().into_bytes()));
            }
            _ => self.places(value, path, depth, found),
        }
    }
}

/// Whether a JSON object is a message of the protocol in the clear, and not around one.
pub(crate) fn is_message(members: &Map<String, Value>) -> bool {
    let is_renewal = |members: &Map<String, Value>| {
        let token = members.get("token").and_then(Value::as_str);
        let header = token.and_then(|token| peers::jwe::header(token).ok());
        header.is_some_and(|header| header.get("typ") == Some(&"JWT".into()))
    };
    OF_A_MESSAGE.iter().any(|name| members.contains_key(*name)) || is_renewal(members)
}

/// A JWE in a member of an object that has a message's members too, as `referenceId`; a token has
/// its place there.
fn in_a_message(members: &Map<String, Value>) -> Option<Layer> {
    let (name, sealed) = members
        .iter()
        .filter(|(name, _)| *name != "token")
        .filter_map(|(name, value)| Some((name, value.as_str()?)))
        .find(|(_, text)| length_of_compact(text) == Some(text.len()))?;
    Some(Layer::of(
        format!("it is inside JSON, at {}", quoted(name)),
        sealed,
    ))
}

/// The flattened and the general JSON serialization (RFC 7516 section 7.2), as one text of five
/// segments.
fn serialization(value: &Value) -> Option<Layer> {
    if let Value::Array(elements) = value {
        let texts: Option<Vec<&str>> = elements.iter().map(Value::as_str).collect();
        let joined = texts.filter(|texts| texts.len() == 5)?.join(".");
        return is_compact(&joined)
            .then(|| Layer::of("it is a JSON list of the five segments", joined));
    }
    let text = |value: &Value, name: &str| Some(value.get(name)?.as_str()?.to_owned());
    let recipient = value.get("recipients").and_then(|it| it.get(0));
    let encrypted_key = text(value, "encrypted_key")
        .or_else(|| text(recipient?, "encrypted_key"))
        .unwrap_or_default();
    let segments = [
        text(value, "protected")?,
        encrypted_key,
        text(value, "iv")?,
        text(value, "ciphertext")?,
        text(value, "tag").unwrap_or_default(),
    ];
    let form = match recipient {
        Some(_) => "general",
        None => "flattened",
    };
    Some(Layer::of(
        format!("it is a JWE in its {form} JSON serialization, and must be in its compact form"),
        segments.join("."),
    ))
}

/// A list of bytes, as JavaScript writes a `Uint8Array` or a `Buffer`.
fn bytes_of(value: &Value) -> Option<Vec<u8>> {
    let byte = |value: &Value| u8::try_from(value.as_i64()? & 0xff).ok();
    match value {
        Value::Array(list) if list.len() > 8 => list.iter().map(byte).collect(),
        Value::Object(members) => match members.get("data") {
            Some(list) if members.contains_key("type") => bytes_of(list),
            _ if members.len() > 8 => {
                let at = |index: usize| members.get(&index.to_string()).and_then(byte);
                (0..members.len()).map(at).collect()
            }
            _ => None,
        },
        _ => None,
    }
}
