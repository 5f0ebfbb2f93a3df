//! One `(partner, referenceId)`: any number of requests for it, one item, and everything that can
//! be late, lost or repeated between them.
//!
//! Partners ask for tokens and end sessions, SDKs present any token that they have, resource
//! servers ask about it. A request makes its draft once, and attempts to write it several times. An
//! attempt that is given up may reach the table later; a caller that retries is another request. An
//! instance keeps nothing from one request to the next but keys, so a request stands for its
//! instance too; what instances know of keys is the business of [`crate::rotation`].

mod bug;
mod judge;
mod narrate;
mod possible;
mod properties;
mod service;
mod state;

use stateright::{Model, Property};

pub use bug::Bug;
pub use judge::{Found, FoundByRenewal, Read, introspect, judge, judge_renewal};
pub use state::{
    Answer, Asks, Calls, Id, Item, Kind, Payload, RETENTION, Request, Sessions, Stage, State,
    Token, UNDER_WAY, Wrong,
};

/// The model.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    /// How far it goes.
    pub bounds: Bounds,
    /// What is wrong with the service.
    pub bug: Option<Bug>,
}

/// What is finite about the model. Nothing else cuts it off. Each step uses up a call, an attempt,
/// a tick, the lifetime or an item, so that every run ends.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Requests for the pair.
    pub calls: Calls,
    /// Attempts of a request to write.
    pub attempts: u8,
    /// The last tick.
    pub horizon: u8,
    /// How long things last.
    pub ages: Ages,
    /// Whether faults end at some time, after which one more Get Token and one more renewal come.
    pub faults_end: bool,
}

/// Ages in ticks. A record outlives its token by [`RETENTION`].
#[derive(Clone, Copy, Debug)]
pub struct Ages {
    /// Of a token.
    pub token: u8,
    /// To which the operator may shorten it.
    pub shortened: Option<u8>,
    /// Of a session.
    pub session: u8,
}

impl Ages {
    /// A session of one token.
    pub const ONE_TOKEN: Self = Self {
        token: 1,
        shortened: None,
        session: 1,
    };

    /// A token would outlive its session. A shortened one ends so early that its pair is free, and
    /// used again, while the one that it replaced has not expired.
    pub const RENEWED: Self = Self {
        token: 4,
        shortened: Some(1),
        session: 3,
    };
}

/// The model within each of its bounds, with its name.
pub fn models() -> Vec<(String, Session)> {
    let get_tokens = |issues, attempts| within([issues, 0, 0, 0], attempts, Ages::ONE_TOKEN, false);
    let session = |calls, attempts| within(calls, attempts, Ages::RENEWED, false);
    [
        ("three Get Tokens", get_tokens(3, 2)),
        ("two Get Tokens of three attempts", get_tokens(2, 3)),
        ("three renewals", session([1, 3, 0, 0], 2)),
        ("a renewal and an invalidation", session([1, 1, 1, 1], 2)),
        ("two renewals and an invalidation", session([1, 2, 1, 0], 1)),
        ("a pair that is used again", session([2, 1, 1, 0], 1)),
        ("the introspection of such a pair", session([2, 1, 0, 1], 1)),
        (
            "the end of faults",
            within([1, 1, 0, 0], 2, Ages::RENEWED, true),
        ),
    ]
    .map(|(name, bounds)| (format!("session, {name}"), Session { bounds, bug: None }))
    .into()
}

fn within(
    [issues, renewals, invalidations, introspections]: [u8; 4],
    attempts: u8,
    ages: Ages,
    faults_end: bool,
) -> Bounds {
    Bounds {
        calls: Calls {
            issues,
            renewals,
            invalidations,
            introspections,
        },
        attempts,
        horizon: 3,
        ages,
        faults_end,
    }
}

