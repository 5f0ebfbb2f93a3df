//! The file by which a partner gets one new key: the members of its credentials file that change.
//!
//! It is on disk before the service knows the key, so that a crash in between loses nothing: the same command goes on with the
//! file that is there.

use std::path::PathBuf;

use peers::credentials::key_bytes;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{
    documents::{Jwk, Ring},
    fresh,
    moment::{at, now},
    ring::Step,
    rotate::PartnerKey,
};
use crate::{files, outcome::Failure};

/// Where the new key goes, and which member it is.
pub(crate) struct Update {
    key: PartnerKey,
    partner: String,
    file: PathBuf,
    /// Not in a dry run.
    write: bool,
}

impl Update {
    pub(crate) fn of(key: PartnerKey, partner: &str, out: Option<PathBuf>, write: bool) -> Self {
        let name = match key {
            PartnerKey::Api => "api-key",
            PartnerKey::Payload => "payload-key",
            PartnerKey::SdkApi => "sdk-api-key",
        };
        Self {
            key,
            partner: partner.to_owned(),
            file: out.unwrap_or_else(|| format!("{partner}-{name}.json").into()),
            write,
        }
    }

    pub(crate) fn file(&self) -> &PathBuf {
        &self.file
    }

    fn member(&self) -> &'static str {
        match self.key {
            PartnerKey::Api => "apiKey",
            PartnerKey::Payload => "payloadKeys",
            PartnerKey::SdkApi => "sdkApiKey",
        }
    }

    /// A new API key or sdkApiKey, beside those that the partner has.
    pub(crate) fn api_key(&self, hashes: &[String]) -> Result<Zeroizing<String>, Failure> {
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

    /// A new payload key, beside those of the ring. The file has the whole ring with the new key first, as a client wants it.
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
        let key = fresh::jwk(fresh::kid(&self.partner, Some(ring), now())?)?;
        let keys = std::iter::once(&key).chain(&ring.keys);
        let keys = keys.map(|key| json!({ "kty": "oct", "kid": key.kid, "k": key.k.as_str() }));
        self.write(json!({ "keys": keys.collect::<Vec<_>>() }))?;
        Ok(key)
    }

    fn write(&self, value: Value) -> Result<(), Failure> {
        let file = json!({ "partnerId": self.partner, (self.member()): value });
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
            file.get("partnerId").and_then(Value::as_str),
            file.get(self.member()),
        ) {
            (Some(partner), Some(value)) if partner == self.partner => Ok(Some(value.clone())),
            _ => Err(self.foreign()),
        }
    }

    fn foreign(&self) -> Failure {
        Failure::usage(format!(
            "{} exists already and is not an unfinished rotation of {}'s {}: name another file with --out",
            self.file.display(),
            self.partner,
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
                    PartnerKey::Payload => "",
                    PartnerKey::Api | PartnerKey::SdkApi => ", and nothing else has it in clear",
                };
                format!(
                    "\n{file} has the new {}{only}. The partner puts it into its credentials file (`jq -s '.[0] * .[1]' \
                     CREDENTIALS {file}`) from {} on, when every instance knows it.",
                    self.member(),
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
