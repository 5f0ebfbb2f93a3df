//! What callers can ask for, one file per operation, and what all of them share.
//!
//! Each step takes what the step before it made, so none can be skipped or moved.

mod accept;
mod issue;
mod refusal;

use std::time::Duration;

use ring::rand::SystemRandom;

pub use refusal::{Conflict, OpenError, OperationError, Refusal, Reply};

use crate::{
    clock::Clock,
    deadline::Deadline,
    jwe::ReplyKey,
    keys::KeyId,
    partner::PartnerId,
    record::{
        Issued,
        store::{Records, WriteCost},
    },
    request::ReferenceId,
    secrets::Secrets,
    token::{TokenId, TokenIdentity},
};

/// The operations, and what they work with.
pub struct Operations {
    secrets: Secrets,
    records: Records,
    identity: TokenIdentity,
    token_ttl: Duration,
    clock: Clock,
    rng: SystemRandom,
}

impl Operations {
    /// `token_ttl` is for partners without a lifetime of their own.
    pub fn new(
        secrets: Secrets,
        records: Records,
        identity: TokenIdentity,
        token_ttl: Duration,
        clock: Clock,
    ) -> Self {
        Self {
            secrets,
            records,
            identity,
            token_ttl,
            clock,
            rng: SystemRandom::new(),
        }
    }

    /// How long ago the older of the two secrets was last confirmed.
    pub async fn secrets_age(&self) -> Option<Duration> {
        self.secrets.age().await
    }
}

/// One call of the API, as it was received.
pub struct Call<'a> {
    /// The `X-API-KEY` header.
    pub api_key: Option<&'a str>,
    /// `None` if it was flagged as base64 and is not.
    pub body: Option<&'a [u8]>,
    /// When the last AWS call must have ended.
    pub deadline: Deadline,
}

/// What became known on the way, for the log alone: nothing is decided by it.
#[derive(Default)]
pub struct RequestLog {
    /// The authenticated partner, or the disabled one.
    pub partner: Option<PartnerId>,
    /// The payload key that opened the request.
    pub payload_kid: Option<KeyId>,
    /// Time spent waiting for secrets; `None` if none were asked for.
    pub secrets_wait: Option<Duration>,
    /// The `jti` of the token that is answered.
    pub token_id: Option<TokenId>,
    /// The key that has sealed a token.
    pub token_kid: Option<KeyId>,
    /// The key that has sealed a record.
    pub record_kid: Option<KeyId>,
    /// What the write cost.
    pub write: WriteCost,
}

/// A token to answer with.
pub struct Success {
    /// Seals the answer.
    pub reply_key: ReplyKey,
    /// Names the issue.
    pub reference_id: ReferenceId,
    /// The token and what belongs to it.
    pub issued: Issued,
    /// Whether it was issued by an earlier request.
    pub replayed: bool,
}