/// Each planted bug, with its name and the property that it violates.
pub fn planted() -> Vec<(String, Session, &'static str)> {
    let planted = |bug: Bug| {
        let faults_end = bug.violates() == properties::ANSWERED;
        let calls = bug.shown_by();
        let ages = match calls {
            [_, 0, _, 0] => Ages::ONE_TOKEN,
            _ => Ages::RENEWED,
        };
        let bounds = within(calls, 2, ages, faults_end);
        let model = Session {
            bounds,
            bug: Some(bug),
        };
        (format!("session: {bug:?}"), model, bug.violates())
    };
    Bug::ALL.map(planted).into()
}

/// What can happen. Requests are named by their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A request comes, and makes its draft. An introspection reads at once, as nothing obliges it
    /// more than what happened before its read.
    Call(Asks),
    /// An attempt reaches the table.
    Write(Id),
    /// An attempt takes too long: the next is made, and the table may see the old one later.
    Overtake(Id),
    /// The table's answer is lost: the next attempt is made.
    LoseAnswer(Id),
    /// An attempt that nobody waits for reaches the table.
    WriteLate(Id),
    /// The service answers.
    Answer(Id),
    /// The instance crashes, or its time is up.
    Die(Id),
    /// Time passes.
    Tick,
    /// DynamoDB deletes the item, its `ttl` having passed.
    Delete,
    /// The operator shortens the lifetime of the tokens that are made from here on.
    Shorten,
    /// A replica catches up. Only a bug reads from it.
    Replicate,
    /// From here on nothing is lost, late or crashes.
    EndFaults,
}

impl Model for Session {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::default()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.calls(state, actions);
        for (at, request) in state.requests.iter().enumerate() {
            // Of two that differ in nothing but their number it makes no difference which goes on.
            let mut earlier = state.requests.iter().take(at);
            if !earlier.any(|other| request.is_like(other)) {
                self.steps(state, request, actions);
            }
        }
        if self.may_tick(state) {
            actions.push(Action::Tick);
        }
        if state.item.is_some_and(|item| item.ttl <= state.now) {
            actions.push(Action::Delete);
        }
        if self.bounds.ages.shortened.is_some() && !state.shortened {
            actions.push(Action::Shorten);
        }
        if self.lags() && state.replica != state.item {
            actions.push(Action::Replicate);
        }
        if self.bounds.faults_end && !state.faults_ended {
            actions.push(Action::EndFaults);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Call(asks) => {
                let request = self.request(state, asks)?;
                *next.calls.count(asks) += 1;
                next.requests.push(request);
            }
            Action::Write(id) => {
                let request = *state.request(id)?;
                let stage = self.write(&mut next, &request);
                let request = next.request_mut(id)?;
                request.written |= stage == Stage::Written;
                request.stage = stage;
            }
            Action::WriteLate(id) => {
                let request = *state.request(id)?;
                let stage = self.write(&mut next, &request);
                let request = next.request_mut(id)?;
                request.written |= stage == Stage::Written;
                request.late -= 1;
            }
            Action::Overtake(id) => {
                let request = next.request_mut(id)?;
                request.attempts -= 1;
                request.late += 1;
            }
            Action::LoseAnswer(id) => {
                let request = next.request_mut(id)?;
                request.attempts -= 1;
                request.stage = Stage::Sent;
            }
            Action::Answer(id) => {
                let request = next.request_mut(id)?;
                let answer = self.answer(request, state.now);
                let asks = request.asks;
                request.end();
                if let Some(token) = answer.token {
                    next.hand_out(token);
                }
                if let (
                    Kind::Invalidated,
                    Asks::Invalidate {
                        session: Some(session),
                    },
                ) = (answer.kind, asks)
                {
                    next.invalidated.insert(session);
                }
            }
            Action::Die(id) => next.request_mut(id)?.end(),
            Action::Tick => {
                next.now += 1;
                let now = next.now;
                next.requests.retain(|request| request.is_under_way(now));
            }
            Action::Delete => next.item = None,
            Action::Shorten => next.shortened = true,
            Action::Replicate => next.replica = next.item,
            Action::EndFaults => next.faults_ended = true,
        }
        next.requests
            .retain(|request| request.stage != Stage::Ended || request.late > 0);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::every(self.bounds)
    }
}

