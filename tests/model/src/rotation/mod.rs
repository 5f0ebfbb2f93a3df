//! One ring of keys on its way through two rotations, so that one key lives its whole life:
//! appended, in front, at the back, removed.
//!
//! The token ring and the record ring share no key and nothing that is sealed, and each holder
//! takes both at once: so each is modelled alone. A token is kept for its lifetime. A record is
//! kept as long as its session is renewed, and its retention after that; it keeps the key that it
//! began with, and each renewal seals a token with the key that is in front.

mod bug;
mod narrate;
mod properties;
mod state;

use std::fmt;

use stateright::{Model, Property};

pub use bug::Bug;
pub use state::{Copied, Holder, Role, Sealed, State, Version};

/// What the operator does to the ring, and what is in it then. The first key seals, every key
/// opens.
const STEPS: [(Move, &[usize]); 7] = [
    (Move::Start, &[0]),
    (Move::Append, &[0, 1]),
    (Move::Front, &[1, 0]),
    (Move::Remove, &[1]),
    (Move::Append, &[1, 2]),
    (Move::Front, &[2, 1]),
    (Move::Remove, &[2]),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Move {
    Start,
    /// A new key, which only opens.
    Append,
    /// It goes to the front and seals; the one before it goes to the back and only opens.
    Front,
    /// The one at the back goes.
    Remove,
}

/// The ring at a step.
fn ring_at(step: usize) -> &'static [usize] {
    STEPS.get(step).map_or(&[], |(_, ring)| ring)
}

/// How many keys there are in all.
const KEYS: usize = 3;

/// Ticks for which a copy of the ring is used after it was confirmed: `SECRETS_TTL_SECONDS` where
/// all refreshes succeed, else `SECRETS_MAX_STALE_SECONDS`.
const STALE: u8 = 2;

/// Ticks for which a request is under way, and holds on to the copy that it began with.
const REQUEST: u8 = 1;

/// The same of a resource server's copy, for which its owner answers.
const STALE_AT_A_RESOURCE_SERVER: u8 = 3;

/// The longest lifetime of a token, in ticks.
const LIFETIME: u8 = 2;

/// The longest lifetime of a session, in ticks.
const SESSION: u8 = 2;

/// The longest lifetime of a session's tokens, in ticks: it is renewed.
const RENEWED: u8 = 1;

/// Ticks for which a record outlives its token.
const RETENTION: u8 = 1;

/// The model. Its state space is closed: time goes on for ever.
#[derive(Clone, Copy, Debug)]
pub struct Rotation {
    /// Which ring.
    pub ring: Ring,
    /// What is wrong with the rotation, or with those who take part.
    pub bug: Option<Bug>,
}

/// The service's rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ring {
    /// Instances seal tokens, and open each other's until they expire.
    Token,
    /// The same, and a resource server has a copy with which it opens them, too.
    CopiedToken,
    /// Instances seal records, and open each other's until their `ttl` passes.
    Record,
}

impl fmt::Display for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token => "token",
            Self::CopiedToken => "copied token",
            Self::Record => "record",
        })
    }
}

/// What can happen. Holders are named by their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A holder refreshes its copy. That it fails to is that it does not happen.
    Refresh(usize),
    /// An instance starts in the place of another one.
    Start(usize),
    /// One that never had a copy reads `AWSPREVIOUS`.
    FallBack(usize),
    /// A request begins.
    Begin(usize),
    /// A request seals a token, or a new record.
    Seal(usize),
    /// A request renews a session whose record began with this key.
    Renew(usize, usize),
    /// A request ends otherwise.
    End(usize),
    /// Time passes.
    Tick,
    /// The operator makes the next step.
    Step,
    /// Somebody writes what is refused.
    Spoil,
    /// The operator writes the ring again as it was.
    Mend,
}

/// Each ring's model, with its name.
pub fn models() -> Vec<(String, Rotation)> {
    let model = |ring| {
        (
            format!("rotation of the {ring} ring"),
            Rotation { ring, bug: None },
        )
    };
    [Ring::Token, Ring::CopiedToken, Ring::Record]
        .map(model)
        .into()
}

