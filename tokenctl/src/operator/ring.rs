//! The steps of a ring's rotation, and from when on each is safe (protocol.md, Actors and keys):
//! append (opens only) -> promote (to the front: seals) -> the old one is back (opens only) ->
//! remove.
//!
//! What is decided here depends on the ring, the clock and the waiting times alone.

use clap::ValueEnum;

use super::{
    documents::{Jwk, Ring},
    moment::{at, now, span},
    settings::Waits,
};
use crate::outcome::{Exit, Failure};

/// One step of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    /// Add a new key at the end: it opens, so that all know it before anything is sealed with it
    Append,
    /// Move a key to the front: it seals, and the one that was there only opens
    Promote,
    /// Move the front key to the back again: the one behind it seals
    Demote,
    /// Remove a key, when nothing that it sealed is needed any more
    Remove,
}

impl Step {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Append => "append",
            Self::Promote => "promote",
            Self::Demote => "demote",
            Self::Remove => "remove",
        }
    }
}

/// Which ring, and so what its keys have sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Tokens, which resource servers open until they end.
    Token,
    /// Records, which retries and renewals open until they are no longer kept.
    Record,
    /// Requests, which are under way for moments only.
    Payload,
}

/// A step that may be taken from `due` on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) step: Step,
    /// The key that it is about, by its kid or its hash; a new one has no name yet.
    pub(crate) key: Option<String>,
    /// Seconds since the epoch.
    pub(crate) due: i64,
}

impl Planned {
    /// From when on it is safe: `now`, or `from MOMENT on, in SPAN`.
    pub(crate) fn when(&self) -> String {
        match self.due - now() {
            left if left > 0 => format!("from {} on, in {}", at(self.due), span(left)),
            _ => "now".to_owned(),
        }
    }
}

/// What a plan is made of.
pub(crate) struct Planner<'a> {
    pub(crate) kind: Kind,
    pub(crate) ring: &'a Ring,
    pub(crate) waits: Waits,
    /// When the document was last changed: as good as any moment that a key's own members do not
    /// tell.
    pub(crate) changed_at: i64,
}

