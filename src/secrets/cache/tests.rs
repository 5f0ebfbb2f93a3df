use std::sync::{
    Mutex as StdMutex,
    atomic::{AtomicI64, AtomicUsize, Ordering},
};

use super::*;
use crate::{
    aws::AwsError,
    redacted::Redacted,
    secrets::{DocumentFault, source::Fetched},
};

const AGES: RefreshPolicy = RefreshPolicy {
    ttl: Duration::from_secs(300),
    min_refresh: Duration::from_secs(30),
    max_stale: Duration::from_secs(1000),
};

/// A secret whose versions, clock and faults a test sets.
struct World {
    cache: Cache<String>,
    now: Arc<AtomicI64>,
    versions: Arc<Versions>,
}

/// What the secret holds, and how often each version was fetched. `None` cannot be fetched.
#[derive(Default)]
struct Versions {
    current: StdMutex<Option<String>>,
    previous: StdMutex<Option<String>>,
    current_fetches: AtomicUsize,
    previous_fetches: AtomicUsize,
    /// How long a fetch takes.
    takes_millis: AtomicI64,
}

impl World {
    fn new(text: Option<&str>) -> Self {
        Self::with_ages(text, AGES)
    }

    fn with_ages(text: Option<&str>, ages: RefreshPolicy) -> Self {
        let now = Arc::new(AtomicI64::new(1_000_000));
        let versions = Arc::new(Versions::default());
        let fetch: Fetch = {
            let (now, versions) = (Arc::clone(&now), Arc::clone(&versions));
            Box::new(move |stage, _| {
                let (version, fetches) = match stage {
                    Stage::Current => (&versions.current, &versions.current_fetches),
                    Stage::Previous => (&versions.previous, &versions.previous_fetches),
                };
                fetches.fetch_add(1, Ordering::SeqCst);
                let text = version.lock().unwrap().clone();
                now.fetch_add(
                    versions.takes_millis.load(Ordering::SeqCst),
                    Ordering::SeqCst,
                );
                Box::pin(async move {
                    // Lets concurrent requests in while the fetch is under way.
                    tokio::task::yield_now().await;
                    let failure = AwsError::timed_out();
                    let text = text.ok_or(FetchError::Call { failure })?;
                    let text = Redacted::new(text);
                    let version_id = None;
                    Ok(Fetched { text, version_id })
                })
            })
        };
        let read = |text: &str| match text {
            "broken" => Err(DocumentFault::Size.into()),
            text => Ok(text.to_owned()),
        };
        let clock = {
            let now = Arc::clone(&now);
            Clock::from_fn(move || UnixMillis::new(now.load(Ordering::SeqCst)))
        };
        let world = Self {
            cache: Cache::new("test", fetch, read, ages, clock),
            now,
            versions,
        };
        world.set(text);
        world
    }

