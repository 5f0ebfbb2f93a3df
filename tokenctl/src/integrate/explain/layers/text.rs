//! Layers of text: quotes, escapes and encodings.

use std::borrow::Cow;

use base64::Engine;
use peers::pasted::CURLY_QUOTES;
use percent_encoding::percent_decode_str;

use super::{ANY_BASE64, ANY_BASE64URL, Goal, Layer, compact::is_compact};

pub(super) fn quotes(goal: Goal, text: &str) -> Option<Layer> {
    let (first, last) = (text.chars().next()?, text.chars().next_back()?);
    let at_an_end = |test: &dyn Fn(char) -> bool| test(first) || test(last);
    let trimmed =
        |is: &str, dropped: &dyn Fn(char) -> bool| Some(Layer::of(is, text.trim_matches(dropped)));
    let is_mark = |c: char| c == '\u{feff}';
    if is_mark(first) {
        return trimmed("it has a byte order mark before it", &is_mark);
    }
    if let Some(rest) = text.strip_prefix("ï»¿") {
        return Some(Layer::of(
            "it has a byte order mark before it that was read as Latin-1",
            rest,
        ));
    }
    if let Some(inner) = text.strip_prefix("b'").and_then(|it| it.strip_suffix('\'')) {
        return Some(Layer::of(
            "it is written as Python writes bytes (b'...'): decode them to text",
            inner,
        ));
    }
    if goal == Goal::Object {
        return at_an_end(&|c| c.is_whitespace() && !c.is_ascii_whitespace())
            .then(|| {
                trimmed(
                    "it has white space around it other than ASCII's",
                    &char::is_whitespace,
                )
            })
            .flatten();
    }
    if at_an_end(&|c| CURLY_QUOTES.contains(c)) {
        trimmed("it has curly quotes around it, as from a document", &|c| {
            CURLY_QUOTES.contains(c)
        })
    } else if at_an_end(&|c| c == '\'') {
        trimmed("it has single quotes around it", &|c| c == '\'')
    } else if at_an_end(&|c| c == '`') {
        trimmed("it has backticks around it", &|c| c == '`')
    } else if at_an_end(&|c| c == '"') && !text.contains('\\') {
        trimmed(
            "it has double quotes around it that are not the one pair that is allowed",
            &|c| c == '"',
        )
    } else if at_an_end(&char::is_whitespace) {
        trimmed(
            "it has white space inside its quotes, or other than ASCII's",
            &char::is_whitespace,
        )
    } else {
        None
    }
}

/// Text that a program's source joins: `"eyJ..." + "..."`.
pub(super) fn pieces(goal: Goal, text: &str) -> Option<Layer> {
    let quote = text.chars().find(|c| matches!(c, '"' | '\''))?;
    let parts: Vec<&str> = text.split(quote).collect();
    let between = parts.iter().skip(2).step_by(2);
    let is_joined = between
        .rev()
        .skip(1)
        .all(|it| it.chars().all(|c| c.is_whitespace() || "+.\\".contains(c)));
    if goal != Goal::Jwe || parts.len() < 5 || parts.len().is_multiple_of(2) || !is_joined {
        return None;
    }
    let joined: String = parts.iter().skip(1).step_by(2).copied().collect();
    let is = "it is in pieces, as in a program's source";
    is_compact(&joined).then(|| Layer::of(is, joined))
}

pub(super) fn armour(text: &str) -> Option<Layer> {
    let rest = text.strip_prefix("-----BEGIN")?;
    let (_, rest) = rest.split_once('\n')?;
    let (body, _) = rest.split_once("-----END").unwrap_or((rest, ""));
    let lines = body.lines().filter(|line| !line.contains(": "));
    let body: String = lines
        .flat_map(str::chars)
        .filter(|c| !c.is_whitespace())
        .collect();
    Some(Layer::of(
        "it has PEM's BEGIN and END lines around it",
        body,
    ))
}

pub(super) fn percent(text: &str) -> Option<Layer> {
    let decoded = unescape_percent(text);
    (decoded != text).then(|| Layer::of("it is percent-encoded", decoded))
}

pub(super) fn unescape_percent(text: &str) -> String {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map_or_else(|_| text.to_owned(), Cow::into_owned)
}

