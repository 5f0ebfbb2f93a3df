//! What the operations take, as it is on the wire, and the limits that AWS puts on it. Members that
//! the sandbox has no use for are ignored.

use std::ops::RangeInclusive;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::{Refusal, secret::SecretValue};

/// AWS's limit for `SecretString` and `SecretBinary`.
const MAX_VALUE_BYTES: usize = 65_536;

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct CreateSecret {
    name: Option<String>,
    client_request_token: Option<String>,
    pub(super) description: Option<String>,
    pub(super) kms_key_id: Option<String>,
    pub(super) tags: Option<Vec<Value>>,
    #[serde(flatten)]
    value: GivenValue,
}

impl CreateSecret {
    pub(super) fn of(name: &str, value: Option<String>) -> Self {
        Self {
            name: Some(name.to_owned()),
            value: GivenValue {
                secret_string: value,
                ..GivenValue::default()
            },
            ..Self::default()
        }
    }

    pub(super) fn name(&self) -> Result<&str, Refusal> {
        let name = required("name", self.name.as_deref(), 1..=512)?;
        let allowed = |sign: char| sign.is_ascii_alphanumeric() || "-/_+=.@!".contains(sign);
        match name.chars().all(allowed) {
            true => Ok(name),
            false => Err(Refusal::Name),
        }
    }

    pub(super) fn version_id(&self) -> Result<String, Refusal> {
        version_id(self.client_request_token.as_deref())
    }

    /// A secret may be created without a value, and then has no version.
    pub(super) fn value(&self) -> Result<Option<SecretValue>, Refusal> {
        self.value.read()
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct PutSecretValue {
    #[serde(flatten)]
    pub(super) secret: SecretId,
    client_request_token: Option<String>,
    version_stages: Option<Vec<String>>,
    #[serde(flatten)]
    value: GivenValue,
}

impl PutSecretValue {
    pub(super) fn of(secret_id: &str, value: &str) -> Self {
        Self {
            secret: SecretId {
                secret_id: Some(secret_id.to_owned()),
            },
            value: GivenValue {
                secret_string: Some(value.to_owned()),
                ..GivenValue::default()
            },
            ..Self::default()
        }
    }

    pub(super) fn version_id(&self) -> Result<String, Refusal> {
        version_id(self.client_request_token.as_deref())
    }

    /// The stages that were asked for; `None` leaves it to the rules.
    pub(super) fn stages(&self) -> Result<Option<&[String]>, Refusal> {
        let Some(stages) = self.version_stages.as_deref() else {
            return Ok(None);
        };
        within("versionStages", stages.len(), 1..=20)?;
        for stage in stages {
            within("versionStages", stage.len(), 1..=256)?;
        }
        Ok(Some(stages))
    }

    pub(super) fn value(&self) -> Result<SecretValue, Refusal> {
        self.value.read()?.ok_or(Refusal::ValueMissing)
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct UpdateSecretVersionStage {
    #[serde(flatten)]
    pub(super) secret: SecretId,
    version_stage: Option<String>,
    remove_from_version_id: Option<String>,
    move_to_version_id: Option<String>,
}

impl UpdateSecretVersionStage {
    pub(super) fn stage(&self) -> Result<&str, Refusal> {
        required("versionStage", self.version_stage.as_deref(), 1..=256)
    }

    pub(super) fn from(&self) -> Result<Option<&str>, Refusal> {
        let from = self.remove_from_version_id.as_deref();
        optional("removeFromVersionId", from, 32..=64)
    }

    pub(super) fn to(&self) -> Result<Option<&str>, Refusal> {
        let to = self.move_to_version_id.as_deref();
        optional("moveToVersionId", to, 32..=64)
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct DeleteSecret {
    #[serde(flatten)]
    pub(super) secret: SecretId,
    recovery_window_in_days: Option<u8>,
}

impl DeleteSecret {
    pub(super) fn days(&self) -> Result<u8, Refusal> {
        match self.recovery_window_in_days.unwrap_or(30) {
            days @ 7..=30 => Ok(days),
            _ => Err(Refusal::RecoveryWindow),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct GetSecretValue {
    #[serde(flatten)]
    pub(super) secret: SecretId,
    version_id: Option<String>,
    version_stage: Option<String>,
}

impl GetSecretValue {
    pub(super) fn of(secret_id: &str) -> Self {
        Self {
            secret: SecretId {
                secret_id: Some(secret_id.to_owned()),
            },
            ..Self::default()
        }
    }

    pub(super) fn version_id(&self) -> Result<Option<&str>, Refusal> {
        optional("versionId", self.version_id.as_deref(), 32..=64)
    }

    pub(super) fn stage(&self) -> Result<Option<&str>, Refusal> {
        optional("versionStage", self.version_stage.as_deref(), 1..=256)
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct BatchGetSecretValue {
    secret_id_list: Option<Vec<String>>,
}

impl BatchGetSecretValue {
    pub(super) fn secret_ids(&self) -> Result<&[String], Refusal> {
        let ids = self.secret_id_list.as_deref();
        let ids = ids.ok_or(Refusal::FiltersUnknown)?;
        within("secretIdList", ids.len(), 1..=20)?;
        Ok(ids)
    }
}

/// The `SecretId` of the operations on one secret: its name, its ARN, or its ARN without the random
/// suffix.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct SecretId {
    secret_id: Option<String>,
}

impl SecretId {
    pub(super) fn id(&self) -> Result<&str, Refusal> {
        required("secretId", self.secret_id.as_deref(), 1..=2048)
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct GivenValue {
    secret_string: Option<String>,
    secret_binary: Option<String>,
}

impl GivenValue {
    fn read(&self) -> Result<Option<SecretValue>, Refusal> {
        match (&self.secret_string, &self.secret_binary) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(Refusal::ValueTwice),
            (Some(text), None) => {
                within("secretString", text.len(), 1..=MAX_VALUE_BYTES)?;
                Ok(Some(SecretValue::Text(text.clone())))
            }
            (None, Some(base64)) => {
                let bytes = BASE64_STANDARD.decode(base64);
                let bytes = bytes.map_err(|_| Refusal::Unreadable)?;
                within("secretBinary", bytes.len(), 1..=MAX_VALUE_BYTES)?;
                Ok(Some(SecretValue::Binary(base64.clone())))
            }
        }
    }
}

/// The token of the request becomes the id of the version. AWS's SDKs always send one.
fn version_id(token: Option<&str>) -> Result<String, Refusal> {
    match optional("clientRequestToken", token, 32..=64)? {
        Some(token) => Ok(token.to_owned()),
        None => Ok(Uuid::new_v4().to_string()),
    }
}

fn required<'a>(
    member: &'static str,
    value: Option<&'a str>,
    length: RangeInclusive<usize>,
) -> Result<&'a str, Refusal> {
    optional(member, value, length)?.ok_or(Refusal::Constraint {
        member,
        constraint: "not be null".to_owned(),
    })
}

fn optional<'a>(
    member: &'static str,
    value: Option<&'a str>,
    length: RangeInclusive<usize>,
) -> Result<Option<&'a str>, Refusal> {
    if let Some(value) = value {
        within(member, value.len(), length)?;
    }
    Ok(value)
}

fn within(
    member: &'static str,
    length: usize,
    allowed: RangeInclusive<usize>,
) -> Result<(), Refusal> {
    let constraint = if length < *allowed.start() {
        format!("have length greater than or equal to {}", allowed.start())
    } else if length > *allowed.end() {
        format!("have length less than or equal to {}", allowed.end())
    } else {
        return Ok(());
    };
    Err(Refusal::Constraint { member, constraint })
}
