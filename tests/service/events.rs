//! The sample events of `events/`: each gets its documented answer, and all are as `make events`
//! writes them.

use std::path::PathBuf;

use bytes::Bytes;
use http::Response;
use peers::{
    answer::Answer,
    partner::INVALIDATE_PATH,
    resource_server::INTROSPECT_PATH,
    rules::{self, Asked, BrokenRule, GET_TOKEN, INVALIDATE, RENEW, introspection},
    sdk::RENEW_PATH,
};
use sandbox::events::{self, Conversation, Manifest, Sample, SendError, differences};
use serde_json::Value;
use service_tests::Service;

use crate::contract;

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "events"]
        .iter()
        .collect()
}

fn event(sample: &Sample) -> Value {
    events::read(&folder().join(sample.file())).unwrap()
}

async fn answer(conversation: &mut Conversation<'_>, sample: &Sample) -> Answer {
    let event = event(sample);
    let answer = conversation.send(&sample.name, &event).await.unwrap();
    check(&event["path"], &answer).unwrap_or_else(|broken| panic!("{}: {broken}", sample.name));
    answer
}

fn check(path: &Value, answer: &Answer) -> Result<(), BrokenRule> {
    let operation = match path.as_str() {
        Some(INTROSPECT_PATH) => {
            let mut response = Response::new(Bytes::copy_from_slice(answer.body()));
            *response.status_mut() = answer.status;
            *response.headers_mut() = answer.headers().clone();
            return introspection::check(&response).map(drop);
        }
        Some(RENEW_PATH) => RENEW,
        Some(INVALIDATE_PATH) => INVALIDATE,
        _ => GET_TOKEN,
    };
    rules::check(operation, answer, &Asked::default()).map(drop)
}

#[tokio::test]
async fn every_sample_gets_its_documented_answer() {
    let manifest = Manifest::read(&folder()).unwrap();
    assert!(manifest.events.len() > 20);
    let mut wrong = Vec::new();
    for sample in &manifest.events {
        let service = Service::start().await;
        let mut conversation = Conversation::new(&service).unwrap();
        let mut last = None;
        for before in &sample.before {
            let before = manifest.sample(before).expect("a sample of the manifest");
            last = Some(answer(&mut conversation, before).await);
        }
        let answer = answer(&mut conversation, sample).await;
        for difference in sample.differences(&answer, last.as_ref()) {
            wrong.push(format!("{}: {difference}", sample.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Its file has no token, as that is another one each time.
#[tokio::test]
async fn a_sample_that_needs_a_token_is_not_sent_without_one() {
    let manifest = Manifest::read(&folder()).unwrap();
    let service = Service::start().await;
    for name in ["renew", "introspect"] {
        let sample = manifest.sample(name).unwrap();
        let mut conversation = Conversation::new(&service).unwrap();
        let sent = conversation.send(name, &event(sample)).await;
        let missing = matches!(&sent, Err(SendError::NoToken(of)) if of == "get-token");
        assert!(missing, "{name}: {sent:?}");
    }
}

/// Codes that no request alone brings about: AWS must fail.
const UNPROVOKED: [&str; 2] = ["TOK003", "TOK503"];

/// The rows of the protocol's table of errors that no sample shows.
fn uncovered(samples: &[Sample]) -> Vec<String> {
    let rows = contract::errors();
    assert!(rows.len() > 10, "{rows:?}");
    rows.into_iter()
        .filter(|(_, code, _)| !UNPROVOKED.contains(&code.as_str()))
        .filter(|(status, code, encrypted)| {
            !samples.iter().any(|sample| {
                (sample.status, sample.res_code.as_str()) == (*status, Some(code))
                    && Some(sample.encrypted) == *encrypted
            })
        })
        .map(|(_, code, _)| code)
        .collect()
}

#[test]
fn the_samples_cover_the_table_of_errors() {
    let samples = Manifest::read(&folder()).unwrap().events;
    let missing = uncovered(&samples);
    assert!(missing.is_empty(), "no sample shows {missing:?}");
}

/// Another code with the same status does not stand in for it.
#[test]
fn a_code_without_a_sample_is_found() {
    let mut samples = Manifest::read(&folder()).unwrap().events;
    for code in ["TOK004", "TOK400"] {
        samples.retain(|sample| sample.res_code != code);
        assert!(uncovered(&samples).contains(&code.to_owned()), "{code}");
    }
}

#[test]
fn the_files_are_as_make_events_writes_them() {
    let differences = differences(&folder()).unwrap();
    let lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{}", lines.join("\n"));
}
