//! How a document is changed: read, edited, shown, and put in the place of just the version that
//! was read.

use std::path::Path;

use clap::Args;
use serde_json::json;

use super::{
    documents::{Document, Partners, Ring, ServerKeys},
    moment::{count, span},
    settings::Deployment,
    store::{Current, Place, Secret, Store, Unwritten},
};
use crate::{
    files,
    outcome::{Exit, Failure, Outcome, Report},
};

/// What every command that changes something takes.
#[derive(Args)]
pub(crate) struct Caution {
    /// Show what would change, without values, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Confirm an irreversible change
    #[arg(long)]
    pub(crate) yes: bool,
}

impl Caution {
    /// Refuses what cannot be undone unless it was said twice.
    pub(crate) fn allow(&self, what: &str) -> Result<(), Failure> {
        match self.yes || self.dry_run {
            true => Ok(()),
            false => Err(Failure::usage(format!(
                "{what}. Give --yes if that is what you want, or --dry-run to see it"
            ))),
        }
    }
}

/// A document at hand, and the version it was read from.
pub(crate) struct Draft<D> {
    before: Vec<String>,
    pub(crate) document: D,
    /// Where it stands.
    pub(crate) place: Place,
    current: Option<Current>,
}

impl<D: Document + Described> Draft<D> {
    /// Reads the secret's document; fails if it has none.
    pub(crate) async fn read(store: &Store) -> Result<Self, Failure> {
        let empty = || {
            Err(Failure::new(
                Exit::NotFound,
                "the secret is still empty: `tokenctl keys init` and `tokenctl partner add` fill the two",
            ))
        };
        Self::read_or(store, empty).await
    }

    /// Reads the secret's document, or begins one in a secret that is empty.
    pub(crate) async fn read_or(
        store: &Store,
        empty: impl FnOnce() -> Result<D, Failure>,
    ) -> Result<Self, Failure> {
        let Secret { place, current } = store.read().await?;
        let document = match &current {
            None => empty()?,
            Some(current) => D::read(&current.text)?,
        };
        Ok(Self {
            before: current.as_ref().map_or(Vec::new(), |_| document.lines()),
            document,
            place,
            current,
        })
    }

    /// Whether the secret has a value.
    pub(crate) fn is_there(&self) -> bool {
        self.current.is_some()
    }

    /// When the document was last changed, in seconds since the epoch.
    pub(crate) fn changed_at(&self) -> i64 {
        self.current
            .as_ref()
            .map_or(0, |current| current.created_at)
    }

    /// What is different from what was read: a line each, without values.
    pub(crate) fn changes(&self) -> Vec<String> {
        let after = self.document.lines();
        let gone = self.before.iter().filter(|line| !after.contains(line));
        let new = after.iter().filter(|line| !self.before.contains(line));
        let gone = gone.map(|line| format!("- {line}"));
        gone.chain(new.map(|line| format!("+ {line}"))).collect()
    }

    /// Whether the service would take the document as it is now.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        self.document.write().map(|_| ())
    }

    /// Writes the document, if nobody else changed it since it was read.
    pub(crate) async fn write(&self, store: &Store) -> Result<(), Failure> {
        Ok(self.replace(store).await?)
    }

    /// Writes new keys to a file, and then the document that knows them.
    ///
    /// The keys are on disk before the service knows them, so that none is lost. A file that is
    /// there is never read: its keys may have leaked since. So it goes again if the document
    /// certainly was not written, and the same command can be given again.
    pub(crate) async fn write_with_file(
        &self,
        store: &Store,
        file: &Path,
        keys: &str,
    ) -> Result<(), Failure> {
        files::create(file, keys)?;
        let Err(unwritten) = self.replace(store).await else {
            return Ok(());
        };
        let at = file.display();
        let left = match unwritten.never_current && std::fs::remove_file(file).is_ok() {
            true => format!("{at} was not kept"),
            false if unwritten.never_current => {
                format!("{at} is left of this try, and nobody knows its keys: delete it")
            }
            false => format!(
                "it is not known whether the keys of {at} are in use now, so it is kept: look by `show` or `list`, and delete \
                 the file if they are not"
            ),
        };
        let failure = Failure::from(unwritten);
        let message = format!("{}. {left}", failure.message);
        Err(Failure::new(failure.exit, message))
    }

    async fn replace(&self, store: &Store) -> Result<(), Unwritten> {
        let text = self.document.write().map_err(Unwritten::certain)?;
        store.replace(self.current.as_ref(), &text).await
    }
}

