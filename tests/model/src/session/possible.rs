//! What must be possible: a service that does nothing has every other property.

use stateright::Property;

use super::{
    Asks, Bounds, Kind, Request, Session, State, Token,
    properties::{any, is_issue, is_renewal},
};

/// Whatever is possible within these bounds.
pub(super) fn every(bounds: Bounds) -> Vec<Property<Session>> {
    let calls = bounds.calls;
    let mut properties = Vec::new();
    if calls.issues > 1 {
        properties.extend(with_a_second_get_token());
    }
    if calls.renewals > 0 {
        properties.extend(with_a_renewal());
    }
    if bounds.attempts > 1 && calls.renewals == 0 {
        properties.push(recognised());
    }
    if bounds.attempts > 1 && calls.renewals > 0 {
        properties.push(renewal_recognised());
    }
    if calls.renewals > 1 {
        properties.extend(with_a_second_renewal());
    }
    if calls.renewals > 2 {
        properties.push(superseded());
    }
    if calls.invalidations > 0 {
        properties.extend(with_an_invalidation());
    }
    if calls.issues > 1 && calls.renewals > 0 && calls.invalidations > 0 {
        properties.extend(with_all_of_these());
    }
    if calls.introspections > 0 {
        properties.extend(with_an_introspection());
    }
    if calls.issues > 1 && calls.introspections > 0 {
        properties.push(inactive_of_an_earlier_session());
    }
    properties
}

fn with_a_second_get_token() -> Vec<Property<Session>> {
    vec![
        Property::<Session>::sometimes("a conflict", |model, state| {
            any(model, state, |_, answer| answer.kind == Kind::Reused)
        }),
        Property::<Session>::sometimes("a conflict, as the token has expired", |model, state| {
            any(model, state, |request, answer| {
                is_issue(request) && answer.kind == Kind::Expired
            })
        }),
        Property::<Session>::sometimes(
            "a replay to a request that came at the same time",
            |model, state| {
                any(model, state, |request, answer| {
                    let together = |token: Token| token.began == request.at;
                    is_issue(request)
                        && answer.kind == Kind::Replay
                        && answer.token.is_some_and(together)
                })
            },
        ),
        Property::<Session>::sometimes(
            "a replay of a token that nobody got yet",
            |model, state| {
                any(model, state, |request, answer| {
                    let unheard = |token: Token| !state.held.contains(&token);
                    is_issue(request)
                        && answer.kind == Kind::Replay
                        && answer.token.is_some_and(unheard)
                })
            },
        ),
        Property::<Session>::sometimes(
            "a pair that is used again after its record's ttl",
            |model, state| {
                any(model, state, |request, answer| {
                    let another = |token: &Token| token.session != request.id;
                    is_issue(request)
                        && answer.kind == Kind::First
                        && state.held.iter().any(another)
                })
            },
        ),
    ]
}

fn with_a_renewal() -> Vec<Property<Session>> {
    vec![
        Property::<Session>::sometimes("a renewal of an expired token", |model, state| {
            any(model, state, |request, answer| {
                let expired = |token: Token| token.expires_at <= request.at;
                is_renewal(request)
                    && answer.kind == Kind::First
                    && request.presented().is_some_and(expired)
            })
        }),
        Property::<Session>::sometimes("a refusal, as the record is free", |model, state| {
            any(model, state, |request, answer| {
                is_renewal(request) && answer.kind == Kind::Expired && request.found().is_some()
            })
        }),
        Property::<Session>::sometimes("a refusal, as the record is gone", |model, state| {
            any(model, state, |request, answer| {
                is_renewal(request) && answer.kind == Kind::Expired && request.found().is_none()
            })
        }),
    ]
}

fn recognised() -> Property<Session> {
    Property::<Session>::sometimes(
        "a lost write that is recognised after its token has ended",
        |model, state| {
            any(model, state, |request, answer| {
                let ended = |token: Token| token.expires_at <= state.now;
                answer.kind == Kind::First
                    && request.found().is_some()
                    && answer.token.is_some_and(ended)
            })
        },
    )
}

