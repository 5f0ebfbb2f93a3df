//! Rotations, a step a call. Which step is next stands in the document, so any operator on any
//! machine can go on.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use serde_json::{Value, json};

use super::{
    change::{Caution, Described, Draft, would},
    documents::{Document, Partners, Ring, ServerKeys},
    fresh, hashes,
    moment::{at, now, span},
    ring::{Kind, Planned, Planner, Step},
    settings::{Ages, Deployment},
    store::Store,
    update::Update,
};
use crate::outcome::{Exit, Failure, Outcome, Report};

/// One step of a rotation: the one that is next, or a given one.
#[derive(Args)]
pub(crate) struct Rotation {
    /// This step, instead of the one that is next
    #[arg(long)]
    step: Option<Step>,
    /// The key that the step is about: its kid, or the first digits of the SHA-256 of an API key or
    /// a secret
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
    /// Wait until the step is safe, then take it
    #[arg(long)]
    wait: bool,
    /// Do not wait: for a key that others have got hold of. What it sealed, or what instances seal
    /// that have not refreshed yet, may be refused
    #[arg(long, conflicts_with = "wait")]
    skip_wait: bool,
    #[command(flatten)]
    caution: Caution,
    #[command(flatten)]
    ages: Ages,
}

/// What a partner or a resource server was given.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum IssuedKey {
    /// Its X-API-KEY.
    Api,
    /// The key of its requests and their answers.
    Payload,
    /// The sdkApiKey of its requests.
    SdkApi,
    /// A resource server's secret.
    Secret,
}

/// A step for one of the service's rings.
pub(crate) async fn server_ring(
    deployment: &Deployment,
    kind: Kind,
    rotation: &Rotation,
) -> Outcome {
    let store = deployment.server_keys().await?;
    let (name, hint) = match kind {
        Kind::Record => ("record", ""),
        Kind::Token | Kind::Payload => {
            let hint = "Give resource servers the ring with it before the next step: `tokenctl keys export`.";
            ("token", hint)
        }
    };
    let source = Source::Service { name, hint };
    rotation
        .take(&store, &source, |document: &mut ServerKeys| match kind {
            Kind::Record => Ok(Keys::Ring(kind, &mut document.record)),
            Kind::Token | Kind::Payload => Ok(Keys::Ring(kind, &mut document.token)),
        })
        .await
}

/// A step for a key of a partner or a resource server.
pub(crate) async fn issued_key(
    deployment: &Deployment,
    key: IssuedKey,
    owner: &str,
    out: Option<PathBuf>,
    rotation: &Rotation,
) -> Outcome {
    let store = deployment.partners().await?;
    let update = Update::of(key, owner, out, !rotation.caution.dry_run);
    rotation
        .take(
            &store,
            &Source::Issued(update),
            |document: &mut Partners| {
                Ok(match key {
                    IssuedKey::Api => Keys::Hashes(&mut document.partner(owner)?.api_keys),
                    IssuedKey::Payload => {
                        Keys::Ring(Kind::Payload, &mut document.partner(owner)?.payload_keys)
                    }
                    IssuedKey::SdkApi => Keys::Hashes(&mut document.partner(owner)?.sdk_api_keys),
                    IssuedKey::Secret => {
                        Keys::Hashes(&mut document.resource_server(owner)?.secrets)
                    }
                })
            },
        )
        .await
}

