//! DynamoDB: one item an issue, written by one conditional `PutItem` and never read
//! (protocol.md, Idempotency and Record).

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use aws_sdk_dynamodb::{
    Client,
    config::{
        Builder, ConfigBag, Intercept, RuntimeComponents,
        http::HttpRequest,
        interceptors::{
            BeforeTransmitInterceptorContextMut, BeforeTransmitInterceptorContextRef,
            InterceptorContext,
        },
        retry::{ClassifyRetry, ReconnectMode, RetryAction, RetryConfig},
    },
    error::{BoxError, ProvideErrorMetadata, SdkError},
    operation::put_item::PutItemError,
    primitives::Blob,
    types::{AttributeValue, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure},
};
use aws_types::SdkConfig;

use super::{NewRecord, StoredRecord};
use crate::{
    aws::{self, AwsError, CallBudget},
    clock::UnixMillis,
    deadline::{Deadline, timed},
};

/// Three attempts of a second each and the pauses between them stay within the operation's 4 s.
const LIMITS: CallBudget = CallBudget {
    attempts: 3,
    attempt: Duration::from_secs(1),
    operation: Duration::from_secs(4),
};

/// The table of records.
#[derive(Clone, Debug)]
pub struct Records {
    client: Client,
    table: String,
    retention: Duration,
}

/// What came of writing a draft.
#[derive(Debug)]
pub enum PutOutcome {
    /// The draft is the record now.
    First,
    /// Another record, or an earlier attempt's own, stands there.
    Taken(StoredRecord),
}

/// Why nothing is known to be written. The draft may be there all the same.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The call failed.
    #[error("PutItem: {failure}{}", fix(failure))]
    Call {
        /// How far it got.
        failure: AwsError,
    },
    /// The condition failed, and what stands there is missing from the answer or is no record.
    #[error(
        "PutItem: the item that stands there is not a record: attribute {0} is missing or of another type"
    )]
    NotARecord(&'static str),
}

impl WriteError {
    /// Whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Call { failure } => failure.is_transient(),
            Self::NotARecord(_) => false,
        }
    }
}

fn fix(failure: &AwsError) -> &'static str {
    match failure.code() {
        Some("ResourceNotFoundException") => ": create the table, or correct TOKENS_TABLE",
        Some("AccessDeniedException") => ": allow dynamodb:PutItem on the table",
        Some("ValidationException") => ": the table's key must be pk (S) and no sort key",
        _ => "",
    }
}

impl Records {
    /// `retention` is how long a record outlives its token.
    pub fn new(sdk: &SdkConfig, table: String, retention: Duration) -> Self {
        let config = Builder::from(sdk)
            .timeout_config(LIMITS.timeouts())
            .retry_config(LIMITS.retries())
            .retry_partition(aws::retries_without_quota())
            .retry_classifier(UnreadableSuccess)
            .build();
        Self {
            client: Client::from_conf(config),
            table,
            retention,
        }
    }

    /// Opens the connection that the first write will find, by DynamoDB's health check. Ends within one attempt's second.
    ///
    /// Never fails: without it the first write opens one, as any does that finds the last one closed.
    pub async fn connect(&self) {
        let once = RetryConfig::disabled()
            // The answer is none of PutItem's, after which the SDK would want to close the connection.
            .with_reconnect_mode(ReconnectMode::ReuseAllConnections);
        // Whatever comes back: it is read to its end, and the connection is free.
        let _ = self
            .client
            .put_item()
            .table_name(&self.table)
            .customize()
            .config_override(Builder::new().retry_config(once))
            .interceptor(HealthCheck)
            .send()
            .await;
    }

