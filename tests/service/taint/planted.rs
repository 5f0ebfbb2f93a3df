//! Bugs that are planted in a copy of the source, each of which the search must find. Cargo builds the copy, so that these
//! run on demand: `make taint`.

use std::path::Path;

use service_tests::planted::{Bug, bugs};

use super::{
    leaks, memory,
    scenarios::{self, Part},
};

/// A patch of `planted/`, what must happen for it to come out, and how what then comes out begins.
const LEAK: [(&str, Part, &[&str]); 13] = [
    (
        "aws-code-as-it-came",
        Part::DynamoDbEchoes,
        &["log: accountNumber (raw)", "log: email (raw)"],
    ),
    (
        "customer-in-the-clear",
        Part::Protocol,
        &[
            "table: accountNumber (raw)",
            "table: a value of data (JSON-escaped)",
        ],
    ),
    (
        "customer-logged",
        Part::Protocol,
        &["log: accountNumber (raw)"],
    ),
    (
        "digest-in-debug",
        Part::Protocol,
        &["log: an API key's digest (decimal bytes)"],
    ),
    (
        "document-logged",
        Part::Documents,
        &[
            "log: payload key canaria-key-",
            "log: an API key's digest (hex)",
        ],
    ),
    (
        "fingerprint-is-the-customer",
        Part::Protocol,
        &["table: accountNumber (reversed)"],
    ),
    (
        "header-comes-back",
        Part::Protocol,
        &[
            "status and headers: header or variable Cookie",
            "log: header or variable Cookie",
        ],
    ),
    (
        "libraries-at-trace",
        Part::Protocol,
        &[
            "log: an API key",
            "log: payload key canaria-key-",
            "log: header or variable Cookie",
        ],
    ),
    (
        "panic-shows-customer",
        Part::Protocol,
        &["log: accountNumber (raw)", "failure: accountNumber (raw)"],
    ),
    (
        "reason-repeats-value",
        Part::Protocol,
        &["sealed problem: email (raw)"],
    ),
    (
        "record-not-encrypted",
        Part::Protocol,
        &[
            "table: a token's ciphertext (raw)",
            "table: accountNumber (raw)",
        ],
    ),
    (
        "session-key-logged-in-hex",
        Part::Protocol,
        &["log: a session key (hex)"],
    ),
    (
        "variable-logged",
        Part::Variables,
        &["failure: token key canary-token-1 (base64url)"],
    ),
];

/// A patch by which something is dropped as it is, and how what is then still in memory begins.
const KEPT: [(&str, &str); 3] = [
    ("customer-kept", ""),
    ("hmac-state-kept", "HMAC state"),
    ("key-kept", "payload key"),
];

/// Where freed memory has a new tenant at once there is nothing to find: not every time.
const TRIES: usize = 5;

fn planted() -> Vec<Bug> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("taint/planted");
    bugs(&folder, None).unwrap()
}

#[test]
fn each_planted_bug_has_its_row() {
    let mut rows: Vec<&str> = LEAK.iter().map(|(name, ..)| *name).collect();
    rows.extend(KEPT.iter().map(|(name, _)| *name));
    rows.sort();
    let bugs = planted();
    assert_eq!(bugs.iter().map(Bug::name).collect::<Vec<_>>(), rows);
}

#[tokio::test]
#[ignore = "builds the function once for each bug: minutes"]
async fn each_planted_bug_is_found() {
    for bug in planted() {
        let function = bug.build().unwrap_or_else(|error| panic!("{error}"));
        let name = bug.name();
        if let Some((_, part, leak)) = LEAK.iter().find(|(row, ..)| *row == name) {
            let found = leaks(&scenarios::run(&function, &[*part]).await);
            for leak in *leak {
                let is_found = found.iter().any(|found| found.starts_with(leak));
                assert!(is_found, "{name}: no {leak} in {found:#?}");
            }
            println!("{name}: {} findings, among them {leak:?}", found.len());
        }
        if let Some((_, kept)) = KEPT.iter().find(|(row, _)| *row == name) {
            let mut broken = Vec::new();
            for _ in 0..TRIES {
                broken = memory::broken_promises(&memory::scans(&function).await);
                broken.retain(|found| found.starts_with(kept));
                if !broken.is_empty() {
                    break;
                }
            }
            assert!(!broken.is_empty(), "{name} is not found");
            println!("{name}: {broken:?}");
        }
    }
}
