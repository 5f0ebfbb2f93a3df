//! No permitted ages answer 503 while Secrets Manager is well, however slow it is.

use std::time::{Duration, Instant};

use sandbox::{Fault, Faults};
use service_tests::{Plain, Service};

/// The narrowest ages: the second is at most the first, and both together at most the third.
const EQUAL: [(&str, &str); 3] = [
    ("SECRETS_TTL_SECONDS", "1"),
    ("SECRETS_MIN_REFRESH_SECONDS", "1"),
    ("SECRETS_MAX_STALE_SECONDS", "2"),
];

#[tokio::test]
async fn the_narrowest_ages_never_answer_503_while_secrets_manager_is_well() {
    let faults = Faults::default();
    // Longer than a value may be served: the first request finds one that is too old.
    faults.set_always(Some(Fault::StallBefore(Duration::from_millis(2_500))));
    let service = Service::start_with(|options| {
        options.secrets_faults = faults.clone();
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        options.env = EQUAL.map(owned).into();
    })
    .await;
    // Each refresh takes half as long as an attempt of it may.
    faults.set_always(Some(Fault::StallBefore(Duration::from_millis(500))));
    let began = Instant::now();
    let mut served = 0;
    while began.elapsed() < Duration::from_secs(8) {
        service.ask(&Plain::new()).await.issued();
        served += 1;
    }
    // Most wait for no refresh.
    assert!(served > 20, "{served}");
}
