//! The line that is logged about a request. Its fields in Pascal case are its metrics and their
//! dimensions (docs/metrics.md): what did not happen has none.

use std::time::Duration;

use lambda_http::Context;

use super::{response::Answer, routes::Operation};
use crate::{
    keys::KeyId, metrics::milliseconds, operations::RequestLog, partner::PartnerId, token::TokenId,
};

/// What there is to say about an answered request.
pub(super) struct Report<'a> {
    /// The id in the answer's `X-Request-Id`.
    pub(super) request_id: &'a str,
    pub(super) extended_request_id: Option<&'a str>,
    /// The invocation's.
    pub(super) context: &'a Context,
    /// What was asked for; `None` if nothing is at the path.
    pub(super) operation: Option<Operation>,
    pub(super) answer: &'a Answer,
    pub(super) cause: Option<String>,
    pub(super) log: &'a RequestLog,
    pub(super) took: Duration,
    pub(super) secrets_age: Option<Duration>,
    /// Whether it is the process's first request.
    pub(super) cold: bool,
}

impl Report<'_> {
    pub(super) fn log(&self) {
        let (answer, log, call) = (self.answer, self.log, &self.log.call);
        let attempts = call.attempts();
        let payload_kid = log.payload_kid.as_ref().map(KeyId::as_str);
        let token_kid = log.token_kid.as_ref().map(KeyId::as_str);
        let record_kid = log.record_kid.as_ref().map(KeyId::as_str);
        let sealed = payload_kid.or(token_kid).or(record_kid);
        tracing::info!(
            request_id = self.request_id,
            extended_request_id = self.extended_request_id,
            aws_request_id = self.context.request_id,
            trace_id = self.context.xray_trace_id.as_deref().and_then(trace_id),
            status = answer.status(),
            resource_server_id = log.resource_server.as_ref().map(PartnerId::as_str),
            jti = log.token_id.as_ref().map(TokenId::as_str),
            cause = self.cause,
            // Dimensions.
            Version = self.context.env_config.version,
            Operation = self.operation.map(Operation::name),
            PartnerId = log.partner.as_ref().map(PartnerId::as_str),
            Outcome = format!("TOK{:03}", answer.code()),
            TokenKid = token_kid,
            RecordKid = record_kid,
            PayloadKid = payload_kid,
            // Metrics.
            Requests = 1,
            Latency = milliseconds(self.took),
            SecretsLatency = log.secrets_wait.map(milliseconds),
            DynamoDBLatency = call.took.map(milliseconds),
            CryptoLatency = sealed.map(|_| milliseconds(self.rest())),
            DynamoDBAttempts = (attempts > 0).then_some(attempts),
            ConsumedWriteCapacity = call.write_units,
            ConsumedReadCapacity = call.read_units,
            Replays = answer.replayed().then_some(1),
            Conflicts = (answer.status() == 409).then_some(1),
            Superseded = log.superseded.then_some(1),
            SecretsAge = self.secrets_age.map(|age| age.as_secs()),
            SealedMessages = sealed.map(|_| 1),
            ColdStarts = self.cold.then_some(1),
            "answered"
        );
    }

    /// What the request did not wait for: secrets and DynamoDB apart, it is opened, validated,
    /// agreed and sealed.
    fn rest(&self) -> Duration {
        let waits = [self.log.secrets_wait, self.log.call.took];
        waits
            .into_iter()
            .flatten()
            .fold(self.took, Duration::saturating_sub)
    }
}

/// The root of an X-Ray trace header, `Root=1-58406520-a006649127e371903a2de979;Parent=...`. A
/// caller can choose it, so only what has its form is logged.
fn trace_id(header: &str) -> Option<&str> {
    let mut members = header.split(';').map(str::trim);
    let id = members.find_map(|member| member.strip_prefix("Root="))?;
    let hexadecimal = |group: &str| group.bytes().all(|b| b.is_ascii_hexdigit());
    let sound = id.split('-').map(str::len).eq([1, 8, 24]) && id.split('-').all(hexadecimal);
    sound.then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_root_of_a_trace() {
        let root = "1-58406520-a006649127e371903a2de979";
        for header in [
            format!("Root={root}"),
            format!("Root={root};Parent=4c721bf33e3caf8f;Sampled=1;Lineage=25:3e55:0"),
            format!("Self=1-5840; Root={root}"),
        ] {
            assert_eq!(trace_id(&header), Some(root), "{header}");
        }
        for header in [
            "",
            "Root=",
            "Parent=4c721bf33e3caf8f",
            "Root=1-58406520-accountNumber",
            root,
        ] {
            assert_eq!(trace_id(header), None, "{header}");
        }
    }
}
