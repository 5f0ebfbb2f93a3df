//! What must hold in every state.
//!
//! A request that the table has answered can be answered in the next step. So what is judged is
//! every answer that could be next, and no state need remember the last one.

use stateright::{Model, Property};

use super::{
    Action, Answer, Asks, Bounds, Item, Kind, Request, Session, Stage, State, Token, Wrong,
    possible,
};

pub(super) const ONE_SESSION: &str =
    "at most one session reaches anyone until its record's ttl has passed";
pub(super) const EVERY_TOKEN_IS_RECORDED: &str =
    "every token that is answered is the record's current one, or was";
pub(super) const NOTHING_TO_ANOTHER: &str = "a conflicting request learns nothing of the first one";
pub(super) const OWN_WRITE: &str = "a write whose answer was lost is answered as the first";
pub(super) const NO_REPLAY_AFTER_THE_END: &str =
    "no token is replayed once it has expired or was revoked";
pub(super) const FREE_AFTER_TTL: &str =
    "a pair is free once its record's ttl has passed, deleted or not";
pub(super) const NO_TRACE: &str = "a refused write leaves the record as it was";
pub(super) const ONE_SUCCESSOR: &str = "at most one successor of a token reaches anyone";
pub(super) const WITHIN_THE_SESSION: &str = "no token outlives its session";
pub(super) const NO_REVIVAL: &str =
    "no token of an earlier session, or of a record that is free, is renewed or said to be active";
pub(super) const NO_SDK_IS_SHUT_OUT: &str =
    "a renewal is refused only if the session is over, or if someone has the token's successor";
pub(super) const INVALIDATED_FOR_GOOD: &str =
    "who comes after an answered invalidation finds the session over";
pub(super) const INTROSPECTED_AS_FOUND: &str =
    "a token is said to be active exactly if it has not expired and its session lasts";
pub(super) const ANSWERED: &str = "once faults end, a caller that retries is answered";

/// Every property that can say anything within these bounds.
pub(super) fn every(bounds: Bounds) -> Vec<Property<Session>> {
    let calls = bounds.calls;
    let mut properties = of_writes();
    properties.extend(of_get_tokens());
    if calls.renewals > 0 {
        properties.extend(of_renewals());
    }
    if calls.invalidations > 0 {
        properties.push(invalidated_for_good());
    }
    if calls.introspections > 0 {
        properties.push(introspected_as_found());
    }
    if bounds.faults_end {
        properties.push(answered());
    }
    properties.extend(possible::every(bounds));
    properties
}

fn of_writes() -> Vec<Property<Session>> {
    vec![
        Property::<Session>::always(EVERY_TOKEN_IS_RECORDED, |model, state| {
            all(model, state, |request, Answer { token, .. }| {
                let current = request.found().map(|item| item.token);
                token.is_none() || token == current || (token == request.draft() && request.written)
            })
        }),
        Property::<Session>::always(OWN_WRITE, |model, state| {
            all(model, state, |request, answer| {
                let own = |item: &Item| Some(item.token) == request.draft();
                // An SDK is not told of a session that is over, whoever wrote last.
                let over = |item: &Item| item.revoked || item.ttl <= state.now;
                let refused = |item: &Item| is_renewal(request) && over(item);
                let found = request.found();
                let first = answer.kind == Kind::First && answer.token == request.draft();
                first || found.filter(own).is_none_or(|item| refused(&item))
            })
        }),
        Property::<Session>::always(NO_TRACE, |_, state| {
            state.wrong != Some(Wrong::RefusalLeftATrace)
        }),
    ]
}

fn of_get_tokens() -> Vec<Property<Session>> {
    vec![
        Property::<Session>::always(ONE_SESSION, |model, state| {
            state.wrong != Some(Wrong::KeptRecordReplaced)
                || all(model, state, |_, Answer { token, .. }| {
                    let mut held = state.held.iter();
                    token.is_none_or(|token| held.all(|other| other.session == token.session))
                })
        }),
        Property::<Session>::always(NOTHING_TO_ANOTHER, |model, state| {
            all(model, state, |request, answer| match request.asks {
                Asks::Issue(payload) => {
                    let tells_nothing = matches!(answer.kind, Kind::Reused | Kind::Failed);
                    let mut found = request.found().into_iter();
                    tells_nothing || found.all(|item| item.payload == payload)
                }
                _ => true,
            })
        }),
        Property::<Session>::always(NO_REPLAY_AFTER_THE_END, |model, state| {
            all(model, state, |request, answer| {
                let ends = |item: Item| match request.asks {
                    Asks::Issue(_) => item.token.expires_at,
                    _ => item.ttl,
                };
                let ended = |item: Item| item.revoked || ends(item) <= state.now;
                answer.kind != Kind::Replay || !request.found().is_some_and(ended)
            })
        }),
        Property::<Session>::always(FREE_AFTER_TTL, |model, state| {
            all(model, state, |request, _| {
                let mut found = request.found().into_iter();
                !is_issue(request) || found.all(|item| item.token.ttl() > request.at)
            })
        }),
    ]
}

