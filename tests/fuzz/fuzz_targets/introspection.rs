//! An introspection in its parts (`events::of_introspection`), through the whole handler: answered
//! as a second reading of the header and the form says.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{json, value::to_raw_value};
use token_service_fuzz::{
    answer::check_introspection,
    budget::{watched, within},
    events::{self, BEGAN},
    form,
    service::Function,
};

const ID: &str = "wallet";
const SECRET: &str = "rs_dev_wallet_7Jm2QxV9nKb4TzR8";

fuzz_target!(|bytes: &[u8]| watched(bytes, check));

fn check(bytes: &[u8]) {
    let (authorization, body) = events::of_introspection(bytes);
    let event = events::introspection(authorization.as_deref(), &body);
    let function = Function::of_the_events();
    function.begin_session();
    let limit = 512 * 1024 + 64 * (bytes.len() + body.len());
    let answer = within(limit, || function.answer(to_raw_value(&event).unwrap()));
    let answer = check_introspection(answer);
    let told = (answer.status, &answer.json);

    if body.len() > 32 * 1024 {
        assert_eq!(told, (413, &json!({"error": "invalid_request"})));
        return;
    }
    let credentials = authorization.as_deref().and_then(form::credentials);
    if credentials != Some((ID.to_owned(), SECRET.to_owned())) {
        assert_eq!(told, (401, &json!({"error": "invalid_client"})));
        return;
    }
    match form::token(&body) {
        None => assert_eq!(told, (400, &json!({"error": "invalid_request"}))),
        Some(token) if token == events::token(BEGAN) => {
            assert_eq!((answer.status, &answer.json["active"]), (200, &json!(true)));
            assert_eq!(answer.json["ref"], events::REFERENCE_ID);
        }
        Some(_) => assert_eq!(told, (200, &json!({"active": false}))),
    }
}
