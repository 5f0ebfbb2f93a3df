//! A REST API's event, or an HTTP API's (payload 1.0, which is a REST API's, or 2.0), as far as
//! this service needs it.
//!
//! `lambda_http`'s own reading of an event ends in a runtime error, which the caller sees as a 502,
//! when any header holds a character beyond ASCII, and in a panic when a body flagged as base64 is
//! not base64 or a path is no URI. Callers can cause all three, so this reads the same fields
//! leniently: what can't be read is absent.

use std::borrow::Cow;

use base64::{Engine, prelude::BASE64_STANDARD};
use lambda_http::http::HeaderValue;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::json::{self, Text};

/// More escapes than the longest base64 has, were each of its slashes escaped: one in 64
/// characters. A JWE has none. What has more stays escaped, and is refused: undoing an escape costs
/// a hundred times what reading a character does.
const MAX_ESCAPES: usize = 1024;

/// Longest id of a request in bytes. API Gateway's own have 36.
const MAX_ID: usize = 128;

/// An event from API Gateway.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Event<'a> {
    #[serde(borrow, deserialize_with = "lenient")]
    version: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "lenient")]
    path: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "lenient")]
    raw_path: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "lenient")]
    http_method: Option<Text<'a>>,
    #[serde(borrow)]
    headers: Option<&'a RawValue>,
    #[serde(borrow)]
    multi_value_headers: Option<&'a RawValue>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
    #[serde(deserialize_with = "lenient")]
    is_base64_encoded: bool,
    #[serde(borrow, deserialize_with = "lenient")]
    request_context: RequestContext<'a>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RequestContext<'a> {
    #[serde(borrow, deserialize_with = "lenient")]
    request_id: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "lenient")]
    extended_request_id: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "lenient")]
    http: HttpContext<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct HttpContext<'a> {
    #[serde(borrow, deserialize_with = "lenient")]
    method: Option<Text<'a>>,
}

/// A body as the sender meant it.
pub(super) enum Body<'a> {
    Bytes(Cow<'a, [u8]>),
    /// Flagged as base64, and not base64.
    NotBase64,
    /// Over the limit.
    TooLarge,
}

impl<'a> Event<'a> {
    /// Never fails: a foreign event is one for no path.
    pub(super) fn read(raw: &'a RawValue) -> Self {
        serde_json::from_str(raw.get()).unwrap_or_default()
    }

    /// Whether this is an HTTP API's event (payload 2.0), else a REST API's.
    pub(super) fn is_http_api(&self) -> bool {
        text(&self.version) == Some("2.0")
    }

    /// The request's id at API Gateway. A caller can choose it.
    pub(super) fn request_id(&self) -> Option<&str> {
        text(&self.request_context.request_id).filter(|id| is_loggable(id))
    }

    /// The id that a REST API gives besides, which no caller can choose.
    pub(super) fn extended_request_id(&self) -> Option<&str> {
        text(&self.request_context.extended_request_id).filter(|id| is_loggable(id))
    }

    pub(super) fn method(&self) -> &str {
        if self.is_http_api() {
            text(&self.request_context.http.method).unwrap_or_default()
        } else {
            text(&self.http_method).unwrap_or_default()
        }
    }

    /// The path, with whatever API Gateway puts in front: a stage, a custom domain's base path.
    pub(super) fn path(&self) -> &str {
        let path = match self.is_http_api() {
            true => &self.raw_path,
            false => &self.path,
        };
        text(path).unwrap_or_default()
    }

    /// The headers, read once.
    pub(super) fn headers(&self) -> Headers<'a> {
        let all = |raw: Option<&'a RawValue>| {
            raw.and_then(|raw| json::members(raw.get()))
                .unwrap_or_default()
        };
        Headers([all(self.multi_value_headers), all(self.headers)])
    }

    /// The body with API Gateway's base64 undone. Nothing over `limit` bytes is decoded or copied,
    /// so that a stranger's six megabytes cost no more than reading past them.
    pub(super) fn body(&self, limit: usize) -> Body<'a> {
        let json = self.body.map_or("", RawValue::get);
        let quoted = |json: &'a str| json.strip_prefix('"')?.strip_suffix('"');
        let Some(escaped) = quoted(json) else {
            return Body::Bytes(Cow::Borrowed(b""));
        };
        let most = match self.is_base64_encoded {
            true => limit.div_ceil(3) * 4,
            false => limit,
        };
        if is_longer(escaped, most) {
            return Body::TooLarge;
        }
        let text = if escapes(escaped).count() <= MAX_ESCAPES {
            serde_json::from_str(json).map_or(Cow::Borrowed(""), |Text(text)| text)
        } else if self.is_base64_encoded {
            Cow::Borrowed(escaped)
        } else {
            // Of a JWE only the white space around it can have so many.
            let trimmed = trimmed(escaped);
            match escapes(trimmed).nth(MAX_ESCAPES) {
                Some(_) => Cow::Borrowed(trimmed),
                None => serde_json::from_str(&format!("\"{trimmed}\"")).unwrap_or_default(),
            }
        };
        if !self.is_base64_encoded {
            return Body::Bytes(match text {
                Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                Cow::Owned(text) => Cow::Owned(text.into_bytes()),
            });
        }
        match BASE64_STANDARD.decode(text.as_bytes()) {
            Ok(bytes) if bytes.len() > limit => Body::TooLarge,
            Ok(bytes) => Body::Bytes(Cow::Owned(bytes)),
            Err(_) => Body::NotBase64,
        }
    }
}

