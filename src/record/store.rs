//! DynamoDB: one item per session, and one call per operation (protocol.md, Record). `#status`,
//! `#token` and `#ttl` stand for names that are reserved words in its expressions.

use std::{future::Future, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    config::{
        Builder,
        retry::{ReconnectMode, RetryConfig},
    },
    error::{ProvideErrorMetadata, SdkError},
    operation::{put_item::PutItemError, update_item::UpdateItemError},
    types::{ConsumedCapacity, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure},
};
use aws_types::SdkConfig;

use super::{
    Call, CallCost, NewRecord, PartitionKey, Renewal, SessionState, StoreError, StoredRecord,
    calls::{HealthCheck, UnreadableSuccess},
    item::{self, bytes, number, text},
};
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

/// The table of records. Each call ends within 4 s, or earlier where its deadline is nearer.
#[derive(Clone, Debug)]
pub struct Records {
    client: Client,
    table: String,
    retention: Duration,
}

/// What came of writing a new record.
#[derive(Debug)]
pub enum PutOutcome {
    /// The draft is the record now.
    First,
    /// Another record, or an earlier attempt's own, stands there.
    Taken(Box<StoredRecord>),
}

/// What came of writing a session's next token.
#[derive(Debug)]
pub enum RenewOutcome {
    /// It is the record's token now.
    First,
    /// The presented token is not the record's, or the record is not active; `None` if there is
    /// none.
    Refused(Option<Box<StoredRecord>>),
}

/// An answer that is an outcome.
enum Answered<T, E> {
    Done(T),
    ConditionFailed(E),
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

    /// Opens the connection that the first call will find, by DynamoDB's health check. Ends within
    /// one attempt's second.
    ///
    /// Never fails: without it the first call opens one, as any does that finds the last one
    /// closed.
    pub async fn connect(&self) {
        let once = RetryConfig::disabled()
            // The answer is none of PutItem's, after which the SDK would want to close the
            // connection.
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

    /// Writes `draft` unless a record that is still kept stands there.
    pub async fn put(
        &self,
        draft: &NewRecord,
        now: UnixMillis,
        deadline: Deadline,
        cost: &mut CallCost,
    ) -> Result<PutOutcome, StoreError> {
        let ttl = self.ttl(draft.token.expires_at);
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item::of_new(draft, ttl)))
            // DynamoDB deletes an item days after its ttl: one whose ttl has passed is free
            // already.
            .condition_expression("attribute_not_exists(pk) OR #ttl <= :now")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":now", number(now.seconds()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .customize()
            .interceptor(cost.attempts.clone())
            .send();
        match within(Call::Put, deadline, cost, put).await? {
            Answered::Done(output) => {
                cost.write_units = units(output.consumed_capacity);
                Ok(PutOutcome::First)
            }
            Answered::ConditionFailed(error) => {
                let call = Call::Put;
                let item = match error {
                    PutItemError::ConditionalCheckFailedException(failed) => failed.item,
                    _ => None,
                };
                let item = item.ok_or(StoreError::WithoutItem { call })?;
                item::stored(item, call)
                    .map(Box::new)
                    .map(PutOutcome::Taken)
            }
        }
    }

