//! A bundle that cannot be trusted stops the function at start, by name and with nothing of the
//! file.

use serde_json::Value;

use super::Network;
use crate::configuration::refusal;

#[tokio::test]
async fn a_bundle_that_cannot_be_read_stops_the_function() {
    let network = Network::new();
    let whole = network.trusted.pem();
    let (first, _) = whole.split_at(whole.len() / 2);
    let end = "-----END CERTIFICATE-----\n";
    let key = whole.replace("CERTIFICATE", "PRIVATE KEY");
    let folder = network.folder.path().to_str().unwrap().to_owned();
    let missing = format!("{folder}/missing.pem");
    let broken = format!("{first}\n{end}");
    let second = format!("{whole}-----BEGIN CERTIFICATE-----\nAAAA\n{end}");
    let rows = [
        ("missing", missing),
        ("a folder", folder),
        ("empty", network.file("empty.pem", "")),
        ("no PEM", network.file("text.pem", "authorities to come")),
        ("no text", network.file("bytes.pem", [0xff; 64])),
        ("no certificate", network.file("key.pem", &key)),
        ("broken off", network.file("half.pem", first)),
        ("damaged", network.file("damaged.pem", &broken)),
        ("the second is none", network.file("second.pem", &second)),
    ];
    // Any line of the file's base64.
    let content = whole.lines().nth(2).unwrap();
    for (why, bundle) in rows {
        let said = refusal(&[("AWS_CA_BUNDLE", Some(bundle.into()))]).await;
        let lines: Vec<&str> = said.lines().collect();
        let [line] = lines[..] else {
            panic!("{why}: not one line: {said}");
        };
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["level"], "ERROR", "{why}: {line}");
        assert_eq!(line["message"], "wrong configuration", "{why}: {line}");
        let error = line["error"].as_str().unwrap();
        assert!(error.contains("AWS_CA_BUNDLE"), "{why}: {line}");
        assert!(!said.contains(content), "{why}: {said}");
    }
}
