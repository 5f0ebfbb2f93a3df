//! Rotations, a step a call. Which step is next stands in the document, so any operator on any machine can go on.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{
    change::{Caution, Described, Draft, prefix, prefixes},
    documents::{Document, Jwk, Partners, Ring, ServerKeys},
    fresh,
    moment::{at, now, span},
    partners::would,
    ring::{Kind, Planned, Planner, Step},
    settings::{Ages, Deployment},
    update::Update,
};
use crate::outcome::{Exit, Failure, Outcome, Report};

/// One step of a rotation: the one that is next, or a given one.
#[derive(Args)]
pub(crate) struct Rotation {
    /// This step, instead of the one that is next
    #[arg(long)]
    step: Option<Step>,
    /// The key that the step is about: its kid, or the first digits of an API key's SHA-256
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
    /// Wait until the step is safe, then take it
    #[arg(long)]
    wait: bool,
    /// Do not wait: for a key that others have got hold of. What it sealed, or what instances seal that have not refreshed yet,
    /// may be refused
    #[arg(long, conflicts_with = "wait")]
    skip_wait: bool,
    #[command(flatten)]
    caution: Caution,
    #[command(flatten)]
    ages: Ages,
}

/// The rings of the service itself.
#[derive(Clone, Copy)]
pub(crate) enum ServerRing {
    /// Seals tokens; resource servers have a copy
    Token,
    /// Seals records
    Record,
}

/// What a partner has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum PartnerKey {
    /// Its X-API-KEY
    Api,
    /// The key of its requests and their answers
    Payload,
    /// The sdkApiKey of its requests
    SdkApi,
}

/// A step for one of the service's rings.
pub(crate) async fn server_ring(
    deployment: &Deployment,
    ring: ServerRing,
    rotation: &Rotation,
) -> Outcome {
    let store = deployment.server_keys().await?;
    let (name, kind) = match ring {
        ServerRing::Token => ("token", Kind::Token),
        ServerRing::Record => ("record", Kind::Record),
    };
    let select = |document: &mut ServerKeys| match ring {
        ServerRing::Token => document.token.clone(),
        ServerRing::Record => document.record.clone(),
    };
    let put = |document: &mut ServerKeys, changed| match ring {
        ServerRing::Token => document.token = changed,
        ServerRing::Record => document.record = changed,
    };
    loop {
        let mut draft = Draft::<ServerKeys>::read(&store).await?;
        let mut ring = select(&mut draft.document);
        let planned = rotation
            .planner(kind, &ring, draft.changed_at())
            .plan(rotation.step, rotation.key.as_deref())?;
        if !rotation.is_due(&planned).await? {
            continue;
        }
        let fresh = match planned.step {
            Step::Append => Some(fresh::jwk(fresh::kid(name, Some(&ring), now())?)?),
            _ => None,
        };
        let kid = kid_of(&planned, fresh.as_ref());
        ring.take(&planned, fresh, now());
        put(&mut draft.document, ring.clone());
        let hint = match (kind, planned.step) {
            (Kind::Token, Step::Append) => {
                "Give resource servers the ring with it before the next step: `tokenctl keys export`."
            }
            _ => "",
        };
        rotation.finish(&draft, &store, &planned, &kid).await?;
        let next = rotation.planner(kind, &ring, now()).plan(None, None).ok();
        return Ok(rotation.report(&draft, &planned, &kid, next, hint, None));
    }
}

/// A step for one of a partner's keys.
pub(crate) async fn partner_key(
    deployment: &Deployment,
    key: PartnerKey,
    partner: &str,
    out: Option<PathBuf>,
    rotation: &Rotation,
) -> Outcome {
    let store = deployment.partners().await?;
    let update = Update::of(key, partner, out);
    loop {
        let mut draft = Draft::<Partners>::read(&store).await?;
        let changed_at = draft.changed_at();
        let entry = draft.document.partner(partner)?;
        let hashes = match key {
            PartnerKey::Payload => None,
            PartnerKey::Api => Some(&mut entry.api_keys),
            PartnerKey::SdkApi => Some(&mut entry.sdk_api_keys),
        };
        let planned = match &hashes {
            Some(hashes) => rotation.plan_hashes(hashes, changed_at)?,
            None => rotation
                .planner(Kind::Payload, &entry.payload_keys, changed_at)
                .plan(rotation.step, rotation.key.as_deref())?,
        };
        if !rotation.is_due(&planned).await? {
            continue;
        }
        let write_file = !rotation.caution.dry_run;
        let (kid, next) = match hashes {
            Some(hashes) => {
                let kid = match planned.step {
                    Step::Append => {
                        let hash = fresh::sha256_hex(&update.api_key(hashes, write_file)?);
                        let kid = prefix(&hash).to_owned();
                        hashes.push(hash);
                        kid
                    }
                    _ => {
                        let kid = planned.kid.clone().unwrap_or_default();
                        hashes.retain(|hash| prefix(hash) != kid);
                        kid
                    }
                };
                (kid, rotation.plan_hashes(hashes, now()).ok())
            }
            None => {
                let fresh = match planned.step {
                    Step::Append => Some(update.payload_key(&entry.payload_keys, write_file)?),
                    _ => None,
                };
                let kid = kid_of(&planned, fresh.as_ref());
                entry.payload_keys.take(&planned, fresh, now());
                let next = rotation
                    .planner(Kind::Payload, &entry.payload_keys, now())
                    .plan(None, None)
                    .ok();
                (kid, next)
            }
        };
        let hint = update.hint(&planned, next.as_ref(), write_file);
        rotation.finish(&draft, &store, &planned, &kid).await?;
        let file = (planned.step == Step::Append && write_file).then(|| update.file());
        return Ok(rotation.report(&draft, &planned, &kid, next, &hint, file));
    }
}