    /// Writes a session's next token, if the presented one is its current one and the session
    /// lasts.
    pub async fn renew(
        &self,
        renewal: &Renewal,
        now: UnixMillis,
        deadline: Deadline,
        cost: &mut CallCost,
    ) -> Result<RenewOutcome, StoreError> {
        let token = &renewal.token;
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(renewal.key.as_str()))
            .update_expression(
                "SET jti = :jti, previousJti = :presented, expireAt = :expireAt, #ttl = :ttl, \
                 #token = :token, tokenSealedBy = :sealedBy",
            )
            .condition_expression("jti = :presented AND #status = :active AND #ttl > :now")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#token", "token")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":jti", text(token.id.as_str()))
            .expression_attribute_values(":presented", text(renewal.presented.as_str()))
            .expression_attribute_values(":expireAt", number(token.expires_at.millis()))
            .expression_attribute_values(":ttl", number(self.ttl(token.expires_at)))
            .expression_attribute_values(":token", bytes(&token.bytes))
            .expression_attribute_values(":sealedBy", text(token.sealed_by.as_str()))
            .expression_attribute_values(":active", text("ACTIVE"))
            .expression_attribute_values(":now", number(now.seconds()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .customize()
            .interceptor(cost.attempts.clone())
            .send();
        match within(Call::Update, deadline, cost, update).await? {
            Answered::Done(output) => {
                cost.write_units = units(output.consumed_capacity);
                Ok(RenewOutcome::First)
            }
            Answered::ConditionFailed(error) => {
                let item = match error {
                    UpdateItemError::ConditionalCheckFailedException(failed) => failed.item,
                    _ => None,
                };
                let stored = item.map(|item| item::stored(item, Call::Update).map(Box::new));
                Ok(RenewOutcome::Refused(stored.transpose()?))
            }
        }
    }

    /// Ends a session, if there is one that is still kept; tells whether there is. To end it again
    /// changes nothing.
    pub async fn revoke(
        &self,
        key: &PartitionKey,
        now: UnixMillis,
        deadline: Deadline,
        cost: &mut CallCost,
    ) -> Result<bool, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(key.as_str()))
            .update_expression(
                "SET #status = :revoked, revokedAt = if_not_exists(revokedAt, :nowMillis)",
            )
            .condition_expression("attribute_exists(pk) AND #ttl > :now")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":revoked", text("REVOKED"))
            .expression_attribute_values(":nowMillis", number(now.millis()))
            .expression_attribute_values(":now", number(now.seconds()))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .customize()
            .interceptor(cost.attempts.clone())
            .send();
        match within(Call::Update, deadline, cost, update).await? {
            Answered::Done(output) => {
                cost.write_units = units(output.consumed_capacity);
                Ok(true)
            }
            Answered::ConditionFailed(_) => Ok(false),
        }
    }

    /// Reads what an introspection needs to know of a session; `None` if there is no record.
    pub async fn state(
        &self,
        key: &PartitionKey,
        deadline: Deadline,
        cost: &mut CallCost,
    ) -> Result<Option<SessionState>, StoreError> {
        let get = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", text(key.as_str()))
            .projection_expression("#status, #ttl, issuedAt")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#ttl", "ttl")
            // Whoever was told that the session has ended may ask at once.
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .customize()
            .interceptor(cost.attempts.clone())
            .send();
        match within(Call::Get, deadline, cost, get).await? {
            Answered::Done(output) => {
                cost.read_units = units(output.consumed_capacity);
                let state = output.item.map(|item| item::state(item, Call::Get));
                state.transpose()
            }
            // GetItem has no condition: this is no answer of DynamoDB's.
            Answered::ConditionFailed(_) => Err(StoreError::WithoutItem { call: Call::Get }),
        }
    }

    /// Seconds since the epoch at which the record of a token that ends at `expires_at` may go.
    fn ttl(&self, expires_at: UnixMillis) -> i64 {
        let retention = i64::try_from(self.retention.as_secs()).unwrap_or(i64::MAX);
        expires_at.seconds().saturating_add(retention)
    }
}

/// Units that a call took, as DynamoDB tells them.
fn units(consumed: Option<ConsumedCapacity>) -> Option<f64> {
    consumed.and_then(|consumed| consumed.capacity_units)
}

/// Ends `call` with its budget, and tells an outcome from a failure.
async fn within<T, E: ProvideErrorMetadata>(
    call: Call,
    deadline: Deadline,
    cost: &mut CallCost,
    sent: impl Future<Output = Result<T, SdkError<E>>>,
) -> Result<Answered<T, E>, StoreError> {
    let failed = |failure| StoreError::Failed { call, failure };
    let budget = deadline.budget(LIMITS.operation);
    if budget.is_zero() {
        return Err(failed(AwsError::timed_out()));
    }
    match timed(&mut cost.took, tokio::time::timeout(budget, sent)).await {
        Err(_) => Err(failed(AwsError::timed_out())),
        Ok(Ok(output)) => Ok(Answered::Done(output)),
        Ok(Err(SdkError::ServiceError(error)))
            if error.err().code() == Some("ConditionalCheckFailedException") =>
        {
            Ok(Answered::ConditionFailed(error.into_err()))
        }
        Ok(Err(error)) => Err(failed(AwsError::new(&error))),
    }
}
