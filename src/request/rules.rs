//! One rule a member: what is accepted, and what it becomes (protocol.md, Request: the table).
//!
//! A reason names the rule and never repeats the value.

use std::{borrow::Cow, collections::BTreeMap};

use time::Date;

use super::{ReferenceId, date};
use crate::{json::Value, partner::KeyDigest, redacted::Redacted, session::PublicKey};

/// The rule that a value breaks, in words for the sender.
pub(super) type Reason = Cow<'static, str>;

/// A value that is kept.
type Text = Redacted<String>;

pub(super) fn reference_id(value: &Value<'_>) -> Result<ReferenceId, Reason> {
    ReferenceId::new(string(value)?)
        .ok_or_else(|| "must be 1-64 characters of A-Z a-z 0-9 . _ : -".into())
}

pub(super) fn sdk_public_key(value: &Value<'_>) -> Result<PublicKey, Reason> {
    PublicKey::parse(string(value)?).map_err(|fault| fault.to_string().into())
}

pub(super) fn sdk_api_key(value: &Value<'_>) -> Result<KeyDigest, Reason> {
    let text = string(value)?;
    let printable = |b: u8| matches!(b, b' '..=b'~');
    if (1..=128).contains(&text.len()) && text.bytes().all(printable) {
        Ok(KeyDigest::of(text))
    } else {
        Err("must be 1-128 printable ASCII characters".into())
    }
}

/// The exact digits: leading zeros are part of the identity.
pub(super) fn account_number(value: &Value<'_>) -> Result<Text, Reason> {
    let digits = match value {
        Value::Number(text) => text,
        Value::String(text) => text.as_ref(),
        _ => "",
    };
    is_account_number(digits).then(|| kept(digits)).ok_or(
        "must be 1-19 digits 0-9, as a string or an integer without sign, fraction or exponent"
            .into(),
    )
}

pub(crate) fn is_account_number(digits: &str) -> bool {
    are_digits(digits, 1, 19)
}

pub(super) fn name(value: &Value<'_>) -> Result<Text, Reason> {
    let text = string(value)?;
    if (1..=100).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
        Ok(kept(text))
    } else {
        Err("must be 1-100 characters without control characters".into())
    }
}

/// The WHATWG's pattern of a valid e-mail address (HTML, section 4.10.5.1.5).
pub(super) fn email(value: &Value<'_>) -> Result<Text, Reason> {
    let text = string(value)?;
    let local_allowed = |b: u8| b.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&b);
    let label_allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(label_allowed)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let valid = text.len() <= 254
        && text.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && local.bytes().all(local_allowed) && domain.split('.').all(label)
        });
    if valid {
        Ok(kept(text))
    } else {
        Err("must be an ASCII e-mail address of at most 254 characters".into())
    }
}

/// `None` for `0` and `""`, which mean absent.
pub(super) fn isd_code(value: &Value<'_>) -> Result<Option<Text>, Reason> {
    let code = match value {
        Value::String(text) if text.is_empty() => return Ok(None),
        value => phone_digits(value, 1, 4),
    };
    match code {
        Some(code) if *code == "0" => Ok(None),
        Some(code) => Ok(Some(code)),
        None => {
            Err("must be 1-4 digits 0-9, a leading + allowed, as a string or an integer".into())
        }
    }
}

pub(super) fn mobile_number(value: &Value<'_>) -> Result<Text, Reason> {
    phone_digits(value, 4, 15)
        .ok_or("must be 4-15 digits 0-9, a leading + allowed, as a string or an integer".into())
}

/// Kept as `yyyyMMdd`.
pub(super) fn dob(value: &Value<'_>, today: Date) -> Result<Text, Reason> {
    let date = match value {
        Value::String(text) => date::parse(text),
        // An integer has no leading zero: 7 digits are ddMMyyyy without it.
        Value::Number(text) if text.len() == 7 => date::parse(&format!("0{text}")),
        Value::Number(text) => date::parse(text),
        _ => None,
    };
    date.and_then(|date| date::compact_if_past(date, today))
        .ok_or("must be a real date from 1900-01-01 to today (UTC), as yyyyMMdd or ddMMyyyy".into())
}

/// A flat object of string to string, sorted by key.
pub(super) fn data(value: &Value<'_>) -> Result<BTreeMap<Text, Text>, Reason> {
    const MAX_BYTES: usize = 8 * 1024;
    let Value::Object(object) = value else {
        return Err("must be an object of strings".into());
    };
    if object.len() > 32 {
        return Err("must have at most 32 entries".into());
    }
    let mut entries = BTreeMap::new();
    let mut bytes = 0;
    for (key, value) in object.iter() {
        let Value::String(value) = value else {
            return Err("must have strings as values".into());
        };
        if !(1..=64).contains(&key.chars().count()) {
            return Err("must have keys of 1-64 characters".into());
        }
        if value.chars().count() > 1024 {
            return Err("must have values of at most 1024 characters".into());
        }
        bytes += key.len() + value.len();
        if bytes > MAX_BYTES {
            return Err("must have at most 8192 bytes of keys and values in all".into());
        }
        entries.insert(kept(key), kept(value));
    }
    Ok(entries)
}

fn kept(text: &str) -> Text {
    Redacted::new(text.to_owned())
}

fn string<'v>(value: &'v Value<'_>) -> Result<&'v str, Reason> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err("must be a string".into()),
    }
}

/// Digits of a string or an integer; a string may start with `+`, which is dropped.
fn phone_digits(value: &Value<'_>, min: usize, max: usize) -> Option<Text> {
    let text = match value {
        Value::Number(text) => text,
        Value::String(text) => text.strip_prefix('+').unwrap_or(text),
        _ => return None,
    };
    are_digits(text, min, max).then(|| kept(text))
}

fn are_digits(text: &str, min: usize, max: usize) -> bool {
    (min..=max).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}
