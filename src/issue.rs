//! The use case: one partner's request becomes one recorded token.
//!
//! Each step takes what the step before it made, so none can be skipped or moved. The record is
//! written before anything is answered: a token that was handed out and not recorded could be
//! neither replayed nor revoked.

use std::{sync::Arc, time::Duration};

use crate::redacted::Redacted;
use ring::{error::Unspecified, rand::SystemRandom};

use crate::{
    clock::{Clock, Deadline, timed},
    jwe::{FormFault, HeaderBuffer, Received, ReplyKey},
    keys::KeyId,
    partner::{AuthError, Partner, PartnerId},
    record::{
        Issued, NewRecord, RecordError, StoredRecord, Verdict,
        store::{PutOutcome, Records, WriteCost, WriteError},
    },
    request::{IssueRequest, ReferenceId, RequestFault, RequestFields},
    secrets::{SecretUnavailable, Secrets, Snapshot},
    token::{self, Lifetime, TokenId, TokenIdentity},
};

/// Issues tokens.
pub struct Issuer {
    secrets: Secrets,
    records: Records,
    audience: TokenIdentity,
    token_ttl: Duration,
    clock: Clock,
    rng: SystemRandom,
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

/// A request that gets no token.
#[derive(Debug)]
pub struct Refusal {
    /// Why.
    pub error: IssueError,
    /// How the answer is sealed; `None` if the request was not opened.
    pub reply: Option<Reply>,
}

/// What the answer to an opened request needs.
#[derive(Debug)]
pub struct Reply {
    /// Seals the answer.
    pub key: ReplyKey,
    /// The request's, if it was read and is valid.
    pub reference_id: Option<ReferenceId>,
}

impl Refusal {
    /// Of a request that was not opened.
    fn unopened(error: impl Into<IssueError>) -> Self {
        let error = error.into();
        Self { error, reply: None }
    }

