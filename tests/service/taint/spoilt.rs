//! Events and documents with something wrong at each of their values.

use serde_json::{Value, json};
use service_tests::Event;

use super::canaries::ACCOUNT;

/// The event with something else in the place of each of its members, as deep as they go.
pub(super) fn broken(event: &Event) -> Vec<Value> {
    let event = event.json();
    let odd = |value: &Value| {
        [
            json!([value]),
            json!({ ACCOUNT: value }),
            json!(7),
            json!(null),
        ]
    };
    let mut broken = Vec::new();
    for pointer in pointers(&event) {
        let value = event.pointer(&pointer).unwrap();
        for odd in odd(value) {
            let mut event = event.clone();
            *event.pointer_mut(&pointer).unwrap() = odd;
            broken.push(event);
        }
    }
    broken.extend([
        json!(ACCOUNT),
        json!([ACCOUNT]),
        json!({ ACCOUNT: ACCOUNT }),
    ]);
    broken
}

/// The document with something wrong at one of its values each.
pub(super) fn spoilt(document: &Value) -> Vec<Value> {
    let mut spoilt = Vec::new();
    for pointer in pointers(document) {
        let value = document.pointer(&pointer).unwrap();
        let text = value.as_str().unwrap_or(ACCOUNT);
        for wrong in [
            json!(format!("{text} {text}")),
            json!({ "k": text, "other": text }),
            json!([[text]]),
        ] {
            let mut document = document.clone();
            *document.pointer_mut(&pointer).unwrap() = wrong;
            spoilt.push(document);
        }
    }
    spoilt.push(json!(document.to_string()));
    spoilt.push(json!([document]));
    let mut unknown = document.clone();
    unknown["unknown"] = document.clone();
    spoilt.push(unknown);
    spoilt
}

/// The JSON pointers of all values below the outermost; of an array only its first element.
fn pointers(value: &Value) -> Vec<String> {
    fn walk(value: &Value, pointer: &str, pointers: &mut Vec<String>) {
        let mut child = |name: &str, value: &Value| {
            let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
            pointers.push(pointer.clone());
            walk(value, &pointer, pointers);
        };
        match value {
            Value::Object(members) => members.iter().for_each(|(name, value)| child(name, value)),
            Value::Array(elements) => elements.iter().take(1).for_each(|value| child("0", value)),
            _ => {}
        }
    }
    let mut pointers = Vec::new();
    walk(value, "", &mut pointers);
    pointers
}
