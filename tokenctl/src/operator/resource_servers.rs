//! Resource servers: who there is, onboarding, rotation, switching off and on, removal.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use peers::partner::service_url;
use serde_json::{Value, json};

use super::{
    KeyRotation,
    change::{Caution, Draft, edit, onboard, prefix, prefixes, state, would},
    documents::{Partners, ResourceServer},
    fresh,
    rotate::{self, IssuedKey},
    settings::Deployment,
};
use crate::{
    outcome::{Failure, Outcome, Report},
    resource_server::ResourceServerCredentials,
};

/// What operators do with resource servers.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Onboard a resource server: a new secret, and the file with its credentials
    Add(Add),
    /// Who there is
    List,
    /// Take the next step of a secret's rotation: append, remove
    Rotate(KeyRotation),
    /// Answer a resource server again
    Enable {
        /// The resource server's id
        id: String,
        #[command(flatten)]
        caution: Caution,
    },
    /// Answer a resource server no more, and keep its secrets' hashes
    Disable {
        /// The resource server's id
        id: String,
        #[command(flatten)]
        caution: Caution,
    },
    /// Remove a resource server for good
    Remove {
        /// The resource server's id
        id: String,
        #[command(flatten)]
        caution: Caution,
    },
}

/// A new resource server.
#[derive(Args)]
pub(crate) struct Add {
    /// The resource server's id: 1-64 of A-Z a-z 0-9 . _ -
    id: String,
    /// Where its service is, for the credentials file
    #[arg(long)]
    url: Option<String>,
    /// Where its credentials are written, once and nowhere else [default: ID-resource-server.json]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    caution: Caution,
}

pub(crate) async fn run(deployment: &Deployment, command: Command) -> Outcome {
    match command {
        Command::Add(arguments) => add(deployment, arguments).await,
        Command::List => list(deployment).await,
        Command::Rotate(KeyRotation { id, out, rotation }) => {
            rotate::issued_key(deployment, IssuedKey::Secret, &id, out, &rotation).await
        }
        Command::Enable { id, caution } => switch(deployment, &id, true, &caution).await,
        Command::Disable { id, caution } => switch(deployment, &id, false, &caution).await,
        Command::Remove { id, caution } => remove(deployment, &id, &caution).await,
    }
}

async fn add(deployment: &Deployment, add: Add) -> Outcome {
    if let Some(url) = &add.url {
        service_url(Some(url)).map_err(Failure::usage)?;
    }
    let out = add
        .out
        .clone()
        .unwrap_or_else(|| format!("{}-resource-server.json", add.id).into());
    let store = deployment.partners().await?;
    let mut draft = Draft::<Partners>::read(&store).await?;
    if draft.document.resource_server(&add.id).is_ok() {
        return Err(Failure::usage(format!(
            "there is a resource server {} already; `tokenctl resource-server rotate` gives it a new secret",
            add.id
        )));
    }
    let resumed = out.exists();
    let credentials = match resumed {
        true => begun(&out, &add)?,
        false => ResourceServerCredentials {
            resource_server_id: add.id.clone(),
            secret: fresh::key()?,
            url: add.url.clone(),
        },
    };
    draft.document.resource_servers.push(ResourceServer {
        resource_server_id: add.id.clone(),
        secrets: vec![fresh::sha256_hex(&credentials.secret)],
        enabled: None,
    });
    let file = (!resumed).then(|| credentials.to_json());
    onboard(&draft, &store, &out, file, &add.caution).await?;
    let changes = draft.changes();
    let text = match add.caution.dry_run {
        true => would(&changes),
        false => format!(
            "{}\nThe credentials of {} are in {}, and nowhere else: the service keeps a hash of the secret. Send the \
             file over a secure channel, then delete it. It works within SECRETS_MIN_REFRESH_SECONDS (30 s by default).",
            changes.join("\n"),
            add.id,
            out.display()
        ),
    };
    let json = json!({ "resourceServerId": add.id, "credentials": out, "changes": changes, "dryRun": add.caution.dry_run });
    Ok(Report::done(text, json))
}

/// The credentials of an earlier try that ended between its file and the secret.
fn begun(out: &Path, add: &Add) -> Result<ResourceServerCredentials, Failure> {
    match ResourceServerCredentials::read(out) {
        Ok(credentials) if credentials.resource_server_id == add.id => Ok(credentials),
        _ => Err(Failure::usage(format!(
            "{} exists already and is not an unfinished `resource-server add {}`: name another file with --out",
            out.display(),
            add.id
        ))),
    }
}

async fn list(deployment: &Deployment) -> Outcome {
    let store = deployment.partners().await?;
    let draft = Draft::<Partners>::read(&store).await?;
    let servers = &draft.document.resource_servers;
    let lines = servers.iter().map(|server| {
        let (id, state) = (&server.resource_server_id, state(server.enabled));
        let hashes = prefixes(&server.secrets);
        format!("{id:24} {state:8} secrets (SHA-256) {hashes}")
    });
    let lines: Vec<String> = lines.collect();
    let text = match lines.is_empty() {
        true => "There is no resource server.".to_owned(),
        false => lines.join("\n"),
    };
    let json: Vec<Value> = servers.iter().map(shown).collect();
    Ok(Report::done(text, json!({ "resourceServers": json })))
}

fn shown(server: &ResourceServer) -> Value {
    let prefixes = server.secrets.iter().map(|hash| prefix(hash));
    json!({
        "resourceServerId": server.resource_server_id,
        "enabled": server.enabled != Some(false),
        "secretSha256Prefixes": prefixes.collect::<Vec<_>>(),
    })
}

async fn switch(deployment: &Deployment, id: &str, on: bool, caution: &Caution) -> Outcome {
    let done = match on {
        true => format!(
            "{id} is answered again once the instances have refreshed: within 5 min, unless you changed \
             SECRETS_TTL_SECONDS."
        ),
        false => format!(
            "{id} gets no more answers once the instances have refreshed: within 5 min, or within a day where a \
             refresh fails, unless you changed SECRETS_TTL_SECONDS or SECRETS_MAX_STALE_SECONDS."
        ),
    };
    let named = ("resourceServerId", id);
    edit(deployment, named, caution, &done, |document| {
        document.resource_server(id)?.enabled = (!on).then_some(false);
        Ok(())
    })
    .await
}

async fn remove(deployment: &Deployment, id: &str, caution: &Caution) -> Outcome {
    caution.allow(&format!(
        "removing {id} loses its secrets' hashes for good; `tokenctl resource-server disable` does not"
    ))?;
    let (named, done) = (("resourceServerId", id), format!("{id} is removed."));
    edit(deployment, named, caution, &done, |document| {
        document.resource_server(id)?;
        let servers = &mut document.resource_servers;
        servers.retain(|server| server.resource_server_id != id);
        Ok(())
    })
    .await
}
