//! The five segments: how many, and what is wrong with each.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use peers::pasted::CURLY_QUOTES;
use serde_json::Value;

use super::{
    findings::{Findings, Step},
    layers::{ANY_BASE64URL, byte_of_hex},
};
use crate::integrate::{page::quoted, rules::one};

/// An IV's bytes, and a tag's.
const IV: usize = 12;
const TAG: usize = 16;

/// What could be made of the segments. A segment that is not canonical base64url is read as what it
/// was probably meant to be, so that what is inside can still be looked at.
#[derive(Default)]
pub(super) struct Parts {
    /// The first segment as received, which is the AAD.
    pub(super) protected: String,
    pub(super) header: Option<Vec<u8>>,
    /// Another `alg` or `enc` than the protocol's: what follows from it is no fault of its own.
    pub(super) other_alg: Option<String>,
    pub(super) other_enc: Option<String>,
    pub(super) encrypted_key: Vec<u8>,
    pub(super) iv: Option<Vec<u8>>,
    pub(super) ciphertext: Option<Vec<u8>>,
    pub(super) tag: Option<Vec<u8>>,
}

/// Examines a text that should be a compact JWE.
pub(super) fn examine(text: &str, findings: &mut Findings) -> Parts {
    let segments: Vec<&str> = text.split('.').collect();
    let header = segments.first().copied().unwrap_or_default();
    // With one segment there is no header to speak of, unless it begins as one.
    let is_header = segments.len() > 1 || header.starts_with("ey");
    let decoded = is_header
        .then(|| read(header, "header", findings))
        .flatten();
    let said: Value = decoded
        .as_deref()
        .and_then(|json| serde_json::from_slice(json).ok())
        .unwrap_or_default();
    let other = |name: &str, ours: &str| {
        let said = said.get(name)?.as_str()?;
        (said != ours).then(|| said.to_owned())
    };
    let mut parts = Parts {
        protected: header.to_owned(),
        other_alg: other("alg", "dir"),
        other_enc: other("enc", "A256GCM"),
        header: decoded,
        ..Parts::default()
    };
    let [iv, ciphertext, tag] = match *segments.as_slice() {
        [_, encrypted_key, iv, ciphertext, tag] => {
            findings.ok(Step::Segments, "it has five segments");
            parts.encrypted_key = examine_encrypted_key(encrypted_key, &parts, findings);
            [iv, ciphertext, tag]
        }
        // Without the empty segment the rest can still be told apart.
        [_, iv, ciphertext, tag] if iv.len() == 16 => {
            findings.fault(
                Step::Segments,
                "it has 4 segments of 5: the empty one for the encrypted key is missing (two dots follow the header)",
            );
            [iv, ciphertext, tag]
        }
        [_, encrypted_key, iv, ciphertext, tag, ""] => {
            findings.fault(
                Step::Segments,
                "it has 6 segments, and a compact JWE has 5: it ends in a dot, which is one too many",
            );
            parts.encrypted_key = examine_encrypted_key(encrypted_key, &parts, findings);
            [iv, ciphertext, tag]
        }
        ref other => {
            findings.fault(Step::Segments, miscounted(other.len()));
            return parts;
        }
    };
    // An IV in base64url has 16 characters, and a tag 22.
    let of_hex = (iv.len() == 2 * IV && tag.len() == 2 * TAG)
        .then(|| Some([hex(iv)?, hex(ciphertext)?, hex(tag)?]))
        .flatten();
    if let Some([iv, ciphertext, tag]) = of_hex {
        findings.fault(
            Step::Segments,
            "the IV, the ciphertext and the tag are in hex, where base64url without padding is due",
        );
        (parts.iv, parts.ciphertext, parts.tag) = (Some(iv), Some(ciphertext), Some(tag));
    } else {
        parts.iv = read(iv, "IV", findings);
        parts.ciphertext = read(ciphertext, "ciphertext", findings);
        parts.tag = read(tag, "tag", findings);
    }
    if let Some(misplaced) = misplaced(&mut parts) {
        findings.fault(Step::Segments, misplaced);
    }
    examine_size(&parts, parts.iv.as_deref(), "IV", IV, findings);
    examine_size(&parts, parts.tag.as_deref(), "tag", TAG, findings);
    if !findings.has_fault_at(Step::Segments) && parts.other_enc.is_none() {
        let size = parts.ciphertext.as_deref().map_or(0, <[u8]>::len);
        findings.ok(
            Step::Segments,
            format!("each is base64url: an IV of {IV} bytes, a tag of {TAG}, and {size} bytes of ciphertext"),
        );
    }
    parts
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(byte_of_hex).collect()
}

/// Puts segments that have changed places into their own, by their sizes.
fn misplaced(parts: &mut Parts) -> Option<&'static str> {
    let size = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
    let (iv, ciphertext, tag) = (size(&parts.iv), size(&parts.ciphertext), size(&parts.tag));
    if iv == IV && ciphertext == TAG && tag > TAG {
        std::mem::swap(&mut parts.ciphertext, &mut parts.tag);
        Some(
            "the tag is before the ciphertext: the ciphertext is the fourth segment, and the tag the fifth",
        )
    } else if iv == TAG && tag == IV {
        std::mem::swap(&mut parts.iv, &mut parts.tag);
        Some(
            "the tag is before the ciphertext, and the IV behind it: the IV is the third segment, and the tag the fifth",
        )
    } else {
        None
    }
}

