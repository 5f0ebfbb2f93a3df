//! Rotations, a step a call. Which step is next stands in the document, so any operator on any
//! machine can go on.

use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::{
    KeyRotation, RotateRing,
    change::{Caution, Described, Draft, would},
    documents::{Document, Partners, ServerKeys},
    moment::{at, now, span},
    ring::{Kind, Planned, Step},
    settings::{Ages, Deployment},
    steps::{Keys, Source},
    store::{Place, Store},
    update::Update,
};
use crate::{
    notes::Notes,
    outcome::{Exit, Failure, Outcome, Report},
};

/// One step of a rotation: the one that is next, or a given one.
#[derive(Args)]
pub(crate) struct Rotation {
    /// Take this step, instead of the one that is next
    #[arg(long, help_heading = "Step")]
    step: Option<Step>,
    /// The key that the step is about: its kid, or the first digits of the SHA-256 of an API key or
    /// a secret
    #[arg(long, value_name = "NAME", help_heading = "Step")]
    key: Option<String>,
    /// Wait until the step is safe, then take it
    #[arg(long, help_heading = "Waiting")]
    wait: bool,
    /// Take the step at once, for a leaked key. What that key sealed, or what instances seal that
    /// have not refreshed yet, may be refused
    #[arg(long, conflicts_with = "wait", help_heading = "Waiting")]
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
    ring: &RotateRing,
    notes: Notes,
) -> Outcome {
    let store = deployment.server_keys().await?;
    let (rotation, name, hint) = match ring {
        RotateRing::Token(rotation) => {
            let hint = "Before the next step, give the ring to resource servers that open tokens \
                        offline: `tokenctl keys export`.";
            (rotation, "token", Some(hint))
        }
        RotateRing::Record(rotation) => (rotation, "record", None),
    };
    let source = Source::Service { name, hint };
    rotation
        .take(&store, &source, notes, |document: &mut ServerKeys| {
            Ok(match ring {
                RotateRing::Token(_) => Keys::Ring(Kind::Token, &mut document.token),
                RotateRing::Record(_) => Keys::Ring(Kind::Record, &mut document.record),
            })
        })
        .await
}

/// A step for a key of a partner or a resource server.
pub(crate) async fn issued_key(
    deployment: &Deployment,
    key: IssuedKey,
    KeyRotation { id, out, rotation }: KeyRotation,
    notes: Notes,
) -> Outcome {
    let store = deployment.partners().await?;
    let source = Source::Issued(Update::of(key, &id, out));
    rotation
        .take(&store, &source, notes, |document: &mut Partners| {
            Ok(match key {
                IssuedKey::Api => Keys::Hashes(&mut document.partner(&id)?.api_keys),
                IssuedKey::Payload => {
                    Keys::Ring(Kind::Payload, &mut document.partner(&id)?.payload_keys)
                }
                IssuedKey::SdkApi => Keys::Hashes(&mut document.partner(&id)?.sdk_api_keys),
                IssuedKey::Secret => Keys::Hashes(&mut document.resource_server(&id)?.secrets),
            })
        })
        .await
}

/// A step that was taken, or would be.
struct Taken {
    planned: Planned,
    key: String,
    changes: Vec<String>,
    place: Place,
    next: Option<Planned>,
}

impl Rotation {
    async fn take<D: Document + Described>(
        &self,
        store: &Store,
        source: &Source,
        notes: Notes,
        pick: impl Fn(&mut D) -> Result<Keys<'_>, Failure>,
    ) -> Outcome {
        loop {
            let mut draft = Draft::<D>::read(store).await?;
            let changed_at = draft.changed_at();
            let mut keys = pick(&mut draft.document)?;
            let (step, key) = (self.step, self.key.as_deref());
            let planned = keys.plan_step(&self.ages, changed_at, step, key)?;
            let (position, named) = (keys.position(planned.step), keys.named(&planned));
            let effect = keys.effect(planned.step, source);
            let place = &draft.place;
            if planned.step == Step::Remove && (self.wait || planned.due <= now()) {
                // Before the wait: to be refused after a day of it helps nobody.
                self.caution.allow(&format!(
                    "{position} {named} from {place} is irreversible: {effect}"
                ))?;
            }
            if !self.is_due(&planned, &position, notes).await? {
                // Somebody may have changed something meanwhile.
                continue;
            }
            if let (Step::Append, Source::Issued(update)) = (planned.step, source) {
                update.check_file()?;
            }
            notes.say(&format!("{position} {named} in {place}: {effect}"));
            let (key, file) = keys.take(&planned, source)?;
            let next = keys.plan_step(&self.ages, now(), None, None).ok();
            let next = next.filter(|next| next.step != Step::Append);
            draft.check()?;
            match (source, file) {
                _ if self.caution.dry_run => {}
                (Source::Issued(update), Some(file)) => {
                    draft.write_with_file(store, update.file(), &file).await?;
                }
                _ => draft.write(store).await?,
            }
            let taken = Taken {
                planned,
                key,
                changes: draft.changes(),
                place: draft.place,
                next,
            };
            return Ok(self.report(&taken, source));
        }
    }

    /// Whether the step may be taken now; waits for it if that was asked for, and then it has to be
    /// planned anew.
    async fn is_due(
        &self,
        planned: &Planned,
        position: &str,
        notes: Notes,
    ) -> Result<bool, Failure> {
        let left = planned.due - now();
        if left <= 0 {
            return Ok(true);
        }
        if self.skip_wait {
            self.caution.allow(&format!(
                "{position} is safe only from {} on; taken now, requests or tokens may be refused until then",
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
                    "{position} is safe {}: until then instances or tokens may need the keys as they are. The same command \
                     takes the step then, and with --wait it waits{}",
                    planned.when(),
                    self.ages.hint()
                ),
            ));
        }
        notes.say(&format!(
            "{position} is safe from {} on: waiting {}. Ctrl-C loses nothing.",
            at(planned.due),
            span(left)
        ));
        let pause = u64::try_from(left.min(60)).unwrap_or(60);
        tokio::time::sleep(Duration::from_secs(pause)).await;
        Ok(false)
    }

    fn report(&self, taken: &Taken, source: &Source) -> Report {
        let Taken {
            planned,
            key,
            changes,
            place,
            next,
        } = taken;
        let (step, dry_run) = (planned.step.name(), self.caution.dry_run);
        let mut text = match dry_run {
            true => would(changes, place),
            false => format!("{step} {key}: done.\n{}", changes.join("\n")),
        };
        let left = planned.due - now();
        if left > 0 {
            text.push_str(&match dry_run {
                true => format!("\nThe step is safe {}.", planned.when()),
                false => format!(
                    "\nIt was not safe yet: until {}, for {}, some requests may be refused.",
                    at(planned.due),
                    span(left)
                ),
            });
        }
        let mut file = None;
        match source {
            _ if dry_run => {}
            Source::Issued(update) => {
                text.push_str(&update.hint(planned.step, next.as_ref().map_or(0, |next| next.due)));
                file = (planned.step == Step::Append).then(|| update.file());
            }
            Source::Service { hint, .. } => {
                if let (Step::Append, Some(hint)) = (planned.step, hint) {
                    text.push_str(&format!("\n{hint}"));
                }
            }
        }
        match next {
            _ if dry_run => {}
            Some(next) => {
                text.push_str(&format!("\nNext: {}, {}.", next.step.name(), next.when()));
            }
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