/// Each planted bug, with its name and the property that it violates.
pub fn planted() -> Vec<(String, Rotation, &'static str)> {
    let models = models().into_iter();
    models
        .flat_map(|(name, model)| {
            Bug::of(model.ring).into_iter().map(move |bug| {
                let planted = Rotation {
                    bug: Some(bug),
                    ..model
                };
                (format!("{name}: {bug:?}"), planted, bug.violates())
            })
        })
        .collect()
}

impl Model for Rotation {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let holder = |role| Holder {
            role,
            last_read: Some(Version::Current),
            copy: Some(Copied { step: 0, age: 0 }),
            request: None,
        };
        let other = match self.ring {
            Ring::CopiedToken => Role::ResourceServer,
            Ring::Token | Ring::Record => Role::Instance,
        };
        vec![State {
            step: 0,
            waited: self.long(),
            is_bad: false,
            previous: None,
            holders: vec![holder(Role::Instance), holder(other)],
            sealed: Default::default(),
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (at, holder) in state.holders.iter().enumerate() {
            if !state.is_bad {
                actions.push(Action::Refresh(at));
            }
            if holder.role == Role::Instance {
                actions.push(Action::Start(at));
            }
            if holder.last_read.is_none() && self.may_fall_back(state) {
                actions.push(Action::FallBack(at));
            }
            match holder.request {
                None if holder.copy.is_some() => actions.push(Action::Begin(at)),
                None => {}
                Some(_) => {
                    if holder.role == Role::Instance {
                        actions.push(Action::Seal(at));
                        self.renewals(state, at, actions);
                    }
                    actions.push(Action::End(at));
                }
            }
        }
        actions.push(Action::Tick);
        if self.may_step(state) {
            actions.push(Action::Step);
        }
        actions.push(Action::Spoil);
        if state.is_bad {
            actions.push(Action::Mend);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Refresh(at) => next.holders.get_mut(at)?.read(Version::Current, state.step),
            Action::Start(at) => {
                let holder = next.holders.get_mut(at)?;
                *holder = Holder {
                    role: holder.role,
                    last_read: None,
                    copy: None,
                    request: None,
                };
            }
            Action::FallBack(at) => {
                let previous = state.previous?;
                next.holders.get_mut(at)?.read(Version::Previous, previous);
            }
            Action::Begin(at) => {
                let holder = next.holders.get_mut(at)?;
                let Copied { step, .. } = holder.copy?;
                holder.request = Some(Copied { step, age: 0 });
            }
            Action::Seal(at) => {
                let request = next.holders.get_mut(at)?.request.take()?;
                let sealed = next.sealed.get_mut(self.sealer(request)?)?;
                match self.ring {
                    Ring::Token | Ring::CopiedToken => sealed.keep(LIFETIME + 1),
                    Ring::Record => sealed.begin_session(),
                }
            }
            Action::Renew(at, record) => {
                let request = next.holders.get_mut(at)?.request.take()?;
                let kept = state.sealed.get(record)?.record_kept();
                next.sealed.get_mut(record)?.keep(kept);
                next.sealed.get_mut(self.sealer(request)?)?.keep(kept);
            }
            Action::End(at) => next.holders.get_mut(at)?.request = None,
            Action::Tick => self.tick(&mut next),
            Action::Step => {
                next.previous = Some(state.step);
                next.step += 1;
                next.waited = 0;
            }
            Action::Spoil => {
                // After a second bad write in a row both versions are bad.
                next.previous = (!state.is_bad).then_some(state.step);
                next.is_bad = true;
            }
            Action::Mend => {
                next.previous = None;
                next.is_bad = false;
            }
        }
        (next != *state).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::every(self.ring)
    }
}

impl Rotation {
    /// Every step once the wait for it is over, and not in the tick in which it ends. Nobody edits
    /// a document that is bad.
    fn may_step(&self, state: &State) -> bool {
        let next = state.step + 1;
        !state.is_bad && next < STEPS.len() && state.waited > self.wait(next)
    }

