//! What is inside, as JSON: all that is wrong with its structure, and not only the first of it.

use peers::pasted::CURLY_QUOTES;
use serde_json::{Deserializer, value::RawValue};
use token_service::request::JsonFault;

use super::findings::{Findings, Step};
use crate::integrate::{
    members::Members,
    page::quoted,
    rules::{self, MAX_DEPTH},
};

const STEP: Step = Step::Json;

/// Examines a plaintext, and gives the members of what is, or was meant to be, its object.
pub(super) fn examine(plaintext: &[u8], findings: &mut Findings) -> Option<Members> {
    if plaintext.is_empty() {
        findings.fault(STEP, "it is not JSON: it is empty");
        return None;
    }
    let lossy = String::from_utf8_lossy(plaintext);
    if std::str::from_utf8(plaintext).is_err() {
        let words = rules::json_in_words(&JsonFault::NotUtf8, plaintext);
        findings.fault(STEP, format!("it {words}"));
    }
    let text = match lossy.strip_prefix('\u{feff}') {
        Some(rest) => {
            findings.fault(
                STEP,
                "it is not JSON: it begins with a byte order mark, which JSON does not have",
            );
            rest
        }
        None => &lossy,
    };
    let repaired = repaired(text, findings)?;
    let text = unwrapped(&repaired, findings)?;
    let members = match Members::parse(&text) {
        Ok(members) => members,
        // JSON by now, and an object: what is left is a name that is no text.
        Err(_) => {
            findings.fault(
                STEP,
                "a member's name has half of a surrogate pair (\\ud800 to \\udfff)",
            );
            return None;
        }
    };
    walk_members(&members, "", 1, findings);
    if !findings.has_fault_at(STEP) {
        findings.ok(
            STEP,
            format!(
                "it is one JSON object in UTF-8, no member is repeated, and it is at most {MAX_DEPTH} levels deep"
            ),
        );
    }
    Some(members)
}

/// The text if it is JSON, or its fault and what it was probably meant to be.
fn repaired(text: &str, findings: &mut Findings) -> Option<String> {
    let Err(error) = serde_json::from_str::<&RawValue>(text) else {
        return Some(text.to_owned());
    };
    let (line, column) = (error.line(), error.column());
    let fault = JsonFault::Syntax { line, column };
    let words = rules::json_in_words(&fault, text.as_bytes());
    let straight = text.replace(|c| CURLY_QUOTES.contains(c), "\"");
    let mut values = Deserializer::from_str(text).into_iter::<Box<RawValue>>();
    if serde_json::from_str::<&RawValue>(&straight).is_ok() {
        findings.fault(STEP, format!("it {words}"));
        findings.note(STEP, "what follows reads the curly quotes as straight ones");
        return Some(straight);
    }
    if let Some(Ok(first)) = values.next() {
        findings.fault(
            STEP,
            format!("it {words}: something follows the end of the object"),
        );
        return Some(first.get().to_owned());
    }
    findings.fault(STEP, format!("it {words}"));
    None
}

/// The text if it is an object, or the object in a string that was encoded twice.
fn unwrapped(text: &str, findings: &mut Findings) -> Option<String> {
    let inner = match text.trim_start().chars().next() {
        Some('{') => return Some(text.to_owned()),
        Some('"') => serde_json::from_str::<String>(text).ok(),
        _ => None,
    };
    let is_object = |inner: &String| {
        inner.trim_start().starts_with('{') && serde_json::from_str::<&RawValue>(inner).is_ok()
    };
    match inner.filter(is_object) {
        Some(inner) => {
            findings.fault(
                STEP,
                "it is not an object but a string with one in it: it was made JSON twice",
            );
            Some(inner)
        }
        None => {
            findings.fault(STEP, "it is JSON, but not an object, {...}");
            None
        }
    }
}

fn walk_members(members: &Members, path: &str, depth: usize, findings: &mut Findings) {
    let mut seen = Vec::new();
    for (name, raw) in members.iter() {
        let path = match (path, is_plain(name)) {
            (_, false) => format!("{path}[{}]", quoted(name)),
            ("", true) => name.to_owned(),
            (path, true) => format!("{path}.{name}"),
        };
        if seen.contains(&name) {
            findings.fault(
                STEP,
                format!("the member {path} is repeated: readers differ in which one they take"),
            );
        }
        seen.push(name);
        walk(raw, &path, depth, findings);
    }
}

/// `depth` is that of what `raw` stands in.
fn walk(raw: &RawValue, path: &str, depth: usize, findings: &mut Findings) {
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'{' | b'[') if depth >= MAX_DEPTH => findings.fault(
            STEP,
            format!("it is nested deeper than {MAX_DEPTH} levels at {path}"),
        ),
        Some(b'{') => match Members::parse(text) {
            Ok(members) => walk_members(&members, path, depth + 1, findings),
            Err(_) => lone_surrogate(&format!("a member's name in {path}"), findings),
        },
        Some(b'[') => {
            let elements: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
            for (index, element) in elements.into_iter().enumerate() {
                walk(element, &format!("{path}[{index}]"), depth + 1, findings);
            }
        }
        Some(b'"') if serde_json::from_str::<String>(text).is_err() => {
            lone_surrogate(path, findings);
        }
        _ => {}
    }
}

fn lone_surrogate(path: &str, findings: &mut Findings) {
    findings.fault(
        STEP,
        format!(
            "{path} has half of a surrogate pair (\\ud800 to \\udfff): was an emoji cut in two?"
        ),
    );
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
