//! How calls to DynamoDB fail, what they cost, and which attempts are repeated.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use aws_sdk_dynamodb::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        http::HttpRequest,
        interceptors::{
            BeforeTransmitInterceptorContextMut, BeforeTransmitInterceptorContextRef,
            InterceptorContext,
        },
        retry::{ClassifyRetry, RetryAction},
    },
    error::BoxError,
};

use crate::aws::AwsError;

/// A call of DynamoDB's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// `PutItem`.
    Put,
    /// `UpdateItem`.
    Update,
    /// `GetItem`.
    Get,
}

impl Call {
    /// As AWS spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Put => "PutItem",
            Self::Update => "UpdateItem",
            Self::Get => "GetItem",
        }
    }
}

/// Why a call has no outcome. A write may have happened all the same.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The call failed.
    #[error("{}: {failure}{}", call.name(), fix(*call, failure))]
    Failed {
        /// Which call.
        call: Call,
        /// How far it got.
        failure: AwsError,
    },
    /// What stands there is missing from the answer or is no record.
    #[error(
        "{}: the item that stands there is not a record: attribute {attribute} is missing or of \
         another type",
        call.name()
    )]
    NotARecord {
        /// Which call.
        call: Call,
        /// The first attribute that is not as it must be.
        attribute: &'static str,
    },
    /// The condition failed, and the answer does not have the item for which it did.
    #[error(
        "{}: the condition failed, and the answer lacks the item that stands there, as no answer of \
         DynamoDB's does: look at AWS_ENDPOINT_URL_DYNAMODB",
        call.name()
    )]
    WithoutItem {
        /// Which call.
        call: Call,
    },
}

impl StoreError {
    /// Whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Failed { failure, .. } => failure.is_transient(),
            Self::NotARecord { .. } | Self::WithoutItem { .. } => false,
        }
    }
}

fn fix(call: Call, failure: &AwsError) -> &'static str {
    match failure.code() {
        Some("ResourceNotFoundException") => ": create the table, or correct TOKENS_TABLE",
        Some("AccessDeniedException") => match call {
            Call::Put => ": allow dynamodb:PutItem on the table",
            Call::Update => ": allow dynamodb:UpdateItem on the table",
            Call::Get => ": allow dynamodb:GetItem on the table",
        },
        Some("ValidationException") => ": the table's key must be pk (S) and no sort key",
        _ => "",
    }
}

/// What one call costs, for the log and the metrics.
#[derive(Debug, Default)]
pub struct CallCost {
    pub(super) attempts: AttemptCount,
    /// Its time, pauses between attempts included; `None` if there was none left to begin.
    pub took: Option<Duration>,
    /// Write units, as DynamoDB tells them with a success.
    pub write_units: Option<f64>,
    /// Read units, as DynamoDB tells them.
    pub read_units: Option<f64>,
}

impl CallCost {
    /// Attempts so far.
    pub fn attempts(&self) -> u32 {
        self.attempts.0.load(Ordering::Relaxed)
    }
}

/// Counts attempts. Shared with the SDK, which gives nothing back.
#[derive(Clone, Debug, Default)]
pub(super) struct AttemptCount(Arc<AtomicU32>);

impl Intercept for AttemptCount {
    fn name(&self) -> &'static str {
        "AttemptCount"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Retries a 2xx whose body cannot be parsed; by default the SDK does not. A write may have
/// happened or not, as with any lost answer, and the next attempt finds out.
#[derive(Debug)]
pub(super) struct UnreadableSuccess;

impl ClassifyRetry for UnreadableSuccess {
    fn name(&self) -> &'static str {
        "UnreadableSuccess"
    }

    fn classify_retry(&self, attempt: &InterceptorContext) -> RetryAction {
        let succeeded = attempt
            .response()
            .is_some_and(|response| response.status().is_success());
        let unread = attempt.output_or_error().is_some_and(|read| read.is_err());
        if succeeded && unread {
            RetryAction::transient_error()
        } else {
            RetryAction::NoActionIndicated
        }
    }
}

/// Sends `GET /`, unsigned, in the place of a write. The client resolves the endpoint and owns the
/// pool of connections, so the connection that this opens is the one that the first write takes.
#[derive(Debug)]
pub(super) struct HealthCheck;

impl Intercept for HealthCheck {
    fn name(&self) -> &'static str {
        "HealthCheck"
    }

    fn modify_before_transmit(
        &self,
        attempt: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = attempt.request_mut();
        *request = HttpRequest::get(request.uri())?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws;

    fn refused(call: Call, code: &str) -> StoreError {
        let failure = aws::refused(code);
        StoreError::Failed { call, failure }
    }

    #[test]
    fn says_what_to_do() {
        for (code, fix) in [
            ("ResourceNotFoundException", "create the table"),
            ("AccessDeniedException", "allow dynamodb:PutItem"),
            ("ValidationException", "the table's key must be pk"),
        ] {
            let text = refused(Call::Put, code).to_string();
            assert!(
                text.starts_with("PutItem: ") && text.contains(fix),
                "{text}"
            );
        }
        for call in [Call::Put, Call::Update, Call::Get] {
            let text = refused(call, "AccessDeniedException").to_string();
            let permission = format!("allow dynamodb:{} on the table", call.name());
            assert!(text.ends_with(&permission), "{text}");
        }
        let text = refused(Call::Put, "Other").to_string();
        assert!(text.ends_with("with Other (HTTP 400)"), "{text}");
    }

    #[test]
    fn only_what_may_pass_by_itself_is_transient() {
        let (call, failure) = (Call::Put, AwsError::timed_out());
        assert!(StoreError::Failed { call, failure }.is_transient());
        assert!(!refused(call, "AccessDeniedException").is_transient());
        let attribute = "pk";
        assert!(!StoreError::NotARecord { call, attribute }.is_transient());
        let error = StoreError::WithoutItem { call };
        assert!(!error.is_transient());
        assert!(error.to_string().contains("the answer lacks the item"));
    }

    #[test]
    fn counts_attempts() {
        let cost = CallCost::default();
        cost.attempts.clone().0.fetch_add(3, Ordering::Relaxed);
        assert_eq!(cost.attempts(), 3);
    }
}