/// XML, HTML or its entities.
pub(super) fn markup(text: &str) -> Option<Layer> {
    let mut bare = String::new();
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once('<') {
        bare.push_str(before);
        rest = match tag.strip_prefix("![CDATA[") {
            Some(data) => {
                let (data, after) = data.split_once("]]>").unwrap_or((data, ""));
                bare.push_str(data);
                after
            }
            None => tag.split_once('>').map_or("", |(_, after)| after),
        };
    }
    bare.push_str(rest);
    for (entity, character) in [
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#x22;", "\""),
        ("&apos;", "'"),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&#46;", "."),
        ("&period;", "."),
        ("&lowbar;", "_"),
        ("&nbsp;", " "),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
    ] {
        bare = bare.replace(entity, character);
    }
    let is = match text.starts_with('<') {
        true => "it is inside XML or HTML",
        false => "it has XML's or HTML's tags or entities in it",
    };
    // Quotes that were entities are of the same layer.
    (bare != text).then(|| Layer::of(is, bare.trim().trim_matches('"')))
}

pub(super) fn quoted_printable(text: &str) -> Option<Layer> {
    let marks = ["=\r\n", "=\n", "=3D", "=2E", "=5F", "=2D"];
    marks.iter().find(|mark| text.contains(**mark))?;
    let joined = text.replace("=\r\n", "").replace("=\n", "");
    let decoded = unescape_percent(&joined.replace('=', "%"));
    Some(Layer::of(
        "it is quoted-printable, as in an e-mail",
        decoded,
    ))
}

/// A text out of a program's source or a log: `\"eyJ...\"`, `\u002e`, `\n`.
pub(super) fn escaped(goal: Goal, text: &str) -> Option<Layer> {
    // A string in JSON may have an escape that is wrong, which is another fault.
    let is_bare = |text: &str| text.trim_matches('"').replace("\\\"", "").contains('"');
    if !text.contains('\\') || goal == Goal::Object && is_bare(text) {
        return None;
    }
    let whole = text.replace("\\\n", "").replace('\n', "\\n");
    let inner = whole.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
    let inner = inner.unwrap_or(&whole);
    let decoded = serde_json::from_str::<String>(&format!("\"{inner}\""))
        .unwrap_or_else(|_| whole.replace('\\', ""));
    Some(Layer::of(
        "it has backslashes in it, as in a program's source",
        decoded.trim().trim_matches('"'),
    ))
}

pub(super) fn base64(goal: Goal, text: &str) -> Option<Layer> {
    let bare: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    if bare.contains('.') || bare.len() < 8 {
        return None;
    }
    let decoded = ANY_BASE64.decode(&bare);
    let decoded = decoded.or_else(|_| ANY_BASE64URL.decode(&bare)).ok()?;
    let what = goal.name();
    Some(Layer::of(
        format!("it is {what} in base64 as a whole"),
        decoded,
    ))
}

pub(super) fn hex(goal: Goal, text: &str) -> Option<Layer> {
    let text = text.replace("0x", "").replace("\\x", "");
    let bare: Vec<u8> = text
        .bytes()
        .filter(|b| !(b.is_ascii_whitespace() || b":,-".contains(b)))
        .collect();
    if bare.len() < 16 || bare.len() % 2 == 1 {
        return None;
    }
    let bytes: Option<Vec<u8>> = bare.chunks_exact(2).map(byte_of_hex).collect();
    let what = goal.name();
    Some(Layer::of(format!("it is {what} in hex as a whole"), bytes?))
}

pub(crate) fn byte_of_hex(pair: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(pair).ok()?;
    let is_hex = text.len() == 2 && text.bytes().all(|b| b.is_ascii_hexdigit());
    is_hex.then(|| u8::from_str_radix(text, 16).ok()).flatten()
}

/// Line breaks, and characters that cannot be seen.
pub(super) fn broken(goal: Goal, text: &str) -> Option<Layer> {
    let is_invisible = |c: char| matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}');
    if goal == Goal::Jwe && text.contains(char::is_whitespace) {
        let joined = text.lines().flat_map(|line| {
            let line = line.trim_start_matches(['>', ' ', '\t']);
            line.chars().filter(|c| !c.is_whitespace())
        });
        let is = match text.contains(['\n', '\r']) {
            true => "line breaks in it".to_owned(),
            false => {
                let at = text.chars().position(char::is_whitespace)? + 1;
                format!("white space at character {at}")
            }
        };
        return Some(Layer::of(
            format!("it has {is}, which base64url does not have"),
            joined.collect::<String>(),
        ));
    }
    let at = text.chars().position(is_invisible)?;
    let character = text.chars().nth(at)?;
    let bare: String = text.chars().filter(|c| !is_invisible(*c)).collect();
    Some(Layer::of(
        format!(
            "it has a character that cannot be seen, U+{:04X} at character {}",
            u32::from(character),
            at + 1
        ),
        bare,
    ))
}