fn miscounted(count: usize) -> String {
    let why = match count {
        1 => "Is it a compact JWE at all?",
        3 => "Three segments are a signed JWT (JWS), which is not encrypted. Or is it cut off?",
        0..=4 => "Is it cut off?",
        _ => "Are these two messages, or is there a dot too many?",
    };
    format!("it has {count} segments, and a compact JWE has 5. {why}")
}

fn examine_encrypted_key(segment: &str, parts: &Parts, findings: &mut Findings) -> Vec<u8> {
    if segment.is_empty() {
        if parts.other_alg.is_none() {
            findings.ok(
                Step::Segments,
                "the second one, the encrypted key, is empty as it must be",
            );
        }
        return Vec::new();
    }
    if let Some(alg) = &parts.other_alg {
        findings.note(
            Step::Segments,
            format!(
                "the second segment has an encrypted key, as alg {} makes one: with alg dir it is empty",
                quoted(alg)
            ),
        );
        return decode_leniently(segment).unwrap_or_default();
    }
    findings.fault(
        Step::Segments,
        "the second segment, the encrypted key, must be empty: with alg dir the payload key itself encrypts, and \
         none is sent",
    );
    read(segment, "encrypted key", findings).unwrap_or_default()
}

fn examine_size(
    parts: &Parts,
    bytes: Option<&[u8]>,
    name: &str,
    expected: usize,
    findings: &mut Findings,
) {
    let Some(bytes) = bytes.filter(|bytes| bytes.len() != expected) else {
        return;
    };
    let hint = match (name, bytes.len()) {
        ("IV", 16) => ". 16 bytes are AES-CBC's: A256GCM takes 12",
        ("tag", 0) => ". Did the library leave it at the end of the ciphertext?",
        ("tag", 17..) => ". Is something of the ciphertext in it?",
        ("tag", _) => ". Is it cut off? Ask the library for a tag of 128 bits",
        _ => "",
    };
    let words = format!(
        "the {name} has {} bytes, and must have {expected}{hint}",
        bytes.len()
    );
    match parts.other_enc {
        Some(_) => findings.note(Step::Segments, words),
        None => findings.fault(Step::Segments, words),
    }
}

/// Reads a segment strictly, or else leniently with its fault.
fn read(segment: &str, name: &str, findings: &mut Findings) -> Option<Vec<u8>> {
    if let Ok(bytes) = BASE64_URL_SAFE_NO_PAD.decode(segment) {
        return Some(bytes);
    }
    findings.fault(
        Step::Segments,
        format!(
            "the {name} is not base64url without padding: {}",
            why(segment)
        ),
    );
    decode_leniently(segment)
}

/// Why a segment is not canonical base64url. Positions are counted in characters, from 1.
fn why(segment: &str) -> String {
    let foreign = segment
        .chars()
        .enumerate()
        .find(|(_, c)| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_')));
    if let Some((index, character)) = foreign {
        let at = index + 1;
        return match character {
            '=' => format!("it has padding (=) at character {at}: leave it out"),
            '+' | '/' => format!(
                "it has {character} at character {at}, which is standard base64: write - for + and _ for /"
            ),
            '\n' | '\r' => format!("it has a line break at character {at}: send it in one line"),
            c if c.is_whitespace() => format!("it has white space at character {at}"),
            '"' | '\'' => format!("it has a quote at character {at}"),
            c if CURLY_QUOTES.contains(c) => format!("it has a curly quote at character {at}"),
            c => format!("it has {} at character {at}", one(c)),
        };
    }
    let length = segment.len();
    if length % 4 == 1 {
        return format!(
            "it has {length} characters, a length that base64url never has. Is it cut off?"
        );
    }
    format!(
        "its last character, {length}, has bits set that are never used. Is it cut off, or changed?"
    )
}

fn decode_leniently(segment: &str) -> Option<Vec<u8>> {
    let meant: String = segment
        .chars()
        .filter_map(|character| match character {
            '+' => Some('-'),
            '/' => Some('_'),
            // What word processors and browsers make of a hyphen.
            '\u{2010}'..='\u{2015}' | '\u{2212}' => Some('-'),
            c if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') => Some(c),
            _ => None,
        })
        .collect();
    ANY_BASE64URL.decode(meant).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_first_bad_character_and_its_place() {
        for (segment, expected) in [
            ("ab=", "(=) at character 3"),
            ("é+", "U+00E9 at character 1"),
            ("ab/d", "/ at character 3"),
            ("ab\nd", "line break at character 3"),
            ("ab d", "white space at character 3"),
            ("ab”", "curly quote at character 3"),
            ("abcde", "never has"),
            ("ab", "bits"),
        ] {
            assert!(
                why(segment).contains(expected),
                "{segment}: {}",
                why(segment)
            );
        }
    }

    #[test]
    fn reads_what_was_meant() {
        let meant = BASE64_URL_SAFE_NO_PAD.encode([0xfb, 0xff]);
        for written in ["+/8=", "-_\n8", "-_9"] {
            assert_eq!(
                decode_leniently(written),
                BASE64_URL_SAFE_NO_PAD.decode(&meant).ok()
            );
        }
    }
}
