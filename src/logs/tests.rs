use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::*;
use crate::clock::UnixMillis;

/// What `log` writes.
fn written(log: impl FnOnce()) -> String {
    let buffer = Arc::new(Mutex::new(Vec::new()));
    let writer = {
        let buffer = Arc::clone(&buffer);
        move || Buffer(Arc::clone(&buffer))
    };
    let clock = Clock::from_fn(|| UnixMillis::new(1_795_597_200_123));
    let subscriber = tracing_subscriber::registry().with(lines(clock, writer));
    tracing::subscriber::with_default(subscriber, log);
    let bytes = buffer.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

struct Buffer(Arc<Mutex<Vec<u8>>>);

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn line(log: impl FnOnce()) -> Value {
    let written = written(log);
    let line = written.strip_suffix('\n').unwrap();
    assert!(!line.contains('\n'), "{line}");
    serde_json::from_str(line).unwrap()
}

#[test]
fn declares_the_metrics_and_dimensions_that_the_event_has() {
    let line = line(|| {
        tracing::info!(
            status = 200,
            Outcome = "TOK200",
            PartnerId = "acme",
            Requests = 1,
            Latency = 2.5,
            SecretsLatency = None::<f64>,
            "answered"
        );
    });
    let directive = |dimensions: Value, name: &str, unit: &str| {
        let metrics = [json!({"Name": name, "Unit": unit})];
        json!({"Namespace": "TokenService", "Dimensions": dimensions, "Metrics": metrics})
    };
    assert_eq!(
        line["_aws"],
        json!({"Timestamp": 1_795_597_200_123_i64, "CloudWatchMetrics": [
            directive(json!([[], ["Outcome"], ["PartnerId", "Outcome"]]), "Requests", "Count"),
            directive(json!([[], ["Outcome"]]), "Latency", "Milliseconds"),
        ]})
    );
    assert_eq!(
        (&line["Latency"], &line["Outcome"]),
        (&json!(2.5), &json!("TOK200"))
    );
    assert_eq!(line.get("SecretsLatency"), None);
}

#[test]
fn leaves_out_a_dimension_that_the_event_does_not_have() {
    let line = line(|| {
        tracing::info!(
            Outcome = "TOK002",
            PartnerId = None::<&str>,
            Requests = 1,
            TokenKid = "t",
            SealedMessages = 1,
        );
    });
    let directives = line["_aws"]["CloudWatchMetrics"].as_array().unwrap();
    let dimensions: Vec<_> = directives.iter().map(|one| &one["Dimensions"]).collect();
    assert_eq!(
        dimensions,
        [&json!([[], ["Outcome"]]), &json!([["TokenKid"]])]
    );
}

#[test]
fn a_line_without_metrics_declares_none() {
    let line = line(|| tracing::error!(cause = "x", PartnerId = "acme", "no metric"));
    assert_eq!(line.get("_aws"), None);
    assert_eq!(line["message"], "no metric");
}

#[test]
fn a_text_cannot_end_the_line_or_the_object() {
    let cause = "}\n{\"_aws\":{}}\n";
    let line = line(|| tracing::info!(cause, Requests = 1));
    assert_eq!(line["cause"], cause);
    assert_eq!(line["_aws"]["Timestamp"], 1_795_597_200_123_i64);
}

#[test]
fn only_this_crate_speaks_below_error() {
    let quiet = written(|| tracing::warn!(target: "aws_smithy_runtime", "x"));
    assert_eq!(quiet, "");
    assert_eq!(written(|| tracing::debug!("x")), "");
    assert!(written(|| tracing::error!(target: "lambda_runtime", "x")).contains("\"ERROR\""));
}

#[test]
fn a_panic_is_one_line_that_tells_its_place_alone() {
    let line = line(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(log_panic));
        let _ = panic::catch_unwind(|| panic!("customer {}", 123_123_123));
        panic::set_hook(others);
    });
    assert!(!line.to_string().contains("123123123"), "{line}");
    let members: Vec<_> = line.as_object().unwrap().keys().collect();
    assert_eq!(members, ["level", "location", "message", "timestamp"]);
    assert_eq!(
        (&line["level"], &line["message"]),
        (&json!("ERROR"), &json!("panicked"))
    );
    assert!(
        line["location"]
            .as_str()
            .unwrap()
            .starts_with("src/logs/tests.rs:")
    );
}
