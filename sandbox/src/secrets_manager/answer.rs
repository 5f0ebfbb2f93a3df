//! What the operations answer, as it is on the wire.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::secret::{EpochSeconds, Secret, SecretValue, Version};

/// The answer of the operations that create or change; each leaves out what it does not say.
#[derive(Debug, Serialize)]
pub(super) struct Changed {
    #[serde(rename = "ARN")]
    pub(super) arn: String,
    #[serde(rename = "Name")]
    pub(super) name: String,
    #[serde(rename = "VersionId", skip_serializing_if = "Option::is_none")]
    pub(super) version_id: Option<String>,
    #[serde(rename = "VersionStages", skip_serializing_if = "Option::is_none")]
    pub(super) version_stages: Option<Vec<String>>,
}

impl Changed {
    pub(super) fn of(secret: &Secret) -> Self {
        Self {
            arn: secret.arn.clone(),
            name: secret.name.clone(),
            version_id: None,
            version_stages: None,
        }
    }
}

/// The answer of `DeleteSecret`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Scheduled {
    #[serde(flatten)]
    pub(super) changed: Changed,
    pub(super) deletion_date: EpochSeconds,
}

/// The answer of `GetSecretValue`, and an entry of `BatchGetSecretValue`'s.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Retrieved {
    #[serde(rename = "ARN")]
    arn: String,
    name: String,
    version_id: String,
    version_stages: Vec<String>,
    created_date: EpochSeconds,
    #[serde(flatten)]
    value: SecretValue,
}

impl Retrieved {
    pub(super) fn of(secret: &Secret, version: &Version) -> Self {
        Self {
            arn: secret.arn.clone(),
            name: secret.name.clone(),
            version_id: version.id.clone(),
            version_stages: version.stages.clone(),
            created_date: version.created,
            value: version.value.clone(),
        }
    }
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RetrievedBatch {
    pub(super) secret_values: Vec<Retrieved>,
    pub(super) errors: Vec<BatchError>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct BatchError {
    pub(super) secret_id: String,
    pub(super) error_code: &'static str,
    pub(super) message: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Described {
    #[serde(rename = "ARN")]
    arn: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key_id: Option<String>,
    tags: Vec<Value>,
    created_date: EpochSeconds,
    last_changed_date: EpochSeconds,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_date: Option<EpochSeconds>,
    /// Deprecated versions, which have no stage, are not listed.
    version_ids_to_stages: BTreeMap<String, Vec<String>>,
}

impl Described {
    pub(super) fn of(secret: &Secret) -> Self {
        let staged = secret.versions.iter();
        let staged = staged.filter(|version| !version.stages.is_empty());
        Self {
            arn: secret.arn.clone(),
            name: secret.name.clone(),
            description: secret.description.clone(),
            kms_key_id: secret.kms_key_id.clone(),
            tags: secret.tags.clone(),
            created_date: secret.created,
            last_changed_date: secret.changed,
            deleted_date: secret.deletion,
            version_ids_to_stages: staged
                .map(|version| (version.id.clone(), version.stages.clone()))
                .collect(),
        }
    }
}