    fn may_fall_back(&self, state: &State) -> bool {
        let is_refused = state.is_bad || self.bug == Some(Bug::FallsBackWhereNothingIsRefused);
        is_refused && state.previous.is_some()
    }

    fn renewals(&self, state: &State, at: usize, actions: &mut Vec<Action>) {
        if self.ring == Ring::Record {
            let records = (0..).zip(&state.sealed);
            let renewable = records.filter(|(_, sealed)| sealed.is_renewable());
            actions.extend(renewable.map(|(record, _)| Action::Renew(at, record)));
        }
    }

    /// Longer than any wait.
    fn long(&self) -> u8 {
        self.stale() + REQUEST + self.kept_for() + 1
    }

    /// How long anybody uses a copy.
    fn stale(&self) -> u8 {
        match self.ring {
            Ring::CopiedToken => STALE_AT_A_RESOURCE_SERVER,
            Ring::Token | Ring::Record => STALE,
        }
    }

    /// How long the one before `step` must have been made.
    fn wait(&self, step: usize) -> u8 {
        let stale = match self.bug {
            Some(Bug::TheResourceServerIsForgotten) => STALE,
            _ => self.stale(),
        };
        let refreshed = match self.bug {
            Some(Bug::RequestsUnderWayAreForgotten) => stale,
            _ => stale + REQUEST,
        };
        match (STEPS.get(step).map(|(to, _)| to), self.bug) {
            (Some(Move::Front), Some(Bug::FrontWithoutAWait)) => 0,
            (Some(Move::Remove), Some(Bug::RemovedWithoutTheLifetime)) => refreshed,
            (Some(Move::Remove), Some(Bug::RemovedAfterATokensLifetime)) => {
                refreshed + RENEWED + RETENTION
            }
            (Some(Move::Remove), Some(Bug::RemovedWithoutTheRetention)) => refreshed + SESSION,
            (Some(Move::Remove), _) => refreshed + self.kept_for(),
            _ => refreshed,
        }
    }

    /// How long what is sealed may be kept: a record for as long as its session may last, and its
    /// retention.
    fn kept_for(&self) -> u8 {
        match self.ring {
            Ring::Token | Ring::CopiedToken => LIFETIME,
            Ring::Record => SESSION + RETENTION,
        }
    }

    fn sealer(&self, copy: Copied) -> Option<usize> {
        let ring = ring_at(copy.step);
        match self.bug {
            Some(Bug::LastKeySeals) => ring.last(),
            _ => ring.first(),
        }
        .copied()
    }

    /// Whether a copy of the ring opens all that is kept.
    fn opens_everything(&self, step: usize, state: &State) -> bool {
        let ring = ring_at(step);
        let openers = match self.bug {
            Some(Bug::OnlyTheFirstKeyOpens) => ring.get(..1).unwrap_or_default(),
            _ => ring,
        };
        let mut kept = (0..)
            .zip(&state.sealed)
            .filter(|(_, sealed)| sealed.kept > 0);
        kept.all(|(key, _)| openers.contains(&key))
    }

    fn tick(&self, state: &mut State) {
        state.waited = (state.waited + 1).min(self.long());
        let endless = self.bug == Some(Bug::StaleCopiesAreServedForEver);
        let older = |copy: Copied, limit: u8, endless: bool| {
            let age = if endless {
                limit.min(copy.age + 1)
            } else {
                copy.age + 1
            };
            (age <= limit).then_some(Copied { age, ..copy })
        };
        for holder in &mut state.holders {
            let stale = match holder.role {
                Role::Instance => STALE,
                Role::ResourceServer => STALE_AT_A_RESOURCE_SERVER,
            };
            holder.copy = holder.copy.and_then(|copy| older(copy, stale, endless));
            holder.request = holder.request.and_then(|copy| older(copy, REQUEST, false));
        }
        for sealed in &mut state.sealed {
            sealed.kept = sealed.kept.saturating_sub(1);
            sealed.sessions = sealed.sessions.saturating_sub(1);
        }
    }
}
