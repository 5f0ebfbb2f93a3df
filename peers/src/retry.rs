//! Whether and when a partner calls again. A repeat under the same `referenceId` gets the same
//! token, so it is safe.

use std::time::Duration;

use aes_gcm::aead::{OsRng, rand_core::RngCore};

/// Tries of a call, the first included, unless somebody says otherwise.
pub const ATTEMPTS: u32 = 4;
/// The longest wait that the service may ask for. Beyond it, waiting is the caller's decision.
pub const MAX_PAUSE: Duration = Duration::from_secs(30);

/// The first pause is between this and twice this; each later one is between double that of the one
/// before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Whether the same call may get another answer than this HTTP status later.
pub fn is_worthwhile(status: u16) -> bool {
    matches!(status, 429 | 502 | 503 | 504)
}

/// A `Retry-After` header's seconds; a date or nonsense asks for nothing.
pub fn asked_pause(header: Option<&str>) -> Duration {
    let seconds = header
        .filter(|text| (1..=6).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()));
    Duration::from_secs(seconds.and_then(|text| text.parse().ok()).unwrap_or(0))
}

/// How long to wait after so many tries: what the service asked for, and a pause that doubles, half
/// of it random, so that clients that failed together do not come back together.
pub fn pause(tries: u32, asked: Duration) -> Duration {
    let shortest = FIRST_PAUSE * 2_u32.saturating_pow(tries.saturating_sub(1).min(8));
    let part = f64::from(OsRng.next_u32()) / f64::from(u32::MAX);
    asked + shortest + shortest.mul_f64(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_doubles_and_half_of_it_is_random() {
        for (tries, low) in [(1, 100), (2, 200), (3, 400)] {
            let low = Duration::from_millis(low);
            let pauses: Vec<_> = (0..50).map(|_| pause(tries, Duration::ZERO)).collect();
            assert!(pauses.iter().all(|it| (low..=2 * low).contains(it)));
            assert!(pauses.iter().any(|it| *it != pauses[0]));
        }
    }

    #[test]
    fn a_pause_is_no_shorter_than_asked() {
        assert!(pause(1, Duration::from_secs(2)) >= Duration::from_millis(2_100));
        assert!(pause(u32::MAX, MAX_PAUSE) < Duration::from_secs(120));
    }

    #[test]
    fn only_whole_seconds_are_asked_for() {
        assert_eq!(asked_pause(Some("3600")), Duration::from_secs(3600));
        for other in [None, Some(""), Some("-1"), Some("1.5"), Some("9999999")] {
            assert_eq!(asked_pause(other), Duration::ZERO, "{other:?}");
        }
    }
}
