//! The file by which a partner or a resource server gets one new key: the members of its
//! credentials file that change.
//!
//! It is on disk before the service knows the key, so that no key is lost.

use std::path::PathBuf;

use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{
    documents::{Jwk, Ring},
    fresh,
    moment::{at, now},
    onboard::{PARTNER, Party, RESOURCE_SERVER},
    ring::Step,
    rotate::IssuedKey,
};
use crate::{files, outcome::Failure};

/// Where the new key goes, and which member it is.
pub(crate) struct Update {
    key: IssuedKey,
    owner: String,
    file: PathBuf,
}

impl Update {
    pub(crate) fn of(key: IssuedKey, owner: &str, out: Option<PathBuf>) -> Self {
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

    /// What the owner is.
    fn party(&self) -> &'static Party {
        match self.key {
            IssuedKey::Api | IssuedKey::Payload | IssuedKey::SdkApi => &PARTNER,
            IssuedKey::Secret => &RESOURCE_SERVER,
        }
    }

    /// Refuses a file that is there. Its key may have been removed since because it leaked.
    pub(crate) fn check_file(&self) -> Result<(), Failure> {
        let origin = "it is of an earlier rotation or of a try that was cut off";
        files::check_new(&self.file, origin)
    }

    /// A name for a new payload key.
    pub(crate) fn kid(&self, ring: &Ring) -> Result<String, Failure> {
        fresh::kid(&self.owner, Some(ring), now())
    }

    /// The file with a new payload key: the whole ring with the new key first, as a client wants
    /// it.
    pub(crate) fn with_payload_key(&self, key: &Jwk, ring: &Ring) -> Zeroizing<String> {
        let keys = std::iter::once(key).chain(&ring.keys);
        let keys = keys.map(|key| json!({ "kty": "oct", "kid": key.kid, "k": key.k.as_str() }));
        self.with(json!({ "keys": keys.collect::<Vec<_>>() }))
    }

    /// The file with a new value of the member.
    pub(crate) fn with(&self, value: Value) -> Zeroizing<String> {
        let file = json!({ (self.party().member): self.owner, (self.member()): value });
        Zeroizing::new(format!("{file:#}\n"))
    }

    /// What a key of this kind is called.
    pub(crate) fn key_name(&self) -> &'static str {
        match self.key {
            IssuedKey::Api => "API key",
            IssuedKey::Payload => "payload key",
            IssuedKey::SdkApi => "sdkApiKey",
            IssuedKey::Secret => "secret",
        }
    }

    /// What is to be done about a step that was taken; `due` is when the next one is.
    pub(crate) fn hint(&self, step: Step, due: i64) -> String {
        let file = self.file.display();
        match step {
            Step::Append => {
                let only = match self.key {
                    IssuedKey::Payload => "",
                    IssuedKey::Api | IssuedKey::SdkApi | IssuedKey::Secret => {
                        ", and nothing else has it in clear"
                    }
                };
                format!(
                    "\n{file} has the new {}{only}. Send it over a secure channel, then delete it. The {} puts it into its credentials file (`jq -s '.[0] * .[1]' \
                     CREDENTIALS {file}`) from {} on, when every instance knows it.",
                    self.member(),
                    self.party().name,
                    at(due),
                )
            }
            Step::Promote => {
                "\nRemove the old key when the partner has said that it uses the new one."
                    .to_owned()
            }
            Step::Demote | Step::Remove => String::new(),
        }
    }
}