    fn sealed(
        error: impl Into<IssueError>,
        key: ReplyKey,
        reference_id: Option<ReferenceId>,
    ) -> Self {
        Self {
            error: error.into(),
            reply: Some(Reply { key, reference_id }),
        }
    }
}

/// Why there is no token, by what the caller can do about it; the text is for the log.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// Come back.
    #[error(transparent)]
    NoSecrets(#[from] SecretUnavailable),
    /// Use another API key.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// Encrypt the body as the protocol says, under a key that is the partner's.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Correct the members.
    #[error(transparent)]
    Request(#[from] RequestFault),
    /// Use another `sdkApiKey`.
    #[error("sdkApiKey is not the partner's")]
    UnknownSdkApiKey,
    /// Use another `referenceId`.
    #[error("referenceId: {0}")]
    Conflict(Conflict),
    /// Come back with the same `referenceId`, if the error is transient; else nothing.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Nothing: the record that stands there can't be judged.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Nothing: the system's generator failed.
    #[error("the system's random generator failed")]
    Generator(#[from] Unspecified),
}

/// Why a body does not open. All have one public answer, but for [`OpenError::Json`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It begins with `{`.
    #[error("the body is JSON, and no compact JWE")]
    Json,
    /// API Gateway flagged it as base64, and it is not.
    #[error("the body is flagged as base64 and is not")]
    NotBase64,
    /// It is no compact JWE that this service accepts.
    #[error("the body is not an acceptable JWE: {0}")]
    Form(#[from] FormFault),
    /// It names a key that is not the partner's.
    #[error("kid names none of the partner's payload keys")]
    UnknownKid,
    /// No key opens it.
    #[error("none of the partner's payload keys that may open the body does")]
    NoKeyOpens,
}

/// What stands in a `referenceId`'s way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Another request has used it.
    #[error("reused")]
    Reused,
    /// Its token has ended.
    #[error("expired")]
    Expired,
    /// Its token was invalidated.
    #[error("revoked")]
    Revoked,
}

impl IssueError {
    /// Whether newer partners might know what these did not (protocol.md, Secrets).
    fn may_come_from_stale_partners(&self) -> bool {
        matches!(
            self,
            Self::Auth(AuthError::UnknownKey)
                | Self::Open(OpenError::UnknownKid | OpenError::NoKeyOpens)
                | Self::UnknownSdkApiKey
        )
    }
}

/// A request that its partner may make, and the key that seals its answer.
struct Accepted {
    partner: Arc<Partner>,
    request: IssueRequest,
    reply_key: ReplyKey,
}

impl Issuer {
    /// `token_ttl` is for partners without a lifetime of their own.
    pub fn new(
        secrets: Secrets,
        records: Records,
        audience: TokenIdentity,
        token_ttl: Duration,
        clock: Clock,
    ) -> Self {
        Self {
            secrets,
            records,
            audience,
            token_ttl,
            clock,
            rng: SystemRandom::new(),
        }
    }

    /// How long ago the older of the two secrets was last confirmed.
    pub async fn secrets_age(&self) -> Option<Duration> {
        self.secrets.age().await
    }

    /// Issues a token for `call`, or finds the one that an equal call was issued.
    ///
    /// `log` is filled as far as the call got.
    pub async fn issue(&self, call: &Call<'_>, log: &mut RequestLog) -> Result<Success, Refusal> {
        let (secrets, accepted) = self.accept(call, log).await?;
        let Accepted {
            partner,
            request,
            reply_key,
        } = accepted;
        let reference_id = request.reference_id.clone();
        match self.record(&secrets, &partner, request, call, log).await {
            Ok((issued, replayed)) => Ok(Success {
                reply_key,
                reference_id,
                issued,
                replayed,
            }),
            Err(error) => Err(Refusal::sealed(error, reply_key, Some(reference_id))),
        }
    }

    /// Makes a token and records it, or finds the recorded one; tells whether it is a replay.
    async fn record(
        &self,
        secrets: &Snapshot,
        partner: &Partner,
        request: IssueRequest,
        call: &Call<'_>,
        log: &mut RequestLog,
    ) -> Result<(Issued, bool), IssueError> {
        let now = self.clock.now();
        let lifetime = Lifetime::starting(now, partner.token_ttl.unwrap_or(self.token_ttl));
        let token_key = secrets.server_keys.token.sealer();
        let minted = token::mint(
            token_key,
            &self.audience,
            partner,
            &request,
            lifetime,
            &self.rng,
        )?;
        log.token_kid = Some(minted.kid.clone());
        let record_keys = &secrets.server_keys.record;
        let draft = NewRecord::seal(record_keys, &partner.id, &request, &minted, now, &self.rng)?;
        log.record_kid = Some(draft.sealed_by().clone());

        let written = self
            .records
            .write(&draft, now, call.deadline, &mut log.write)
            .await?;
        let verdict = match written {
            PutOutcome::First => Verdict::OwnWrite,
            PutOutcome::Taken(existing) => {
                self.judge(&existing, &draft, secrets, call, log).await?
            }
        };
        match verdict {
            Verdict::OwnWrite => {
                log.token_id = Some(minted.id);
                let issued = Issued {
                    expires_at: minted.lifetime.expires_at(),
                    token: minted.token,
                    server_public_key: request.session.server_public_key,
                };
                Ok((issued, false))
            }
            Verdict::Replay(issued) => Ok((issued, true)),
            Verdict::Reused => Err(IssueError::Conflict(Conflict::Reused)),
            Verdict::Expired => Err(IssueError::Conflict(Conflict::Expired)),
            Verdict::Revoked => Err(IssueError::Conflict(Conflict::Revoked)),
        }
    }

    /// From the call to a valid request, with the secrets that it was accepted by.
    ///
    /// What the partners at hand do not know, newer ones may: then the call is read once more, from
    /// its beginning, by those.
    async fn accept(
        &self,
        call: &Call<'_>,
        log: &mut RequestLog,
    ) -> Result<(Snapshot, Accepted), Refusal> {
        let current = self.secrets.current(call.deadline);
        let secrets = timed(&mut log.secrets_wait, current)
            .await
            .map_err(Refusal::unopened)?;
        match self.accept_by(&secrets, call, log) {
            Ok(accepted) => Ok((secrets, accepted)),
            Err(refusal) if refusal.error.may_come_from_stale_partners() => {
                let newer = self.secrets.newer_partners(&secrets, call.deadline);
                match timed(&mut log.secrets_wait, newer).await {
                    None => Err(refusal),
                    Some(newer) => {
                        *log = RequestLog {
                            secrets_wait: log.secrets_wait,
                            ..RequestLog::default()
                        };
                        let accepted = self.accept_by(&newer, call, log)?;
                        Ok((newer, accepted))
                    }
                }
            }
            Err(refusal) => Err(refusal),
        }
    }

    fn accept_by(
        &self,
        secrets: &Snapshot,
        call: &Call<'_>,
        log: &mut RequestLog,
    ) -> Result<Accepted, Refusal> {
        let partner = secrets
            .partners
            .authenticate(call.api_key)
            .inspect_err(|error| {
                if let AuthError::Disabled(partner) = error {
                    log.partner = Some(partner.clone());
                }
            })
            .map_err(Refusal::unopened)?;
        log.partner = Some(partner.id.clone());

        let (plaintext, reply_key) = open(partner, call.body).map_err(Refusal::unopened)?;
        log.payload_kid = Some(reply_key.kid().clone());

        let today = self.clock.now().date().unwrap_or(time::Date::MAX);
        let fields = RequestFields::parse(&plaintext, today);
        let request = match fields.and_then(|fields| fields.agree(&self.rng)) {
            Ok(request) => request,
            Err(fault) => {
                let reference_id = fault.reference_id().cloned();
                return Err(Refusal::sealed(fault, reply_key, reference_id));
            }
        };
        if !partner.has_sdk_api_key(&request.sdk_api_key) {
            let reference_id = Some(request.reference_id);
            let error = IssueError::UnknownSdkApiKey;
            return Err(Refusal::sealed(error, reply_key, reference_id));
        }
        Ok(Accepted {
            partner: Arc::clone(partner),
            request,
            reply_key,
        })
    }

    /// Judges the record that stands there, by newer keys if these don't know the one that sealed it.
    async fn judge(
        &self,
        existing: &StoredRecord,
        draft: &NewRecord,
        secrets: &Snapshot,
        call: &Call<'_>,
        log: &mut RequestLog,
    ) -> Result<Verdict, IssueError> {
        let judge = |ring| existing.judge(draft, ring, self.clock.now());
        let verdict = match judge(&secrets.server_keys.record) {
            Err(RecordError::UnknownKey) => {
                let newer = self.secrets.newer_server_keys(secrets, call.deadline);
                match timed(&mut log.secrets_wait, newer).await? {
                    None => Err(RecordError::UnknownKey),
                    Some(newer) => judge(&newer.record),
                }
            }
            verdict => verdict,
        };
        if let Ok(Verdict::Replay(_)) = verdict {
            log.token_id = existing.token_id();
        }
        Ok(verdict?)
    }
}

/// Opens the body with the key that it names, or with each of the partner's in turn.
fn open(
    partner: &Partner,
    body: Option<&[u8]>,
) -> Result<(Redacted<Vec<u8>>, ReplyKey), OpenError> {
    let compact = bare(body.ok_or(OpenError::NotBase64)?);
    if compact.first() == Some(&b'{') {
        return Err(OpenError::Json);
    }
    let mut header = HeaderBuffer::new();
    let received = Received::parse(compact, &mut header)?;
    let keys = &partner.payload_keys;
    match received.kid() {
        Some(kid) => {
            let key = keys.opener(kid).ok_or(OpenError::UnknownKid)?;
            let opened = received.open([key]);
            let (plaintext, key) = opened.ok_or(OpenError::NoKeyOpens)?;
            Ok((plaintext, ReplyKey::named(key)))
        }
        None => {
            let opened = received.open(keys.openers());
            let (plaintext, key) = opened.ok_or(OpenError::NoKeyOpens)?;
            Ok((plaintext, ReplyKey::unnamed(key)))
        }
    }
}

/// Drops surrounding white space and one pair of JSON double quotes.
fn bare(body: &[u8]) -> &[u8] {
    let body = body.trim_ascii();
    body.strip_prefix(b"\"")
        .and_then(|body| body.strip_suffix(b"\""))
        .unwrap_or(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_white_space_and_one_pair_of_quotes() {
        for (body, expected) in [
            ("a.b", "a.b"),
            (" \n a.b\t", "a.b"),
            ("\"a.b\"", "a.b"),
            (" \"a.b\" ", "a.b"),
            ("\"\"a.b\"\"", "\"a.b\""),
            ("\"a.b", "\"a.b"),
            ("\"", "\""),
            ("", ""),
        ] {
            assert_eq!(bare(body.as_bytes()), expected.as_bytes(), "{body}");
        }
    }

    #[test]
    fn only_what_newer_partners_may_know_asks_for_them() {
        let known = PartnerId::new("p");
        let disabled = AuthError::Disabled(known.unwrap());
        for (error, may) in [
            (IssueError::from(AuthError::UnknownKey), true),
            (OpenError::UnknownKid.into(), true),
            (OpenError::NoKeyOpens.into(), true),
            (IssueError::UnknownSdkApiKey, true),
            (AuthError::MissingKey.into(), false),
            (disabled.into(), false),
            (OpenError::Json.into(), false),
            (OpenError::NotBase64.into(), false),
            (IssueError::Conflict(Conflict::Reused), false),
            (IssueError::Generator(Unspecified), false),
        ] {
            assert_eq!(error.may_come_from_stale_partners(), may, "{error}");
        }
    }
}
