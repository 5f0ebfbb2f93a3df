//! The file by which a partner or a resource server gets one new key: the members of its
//! credentials file that change.
//!
//! It is on disk before the service knows the key, so that a crash in between loses nothing: the
//! same command goes on with the file that is there.

use std::path::PathBuf;

use peers::credentials::key_bytes;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{
    documents::{Jwk, Ring},
    fresh,
    moment::{at, now},
    ring::Step,
    rotate::IssuedKey,
};
use crate::{files, outcome::Failure};

/// Where the new key goes, and which member it is.
pub(crate) struct Update {
    key: IssuedKey,
    owner: String,
    file: PathBuf,
    /// Not in a dry run.
    write: bool,
}

impl Update {
    pub(crate) fn of(key: IssuedKey, owner: &str, out: Option<PathBuf>, write: bool) -> Self {
        let name = match key {
            IssuedKey::Api => "api-key",
            IssuedKey::Payload => "payload-key",
            IssuedKey::SdkApi => "sdk-api-key",
            IssuedKey::Secret => "secret",
        };
        Self {
            key,
            owner: owner.to_owned(),
            file: out.unwrap_or_else(|| format!("{owner}-{name}.json").into()),
            write,
        }
    }

    pub(crate) fn file(&self) -> &PathBuf {
        &self.file
    }

    fn member(&self) -> &'static str {
        match self.key {
            IssuedKey::Api => "apiKey",
            IssuedKey::Payload => "payloadKeys",
            IssuedKey::SdkApi => "sdkApiKey",
            IssuedKey::Secret => "secret",
        }
    }

    /// Whose it is: the member that names the owner, and what the owner is.
    fn whose(&self) -> (&'static str, &'static str) {
        match self.key {
            IssuedKey::Api | IssuedKey::Payload | IssuedKey::SdkApi => ("partnerId", "partner"),
            IssuedKey::Secret => ("resourceServerId", "resource server"),
        }
    }

    /// A new API key, sdkApiKey or secret, beside those that the owner has.
    pub(crate) fn secret(&self, hashes: &[String]) -> Result<Zeroizing<String>, Failure> {
        if let Some(begun) = self.begun()? {
            let key = begun
                .as_str()
                .map(|key| Zeroizing::new(key.to_owned()))
                .ok_or_else(|| self.foreign())?;
            return match hashes.contains(&fresh::sha256_hex(&key)) {
                true => Err(self.used()),
                false => Ok(key),
            };
        }
        let key = fresh::key()?;
        self.write(json!(key.as_str()))?;
        Ok(key)
    }

    /// A new payload key, beside those of the ring. The file has the whole ring with the new key
    /// first, as a client wants it.
    pub(crate) fn payload_key(&self, ring: &Ring) -> Result<Jwk, Failure> {
        if let Some(begun) = self.begun()? {
            let text = |member: &str| {
                Some(
                    begun
                        .pointer(&format!("/keys/0/{member}"))?
                        .as_str()?
                        .to_owned(),
                )
            };
            let (kid, k) = text("kid").zip(text("k")).ok_or_else(|| self.foreign())?;
            key_bytes(&k).map_err(|_| self.foreign())?;
            return match ring.keys.iter().any(|key| key.kid == kid || *key.k == k) {
                true => Err(self.used()),
                false => Ok(fresh::with_key(kid, k.into())),
            };
        }
        let key = fresh::jwk(fresh::kid(&self.owner, Some(ring), now())?)?;
        let keys = std::iter::once(&key).chain(&ring.keys);
        let keys = keys.map(|key| json!({ "kty": "oct", "kid": key.kid, "k": key.k.as_str() }));
        self.write(json!({ "keys": keys.collect::<Vec<_>>() }))?;
        Ok(key)
    }

    fn write(&self, value: Value) -> Result<(), Failure> {
        let file = json!({ (self.whose().0): self.owner, (self.member()): value });
        match self.write {
            true => files::create(&self.file, &format!("{file:#}\n")),
            false => Ok(()),
        }
    }

    /// The key of an earlier try that ended between its file and the secret.
    fn begun(&self) -> Result<Option<Value>, Failure> {
        if !self.file.exists() {
            return Ok(None);
        }
        let file: Value =
            serde_json::from_slice(&files::read(&self.file)?).map_err(|_| self.foreign())?;
        match (
            file.get(self.whose().0).and_then(Value::as_str),
            file.get(self.member()),
        ) {
            (Some(owner), Some(value)) if owner == self.owner => Ok(Some(value.clone())),
            _ => Err(self.foreign()),
        }
    }

    fn foreign(&self) -> Failure {
        Failure::usage(format!(
            "{} exists already and is not an unfinished rotation of {}'s {}: name another file with --out",
            self.file.display(),
            self.owner,
            self.member()
        ))
    }

    fn used(&self) -> Failure {
        Failure::usage(format!(
            "{} exists already, and the service has its key: that step is done. For another new key name another file with --out",
            self.file.display()
        ))
    }

    /// What is to be done about a step that was taken; `due` is when the next one is.
    pub(crate) fn hint(&self, step: Step, due: i64) -> String {
        let file = self.file.display();
        match step {
            Step::Append if self.write => {
                let only = match self.key {
                    IssuedKey::Payload => "",
                    IssuedKey::Api | IssuedKey::SdkApi | IssuedKey::Secret => {
                        ", and nothing else has it in clear"
                    }
                };
                format!(
                    "\n{file} has the new {}{only}. The {} puts it into its credentials file (`jq -s '.[0] * .[1]' \
                     CREDENTIALS {file}`) from {} on, when every instance knows it.",
                    self.member(),
                    self.whose().1,
                    at(due),
                )
            }
            Step::Promote => {
                "\nRemove the old key when the partner has said that it uses the new one."
                    .to_owned()
            }
            Step::Append | Step::Demote | Step::Remove => String::new(),
        }
    }
}