fn kid_of(planned: &Planned, fresh: Option<&Jwk>) -> String {
    let kid = fresh
        .map(|key| key.kid.clone())
        .or_else(|| planned.kid.clone());
    kid.unwrap_or_default()
}

impl Rotation {
    fn planner<'r>(&self, kind: Kind, ring: &'r Ring, changed_at: i64) -> Planner<'r> {
        Planner {
            kind,
            ring,
            waits: self.ages.waits(),
            changed_at,
        }
    }

    /// API keys have no order: the newest is appended, the oldest removed. No moments are kept with their hashes, so a step
    /// counts from the document's last change, whatever that was.
    fn plan_hashes(&self, hashes: &[String], changed_at: i64) -> Result<Planned, Failure> {
        let step = self.step.unwrap_or(if hashes.len() == 1 {
            Step::Append
        } else {
            Step::Remove
        });
        match step {
            Step::Append => Ok(Planned {
                step,
                kid: None,
                due: 0,
            }),
            Step::Remove if hashes.len() < 2 => Err(Failure::usage(
                "it is the partner's only one: append another first, or disable the partner",
            )),
            Step::Remove => {
                let found = match &self.key {
                    Some(start) => hashes
                        .iter()
                        .find(|hash| start.len() >= 8 && hash.starts_with(&start.to_lowercase())),
                    None => hashes.first(),
                };
                let found = found.ok_or_else(|| {
                    let have = prefixes(hashes);
                    Failure::new(
                        Exit::NotFound,
                        format!(
                            "no key's SHA-256 begins with that; give 8 digits or more of: {have}"
                        ),
                    )
                })?;
                let due = changed_at + self.ages.waits().refresh;
                Ok(Planned {
                    step,
                    kid: Some(prefix(found).to_owned()),
                    due,
                })
            }
            Step::Promote | Step::Demote => Err(Failure::usage(
                "API keys have no order: there is only --step append and --step remove",
            )),
        }
    }

    /// Whether the step may be taken now; waits for it if that was asked for, and then it has to be planned anew.
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

    async fn finish<D: Document + Described>(
        &self,
        draft: &Draft<D>,
        store: &super::store::Store,
        planned: &Planned,
        kid: &str,
    ) -> Result<(), Failure> {
        if planned.step == Step::Remove {
            self.caution.allow(&format!(
                "removing {kid} is for good: nothing that needs it is served any more"
            ))?;
        }
        draft.check()?;
        match self.caution.dry_run {
            true => Ok(()),
            false => draft.write(store).await,
        }
    }

    fn report<D: Document + Described>(
        &self,
        draft: &Draft<D>,
        planned: &Planned,
        kid: &str,
        next: Option<Planned>,
        hint: &str,
        file: Option<&PathBuf>,
    ) -> Report {
        let changes = draft.changes();
        let dry_run = self.caution.dry_run;
        let mut text = match dry_run {
            true => {
                let due = match planned.due - now() {
                    left if left > 0 => format!(
                        "\nIt is safe from {} on, in {}.",
                        at(planned.due),
                        span(left)
                    ),
                    _ => String::new(),
                };
                format!("{} {kid}:\n{}{due}", planned.step.name(), would(&changes))
            }
            false => format!(
                "{} {kid}: done.\n{}",
                planned.step.name(),
                changes.join("\n")
            ),
        };
        if !hint.is_empty() {
            text.push_str(&format!("\n{hint}"));
        }
        let next = next.filter(|next| next.step != Step::Append);
        if let Some(next) = next.as_ref().filter(|_| !dry_run) {
            text.push_str(&format!(
                "\nNext: {}, from {} on.",
                next.step.name(),
                at(next.due)
            ));
        } else if planned.step == Step::Remove && !dry_run {
            text.push_str("\nThe rotation is finished.");
        }
        let next =
            next.map(|next| json!({ "step": next.step.name(), "key": next.kid, "due": next.due }));
        Report::done(
            text,
            json!({
                "step": planned.step.name(),
                "key": kid,
                "due": planned.due,
                "changes": changes,
                "file": file,
                "next": next.unwrap_or(Value::Null),
                "dryRun": dry_run,
            }),
        )
    }
}

/// A key's text on its way into a file.
pub(crate) type KeyText = Zeroizing<String>;
