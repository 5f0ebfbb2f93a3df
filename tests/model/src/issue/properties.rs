//! What must hold in every state, and what must be possible.

use stateright::{Model, Property};

use super::{Action, Answer, Bounds, Draft, Issue, Kind, Stage, State};

pub(super) const ONE_TOKEN: &str =
    "at most one token reaches anyone until its record's ttl has passed";
pub(super) const RECORDED: &str = "whoever got a token finds it in the table";
pub(super) const NOTHING_TO_ANOTHER: &str = "a conflicting request learns nothing of the first one";
pub(super) const OWN_WRITE: &str = "a write whose answer was lost is answered as the first";
pub(super) const NO_REPLAY_AFTER_THE_END: &str =
    "no token is replayed once it has expired or was revoked";
pub(super) const FREE_AFTER_TTL: &str =
    "a pair is free once its record's ttl has passed, deleted or not";
pub(super) const ANSWERED: &str = "once faults end, a caller that retries is answered";

/// Every property.
pub(super) fn every(bounds: Bounds) -> Vec<Property<Issue>> {
    // Where faults never end it would hold of nothing.
    let answered = bounds.faults_end.then(answered);
    always()
        .into_iter()
        .chain(answered)
        .chain(sometimes())
        .collect()
}

fn always() -> Vec<Property<Issue>> {
    vec![
        Property::<Issue>::always(ONE_TOKEN, |_, state| state.held.len() <= 1),
        Property::<Issue>::always(RECORDED, |_, state| {
            let recorded = state.item.map(|item| item.draft);
            state.held.iter().all(|token| Some(*token) == recorded)
        }),
        Property::<Issue>::always(NOTHING_TO_ANOTHER, |_, state| {
            all(state, |answer| {
                let of_another = |draft: Draft| draft.payload != answer.asked.payload;
                let tells_nothing = matches!(answer.kind, Kind::Reused | Kind::Failed);
                !answer.token.is_some_and(of_another)
                    && (tells_nothing || !answer.found.is_some_and(of_another))
            })
        }),
        Property::<Issue>::always(OWN_WRITE, |_, state| {
            all(state, |answer| {
                answer.found != Some(answer.asked)
                    || (answer.kind == Kind::First && answer.token == Some(answer.asked))
            })
        }),
        Property::<Issue>::always(NO_REPLAY_AFTER_THE_END, |_, state| {
            all(state, |answer| {
                !(answer.kind == Kind::Replay && answer.found_ended)
            })
        }),
        Property::<Issue>::always(FREE_AFTER_TTL, |_, state| {
            all(state, |answer| {
                answer
                    .found
                    .is_none_or(|found| found.ttl() > answer.asked.at)
            })
        }),
    ]
}

fn answered() -> Property<Issue> {
    Property::<Issue>::always(ANSWERED, |model, state| {
        !state.faults_ended
            || (all(state, |answer| answer.kind != Kind::Failed)
                && (can_go_on(model, state) || nobody_waits(state)))
    })
}

/// Whether a request can come, be written or be answered. Each of these brings one of a bounded
/// number of requests forward, and nothing brings it back: so, done again and again, they end.
fn can_go_on(model: &Issue, state: &State) -> bool {
    let mut actions = Vec::new();
    model.actions(state, &mut actions);
    actions.iter().any(|action| {
        matches!(
            action,
            Action::Call(_) | Action::Write(_) | Action::Answer(_)
        )
    })
}

fn nobody_waits(state: &State) -> bool {
    state
        .requests
        .iter()
        .all(|request| request.stage == Stage::Ended)
}

fn sometimes() -> Vec<Property<Issue>> {
    vec![
        Property::<Issue>::sometimes("a first answer", |_, state| {
            any(state, |answer| answer.kind == Kind::First)
        }),
        Property::<Issue>::sometimes("a replay", |_, state| {
            any(state, |answer| answer.kind == Kind::Replay)
        }),
        Property::<Issue>::sometimes(
            "a replay to a request that came at the same time",
            |_, state| {
                any(state, |answer| {
                    let together = |found: Draft| found.at == answer.asked.at;
                    answer.kind == Kind::Replay && answer.found.is_some_and(together)
                })
            },
        ),
        Property::<Issue>::sometimes("a replay of a token that nobody got yet", |_, state| {
            any(state, |answer| {
                answer.kind == Kind::Replay && answer.unheard
            })
        }),
        Property::<Issue>::sometimes("a conflict", |_, state| {
            any(state, |answer| answer.kind == Kind::Reused)
        }),
        Property::<Issue>::sometimes("a refusal, as the token has expired", |_, state| {
            any(state, |answer| answer.kind == Kind::Expired)
        }),
        Property::<Issue>::sometimes("a refusal, as the token was revoked", |_, state| {
            any(state, |answer| answer.kind == Kind::Revoked)
        }),
        Property::<Issue>::sometimes(
            "a lost write of one's own that is recognised",
            |_, state| {
                any(state, |answer| {
                    answer.kind == Kind::First && answer.found.is_some()
                })
            },
        ),
        Property::<Issue>::sometimes(
            "a lost write that is recognised after its token has ended",
            |_, state| {
                any(state, |answer| {
                    answer.kind == Kind::First && answer.found_ended
                })
            },
        ),
        Property::<Issue>::sometimes(
            "a pair that is used again after its record's ttl",
            |_, state| state.held_before && any(state, |answer| answer.kind == Kind::First),
        ),
    ]
}

/// Whether the answer that led here, if one did, is as it must be.
fn all(state: &State, condition: impl Fn(Answer) -> bool) -> bool {
    state.answer.is_none_or(condition)
}

/// Whether such an answer led here.
fn any(state: &State, condition: impl Fn(Answer) -> bool) -> bool {
    state.answer.is_some_and(condition)
}
