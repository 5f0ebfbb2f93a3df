//! A request in its parts, sealed by the harness: past the tag, through the whole handler.
//!
//! The input is one byte of choices (bits: kid named, older key, first path, HTTP API, base64, quotes) and the plaintext.

#![no_main]

use libfuzzer_sys::fuzz_target;
use peers::rules::{Asked, Spelling};
use serde_json::{json, value::to_raw_value};
use token_service::request::RequestFault;
use token_service_fuzz::{
    answer::check as checked,
    budget::{watched, within},
    events, plaintext,
    service::Function,
};

fuzz_target!(|bytes: &[u8]| watched(bytes, check));

fn check(bytes: &[u8]) {
    let (choices, sent) = events::of_request(bytes);
    let body = events::sealed(choices, sent);
    let event = events::event(choices, body.as_bytes());
    let function = Function::of_the_events();
    function.forget_records();
    let asked = Asked {
        spelling: Some(match choices.is_first_path() {
            false => Spelling::Text,
            true => Spelling::Integer,
        }),
        names_its_key: Some(choices.names_its_key()),
        reference_id: None,
    };
    let ask = || {
        let event = to_raw_value(&event).unwrap();
        let limit = 512 * 1024 + 128 * bytes.len();
        let answer = within(limit, || function.answer(event));
        checked(answer, &[choices.key()], &asked)
    };
    let answer = ask();
    let number = |code: u64| match choices.is_first_path() {
        false => json!(format!("TOK{code:03}")),
        true => json!(if code == 200 { 100 } else { code }),
    };
    let expected = |status: u16, code: u64| {
        assert_eq!(
            (answer.status, &answer.code),
            (status, &number(code)),
            "{}",
            answer.json
        );
    };
    if body.len() > 32 * 1024 {
        expected(413, 413);
        return;
    }
    match plaintext::parse(sent) {
        Ok(request) => {
            // The development partner's key, else another's.
            let ours = serde_json::from_slice::<serde_json::Value>(sent)
                .is_ok_and(|sent| sent["sdkApiKey"] == "ABCDEFGH");
            if answer.status == 401 {
                expected(401, 4);
                assert!(!ours);
                return;
            }
            expected(200, 200);
            assert_eq!(answer.json["referenceId"], request.reference_id.as_str());
            let again = ask();
            assert!(again.status == 200 && again.replayed && again.json == answer.json);
        }
        Err(fault) => {
            expected(400, 400);
            let told = answer.json["errors"].as_array().map_or(0, Vec::len);
            assert_eq!(told, fault.members().len());
            let reference_id = match &fault {
                RequestFault::Members { reference_id, .. } => reference_id.as_ref(),
                _ => None,
            };
            let told = answer.json.get("referenceId").and_then(|id| id.as_str());
            assert_eq!(told, reference_id.map(|id| id.as_str()));
        }
    }
}
