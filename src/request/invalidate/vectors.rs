//! `docs/vectors/invalidation.json`.

use serde_json::json;

use super::*;
use crate::vectors::read;

#[test]
fn names_the_session_of_every_invalidation() {
    for vector in read("invalidation").0 {
        let (name, plaintext) = (vector.name(), vector.part("request").bytes("plaintextUtf8"));
        let request = InvalidateRequest::parse(&plaintext).unwrap();
        let told = &vector.answer()["referenceId"];
        assert_eq!(*told, request.reference_id.as_str(), "{name}");
    }
}

#[test]
fn names_what_fails_of_every_wrong_invalidation() {
    for vector in read("invalidation").1 {
        let (name, answer) = (vector.name(), vector.answer());
        let plaintext = vector.part("request").bytes("plaintextUtf8");
        match InvalidateRequest::parse(&plaintext) {
            // Whether there is such a session, its record says.
            Ok(request) => {
                assert_eq!(vector.fault(), "unknown", "{name}");
                assert_eq!(answer["referenceId"], request.reference_id.as_str());
            }
            Err(fault) => {
                assert_eq!(answer["resCode"], "TOK400", "{name}");
                let errors: Vec<_> = fault.members();
                let told = answer["errors"].as_array().cloned().unwrap_or_default();
                assert_eq!(json!(errors), json!(told), "{name}");
            }
        }
    }
}
