//! Waiting for a condition, never for a time; and what nobody waits for.

use std::{future::Future, time::Duration};

/// How long a fault stalls that is to outlast every limit.
pub const FOREVER: Duration = Duration::from_secs(60);

/// How often a condition is looked at.
const PAUSE: Duration = Duration::from_millis(20);

/// Asks until there is an answer, and panics with `what` if there is none in time.
pub async fn eventually<T>(
    what: &str,
    limit: Duration,
    mut ask: impl AsyncFnMut() -> Option<T>,
) -> T {
    let asked = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    within(what, limit, asked).await
}

/// What comes of `work`; panics with `what` if it does not end in time.
pub async fn within<T>(what: &str, limit: Duration, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(limit, work).await {
        Ok(outcome) => outcome,
        Err(_) => panic!("not within {limit:?}: {what}"),
    }
}
