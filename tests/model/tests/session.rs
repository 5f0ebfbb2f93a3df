//! What requests for one `referenceId` do to each other, in every state; and each planted bug.

#![allow(
    clippy::panic,
    reason = "a test ends where something is not as it must be"
)]

use model::{
    check::{counterexample, explore},
    session::{self, Bug},
};

/// The model named has the properties, in every state that it can reach.
fn holds(name: &str) {
    let models = session::models();
    let (_, model) = models
        .iter()
        .find(|(other, _)| other.ends_with(name))
        .unwrap_or_else(|| panic!("there is no model {name}"));
    let exploration = explore(model, |_| ());
    assert!(exploration.is_sound(), "{exploration:#?}");
}

/// The bug violates the property, whose name begins like this.
fn is_caught(bug: Bug, property: &str) {
    let planted = session::planted();
    let (name, model, violated) = planted
        .iter()
        .find(|(_, model, _)| model.bug == Some(bug))
        .unwrap_or_else(|| panic!("{bug:?} is not planted"));
    assert!(violated.starts_with(property), "{name}: {violated}");
    let steps = counterexample(model, violated);
    assert!(steps.is_some(), "{name} is not caught");
}

#[test]
fn no_second_session_reaches_anyone_among_three_get_tokens() {
    holds("three Get Tokens");
}

#[test]
fn no_second_session_reaches_anyone_in_three_attempts() {
    holds("two Get Tokens of three attempts");
}

#[test]
fn no_second_successor_reaches_anyone_among_three_renewals() {
    holds("three renewals");
}

#[test]
fn an_invalidated_session_is_not_renewed() {
    holds("session, a renewal and an invalidation");
}

#[test]
fn an_invalidated_session_is_renewed_by_neither_of_two() {
    holds("two renewals and an invalidation");
}

#[test]
fn no_token_of_an_earlier_session_is_revived() {
    holds("a pair that is used again");
}

#[test]
fn no_token_of_an_earlier_session_is_active() {
    holds("the introspection of such a pair");
}

#[test]
fn a_caller_that_retries_is_answered_once_faults_end() {
    holds("the end of faults");
}

#[test]
fn a_pair_that_is_not_taken_has_two_sessions() {
    is_caught(Bug::NoCondition, "at most one session");
    is_caught(Bug::FreeOnceExpired, "at most one session");
    is_caught(Bug::RenewalLeavesTheTtl, "at most one session");
}

#[test]
fn without_the_ttl_clause_a_pair_stays_taken() {
    is_caught(Bug::NoTtlClause, "a pair is free");
}

#[test]
fn a_token_that_is_answered_and_not_recorded_is_in_no_table() {
    is_caught(Bug::AnsweredBeforeRecorded, "every token that is answered");
    is_caught(
        Bug::ReplayGivesTheFreshToken,
        "every token that is answered",
    );
}

#[test]
fn without_the_comparison_of_jtis_a_lost_write_is_not_the_first() {
    let property = "a write whose answer was lost";
    is_caught(Bug::OwnWriteIsNotRecognised, property);
    is_caught(Bug::OwnRenewalIsNotRecognised, property);
}

#[test]
fn another_request_learns_what_is_not_compared_first() {
    let property = "a conflicting request learns nothing";
    is_caught(Bug::RequestsAreNotCompared, property);
    is_caught(Bug::ComparedAfterTheExpiry, property);
}

#[test]
fn an_ended_token_is_replayed_unless_its_end_is_looked_at() {
    is_caught(Bug::ExpiryIsNotChecked, "no token is replayed");
    is_caught(Bug::RevocationIsNotChecked, "no token is replayed");
    is_caught(Bug::JudgedAtTheTimeOfTheDraft, "no token is replayed");
}

#[test]
fn a_renewal_of_more_than_the_current_token_makes_a_second_successor() {
    let property = "at most one successor";
    is_caught(Bug::RenewsThePreviousToken, property);
    is_caught(Bug::RenewalReplayGivesTheFreshToken, property);
}

#[test]
fn a_session_is_revived_unless_token_and_record_are_compared() {
    let property = "no token of an earlier session";
    is_caught(Bug::RenewsAnyToken, property);
    is_caught(Bug::RenewsWhatIsFree, property);
    is_caught(Bug::PreviousIsNotCompared, property);
    is_caught(Bug::IntrospectionIgnoresTheSession, property);
}

#[test]
fn an_sdk_whose_answer_was_lost_needs_the_previous_jti() {
    is_caught(Bug::PreviousIsNotKept, "a renewal is refused only");
}

#[test]
fn an_sdk_that_comes_late_may_have_an_expired_token() {
    is_caught(Bug::RenewsNoExpiredToken, "a renewal is refused only");
}

#[test]
fn a_refused_renewal_that_writes_is_seen() {
    is_caught(Bug::RefusedRenewalWrites, "a refused write");
}

#[test]
fn a_lifetime_that_is_not_cut_outlives_the_session() {
    is_caught(Bug::OutlivesItsSession, "no token outlives");
}

#[test]
fn an_invalidated_session_goes_on_unless_everybody_looks() {
    let property = "who comes after an answered invalidation";
    is_caught(Bug::RenewsWhatIsRevoked, property);
    is_caught(Bug::InvalidationIsAnsweredFirst, property);
    is_caught(Bug::IntrospectionIgnoresTheStatus, property);
    is_caught(Bug::IntrospectionReadsTheReplica, property);
}

#[test]
fn introspection_tells_of_the_session_and_by_the_clock() {
    let property = "a token is said to be active exactly";
    is_caught(Bug::IntrospectionKnowsOneToken, property);
    is_caught(Bug::IntrospectionLooksAtTheClockFirst, property);
}

#[test]
fn without_the_old_item_a_retry_fails_for_good() {
    is_caught(Bug::OldItemIsNotReturned, "once faults end");
}
