//! Renew: the SDK replaces its token while its session lasts (protocol.md, Renew).

use std::sync::Arc;

use super::{
    Call, OperationError, Operations, Outcome, Refusal, RequestLog, Success,
    accept::{noted, receive},
    concluded,
};
use crate::{
    jwe::{HeaderBuffer, ReplyKey},
    partner::Partner,
    record::{Ended, Renewal, Renewed, Verdict, store::RenewOutcome},
    redacted::Redacted,
    request::RenewRequest,
    secrets::Snapshot,
    token::{self, PresentedToken},
};

/// A renewal, as it was received.
pub struct RenewCall<'a> {
    /// Its `X-API-KEY` is one of the partner's `sdkApiKey`s.
    pub call: Call<'a>,
    /// The `X-API-TOKEN` header.
    pub api_token: Option<&'a str>,
    /// The `X-ACCOUNT-NUMBER` header.
    pub account_number: Option<&'a str>,
}

/// A renewal that its session's SDK asks for.
struct Accepted {
    partner: Arc<Partner>,
    request: RenewRequest,
    reply_key: ReplyKey,
}

impl Operations {
    /// Renews the token that `call` presents, or finds what an earlier renewal of it made.
    ///
    /// `log` is filled as far as the call got.
    pub async fn renew(
        &self,
        call: &RenewCall<'_>,
        log: &mut RequestLog,
    ) -> Result<Success, Refusal> {
        let read = |secrets: &Snapshot, log: &mut RequestLog| self.read_renewal(secrets, call, log);
        let (secrets, accepted) = self.accept(call.call.deadline, log, read).await?;
        let Accepted {
            partner,
            request: RenewRequest { presented },
            reply_key,
        } = accepted;
        let outcome = self
            .replace(&secrets, &partner, &presented, &call.call, log)
            .await;
        concluded(outcome, reply_key, presented.reference_id)
    }

    /// From the headers to a body that the session key opened and that is about the same token.
    fn read_renewal(
        &self,
        secrets: &Snapshot,
        call: &RenewCall<'_>,
        log: &mut RequestLog,
    ) -> Result<Accepted, Refusal> {
        let compact = call.api_token.unwrap_or_default();
        let presented = token::open(compact, &secrets.server_keys.token, &self.identity)
            .map_err(Refusal::unopened)?;
        let partners = &secrets.api_keys.partners;
        let partner = partners.authenticate_app(&presented.partner, call.call.api_key);
        let partner = noted(partner, log)?;

        let (plaintext, reply_key) = open(&presented, call.call.body).map_err(Refusal::unopened)?;
        // A refused renewal's line names the token that was presented, so that its session can be
        // found.
        log.token_id = Some(presented.id.clone());
        let reference_id = presented.reference_id.clone();
        match RenewRequest::parse(&plaintext, compact, call.account_number, presented) {
            Ok(request) => Ok(Accepted {
                partner: Arc::clone(partner),
                request,
                reply_key,
            }),
            Err(fault) => Err(Refusal::sealed(fault, reply_key, Some(reference_id))),
        }
    }

    /// Makes the session's next token and records it; tells whether an earlier renewal had done so.
    async fn replace(
        &self,
        secrets: &Snapshot,
        partner: &Partner,
        presented: &PresentedToken,
        call: &Call<'_>,
        log: &mut RequestLog,
    ) -> Result<(Outcome, bool), OperationError> {
        let now = self.clock.now();
        let lifetime = presented
            .lifetime
            .renewed(now, self.ttls_of(partner))
            .ok_or(Ended::Expired)?;
        let token_key = secrets.server_keys.token.sealer();
        let grant = presented.grant();
        let minted = token::mint(token_key, &self.identity, grant, lifetime, &self.rng)?;
        log.token_kid = Some(minted.kid.clone());
        let record_keys = &secrets.server_keys.record;
        let renewal = Renewal::seal(record_keys, presented, &minted, &self.rng)?;
        log.record_kid = Some(renewal.sealed_by().clone());

        let written = self
            .records
            .renew(&renewal, now, call.deadline, &mut log.call)
            .await?;
        let verdict = match written {
            RenewOutcome::First => Verdict::OwnWrite,
            RenewOutcome::Refused(None) => Verdict::Refused(Ended::Expired),
            RenewOutcome::Refused(Some(existing)) => {
                let judge = |ring: &_| existing.judge_renewal(&renewal, ring, self.clock.now());
                self.judged(&existing, secrets, call.deadline, log, judge)
                    .await?
            }
        };
        match verdict {
            Verdict::OwnWrite => {
                log.token_id = Some(minted.id);
                let renewed = Renewed {
                    expires_at: minted.lifetime.expires_at(),
                    token: minted.token,
                };
                Ok((Outcome::Renewed(renewed), false))
            }
            Verdict::Replay(renewed) => Ok((Outcome::Renewed(renewed), true)),
            Verdict::Refused(ended) => {
                log.superseded = ended == Ended::Superseded;
                Err(ended.into())
            }
        }
    }
}

/// Opens the body with the token's session key, which proves that the caller holds it.
fn open(
    presented: &PresentedToken,
    body: Option<&[u8]>,
) -> Result<(Redacted<Vec<u8>>, ReplyKey), OperationError> {
    let mut header = HeaderBuffer::new();
    let received = receive(body, &mut header).map_err(OperationError::OpenRenewal)?;
    let session_key = presented.session_key.aead()?;
    let plaintext = received.open_with(&session_key);
    let plaintext = plaintext.ok_or(OperationError::OpenRenewal(super::OpenError::NoKeyOpens))?;
    Ok((plaintext, ReplyKey::session(session_key)))
}
