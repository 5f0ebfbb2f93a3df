//! What is around the message: white space, quotes, a byte order mark; and what kind of thing it
//! is.

use base64::{Engine, prelude::BASE64_STANDARD};
use peers::pasted::CURLY_QUOTES;

use super::findings::{Findings, Step};
use crate::integrate::rules::MAX_BODY;

/// What is left without the wrapping.
pub(super) enum Wrapped {
    Nothing,
    WebPage,
    Json(String),
    Jwe(String),
}

/// Takes off what the service takes off (protocol.md, Request: Body), then whatever else can be,
/// and says so.
pub(super) fn unwrap(bytes: &[u8], findings: &mut Findings) -> Wrapped {
    let step = Step::Body;
    if bytes.len() > MAX_BODY {
        let size = bytes.len();
        findings.fault(
            step,
            format!("it has {size} bytes: a request's body has at most {MAX_BODY} (32 KiB)"),
        );
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(error) => {
            let at = error.valid_up_to() + 1;
            findings.fault(step, format!("it is not text: byte {at} is not UTF-8"));
            String::from_utf8_lossy(bytes).into_owned()
        }
    };
    let ascii_space = |c: char| c.is_ascii_whitespace();
    let mut text = text.as_str().trim_matches(ascii_space);
    // A file's last line break is nothing to speak of.
    if text.len() < bytes.trim_ascii_end().len() {
        findings.note(step, "white space before it is dropped by the service");
    }
    if let Some(unquoted) = text.strip_prefix('"').and_then(|it| it.strip_suffix('"')) {
        findings.note(
            step,
            "one pair of double quotes around it is dropped by the service",
        );
        text = unquoted;
    }
    let text = unwrap_what_the_service_leaves(text, findings);
    classify(&text, findings)
}

fn unwrap_what_the_service_leaves(text: &str, findings: &mut Findings) -> String {
    let mut text = text;
    loop {
        let first = text.chars().next();
        let last = text.chars().next_back();
        let at_an_end =
            |test: &dyn Fn(char) -> bool| first.is_some_and(test) || last.is_some_and(test);
        let (what, dropped): (&str, &dyn Fn(char) -> bool) = if first == Some('\u{feff}') {
            ("a byte order mark before it", &|c| c == '\u{feff}')
        } else if at_an_end(&|c| CURLY_QUOTES.contains(c)) {
            ("curly quotes around it, as from a document", &|c| {
                CURLY_QUOTES.contains(c)
            })
        } else if at_an_end(&|c| c == '\'') {
            ("single quotes around it", &|c| c == '\'')
        } else if at_an_end(&|c| c == '"') {
            (
                "double quotes around it that are not the one pair that is allowed",
                &|c| c == '"',
            )
        } else if at_an_end(&char::is_whitespace) {
            (
                "white space inside its quotes, or other than ASCII's",
                &char::is_whitespace,
            )
        } else {
            return text.to_owned();
        };
        findings.fault(
            Step::Body,
            format!("it has {what}: send the five segments alone"),
        );
        text = text.trim_matches(dropped);
    }
}

fn classify(text: &str, findings: &mut Findings) -> Wrapped {
    let step = Step::Body;
    match text.chars().next() {
        None => {
            findings.fault(step, "it is empty: a compact JWE of five segments is due");
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
        Some('{' | '[') => Wrapped::Json(text.to_owned()),
        Some(_) => Wrapped::Jwe(without_base64(text, findings)),
    }
}

/// A JWE that somebody has put into base64 as a whole is shown as what it is.
fn without_base64(text: &str, findings: &mut Findings) -> String {
    let inner = (!text.contains('.'))
        .then(|| BASE64_STANDARD.decode(text).ok())
        .flatten()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .filter(|inner| inner.starts_with("ey") && inner.contains('.'));
    match inner {
        Some(inner) => {
            findings.fault(
                Step::Body,
                "it is a JWE in base64 as a whole: send the JWE itself, which is text already",
            );
            inner
        }
        None => text.to_owned(),
    }
}
