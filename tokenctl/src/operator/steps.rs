//! The steps of both kinds of keys alike: which is next, what it is called and does, and taking it.

use serde_json::json;
use zeroize::Zeroizing;

use super::{
    change::prefix,
    documents::Ring,
    fresh, hashes,
    moment::now,
    ring::{Kind, Planned, Planner, Step},
    settings::Ages,
    update::Update,
};
use crate::outcome::Failure;

/// What is rotated, in its document.
pub(crate) enum Keys<'d> {
    Ring(Kind, &'d mut Ring),
    Hashes(&'d mut Vec<String>),
}

/// Where a new key comes from, and what is to be done with it.
pub(crate) enum Source {
    Service {
        name: &'static str,
        /// What is to be done before the step after an append.
        hint: Option<&'static str>,
    },
    Issued(Update),
}

impl Keys<'_> {
    /// The step that is next or given, the key that it is about, and from when on it is safe.
    pub(crate) fn plan_step(
        &self,
        ages: &Ages,
        changed_at: i64,
        step: Option<Step>,
        key: Option<&str>,
    ) -> Result<Planned, Failure> {
        let waits = ages.waits();
        match self {
            Self::Ring(kind, ring) => Planner {
                kind: *kind,
                ring,
                waits,
                changed_at,
            }
            .plan(step, key),
            Self::Hashes(hashes) => hashes::plan(hashes, step, key, changed_at + waits.refresh),
        }
    }

    /// `step 2 of 3: promote`.
    pub(crate) fn position(&self, step: Step) -> String {
        let (number, name) = match (self, step) {
            (_, Step::Append) => (1, "append"),
            (_, Step::Promote) => (2, "promote"),
            (Self::Ring(..), Step::Remove) => (3, "remove"),
            (Self::Hashes(_), Step::Remove) => (2, "remove"),
            // Back to the first.
            (_, Step::Demote) => return "demote".to_owned(),
        };
        let of = match self {
            Self::Ring(..) => 3,
            Self::Hashes(_) => 2,
        };
        format!("step {number} of {of}: {name}")
    }

    /// The name of the key that a step is about; a new one has none yet.
    pub(crate) fn named<'p>(&self, planned: &'p Planned) -> &'p str {
        match (self, planned.key.as_deref()) {
            (_, None) => "a new key",
            (Self::Ring(..), Some(kid)) => kid,
            (Self::Hashes(_), Some(hash)) => prefix(hash),
        }
    }

    /// What a step does.
    pub(crate) fn effect(&self, step: Step, source: &Source) -> String {
        match (self, step) {
            (Self::Ring(_, ring), _) => {
                let kid = |at: usize| ring.keys.get(at).map_or("", |key| key.kid.as_str());
                let front = kid(0);
                match step {
                    Step::Append => format!("it only opens, and {front} goes on sealing"),
                    Step::Promote => format!("it seals from then on, and {front} only opens"),
                    Step::Demote => format!("it only opens, and {} seals again", kid(1)),
                    Step::Remove => "what it sealed does not open any more".to_owned(),
                }
            }
            (Self::Hashes(_), Step::Remove) => "it is refused from then on".to_owned(),
            (Self::Hashes(_), _) => match source {
                Source::Issued(update) => {
                    format!("the old {} is accepted beside it", update.key_name())
                }
                Source::Service { .. } => String::new(),
            },
        }
    }

    /// Takes a step. Returns the name of the key that it was about, and the file by which a new
    /// one's owner gets it.
    pub(crate) fn take(
        &mut self,
        planned: &Planned,
        source: &Source,
    ) -> Result<(String, Option<Zeroizing<String>>), Failure> {
        let appends = planned.step == Step::Append;
        let mut file = None;
        let name = match self {
            Self::Ring(_, ring) => {
                let fresh = match source {
                    _ if !appends => None,
                    Source::Service { name, .. } => {
                        Some(fresh::jwk(fresh::kid(name, Some(ring), now())?)?)
                    }
                    Source::Issued(update) => {
                        let key = fresh::jwk(update.kid(ring)?)?;
                        file = Some(update.with_payload_key(&key, ring));
                        Some(key)
                    }
                };
                ring.take(planned, fresh, now())
            }
            Self::Hashes(hashes) => {
                let fresh = match source {
                    Source::Issued(update) if appends => {
                        let key = fresh::key()?;
                        file = Some(update.with(json!(key.as_str())));
                        Some(fresh::sha256_hex(&key))
                    }
                    _ => None,
                };
                hashes::take(hashes, planned, fresh)
            }
        };
        Ok((name, file))
    }
}
