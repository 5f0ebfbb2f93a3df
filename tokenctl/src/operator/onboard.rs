//! Onboarding: new credentials into their file, and then into the document.

use std::path::Path;

use serde_json::{Value, json};

use super::{
    change::{Draft, would},
    documents::Partners,
    settings::Refresh,
    store::Store,
};
use crate::{
    files,
    outcome::{Failure, Outcome, Report},
};

/// Somebody new: what their kind is called, and what of their credentials is where.
pub(crate) struct Newcomer<'a> {
    /// `partner` or `resource server`.
    pub(crate) kind: &'static str,
    /// The member that names them.
    pub(crate) member: &'static str,
    pub(crate) id: &'a str,
    /// The file with their credentials.
    pub(crate) out: &'a Path,
    /// What the service keeps.
    pub(crate) kept: &'static str,
    pub(crate) refresh: &'a Refresh,
    pub(crate) dry_run: bool,
}

impl Newcomer<'_> {
    /// Refuses a file that is there: whose keys these are, and who has them, is not known.
    pub(crate) fn check_file(&self) -> Result<(), Failure> {
        let (kind, id, at) = (self.kind, self.id, self.out.display());
        match self.out.symlink_metadata() {
            Err(_) => files::check_free(self.out),
            Ok(_) => Err(Failure::usage(format!(
                "{at} exists already, but there is no {kind} {id}: it is of another {kind}, of one that was removed, or of a try \
                 that was cut off. Keys are never taken from a file. Delete it and repeat the command, or name another file with --out"
            ))),
        }
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
        if self.dry_run {
            return Ok(self.report(would(&changes, &draft.place), changes));
        }
        let file = format!("{credentials:#}\n");
        draft.write_with_file(store, self.out, &file).await?;
        let text = format!(
            "{}\nThe credentials of {} are in {}, and nowhere else: the service keeps {}. Send the file over a secure \
             channel, then delete it. The service accepts them within {}, and mostly at once.",
            changes.join("\n"),
            self.id,
            self.out.display(),
            self.kept,
            self.refresh.usual(),
        );
        Ok(self.report(text, changes))
    }

    /// What to say of one that is there. If `is_its_file`, an earlier try wrote the file and was
    /// done; `differing` is what was asked for otherwise now.
    pub(crate) fn is_there(&self, is_its_file: bool, differing: &[String]) -> Outcome {
        let (kind, id, at) = (self.kind, self.id, self.out.display());
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
        let (member, id, out) = (self.member, self.id, self.out);
        let json =
            json!({ (member): id, "credentials": out, "changes": changes, "dryRun": self.dry_run });
        Report::done(text, json)
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
