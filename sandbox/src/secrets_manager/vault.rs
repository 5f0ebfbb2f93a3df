//! All secrets: finds them, creates them, and does what the operations ask of one.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Refusal,
    answer::{BatchError, Changed, Described, Retrieved, RetrievedBatch, Scheduled},
    request::{
        BatchGetSecretValue, CreateSecret, DeleteSecret, GetSecretValue, PutSecretValue, SecretId,
        UpdateSecretVersionStage,
    },
    secret::{CURRENT, EpochSeconds, Secret, SecretValue},
};

/// Where the sandbox's secrets are said to be. The account is AWS's placeholder.
const ARN_PREFIX: &str = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:";
/// A hyphen and six letters or digits end each ARN.
const ARN_SUFFIX_LENGTH: usize = 7;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Vault {
    secrets: Vec<Secret>,
}

impl Vault {
    pub(super) fn create(
        &mut self,
        request: CreateSecret,
        now: EpochSeconds,
    ) -> Result<Changed, Refusal> {
        let (name, version_id, value) = (request.name()?, request.version_id()?, request.value()?);
        if let Some(present) = self.secrets.iter().find(|secret| secret.name == name) {
            return created_before(present, &version_id, value.as_ref());
        }
        let mut secret = Secret {
            name: name.to_owned(),
            arn: format!("{ARN_PREFIX}{name}-{}", random_suffix()),
            description: request.description.clone(),
            kms_key_id: request.kms_key_id.clone(),
            tags: request.tags.clone().unwrap_or_default(),
            created: now,
            changed: now,
            deletion: None,
            versions: Vec::new(),
        };
        let mut created = Changed::of(&secret);
        if let Some(value) = value {
            secret.add(&version_id, value, &[], now)?;
            created.version_id = Some(version_id);
        }
        self.secrets.push(secret);
        Ok(created)
    }

    pub(super) fn put_value(
        &mut self,
        request: PutSecretValue,
        now: EpochSeconds,
    ) -> Result<Changed, Refusal> {
        let (version_id, value) = (request.version_id()?, request.value()?);
        let current = [CURRENT.to_owned()];
        let stages = request.stages()?.unwrap_or(&current);
        let secret = self.live_mut(&request.secret)?;
        let version = secret.add(&version_id, value, stages, now)?;
        let (id, stages) = (version.id.clone(), version.stages.clone());
        Ok(Changed {
            version_id: Some(id),
            version_stages: Some(stages),
            ..Changed::of(secret)
        })
    }

    pub(super) fn update_stage(
        &mut self,
        request: UpdateSecretVersionStage,
        now: EpochSeconds,
    ) -> Result<Changed, Refusal> {
        let (stage, from, to) = (request.stage()?, request.from()?, request.to()?);
        let secret = self.live_mut(&request.secret)?;
        secret.move_stage(stage, from, to, now)?;
        Ok(Changed::of(secret))
    }

    /// Schedules a secret for deletion. Until it is restored it can only be described.
    pub(super) fn delete(
        &mut self,
        request: DeleteSecret,
        now: EpochSeconds,
    ) -> Result<Scheduled, Refusal> {
        let deletion = now.days_later(request.days()?);
        let secret = self.live_mut(&request.secret)?;
        secret.deletion = Some(deletion);
        Ok(Scheduled {
            changed: Changed::of(secret),
            deletion_date: deletion,
        })
    }

    pub(super) fn restore(&mut self, id: SecretId) -> Result<Changed, Refusal> {
        let secret = self.find_mut(&id)?;
        secret.deletion = None;
        Ok(Changed::of(secret))
    }

    pub(super) fn value(&self, request: GetSecretValue) -> Result<Retrieved, Refusal> {
        let (id, stage) = (request.version_id()?, request.stage()?);
        let secret = live(self.find(&request.secret)?)?;
        let version = match id {
            Some(id) => secret
                .version(id)
                .ok_or_else(|| Refusal::VersionNotFound(id.to_owned()))?,
            None => {
                let stage = stage.unwrap_or(CURRENT);
                secret
                    .holder(stage)
                    .ok_or_else(|| Refusal::StageNotFound(stage.to_owned()))?
            }
        };
        match stage {
            Some(stage) if !version.has(stage) => Err(Refusal::StageOfAnotherVersion),
            _ => Ok(Retrieved::of(secret, version)),
        }
    }

    /// The current value of each secret of the list; one that cannot be had fails alone.
    pub(super) fn values(&self, request: BatchGetSecretValue) -> Result<RetrievedBatch, Refusal> {
        let mut batch = RetrievedBatch::default();
        for id in request.secret_ids()? {
            match self.value(GetSecretValue::of(id)) {
                Ok(value) => batch.secret_values.push(value),
                Err(refusal) => batch.errors.push(BatchError {
                    secret_id: id.clone(),
                    error_code: refusal.kind(),
                    message: refusal.to_string(),
                }),
            }
        }
        Ok(batch)
    }

    pub(super) fn describe(&self, id: SecretId) -> Result<Described, Refusal> {
        self.find(&id).map(Described::of)
    }

    fn find(&self, id: &SecretId) -> Result<&Secret, Refusal> {
        let id = id.id()?;
        let mut secrets = self.secrets.iter();
        let found = secrets.find(|secret| is_named(secret, id));
        found.ok_or(Refusal::SecretNotFound)
    }

    fn find_mut(&mut self, id: &SecretId) -> Result<&mut Secret, Refusal> {
        let id = id.id()?;
        let mut secrets = self.secrets.iter_mut();
        let found = secrets.find(|secret| is_named(secret, id));
        found.ok_or(Refusal::SecretNotFound)
    }

    /// A secret that is not scheduled for deletion.
    fn live_mut(&mut self, id: &SecretId) -> Result<&mut Secret, Refusal> {
        let secret = self.find_mut(id)?;
        live(secret)?;
        Ok(secret)
    }
}

fn live(secret: &Secret) -> Result<&Secret, Refusal> {
    match secret.deletion {
        None => Ok(secret),
        Some(_) => Err(Refusal::MarkedForDeletion),
    }
}

/// A creation that is sent again is answered again; any other finds its name taken.
fn created_before(
    present: &Secret,
    version_id: &str,
    value: Option<&SecretValue>,
) -> Result<Changed, Refusal> {
    match present.version(version_id) {
        Some(version) if Some(&version.value) == value => Ok(Changed {
            version_id: Some(version.id.clone()),
            ..Changed::of(present)
        }),
        Some(_) => Err(Refusal::VersionExists),
        None => Err(Refusal::SecretExists(present.name.clone())),
    }
}

fn is_named(secret: &Secret, id: &str) -> bool {
    let without_suffix = secret.arn.len().saturating_sub(ARN_SUFFIX_LENGTH);
    id == secret.name || id == secret.arn || Some(id) == secret.arn.get(..without_suffix)
}

fn random_suffix() -> String {
    const SIGNS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let random = Uuid::new_v4();
    // The first six bytes of a version 4 UUID are all random.
    let signs = random.as_bytes().iter().take(ARN_SUFFIX_LENGTH - 1);
    signs
        .filter_map(|byte| SIGNS.get(usize::from(*byte) % SIGNS.len()))
        .map(|sign| char::from(*sign))
        .collect()
}
