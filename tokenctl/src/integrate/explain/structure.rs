//! What is inside, as JSON: all that is wrong with its structure, and not only the first of it.

use std::collections::HashMap;

use serde_json::{Deserializer, value::RawValue};
use token_service::request::JsonFault;

use super::{
    findings::{Findings, Step},
    repair::{Slip, repair},
};
use crate::integrate::{
    members::Members,
    page::quoted,
    rules::{self, MAX_DEPTH},
};

const STEP: Step = Step::Json;

/// Examines a plaintext that has nothing around it, and gives the members of what is, or was meant
/// to be, its object.
pub(super) fn examine(plaintext: &[u8], findings: &mut Findings) -> Option<Members> {
    if plaintext.trim_ascii().is_empty() {
        findings.fault(STEP, "it is not JSON: it is empty");
        return None;
    }
    let text = match std::str::from_utf8(plaintext) {
        Ok(text) => text.to_owned(),
        Err(_) => {
            let words = rules::json_in_words(&JsonFault::NotUtf8, plaintext);
            let latin: String = plaintext.iter().map(|byte| char::from(*byte)).collect();
            if !latin.trim_start().starts_with('{') {
                findings.fault(
                    STEP,
                    format!("it {words}. It is no text: is it JSON at all?"),
                );
                return None;
            }
            findings.fault(
                STEP,
                format!("it {words}. Is it Latin-1 (ISO-8859-1, Windows-1252)?"),
            );
            latin
        }
    };
    let text = repaired(&text, findings)?;
    if !text.trim_start().starts_with('{') {
        findings.fault(STEP, "it is JSON, but not an object, {...}");
        return None;
    }
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
    if let Some((meant, slips)) = repair(text) {
        for Slip { at, is } in slips {
            let before = text.get(..at).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let column = before
                .rsplit('\n')
                .next()
                .unwrap_or_default()
                .chars()
                .count()
                + 1;
            findings.fault(
                STEP,
                format!("it is not JSON: line {line}, column {column}: {is}"),
            );
        }
        findings.note(STEP, "what follows reads it as it was probably meant");
        return Some(meant);
    }
    let mut values = Deserializer::from_str(text).into_iter::<Box<RawValue>>();
    if let Some(Ok(first)) = values.next()
        && first.get().starts_with(['{', '['])
    {
        findings.fault(
            STEP,
            format!("it {words}: something follows the end of the object"),
        );
        return Some(first.get().to_owned());
    }
    let start = text.trim_start();
    let kind = if start.starts_with('<') {
        ". It is XML or HTML: a JSON object, {...}, is due"
    } else if start.starts_with("[object ") {
        ". It is what JavaScript writes for an object as text: JSON.stringify makes it JSON"
    } else if !start.starts_with(['{', '[']) {
        ". A JSON object begins with {"
    } else {
        ""
    };
    findings.fault(STEP, format!("it {words}{kind}"));
    None
}

fn walk_members(members: &Members, path: &str, depth: usize, findings: &mut Findings) {
    let mut seen = HashMap::new();
    for (name, raw) in members.iter() {
        let path = match (path, is_plain(name)) {
            (_, false) => format!("{path}[{}]", quoted(name)),
            ("", true) => name.to_owned(),
            (path, true) => format!("{path}.{name}"),
        };
        let times: &mut usize = seen.entry(name).or_default();
        *times += 1;
        if *times == 2 {
            findings.fault(
                STEP,
                format!("the member {path} is repeated: readers differ in which one they take"),
            );
        }
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
