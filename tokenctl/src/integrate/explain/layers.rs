//! What people, libraries and tools put around a message: named, and taken off one by one.
//!
//! A layer that could be something else counts only if what is looked for is under it.

use std::io::Read;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use flate2::read::{DeflateDecoder, GzDecoder, ZlibDecoder};
use peers::pasted::CURLY_QUOTES;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, value::RawValue};

use crate::integrate::{page::quoted, rules::one};

/// More than this is not decompressed, nor looked at.
const MAX_BYTES: u64 = 1024 * 1024;
/// How many layers a text may have that is looked for under others.
pub(super) const DEPTH: usize = 5;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
pub(super) const ANY_BASE64URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
const ANY_BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);

/// What is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    /// A body that is a compact JWE.
    Jwe,
    /// A plaintext that is a JSON object.
    Object,
}

/// One layer, and what is under it.
pub(super) struct Layer {
    /// In words, after `it`.
    pub(super) is: String,
    pub(super) inner: Vec<u8>,
    /// It is of how the message came here, and not of the message.
    pub(super) is_transport: bool,
}

impl Layer {
    fn of(is: impl Into<String>, inner: impl Into<Vec<u8>>) -> Self {
        Self {
            is: is.into(),
            inner: inner.into(),
            is_transport: false,
        }
    }
}

impl Goal {
    /// The outermost layer, if there is one.
    pub(super) fn peel(self, bytes: &[u8], depth: usize) -> Option<Layer> {
        if self.is_met(bytes) {
            return None;
        }
        compressed(bytes)
            .or_else(|| utf16(bytes))
            .or_else(|| self.peel_text(std::str::from_utf8(bytes).ok()?, depth))
            .or_else(|| self.deflated(bytes, depth))
            .or_else(|| (self == Self::Object).then(|| amid(bytes)).flatten())
    }

