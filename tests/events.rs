//! The sample events of `events/`: each gets its documented answer, and all are as `make events` writes them.

use std::{fs, path::PathBuf};

use peers::answer::Answer;
use sandbox::{
    development,
    events::{Manifest, Sample, differences},
    proxy_event,
};
use serde_json::Value;
use service_tests::Service;

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
    Answer::read(response, &development::partners().unwrap()).unwrap()
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

#[tokio::test]
async fn the_samples_cover_the_table_of_errors() {
    let manifest = Manifest::read(&folder()).unwrap();
    for status in [200, 400, 401, 404, 405, 409, 413, 415] {
        let mut samples = manifest.events.iter();
        assert!(
            samples.any(|sample| sample.status == status),
            "no sample is answered {status}"
        );
    }
}

#[test]
fn the_files_are_as_make_events_writes_them() {
    let differences = differences(&folder()).unwrap();
    let lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{}", lines.join("\n"));
}
