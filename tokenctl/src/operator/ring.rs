//! The steps of a ring's rotation, and from when on each is safe (protocol.md, Actors and keys):
//! append (opens only) -> promote (to the front: seals) -> the old one is back (opens only) -> remove.
//!
//! What is decided here depends on the ring, the clock and the waiting times alone.

use clap::ValueEnum;

use super::{
    documents::{Jwk, Ring},
    settings::Waits,
};
use crate::outcome::{Exit, Failure};

/// One step of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    /// A new key at the end: it opens, so that everybody knows it before anything is sealed with it
    Append,
    /// A key to the front: it seals. The one that was there is demoted by that
    Promote,
    /// The front key to the back again: the one behind it seals
    Demote,
    /// A key out, when nothing that it sealed is needed any more
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
    /// Records, which retries open until they are no longer kept.
    Record,
    /// Requests, which are under way for moments only.
    Payload,
}

/// A step that may be taken from `due` on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) step: Step,
    /// The key that it is about; a new one has no name yet.
    pub(crate) kid: Option<String>,
    /// Seconds since the epoch.
    pub(crate) due: i64,
}

/// What a plan is made of.
pub(crate) struct Planner<'a> {
    pub(crate) kind: Kind,
    pub(crate) ring: &'a Ring,
    pub(crate) waits: Waits,
    /// When the document was last changed: as good as any moment that a key's own members do not tell.
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
            kid: None,
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
            retention,
        } = self.waits;
        match self.kind {
            Kind::Payload => refresh,
            Kind::Token => refresh + token_lifetime,
            Kind::Record => refresh + token_lifetime + retention,
        }
    }

    fn planned(&self, step: Step, key: &Jwk, due: i64) -> Planned {
        let kid = Some(key.kid.clone());
        Planned { step, kid, due }
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
    /// Takes a step that was planned for this ring; `fresh` is the key that an append adds.
    pub(crate) fn take(&mut self, planned: &Planned, fresh: Option<Jwk>, now: i64) {
        match (planned.step, fresh) {
            (Step::Append, fresh) => self.keys.extend(fresh.map(|key| Jwk {
                appended_at: Some(now),
                ..key
            })),
            (Step::Promote, _) => {
                let Some(mut key) = self.pull(planned.kid.as_deref()) else {
                    return;
                };
                key.promoted_at = Some(now);
                key.demoted_at = None;
                if let Some(front) = self.keys.first_mut() {
                    front.demoted_at = Some(now);
                    front.promoted_at = None;
                }
                // The old front key is tried last: what it sealed gets rarer.
                let others = self.keys.len().min(1);
                self.keys.rotate_left(others);
                self.keys.insert(0, key);
            }
            (Step::Demote, _) => {
                let Some(mut key) = self.pull(planned.kid.as_deref()) else {
                    return;
                };
                key.demoted_at = Some(now);
                key.promoted_at = None;
                if let Some(front) = self.keys.first_mut() {
                    front.promoted_at = Some(now);
                    front.demoted_at = None;
                }
                self.keys.push(key);
            }
            (Step::Remove, _) => {
                self.pull(planned.kid.as_deref());
                // The rotation is finished: its moments have told what they had to.
                if let [only] = &mut self.keys[..] {
                    (only.appended_at, only.promoted_at, only.demoted_at) = (None, None, None);
                }
            }
        }
    }

    fn pull(&mut self, kid: Option<&str>) -> Option<Jwk> {
        let at = self
            .keys
            .iter()
            .position(|key| Some(key.kid.as_str()) == kid)?;
        Some(self.keys.remove(at))
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    const WAITS: Waits = Waits {
        refresh: 100,
        token_lifetime: 1_000,
        retention: 10_000,
    };

    fn key(kid: &str) -> Jwk {
        Jwk {
            kty: "oct".to_owned(),
            kid: kid.to_owned(),
            k: Zeroizing::new(String::new()),
            appended_at: None,
            promoted_at: None,
            demoted_at: None,
            others: Default::default(),
        }
    }

    fn ring(kids: &[&str]) -> Ring {
        Ring {
            keys: kids.iter().map(|kid| key(kid)).collect(),
        }
    }

    fn kids(ring: &Ring) -> Vec<&str> {
        ring.keys.iter().map(|key| key.kid.as_str()).collect()
    }

    fn plan(
        kind: Kind,
        ring: &Ring,
        step: Option<Step>,
        kid: Option<&str>,
    ) -> Result<Planned, Failure> {
        Planner {
            kind,
            ring,
            waits: WAITS,
            changed_at: 7,
        }
        .plan(step, kid)
    }

    fn next(kind: Kind, ring: &Ring) -> Planned {
        plan(kind, ring, None, None).unwrap()
    }

    #[test]
    fn a_rotation_is_append_promote_remove_with_the_protocols_waits() {
        for (kind, sealed_for) in [
            (Kind::Payload, 100),
            (Kind::Token, 1_100),
            (Kind::Record, 11_100),
        ] {
            let mut ring = ring(&["old"]);
            let append = next(kind, &ring);
            assert_eq!((append.step, append.due), (Step::Append, 0));
            ring.take(&append, Some(key("new")), 1_000);
            assert_eq!(kids(&ring), ["old", "new"]);

            let promote = next(kind, &ring);
            assert_eq!((promote.step, promote.due), (Step::Promote, 1_100));
            ring.take(&promote, None, 2_000);
            assert_eq!(kids(&ring), ["new", "old"]);

            let remove = next(kind, &ring);
            assert_eq!(
                (remove.step, remove.due),
                (Step::Remove, 2_000 + sealed_for)
            );
            assert_eq!(remove.kid.as_deref(), Some("old"));
            ring.take(&remove, None, 20_000);
            assert_eq!(kids(&ring), ["new"]);
            assert!(ring.keys[0].appended_at.is_none() && ring.keys[0].promoted_at.is_none());
            assert_eq!(next(kind, &ring).step, Step::Append);
        }
    }

    #[test]
    fn demoting_makes_the_former_key_seal_again() {
        let mut ring = ring(&["old"]);
        for (kid, now) in [(Some("new"), 0), (None, 200)] {
            let planned = next(Kind::Token, &ring);
            ring.take(&planned, kid.map(key), now);
        }
        let demote = plan(Kind::Token, &ring, Some(Step::Demote), None).unwrap();
        assert_eq!((demote.kid.as_deref(), demote.due), (Some("new"), 300));
        ring.take(&demote, None, 400);
        assert_eq!(kids(&ring), ["old", "new"]);
        // It did seal, so it stays until its tokens have ended.
        let remove = next(Kind::Token, &ring);
        assert_eq!(
            (remove.kid.as_deref(), remove.due),
            (Some("new"), 400 + 1_100)
        );
    }

    #[test]
    fn a_key_that_never_sealed_can_go_at_once_unless_partners_seal_with_it() {
        let mut ring = ring(&["old"]);
        ring.take(&next(Kind::Token, &ring), Some(key("new")), 1_000);
        let remove = |kind| {
            plan(kind, &ring, Some(Step::Remove), Some("new"))
                .unwrap()
                .due
        };
        assert_eq!(remove(Kind::Token), 0);
        assert_eq!(remove(Kind::Record), 0);
        assert_eq!(remove(Kind::Payload), 1_100);
    }

    #[test]
    fn keys_without_moments_count_from_the_documents_last_change() {
        let ring = ring(&["a", "b"]);
        assert_eq!(
            plan(Kind::Token, &ring, None, None).unwrap_err().exit,
            Exit::Usage
        );
        let promote = plan(Kind::Token, &ring, Some(Step::Promote), Some("b")).unwrap();
        assert_eq!(promote.due, 7 + 100);
        let remove = plan(Kind::Record, &ring, Some(Step::Remove), Some("b")).unwrap();
        assert_eq!(remove.due, 7 + 11_100);
    }

    #[test]
    fn the_key_that_seals_stays() {
        let mut ring = ring(&["only"]);
        for step in [Step::Demote, Step::Remove, Step::Promote] {
            let refused = plan(Kind::Token, &ring, Some(step), Some("only"));
            assert_eq!(refused.unwrap_err().exit, Exit::Usage, "{step:?}");
        }
        ring.keys.push(key("other"));
        assert!(plan(Kind::Token, &ring, Some(Step::Remove), Some("only")).is_err());
        let refused = plan(Kind::Token, &ring, Some(Step::Remove), Some("gone"));
        assert_eq!(refused.unwrap_err().exit, Exit::NotFound);
    }

    #[test]
    fn the_oldest_of_several_is_removed_first() {
        let mut ring = ring(&["a", "b", "c"]);
        ring.keys[1].demoted_at = Some(60);
        ring.keys[2].demoted_at = Some(50);
        assert_eq!(next(Kind::Token, &ring).kid.as_deref(), Some("c"));
    }
}