/// Changes the partner or the resource server that is named by its member and id. What would be
/// lost by that is said where it is irreversible.
pub(crate) async fn edit(
    deployment: &Deployment,
    (member, id): (&str, &str),
    caution: &Caution,
    lost: Option<&str>,
    done: &str,
    edit: impl FnOnce(&mut Partners) -> Result<(), Failure>,
) -> Outcome {
    let store = deployment.partners().await?;
    let mut draft = Draft::<Partners>::read(&store).await?;
    edit(&mut draft.document)?;
    draft.check()?;
    if let Some(lost) = lost {
        caution.allow(&format!("removing {id} from {} {lost}", draft.place))?;
    }
    let changes = draft.changes();
    if !caution.dry_run && !changes.is_empty() {
        draft.write(&store).await?;
    }
    let text = match (caution.dry_run, changes.is_empty()) {
        (true, _) => would(&changes, &draft.place),
        (false, true) => "Nothing to change: it is so already.".to_owned(),
        (false, false) => format!("{}\n{done}", changes.join("\n")),
    };
    Ok(Report::done(
        text,
        json!({ (member): id, "changes": changes, "dryRun": caution.dry_run }),
    ))
}

/// What a dry run says.
pub(crate) fn would(changes: &[String], place: &Place) -> String {
    match changes.is_empty() {
        true => format!("Nothing would change in {place}."),
        false => format!(
            "{}\nNothing was changed in {place}: this was a dry run.",
            changes.join("\n")
        ),
    }
}

/// A document in lines that hold no value: what two of them differ in is what a change changes.
pub(crate) trait Described {
    fn lines(&self) -> Vec<String>;

    /// How much is in it, in a line.
    fn summary(&self) -> String;
}

impl Described for Partners {
    fn lines(&self) -> Vec<String> {
        let lines = self.partners.iter().flat_map(|partner| {
            let name = format!("partner {}", partner.partner_id);
            let lifetime = |seconds: Option<u32>| match seconds {
                Some(seconds) => span(seconds.into()),
                None => "the service's lifetime".to_owned(),
            };
            [
                format!(
                    "{name}: {}, program {}, tokens of {}, sessions of {}",
                    state(partner.enabled),
                    partner.program_id,
                    lifetime(partner.token_ttl_seconds),
                    lifetime(partner.session_ttl_seconds)
                ),
                format!("{name}: API keys (SHA-256) {}", prefixes(&partner.api_keys)),
                format!(
                    "{name}: sdkApiKeys (SHA-256) {}",
                    prefixes(&partner.sdk_api_keys)
                ),
                format!("{name}: payload keys {}", order(&partner.payload_keys)),
            ]
        });
        let servers = self.resource_servers.iter().map(|server| {
            format!(
                "resource server {}: {}, secrets (SHA-256) {}",
                server.resource_server_id,
                state(server.enabled),
                prefixes(&server.secrets)
            )
        });
        lines.chain(servers).collect()
    }

    fn summary(&self) -> String {
        let disabled = |flags: Vec<Option<bool>>| {
            let off = flags.iter().filter(|enabled| **enabled == Some(false));
            match off.count() {
                0 => String::new(),
                off => format!(" ({off} disabled)"),
            }
        };
        let (partners, servers) = (&self.partners, &self.resource_servers);
        format!(
            "{}{}, {}{}",
            count(partners.len(), "partner"),
            disabled(partners.iter().map(|it| it.enabled).collect()),
            count(servers.len(), "resource server"),
            disabled(servers.iter().map(|it| it.enabled).collect()),
        )
    }
}

/// What `enabled` means.
pub(crate) fn state(enabled: Option<bool>) -> &'static str {
    match enabled {
        Some(false) => "disabled",
        _ => "enabled",
    }
}

impl Described for ServerKeys {
    fn lines(&self) -> Vec<String> {
        vec![
            format!("token ring: {} (the first seals)", order(&self.token)),
            format!("record ring: {} (the first seals)", order(&self.record)),
        ]
    }

    fn summary(&self) -> String {
        format!(
            "{} for tokens, {} for records",
            count(self.token.keys.len(), "key"),
            count(self.record.keys.len(), "key"),
        )
    }
}

fn order(ring: &Ring) -> String {
    let kids: Vec<&str> = ring.keys.iter().map(|key| key.kid.as_str()).collect();
    kids.join(", ")
}

/// Enough of a hash to tell it from others; what it is of is random and cannot be searched.
pub(crate) fn prefixes(hashes: &[String]) -> String {
    let prefixes: Vec<&str> = hashes.iter().map(|hash| prefix(hash)).collect();
    prefixes.join(", ")
}

/// The first 8 digits.
pub(crate) fn prefix(hash: &str) -> &str {
    hash.get(..8).unwrap_or(hash)
}