/// An event's headers: `multiValueHeaders`, and `headers`.
pub(super) struct Headers<'a>([Vec<(Cow<'a, str>, &'a RawValue)>; 2]);

impl<'a> Headers<'a> {
    /// A header's value. Several are joined as HTTP joins them, which no single value equals.
    pub(super) fn get(&self, name: &str) -> Option<Cow<'a, str>> {
        self.0.iter().find_map(|members| {
            let values: Vec<Cow<'a, str>> = members
                .iter()
                .filter(|(other, _)| other.eq_ignore_ascii_case(name))
                .flat_map(|(_, value)| values(value))
                .collect();
            match <[_; 1]>::try_from(values) {
                Ok([value]) => Some(value),
                Err(values) if values.is_empty() => None,
                Err(values) => Some(values.join(", ").into()),
            }
        })
    }
}

fn escapes(text: &str) -> impl Iterator<Item = u8> {
    text.bytes().filter(|byte| *byte == b'\\')
}

/// A JSON string's text without the white space around it, escaped as it is. Of an escaped
/// backslash at its end, which no JWE has, this may cut off half.
fn trimmed(mut escaped: &str) -> &str {
    const WHITE_SPACE: [&str; 5] = [" ", r"\n", r"\r", r"\t", r"\f"];
    while let Some(rest) = WHITE_SPACE.iter().find_map(|it| escaped.strip_prefix(it)) {
        escaped = rest;
    }
    while let Some(rest) = WHITE_SPACE.iter().find_map(|it| escaped.strip_suffix(it)) {
        escaped = rest;
    }
    escaped
}

/// Whether a JSON string's text is longer than `most` bytes once its escapes are undone.
fn is_longer(escaped: &str, most: usize) -> bool {
    // An escape is six times as long as what it stands for at the most.
    if escaped.len() <= most || escaped.len() > most.saturating_mul(6) {
        return escaped.len() > most;
    }
    let mut rest = escaped.as_bytes();
    let mut len = 0;
    loop {
        let (bytes, after) = match rest {
            [b'\\', b'u', b'0', b'0', b'0'..=b'7', _, after @ ..] => (1, after),
            [b'\\', b'u', b'0', b'0'..=b'7', _, _, after @ ..] => (2, after),
            // Half of a surrogate pair, which is four bytes.
            [b'\\', b'u', b'd' | b'D', b'8'..=b'f', _, _, after @ ..] => (2, after),
            [b'\\', b'u', _, _, _, _, after @ ..] => (3, after),
            [b'\\', _, after @ ..] | [_, after @ ..] => (1, after),
            [] => break,
        };
        len += bytes;
        rest = after;
    }
    len > most
}

/// Whether an id is fit for an answer's header and for the log. `HeaderValue` takes more, but an
/// answer with such a header cannot be serialized, which the caller sees as a 502.
fn is_loggable(id: &str) -> bool {
    (1..=MAX_ID).contains(&id.len())
        && HeaderValue::from_str(id).is_ok_and(|value| value.to_str().is_ok())
}

fn text<'t>(text: &'t Option<Text<'_>>) -> Option<&'t str> {
    text.as_ref().map(|Text(text)| text.as_ref())
}

/// A header's values: a string, or a list of strings in `multiValueHeaders`.
fn values(raw: &RawValue) -> Vec<Cow<'_, str>> {
    match json::string(raw) {
        Some(value) => vec![value],
        None => serde_json::from_str::<Vec<Text<'_>>>(raw.get())
            .unwrap_or_default()
            .into_iter()
            .map(|Text(value)| value)
            .collect(),
    }
}

