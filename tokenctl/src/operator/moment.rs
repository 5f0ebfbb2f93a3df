//! Moments, spans of time and counts, as a person reads them.

use std::time::{SystemTime, UNIX_EPOCH};

use time::{OffsetDateTime, format_description::well_known::Rfc3339, macros::format_description};

/// Seconds since the epoch.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// `2026-11-25T04:00:00Z`.
pub(crate) fn at(seconds: i64) -> String {
    let moment = OffsetDateTime::from_unix_timestamp(seconds).ok();
    let text = moment.and_then(|moment| moment.format(&Rfc3339).ok());
    text.unwrap_or_else(|| format!("{seconds} s after 1970"))
}

/// `2026-11`.
pub(crate) fn year_and_month(seconds: i64) -> String {
    let moment = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    moment
        .format(format_description!("[year]-[month]"))
        .unwrap_or_default()
}

/// `1 day 2 hours`, `5 minutes 30 s`: its two largest units.
pub(crate) fn span(seconds: i64) -> String {
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let mut left = seconds.max(0);
    let mut parts = Vec::new();
    for (size, unit) in units {
        if left >= size && parts.len() < 2 {
            parts.push(count(left / size, unit));
            left %= size;
        }
    }
    if parts.is_empty() || (left > 0 && parts.len() < 2) {
        parts.push(format!("{left} s"));
    }
    parts.join(" ")
}

/// `1 API key`, `2 API keys`.
pub(crate) fn count(number: impl TryInto<i64>, what: &str) -> String {
    let number = number.try_into().unwrap_or(i64::MAX);
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_their_two_largest_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (300, "5 minutes"),
            (330, "5 minutes 30 s"),
            (86_400, "1 day"),
            (86_430, "1 day 30 s"),
            (90_061, "1 day 1 hour"),
            (2_678_400, "31 days"),
        ] {
            assert_eq!(span(seconds), text);
        }
    }

    #[test]
    fn moments_are_in_utc() {
        assert_eq!(at(1_795_579_200), "2026-11-25T04:00:00Z");
        assert_eq!(year_and_month(1_795_579_200), "2026-11");
    }
}
