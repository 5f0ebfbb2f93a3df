//! Secrets Manager: an HTTP server for the operations that the token service and its operators use,
//! with AWS's staging rules and error shapes. It neither encrypts (there is no KMS) nor checks
//! signatures, and knows no replication, rotation schedule or policy. A secret that is scheduled
//! for deletion is kept.
//!
//! | file | responsible for |
//! |---|---|
//! | `request`, `answer` | the operations' members, in with their limits, and out |
//! | `vault` | finding secrets, creating them, the operations on one |
//! | `secret` | one secret: its versions and the rules of their stages |
//! | `file` | keeping the vault in the data directory |
//! | `refusal` | every error, with AWS's name and words for it |

mod answer;
mod file;
mod refusal;
mod request;
mod secret;
#[cfg(test)]
mod tests;
mod vault;

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use bytes::Bytes;
use hyper::{Request, Response, StatusCode, header::HeaderValue};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Error,
    front::{self, Service, operation},
};
pub use refusal::Refusal;
use {
    file::File,
    request::{CreateSecret, PutSecretValue},
    secret::EpochSeconds,
    vault::Vault,
};

/// The id of the secret with the partners.
pub(crate) const API_KEYS: &str = "token-service/api-keys";
/// The id of the secret with the service's own rings.
pub(crate) const SERVER_KEYS: &str = "token-service/server-keys";

/// Secrets Manager as a [`Service`].
pub(crate) struct SecretsManager {
    vault: Mutex<Vault>,
    file: Option<File>,
}

impl SecretsManager {
    /// Opens what `data_dir` keeps, or an empty vault that is kept nowhere.
    pub(crate) fn open(data_dir: Option<&Path>) -> Result<Self, Error> {
        let file = data_dir.map(File::of);
        let vault = match &file {
            None => Vault::default(),
            Some(file) => file.load()?,
        };
        Ok(Self {
            vault: Mutex::new(vault),
            file,
        })
    }

    /// Creates a secret of this name and value, or without one, unless there is one of this name,
    /// whatever its value.
    pub(crate) fn create_unless_present(
        &self,
        name: &str,
        value: Option<String>,
    ) -> Result<(), Refusal> {
        let request = CreateSecret::of(name, value);
        match self.change(|vault| vault.create(request, now())) {
            Ok(_) | Err(Refusal::SecretExists(_)) => Ok(()),
            Err(refusal) => Err(refusal),
        }
    }

    /// Makes `value` the current version of a secret.
    pub(crate) fn put_value(&self, id: &str, value: &str) -> Result<(), Refusal> {
        let request = PutSecretValue::of(id, value);
        self.change(|vault| vault.put_value(request, now()))
            .map(|_changed| ())
    }

    fn perform(&self, operation: &str, body: &[u8]) -> Result<Bytes, Refusal> {
        match operation {
            "CreateSecret" => {
                let request = read(body)?;
                written(&self.change(|vault| vault.create(request, now()))?)
            }
            "PutSecretValue" => {
                let request = read(body)?;
                written(&self.change(|vault| vault.put_value(request, now()))?)
            }
            "UpdateSecretVersionStage" => {
                let request = read(body)?;
                written(&self.change(|vault| vault.update_stage(request, now()))?)
            }
            "DeleteSecret" => {
                let request = read(body)?;
                written(&self.change(|vault| vault.delete(request, now()))?)
            }
            "RestoreSecret" => {
                let request = read(body)?;
                written(&self.change(|vault| vault.restore(request))?)
            }
            "GetSecretValue" => written(&self.vault(|vault| vault.value(read(body)?))?),
            "BatchGetSecretValue" => written(&self.vault(|vault| vault.values(read(body)?))?),
            "DescribeSecret" => written(&self.vault(|vault| vault.describe(read(body)?))?),
            _ => Err(Refusal::UnknownOperation),
        }
    }

    fn vault<T>(&self, ask: impl FnOnce(&Vault) -> T) -> T {
        // The vault is replaced whole, so that a panic elsewhere cannot have left it half changed.
        ask(&self.vault.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the vault, all or nothing: what could not be kept has not happened.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut Vault) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let mut vault = self.vault.lock().unwrap_or_else(PoisonError::into_inner);
        let mut draft = vault.clone();
        let changed = change(&mut draft)?;
        if let Some(file) = &self.file {
            file.save(&draft).map_err(Refusal::NotKept)?;
        }
        *vault = draft;
        Ok(changed)
    }
}

impl Service for SecretsManager {
    const THROTTLED: &'static str = "ThrottlingException";
    const MEDIA_TYPE: &'static str = "application/x-amz-json-1.1";

    async fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        let operation = operation(request.headers()).unwrap_or_default();
        match self.perform(operation, request.body()) {
            Ok(body) => front::answer::<Self>(StatusCode::OK, body),
            Err(refusal) => refused(&refusal),
        }
    }
}

fn refused(refusal: &Refusal) -> Response<Bytes> {
    let body = serde_json::json!({ "__type": refusal.kind(), "Message": refusal.to_string() });
    let mut answer = front::answer::<SecretsManager>(refusal.status(), body.to_string());
    let kind = HeaderValue::from_static(refusal.kind());
    answer.headers_mut().insert("x-amzn-errortype", kind);
    answer
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    // The parser's own message may quote the body, which holds secrets.
    serde_json::from_slice(body).map_err(|_| Refusal::Unreadable)
}

fn written(answer: &impl Serialize) -> Result<Bytes, Refusal> {
    let written = serde_json::to_vec(answer).map_err(|error| Refusal::NotKept(error.into()))?;
    Ok(written.into())
}

fn now() -> EpochSeconds {
    EpochSeconds::from(SystemTime::now())
}
