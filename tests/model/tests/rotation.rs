//! What a rotation does to what is sealed, in every state; and each planted bug.

#![allow(
    clippy::panic,
    reason = "a test ends where something is not as it must be"
)]

use model::{
    check::{counterexample, explore},
    rotation::{self, Bug, Ring, Rotation},
};

fn holds(ring: Ring) {
    let exploration = explore(&Rotation { ring, bug: None }, |_| ());
    assert!(exploration.is_sound(), "{exploration:#?}");
}

/// In each of the rings the bug violates the property, whose name begins like this.
fn is_caught(bug: Bug, rings: &[Ring], property: &str) {
    for ring in rings {
        let planted = rotation::planted();
        let (name, model, violated) = planted
            .iter()
            .find(|(_, model, _)| model.ring == *ring && model.bug == Some(bug))
            .unwrap_or_else(|| panic!("{bug:?} is not planted in the {ring} ring"));
        assert!(violated.starts_with(property), "{name}: {violated}");
        assert!(
            counterexample(model, violated).is_some(),
            "{name} is not caught"
        );
    }
}

const EVERY: [Ring; 3] = [Ring::Token, Ring::CopiedToken, Ring::Record];

#[test]
fn no_live_token_is_unopenable() {
    holds(Ring::Token);
}

#[test]
fn no_live_token_is_unopenable_to_a_resource_server_with_a_copy() {
    holds(Ring::CopiedToken);
}

#[test]
fn no_kept_record_is_unopenable() {
    holds(Ring::Record);
}

#[test]
fn a_key_that_seals_before_everybody_has_it_is_met_by_one_who_has_not() {
    is_caught(Bug::FrontWithoutAWait, &EVERY, "everybody");
    is_caught(Bug::LastKeySeals, &EVERY, "everybody");
}

#[test]
fn a_request_under_way_outlasts_a_wait_for_refreshes_alone() {
    is_caught(Bug::RequestsUnderWayAreForgotten, &EVERY, "everybody");
}

#[test]
fn a_wait_for_instances_alone_is_too_short_for_a_copy() {
    let bug = Bug::TheResourceServerIsForgotten;
    is_caught(bug, &[Ring::CopiedToken], "everybody");
}

#[test]
fn a_key_that_is_removed_too_early_leaves_something_unopenable() {
    is_caught(Bug::RemovedWithoutTheLifetime, &EVERY, "the ring opens");
    for bug in [
        Bug::RemovedAfterATokensLifetime,
        Bug::RemovedWithoutTheRetention,
    ] {
        is_caught(bug, &[Ring::Record], "the ring opens");
    }
}

#[test]
fn no_wait_is_long_enough_for_copies_without_a_bound() {
    is_caught(Bug::StaleCopiesAreServedForEver, &EVERY, "everybody");
}

#[test]
fn who_falls_back_where_nothing_is_refused_gets_a_ring_that_was_waited_out() {
    is_caught(Bug::FallsBackWhereNothingIsRefused, &EVERY, "everybody");
}

#[test]
fn a_ring_of_which_only_the_first_key_opens_can_not_be_rotated() {
    is_caught(Bug::OnlyTheFirstKeyOpens, &EVERY, "everybody");
}