    fn name(self) -> &'static str {
        match self {
            Self::Jwe => "a JWE",
            Self::Object => "JSON",
        }
    }

    /// Whether nothing is around it any more.
    fn is_met(self, bytes: &[u8]) -> bool {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return false;
        };
        match self {
            Self::Jwe => is_compact(text),
            // Also with half of a surrogate pair in it, which has a fault of its own.
            Self::Object => {
                text.trim_start().starts_with('{')
                    && serde_json::from_str::<&RawValue>(text).is_ok()
            }
        }
    }

    /// Whether it is under at most `depth` layers.
    pub(super) fn is_under(self, bytes: &[u8], depth: usize) -> bool {
        self.is_met(bytes)
            || depth > 0
                && self
                    .peel(bytes, depth - 1)
                    .is_some_and(|layer| self.is_under(&layer.inner, depth - 1))
    }

    fn peel_text(self, text: &str, depth: usize) -> Option<Layer> {
        let under = |layer: Option<Layer>| {
            layer.filter(|layer| depth > 0 && self.is_under(&layer.inner, depth - 1))
        };
        http(text)
            .or_else(|| curl(text))
            .or_else(|| under(pieces(self, text)))
            .or_else(|| quotes(self, text))
            .or_else(|| self.multipart(text, depth))
            .or_else(|| under(armour(text)))
            .or_else(|| under(data_url(text)))
            .or_else(|| under(scheme(text)))
            .or_else(|| self.json(text, depth))
            .or_else(|| self.form(text, depth))
            .or_else(|| under(percent(text)))
            .or_else(|| under(markup(text)))
            .or_else(|| under(quoted_printable(text)))
            .or_else(|| under(escaped(self, text)))
            .or_else(|| under(base64(self, text)))
            .or_else(|| under(hex(self, text)))
            .or_else(|| (self == Self::Jwe).then(|| surrounded(text)).flatten())
            .or_else(|| under(broken(self, text)))
    }

    /// Deflate has no mark: it counts if what comes out is looked for.
    fn deflated(self, bytes: &[u8], depth: usize) -> Option<Layer> {
        if depth == 0 || std::str::from_utf8(bytes).is_ok() {
            return None;
        }
        let inner = read(DeflateDecoder::new(bytes))?;
        let layer = Layer::of("it is compressed with deflate (RFC 1951)", inner);
        Some(layer).filter(|layer| self.is_under(&layer.inner, depth - 1))
    }

    fn multipart(self, text: &str, depth: usize) -> Option<Layer> {
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

    fn form(self, text: &str, depth: usize) -> Option<Layer> {
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

    fn json(self, text: &str, depth: usize) -> Option<Layer> {
        if !text.starts_with(['{', '[', '"']) {
            return None;
        }
        let value: Value = serde_json::from_str(text).ok()?;
        match &value {
            Value::String(inner) => {
                let is = match self {
                    Self::Jwe => "it is a JSON string with escapes in it",
                    Self::Object => {
                        "it is not an object but a string with one in it: it was made JSON twice"
                    }
                };
                let layer = Layer::of(is, inner.as_str());
                return Some(layer).filter(|it| depth > 0 && self.is_under(&it.inner, depth - 1));
            }
            Value::Object(members) if self == Self::Jwe && is_message(members) => {
                return in_a_message(members);
            }
            _ => {}
        }
        if self == Self::Jwe
            && let Some(layer) = serialization(&value)
        {
            return Some(layer);
        }
        if let Some(bytes) = bytes_of(&value) {
            let layer = Layer::of("it is its bytes as a JSON list of numbers", bytes);
            return Some(layer).filter(|it| depth > 0 && self.is_under(&it.inner, depth - 1));
        }
        let mut places = Vec::new();
        if depth > 0 {
            self.places(&value, String::new(), depth - 1, &mut places);
        }
        let (path, inner) = places.into_iter().next()?;
        let is = match (self, &value) {
            (Self::Object, Value::Array(_)) => {
                format!(
                    "it is not an object but an array with one in it, at {}",
                    quoted(&path)
                )
            }
            _ => format!("it is inside JSON, at {}", quoted(&path)),
        };
        Some(Layer::of(is, inner))
    }

    /// What is looked for in a member of an object that is none of the protocol's messages.
    pub(super) fn in_a_member(self, text: &str) -> Option<Layer> {
        match serde_json::from_str(text) {
            Ok(Value::Object(members)) if !is_message(&members) => {
                let mut places = Vec::new();
                self.places(&Value::Object(members), String::new(), DEPTH, &mut places);
                let (path, inner) = places.into_iter().next()?;
                let is = format!("it is inside other JSON, at {}", quoted(&path));
                let found = serde_json::from_slice::<Value>(&inner).ok()?;
                let is_meant = found.as_object().is_some_and(is_message);
                is_meant.then(|| Layer::of(is, inner))
            }
            _ => None,
        }
    }

    /// Where it stands in other JSON, the first place alone.
    fn places(self, value: &Value, path: String, depth: usize, found: &mut Vec<(String, Vec<u8>)>) {
        if !found.is_empty() {
            return;
        }
        match value {
            Value::String(text) if text.len() > 8 && self.is_under(text.as_bytes(), depth) => {
                found.push((path, text.clone().into_bytes()));
            }
            Value::Array(elements) => {
                for (index, element) in elements.iter().enumerate() {
                    self.step(element, format!("{path}[{index}]"), depth, found);
                }
            }
            Value::Object(members) => {
                for (name, member) in members {
                    let dot = if path.is_empty() { "" } else { "." };
                    self.step(member, format!("{path}{dot}{name}"), depth, found);
                }
            }
            _ => {}
        }
    }

    fn step(self, value: &Value, path: String, depth: usize, found: &mut Vec<(String, Vec<u8>)>) {
        let layer = (self == Self::Jwe).then(|| serialization(value)).flatten();
        match (value, layer) {
            (_, Some(layer)) => found.push((path, layer.inner)),
            (Value::Object(members), None) if self == Self::Object && is_message(members) => {
                found.push((path, value.to_string().into_bytes()));
            }
            _ => self.places(value, path, depth, found),
        }
    }
}

/// Members that only messages of the protocol have.
const OF_A_MESSAGE: [&str; 7] = [
    "resCode",
    "active",
    "error",
    "referenceId",
    "sdkPublicKey",
    "accountNumber",
    "tokenReferenceId",
];

/// Whether a JSON object is a message of the protocol in the clear, and not around one.
pub(super) fn is_message(members: &Map<String, Value>) -> bool {
    let is_renewal = |members: &Map<String, Value>| {
        let token = members.get("token").and_then(Value::as_str);
        let header = token.and_then(|token| peers::jwe::header(token).ok());
        header.is_some_and(|header| header.get("typ") == Some(&"JWT".into()))
    };
    OF_A_MESSAGE.iter().any(|name| members.contains_key(*name)) || is_renewal(members)
}

/// A JWE in a member of an object that has a message's members too, as `referenceId`; a token has
/// its place there.
fn in_a_message(members: &Map<String, Value>) -> Option<Layer> {
    let (name, sealed) = members
        .iter()
        .filter(|(name, _)| *name != "token")
        .filter_map(|(name, value)| Some((name, value.as_str()?)))
        .find(|(_, text)| length_of_compact(text) == Some(text.len()))?;
    Some(Layer::of(
        format!("it is inside JSON, at {}", quoted(name)),
        sealed,
    ))
}

/// Whether a text is, or was meant to be, a compact JWE or JWS with nothing around it.
pub(super) fn is_compact(text: &str) -> bool {
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
fn length_of_compact(text: &str) -> Option<usize> {
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

fn read(decoder: impl Read) -> Option<Vec<u8>> {
    let mut inner = Vec::new();
    decoder.take(MAX_BYTES).read_to_end(&mut inner).ok()?;
    Some(inner).filter(|inner| !inner.is_empty())
}

fn compressed(bytes: &[u8]) -> Option<Layer> {
    match bytes {
        [0x1f, 0x8b, ..] => Some(Layer::of(
            "it is compressed with gzip",
            read(GzDecoder::new(bytes))?,
        )),
        [first, second, ..]
            if first & 0x0f == 8 && (u16::from(*first) * 256 + u16::from(*second)) % 31 == 0 =>
        {
            Some(Layer::of(
                "it is compressed with deflate (zlib, RFC 1950)",
                read(ZlibDecoder::new(bytes))?,
            ))
        }
        _ => None,
    }
}

fn utf16(bytes: &[u8]) -> Option<Layer> {
    let zeros = |odd: usize| {
        let half = bytes.iter().skip(odd).step_by(2).take(64);
        bytes.len() >= 4 && half.clone().count() > 0 && half.into_iter().all(|b| *b == 0)
    };
    let (name, is_little) = match bytes {
        [0xff, 0xfe, _, _, ..] => ("UTF-16LE", true),
        [0xfe, 0xff, _, _, ..] => ("UTF-16BE", false),
        _ if zeros(1) && !zeros(0) => ("UTF-16LE", true),
        _ if zeros(0) && !zeros(1) => ("UTF-16BE", false),
        _ => return None,
    };
    let units = bytes.chunks_exact(2).map(|pair| {
        let pair = [
            pair.first().copied().unwrap_or_default(),
            pair.last().copied().unwrap_or_default(),
        ];
        if is_little {
            u16::from_le_bytes(pair)
        } else {
            u16::from_be_bytes(pair)
        }
    });
    let text: String = char::decode_utf16(units)
        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    let text = text.trim_start_matches('\u{feff}').to_owned();
    Some(Layer::of(format!("it is {name}, where UTF-8 is due"), text))
}

fn quotes(goal: Goal, text: &str) -> Option<Layer> {
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

/// What is before the first blank line, and what is after it.
fn blank_line(text: &str) -> Option<(&str, &str)> {
    let at = |blank: &str| Some((text.find(blank)?, blank.len()));
    let (start, length) = [at("\r\n\r\n"), at("\n\n")].into_iter().flatten().min()?;
    Some((text.get(..start)?, text.get(start + length..)?))
}

/// A message with its HTTP headers, as a tool shows it.
fn http(text: &str) -> Option<Layer> {
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
fn curl(text: &str) -> Option<Layer> {
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

fn armour(text: &str) -> Option<Layer> {
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

fn data_url(text: &str) -> Option<Layer> {
    let (head, data) = text.strip_prefix("data:")?.split_once(',')?;
    let inner = match head.ends_with(";base64") {
        true => ANY_BASE64.decode(data).ok()?,
        false => unescape_percent(data).into_bytes(),
    };
    Some(Layer::of("it is a data: URL", inner))
}

/// `Bearer eyJ...`, or a header's whole line. Words with a digit may be a key, and are not shown.
fn scheme(text: &str) -> Option<Layer> {
    let (before, rest) = text.rsplit_once(char::is_whitespace)?;
    let before = before.trim_end();
    let is_shown = |b: u8| b.is_ascii_alphabetic() || b" -:=".contains(&b);
    let fits = (1..=40).contains(&before.len()) && before.bytes().all(is_shown);
    fits.then(|| Layer::of(format!("it has {} before it", quoted(before)), rest))
}

/// The flattened and the general JSON serialization (RFC 7516 section 7.2), as one text of five
/// segments.
fn serialization(value: &Value) -> Option<Layer> {
    if let Value::Array(elements) = value {
        let texts: Option<Vec<&str>> = elements.iter().map(Value::as_str).collect();
        let joined = texts.filter(|texts| texts.len() == 5)?.join(".");
        return is_compact(&joined)
            .then(|| Layer::of("it is a JSON list of the five segments", joined));
    }
    let text = |value: &Value, name: &str| Some(value.get(name)?.as_str()?.to_owned());
    let recipient = value.get("recipients").and_then(|it| it.get(0));
    let encrypted_key = text(value, "encrypted_key")
        .or_else(|| text(recipient?, "encrypted_key"))
        .unwrap_or_default();
    let segments = [
        text(value, "protected")?,
        encrypted_key,
        text(value, "iv")?,
        text(value, "ciphertext")?,
        text(value, "tag").unwrap_or_default(),
    ];
    let form = match recipient {
        Some(_) => "general",
        None => "flattened",
    };
    Some(Layer::of(
        format!("it is a JWE in its {form} JSON serialization, and must be in its compact form"),
        segments.join("."),
    ))
}

/// A list of bytes, as JavaScript writes a `Uint8Array` or a `Buffer`.
fn bytes_of(value: &Value) -> Option<Vec<u8>> {
    let byte = |value: &Value| u8::try_from(value.as_i64()? & 0xff).ok();
    match value {
        Value::Array(list) if list.len() > 8 => list.iter().map(byte).collect(),
        Value::Object(members) => match members.get("data") {
            Some(list) if members.contains_key("type") => bytes_of(list),
            _ if members.len() > 8 => {
                let at = |index: usize| members.get(&index.to_string()).and_then(byte);
                (0..members.len()).map(at).collect()
            }
            _ => None,
        },
        _ => None,
    }
}

fn percent(text: &str) -> Option<Layer> {
    let decoded = unescape_percent(text);
    (decoded != text).then(|| Layer::of("it is percent-encoded", decoded))
}

fn unescape_percent(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = match (*first, after.first_chunk::<2>()) {
            (b'%', Some(pair)) => byte_of_hex(pair),
            _ => None,
        };
        bytes.push(escaped.unwrap_or(*first));
        rest = match escaped {
            Some(_) => after.get(2..).unwrap_or_default(),
            None => after,
        };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

pub(super) fn byte_of_hex(pair: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(pair).ok()?;
    let is_hex = text.len() == 2 && text.bytes().all(|b| b.is_ascii_hexdigit());
    is_hex.then(|| u8::from_str_radix(text, 16).ok()).flatten()
}

/// XML, HTML or its entities.
fn markup(text: &str) -> Option<Layer> {
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

fn quoted_printable(text: &str) -> Option<Layer> {
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
fn escaped(goal: Goal, text: &str) -> Option<Layer> {
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

fn base64(goal: Goal, text: &str) -> Option<Layer> {
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

fn hex(goal: Goal, text: &str) -> Option<Layer> {
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

/// Line breaks, and characters that cannot be seen.
fn broken(goal: Goal, text: &str) -> Option<Layer> {
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

/// Text that a program's source joins: `"eyJ..." + "..."`.
fn pieces(goal: Goal, text: &str) -> Option<Layer> {
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

/// Anything else: how much, and nothing of it, as it may be a key.
fn surrounded(text: &str) -> Option<Layer> {
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

/// A message's object behind other bytes: a length, an IV, a fence of Markdown, `callback(`.
fn amid(bytes: &[u8]) -> Option<Layer> {
    // Comments are repaired.
    let is_comment = bytes.starts_with(b"/") || bytes.starts_with(b"#");
    let start = bytes.iter().position(|b| *b == b'{').filter(|it| *it > 0)?;
    let end = bytes.iter().rposition(|b| *b == b'}')? + 1;
    let inner = bytes.get(start..end).filter(|_| !is_comment)?;
    let members: Map<String, Value> = serde_json::from_slice(inner).ok()?;
    let behind = match bytes.len() - end {
        0 => String::new(),
        more => format!(", and {more} behind it"),
    };
    let is = format!("it has {start} bytes before its {{{behind}");
    // In quotes it is a string, and in brackets a list.
    let is_message = is_message(&members) && serde_json::from_slice::<IgnoredAny>(bytes).is_err();
    is_message.then(|| Layer::of(is, inner))
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
