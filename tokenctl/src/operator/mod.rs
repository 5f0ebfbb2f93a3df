//! An operator's side: partners, resource servers and keys in Secrets Manager, sessions in
//! DynamoDB.
//!
//! | file | responsible for |
//! |---|---|
//! | `settings` | which deployment, and AWS's configuration |
//! | `store` | one secret, read and replaced by compare-and-swap |
//! | `documents` | the two documents |
//! | `change` | how a document is changed, and what a dry run shows |
//! | `onboard` | the file and the entry of somebody new |
//! | `ring`, `hashes` | the steps of a rotation, and when each is safe |
//! | `steps`, `rotate` | taking one |
//! | `update` | the file by which a partner or a resource server gets a new key |
//! | `partners`, `resource_servers`, `keys`, `session`, `status` | the other commands |
//! | `parse`, `moment` | what a person types and reads |

mod aws;
mod change;
mod documents;
mod fresh;
mod hashes;
mod keys;
mod moment;
mod onboard;
mod parse;
mod partners;
mod resource_servers;
mod ring;
mod rotate;
mod session;
mod settings;
mod status;
mod steps;
mod store;
mod update;

use std::path::PathBuf;

use clap::Subcommand;

use crate::{notes::Notes, outcome::Outcome};
use change::Caution;
use rotate::{IssuedKey, Rotation};
use settings::{Ages, Deployment, Refresh};

/// What operators do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Show account, secrets and table, and whether each can be reached (operators)
    ///
    /// The other commands for operators act on these. It changes nothing. Exit code 0: all can be
    /// reached, and the service takes both documents.
    Status {
        #[command(flatten)]
        deployment: Deployment,
        #[command(flatten)]
        arguments: status::Arguments,
    },
    /// Onboard partners, disable and enable them, rotate their keys (operators)
    #[command(alias = "partners")]
    Partner {
        #[command(flatten)]
        deployment: Deployment,
        #[command(subcommand)]
        command: PartnerCommand,
    },
    /// Onboard resource servers, disable and enable them, rotate their secrets (operators)
    #[command(alias = "resource-servers")]
    ResourceServer {
        #[command(flatten)]
        deployment: Deployment,
        #[command(subcommand)]
        command: resource_servers::Command,
    },
    /// Begin, show and rotate the service's own keys (operators)
    Keys {
        #[command(flatten)]
        deployment: Deployment,
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Show a session's state, or end it (operators)
    #[command(alias = "sessions")]
    Session {
        #[command(flatten)]
        deployment: Deployment,
        #[command(subcommand)]
        command: session::Command,
    },
}

#[derive(Subcommand)]
pub(crate) enum PartnerCommand {
    /// Onboard a partner: make its keys, and the file with its credentials
    Add(partners::Add),
    /// List the partners
    List,
    /// Show one partner without its secrets, and what is next of its rotations
    Show {
        /// The partner's id
        id: String,
        #[command(flatten)]
        ages: Ages,
    },
    /// Serve a partner again
    Enable(Switch),
    /// Stop serving a partner, and keep its keys
    Disable(Switch),
    /// Remove a partner and its keys for good
    Remove {
        /// The partner's id
        id: String,
        #[command(flatten)]
        caution: Caution,
    },
    /// Rotate a partner's key: take the next step, append, (promote,) remove
    #[command(subcommand_value_name = "KEY", subcommand_help_heading = "Keys")]
    Rotate {
        #[command(subcommand)]
        key: RotatePartnerKey,
    },
}

/// Whom to enable or disable.
#[derive(clap::Args)]
pub(crate) struct Switch {
    /// Its id
    id: String,
    #[command(flatten)]
    caution: Caution,
    #[command(flatten)]
    refresh: Refresh,
}

/// The kinds of keys that a partner has, each with the arguments of its rotation.
#[derive(Subcommand)]
pub(crate) enum RotatePartnerKey {
    /// Rotate its X-API-KEY: append, remove
    #[command(name = "api-key")]
    Api(KeyRotation),
    /// Rotate the key of its requests and their answers: append, promote, remove
    #[command(name = "payload-key")]
    Payload(KeyRotation),
    /// Rotate the sdkApiKey of its requests: append, remove
    #[command(name = "sdk-api-key")]
    SdkApi(KeyRotation),
}