    /// Writes `draft` unless a record that is still kept stands there, and adds up what that costs.
    ///
    /// Ends within 4 s, or earlier where `deadline` is nearer.
    pub async fn write(
        &self,
        draft: &NewRecord,
        now: UnixMillis,
        deadline: Deadline,
        cost: &mut WriteCost,
    ) -> Result<PutOutcome, WriteError> {
        let budget = deadline.budget(LIMITS.operation);
        if budget.is_zero() {
            return Err(WriteError::Call {
                failure: AwsError::timed_out(),
            });
        }
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(self.item(draft)))
            // DynamoDB deletes an item days after its ttl: one whose ttl has passed is free already.
            .condition_expression("attribute_not_exists(pk) OR #ttl <= :now")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":now", number(now.seconds()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .customize()
            .interceptor(cost.attempts.clone())
            .send();
        match timed(&mut cost.took, tokio::time::timeout(budget, put)).await {
            Err(_) => Err(WriteError::Call {
                failure: AwsError::timed_out(),
            }),
            Ok(Ok(output)) => {
                let consumed = output.consumed_capacity;
                cost.units = consumed.and_then(|consumed| consumed.capacity_units);
                Ok(PutOutcome::First)
            }
            Ok(Err(SdkError::ServiceError(error)))
                if error.err().is_conditional_check_failed_exception() =>
            {
                existing(error.into_err()).map(PutOutcome::Taken)
            }
            Ok(Err(error)) => {
                let code = error.code().map(str::to_owned);
                Err(WriteError::Call {
                    failure: AwsError::new(&error, code),
                })
            }
        }
    }

