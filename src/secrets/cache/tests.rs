use std::sync::{
    Mutex as StdMutex,
    atomic::{AtomicI64, AtomicUsize, Ordering},
};

use super::*;

const AGES: Ages = Ages {
    ttl: Duration::from_secs(300),
    min_refresh: Duration::from_secs(30),
    max_stale: Duration::from_secs(1000),
};

/// A secret whose text, clock and faults a test sets.
struct World {
    cache: Cache<String>,
    now: Arc<AtomicI64>,
    text: Arc<StdMutex<Option<String>>>,
    fetches: Arc<AtomicUsize>,
}

impl World {
    fn new(text: Option<&str>) -> Self {
        let now = Arc::new(AtomicI64::new(1_000_000));
        let text = Arc::new(StdMutex::new(text.map(str::to_owned)));
        let fetches = Arc::new(AtomicUsize::new(0));
        let fetch: Fetch = {
            let (text, fetches) = (Arc::clone(&text), Arc::clone(&fetches));
            Box::new(move |_| {
                fetches.fetch_add(1, Ordering::SeqCst);
                let text = text.lock().unwrap().clone();
                Box::pin(async move {
                    // Lets concurrent requests in while the fetch is under way.
                    tokio::task::yield_now().await;
                    text.map(Zeroizing::new).ok_or(Unreadable::Binary)
                })
            })
        };
        let read = |text: &str| match text {
            "broken" => Err(DocumentFault::Size),
            text => Ok(text.to_owned()),
        };
        let clock = {
            let now = Arc::clone(&now);
            Clock::from_fn(move || UnixMillis::new(now.load(Ordering::SeqCst)))
        };
        let cache = Cache::new("test", fetch, read, AGES, clock);
        Self {
            cache,
            now,
            text,
            fetches,
        }
    }

    fn pass(&self, seconds: i64) {
        self.now.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    fn set(&self, text: Option<&str>) {
        *self.text.lock().unwrap() = text.map(str::to_owned);
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
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
async fn a_clock_that_went_backwards_counts_as_expired() {
    let world = World::new(Some("one"));
    world.cache.load().await;
    world.set(Some("two"));
    world.pass(-3600);
    assert_eq!(world.current().await, Ok("two".to_owned()));
    world.set(None);
    world.pass(-3600);
    assert_eq!(world.current().await, Err(30));
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
    let fetch: Fetch = Box::new(|_| Box::pin(std::future::pending()));
    let clock = Clock::from_fn(|| UnixMillis::new(1_000_000));
    let cache = Cache::new("test", fetch, |_| Ok(()), AGES, clock);
    let short = Deadline::of_invocation(UnixMillis::new(510), UnixMillis::new(0));
    assert!(cache.current(short).await.is_err());
}
