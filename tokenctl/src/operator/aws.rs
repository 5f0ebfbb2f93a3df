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
    let status = error.raw_response().map(|raw| raw.status().as_u16());
    let what = match error {
        SdkError::ServiceError(refused) if !code.is_empty() => {
            match refused.err().message().unwrap_or_default() {
                "" => code.to_owned(),
                message => format!("{code}: {message}"),
            }
        }
        SdkError::ServiceError(_) | SdkError::ResponseError(_) => {
            let status = status.map_or_else(String::new, |status| format!("HTTP {status}, and "));
            format!(
                "{status}no answer of AWS's: look at AWS_ENDPOINT_URL_*, and for a proxy or a sign-in page in between"
            )
        }
        SdkError::TimeoutError(_) => "no answer in time".to_owned(),
        other => innermost(other),
    };
    let fix = match code {
        "ResourceNotFoundException" => ". Correct its name; the stack's outputs have it",
        "AccessDeniedException" => {
            ". Your credentials must allow it; docs/tokenctl.md has the policy"
        }
        "InvalidRequestException" => {
            ". If the secret is scheduled for deletion: aws secretsmanager restore-secret"
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

#[cfg(test)]
mod tests {
    use aws_sdk_secretsmanager::{
        config::http::HttpResponse, error::ErrorMetadata,
        operation::get_secret_value::GetSecretValueError,
    };

    use super::*;

    fn words(status: u16, body: &str, error: Option<ErrorMetadata>) -> String {
        let raw = HttpResponse::new(status.try_into().unwrap(), body.to_owned().into());
        let error = match error {
            Some(error) => SdkError::service_error(GetSecretValueError::generic(error), raw),
            None => SdkError::response_error("not JSON", raw),
        };
        failure("GetSecretValue", "api-keys", &error).message
    }

    #[test]
    fn what_is_no_answer_of_awss_is_called_so_with_its_status_and_without_its_words() {
        for (status, error) in [(503, Some(ErrorMetadata::builder().build())), (200, None)] {
            let words = words(status, "<html>Sign in as canary</html>", error);
            let expected =
                format!("GetSecretValue on api-keys: HTTP {status}, and no answer of AWS's");
            assert!(words.starts_with(&expected), "{words}");
            assert!(
                words.contains("proxy") && !words.contains("canary"),
                "{words}"
            );
        }
    }

    #[test]
    fn a_code_without_a_message_stands_alone() {
        let code = ErrorMetadata::builder()
            .code("InvalidRequestException")
            .build();
        let words = words(400, "{}", Some(code));
        assert!(
            words.contains(": InvalidRequestException. If the secret"),
            "{words}"
        );
    }
}
