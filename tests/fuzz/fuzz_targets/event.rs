//! The whole handler from an event's bytes: `gateway::Service::answer`, its AWS replaced below the
//! SDK. What is no JSON is the body of an event.
//!
//! The secrets are those of `events/`, so that its events are answered in full.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use peers::rules::{Asked, GET_TOKEN, INVALIDATE, Operation, RENEW};
use serde_json::{Value, value::RawValue};
use token_service_fuzz::{
    answer::{Checked, check_introspection, check_of},
    budget::{watched, within},
    events,
    service::Function,
};

static KEYS: LazyLock<Vec<[u8; 32]>> = LazyLock::new(events::answer_keys);

fuzz_target!(|bytes: &[u8]| watched(bytes, check));

fn check(bytes: &[u8]) {
    let function = Function::of_the_events();
    let event = events::of_event(bytes);
    function.begin_session();
    let operation = asked_for(&event);
    let ask = |event: Box<RawValue>| -> Checked {
        let limit = 512 * 1024 + 64 * bytes.len();
        let answer = within(limit, || function.answer(event));
        match operation {
            Some(operation) => check_of(operation, answer, &KEYS, &Asked::default()),
            None => check_introspection(answer),
        }
    };
    let first = ask(event.clone());
    let second = ask(event);
    assert_eq!(
        (first.status, &first.code, first.sealed),
        (second.status, &second.code, second.sealed)
    );
    assert!(!first.replayed);
    if first.status == 200 && operation == Some(GET_TOKEN) {
        assert!(second.replayed, "the same request again is a replay");
        assert_eq!(first.json, second.json);
    }
}

/// The operation at the event's path, as the service reads it; `None` for introspection.
fn asked_for(event: &RawValue) -> Option<Operation> {
    let event: Value = serde_json::from_str(event.get()).unwrap_or_default();
    let path = match event["version"].as_str() {
        Some("2.0") => &event["rawPath"],
        _ => &event["path"],
    };
    let path = path.as_str().unwrap_or_default();
    if path.contains("/client/app/renew/") {
        Some(RENEW)
    } else if path.contains("/client/server/invalidate/") {
        Some(INVALIDATE)
    } else if path.ends_with("/token-service/introspect") {
        None
    } else {
        Some(GET_TOKEN)
    }
}
