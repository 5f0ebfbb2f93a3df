//! Secrets Manager: one `GetSecretValue`, and what its failures mean for an operator.

use aws_sdk_secretsmanager::{
    Client,
    config::Builder,
    error::{ProvideErrorMetadata, SdkError},
    operation::get_secret_value::GetSecretValueError,
};
use zeroize::Zeroizing;

use super::cache::Fetch;
use crate::aws::{Failure, Limits};

/// The secret's text could not be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    /// The call failed.
    #[error("GetSecretValue: {failure}{}", fix(failure))]
    Call {
        /// How far it got.
        failure: Failure,
    },
    /// The secret holds bytes.
    #[error("the secret has no SecretString: store the document as text, not as SecretBinary")]
    Binary,
}

fn fix(failure: &Failure) -> &'static str {
    match failure.code() {
        Some("ResourceNotFoundException") => {
            ": create the secret, or correct its id in the function's environment"
        }
        Some("AccessDeniedException") => {
            ": allow secretsmanager:GetSecretValue on the secret (and kms:Decrypt on its key)"
        }
        Some("DecryptionFailure") => ": allow kms:Decrypt on the secret's key",
        _ => "",
    }
}

/// Fetches the current version of `secret_id`, within a limit of which one attempt may use half.
pub(super) fn fetch(client: Client, secret_id: String) -> Fetch {
    Box::new(move |limit| {
        let limits = Limits {
            attempts: 3,
            attempt: limit / 2,
            operation: limit,
        };
        let call = client
            .get_secret_value()
            .secret_id(&secret_id)
            .customize()
            .config_override(
                Builder::new()
                    .timeout_config(limits.timeouts())
                    .retry_config(limits.retries()),
            );
        Box::pin(async move {
            let output = call.send().await.map_err(unreadable)?;
            output
                .secret_string
                .map(Zeroizing::new)
                .ok_or(Unreadable::Binary)
        })
    })
}

fn unreadable(error: SdkError<GetSecretValueError>) -> Unreadable {
    let code = error.code().map(str::to_owned);
    Unreadable::Call {
        failure: Failure::new(&error, code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_to_do() {
        for (code, fix) in [
            ("ResourceNotFoundException", "create the secret"),
            (
                "AccessDeniedException",
                "allow secretsmanager:GetSecretValue",
            ),
            ("DecryptionFailure", "allow kms:Decrypt on the secret's key"),
        ] {
            let error: SdkError<()> = SdkError::timeout_error("a test");
            let failure = Failure::new(&error, Some(code.to_owned()));
            let text = Unreadable::Call { failure }.to_string();
            assert!(text.contains(fix), "{text}");
        }
        let failure = Failure::timed_out();
        let text = Unreadable::Call { failure }.to_string();
        assert_eq!(text, "GetSecretValue: timed out");
    }
}
