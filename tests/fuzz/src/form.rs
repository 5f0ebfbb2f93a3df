//! A second reading of an introspection's `Authorization` and form (RFC 7617, WHATWG URL), which
//! shares no crate with the service's.

use std::{borrow::Cow, collections::HashSet};

use data_encoding::BASE64;

/// Id and secret of `Basic`.
pub fn credentials(authorization: &str) -> Option<(String, String)> {
    let (scheme, rest) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let white = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0c');
    let decoded = BASE64.decode(rest.trim_matches(white).as_bytes()).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    std::str::from_utf8(&decoded).ok()?;
    let part = |part: &[u8]| String::from_utf8(decoded_bytes(part)).ok();
    Some((part(&decoded[..colon])?, part(&decoded[colon + 1..])?))
}

/// The parameter `token` of a form that is as the protocol has it.
pub fn token(body: &[u8]) -> Option<String> {
    let mut names = HashSet::new();
    let mut token = None;
    let pieces = body.split(|byte| *byte == b'&');
    for piece in pieces.filter(|piece| !piece.is_empty()) {
        let mut halves = piece.splitn(2, |byte| *byte == b'=');
        let mut half = || {
            let decoded = decoded_bytes(halves.next().unwrap_or_default());
            Cow::into_owned(String::from_utf8_lossy(&decoded))
        };
        let (name, value) = (half(), half());
        if name == "token" {
            token = Some(value);
        }
        if !names.insert(name) {
            return None;
        }
    }
    token.filter(|token| (1..=4096).contains(&token.len()))
}

/// Undoes `+` and `%XX`; any other `%` stays.
fn decoded_bytes(text: &[u8]) -> Vec<u8> {
    let digit = |at: usize| char::from(*text.get(at)?).to_digit(16);
    let (mut decoded, mut at) = (Vec::new(), 0);
    while let Some(byte) = text.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(u8::try_from(high * 16 + low).unwrap());
                at += 2;
            }
            (b'+', ..) => decoded.push(b' '),
            _ => decoded.push(*byte),
        }
        at += 1;
    }
    decoded
}
