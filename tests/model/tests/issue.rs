//! What requests for one `referenceId` do to each other, in every state; and each planted bug.

#![allow(
    clippy::panic,
    reason = "a test ends where something is not as it must be"
)]

use model::{
    check::{counterexample, explore},
    issue::{self, Bug},
};

/// The model named has the properties, in every state that it can reach.
fn holds(name: &str) {
    let models = issue::models();
    let (_, model) = models
        .iter()
        .find(|(other, _)| other.contains(name))
        .unwrap_or_else(|| panic!("there is no model {name}"));
    let exploration = explore(model, |_| ());
    assert!(exploration.is_sound(), "{exploration:#?}");
}

/// The bug violates the property, whose name begins like this, and the last step is this.
fn is_caught(bug: Bug, property: &str, last: &str) {
    let planted = issue::planted();
    let (_, model, violated) = planted
        .iter()
        .find(|(_, model, _)| model.bug == Some(bug))
        .unwrap_or_else(|| panic!("{bug:?} is not planted"));
    assert!(violated.starts_with(property), "{violated}");
    let steps = counterexample(model, violated).unwrap_or_else(|| panic!("{bug:?} is not caught"));
    assert_eq!(steps.last().map(String::as_str), Some(last), "{steps:#?}");
}

#[test]
fn no_second_token_reaches_anyone_among_three_requests() {
    holds("three requests of two attempts");
}

#[test]
fn no_second_token_reaches_anyone_in_three_attempts() {
    holds("two requests of three attempts");
}

#[test]
fn a_caller_that_retries_is_answered_once_faults_end() {
    holds("the end of faults");
}

#[test]
fn without_the_condition_two_tokens_do() {
    let last = "request 0 is answered: First token 0";
    is_caught(Bug::NoCondition, "at most one token", last);
}

#[test]
fn without_the_ttl_clause_a_pair_stays_taken() {
    let last = "request 1 is answered: Reused";
    is_caught(Bug::NoTtlClause, "a pair is free", last);
}

#[test]
fn a_pair_that_is_free_at_the_expiry_has_two_tokens() {
    let last = "request 0 is answered: First token 0";
    is_caught(Bug::FreeOnceExpired, "at most one token", last);
}

#[test]
fn without_the_comparison_of_jtis_a_lost_write_is_a_replay() {
    let last = "request 0 is answered: Replay token 0";
    is_caught(
        Bug::OwnWriteIsNotRecognised,
        "a write whose answer was lost",
        last,
    );
}

#[test]
fn a_token_that_is_answered_before_it_is_recorded_is_in_no_table() {
    let last = "request 0 is answered: First token 0";
    is_caught(Bug::AnsweredBeforeRecorded, "whoever got a token", last);
}

#[test]
fn without_the_comparison_of_requests_another_gets_the_token() {
    let last = "request 0 is answered: Replay token 1";
    is_caught(
        Bug::RequestsAreNotCompared,
        "a conflicting request learns nothing",
        last,
    );
}

#[test]
fn an_expiry_that_is_looked_at_first_is_told_to_another() {
    let last = "request 1 is answered: Expired";
    is_caught(
        Bug::ComparedAfterTheExpiry,
        "a conflicting request learns nothing",
        last,
    );
}

#[test]
fn without_a_look_at_the_expiry_an_expired_token_is_replayed() {
    let last = "request 1 is answered: Replay token 0";
    is_caught(Bug::ExpiryIsNotChecked, "no token is replayed", last);
}

#[test]
fn without_a_look_at_the_status_a_revoked_token_is_replayed() {
    let last = "request 0 is answered: Replay token 1";
    is_caught(Bug::RevocationIsNotChecked, "no token is replayed", last);
}

#[test]
fn judged_at_the_time_of_the_draft_an_expired_token_is_replayed() {
    let last = "request 0 is answered: Replay token 1";
    is_caught(Bug::JudgedAtTheTimeOfTheDraft, "no token is replayed", last);
}

#[test]
fn a_replay_of_the_fresh_token_is_a_second_one() {
    let last = "request 0 is answered: Replay token 0";
    is_caught(Bug::ReplayGivesTheFreshToken, "at most one token", last);
}

#[test]
fn without_the_old_item_a_retry_fails_for_good() {
    let last = "request 1 is answered: Failed";
    is_caught(Bug::OldItemIsNotReturned, "once faults end", last);
}

#[test]
fn every_bug_is_planted() {
    for bug in Bug::ALL {
        assert!(
            issue::planted()
                .iter()
                .any(|(_, model, _)| model.bug == Some(bug)),
            "{bug:?}"
        );
    }
}
