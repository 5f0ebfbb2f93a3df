//! How a document is changed: read, edited, shown, and put in the place of just the version that
//! was read.

use std::path::Path;

use clap::Args;
use serde_json::{Value, json};

use super::{
    documents::{Document, Partners, Ring, ServerKeys},
    settings::Deployment,
    store::{Current, Store},
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
    current: Option<Current>,
}

impl<D: Document + Described> Draft<D> {
    /// Reads the secret's document; fails if it has none.
    pub(crate) async fn read(store: &Store) -> Result<Self, Failure> {
        let current = store.current().await?;
        let current = current.ok_or_else(|| {
            Failure::new(Exit::NotFound, "the secret is still empty: `tokenctl keys init` and `tokenctl partner add` fill the two")
        })?;
        let document = D::read(&current.text)?;
        Ok(Self {
            before: document.lines(),
            document,
            current: Some(current),
        })
    }

    /// Reads the secret's document, or begins one in a secret that is empty.
    pub(crate) async fn read_or(
        store: &Store,
        empty: impl FnOnce() -> Result<D, Failure>,
    ) -> Result<Self, Failure> {
        match store.current().await? {
            None => Ok(Self {
                before: Vec::new(),
                document: empty()?,
                current: None,
            }),
            Some(current) => {
                let document = D::read(&current.text)?;
                Ok(Self {
                    before: document.lines(),
                    document,
                    current: Some(current),
                })
            }
        }
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
        let text = self.document.write()?;
        store.replace(self.current.as_ref(), &text).await
    }
}

/// Writes new credentials to their file, unless an earlier try did, and then the document with
/// their hashes.
///
/// The credentials are on disk before the service knows them: a crash in between loses nothing, and
/// the same command goes on with the file that is there.
pub(crate) async fn onboard(
    draft: &Draft<Partners>,
    store: &Store,
    out: &Path,
    credentials: Option<Value>,
    caution: &Caution,
) -> Result<(), Failure> {
    draft.check()?;
    if caution.dry_run {
        return Ok(());
    }
    if let Some(credentials) = credentials {
        files::create(out, &format!("{credentials:#}\n"))?;
    }
    draft.write(store).await
}

/// Changes the partner or the resource server that is named by its member and id.
pub(crate) async fn edit(
    deployment: &Deployment,
    (member, id): (&str, &str),
    caution: &Caution,
    done: &str,
    edit: impl FnOnce(&mut Partners) -> Result<(), Failure>,
) -> Outcome {
    let store = deployment.partners().await?;
    let mut draft = Draft::<Partners>::read(&store).await?;
    edit(&mut draft.document)?;
    draft.check()?;
    let changes = draft.changes();
    if !caution.dry_run && !changes.is_empty() {
        draft.write(&store).await?;
    }
    let text = match (caution.dry_run, changes.is_empty()) {
        (true, _) => would(&changes),
        (false, true) => "Nothing to change: it is so already.".to_owned(),
        (false, false) => format!("{}\n{done}", changes.join("\n")),
    };
    Ok(Report::done(
        text,
        json!({ (member): id, "changes": changes, "dryRun": caution.dry_run }),
    ))
}

/// What a dry run says.
pub(crate) fn would(changes: &[String]) -> String {
    match changes.is_empty() {
        true => "Nothing would change.".to_owned(),
        false => format!(
            "{}\nNothing was changed: this was a dry run.",
            changes.join("\n")
        ),
    }
}

/// A document in lines that hold no value: what two of them differ in is what a change changes.
pub(crate) trait Described {
    fn lines(&self) -> Vec<String>;
}

impl Described for Partners {
    fn lines(&self) -> Vec<String> {
        let lines = self.partners.iter().flat_map(|partner| {
            let name = format!("partner {}", partner.partner_id);
            let lifetime = |seconds: Option<u32>| match seconds {
                Some(seconds) => format!("{seconds} s"),
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
