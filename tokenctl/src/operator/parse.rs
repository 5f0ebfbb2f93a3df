//! Values of options, refused in words that name what was typed.

use std::ops::RangeInclusive;

use clap::builder::TypedValueParser;
use token_service::partner::PartnerId;

/// A whole number within the range.
pub(crate) fn whole(range: RangeInclusive<u32>) -> impl TypedValueParser<Value = u32> {
    move |text: &str| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| {
            let (least, most) = (range.start(), range.end());
            format!("it must be a whole number from {least} to {most}")
        })
    }
}

/// The id of a new partner or a new resource server.
pub(crate) fn id(text: &str) -> Result<String, &'static str> {
    match PartnerId::new(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err("it must be 1-64 characters of A-Z a-z 0-9 . _ -"),
    }
}
