//! Layers that are bytes and no text.

use std::io::Read;

use flate2::read::{DeflateDecoder, GzDecoder, ZlibDecoder};
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::{Goal, Layer, json::is_message};

/// More than this is not decompressed.
const MAX_BYTES: u64 = 1024 * 1024;

impl Goal {
    /// Deflate has no mark: it counts if what comes out is looked for.
    pub(super) fn deflated(self, bytes: &[u8], depth: usize) -> Option<Layer> {
        if depth == 0 || std::str::from_utf8(bytes).is_ok() {
            return None;
        }
        let inner = read(DeflateDecoder::new(bytes))?;
        let layer = Layer::of("it is compressed with deflate (RFC 1951)", inner);
        Some(layer).filter(|layer| self.is_under(&layer.inner, depth - 1))
    }
}

fn read(decoder: impl Read) -> Option<Vec<u8>> {
    let mut inner = Vec::new();
    decoder.take(MAX_BYTES).read_to_end(&mut inner).ok()?;
    Some(inner).filter(|inner| !inner.is_empty())
}

pub(super) fn compressed(bytes: &[u8]) -> Option<Layer> {
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

pub(super) fn utf16(bytes: &[u8]) -> Option<Layer> {
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

/// A message's object behind other bytes: a length, an IV, a fence of Markdown, `callback(`.
pub(super) fn amid(bytes: &[u8]) -> Option<Layer> {
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
