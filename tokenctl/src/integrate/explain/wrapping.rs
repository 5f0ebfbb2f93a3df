//! A body without what is around it, and what kind of thing it then is.

use super::{
    findings::{Findings, Step},
    layers::{DEPTH, Goal, is_compact},
};
use crate::integrate::{page::quoted, rules::MAX_BODY};

/// What is left without the wrapping.
pub(super) enum Wrapped {
    Nothing,
    WebPage,
    Json(String),
    Jwe(String),
}

/// Most layers that are taken off.
const MAX_LAYERS: usize = 12;

/// Takes off what the service takes off (protocol.md, Request: Body), then whatever else can be,
/// and says so. Gives what was sent, too: the text without what a tool has shown around it.
pub(super) fn unwrap(bytes: &[u8], findings: &mut Findings) -> (Vec<u8>, Wrapped) {
    let step = Step::Body;
    let mut bytes = bytes.to_vec();
    let mut shown = Goal::Jwe.peel(trimmed(&bytes), DEPTH);
    while let Some(layer) = shown.filter(|layer| layer.is_transport) {
        findings.note(
            step,
            format!("{}: what follows is about that alone", layer.is),
        );
        bytes = layer.inner;
        shown = Goal::Jwe.peel(trimmed(&bytes), DEPTH);
    }
    let sent = bytes;
    if sent.len() > MAX_BODY {
        let size = sent.len();
        findings.fault(
            step,
            format!("it has {size} bytes: a request's body has at most {MAX_BODY} (32 KiB)"),
        );
    }
    // A file's last line break is nothing to speak of.
    if sent.first().is_some_and(u8::is_ascii_whitespace) && !sent.trim_ascii().is_empty() {
        findings.note(step, "white space before it is dropped by the service");
    }
    let mut bare = trimmed(&sent);
    let quoted = bare
        .strip_prefix(b"\"")
        .and_then(|it| it.strip_suffix(b"\""));
    if let Some(unquoted) = quoted.filter(|it| !it.iter().any(|b| b"\\\"".contains(b))) {
        findings.note(
            step,
            "one pair of double quotes around it is dropped by the service",
        );
        bare = unquoted;
    }
    let text = without_layers(bare, findings);
    let wrapped = classify(text, findings);
    (sent, wrapped)
}

/// White space is dropped from text alone: compressed bytes may end in its codes.
fn trimmed(bytes: &[u8]) -> &[u8] {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.as_bytes().trim_ascii(),
        Err(_) => bytes,
    }
}

fn without_layers(bare: &[u8], findings: &mut Findings) -> String {
    let mut bytes = bare.to_vec();
    for _ in 0..MAX_LAYERS {
        let Some(layer) = Goal::Jwe.peel(&bytes, DEPTH) else {
            break;
        };
        findings.fault(
            Step::Body,
            format!("{}: send the five segments alone", layer.is),
        );
        bytes = trimmed(&layer.inner).to_vec();
    }
    String::from_utf8(bytes).unwrap_or_else(|error| {
        let at = error.utf8_error().valid_up_to() + 1;
        findings.fault(
            Step::Body,
            format!("it is not text: byte {at} is not UTF-8. Is it compressed, or the bytes of something else?"),
        );
        String::from_utf8_lossy(error.as_bytes()).into_owned()
    })
}

fn classify(text: String, findings: &mut Findings) -> Wrapped {
    let step = Step::Body;
    match text.chars().next() {
        None => {
            findings.fault(
                step,
                "it is empty: a compact JWE of five segments is due. Was it sent by GET, whose body many libraries drop?",
            );
            Wrapped::Nothing
        }
        Some('<') => {
            findings.fault(
                step,
                "it is a web page, and neither a request nor an answer of the service: something else answered. \
                 Is the URL the token service's? Is a proxy or a firewall in between?",
            );
            Wrapped::WebPage
        }
        Some('@') => {
            findings.fault(
                step,
                format!("it names a file, {}: explain that file", quoted(&text)),
            );
            Wrapped::Nothing
        }
        _ if WORDS.contains(&text.as_str()) || text.starts_with("[object ") => {
            findings.fault(
                step,
                format!(
                    "it is {}, as a program writes what is no text: was a variable empty, a Promise not awaited, or an \
                     object not made JSON and encrypted?",
                    quoted(&text)
                ),
            );
            Wrapped::Nothing
        }
        Some('{' | '[') => Wrapped::Json(text),
        Some(_) => match plain(&text, findings) {
            Some(json) => Wrapped::Json(json),
            None => Wrapped::Jwe(text),
        },
    }
}

/// What languages write for nothing.
const WORDS: [&str; 7] = ["undefined", "null", "None", "nil", "NaN", "true", "false"];

/// JSON that is encoded, and not encrypted.
fn plain(text: &str, findings: &mut Findings) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    if is_compact(text) || !Goal::Object.is_under(&bytes, DEPTH) {
        return None;
    }
    while let Some(layer) = Goal::Object.peel(&bytes, DEPTH) {
        findings.note(
            Step::Body,
            format!("{}: what follows is about what it becomes", layer.is),
        );
        bytes = layer.inner;
    }
    String::from_utf8(bytes).ok()
}