    fn item(&self, draft: &NewRecord) -> HashMap<String, AttributeValue> {
        let retention = i64::try_from(self.retention.as_secs()).unwrap_or(i64::MAX);
        let ttl = draft.expires_at.seconds().saturating_add(retention);
        HashMap::from(
            [
                ("pk", text(draft.key.as_str())),
                ("jti", text(&draft.token_id)),
                ("status", text("ACTIVE")),
                ("issuedAt", number(draft.issued_at.millis())),
                ("expireAt", number(draft.expires_at.millis())),
                ("ttl", number(ttl)),
                ("fingerprint", bytes(&draft.fingerprint)),
                ("sealedBy", text(draft.sealed_by.as_str())),
                ("sealed", bytes(&draft.sealed)),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        )
    }
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn bytes(value: &[u8]) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

/// Reads what a failed condition returned.
fn existing(error: PutItemError) -> Result<StoredRecord, WriteError> {
    let PutItemError::ConditionalCheckFailedException(failed) = error else {
        return Err(WriteError::NotARecord("pk"));
    };
    let mut item = failed.item.ok_or(WriteError::NotARecord("pk"))?;
    let mut take = |name: &'static str| item.remove(name).ok_or(WriteError::NotARecord(name));
    let text = |name, value| match value {
        AttributeValue::S(text) => Ok(text),
        _ => Err(WriteError::NotARecord(name)),
    };
    let bytes = |name, value| match value {
        AttributeValue::B(blob) => Ok(blob.into_inner()),
        _ => Err(WriteError::NotARecord(name)),
    };
    let millis = |name, value| match value {
        AttributeValue::N(text) => text.parse().map_err(|_| WriteError::NotARecord(name)),
        _ => Err(WriteError::NotARecord(name)),
    };
    Ok(StoredRecord {
        token_id: text("jti", take("jti")?)?,
        status: text("status", take("status")?)?,
        expires_at: UnixMillis::new(millis("expireAt", take("expireAt")?)?),
        sealed_by: text("sealedBy", take("sealedBy")?)?,
        fingerprint: bytes("fingerprint", take("fingerprint")?)?,
        sealed: bytes("sealed", take("sealed")?)?,
    })
}

/// Has a success that can't be read tried again: the SDK alone takes it for DynamoDB's last word. The
/// write may have happened or not, as with any lost answer, and the next attempt finds out.
#[derive(Debug)]
struct UnreadableSuccess;

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

/// What one write costs, for the log and the metrics.
#[derive(Debug, Default)]
pub struct WriteCost {
    attempts: AttemptCount,
    /// Its time, pauses between attempts included; `None` if there was none left to begin.
    pub took: Option<Duration>,
    /// Write units, as DynamoDB tells them with a success.
    pub units: Option<f64>,
}

impl WriteCost {
    /// Attempts so far.
    pub fn attempts(&self) -> u32 {
        self.attempts.0.load(Ordering::Relaxed)
    }
}

#[derive(Clone, Debug, Default)]
struct AttemptCount(Arc<AtomicU32>);

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

/// Sends `GET /`, unsigned, in the place of a write. A request that is made beside the client would open a connection
/// beside the client's.
#[derive(Debug)]
struct HealthCheck;

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
    use aws_sdk_dynamodb::types::error::ConditionalCheckFailedException;

    use super::*;

    fn item() -> HashMap<String, AttributeValue> {
        HashMap::from(
            [
                ("jti", text("id")),
                ("status", text("ACTIVE")),
                ("expireAt", number(1_795_000_000_123)),
                ("sealedBy", text("r1")),
                ("fingerprint", bytes(&[1; 32])),
                ("sealed", bytes(&[2; 40])),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        )
    }

    fn found(item: HashMap<String, AttributeValue>) -> Result<StoredRecord, WriteError> {
        let failed = ConditionalCheckFailedException::builder();
        let failed = failed.set_item(Some(item)).build();
        existing(PutItemError::ConditionalCheckFailedException(failed))
    }

    fn missing(found: Result<StoredRecord, WriteError>) -> &'static str {
        match found {
            Err(WriteError::NotARecord(name)) => name,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn reads_the_record_that_stands_there() {
        let record = found(item()).unwrap();
        assert_eq!(
            (record.token_id, record.status),
            ("id".into(), "ACTIVE".into())
        );
        assert_eq!(record.expires_at, UnixMillis::new(1_795_000_000_123));
        assert_eq!(record.sealed_by, "r1");
        assert_eq!(
            (record.fingerprint, record.sealed),
            (vec![1; 32], vec![2; 40])
        );
    }

    #[test]
    fn names_the_attribute_that_makes_it_no_record() {
        for name in [
            "jti",
            "status",
            "expireAt",
            "sealedBy",
            "fingerprint",
            "sealed",
        ] {
            let mut without = item();
            without.remove(name);
            assert_eq!(missing(found(without)), name);
            let mut other = item();
            other.insert(name.to_owned(), AttributeValue::Null(true));
            assert_eq!(missing(found(other)), name);
        }
        let failed = ConditionalCheckFailedException::builder().build();
        let failed = PutItemError::ConditionalCheckFailedException(failed);
        assert_eq!(missing(existing(failed)), "pk");
    }

    fn refused(code: &str) -> WriteError {
        let error: SdkError<()> = SdkError::construction_failure("a test");
        let failure = AwsError::new(&error, Some(code.to_owned()));
        WriteError::Call { failure }
    }

    #[test]
    fn says_what_to_do() {
        for (code, fix) in [
            ("ResourceNotFoundException", "create the table"),
            ("AccessDeniedException", "allow dynamodb:PutItem"),
            ("ValidationException", "the table's key must be pk"),
        ] {
            let text = refused(code).to_string();
            assert!(text.contains(fix), "{text}");
        }
        assert!(refused("Other").to_string().ends_with("with Other"));
    }

    #[test]
    fn only_what_may_pass_by_itself_is_transient() {
        let failure = AwsError::timed_out();
        assert!(WriteError::Call { failure }.is_transient());
        assert!(!refused("AccessDeniedException").is_transient());
        assert!(!WriteError::NotARecord("pk").is_transient());
    }

    #[test]
    fn counts_attempts() {
        let cost = WriteCost::default();
        cost.attempts.clone().0.fetch_add(3, Ordering::Relaxed);
        assert_eq!(cost.attempts(), 3);
    }
}
