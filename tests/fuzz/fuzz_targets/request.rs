//! A sealed request in its parts, sealed by the harness: past the tag, through the whole handler.
//!
//! The input is one byte of choices (bits: kid named, older key, first path, HTTP API, base64,
//! quotes, and two for the operation) and the plaintext.

#![no_main]

use libfuzzer_sys::fuzz_target;
use peers::rules::{Asked, GET_TOKEN, INVALIDATE, RENEW, Spelling};
use serde_json::{Value, json, value::to_raw_value};
use token_service::request::{ReferenceId, RequestFault};
use token_service_fuzz::{
    answer::{Checked, check_of},
    budget::{watched, within},
    events::{self, Asks, BEGAN, Choices, REFERENCE_ID},
    plaintext,
    service::Function,
    strict_json::NoShape,
};

fuzz_target!(|bytes: &[u8]| watched(bytes, check));

fn check(bytes: &[u8]) {
    let (choices, sent) = events::of_request(bytes);
    let body = events::sealed(choices, &sent);
    let event = events::event(choices, body.as_bytes());
    let function = Function::of_the_events();
    function.begin_session();
    let asked = Asked {
        spelling: Some(match choices.is_first_path() {
            false => Spelling::Text,
            true => Spelling::Integer,
        }),
        // A renewal's key has no name.
        names_its_key: (choices.asks() != Asks::Renew).then(|| choices.names_its_key()),
        reference_id: None,
    };
    let operation = match choices.asks() {
        Asks::GetToken => GET_TOKEN,
        Asks::Renew => RENEW,
        Asks::Invalidate => INVALIDATE,
    };
    let ask = || {
        let event = to_raw_value(&event).unwrap();
        let limit = 512 * 1024 + 128 * body.len();
        let answer = within(limit, || function.answer(event));
        check_of(operation, answer, &[choices.key()], &asked)
    };
    let answer = ask();
    if body.len() > 32 * 1024 {
        expect(&answer, choices, 413, 413);
        return;
    }
    match choices.asks() {
        Asks::GetToken => get_token(choices, &sent, &answer, ask),
        Asks::Renew => renewal(choices, &sent, &answer, ask),
        Asks::Invalidate => invalidation(choices, &sent, &answer, ask),
    }
}

#[track_caller]
fn expect(answer: &Checked, choices: Choices, status: u16, code: u64) {
    let code = match choices.is_first_path() {
        false => json!(format!("TOK{code:03}")),
        true => json!(if code == 200 { 100 } else { code }),
    };
    assert_eq!(
        (answer.status, &answer.code),
        (status, &code),
        "{}",
        answer.json
    );
}

fn get_token(choices: Choices, sent: &[u8], answer: &Checked, ask: impl Fn() -> Checked) {
    match plaintext::parse(sent) {
        Ok(request) => {
            // The development partner's key, else another's.
            let ours = serde_json::from_slice::<Value>(sent)
                .is_ok_and(|sent| sent["sdkApiKey"] == "ABCDEFGH");
            if answer.status == 401 {
                expect(answer, choices, 401, 4);
                assert!(!ours);
                return;
            }
            // The harness's session was begun by no request that could be compared.
            if request.reference_id.as_str() == REFERENCE_ID {
                return;
            }
            expect(answer, choices, 200, 200);
            assert_eq!(answer.json["referenceId"], request.reference_id.as_str());
            let again = ask();
            assert!(again.status == 200 && again.replayed && again.json == answer.json);
        }
        Err(fault) => {
            expect(answer, choices, 400, 400);
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

/// The member of this name, by another reading than the service's; `Err` if the plaintext is not
/// the JSON object that it must be, `None` if this reading cannot tell.
fn member(sent: &[u8], name: &str) -> Option<Result<Value, ()>> {
    match plaintext::is_sound(sent) {
        Err(NoShape::NumberOutOfRange) => None,
        Ok(true) => {
            let sent: Value = serde_json::from_slice(sent).ok()?;
            Some(Ok(sent[name].clone()))
        }
        _ => Some(Err(())),
    }
}

/// Granted exactly if the plaintext is about the token in the header, and once more the same.
fn renewal(choices: Choices, sent: &[u8], answer: &Checked, ask: impl Fn() -> Checked) {
    let Some(member) = member(sent, "token") else {
        return;
    };
    if member != Ok(events::token(BEGAN).into()) {
        expect(answer, choices, 400, 400);
        let told = answer.json["errors"].as_array().map_or(0, Vec::len);
        // Of JSON that is refused as a whole, what is repeated or too deep is named.
        assert!(told == 1 || (told == 0 && member.is_err()));
        return;
    }
    expect(answer, choices, 200, 200);
    assert_eq!(answer.json["referenceId"], REFERENCE_ID);
    assert_ne!(answer.json["token"], events::token(BEGAN));
    let again = ask();
    assert!(again.status == 200 && again.replayed && again.json == answer.json);
}

/// Done exactly if the plaintext names the session, twice.
fn invalidation(choices: Choices, sent: &[u8], answer: &Checked, ask: impl Fn() -> Checked) {
    let Some(member) = member(sent, "tokenReferenceId") else {
        return;
    };
    let named = member.as_ref().ok().and_then(Value::as_str);
    let named = named.filter(|id| ReferenceId::new(id).is_some());
    match named {
        None => expect(answer, choices, 400, 400),
        Some(REFERENCE_ID) => expect(answer, choices, 200, 200),
        Some(_) => expect(answer, choices, 404, 404),
    }
    let told = answer.json.get("referenceId").and_then(Value::as_str);
    assert_eq!(told, named);
    let again = ask();
    assert!((again.status, &again.json) == (answer.status, &answer.json));
}
