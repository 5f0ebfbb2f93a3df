//! Strict JSON: what RFC 8259 allows, less what two parsers may read differently.
//!
//! Members repeated at any depth (after unescaping) and nesting past a limit are refused, and a
//! number stays the text that was sent, so `1e3`, `-0` and 19 digits are told apart exactly.
//! What the members mean is the reader's business: `request` and `secrets`.

mod members;
mod secret;

use std::{borrow::Cow, fmt};

use serde_json::value::RawValue;

use members::{Members, repeated};
pub(crate) use members::{Text, members, shallow_object, string};
pub(crate) use secret::write_secret;

/// A JSON value that borrows from its text where it can.
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    /// The number's text, as sent.
    Number(&'a str),
    String(Cow<'a, str>),
    Array(Vec<Value<'a>>),
    Object(Object<'a>),
}

/// A JSON object's members, in the order sent; no name occurs twice.
pub(crate) struct Object<'a>(Vec<(Cow<'a, str>, Value<'a>)>);

impl<'a> Object<'a> {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Value<'a>)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value))
    }

    pub(crate) fn member(&self, name: &str) -> Option<&Value<'a>> {
        self.iter()
            .find_map(|(other, value)| (other == name).then_some(value))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Why a text is refused. No variant holds a value; paths hold the members' names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// Not UTF-8.
    #[error("is not UTF-8")]
    NotUtf8,
    /// Not JSON.
    #[error("is not JSON: syntax error at line {line}, column {column}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in bytes.
        column: usize,
    },
    /// A string or a member's name holds half of a surrogate pair.
    #[error("has a string with a lone surrogate")]
    LoneSurrogate {
        /// Where, as `partners[0].name`; empty for the outermost value.
        path: String,
    },
    /// A name occurs twice in one object.
    #[error("has a repeated member")]
    Repeated {
        /// The repeated member.
        path: String,
    },
    /// Nested deeper than the limit.
    #[error("is nested deeper than {limit}")]
    TooDeep {
        /// The limit; the outermost value is 1.
        limit: usize,
        /// The first value past the limit.
        path: String,
    },
    /// JSON, but not an object.
    #[error("is not a JSON object")]
    NotAnObject,
}

/// Reads one JSON object.
///
/// The outermost object has depth 1; one nested deeper than `limit` is refused.
pub(crate) fn object(text: &[u8], limit: usize) -> Result<Object<'_>, JsonFault> {
    let text = std::str::from_utf8(text).map_err(|_| JsonFault::NotUtf8)?;
    // Once over the whole text, for the line and column of a syntax error.
    let raw: &RawValue = serde_json::from_str(text).map_err(|error| JsonFault::Syntax {
        line: error.line(),
        column: error.column(),
    })?;
    match value(raw.get(), limit, limit, &Path::Root)? {
        Value::Object(object) => Ok(object),
        _ => Err(JsonFault::NotAnObject),
    }
}

/// `raw` is JSON by syntax: only its strings can still be wrong.
fn value<'a>(
    raw: &'a str,
    left: usize,
    limit: usize,
    path: &Path<'_>,
) -> Result<Value<'a>, JsonFault> {
    let too_deep = || JsonFault::TooDeep {
        limit,
        path: path.to_string(),
    };
    let lone_surrogate = |_| JsonFault::LoneSurrogate {
        path: path.to_string(),
    };
    match raw.as_bytes().first() {
        Some(b'{') => {
            let left = left.checked_sub(1).ok_or_else(too_deep)?;
            let Members(members) = serde_json::from_str(raw).map_err(lone_surrogate)?;
            if let Some(name) = repeated(&members) {
                let path = Path::Member(path, name).to_string();
                return Err(JsonFault::Repeated { path });
            }
            let read = |(name, raw): (Cow<'a, str>, &'a RawValue)| {
                let read = value(raw.get(), left, limit, &Path::Member(path, &name))?;
                Ok((name, read))
            };
            let members: Result<_, _> = members.into_iter().map(read).collect();
            Ok(Value::Object(Object(members?)))
        }
        Some(b'[') => {
            let left = left.checked_sub(1).ok_or_else(too_deep)?;
            let elements: Vec<&'a RawValue> = serde_json::from_str(raw).map_err(lone_surrogate)?;
            let read = |(index, raw): (usize, &'a RawValue)| {
                value(raw.get(), left, limit, &Path::Element(path, index))
            };
            let elements: Result<_, _> = elements.into_iter().enumerate().map(read).collect();
            Ok(Value::Array(elements?))
        }
        Some(b'"') => {
            let Text(text) = serde_json::from_str(raw).map_err(lone_surrogate)?;
            Ok(Value::String(text))
        }
        Some(b't') => Ok(Value::Bool(true)),
        Some(b'f') => Ok(Value::Bool(false)),
        Some(b'n') => Ok(Value::Null),
        _ => Ok(Value::Number(raw)),
    }
}

