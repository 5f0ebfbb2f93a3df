//! Repeats, and answers that are not to be believed.

use std::time::Instant;

use super::{
    front::{Front, Step},
    run::{Ended, Folder, stack, tokenctl},
};

fn ask(front: &Front, more: &[&str]) -> Ended {
    let folder = Folder::new();
    let credentials = folder.credentials(|file| file["url"] = front.url.as_str().into());
    let line = [
        "request",
        "--json",
        "--credentials",
        &credentials,
        "--account-number",
        "1",
    ];
    tokenctl(&[&line, more].concat())
}

const UNAVAILABLE: Step = Step::Say(
    503,
    "content-type: application/json\r\nretry-after: 0\r\n",
    r#"{"resCode":"TOK503","resDesc":"later"}"#,
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tries_again_until_it_passes_and_gets_one_token() {
    let sandbox = stack().await;
    let gateway = |status| Step::Say(status, "", r#"{"message":"no"}"#);
    for (steps, tries, replayed) in [
        (vec![UNAVAILABLE], 2, false),
        (vec![gateway(502), gateway(504), gateway(429)], 4, false),
        (vec![Step::Drop, Step::Drop], 3, false),
        (vec![Step::Lose], 2, true),
        (vec![Step::Cut], 2, true),
    ] {
        let front = Front::before(sandbox.url(), steps.clone());
        let ended = ask(&front, &[]);
        assert_eq!(ended.code, 0, "{steps:?}: {ended:?}");
        let report = ended.json();
        assert_eq!(report["tries"], tries, "{steps:?}");
        assert_eq!(report["replayed"], replayed, "{steps:?}");
        assert_eq!(front.calls(), tries, "{steps:?}");
        assert!(ended.err.contains("try 1 of 4"), "{}", ended.err);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waits_as_long_as_it_is_asked_to_and_not_for_an_hour() {
    let sandbox = stack().await;
    let wait = |headers| Step::Say(503, headers, r#"{"resCode":"TOK503"}"#);
    let front = Front::before(sandbox.url(), [wait("retry-after: 1\r\n")]);
    let started = Instant::now();
    assert_eq!(ask(&front, &[]).code, 0);
    assert!(started.elapsed().as_secs_f64() > 1.0);

    let front = Front::before(sandbox.url(), [wait("retry-after: 3600\r\n")]);
    let ended = ask(&front, &[]);
    assert_eq!(ended.code, 6);
    let report = ended.json();
    assert_eq!(report["retryAfter"], 3600);
    assert_eq!(report["retryable"], true);
    assert_eq!(front.calls(), 1);
}

#[test]
fn gives_up_after_the_attempts_it_has() {
    let front = Front::alone(vec![UNAVAILABLE; 9]);
    let report = ask(&front, &[]).json();
    assert_eq!(report["code"], "TOK503");
    assert_eq!((front.calls(), report["tries"].as_u64()), (4, Some(4)));

    let front = Front::alone(vec![Step::Drop; 9]);
    let ended = ask(&front, &["--attempts", "2", "--reference-id", "mine:1"]);
    assert_eq!((ended.code, front.calls()), (1, 2), "{ended:?}");
    assert!(ended.err.contains("mine:1") && ended.err.contains("may have been issued"));
}

#[test]
fn does_not_repeat_what_stays_as_it_is() {
    for status in [400, 401, 403, 404, 413, 500] {
        let front = Front::alone([Step::Say(status, "", r#"{"resCode":"TOK003"}"#)]);
        assert_eq!(ask(&front, &[]).code, 6);
        assert_eq!(front.calls(), 1, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn believes_nothing_that_the_service_does_not_vouch_for() {
    let sandbox = stack().await;
    let success =
        r#"{"resCode":"TOK200","referenceId":"r","token":"t","serverPubKey":"k","expireAt":1}"#;
    for (step, fault) in [
        (Step::Tamper, "does not open it"),
        (
            Step::Say(200, "content-type: application/json\r\n", success),
            "not encrypted",
        ),
        (
            Step::Say(200, "content-type: text/html\r\n", "<!doctype html>"),
            "web page",
        ),
    ] {
        let front = Front::before(sandbox.url(), [step.clone()]);
        let ended = ask(&front, &["--reference-id", "r"]);
        assert_eq!(ended.code, 6, "{step:?}: {ended:?}");
        let report = ended.json();
        assert_eq!(report["outcome"], "unreadable-answer");
        assert!(
            report["fault"].as_str().unwrap().contains(fault),
            "{report}"
        );
        assert_eq!(front.calls(), 1, "{step:?}");
    }
    let front = Front::before(sandbox.url(), [Step::Pass, Step::Stale]);
    assert_eq!(ask(&front, &[]).code, 0);
    let ended = ask(&front, &[]);
    assert_eq!(ended.code, 6, "{ended:?}");
    assert!(ended.out.contains("another referenceId"), "{ended:?}");
}