fn renewal_recognised() -> Property<Session> {
    Property::<Session>::sometimes("a lost renewal that is recognised", |model, state| {
        any(model, state, |request, answer| {
            is_renewal(request) && answer.kind == Kind::First && request.found().is_some()
        })
    })
}

fn with_a_second_renewal() -> Vec<Property<Session>> {
    vec![
        Property::<Session>::sometimes("a replay to a second SDK", |model, state| {
            any(model, state, |request, answer| {
                let held = |token: Token| state.held.contains(&token);
                is_renewal(request) && answer.kind == Kind::Replay && answer.token.is_some_and(held)
            })
        }),
        Property::<Session>::sometimes("a replay of a renewal that nobody got", |model, state| {
            any(model, state, |request, answer| {
                let unheard = |token: Token| !state.held.contains(&token);
                is_renewal(request)
                    && answer.kind == Kind::Replay
                    && answer.token.is_some_and(unheard)
            })
        }),
    ]
}

fn superseded() -> Property<Session> {
    Property::<Session>::sometimes("a refusal, as the token is superseded", |model, state| {
        any(model, state, |_, answer| answer.kind == Kind::Superseded)
    })
}

fn with_an_invalidation() -> Vec<Property<Session>> {
    vec![
        Property::<Session>::sometimes("an invalidation", |model, state| {
            any(model, state, |_, answer| answer.kind == Kind::Invalidated)
        }),
        Property::<Session>::sometimes("a refusal, as the session was revoked", |model, state| {
            any(model, state, |_, answer| answer.kind == Kind::Revoked)
        }),
        Property::<Session>::sometimes("no session to invalidate", |model, state| {
            any(model, state, |_, answer| answer.kind == Kind::Unknown)
        }),
    ]
}

fn with_all_of_these() -> Vec<Property<Session>> {
    vec![
        Property::<Session>::sometimes(
            "a Get Token's replay of a renewed token",
            |model, state| {
                any(model, state, |request, answer| {
                    let renewed = |token: Token| token.replaces.is_some();
                    is_issue(request)
                        && answer.kind == Kind::Replay
                        && answer.token.is_some_and(renewed)
                })
            },
        ),
        Property::<Session>::sometimes(
            "a refusal to a token of an earlier session",
            |model, state| {
                any(model, state, |request, answer| {
                    answer.kind == Kind::Superseded && is_of_another_session(request)
                })
            },
        ),
        // A late attempt of its own reaches the table only after the pair was used again.
        Property::<Session>::sometimes("an invalidation that ends the next session", next_is_ended),
    ]
}

fn next_is_ended(_: &Session, state: &State) -> bool {
    let item = state.item.filter(|item| item.revoked);
    let mut invalidations = state.requests.iter().filter(|request| request.written);
    item.is_some_and(|item| {
        invalidations.any(|request| match request.asks {
            Asks::Invalidate { session } => session.is_some_and(|named| named < item.token.session),
            _ => false,
        })
    })
}

fn with_an_introspection() -> Vec<Property<Session>> {
    vec![
        Property::<Session>::sometimes("an active token", |model, state| {
            any(model, state, |_, answer| answer.kind == Kind::Active)
        }),
        Property::<Session>::sometimes("an active token that was renewed", |model, state| {
            any(model, state, |request, answer| {
                let current = request.found().map(|item| item.token);
                answer.kind == Kind::Active && current != request.presented()
            })
        }),
    ]
}

fn inactive_of_an_earlier_session() -> Property<Session> {
    Property::<Session>::sometimes(
        "an inactive token of an earlier session that has not expired",
        |model, state| {
            any(model, state, |request, answer| {
                let lives = |token: Token| token.expires_at > state.now;
                answer.kind == Kind::Inactive
                    && is_of_another_session(request)
                    && request.presented().is_some_and(lives)
            })
        },
    )
}

fn is_of_another_session(request: &Request) -> bool {
    let session = request.found().map(|item| item.token.session);
    request
        .presented()
        .is_some_and(|token| session.is_some_and(|session| session != token.session))
}
