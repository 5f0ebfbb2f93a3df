//! Resource servers: who there is, onboarding, rotation, switching off and on, removal.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use peers::partner::service_url;
use serde_json::{Value, json};

use super::{
    KeyRotation, Switch,
    change::{Caution, Draft, edit, prefix, prefixes, state},
    documents::{Partners, ResourceServer},
    fresh,
    onboard::{Newcomer, differs},
    parse::id,
    rotate::{self, IssuedKey},
    settings::{Deployment, Refresh},
};
use crate::{
    notes::Notes,
    outcome::{Failure, Outcome, Report},
    resource_server::ResourceServerCredentials,
};

/// What operators do with resource servers.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Onboard a resource server: make its secret, and the file with its credentials
    Add(Add),
    /// List the resource servers
    List,
    /// Rotate a secret: take the next step, append or remove
    Rotate(KeyRotation),
    /// Serve a resource server again
    Enable(Switch),
    /// Stop serving a resource server, and keep its secrets' hashes
    Disable(Switch),
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
    #[arg(value_parser = id)]
    id: String,
    /// Where its service is, for the credentials file
    #[arg(long)]
    url: Option<String>,
    /// Where its credentials are written, once and nowhere else [default: ID-resource-server.json]
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    out: Option<PathBuf>,
    #[command(flatten)]
    caution: Caution,
    #[command(flatten)]
    refresh: Refresh,
}

pub(crate) async fn run(deployment: &Deployment, command: Command, notes: Notes) -> Outcome {
    match command {
        Command::Add(arguments) => add(deployment, arguments).await,
        Command::List => list(deployment).await,
        Command::Rotate(rotation) => {
            rotate::issued_key(deployment, IssuedKey::Secret, rotation, notes).await
        }
        Command::Enable(of) => switch(deployment, true, &of).await,
        Command::Disable(of) => switch(deployment, false, &of).await,
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
    let newcomer = Newcomer {
        kind: "resource server",
        member: "resourceServerId",
        id: &add.id,
        out: &out,
        kept: "a hash of the secret",
        refresh: &add.refresh,
        dry_run: add.caution.dry_run,
    };
    let store = deployment.partners().await?;
    let mut draft = Draft::<Partners>::read(&store).await?;
    if let Ok(there) = draft.document.resource_server(&add.id) {
        let file = issued(&out, there);
        let differing = file.as_ref();
        let differing =
            differing.and_then(|file| differs("url", file.url.as_ref(), add.url.as_ref()));
        return newcomer.is_there(file.is_some(), &Vec::from_iter(differing));
    }
    newcomer.check_file()?;
    let credentials = ResourceServerCredentials {
        resource_server_id: add.id.clone(),
        secret: fresh::key()?,
        url: add.url.clone(),
    };
    draft.document.resource_servers.push(ResourceServer {
        resource_server_id: add.id.clone(),
        secrets: vec![fresh::sha256_hex(&credentials.secret)],
        enabled: None,
    });
    newcomer
        .onboard(&draft, &store, &credentials.to_json())
        .await
}

/// The credentials of the file, if they are all that the resource server has.
fn issued(out: &Path, server: &ResourceServer) -> Option<ResourceServerCredentials> {
    let file = ResourceServerCredentials::read(out).ok()?;
    let is_its = file.resource_server_id == server.resource_server_id
        && server.secrets == [fresh::sha256_hex(&file.secret)];
    is_its.then_some(file)
}

async fn list(deployment: &Deployment) -> Outcome {
    let store = deployment.partners().await?;
    let draft = Draft::<Partners>::read(&store).await?;
    let servers = &draft.document.resource_servers;
    let lines = servers.iter().map(|server| {
        let (id, state) = (&server.resource_server_id, state(server.enabled));
        let hashes = prefixes(&server.secrets);
        format!("{id:24} {state:8} {hashes}")
    });
    let header = format!("{:24} {:8} SECRETS (SHA-256)", "RESOURCE SERVER", "STATE");
    let lines: Vec<String> = std::iter::once(header).chain(lines).collect();
    let text = match servers.is_empty() {
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

async fn switch(deployment: &Deployment, on: bool, of: &Switch) -> Outcome {
    let (id, usual, latest) = (of.id.as_str(), of.refresh.usual(), of.refresh.latest());
    let done = match on {
        true => format!("{id} is answered again within {usual}."),
        false => format!(
            "{id} gets no more answers: within {usual}, or within {latest} where instances cannot read the secret."
        ),
    };
    let named = ("resourceServerId", id);
    edit(deployment, named, &of.caution, None, &done, |document| {
        document.resource_server(id)?.enabled = (!on).then_some(false);
        Ok(())
    })
    .await
}

async fn remove(deployment: &Deployment, id: &str, caution: &Caution) -> Outcome {
    let lost = "loses its secrets' hashes for good; `tokenctl resource-server disable` does not";
    let (named, done) = (("resourceServerId", id), format!("{id} is removed."));
    edit(deployment, named, caution, Some(lost), &done, |document| {
        document.resource_server(id)?;
        let servers = &mut document.resource_servers;
        servers.retain(|server| server.resource_server_id != id);
        Ok(())
    })
    .await
}
