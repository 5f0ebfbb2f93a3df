//! The sample events of `events/`: each gets its documented answer, and all are as `make events` writes them.

use std::{fs, path::PathBuf};

use peers::{
    answer::Answer,
    rules::{self, Asked, GET_TOKEN},
};
use sandbox::{
    development,
    events::{Manifest, Sample, differences},
    proxy_event,
};
use serde_json::Value;
use service_tests::Service;

use crate::contract;

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "events"]
        .iter()
        .collect()
}

async fn answer(service: &Service, sample: &Sample) -> Answer {
    let json = fs::read(folder().join(sample.file())).unwrap();
    let event: Value = serde_json::from_slice(&json).unwrap();
    let answer = service.invoke(&event).await.unwrap();
    let response = proxy_event::response(&answer).unwrap();
    let answer = Answer::read(response, &development::partners().unwrap()).unwrap();
    rules::check(GET_TOKEN, &answer, &Asked::default()).unwrap_or_else(|broken| panic!("{broken}"));
    answer
}

#[tokio::test]
async fn every_sample_gets_its_documented_answer() {
    let manifest = Manifest::read(&folder()).unwrap();
    assert!(manifest.events.len() > 20);
    let mut wrong = Vec::new();
    for sample in &manifest.events {
        let service = Service::start().await;
        let mut last = None;
        for before in &sample.before {
            let before = manifest.sample(before).expect("a sample of the manifest");
            last = Some(answer(&service, before).await);
        }
        let answer = answer(&service, sample).await;
        for difference in sample.differences(&answer, last.as_ref()) {
            wrong.push(format!("{}: {difference}", sample.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
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
