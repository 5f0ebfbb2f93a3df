//! A failed call to AWS, in words that say what to do.

use std::error::Error;

use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};

use crate::outcome::{Exit, Failure};

/// Why `operation` on `resource` failed.
pub(crate) fn failure<E>(operation: &str, resource: &str, error: &SdkError<E>) -> Failure
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let code = error.code().unwrap_or_default();
    let exit = match code {
        "ResourceNotFoundException" => Exit::NotFound,
        _ => Exit::Failed,
    };
    let what = match error {
        SdkError::ServiceError(refused) => {
            let message = refused.err().message().unwrap_or_default();
            format!("{code}: {message}")
        }
        SdkError::TimeoutError(_) => "no answer in time".to_owned(),
        other => innermost(other),
    };
    let fix = match code {
        "ResourceNotFoundException" => ". Correct its name; the stack's outputs have it",
        "AccessDeniedException" => {
            ". Your credentials must allow it; docs/tokenctl.md has the policy"
        }
        "" if matches!(
            error,
            SdkError::DispatchFailure(_) | SdkError::ConstructionFailure(_)
        ) =>
        {
            ". Look at AWS_PROFILE, AWS_REGION and AWS_ENDPOINT_URL_*; `aws sts get-caller-identity` tells who you are"
        }
        _ => "",
    };
    Failure::new(exit, format!("{operation} on {resource}: {what}{fix}"))
}

/// The SDK's own words for a call that could not be made are "dispatch failure"; the cause has the
/// news.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