/// A value of another type than expected is absent.
fn lenient<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    let raw = <&RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(raw.get()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn raw(event: &serde_json::Value) -> Box<RawValue> {
        RawValue::from_string(event.to_string()).unwrap()
    }

    fn body(event: &serde_json::Value) -> Option<Vec<u8>> {
        match Event::read(&raw(event)).body(8) {
            Body::Bytes(bytes) => Some(bytes.into_owned()),
            Body::NotBase64 => None,
            Body::TooLarge => panic!("too large"),
        }
    }

    #[test]
    fn reads_the_path_of_each_payload() {
        let path = |event| Event::read(&raw(&event)).path().to_owned();
        let both = json!({"path": "/rest", "rawPath": "/http"});
        assert_eq!(path(both), "/rest");
        let one = json!({"version": "1.0", "path": "/rest", "rawPath": "/http"});
        assert_eq!(path(one), "/rest");
        let two = json!({"version": "2.0", "path": "/rest", "rawPath": "/http"});
        assert_eq!(path(two), "/http");
    }

    #[test]
    fn an_id_that_no_header_may_hold_is_none() {
        let id = |id: &str| {
            let event = json!({"requestContext": {"requestId": id, "extendedRequestId": id}});
            let raw = raw(&event);
            let event = Event::read(&raw);
            assert_eq!(event.request_id(), event.extended_request_id());
            event.request_id().map(str::to_owned)
        };
        let longest = "i".repeat(128);
        for sound in ["JKJaXmPLvHcESHA=", "a b", &longest] {
            assert_eq!(id(sound).as_deref(), Some(sound));
        }
        for unfit in ["", "caf\u{e9}", "a\nb", &"i".repeat(129)] {
            assert_eq!(id(unfit), None, "{unfit}");
        }
    }

    #[test]
    fn joins_a_header_that_comes_twice() {
        let header = |event: serde_json::Value| {
            Event::read(&raw(&event))
                .headers()
                .get("x-api-key")
                .map(Cow::into_owned)
        };
        assert_eq!(header(json!({"headers": {"X-Api-Key": "k"}})).unwrap(), "k");
        let multi =
            json!({"headers": {"X-API-KEY": "b"}, "multiValueHeaders": {"X-API-KEY": ["a", "b"]}});
        assert_eq!(header(multi).unwrap(), "a, b");
        let other = json!({"headers": {"X-API-KEY": "k"}, "multiValueHeaders": {"Accept": ["*"]}});
        assert_eq!(header(other).unwrap(), "k");
        assert_eq!(header(json!({"headers": null})), None);
        assert_eq!(
            header(json!({"headers": {"X-Api-Key": "\u{e9}", "Other": 1}})).unwrap(),
            "\u{e9}"
        );
        assert_eq!(header(json!({"headers": {"X-Api-Key": 1}})), None);
    }

    #[test]
    fn undoes_base64_within_the_limit() {
        assert_eq!(body(&json!({"body": "12345678"})).unwrap(), b"12345678");
        let encoded = |text: &str| json!({"body": text, "isBase64Encoded": true});
        assert_eq!(body(&encoded("MTIzNDU2Nzg=")).unwrap(), b"12345678");
        assert_eq!(body(&encoded("MTIz NDU2")), None);
        assert_eq!(body(&encoded("a.b")), None);
        for over in [
            json!({"body": "123456789"}),
            encoded("MTIzNDU2Nzg5"),
            encoded(&"A".repeat(99)),
        ] {
            assert!(matches!(Event::read(&raw(&over)).body(8), Body::TooLarge));
        }
    }

    #[test]
    fn tells_the_size_of_a_body_without_undoing_its_escapes() {
        for text in [
            "",
            "a",
            "\"\\/\n\u{1}\u{7f}",
            "\u{e9}\u{20ac}\u{1f600}",
            "\\u0041",
            "\\\\u0041",
        ] {
            let text = text.repeat(50);
            let plain = serde_json::to_string(&text).unwrap();
            let units = text.encode_utf16().map(|unit| format!("\\u{unit:04X}"));
            let escaped = format!("\"{}\"", units.collect::<String>());
            for json in [plain, escaped] {
                let inner = &json[1..json.len() - 1];
                assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
                assert!(!is_longer(inner, text.len()), "{json}");
                assert!(
                    text.is_empty() || is_longer(inner, text.len() - 1),
                    "{json}"
                );
            }
        }
    }

    #[test]
    fn leaves_a_body_of_escapes_as_it_is() {
        let read = |text: &str| match Event::read(&raw(&json!({"body": text}))).body(9000) {
            Body::Bytes(bytes) => bytes.into_owned(),
            _ => panic!("refused"),
        };
        let few = "\"".repeat(MAX_ESCAPES);
        assert_eq!(read(&few), few.as_bytes());
        let spaced = format!("{}a.b{}", "\n".repeat(1500), "\r\n \t".repeat(1500));
        assert_eq!(read(&spaced), b"a.b");
        let many = format!("\n{{{few}\"");
        assert!(read(&many).starts_with(b"{\\\"") && read(&many).len() > many.len());
        let slashes = format!(
            r#"{{"body":"{}","isBase64Encoded":true}}"#,
            "\\/\\/\\/\\/".repeat(100)
        );
        let event = RawValue::from_string(slashes).unwrap();
        let Body::Bytes(bytes) = Event::read(&event).body(9000) else {
            panic!("refused")
        };
        assert_eq!(bytes.as_ref(), [0xff; 300]);
    }

    #[test]
    fn a_foreign_event_is_one_for_no_path() {
        for foreign in [
            json!({}),
            json!([]),
            json!("x"),
            json!(null),
            json!({"Records": [{}]}),
        ] {
            let raw = raw(&foreign);
            let event = Event::read(&raw);
            assert_eq!((event.method(), event.path()), ("", ""));
            assert_eq!(body(&foreign).unwrap(), b"");
        }
        let wrong_types = json!({"path": 1, "httpMethod": [], "body": {}, "isBase64Encoded": "yes", "requestContext": 3});
        assert_eq!(body(&wrong_types).unwrap(), b"");
    }
}
