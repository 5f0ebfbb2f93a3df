//! Secrets Manager: one `GetSecretValue`, and what its failures mean for an operator.

use std::{future::Future, pin::Pin, time::Duration};

use aws_sdk_secretsmanager::{Client, config::Builder};

use crate::{
    aws::{AwsError, CallBudget},
    redacted::Redacted,
};

/// Which version of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// `AWSCURRENT`.
    Current,
    /// `AWSPREVIOUS`: what was current before the last write.
    Previous,
}

/// A version of a secret.
pub(super) struct Fetched {
    pub(super) text: Redacted<String>,
    /// Secrets Manager's `VersionId`, where it is a UUID as AWS makes them. Whoever writes a
    /// version may choose another, and a text of somebody's choice is not fit for the log.
    pub(super) version_id: Option<String>,
}

/// Fetches a version within the limit given.
pub(super) type Fetch = Box<
    dyn Fn(Stage, Duration) -> Pin<Box<dyn Future<Output = Result<Fetched, FetchError>> + Send>>
        + Send
        + Sync,
>;

/// There is no text of the secret.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    /// The call failed.
    #[error("GetSecretValue: {failure}{}", fix(failure))]
    Call {
        /// How far it got.
        failure: AwsError,
    },
    /// The secret holds bytes.
    #[error("the secret has no SecretString: store the document as text, not as SecretBinary")]
    Binary,
}

fn fix(failure: &AwsError) -> &'static str {
    match failure.code() {
        // AWS answers a secret without a value as it answers one that does not exist.
        Some("ResourceNotFoundException") => {
            ": put a first value into the secret (tokenctl keys init, tokenctl partner add), or \
             correct its id in the function's environment"
        }
        Some("InvalidRequestException") => {
            ": the secret may be scheduled for deletion: restore it (aws secretsmanager \
             restore-secret), or correct its id in the function's environment"
        }
        Some("AccessDeniedException") => {
            ": allow secretsmanager:GetSecretValue on the secret (and kms:Decrypt on its key)"
        }
        Some("DecryptionFailure") => ": allow kms:Decrypt on the secret's key",
        _ => "",
    }
}

/// Fetches versions of `secret_id`. One attempt may use half of the limit.
pub(super) fn fetch(client: Client, secret_id: String) -> Fetch {
    Box::new(move |stage, limit| {
        let limits = CallBudget {
            attempts: 3,
            attempt: limit / 2,
            operation: limit,
        };
        let label = match stage {
            Stage::Current => None,
            Stage::Previous => Some("AWSPREVIOUS".to_owned()),
        };
        let call = client
            .get_secret_value()
            .secret_id(&secret_id)
            .set_version_stage(label)
            .customize()
            .config_override(
                Builder::new()
                    .timeout_config(limits.timeouts())
                    .retry_config(limits.retries()),
            );
        Box::pin(async move {
            let output = call.send().await.map_err(|error| FetchError::Call {
                failure: AwsError::new(&error),
            })?;
            Ok(Fetched {
                text: output
                    .secret_string
                    .map(Redacted::new)
                    .ok_or(FetchError::Binary)?,
                version_id: output.version_id.filter(|id| is_uuid(id)),
            })
        })
    })
}

/// Five groups of hexadecimal digits (RFC 9562 section 4).
fn is_uuid(id: &str) -> bool {
    let hexadecimal = |group: &str| group.bytes().all(|b| b.is_ascii_hexdigit());
    id.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && id.split('-').all(hexadecimal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws;

    #[test]
    fn says_what_to_do() {
        for (code, fix) in [
            ("ResourceNotFoundException", "put a first value into"),
            ("InvalidRequestException", "restore it"),
            (
                "AccessDeniedException",
                "allow secretsmanager:GetSecretValue",
            ),
            ("DecryptionFailure", "allow kms:Decrypt on the secret's key"),
        ] {
            let failure = aws::refused(code);
            let text = FetchError::Call { failure }.to_string();
            assert!(text.contains(fix), "{text}");
        }
        let failure = AwsError::timed_out();
        let text = FetchError::Call { failure }.to_string();
        assert_eq!(text, "GetSecretValue: timed out");
    }

    #[test]
    fn a_version_id_is_a_uuid() {
        assert!(is_uuid("a1b2c3d4-5678-90ab-CDEF-000000011111"));
        for other in [
            "",
            "a1b2c3d4-5678-90ab-cdef-00000001111",
            "a1b2c3d4567890abcdef000000011111",
            "g1b2c3d4-5678-90ab-cdef-000000011111",
            "a1b2c3d4-5678-90ab-cdef-000000011111-",
        ] {
            assert!(!is_uuid(other), "{other}");
        }
    }
}
