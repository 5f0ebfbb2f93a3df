//! The service's own rules, and its faults in words for the one who wrote the request.

use peers::pasted;
use ring::rand::SystemRandom;
use time::OffsetDateTime;
use token_service::request::{IssueRequest, JsonFault, MemberFault, RequestFault, RequestFields};

use super::{hints, members::Members};

/// Largest body that the service takes, in bytes (protocol.md, Request).
pub(crate) const MAX_BODY: usize = 32 * 1024;
/// Deepest nesting that it takes; the outermost object is 1.
pub(crate) const MAX_DEPTH: usize = 8;
/// Largest protected header, decoded, in bytes.
pub(crate) const MAX_HEADER: usize = 1024;

/// Reads a plaintext as the service does.
pub(crate) fn check(plaintext: &[u8]) -> Result<IssueRequest, RequestFault> {
    let today = OffsetDateTime::now_utc().date();
    RequestFields::parse(plaintext, today)?.agree(&SystemRandom::new())
}

/// Every fault, one a line.
pub(crate) fn in_words(fault: &RequestFault, plaintext: &[u8]) -> Vec<String> {
    match fault {
        RequestFault::Json { fault, .. } => vec![format!("it {}", json_in_words(fault, plaintext))],
        RequestFault::Members { faults, .. } => {
            let text = String::from_utf8_lossy(plaintext);
            let members = Members::parse(&text).unwrap_or_default();
            let hint = |field| Some(format!(": {}", hints::of(field, members.present(field)?)?));
            faults
                .iter()
                .map(|MemberFault { field, reason }| {
                    format!("{field} {reason}{}", hint(field).unwrap_or_default())
                })
                .collect()
        }
        RequestFault::Generator => vec![fault.to_string()],
    }
}

/// One character for a person: as itself if that can be seen and told from others.
pub(crate) fn one(character: char) -> String {
    match character.is_ascii_graphic() {
        true => format!("the character {character}"),
        false => format!("the character U+{:04X}", u32::from(character)),
    }
}

/// A fault of the JSON: what follows `it`.
pub(crate) fn json_in_words(fault: &JsonFault, text: &[u8]) -> String {
    match fault {
        JsonFault::NotUtf8 => {
            let at = std::str::from_utf8(text).map_or_else(|error| error.valid_up_to(), str::len);
            format!("is not UTF-8: see byte {}", at + 1)
        }
        JsonFault::Syntax { line, column } => {
            let text = String::from_utf8_lossy(text);
            format!(
                "is not JSON: {}",
                pasted::where_json_breaks(&text, *line, *column)
            )
        }
        JsonFault::LoneSurrogate { path } if path.is_empty() => {
            "has half of a surrogate pair (\\ud800 to \\udfff) in a member's name".to_owned()
        }
        JsonFault::LoneSurrogate { path } => {
            format!("has half of a surrogate pair (\\ud800 to \\udfff) in {path}")
        }
        JsonFault::Repeated { path } => format!("has the member {path} twice"),
        JsonFault::TooDeep { limit, path } => {
            format!("is nested deeper than {limit} levels at {path}")
        }
        JsonFault::NotAnObject => "is JSON, but not an object, {...}".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> String {
        let fault = check(text.as_bytes()).unwrap_err();
        in_words(&fault, text.as_bytes()).join("\n")
    }

    #[test]
    fn says_every_fault_of_the_members_at_once() {
        let words = words(r#"{"referenceId":"a/b","email":"x"}"#);
        assert_eq!(words.lines().count(), 5, "{words}");
        assert!(words.contains("referenceId must be 1-64"), "{words}");
        assert!(words.contains("accountNumber is required"), "{words}");
    }

    #[test]
    fn names_what_is_wrong_with_the_json() {
        assert!(words("{“a”: 1}").contains("column 2: a curly quote"));
        assert!(words(r#"{"a":{"b":1,"b":2}}"#).contains("a.b twice"));
        assert!(words("[]").contains("not an object"));
    }
}
