//! What people, libraries and tools put around a message: named, and taken off one by one.
//!
//! A layer that could be something else counts only if what is looked for is under it.

mod binary;
mod compact;
mod json;
mod text;
mod transport;

use base64::{
    alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde_json::value::RawValue;

pub(super) use compact::is_compact;
pub(super) use json::is_message;
pub(super) use text::byte_of_hex;

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
        binary::compressed(bytes)
            .or_else(|| binary::utf16(bytes))
            .or_else(|| self.peel_text(std::str::from_utf8(bytes).ok()?, depth))
            .or_else(|| self.deflated(bytes, depth))
            .or_else(|| {
                (self == Self::Object)
                    .then(|| binary::amid(bytes))
                    .flatten()
            })
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
        transport::http(text)
            .or_else(|| transport::curl(text))
            .or_else(|| under(text::pieces(self, text)))
            .or_else(|| text::quotes(self, text))
            .or_else(|| self.multipart(text, depth))
            .or_else(|| under(text::armour(text)))
            .or_else(|| under(transport::data_url(text)))
            .or_else(|| under(transport::scheme(text)))
            .or_else(|| self.json(text, depth))
            .or_else(|| self.form(text, depth))
            .or_else(|| under(text::percent(text)))
            .or_else(|| under(text::markup(text)))
            .or_else(|| under(text::quoted_printable(text)))
            .or_else(|| under(text::escaped(self, text)))
            .or_else(|| under(text::base64(self, text)))
            .or_else(|| under(text::hex(self, text)))
            .or_else(|| {
                (self == Self::Jwe)
                    .then(|| compact::surrounded(text))
                    .flatten()
            })
            .or_else(|| under(text::broken(self, text)))
    }
}