impl Planner<'_> {
    /// The step that is next, or the one that was asked for, with the key that it is about.
    pub(crate) fn plan(&self, step: Option<Step>, kid: Option<&str>) -> Result<Planned, Failure> {
        if let Some(kid) = kid
            && self.key(kid).is_none()
        {
            return Err(Failure::new(
                Exit::NotFound,
                format!("the ring has no key {kid}; it has: {}", self.kids()),
            ));
        }
        let step = match step {
            Some(step) => step,
            None => self.next_step()?,
        };
        match step {
            Step::Append => self.append(),
            Step::Promote => self.promote(kid),
            Step::Demote => self.demote(),
            Step::Remove => self.remove(kid),
        }
    }

    fn next_step(&self) -> Result<Step, Failure> {
        let keys = &self.ring.keys;
        if keys.iter().any(|key| key.demoted_at.is_some()) {
            Ok(Step::Remove)
        } else if self.waiting_for_promotion().is_some() {
            Ok(Step::Promote)
        } else if keys.len() == 1 {
            Ok(Step::Append)
        } else {
            Err(Failure::usage(format!(
                "the ring has several keys and nothing that says how far their rotation has got: give --step and --key; it has: {}",
                self.kids()
            )))
        }
    }

    fn append(&self) -> Result<Planned, Failure> {
        if self.ring.keys.len() >= 8 {
            return Err(Failure::usage(
                "a ring has at most 8 keys: remove one first",
            ));
        }
        Ok(Planned {
            step: Step::Append,
            key: None,
            due: 0,
        })
    }

    fn promote(&self, kid: Option<&str>) -> Result<Planned, Failure> {
        let key = match kid {
            Some(kid) => self.key(kid),
            None => self.waiting_for_promotion(),
        };
        let key = key.ok_or_else(|| {
            Failure::usage(format!(
                "say which key is promoted: --key; the ring has: {}",
                self.kids()
            ))
        })?;
        if self.is_front(key) {
            return Err(Failure::usage(format!(
                "{} is at the front already",
                key.kid
            )));
        }
        let since = key.appended_at.unwrap_or(self.changed_at);
        Ok(self.planned(Step::Promote, key, since + self.waits.refresh))
    }

    fn demote(&self) -> Result<Planned, Failure> {
        let [front, next, ..] = &self.ring.keys[..] else {
            return Err(Failure::usage(
                "the ring's only key cannot be demoted: append another first",
            ));
        };
        let since = front.promoted_at.unwrap_or(self.changed_at);
        // The next one may be newer to the ring than the front is.
        let since = since.max(next.appended_at.unwrap_or(since));
        Ok(self.planned(Step::Demote, front, since + self.waits.refresh))
    }

    fn remove(&self, kid: Option<&str>) -> Result<Planned, Failure> {
        let key = match kid {
            Some(kid) => self.key(kid),
            None => {
                let demoted = self.ring.keys.iter().filter(|key| key.demoted_at.is_some());
                demoted.min_by_key(|key| key.demoted_at)
            }
        };
        let key = key.ok_or_else(|| {
            Failure::usage(format!(
                "say which key is removed: --key; the ring has: {}",
                self.kids()
            ))
        })?;
        if self.is_front(key) {
            return Err(Failure::usage(format!(
                "{} is at the front and seals: promote another first, or demote it",
                key.kid
            )));
        }
        // One that never was at the front has sealed nothing, unless the partner has it already.
        let never_sealed =
            key.appended_at.is_some() && key.demoted_at.is_none() && self.kind != Kind::Payload;
        let due = match (never_sealed, key.demoted_at.or(key.appended_at)) {
            (true, _) => 0,
            (false, since) => since.unwrap_or(self.changed_at) + self.until_nothing_is_sealed(),
        };
        Ok(self.planned(Step::Remove, key, due))
    }

    /// From when a key left the front until nothing that it sealed is needed.
    fn until_nothing_is_sealed(&self) -> i64 {
        let Waits {
            refresh,
            token_lifetime,
            session_lifetime,
            retention,
        } = self.waits;
        match self.kind {
            Kind::Payload => refresh,
            Kind::Token => refresh + token_lifetime,
            Kind::Record => refresh + session_lifetime + retention,
        }
    }

    fn planned(&self, step: Step, key: &Jwk, due: i64) -> Planned {
        Planned {
            step,
            key: Some(key.kid.clone()),
            due,
        }
    }

    fn waiting_for_promotion(&self) -> Option<&Jwk> {
        let mut behind = self.ring.keys.iter().skip(1);
        behind.rfind(|key| key.appended_at.is_some() && key.demoted_at.is_none())
    }

    fn key(&self, kid: &str) -> Option<&Jwk> {
        self.ring.keys.iter().find(|key| key.kid == kid)
    }

    fn is_front(&self, key: &Jwk) -> bool {
        self.ring
            .keys
            .first()
            .is_some_and(|front| front.kid == key.kid)
    }

    fn kids(&self) -> String {
        let kids: Vec<&str> = self.ring.keys.iter().map(|key| key.kid.as_str()).collect();
        kids.join(", ")
    }
}

impl Ring {
    /// Takes a step that was planned for this ring; `fresh` is the key that an append adds. Returns
    /// the name of the key that it was about.
    pub(crate) fn take(&mut self, planned: &Planned, fresh: Option<Jwk>, now: i64) -> String {
        let key = fresh.or_else(|| self.pull(planned.key.as_deref()));
        // A plan names a key of its ring, or is for a fresh one.
        let Some(mut key) = key else {
            return String::new();
        };
        let name = key.kid.clone();
        match planned.step {
            Step::Append => {
                key.appended_at = Some(now);
                self.keys.push(key);
            }
            Step::Promote => {
                if let Some(front) = self.keys.first_mut() {
                    front.demote(now);
                    // To the back: what it sealed gets rarer, so it is tried last.
                    self.keys.rotate_left(1);
                }
                key.promote(now);
                self.keys.insert(0, key);
            }
            Step::Demote => {
                if let Some(front) = self.keys.first_mut() {
                    front.promote(now);
                }
                key.demote(now);
                self.keys.push(key);
            }
            Step::Remove => {
                // The rotation is finished: its moments have told what they had to.
                if let [only] = &mut self.keys[..] {
                    (only.appended_at, only.promoted_at, only.demoted_at) = (None, None, None);
                }
            }
        }
        name
    }

    fn pull(&mut self, kid: Option<&str>) -> Option<Jwk> {
        let at = self
            .keys
            .iter()
            .position(|key| Some(key.kid.as_str()) == kid)?;
        Some(self.keys.remove(at))
    }
}

impl Jwk {
    fn promote(&mut self, now: i64) {
        (self.promoted_at, self.demoted_at) = (Some(now), None);
    }

    fn demote(&mut self, now: i64) {
        (self.promoted_at, self.demoted_at) = (None, Some(now));
    }
}

#[cfg(test)]
mod tests;