#[derive(clap::Args)]
/// A rotation of what its owner was given.
pub(crate) struct KeyRotation {
    /// The owner's id
    id: String,
    /// Where a new key is written, once and nowhere else [default: ID-KEY.json, such as
    /// acme-api-key.json]
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    out: Option<PathBuf>,
    #[command(flatten)]
    rotation: Rotation,
}

#[derive(Subcommand)]
pub(crate) enum KeysCommand {
    /// Fill an empty secret with a token key and a record key
    Init {
        #[command(flatten)]
        caution: Caution,
    },
    /// Show how the rings stand, and what is next of their rotations
    #[command(alias = "list")]
    Show {
        #[command(flatten)]
        ages: Ages,
    },
    /// Write the token ring, for offline resource servers
    Export {
        /// The file, which must not exist
        #[arg(long, value_name = "FILE", help_heading = "Output")]
        out: Option<PathBuf>,
        /// Print it instead
        #[arg(long, help_heading = "Output")]
        reveal: bool,
    },
    /// Rotate a ring: take the next step, append, promote, remove
    #[command(subcommand_value_name = "RING", subcommand_help_heading = "Rings")]
    Rotate {
        #[command(subcommand)]
        ring: RotateRing,
    },
}

/// The service's rings, each with the arguments of its rotation.
#[derive(Subcommand)]
pub(crate) enum RotateRing {
    /// Rotate the ring that seals tokens; offline resource servers have a copy
    Token(Rotation),
    /// Rotate the ring that seals records
    Record(Rotation),
}

/// `notes` is where progress is told; what a command ends with is written by its caller.
pub(crate) async fn run(command: Command, notes: Notes) -> Outcome {
    match command {
        Command::Status {
            deployment,
            arguments,
        } => status::run(&deployment, &arguments).await,
        Command::Partner {
            deployment,
            command,
        } => partner(&deployment, command, notes).await,
        Command::ResourceServer {
            deployment,
            command,
        } => resource_servers::run(&deployment, command, notes).await,
        Command::Keys {
            deployment,
            command,
        } => keys(&deployment, command, notes).await,
        Command::Session {
            deployment,
            command,
        } => session::run(&deployment, command).await,
    }
}

async fn partner(deployment: &Deployment, command: PartnerCommand, notes: Notes) -> Outcome {
    match command {
        PartnerCommand::Add(add) => partners::add(deployment, add).await,
        PartnerCommand::List => partners::list(deployment).await,
        PartnerCommand::Show { id, ages } => partners::show(deployment, &id, &ages).await,
        PartnerCommand::Enable(of) => partners::switch(deployment, true, &of).await,
        PartnerCommand::Disable(of) => partners::switch(deployment, false, &of).await,
        PartnerCommand::Remove { id, caution } => partners::remove(deployment, &id, &caution).await,
        PartnerCommand::Rotate { key } => {
            let (key, rotation) = match key {
                RotatePartnerKey::Api(rotation) => (IssuedKey::Api, rotation),
                RotatePartnerKey::Payload(rotation) => (IssuedKey::Payload, rotation),
                RotatePartnerKey::SdkApi(rotation) => (IssuedKey::SdkApi, rotation),
            };
            rotate::issued_key(deployment, key, rotation, notes).await
        }
    }
}

async fn keys(deployment: &Deployment, command: KeysCommand, notes: Notes) -> Outcome {
    match command {
        KeysCommand::Init { caution } => keys::init(deployment, &caution).await,
        KeysCommand::Show { ages } => keys::show(deployment, &ages).await,
        KeysCommand::Export { out, reveal } => keys::export(deployment, out, reveal).await,
        KeysCommand::Rotate { ring } => rotate::server_ring(deployment, &ring, notes).await,
    }
}
