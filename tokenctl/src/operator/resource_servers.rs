//! Resource servers: who there is, onboarding, rotation, switching off and on, removal.

use std::path::Path;

use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    KeyRotation, Switch,
    change::{Caution, Draft, edit, prefix, prefixes, state},
    documents::{Partners, ResourceServer},
    fresh,
    onboard::{Onboarding, RESOURCE_SERVER, differs},
    rotate::{self, IssuedKey},
    settings::Deployment,
};
use crate::{
    notes::Notes,
    outcome::{Outcome, Report},
    resource_server::ResourceServerCredentials,
};

/// What operators do with resource servers.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Onboard a resource server: make its secret, and the file with its credentials
    Add(Onboarding),
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

pub(crate) async fn run(deployment: &Deployment, command: Command, notes: Notes) -> Outcome {
    match command {
        Command::Add(onboarding) => add(deployment, &onboarding).await,
        Command::List => list(deployment).await,
        Command::Rotate(rotation) => {
            rotate::issued_key(deployment, IssuedKey::Secret, rotation, notes).await
        }
        Command::Enable(of) => switch(deployment, true, &of).await,
        Command::Disable(of) => switch(deployment, false, &of).await,
        Command::Remove { id, caution } => remove(deployment, &id, &caution).await,
    }
}

async fn add(deployment: &Deployment, onboarding: &Onboarding) -> Outcome {
    let newcomer = onboarding.newcomer(&RESOURCE_SERVER)?;
    let Onboarding { id, url, .. } = onboarding;
    let store = deployment.partners().await?;
    let mut draft = Draft::<Partners>::read(&store).await?;
    if let Ok(there) = draft.document.resource_server(id) {
        let file = issued(&newcomer.out, there);
        let differing = file.as_ref();
        let differing = differing.and_then(|file| differs("url", file.url.as_ref(), url.as_ref()));
        return newcomer.is_there(file.is_some(), &Vec::from_iter(differing));
    }
    newcomer.check_file()?;
    let credentials = ResourceServerCredentials {
        resource_server_id: id.clone(),
        secret: fresh::key()?,
        url: url.clone(),
    };
    draft.document.resource_servers.push(ResourceServer {
        resource_server_id: id.clone(),
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
