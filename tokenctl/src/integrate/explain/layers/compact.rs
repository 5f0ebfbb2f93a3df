//! Compact JWE and JWS in a text, and what stands around one.

use serde_json::Value;

use super::Layer;
use crate::integrate::rules::one;

/// Whether a text is, or was meant to be, a compact JWE or JWS with nothing around it.
pub(crate) fn is_compact(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.+/=".contains(&b);
    begins_with_header(text)
        && text.bytes().all(allowed)
        && text.bytes().filter(|b| *b == b'.').count() >= 2
}

/// `{` in base64url, as every header begins.
fn begins_with_header(text: &str) -> bool {
    let first = text.get(..2).unwrap_or_default();
    matches!(first, "ey" | "ew" | "e2" | "e3")
}

/// Where a compact JWE stands in a text, and how long it is.
fn find_compact(text: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    loop {
        let start = from + text.get(from..)?.find('e')?;
        from = start + 1;
        let before = text.get(..start)?;
        if before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
            continue;
        }
        let run = text.get(start..)?;
        if let Some(length) = length_of_compact(run) {
            return Some((start, length));
        }
        // Whatever else begins in this segment ends as this one does.
        from = start + segment(run).len().max(1);
    }
}

/// Five segments at the beginning; a sixth is no part of it.
pub(super) fn length_of_compact(text: &str) -> Option<usize> {
    let header = segment(text);
    let mut length = header.len();
    let mut sizes = Vec::new();
    for _ in 0..4 {
        let size = segment(text.get(length..)?.strip_prefix('.')?).len();
        length += 1 + size;
        sizes.push(size);
        // With less it is cut by a space, say, and not surrounded.
        if sizes.get(1).is_some_and(|iv| *iv != 16) {
            return None;
        }
    }
    let is_whole = begins_with_header(header) && sizes.last().is_some_and(|tag| *tag >= 22);
    is_whole.then_some(length)
}

/// The base64url that a text begins with.
fn segment(text: &str) -> &str {
    let is_inside = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let length = text.bytes().take_while(|b| is_inside(b)).count();
    text.get(..length).unwrap_or_default()
}

/// Anything else: how much, and nothing of it, as it may be a key.
pub(super) fn surrounded(text: &str) -> Option<Layer> {
    if serde_json::from_str::<Value>(text).is_ok() {
        return None;
    }
    let (start, length) = find_compact(text)?;
    let inner = text.get(start..start + length)?;
    let before = amount(text.get(..start)?);
    let after = amount(text.get(start + length..)?);
    let is = match (before, after) {
        (before, None) => format!("it has {} before it", before?),
        (None, Some(after)) => format!("it has {after} behind it"),
        (Some(before), Some(after)) => format!("it has {before} before it, and {after} behind it"),
    };
    Some(Layer::of(is, inner))
}

/// How much, and nothing of what may be a key.
fn amount(text: &str) -> Option<String> {
    let mut characters = text.chars();
    let first = characters.next()?;
    Some(match characters.count() {
        0 if first.is_alphanumeric() => "1 character".to_owned(),
        0 => one(first),
        more => format!("{} characters", more + 1),
    })
}
