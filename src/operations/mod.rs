//! What callers can ask for, one file per operation, and what all of them share.
//!
//! Each step takes what the step before it made, so none can be skipped or moved.

mod accept;
mod introspect;
mod invalidate;
mod issue;
mod refusal;
mod renew;

use ring::rand::SystemRandom;

pub use introspect::{IntrospectCall, Introspection, IntrospectionError};
pub use refusal::{OpenError, OperationError, Refusal, Reply};
pub use renew::RenewCall;

use std::time::Duration;

use crate::{
    clock::{Clock, UnixMillis},
    deadline::Deadline,
    jwe::ReplyKey,
    keys::KeyId,
    partner::{Partner, PartnerId},
    record::{CallCost, Issued, Renewed, store::Records},
    request::ReferenceId,
    secrets::Secrets,
    token::{TokenId, TokenIdentity, Ttls},
};

/// The operations, and what they work with.
pub struct Operations {
    secrets: Secrets,
    records: Records,
    identity: TokenIdentity,
    ttls: Ttls,
    clock: Clock,
    rng: SystemRandom,
}

impl Operations {
    /// `ttls` are for partners without lifetimes of their own.
    pub fn new(
        secrets: Secrets,
        records: Records,
        identity: TokenIdentity,
        ttls: Ttls,
        clock: Clock,
    ) -> Self {
        Self {
            secrets,
            records,
            identity,
            ttls,
            clock,
            rng: SystemRandom::new(),
        }
    }

    /// How long ago the older of the two secrets was last confirmed.
    pub async fn secrets_age(&self) -> Option<Duration> {
        self.secrets.age().await
    }

    fn ttls_of(&self, partner: &Partner) -> Ttls {
        Ttls {
            token: partner.token_ttl.unwrap_or(self.ttls.token),
            session: partner.session_ttl.unwrap_or(self.ttls.session),
        }
    }
}

/// One call with an encrypted body, as it was received.
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
    /// The resource server that asks.
    pub resource_server: Option<PartnerId>,
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
    /// Whether a token was presented that had been replaced.
    pub superseded: bool,
    /// What the call of DynamoDB cost.
    pub call: CallCost,
}

/// An outcome to answer with.
pub struct Success {
    /// Seals the answer.
    pub reply_key: ReplyKey,
    /// Names the session.
    pub reference_id: ReferenceId,
    /// What was granted or done.
    pub outcome: Outcome,
    /// Whether an earlier request had this outcome.
    pub replayed: bool,
}

/// The end of an opened request: its outcome, and whether an earlier request had it, or a refusal.
fn concluded(
    outcome: Result<(Outcome, bool), OperationError>,
    reply_key: ReplyKey,
    reference_id: ReferenceId,
) -> Result<Success, Refusal> {
    match outcome {
        Ok((outcome, replayed)) => Ok(Success {
            reply_key,
            reference_id,
            outcome,
            replayed,
        }),
        Err(error) => Err(Refusal::sealed(error, reply_key, Some(reference_id))),
    }
}

/// What an operation was asked for.
pub enum Outcome {
    /// A session's token, and what its SDK derives the session key with.
    Issued(Issued),
    /// A session's next token.
    Renewed(Renewed),
    /// The session has ended.
    Invalidated,
}

impl Outcome {
    /// When the token that is granted ends; `None` if none is.
    pub fn expires_at(&self) -> Option<UnixMillis> {
        match self {
            Self::Issued(issued) => Some(issued.expires_at),
            Self::Renewed(renewed) => Some(renewed.expires_at),
            Self::Invalidated => None,
        }
    }
}
