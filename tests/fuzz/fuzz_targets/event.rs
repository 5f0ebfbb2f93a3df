//! The whole handler from an event's bytes: `http::Service::answer`, its AWS replaced below the SDK. What is no JSON is
//! the body of an event.
//!
//! The secrets are those of `events/`, so that its events are answered in full.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use peers::rules::Asked;
use serde_json::value::RawValue;
use token_service_fuzz::{
    answer::{Checked, check as checked},
    budget::{watched, within},
    events,
    service::Function,
};

static KEYS: LazyLock<Vec<[u8; 32]>> = LazyLock::new(events::payload_keys);

fuzz_target!(|bytes: &[u8]| watched(bytes, check));

fn check(bytes: &[u8]) {
    let function = Function::of_the_events();
    let event = events::of_event(bytes);
    function.forget_records();
    let ask = |event: Box<RawValue>| -> Checked {
        let limit = 512 * 1024 + 64 * bytes.len();
        let answer = within(limit, || function.answer(event));
        checked(answer, &KEYS, &Asked::default())
    };
    let first = ask(event.clone());
    let second = ask(event);
    assert_eq!(
        (first.status, &first.code, first.sealed),
        (second.status, &second.code, second.sealed)
    );
    assert!(!first.replayed);
    if first.status == 200 {
        assert!(second.replayed, "the same request again is a replay");
        assert_eq!(first.json, second.json);
    }
}
