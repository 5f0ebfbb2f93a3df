//! One secret: its current value, and its replacement by compare-and-swap.
//!
//! Secrets Manager has no conditional write of a value, but moving a stage is one: `AWSCURRENT`
//! moves only from the version that is named and has it. So a new value is put under `AWSPENDING`
//! first and made current second. Of two operators who read the same version one succeeds, and the
//! other's change never was current.

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::aws::failure;
use crate::outcome::{Exit, Failure};

const CURRENT: &str = "AWSCURRENT";
const PENDING: &str = "AWSPENDING";

/// The id of a secret's first version: the same for all who make one, so that only one can.
const FIRST_VERSION: &str = "tokenctl-first-version-of-secret";

/// One secret of Secrets Manager.
pub(crate) struct Store {
    client: Client,
    id: String,
}

/// A secret's current version.
pub(crate) struct Current {
    version: String,
    pub(crate) text: Zeroizing<String>,
    /// When it was made, in seconds since the epoch.
    pub(crate) created_at: i64,
}

impl Store {
    pub(crate) fn new(sdk: &SdkConfig, id: &str) -> Self {
        Self {
            client: Client::new(sdk),
            id: id.to_owned(),
        }
    }

    /// The current version; `None` if the secret is empty, as the template makes it.
    pub(crate) async fn current(&self) -> Result<Option<Current>, Failure> {
        let get = self.client.get_secret_value().secret_id(&self.id);
        match get.send().await {
            Ok(output) => {
                let text = output.secret_string.map(Zeroizing::new);
                Ok(Some(Current {
                    version: output.version_id.unwrap_or_default(),
                    text: text.ok_or_else(|| {
                        let id = &self.id;
                        Failure::new(
                            Exit::Faulty,
                            format!("the secret {id} holds bytes: store its document as text"),
                        )
                    })?,
                    created_at: output.created_date.map_or(0, |date| date.secs()),
                }))
            }
            // Either there is no such secret, or it has no value yet.
            Err(error) if error.code() == Some("ResourceNotFoundException") => {
                let describe = self.client.describe_secret().secret_id(&self.id);
                match describe.send().await {
                    Ok(_) => Ok(None),
                    Err(error) => Err(failure("DescribeSecret", &self.id, &error)),
                }
            }
            Err(error) => Err(failure("GetSecretValue", &self.id, &error)),
        }
    }

    /// Makes `text` the secret's value, if `current` still is.
    pub(crate) async fn replace(
        &self,
        current: Option<&Current>,
        text: &str,
    ) -> Result<(), Failure> {
        match current {
            Some(current) => self.swap(&current.version, text).await,
            None => self.fill(text).await,
        }
    }

    /// The value of a secret that has none.
    async fn fill(&self, text: &str) -> Result<(), Failure> {
        let put = self
            .client
            .put_secret_value()
            .secret_id(&self.id)
            .client_request_token(FIRST_VERSION)
            .secret_string(text);
        match put.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("ResourceExistsException") => Err(self.conflict()),
            Err(error) => Err(failure("PutSecretValue", &self.id, &error)),
        }
    }

    async fn swap(&self, from: &str, text: &str) -> Result<(), Failure> {
        let to = Uuid::new_v4().to_string();
        let put = self
            .client
            .put_secret_value()
            .secret_id(&self.id)
            .client_request_token(&to)
            .version_stages(PENDING)
            .secret_string(text);
        put.send()
            .await
            .map_err(|error| failure("PutSecretValue", &self.id, &error))?;
        let moved = self.move_stage(CURRENT, from, Some(&to)).await;
        let swapped = match moved {
            Ok(()) => Ok(()),
            // The answer to a move that was done may have been lost, and its retry then finds
            // nothing to move.
            Err(error) => match self.holds_current(&to).await {
                Ok(true) => Ok(()),
                _ if error.code() == Some("InvalidParameterException") => Err(self.conflict()),
                _ => Err(failure("UpdateSecretVersionStage", &self.id, &error)),
            },
        };
        // Whether it became current or not, it is pending no more. Somebody else's version may be
        // by now: so a failure is none.
        let _ = self.move_stage(PENDING, &to, None).await;
        swapped
    }

    async fn move_stage(
        &self,
        stage: &str,
        from: &str,
        to: Option<&str>,
    ) -> Result<(), SdkError<impl ProvideErrorMetadata + std::error::Error + 'static>> {
        self.client
            .update_secret_version_stage()
            .secret_id(&self.id)
            .version_stage(stage)
            .remove_from_version_id(from)
            .set_move_to_version_id(to.map(str::to_owned))
            .send()
            .await
            .map(|_| ())
    }

    async fn holds_current(&self, version: &str) -> Result<bool, Failure> {
        let describe = self.client.describe_secret().secret_id(&self.id);
        let described = describe
            .send()
            .await
            .map_err(|error| failure("DescribeSecret", &self.id, &error))?;
        let stages = described.version_ids_to_stages.unwrap_or_default();
        let held = stages.get(version);
        Ok(held.is_some_and(|stages| stages.iter().any(|stage| stage == CURRENT)))
    }

    fn conflict(&self) -> Failure {
        let id = &self.id;
        Failure::new(
            Exit::Conflict,
            format!(
                "somebody else changed the secret {id} meanwhile, and nothing was changed here: look, and give the command again"
            ),
        )
    }
}
