//! Onboarding: new credentials into their file, and then into the document.

use std::path::PathBuf;

use clap::Args;
use peers::partner::service_url;
use serde_json::{Value, json};

use super::{
    change::{Caution, Draft, would},
    documents::Partners,
    parse::id,
    settings::Refresh,
    store::Store,
};
use crate::{
    files,
    outcome::{Failure, Outcome, Report},
};

/// Whom the service gives credentials to.
pub(crate) struct Party {
    /// What it is called.
    pub(crate) name: &'static str,
    /// The member that has its id.
    pub(crate) member: &'static str,
    /// The end of its credentials file's name.
    file: &'static str,
    /// What the service keeps of its credentials.
    kept: &'static str,
}

pub(crate) const PARTNER: Party = Party {
    name: "partner",
    member: "partnerId",
    file: "credentials",
    kept: "hashes of the API keys",
};
pub(crate) const RESOURCE_SERVER: Party = Party {
    name: "resource server",
    member: "resourceServerId",
    file: "resource-server",
    kept: "a hash of the secret",
};

/// What is said of every newcomer.
#[derive(Args)]
pub(crate) struct Onboarding {
    /// Its id: 1-64 of A-Z a-z 0-9 . _ -
    #[arg(value_parser = id)]
    pub(crate) id: String,
    /// Where its service is, for the credentials file
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// Where its credentials are written, once and nowhere else [default: ID-credentials.json, or
    /// ID-resource-server.json for a resource server]
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    out: Option<PathBuf>,
    #[command(flatten)]
    caution: Caution,
    #[command(flatten)]
    refresh: Refresh,
}

impl Onboarding {
    /// Whom it is about. Refuses a URL that is not one of a service.
    pub(crate) fn newcomer(&self, party: &'static Party) -> Result<Newcomer<'_>, Failure> {
        if let Some(url) = &self.url {
            service_url(Some(url)).map_err(Failure::usage)?;
        }
        let by_default = || format!("{}-{}.json", self.id, party.file).into();
        Ok(Newcomer {
            party,
            out: self.out.clone().unwrap_or_else(by_default),
            onboarding: self,
        })
    }
}

/// Somebody new.
pub(crate) struct Newcomer<'a> {
    party: &'static Party,
    /// The file with their credentials.
    pub(crate) out: PathBuf,
    onboarding: &'a Onboarding,
}

impl Newcomer<'_> {
    /// Refuses a file that is there.
    pub(crate) fn check_file(&self) -> Result<(), Failure> {
        let (name, id) = (self.party.name, &self.onboarding.id);
        let origin = format!(
            "there is no {name} {id}, so it is of another {name}, of one that was removed, or of a try that was cut off"
        );
        files::check_new(&self.out, &origin)
    }

    /// Writes the credentials to their file, and then the document that knows them.
    pub(crate) async fn onboard(
        &self,
        draft: &Draft<Partners>,
        store: &Store,
        credentials: &Value,
    ) -> Outcome {
        draft.check()?;
        let changes = draft.changes();
        if self.onboarding.caution.dry_run {
            return Ok(self.report(would(&changes, &draft.place), changes));
        }
        let file = format!("{credentials:#}\n");
        draft.write_with_file(store, &self.out, &file).await?;
        let text = format!(
            "{}\nThe credentials of {} are in {}, and nowhere else: the service keeps {}. Send the file over a secure \
             channel, then delete it. The service accepts them within {}, and mostly at once.",
            changes.join("\n"),
            self.onboarding.id,
            self.out.display(),
            self.party.kept,
            self.onboarding.refresh.usual(),
        );
        Ok(self.report(text, changes))
    }

    /// What to say of one that is there. If `is_its_file`, an earlier try wrote the file and was
    /// done; `differing` is what was asked for otherwise now.
    pub(crate) fn is_there(&self, is_its_file: bool, differing: &[String]) -> Outcome {
        let (kind, id, at) = (self.party.name, &self.onboarding.id, self.out.display());
        let command = kind.replace(' ', "-");
        let refused = match (is_its_file, differing.is_empty()) {
            (false, _) => {
                format!(
                    "there is a {kind} {id} already; `tokenctl {command} rotate` gives it new keys"
                )
            }
            (true, false) => format!(
                "an earlier `{command} add` made {id} and {at}, with another {}. To change that, remove {id}, delete the \
                 file, and add it again",
                differing.join(", another ")
            ),
            (true, true) => {
                let text = format!(
                    "Nothing to change: an earlier `{command} add` made {id}, and {at} has its credentials."
                );
                return Ok(self.report(text, Vec::new()));
            }
        };
        Err(Failure::usage(refused))
    }

    fn report(&self, text: String, changes: Vec<String>) -> Report {
        Report::done(
            text,
            json!({
                (self.party.member): self.onboarding.id,
                "credentials": self.out,
                "changes": changes,
                "dryRun": self.onboarding.caution.dry_run,
            }),
        )
    }
}

/// `what`, with its two values, if they are not the same.
pub(crate) fn differs<T: PartialEq + ToString>(
    what: &str,
    there: Option<T>,
    asked: Option<T>,
) -> Option<String> {
    let told = |value: &Option<T>| value.as_ref().map_or("none".to_owned(), T::to_string);
    (there != asked).then(|| format!("{what} ({}, now {})", told(&there), told(&asked)))
}