    fn pass(&self, seconds: i64) {
        self.now.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    fn set(&self, text: Option<&str>) {
        *self.versions.current.lock().unwrap() = text.map(str::to_owned);
    }

    fn set_previous(&self, text: &str) {
        *self.versions.previous.lock().unwrap() = Some(text.to_owned());
    }

    fn fetches(&self) -> usize {
        self.versions.current_fetches.load(Ordering::SeqCst)
    }

    fn previous_fetches(&self) -> usize {
        self.versions.previous_fetches.load(Ordering::SeqCst)
    }

    async fn current(&self) -> Result<String, u64> {
        let current = self.cache.current(deadline()).await;
        current
            .map(|value| value.to_string())
            .map_err(|unusable| unusable.retry_after.as_secs())
    }

    async fn newer(&self) -> Result<Option<String>, u64> {
        let seen = self.cache.current(deadline()).await.unwrap();
        let newer = self.cache.newer_than(&seen, deadline()).await;
        newer
            .map(|value| value.map(|value| value.to_string()))
            .map_err(|unusable| unusable.retry_after.as_secs())
    }
}

fn deadline() -> Deadline {
    Deadline::of_invocation(UnixMillis::new(60_000), UnixMillis::new(0))
}

#[tokio::test]
async fn serves_from_memory_until_the_ttl_and_refreshes_after() {
    let world = World::new(Some("one"));
    world.cache.load().await;
    world.set(Some("two"));
    world.pass(299);
    assert_eq!(world.current().await, Ok("one".to_owned()));
    assert_eq!(world.fetches(), 1);
    world.pass(1);
    assert_eq!(world.current().await, Ok("two".to_owned()));
    assert_eq!(world.current().await, Ok("two".to_owned()));
    assert_eq!(world.fetches(), 2);
}

#[tokio::test]
async fn serves_stale_to_the_hard_bound_which_serving_does_not_extend() {
    for failure in [None, Some("broken")] {
        let world = World::new(Some("one"));
        world.cache.load().await;
        world.set(failure);
        for _ in 0..9 {
            world.pass(111);
            assert_eq!(world.current().await, Ok("one".to_owned()));
        }
        world.pass(1);
        // The last attempt was made a second ago.
        assert_eq!(world.current().await, Err(29));
        world.set(Some("two"));
        world.pass(28);
        assert_eq!(world.current().await, Err(1));
        world.pass(1);
        assert_eq!(world.current().await, Ok("two".to_owned()));
    }
}

#[tokio::test]
async fn makes_no_attempt_within_the_minimum_after_another() {
    let world = World::new(Some("one"));
    world.cache.load().await;
    world.set(None);
    world.pass(300);
    for _ in 0..5 {
        world.current().await.unwrap();
    }
    assert_eq!(world.fetches(), 2);
    world.pass(29);
    world.current().await.unwrap();
    assert_eq!(world.fetches(), 2);
    world.pass(1);
    world.current().await.unwrap();
    assert_eq!(world.fetches(), 3);
}

#[tokio::test]
async fn recovers_from_a_first_load_that_failed_with_the_next_allowed_attempt() {
    let world = World::new(None);
    world.cache.load().await;
    assert_eq!(world.current().await, Err(30));
    world.set(Some("one"));
    assert_eq!(world.current().await, Err(30));
    assert_eq!(world.fetches(), 1);
    world.pass(30);
    assert_eq!(world.current().await, Ok("one".to_owned()));
}

#[tokio::test]
async fn refreshes_early_at_the_allowed_rate_only() {
    let world = World::new(Some("one"));
    world.cache.load().await;
    world.set(Some("two"));
    assert_eq!(world.newer().await, Ok(None));
    world.pass(30);
    assert_eq!(world.newer().await, Ok(Some("two".to_owned())));
    assert_eq!(world.newer().await, Ok(None));
    assert_eq!(world.fetches(), 2);
}

#[tokio::test]
async fn tells_nothing_newer_from_an_attempt_that_failed() {
    let world = World::new(Some("one"));
    world.cache.load().await;
    world.set(None);
    world.pass(30);
    assert_eq!(world.newer().await, Err(30));
    world.pass(10);
    assert_eq!(world.newer().await, Err(20));
    assert_eq!(world.fetches(), 2);
}

#[tokio::test]
async fn concurrent_requests_share_one_refresh() {
    let world = World::new(Some("one"));
    world.cache.load().await;
    let seen = world.cache.current(deadline()).await.unwrap();
    world.set(Some("two"));
    world.pass(300);
    let (a, b, c) = tokio::join!(
        world.current(),
        world.current(),
        world.cache.newer_than(&seen, deadline())
    );
    assert_eq!((a, b), (Ok("two".to_owned()), Ok("two".to_owned())));
    assert_eq!(c.unwrap().unwrap().as_str(), "two");
    assert_eq!(world.fetches(), 2);
}

#[tokio::test]
async fn a_clock_that_went_back_by_a_minute_counts_as_expired() {
    let world = World::new(Some("one"));
    world.cache.load().await;
    world.set(Some("two"));
    world.pass(-60);
    assert_eq!(world.current().await, Ok("two".to_owned()));
    world.set(None);
    world.pass(-60);
    assert_eq!(world.current().await, Err(30));
}

#[tokio::test]
async fn a_clock_that_went_back_by_less_has_not_moved() {
    let world = World::new(Some("one"));
    world.cache.load().await;
    world.set(None);
    world.pass(-59);
    assert_eq!(world.current().await, Ok("one".to_owned()));
    // Nor is an attempt allowed because of it.
    assert_eq!(world.newer().await, Ok(None));
    assert_eq!(world.fetches(), 1);
}

#[tokio::test]
async fn an_attempt_is_allowed_by_when_the_last_one_began() {
    let thirty = Duration::from_secs(30);
    let ages = RefreshPolicy {
        ttl: thirty,
        min_refresh: thirty,
        max_stale: 2 * thirty,
    };
    let world = World::with_ages(Some("one"), ages);
    world.versions.takes_millis.store(1_500, Ordering::SeqCst);
    world.cache.load().await;
    // Secrets Manager is well all the time, and so is every request, ten a second.
    for _ in 0..1_000 {
        world.now.fetch_add(100, Ordering::SeqCst);
        assert_eq!(world.current().await, Ok("one".to_owned()));
    }
}

#[tokio::test]
async fn the_previous_version_serves_where_the_first_current_one_is_refused() {
    let world = World::new(Some("broken"));
    world.set_previous("old");
    world.cache.load().await;
    assert_eq!(world.current().await, Ok("old".to_owned()));
    // The current one is tried at the allowed rate, and the previous one is not read again.
    world.pass(29);
    assert_eq!(world.current().await, Ok("old".to_owned()));
    assert_eq!((world.fetches(), world.previous_fetches()), (1, 1));
    world.pass(1);
    assert_eq!(world.current().await, Ok("old".to_owned()));
    assert_eq!((world.fetches(), world.previous_fetches()), (2, 1));
    world.set(Some("mended"));
    world.pass(30);
    assert_eq!(world.current().await, Ok("mended".to_owned()));
}

#[tokio::test]
async fn the_previous_version_ends_with_the_hard_bound() {
    let world = World::new(Some("broken"));
    world.set_previous("old");
    world.cache.load().await;
    world.pass(999);
    assert_eq!(world.current().await, Ok("old".to_owned()));
    world.pass(1);
    assert_eq!(world.current().await, Err(29));
    assert_eq!(world.previous_fetches(), 1);
}

#[tokio::test]
async fn the_previous_version_is_not_read_where_a_current_one_was() {
    let world = World::new(Some("one"));
    world.set_previous("old");
    world.cache.load().await;
    world.set(Some("broken"));
    world.pass(300);
    assert_eq!(world.current().await, Ok("one".to_owned()));
    world.pass(700);
    assert_eq!(world.current().await, Err(30));
    assert_eq!(world.previous_fetches(), 0);
}

#[tokio::test]
async fn the_previous_version_is_not_read_where_the_current_one_was_not_fetched() {
    let world = World::new(None);
    world.set_previous("old");
    world.cache.load().await;
    assert_eq!(world.current().await, Err(30));
    assert_eq!(world.previous_fetches(), 0);
}

#[tokio::test]
async fn a_previous_version_that_cannot_serve_is_tried_once_an_attempt() {
    for previous in [None, Some("broken")] {
        let world = World::new(Some("broken"));
        if let Some(previous) = previous {
            world.set_previous(previous);
        }
        world.cache.load().await;
        assert_eq!(world.current().await, Err(30));
        assert_eq!(world.previous_fetches(), 1);
        world.pass(30);
        assert_eq!(world.current().await, Err(30));
        assert_eq!(world.previous_fetches(), 2);
        world.set_previous("old");
        world.pass(30);
        assert_eq!(world.current().await, Ok("old".to_owned()));
    }
}

#[tokio::test]
async fn a_request_that_is_cut_off_has_made_its_attempt() {
    let world = World::new(Some("one"));
    world.cache.load().await;
    world.pass(300);
    // Polled once, so that the fetch is under way, and then dropped.
    let mut cut_off = Box::pin(world.cache.current(deadline()));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(cut_off.as_mut().poll(&mut context).is_pending());
    drop(cut_off);
    assert_eq!(world.fetches(), 2);
    assert_eq!(world.current().await, Ok("one".to_owned()));
    assert_eq!(world.fetches(), 2);
}

#[tokio::test]
async fn an_attempt_ends_with_its_limit() {
    let fetch: Fetch = Box::new(|_, _| Box::pin(std::future::pending()));
    let clock = Clock::from_fn(|| UnixMillis::new(1_000_000));
    let cache = Cache::new("test", fetch, |_| Ok(()), AGES, clock);
    let short = Deadline::of_invocation(UnixMillis::new(510), UnixMillis::new(0));
    assert!(cache.current(short).await.is_err());
}
