//! A date of birth in either order of its eight digits.

use time::{Date, Month};

use crate::redacted::Redacted;

/// Reads 8 digits as `yyyyMMdd`, else as `ddMMyyyy`.
///
/// No text is both for the years 1900-2099: the month of the first reading would be the century
/// of the second, 19 or 20.
pub(super) fn parse(digits: &str) -> Option<Date> {
    if digits.len() != 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part = |range| digits.get(range);
    date(part(0..4)?, part(4..6)?, part(6..8)?)
        .or_else(|| date(part(4..8)?, part(2..4)?, part(0..2)?))
}

fn date(year: &str, month: &str, day: &str) -> Option<Date> {
    let year: i32 = year.parse().ok()?;
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    let date = Date::from_calendar_date(year, month, day.parse().ok()?).ok()?;
    (year >= 1900).then_some(date)
}

/// `yyyyMMdd`; `None` if `date` is later than `today`.
pub(super) fn compact_if_past(date: Date, today: Date) -> Option<Redacted<String>> {
    let (year, month, day) = date.to_calendar_date();
    (date <= today).then(|| Redacted::new(format!("{year:04}{:02}{day:02}", u8::from(month))))
}
