//! The line that is logged about a request. Its fields in Pascal case are its metrics (docs/metrics.md): what
//! did not happen has none.

use std::time::Duration;

use super::response::Answer;
use crate::{issue::Trail, keys::KeyId, metrics::milliseconds, partner::PartnerId};

/// What there is to say about an answered request.
pub(super) struct Report<'a> {
    pub(super) request_id: &'a str,
    pub(super) answer: &'a Answer,
    pub(super) cause: Option<String>,
    pub(super) trail: &'a Trail,
    pub(super) took: Duration,
    pub(super) secrets_age: Option<Duration>,
    /// Whether it is the process's first request.
    pub(super) cold: bool,
}

impl Report<'_> {
    pub(super) fn log(&self) {
        let (answer, trail, write) = (self.answer, self.trail, &self.trail.write);
        let partner = trail.partner.as_ref().map(PartnerId::as_str);
        let code = format!("TOK{:03}", answer.code());
        let duration = milliseconds(self.took);
        let attempts = write.attempts();
        let payload_kid = trail.reply_key.as_ref().map(|key| key.kid().as_str());
        let token_kid = trail.token_kid.as_ref().map(KeyId::as_str);
        let record_kid = trail.record_kid.as_ref().map(KeyId::as_str);
        let sealed = payload_kid.or(token_kid).or(record_kid);
        tracing::info!(
            request_id = self.request_id,
            partner_id = partner,
            code,
            status = answer.status(),
            duration_ms = duration,
            replayed = answer.replayed(),
            attempts,
            cause = self.cause,
            // Dimensions.
            PartnerId = partner,
            Outcome = code,
            TokenKid = token_kid,
            RecordKid = record_kid,
            PayloadKid = payload_kid,
            // Metrics.
            Requests = 1,
            Latency = duration,
            SecretsLatency = trail.secrets_wait.map(milliseconds),
            DynamoDBLatency = write.took.map(milliseconds),
            CryptoLatency = payload_kid.map(|_| milliseconds(self.rest())),
            DynamoDBAttempts = (attempts > 0).then_some(attempts),
            ConsumedWriteCapacity = write.units,
            Replays = answer.replayed().then_some(1),
            Conflicts = (answer.code() == 409).then_some(1),
            SecretsAge = self.secrets_age.map(|age| age.as_secs()),
            SealedMessages = sealed.map(|_| 1),
            ColdStarts = self.cold.then_some(1),
            "answered"
        );
    }

    /// What the request did not wait for: secrets and DynamoDB apart, it is opened, validated, agreed and sealed.
    fn rest(&self) -> Duration {
        let waits = [self.trail.secrets_wait, self.trail.write.took];
        waits
            .into_iter()
            .flatten()
            .fold(self.took, Duration::saturating_sub)
    }
}
