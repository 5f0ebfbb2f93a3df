//! The whole handler from an event's bytes: `gateway::Service::answer`, its AWS replaced below the
//! SDK. What is no JSON is the body of an event.
//!
//! The secrets are those of `events/`, so that its events are answered in full.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use peers::rules::{Asked, GET_TOKEN, INVALIDATE, Operation, RENEW};
use serde::Deserialize;
use serde_json::value::RawValue;
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

/// What says which operation is asked for. The rest of an event may hold what is no text.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Place<'a> {
    #[serde(borrow)]
    version: Option<&'a RawValue>,
    #[serde(borrow)]
    path: Option<&'a RawValue>,
    #[serde(borrow)]
    raw_path: Option<&'a RawValue>,
}

/// The operation at the event's path, as the service reads it; `None` for introspection.
fn asked_for(event: &RawValue) -> Option<Operation> {
    let place: Place<'_> = serde_json::from_str(event.get()).unwrap_or_default();
    let text = |raw: Option<&RawValue>| -> String {
        let read = raw.and_then(|raw| serde_json::from_str(raw.get()).ok());
        read.unwrap_or_default()
    };
    let path = match text(place.version).as_str() {
        "2.0" => text(place.raw_path),
        _ => text(place.path),
    };
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
