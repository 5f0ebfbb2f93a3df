//! An operator's side: partners, resource servers and keys in Secrets Manager, sessions in
//! DynamoDB.
//!
//! | file | responsible for |
//! |---|---|
//! | `settings` | which deployment, and AWS's configuration |
//! | `store` | one secret, read and replaced by compare-and-swap |
//! | `documents` | the two documents |
//! | `change` | how a document is changed, and what a dry run shows |
//! | `ring`, `hashes` | the steps of a rotation, and when each is safe |
//! | `rotate` | taking one |
//! | `update` | the file by which a partner or a resource server gets a new key |
//! | `partners`, `resource_servers`, `keys`, `check`, `session` | the other commands |

mod aws;
mod change;
mod check;
mod documents;
mod fresh;
mod hashes;
mod keys;
mod moment;
mod partners;
mod resource_servers;
mod ring;
mod rotate;
mod session;
mod settings;
mod store;
mod update;

use std::path::PathBuf;

use clap::Subcommand;

use crate::outcome::Outcome;
use change::Caution;
use ring::Kind;
use rotate::{IssuedKey, Rotation};
use settings::{Ages, Deployment};

/// What operators do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Operators: onboard partners, switch them off and on, rotate their keys
    Partner {
        #[command(flatten)]
        deployment: Deployment,
        #[command(subcommand)]
        command: PartnerCommand,
    },
    /// Operators: onboard resource servers, switch them off and on, rotate their secrets
    ResourceServer {
        #[command(flatten)]
        deployment: Deployment,
        #[command(subcommand)]
        command: resource_servers::Command,
    },
    /// Operators: begin, show and rotate the service's own keys
    Keys {
        #[command(flatten)]
        deployment: Deployment,
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Operators: what stands in the two secrets
    Secrets {
        #[command(flatten)]
        deployment: Deployment,
        #[command(subcommand)]
        command: SecretsCommand,
    },
    /// Operators: a session's state, and its end
    Session {
        #[command(flatten)]
        deployment: Deployment,
        #[command(subcommand)]
        command: session::Command,
    },
}

#[derive(Subcommand)]
pub(crate) enum PartnerCommand {
    /// Onboard a partner: new keys, and the file with its credentials
    Add(partners::Add),
    /// Who there is
    List,
    /// One partner, without its secrets
    Show {
        /// The partner's id
        id: String,
    },
    /// Serve a partner again
    Enable {
        /// The partner's id
        id: String,
        #[command(flatten)]
        caution: Caution,
    },
    /// Serve a partner no more, and keep its keys
    Disable {
        /// The partner's id
        id: String,
        #[command(flatten)]
        caution: Caution,
    },
    /// Remove a partner and its keys for good
    Remove {
        /// The partner's id
        id: String,
        #[command(flatten)]
        caution: Caution,
    },
    /// Take the next step of a rotation: append, (promote,) remove
    #[command(subcommand_value_name = "KEY", subcommand_help_heading = "Keys")]
    Rotate {
        #[command(subcommand)]
        key: RotatePartnerKey,
    },
}

/// The kinds of keys that a partner has, each with the arguments of its rotation.
#[derive(Subcommand)]
pub(crate) enum RotatePartnerKey {
    /// Its X-API-KEY
    #[command(name = "api-key")]
    Api(KeyRotation),
    /// The key of its requests and their answers
    #[command(name = "payload-key")]
    Payload(KeyRotation),
    /// The sdkApiKey of its requests
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
    #[arg(long, value_name = "FILE")]
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
    /// How the rings stand, and what is next
    Show {
        #[command(flatten)]
        ages: Ages,
    },
    /// Write the token ring, for resource servers
    Export {
        /// The file, which must not exist
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Print it instead
        #[arg(long)]
        reveal: bool,
    },
    /// Take the next step of a rotation: append, promote, remove
    #[command(subcommand_value_name = "RING", subcommand_help_heading = "Rings")]
    Rotate {
        #[command(subcommand)]
        ring: RotateRing,
    },
}

/// The service's rings, each with the arguments of its rotation.
#[derive(Subcommand)]
pub(crate) enum RotateRing {
    /// Seals tokens; resource servers have a copy
    Token(Rotation),
    /// Seals records
    Record(Rotation),
}

#[derive(Subcommand)]
pub(crate) enum SecretsCommand {
    /// Whether the service takes both documents, with the path of each fault
    Check {
        /// A file to check instead, with the partners
        #[arg(long, value_name = "FILE")]
        api_keys: Option<PathBuf>,
        /// A file to check instead, with the service's keys
        #[arg(long, value_name = "FILE")]
        server_keys: Option<PathBuf>,
    },
}

pub(crate) async fn run(command: Command) -> Outcome {
    match command {
        Command::Partner {
            deployment,
            command,
        } => partner(&deployment, command).await,
        Command::ResourceServer {
            deployment,
            command,
        } => resource_servers::run(&deployment, command).await,
        Command::Keys {
            deployment,
            command,
        } => keys(&deployment, command).await,
        Command::Secrets {
            deployment,
            command:
                SecretsCommand::Check {
                    api_keys,
                    server_keys,
                },
        } => check::check(&deployment, api_keys, server_keys).await,
        Command::Session {
            deployment,
            command,
        } => session::run(&deployment, command).await,
    }
}

async fn partner(deployment: &Deployment, command: PartnerCommand) -> Outcome {
    match command {
        PartnerCommand::Add(add) => partners::add(deployment, add).await,
        PartnerCommand::List => partners::list(deployment).await,
        PartnerCommand::Show { id } => partners::show(deployment, &id).await,
        PartnerCommand::Enable { id, caution } => {
            partners::switch(deployment, &id, true, &caution).await
        }
        PartnerCommand::Disable { id, caution } => {
            partners::switch(deployment, &id, false, &caution).await
        }
        PartnerCommand::Remove { id, caution } => partners::remove(deployment, &id, &caution).await,
        PartnerCommand::Rotate { key } => {
            let (key, KeyRotation { id, out, rotation }) = match key {
                RotatePartnerKey::Api(rotation) => (IssuedKey::Api, rotation),
                RotatePartnerKey::Payload(rotation) => (IssuedKey::Payload, rotation),
                RotatePartnerKey::SdkApi(rotation) => (IssuedKey::SdkApi, rotation),
            };
            rotate::issued_key(deployment, key, &id, out, &rotation).await
        }
    }
}

async fn keys(deployment: &Deployment, command: KeysCommand) -> Outcome {
    match command {
        KeysCommand::Init { caution } => keys::init(deployment, &caution).await,
        KeysCommand::Show { ages } => keys::show(deployment, &ages).await,
        KeysCommand::Export { out, reveal } => keys::export(deployment, out, reveal).await,
        KeysCommand::Rotate { ring } => {
            let (kind, rotation) = match ring {
                RotateRing::Token(rotation) => (Kind::Token, rotation),
                RotateRing::Record(rotation) => (Kind::Record, rotation),
            };
            rotate::server_ring(deployment, kind, &rotation).await
        }
    }
}
