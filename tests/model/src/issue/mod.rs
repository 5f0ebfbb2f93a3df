//! One `(partner, referenceId)`: any number of requests for it, one item, and everything that can
//! be late, lost or repeated between them.
//!
//! A request makes its draft once, and attempts to write it several times. An attempt that is given
//! up may reach the table later; a caller that retries is another request. An instance keeps
//! nothing from one request to the next but keys, so a request stands for its instance too; what
//! instances know of keys is the business of [`crate::rotation`].

mod bug;
mod judge;
mod narrate;
mod properties;
mod service;
mod state;

use stateright::{Model, Property};

pub use bug::Bug;
pub use judge::{Found, judge};
pub use state::{Answer, Draft, Item, Kind, Payload, Request, Stage, State, Written};

/// The model.
#[derive(Clone, Copy, Debug)]
pub struct Issue {
    /// How far it goes.
    pub bounds: Bounds,
    /// What is wrong with the service.
    pub bug: Option<Bug>,
}

/// What is finite about the model. Nothing else cuts it off. Each step uses up a call, an attempt,
/// a tick or an item, so that every run ends.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Requests for the pair.
    pub requests: usize,
    /// Attempts of a request to write its draft.
    pub attempts: u8,
    /// The last tick.
    pub horizon: u8,
    /// Whether faults end at some time, after which one more request comes.
    pub faults_end: bool,
}

/// The model within each of its bounds, with its name.
pub fn models() -> Vec<(String, Issue)> {
    let within = |requests, attempts, faults_end| Bounds {
        requests,
        attempts,
        horizon: 3,
        faults_end,
    };
    let named = |name: &str, bounds| (format!("issue, {name}"), Issue { bounds, bug: None });
    vec![
        named("three requests of two attempts", within(3, 2, false)),
        named("two requests of three attempts", within(2, 3, false)),
        named(
            "two requests, the end of faults, and a retry",
            within(2, 2, true),
        ),
    ]
}

/// Each planted bug, with its name and the property that it violates.
pub fn planted() -> Vec<(String, Issue, &'static str)> {
    let planted = |bug: Bug| {
        let bounds = Bounds {
            requests: 2,
            attempts: 2,
            horizon: 3,
            faults_end: bug.violates() == properties::ANSWERED,
        };
        let model = Issue {
            bounds,
            bug: Some(bug),
        };
        (format!("issue: {bug:?}"), model, bug.violates())
    };
    Bug::ALL.map(planted).into()
}

/// What can happen. Requests are named by their number, which is their `jti` as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A request comes, and its draft is made.
    Call(Payload),
    /// An attempt reaches the table.
    Write(usize),
    /// An attempt takes too long: the next is made, and the table may see the old one later.
    Overtake(usize),
    /// The table's answer is lost: the next attempt is made.
    LoseAnswer(usize),
    /// An attempt that nobody waits for reaches the table.
    WriteLate(usize),
    /// The service answers.
    Answer(usize),
    /// The instance crashes, or its time is up.
    Die(usize),
    /// Time passes.
    Tick,
    /// DynamoDB deletes the item, its `ttl` having passed.
    Delete,
    /// An operator revokes the record.
    Revoke,
    /// From here on nothing is lost, late or crashes.
    EndFaults,
}

impl Model for Issue {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::default()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.calls(state, actions);
        for request in &state.requests {
            self.steps(state, request, actions);
        }
        if state.now < self.bounds.horizon {
            actions.push(Action::Tick);
        }
        if let Some(item) = state.item {
            if item.draft.ttl() <= state.now {
                actions.push(Action::Delete);
            } else if !item.revoked {
                // Not later: the pair is free then, and only a request from before could tell.
                actions.push(Action::Revoke);
            }
        }
        if self.bounds.faults_end && !state.faults_ended {
            actions.push(Action::EndFaults);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        next.answer = None;
        match action {
            Action::Call(payload) => {
                let draft = Draft {
                    jti: state.calls,
                    payload,
                    at: state.now,
                };
                next.calls += 1;
                next.requests.push(Request {
                    draft,
                    attempts: self.bounds.attempts,
                    late: 0,
                    stage: Stage::Writing,
                });
            }
            Action::Write(jti) => {
                let draft = next.request(jti)?.draft;
                let written = self.write(&mut next.item, draft);
                next.request(jti)?.stage = Stage::Written(written);
            }
            Action::WriteLate(jti) => {
                let request = next.request(jti)?;
                request.late -= 1;
                let draft = request.draft;
                self.write(&mut next.item, draft);
            }
            Action::Overtake(jti) => {
                let request = next.request(jti)?;
                request.attempts -= 1;
                request.late += 1;
            }
            Action::LoseAnswer(jti) => {
                let request = next.request(jti)?;
                request.attempts -= 1;
                request.stage = Stage::Writing;
            }
            Action::Answer(jti) => {
                let request = next.request(jti)?;
                let answer = self.answer(request, state);
                request.end();
                answer
                    .token
                    .into_iter()
                    .for_each(|token| next.hand_out(token));
                next.answer = Some(answer);
            }
            Action::Die(jti) => next.request(jti)?.end(),
            Action::Tick => next.tick(),
            Action::Delete => next.item = None,
            Action::Revoke => next.item.as_mut()?.revoked = true,
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

impl Issue {
    /// The first request says what it says; only the others can say the same or not.
    fn calls(&self, state: &State, actions: &mut Vec<Action>) {
        if state.calls < self.bounds.requests + usize::from(state.faults_ended) {
            actions.push(Action::Call(Payload::Same));
            if state.calls > 0 {
                actions.push(Action::Call(Payload::Other));
            }
        }
    }

    fn steps(&self, state: &State, request: &Request, actions: &mut Vec<Action>) {
        let jti = request.draft.jti;
        let faulty = !state.faults_ended;
        let may_retry = request.attempts > 1;
        match request.stage {
            Stage::Writing => {
                actions.push(Action::Write(jti));
                if faulty && may_retry {
                    actions.push(Action::Overtake(jti));
                }
                if self.bug == Some(Bug::AnsweredBeforeRecorded) {
                    actions.push(Action::Answer(jti));
                }
            }
            Stage::Written(_) => {
                actions.push(Action::Answer(jti));
                if faulty && may_retry {
                    actions.push(Action::LoseAnswer(jti));
                }
            }
            Stage::Ended => {}
        }
        if faulty && request.stage != Stage::Ended {
            actions.push(Action::Die(jti));
        }
        // One that would find the pair taken changes nothing, and is as good as lost.
        if request.late > 0 && !self.is_taken(state.item, request.draft) {
            actions.push(Action::WriteLate(jti));
        }
    }
}
