//! Layers of how a message was sent: HTTP, forms, curl, a data: URL.

use base64::Engine;
use serde_json::{Map, Value};

use super::{ANY_BASE64, Goal, Layer, json::OF_A_MESSAGE, text::unescape_percent};
use crate::integrate::page::quoted;

impl Goal {
    pub(super) fn multipart(self, text: &str, depth: usize) -> Option<Layer> {
        let boundary = text.lines().next().filter(|it| it.starts_with("--"))?;
        text.find("Content-Disposition")
            .or_else(|| text.find("content-disposition"))?;
        let parts = text.split(boundary.trim_end());
        let bodies = parts.filter_map(|part| Some(blank_line(part)?.1.trim()));
        let bodies: Vec<&str> = bodies.filter(|body| !body.is_empty()).collect();
        let found = bodies
            .into_iter()
            .find(|body| depth > 0 && self.is_under(body.as_bytes(), depth - 1))?;
        Some(Layer::of("it is a part of multipart/form-data", found))
    }

    pub(super) fn form(self, text: &str, depth: usize) -> Option<Layer> {
        let (name, _) = text.split_once('=')?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || "_-.[]$%".contains(c);
        if !(1..=64).contains(&name.len()) || !name.chars().all(is_name) {
            return None;
        }
        let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        let pairs: Vec<(String, String)> = pairs
            .map(|(name, value)| (unescape_percent(name), unescape_percent(value)))
            .collect();
        let is_request = pairs
            .iter()
            .any(|(name, _)| OF_A_MESSAGE.contains(&name.as_str()));
        let found = pairs
            .iter()
            .filter(|_| self == Self::Jwe || !is_request)
            .find(|(_, value)| depth > 0 && self.is_under(value.as_bytes(), depth - 1));
        if let Some((name, value)) = found {
            let is = format!("it is in the form field {}", quoted(name));
            return Some(Layer::of(is, value.as_str()));
        }
        if self == Self::Jwe || !is_request {
            return None;
        }
        let members = pairs
            .into_iter()
            .map(|(name, value)| (name, Value::from(value.replace('+', " "))));
        let object = Value::Object(members.collect::<Map<_, _>>());
        Some(Layer::of(
            "it is form-encoded (a=1&b=2), where JSON is due",
            object.to_string(),
        ))
    }
}

/// A message with its HTTP headers, as a tool shows it.
pub(super) fn http(text: &str) -> Option<Layer> {
    let (head, body) = blank_line(text)?;
    let mut lines = head.trim_start().lines();
    let is_header = |line: &str| {
        let name = line.split_once(':').map_or("", |(name, _)| name);
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        !name.is_empty() && name.bytes().all(allowed)
    };
    let first = lines.next()?;
    let begins = first.starts_with("HTTP/") || first.contains(" HTTP/");
    if !begins && !is_header(first) || !lines.clone().all(is_header) {
        return None;
    }
    let chunked = lines.any(|line| {
        let line = line.to_ascii_lowercase();
        line.starts_with("transfer-encoding:") && line.contains("chunked")
    });
    let body = match chunked {
        true => unchunked(body).unwrap_or_else(|| body.to_owned()),
        false => body.to_owned(),
    };
    let mut layer = Layer::of("it is what follows the headers of an HTTP message", body);
    layer.is_transport = true;
    Some(layer)
}

/// What is before the first blank line, and what is after it.
fn blank_line(text: &str) -> Option<(&str, &str)> {
    let at = |blank: &str| Some((text.find(blank)?, blank.len()));
    let (start, length) = [at("\r\n\r\n"), at("\n\n")].into_iter().flatten().min()?;
    Some((text.get(..start)?, text.get(start + length..)?))
}

/// RFC 9112 section 7.1.
fn unchunked(body: &str) -> Option<String> {
    let mut whole = String::new();
    let mut rest = body;
    loop {
        let (size, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let size = size.trim().split(';').next()?;
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            return Some(whole);
        }
        whole.push_str(after.get(..size)?);
        rest = after.get(size..)?.trim_start_matches(['\r', '\n']);
    }
}

/// The body that a command line of curl sends.
pub(super) fn curl(text: &str) -> Option<Layer> {
    let words = shell_words(
        text.strip_prefix("curl ")
            .or(text.strip_prefix("curl.exe "))?,
    );
    let names = [
        "--data-raw",
        "--data-binary",
        "--data-ascii",
        "--data-urlencode",
        "--data",
        "--json",
        "--form",
        "-d",
        "-F",
    ];
    let mut found = None;
    for (index, word) in words.iter().enumerate() {
        for name in names {
            let value = match word.strip_prefix(name) {
                Some("") => words.get(index + 1).map(String::as_str),
                Some(rest) if !name.starts_with("--") => Some(rest),
                Some(rest) => rest.strip_prefix('='),
                None => None,
            };
            found = found.or(value);
        }
    }
    let mut layer = Layer::of("it is the body that a curl command sends", found?);
    layer.is_transport = true;
    Some(layer)
}

/// A shell's words, as far as such a line needs it.
fn shell_words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        let starts_a_word = quote.is_none() && character.is_whitespace();
        let last = words.last_mut();
        match (quote, character, last) {
            _ if starts_a_word => words.push(String::new()),
            (Some(open), c, _) if c == open => quote = None,
            (None, '\'' | '"', _) => quote = Some(character),
            (Some('"') | None, '\\', Some(word)) => {
                word.extend(characters.next().filter(|next| *next != '\n'));
            }
            (_, c, Some(word)) => word.push(c),
            (_, _, None) => {}
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

pub(super) fn data_url(text: &str) -> Option<Layer> {
    let (head, data) = text.strip_prefix("data:")?.split_once(',')?;
    let inner = match head.ends_with(";base64") {
        true => ANY_BASE64.decode(data).ok()?,
        false => unescape_percent(data).into_bytes(),
    };
    Some(Layer::of("it is a data: URL", inner))
}

/// `Bearer eyJ...`, or a header's whole line. Words with a digit may be a key, and are not shown.
pub(super) fn scheme(text: &str) -> Option<Layer> {
    let (before, rest) = text.rsplit_once(char::is_whitespace)?;
    let before = before.trim_end();
    let is_shown = |b: u8| b.is_ascii_alphabetic() || b" -:=".contains(&b);
    let fits = (1..=40).contains(&before.len()) && before.bytes().all(is_shown);
    fits.then(|| Layer::of(format!("it has {} before it", quoted(before)), rest))
}
