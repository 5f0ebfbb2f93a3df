//! Bugs that are planted in a copy of the source, each of which the tests of a module must find. Cargo builds the copy, so
//! that this runs on demand: `make taint`.

use std::{path::Path, process::Command};

use service_tests::planted::bugs;

/// A patch of `planted/`, the tests that must fail, and by which words.
const FOUND_BY: [(&str, &str, &str); 14] = [
    (
        "attempts-count-from-their-end",
        "secrets::ages::",
        "while_secrets_manager_is_well ... FAILED",
    ),
    (
        "bundle-ignored",
        "tls::",
        "an_authority_of_the_bundle_is_trusted ... FAILED",
    ),
    (
        "bundle-unchecked",
        "tls::",
        "a_bundle_that_cannot_be_read_stops_the_function ... FAILED",
    ),
    ("disabled-is-told", "alike::", "failed: disabled"),
    ("iv-counts", "nonces::", "one repeats"),
    ("iv-of-the-plaintext", "nonces::", "one repeats"),
    ("iv-of-the-time", "nonces::", "deviations"),
    ("kid-is-told", "alike::", "failed: kid unknown"),
    (
        "payload-keys-are-shared",
        "secrets::documents::",
        "refuses_what_occurs_twice ... FAILED",
    ),
    (
        "previous-read-again",
        "secrets::bad_write::",
        "is_not_read_again ... FAILED",
    ),
    (
        "retries-have-a-quota",
        "faults::each_write",
        "whatever_earlier_ones_used ... FAILED",
    ),
    (
        "systems-store-trusted",
        "tls::",
        "the_systems_authorities_are_not_trusted ... FAILED",
    ),
    (
        "unreadable-falls-back",
        "secrets::bad_write::",
        "is_no_reason_to_read_the_previous_one ... FAILED",
    ),
    (
        "untrusted-is-transient",
        "tls::",
        "no_other_certificate_is_trusted ... FAILED",
    ),
];

/// Every patch of the repository: one that no longer fits finds nothing.
#[test]
fn each_planted_bug_fits_the_source() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for folder in [
        "tests/fuzz/planted",
        "tests/simulation/planted",
        "tests/planted",
        "tests/service/taint/planted",
    ] {
        for bug in bugs(&repository.join(folder), None).unwrap() {
            bug.fits().unwrap_or_else(|error| panic!("{error}"));
        }
    }
}

#[test]
#[ignore = "builds the function once for each bug: minutes"]
fn each_planted_bug_fails_its_tests() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("planted");
    let bugs = bugs(&folder, None).unwrap();
    let names: Vec<&str> = bugs.iter().map(|bug| bug.name()).collect();
    assert_eq!(names, FOUND_BY.map(|(name, ..)| name));
    for (bug, (name, tests, words)) in bugs.iter().zip(FOUND_BY) {
        let function = bug.build().unwrap_or_else(|error| panic!("{error}"));
        let run = Command::new(std::env::current_exe().unwrap())
            .arg(tests)
            .env("TOKEN_SERVICE_BIN", function)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&run.stdout).into_owned();
        assert!(said.contains(words), "{name}: {said}");
        println!("{name}: {tests} {words}");
    }
}