impl Session {
    /// Before there is a token there is nothing but a first request for it. It says what it says;
    /// only the others can say the same or not.
    fn calls(&self, state: &State, actions: &mut Vec<Action>) {
        let Calls {
            issues,
            renewals,
            invalidations,
            introspections,
        } = self.bounds.calls;
        let calls = state.calls;
        let one_more = u8::from(state.faults_ended);
        if calls.issues < issues + one_more {
            actions.push(Action::Call(Asks::Issue(Payload::Same)));
            if calls.all() > 0 {
                actions.push(Action::Call(Asks::Issue(Payload::Other)));
            }
        }
        let one_more = one_more.min(renewals);
        if calls.renewals < renewals + one_more {
            let lasts = |token: &&Token| self.expiry(state, token.began).is_some();
            let presented = state.held.iter().filter(lasts);
            actions.extend(presented.map(|token| Action::Call(Asks::Renew(*token))));
        }
        if calls.invalidations < invalidations && calls.all() > 0 {
            let kept = state.item.filter(|item| item.ttl > state.now);
            let session = kept.map(|item| item.token.session);
            actions.push(Action::Call(Asks::Invalidate { session }));
        }
        if calls.introspections < introspections {
            let lives = |token: &&Token| token.expires_at > state.now;
            let asked = state.held.iter().filter(lives);
            actions.extend(asked.map(|token| Action::Call(Asks::Introspect(*token))));
        }
    }

    /// A request that comes now.
    fn request(&self, state: &State, asks: Asks) -> Option<Request> {
        let (expires_at, knew) = match asks {
            Asks::Issue(_) => (self.expiry(state, state.now)?, state.invalidated),
            Asks::Renew(token) => (
                self.expiry(state, token.began)?,
                state.invalidated.only(token.session),
            ),
            Asks::Invalidate { .. } => (0, Sessions::default()),
            Asks::Introspect(token) => (0, state.invalidated.only(token.session)),
        };
        let (attempts, stage) = match asks {
            Asks::Introspect(_) if self.lags() => (1, Stage::Found(state.replica)),
            Asks::Introspect(_) => (1, Stage::Found(state.item)),
            _ => (self.bounds.attempts, Stage::Sent),
        };
        Some(Request {
            id: state.calls.all(),
            asks,
            at: state.now,
            expires_at,
            knew,
            attempts,
            late: 0,
            written: false,
            stage,
        })
    }

    fn steps(&self, state: &State, request: &Request, actions: &mut Vec<Action>) {
        let id = request.id;
        let faulty = !state.faults_ended;
        let may_retry = faulty && request.attempts > 1;
        match request.stage {
            Stage::Sent => {
                actions.push(Action::Write(id));
                if may_retry {
                    actions.push(Action::Overtake(id));
                }
            }
            Stage::Written | Stage::Found(_) if may_retry => actions.push(Action::LoseAnswer(id)),
            Stage::Written | Stage::Found(_) | Stage::Ended => {}
        }
        if self.may_answer(request) {
            actions.push(Action::Answer(id));
        }
        // The death of one that only reads changes nothing.
        let reads = matches!(request.asks, Asks::Introspect(_));
        if faulty && request.stage != Stage::Ended && !reads {
            actions.push(Action::Die(id));
        }
        // One that changes nothing is as good as lost.
        if request.late > 0 && self.would_change(state, request) {
            actions.push(Action::WriteLate(id));
        }
    }

    /// Without faults no request takes longer than it may.
    fn may_tick(&self, state: &State) -> bool {
        let waits = |request: &Request| {
            request.stage != Stage::Ended && !request.is_under_way(state.now + 1)
        };
        let overdue = state.faults_ended && state.requests.iter().any(waits);
        state.now < self.bounds.horizon && !overdue
    }

    fn would_change(&self, state: &State, request: &Request) -> bool {
        let mut after = state.clone();
        self.write(&mut after, request);
        after.item != state.item
    }

    fn lags(&self) -> bool {
        self.bug == Some(Bug::IntrospectionReadsTheReplica)
    }
}