fn of_renewals() -> Vec<Property<Session>> {
    vec![
        Property::<Session>::always(ONE_SUCCESSOR, |model, state| {
            all(model, state, |request, Answer { token, .. }| {
                token.is_none_or(|token| {
                    let replaces = token.replaces;
                    let second = |held: &Token| held.replaces == replaces && held.jti != token.jti;
                    let another = |presented: Token| {
                        presented.session == token.session && replaces != Some(presented.jti)
                    };
                    let successors = replaces.is_some() && state.held.iter().any(second);
                    !successors && !request.presented().is_some_and(another)
                })
            })
        }),
        Property::<Session>::always(WITHIN_THE_SESSION, |model, state| {
            all(model, state, |_, Answer { token, .. }| {
                token.is_none_or(|token| token.expires_at <= model.session_ends(token.began))
            })
        }),
        Property::<Session>::always(NO_REVIVAL, |model, state| {
            state.wrong != Some(Wrong::EndedSessionRenewed)
                && all(model, state, |request, answer| {
                    let another = |token: Token| {
                        let mut found = request.found().into_iter();
                        found.any(|item| item.token.session != token.session)
                    };
                    let granted = matches!(answer.kind, Kind::Replay | Kind::Active);
                    !granted || !request.presented().is_some_and(another)
                })
        }),
        Property::<Session>::always(NO_SDK_IS_SHUT_OUT, |model, state| {
            all(model, state, |request, answer| {
                match (request.asks, answer.kind) {
                    (Asks::Renew(_), Kind::Expired) => {
                        let mut found = request.found().into_iter();
                        found.all(|item| item.ttl <= state.now)
                    }
                    (Asks::Renew(presented), Kind::Superseded) => {
                        let mut found = request.found().into_iter();
                        let succeeds = |held: &Token| held.replaces == Some(presented.jti);
                        found.any(|item| item.token.session != presented.session)
                            || state.held.iter().any(succeeds)
                    }
                    _ => true,
                }
            })
        }),
    ]
}

fn invalidated_for_good() -> Property<Session> {
    Property::<Session>::always(INVALIDATED_FOR_GOOD, |model, state| {
        state.wrong != Some(Wrong::InvalidatedSessionRenewed)
            && all(model, state, |request, answer| {
                let session = match answer.kind {
                    Kind::Replay => answer.token.map(|token| token.session),
                    Kind::Active => request.presented().map(|token| token.session),
                    _ => None,
                };
                !session.is_some_and(|session| request.knew.contains(session))
            })
    })
}

fn introspected_as_found() -> Property<Session> {
    Property::<Session>::always(INTROSPECTED_AS_FOUND, |model, state| {
        all(model, state, |request, answer| match request.asks {
            Asks::Introspect(token) => {
                let lasts = |item: Item| {
                    item.token.session == token.session && !item.revoked && item.ttl > state.now
                };
                let active = token.expires_at > state.now && request.found().is_some_and(lasts);
                (answer.kind == Kind::Active) == active
            }
            _ => true,
        })
    })
}

fn answered() -> Property<Session> {
    Property::<Session>::always(ANSWERED, |model, state| {
        !state.faults_ended
            || (all(model, state, |_, answer| answer.kind != Kind::Failed)
                && (can_go_on(model, state) || nobody_waits(state)))
    })
}

/// Whether a request can come, be written or be answered. Each of these brings one of a bounded
/// number of requests forward, and nothing brings it back: so, done again and again, they end.
fn can_go_on(model: &Session, state: &State) -> bool {
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

pub(super) fn is_issue(request: &Request) -> bool {
    matches!(request.asks, Asks::Issue(_))
}

pub(super) fn is_renewal(request: &Request) -> bool {
    matches!(request.asks, Asks::Renew(_))
}

/// Every answer that could be next.
fn answers<'s>(
    model: &'s Session,
    state: &'s State,
) -> impl Iterator<Item = (&'s Request, Answer)> {
    let requests = state.requests.iter();
    let waiting = requests.filter(|request| model.may_answer(request));
    waiting.map(|request| (request, model.answer(request, state.now)))
}

/// Whether each of them is as it must be.
fn all(model: &Session, state: &State, condition: impl Fn(&Request, Answer) -> bool) -> bool {
    answers(model, state).all(|(request, answer)| condition(request, answer))
}

/// Whether one of them is like this.
pub(super) fn any(
    model: &Session,
    state: &State,
    condition: impl Fn(&Request, Answer) -> bool,
) -> bool {
    answers(model, state).any(|(request, answer)| condition(request, answer))
}
