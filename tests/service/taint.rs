//! Nothing secret and nothing of a customer comes out where it should not: not in a log, an answer,
//! an error or the table, in no usual encoding. What stays in the process's memory is counted, and
//! bounded where the service can bound it.
//!
//! Every secret, header and member is a canary: a value that occurs nowhere else. [`forms`] are the
//! encodings that a canary is searched in, [`canaries`] the values, those that the service derives
//! included, [`scenarios`] what happens to the service under [`watch`], and [`seen`] what came out
//! meanwhile. `make planted` shows that the search finds leaks.

mod canaries;
mod echo;
mod forms;
mod memory;
mod scenarios;
mod seen;
mod spoilt;
mod watch;

use std::collections::BTreeSet;

use forms::{Found, Needles};
use seen::Seen;
use tokio::sync::OnceCell;

/// All that came out of the binary under test, once for all tests.
async fn seen() -> &'static Seen {
    static SEEN: OnceCell<Seen> = OnceCell::const_new();
    SEEN.get_or_init(scenarios::run).await
}

/// What the search found, one line each: where, what, in which form. Sorted, each once.
fn leaks(seen: &Seen) -> BTreeSet<String> {
    let mut leaks = BTreeSet::new();
    for (place, needles, text) in seen.searches() {
        for Found { name, form } in needles.find_in(text) {
            leaks.insert(format!("{place}: {name} ({form})"));
        }
    }
    leaks
}

#[tokio::test]
async fn no_secret_and_no_customer_comes_out_in_any_encoding() {
    let seen = seen().await;
    println!("{seen}");
    let leaks = leaks(seen);
    assert!(leaks.is_empty(), "{leaks:#?}");
    // After the leaks: a function that fails everywhere leaks, too, and the test says what.
    assert_eq!(seen.unseen(), []);
    assert_eq!(seen.unechoed, Vec::<&str>::new());
}

/// The search is worth what it can find: each canary, in each form, in the middle of something
/// else.
#[tokio::test]
async fn the_search_finds_every_canary_in_every_form() {
    let seen = seen().await;
    let mut plants = 0;
    for (_, needles, _) in seen.searches() {
        for (name, form, planted) in needles.plants() {
            plants += 1;
            let found = needles.find_in(&planted);
            assert!(
                found.contains(&Found { name, form }),
                "{name} ({form}) is not found in {}",
                planted.escape_ascii()
            );
        }
    }
    println!("{plants} plants, all found");
    assert!(plants > 1_000);
}

#[test]
fn what_is_no_canary_is_not_found() {
    let mut needles = Needles::default();
    needles.add("key", b"0123456789abcdef");
    for innocent in ["", "0123456789abcde", "1123456789abcdef", "MDEyMzQ1"] {
        assert_eq!(needles.find_in(innocent.as_bytes()), []);
    }
}