/// Where a value stands, for a fault's path.
enum Path<'p> {
    Root,
    Member(&'p Path<'p>, &'p str),
    Element(&'p Path<'p>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            // Quoted, so that a name with a dot can't be taken for a path.
            Self::Member(parent, name) if !is_plain(name) => write!(f, "{parent}[{name:?}]"),
            Self::Member(Self::Root, name) => f.write_str(name),
            Self::Member(parent, name) => write!(f, "{parent}.{name}"),
            Self::Element(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> JsonFault {
        match object(text.as_bytes(), 8) {
            Ok(_) => panic!("accepted: {text}"),
            Err(fault) => fault,
        }
    }

    #[test]
    fn keeps_a_number_as_it_was_sent() {
        let Ok(object) = object(br#" {"a":1234567890123456789,"b":1e999,"c":-0} "#, 8) else {
            panic!("refused")
        };
        let number = |name| match object.member(name) {
            Some(Value::Number(text)) => *text,
            _ => "",
        };
        assert_eq!(number("a"), "1234567890123456789");
        assert_eq!(number("b"), "1e999");
        assert_eq!(number("c"), "-0");
    }

    #[test]
    fn refuses_repeated_members_plain_escaped_and_nested() {
        for (text, path) in [
            (r#"{"a":1,"a":2}"#, "a"),
            (r#"{"a":1,"\u0061":2}"#, "a"),
            (r#"{"x":{"y":[0,{"b":1,"b":1}]}}"#, "x.y[1].b"),
            (r#"{"x.y":{"b":1,"b":1}}"#, r#"["x.y"].b"#),
        ] {
            let path = path.to_owned();
            assert_eq!(fault(text), JsonFault::Repeated { path });
        }
    }

    #[test]
    fn finds_the_first_repeated_member_among_few_and_many() {
        for len in [2, 3, members::FEW, members::FEW + 1, 40] {
            let names: Vec<String> = (0..len).map(|at| format!("m{at}")).collect();
            let text = |names: &[String]| {
                let members: Vec<String> = names.iter().map(|it| format!(r#""{it}":0"#)).collect();
                format!("{{{}}}", members.join(","))
            };
            assert!(object(text(&names).as_bytes(), 8).is_ok(), "{len}");
            for (first, again) in [(0, 1), (0, len - 1), (len - 2, len - 1)] {
                let mut names = names.clone();
                names[again] = names[first].clone();
                let path = names[first].clone();
                assert_eq!(fault(&text(&names)), JsonFault::Repeated { path }, "{len}");
            }
        }
        let path = "b".to_owned();
        let text = r#"{"a":0,"b":0,"b":0,"a":0}"#;
        assert_eq!(fault(text), JsonFault::Repeated { path });
    }

    #[test]
    fn refuses_the_ninth_level_and_takes_the_eighth() {
        let nested = |arrays: usize| {
            let (open, close) = ("[".repeat(arrays), "]".repeat(arrays));
            format!(r#"{{"a":{open}{close}}}"#)
        };
        assert!(object(nested(7).as_bytes(), 8).is_ok());
        assert!(matches!(
            fault(&nested(8)),
            JsonFault::TooDeep { limit: 8, .. }
        ));
        assert!(matches!(fault(&nested(9_000)), JsonFault::TooDeep { .. }));
    }

    #[test]
    fn tells_the_kinds_of_values_apart() {
        let Ok(object) = object(br#"{"t":true,"f":false,"n":null,"e":[],"o":{}}"#, 8) else {
            panic!("refused")
        };
        let member = |name| object.member(name);
        assert!(matches!(member("t"), Some(Value::Bool(true))));
        assert!(matches!(member("f"), Some(Value::Bool(false))));
        assert!(matches!(member("n"), Some(Value::Null)));
        assert!(matches!(member("e"), Some(Value::Array(elements)) if elements.is_empty()));
        assert!(matches!(member("o"), Some(Value::Object(members)) if members.len() == 0));
    }

    #[test]
    fn says_where_the_syntax_breaks() {
        let expected = JsonFault::Syntax { line: 2, column: 5 };
        assert_eq!(fault("{\n\"a\":}"), expected);
    }

    #[test]
    fn refuses_what_is_not_one_object_of_sound_text() {
        assert_eq!(fault("[]"), JsonFault::NotAnObject);
        assert!(matches!(fault(""), JsonFault::Syntax { .. }));
        assert!(matches!(fault("{} {}"), JsonFault::Syntax { .. }));
        assert!(matches!(fault("{\"a\":NaN}"), JsonFault::Syntax { .. }));
        assert!(matches!(fault("\u{feff}{}"), JsonFault::Syntax { .. }));
        assert!(matches!(
            fault(r#"{"a":["\ud800"]}"#),
            JsonFault::LoneSurrogate { path } if path == "a[0]"
        ));
        assert!(matches!(
            object(b"{\"a\":\"\xff\"}", 8),
            Err(JsonFault::NotUtf8)
        ));
    }
}
