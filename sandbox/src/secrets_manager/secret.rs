//! One secret: its versions, and the rules of the stages that they carry.
//!
//! - A stage is on at most one version of a secret.
//! - The first version becomes `AWSCURRENT`, and from then on there is always one: it moves, it is
//!   never removed.
//! - Wherever `AWSCURRENT` moves, `AWSPREVIOUS` moves to the version that it came from.
//! - A version without a stage is deprecated: it can still be had by its id, but is not described.
//!   (AWS deletes such versions some time; the sandbox keeps them.)

use std::{fmt, time::SystemTime};

use serde::{Deserialize, Serialize};

use super::Refusal;

pub(super) const CURRENT: &str = "AWSCURRENT";
pub(super) const PREVIOUS: &str = "AWSPREVIOUS";

/// A moment as AWS JSON writes it: seconds since the epoch, with milliseconds behind the point.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
pub(super) struct EpochSeconds(f64);

impl From<SystemTime> for EpochSeconds {
    fn from(time: SystemTime) -> Self {
        let since = time
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Self(since.as_millis() as f64 / 1000.0)
    }
}

impl EpochSeconds {
    pub(super) fn days_later(self, days: u8) -> Self {
        Self(self.0 + f64::from(days) * 86_400.0)
    }
}

/// What a version holds: exactly one of the two.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum SecretValue {
    #[serde(rename = "SecretString")]
    Text(String),
    /// Base64, as it came and as it goes.
    #[serde(rename = "SecretBinary")]
    Binary(String),
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(..)")
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Version {
    pub(super) id: String,
    pub(super) created: EpochSeconds,
    pub(super) stages: Vec<String>,
    pub(super) value: SecretValue,
}

impl Version {
    pub(super) fn has(&self, stage: &str) -> bool {
        self.stages.iter().any(|had| had == stage)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Secret {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) description: Option<String>,
    pub(super) kms_key_id: Option<String>,
    pub(super) tags: Vec<serde_json::Value>,
    pub(super) created: EpochSeconds,
    pub(super) changed: EpochSeconds,
    /// When AWS would delete it, if it is scheduled for deletion. The sandbox keeps it.
    #[serde(default)]
    pub(super) deletion: Option<EpochSeconds>,
    pub(super) versions: Vec<Version>,
}

impl Secret {
    /// The version of this id.
    pub(super) fn version(&self, id: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.id == id)
    }

    /// The version that has this stage.
    pub(super) fn holder(&self, stage: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.has(stage))
    }

    /// Adds a version with these stages. One of this id and value is left as it is, stages
    /// included.
    pub(super) fn add(
        &mut self,
        id: &str,
        value: SecretValue,
        stages: &[String],
        now: EpochSeconds,
    ) -> Result<&Version, Refusal> {
        let at = match self.versions.iter().position(|version| version.id == id) {
            Some(at) => at,
            None => {
                let first = self.versions.is_empty();
                self.versions.push(Version {
                    id: id.to_owned(),
                    created: now,
                    stages: Vec::new(),
                    value: value.clone(),
                });
                self.changed = now;
                for stage in stages {
                    self.attach(stage, id);
                }
                if first {
                    self.attach(CURRENT, id);
                }
                self.versions.len() - 1
            }
        };
        match self.versions.get(at) {
            Some(version) if version.value == value => Ok(version),
            _ => Err(Refusal::VersionExists),
        }
    }

    /// Moves a stage to the version `to`, or removes it where that is `None`. A version that has
    /// the stage now must be named in `from`, unless it is `to`: so two who move it at once cannot
    /// both succeed.
    pub(super) fn move_stage(
        &mut self,
        stage: &str,
        from: Option<&str>,
        to: Option<&str>,
        now: EpochSeconds,
    ) -> Result<(), Refusal> {
        for named in [from, to].into_iter().flatten() {
            if self.version(named).is_none() {
                return Err(Refusal::VersionNotFound(named.to_owned()));
            }
        }
        let holder = self.holder(stage).map(|version| version.id.as_str());
        match (holder, from) {
            (holder, Some(_)) if holder != from => {
                return Err(Refusal::RemoveFromMismatch(stage.to_owned()));
            }
            (Some(holder), None) if to != Some(holder) => {
                return Err(Refusal::RemoveFromMissing {
                    stage: stage.to_owned(),
                    holder: holder.to_owned(),
                });
            }
            _ => {}
        }
        match to {
            Some(to) => self.attach(stage, to),
            None if from.is_none() => return Err(Refusal::NothingToMove),
            None if stage == CURRENT => return Err(Refusal::CurrentRemoved),
            None => self.detach(stage),
        }
        self.changed = now;
        Ok(())
    }

    /// Attaches a stage to a version that exists, taking it from the one that has it.
    fn attach(&mut self, stage: &str, id: &str) {
        let former = self.holder(stage).map(|version| version.id.clone());
        if former.as_deref() == Some(id) {
            return;
        }
        self.detach(stage);
        if let Some(version) = self.versions.iter_mut().find(|version| version.id == id) {
            version.stages.push(stage.to_owned());
        }
        if let (CURRENT, Some(former)) = (stage, former) {
            self.attach(PREVIOUS, &former);
        }
    }

    fn detach(&mut self, stage: &str) {
        for version in &mut self.versions {
            version.stages.retain(|had| had != stage);
        }
    }
}