/// What is rotated, in its document.
enum Keys<'d> {
    Ring(Kind, &'d mut Ring),
    Hashes(&'d mut Vec<String>),
}

/// Where a new key comes from, and what is to be done with it.
enum Source {
    Service {
        name: &'static str,
        hint: &'static str,
    },
    Issued(Update),
}

impl Keys<'_> {
    fn plan(&self, rotation: &Rotation, changed_at: i64) -> Result<Planned, Failure> {
        self.plan_step(rotation, changed_at, rotation.step, rotation.key.as_deref())
    }

    /// The step behind the one that was just taken.
    fn plan_next(&self, rotation: &Rotation) -> Option<Planned> {
        let next = self.plan_step(rotation, now(), None, None).ok();
        next.filter(|next| next.step != Step::Append)
    }

    fn plan_step(
        &self,
        rotation: &Rotation,
        changed_at: i64,
        step: Option<Step>,
        key: Option<&str>,
    ) -> Result<Planned, Failure> {
        let waits = rotation.ages.waits();
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

    /// Takes a step; the name of the key that it was about.
    fn take(&mut self, planned: &Planned, source: &Source) -> Result<String, Failure> {
        let appends = planned.step == Step::Append;
        match self {
            Self::Ring(_, ring) => {
                let fresh = match source {
                    _ if !appends => None,
                    Source::Service { name, .. } => {
                        Some(fresh::jwk(fresh::kid(name, Some(ring), now())?)?)
                    }
                    Source::Issued(update) => Some(update.payload_key(ring)?),
                };
                Ok(ring.take(planned, fresh, now()))
            }
            Self::Hashes(hashes) => {
                let fresh = match source {
                    Source::Issued(update) if appends => {
                        Some(fresh::sha256_hex(&update.secret(hashes)?))
                    }
                    _ => None,
                };
                Ok(hashes::take(hashes, planned, fresh))
            }
        }
    }
}

/// A step that was taken, or would be.
struct Taken {
    planned: Planned,
    key: String,
    changes: Vec<String>,
    next: Option<Planned>,
}

impl Rotation {
    async fn take<D: Document + Described>(
        &self,
        store: &Store,
        source: &Source,
        pick: impl Fn(&mut D) -> Result<Keys<'_>, Failure>,
    ) -> Outcome {
        loop {
            let mut draft = Draft::<D>::read(store).await?;
            let changed_at = draft.changed_at();
            let mut keys = pick(&mut draft.document)?;
            let planned = keys.plan(self, changed_at)?;
            if !self.is_due(&planned).await? {
                // Somebody may have changed something meanwhile.
                continue;
            }
            if planned.step == Step::Remove {
                self.caution
                    .allow("a key is removed for good: nothing that needs it is served any more")?;
            }
            let key = keys.take(&planned, source)?;
            let next = keys.plan_next(self);
            draft.check()?;
            if !self.caution.dry_run {
                draft.write(store).await?;
            }
            let changes = draft.changes();
            let taken = Taken {
                planned,
                key,
                changes,
                next,
            };
            return Ok(self.report(&taken, source));
        }
    }

    /// Whether the step may be taken now; waits for it if that was asked for, and then it has to be
    /// planned anew.
    async fn is_due(&self, planned: &Planned) -> Result<bool, Failure> {
        let left = planned.due - now();
        if left <= 0 {
            return Ok(true);
        }
        let step = planned.step.name();
        if self.skip_wait {
            self.caution.allow(&format!(
                "{step} is safe only from {} on; taken now, requests or tokens may be refused until then",
                at(planned.due)
            ))?;
            return Ok(true);
        }
        if self.caution.dry_run {
            return Ok(true);
        }
        if !self.wait {
            return Err(Failure::new(
                Exit::NotYet,
                format!(
                    "{step} is safe from {} on, in {}: until then instances or tokens may need the keys as they are. The same command \
                     takes the step then, and with --wait it waits{}",
                    at(planned.due),
                    span(left),
                    self.ages.hint()
                ),
            ));
        }
        anstream::eprintln!(
            "{step} is safe from {} on: waiting {}. Ctrl-C loses nothing.",
            at(planned.due),
            span(left)
        );
        let pause = u64::try_from(left.min(60)).unwrap_or(60);
        tokio::time::sleep(Duration::from_secs(pause)).await;
        Ok(false)
    }

    fn report(&self, taken: &Taken, source: &Source) -> Report {
        let Taken {
            planned,
            key,
            changes,
            next,
        } = taken;
        let (step, dry_run) = (planned.step.name(), self.caution.dry_run);
        let mut text = match dry_run {
            true => format!("{step} {key}:\n{}", would(changes)),
            false => format!("{step} {key}: done.\n{}", changes.join("\n")),
        };
        let left = planned.due - now();
        if left > 0 {
            text.push_str(&format!(
                "\nIt is safe from {} on, in {}.",
                at(planned.due),
                span(left)
            ));
        }
        let file = match source {
            Source::Issued(update) => {
                text.push_str(&update.hint(planned.step, next.as_ref().map_or(0, |next| next.due)));
                (planned.step == Step::Append && !dry_run).then(|| update.file())
            }
            Source::Service { hint, .. } => {
                if planned.step == Step::Append {
                    text.push_str(&format!("\n{hint}"));
                }
                None
            }
        };
        match next {
            _ if dry_run => {}
            Some(next) => text.push_str(&format!(
                "\nNext: {}, from {} on.",
                next.step.name(),
                at(next.due)
            )),
            None if planned.step == Step::Remove => text.push_str("\nThe rotation is finished."),
            None => {}
        }
        let next = next
            .as_ref()
            .map(|next| json!({ "step": next.step.name(), "due": next.due }));
        Report::done(
            text,
            json!({
                "step": step,
                "key": key,
                "due": planned.due,
                "changes": changes,
                "file": file,
                "next": next.unwrap_or(Value::Null),
                "dryRun": dry_run,
            }),
        )
    }
}
