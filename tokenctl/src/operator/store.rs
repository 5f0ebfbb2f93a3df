//! One secret: its current value, and its replacement by compare-and-swap.
//!
//! Secrets Manager has no conditional write of a value, but moving a stage is one: `AWSCURRENT`
//! moves only from the version that is named and has it. So a new value is put under `AWSPENDING`
//! first and made current second. Of two operators who read the same version one succeeds, and the
//! other's change never was current.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

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
const PREVIOUS: &str = "AWSPREVIOUS";

/// The id of a secret's first version: the same for all who make one, so that only one can.
const FIRST_VERSION: &str = "tokenctl-first-version-of-secret";

/// One secret of Secrets Manager.
pub(crate) struct Store {
    client: Client,
    id: String,
    endpoint: Endpoint,
}

/// Where calls go, as the SDK makes it of profile, region and variables. Known once one was made.
#[derive(Clone, Default)]
pub(crate) struct Endpoint(Arc<OnceLock<String>>);

impl Endpoint {
    /// Notes where a request is about to be sent.
    pub(crate) fn note(&self, uri: &str) {
        let origin = uri.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        // The repeats of a call go where it went.
        let _ = self.0.set(origin);
    }

    pub(crate) fn get(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }
}

/// A secret, and its current version; `None` if it is empty, as the template makes it.
pub(crate) struct Secret {
    pub(crate) place: Place,
    pub(crate) current: Option<Current>,
}

/// A secret's current version.
pub(crate) struct Current {
    pub(crate) version: String,
    pub(crate) text: Zeroizing<String>,
    /// When it was made, in seconds since the epoch.
    pub(crate) created_at: i64,
}

/// Which secret of which account it is, by its ARN.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) arn: String,
}

impl Place {
    /// `arn:PARTITION:secretsmanager:REGION:ACCOUNT:secret:NAME-SUFFIX`.
    fn part(&self, at: usize) -> Option<&str> {
        self.arn.splitn(7, ':').nth(at).filter(|it| !it.is_empty())
    }

    pub(crate) fn region(&self) -> Option<&str> {
        self.part(3)
    }

    pub(crate) fn account(&self) -> Option<&str> {
        self.part(4)
    }
}

/// `NAME (account ACCOUNT, REGION)`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.part(6).and_then(|name| Some(name.rsplit_once('-')?.0));
        match (name, self.account(), self.region()) {
            (Some(name), Some(account), Some(region)) => {
                write!(f, "{name} (account {account}, {region})")
            }
            _ => f.write_str(&self.arn),
        }
    }
}

/// Why a value was not replaced.
pub(crate) struct Unwritten {
    failure: Failure,
    /// Whether the new value certainly never was current.
    pub(crate) never_current: bool,
}

impl Unwritten {
    pub(crate) fn certain(failure: Failure) -> Self {
        Self {
            failure,
            never_current: true,
        }
    }

    fn unknown(failure: Failure) -> Self {
        Self {
            failure,
            never_current: false,
        }
    }
}

impl From<Unwritten> for Failure {
    fn from(unwritten: Unwritten) -> Self {
        unwritten.failure
    }
}

impl Store {
    pub(crate) fn new(sdk: &SdkConfig, id: &str) -> Self {
        Self {
            client: Client::new(sdk),
            id: id.to_owned(),
            endpoint: Endpoint::default(),
        }
    }

    pub(crate) fn endpoint(&self) -> Option<&str> {
        self.endpoint.get()
    }

    /// The secret as it is now.
    pub(crate) async fn read(&self) -> Result<Secret, Failure> {
        let endpoint = self.endpoint.clone();
        let get = self.client.get_secret_value().secret_id(&self.id);
        let get = get
            .customize()
            .mutate_request(move |request| endpoint.note(request.uri()));
        match get.send().await {
            Ok(output) => {
                let text = output.secret_string.map(Zeroizing::new);
                Ok(Secret {
                    place: self.place(output.arn),
                    current: Some(Current {
                        version: output.version_id.unwrap_or_default(),
                        text: text.ok_or_else(|| {
                            let id = &self.id;
                            Failure::new(
                                Exit::Faulty,
                                format!("the secret {id} holds bytes: store its document as text"),
                            )
                        })?,
                        created_at: output.created_date.map_or(0, |date| date.secs()),
                    }),
                })
            }
            // Either there is no such secret, or it has no value yet.
            Err(error) if error.code() == Some("ResourceNotFoundException") => {
                let describe = self.client.describe_secret().secret_id(&self.id);
                match describe.send().await {
                    Ok(described) => Ok(Secret {
                        place: self.place(described.arn),
                        current: None,
                    }),
                    Err(error) => Err(failure("DescribeSecret", &self.id, &error)),
                }
            }
            Err(error) => Err(failure("GetSecretValue", &self.id, &error)),
        }
    }

    fn place(&self, arn: Option<String>) -> Place {
        Place {
            arn: arn.unwrap_or_else(|| self.id.clone()),
        }
    }

    /// Makes `text` the secret's value, if `current` still is.
    pub(crate) async fn replace(
        &self,
        current: Option<&Current>,
        text: &str,
    ) -> Result<(), Unwritten> {
        match current {
            Some(current) => self.swap(&current.version, text).await,
            None => self.fill(text).await,
        }
    }

    /// The value of a secret that has none.
    async fn fill(&self, text: &str) -> Result<(), Unwritten> {
        let put = self
            .client
            .put_secret_value()
            .secret_id(&self.id)
            .client_request_token(FIRST_VERSION)
            .secret_string(text);
        match put.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("ResourceExistsException") => {
                Err(Unwritten::certain(self.conflict()))
            }
            // It may be current: its answer may have been lost.
            Err(error) => Err(Unwritten::unknown(failure(
                "PutSecretValue",
                &self.id,
                &error,
            ))),
        }
    }

    async fn swap(&self, from: &str, text: &str) -> Result<(), Unwritten> {
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
            .map_err(|error| Unwritten::certain(failure("PutSecretValue", &self.id, &error)))?;
        let moved = self.move_stage(CURRENT, from, Some(&to)).await;
        let swapped = match moved {
            Ok(()) => Ok(()),
            // The answer to a move that was done may have been lost, and its retry then finds
            // nothing to move.
            Err(error) => match self.was_current(&to).await {
                Ok(true) => Ok(()),
                Ok(false) if error.code() == Some("InvalidParameterException") => {
                    Err(Unwritten::certain(self.conflict()))
                }
                _ => {
                    let failure = failure("UpdateSecretVersionStage", &self.id, &error);
                    Err(Unwritten::unknown(failure))
                }
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

    /// Whether the version is current, or was until somebody changed the secret after it.
    async fn was_current(&self, version: &str) -> Result<bool, Failure> {
        let describe = self.client.describe_secret().secret_id(&self.id);
        let described = describe
            .send()
            .await
            .map_err(|error| failure("DescribeSecret", &self.id, &error))?;
        let stages = described.version_ids_to_stages.unwrap_or_default();
        let held = stages.get(version);
        let was = |stage: &String| stage == CURRENT || stage == PREVIOUS;
        Ok(held.is_some_and(|stages| stages.iter().any(was)))
    }

    fn conflict(&self) -> Failure {
        let id = &self.id;
        Failure::new(
            Exit::Conflict,
            format!(
                "somebody else changed the secret {id} meanwhile, and nothing was changed here: look at their change, then repeat the command"
            ),
        )
    }
}
