//! Get Token: one partner's request becomes one recorded token (protocol.md, Get Token).
//!
//! The record is written before anything is answered: a token that was handed out and not recorded
//! could be neither replayed nor revoked.

use std::sync::Arc;

use super::{
    Call, OperationError, Operations, Outcome, Refusal, RequestLog, Success,
    accept::{Opened, open_call},
    concluded,
};
use crate::{
    jwe::ReplyKey,
    partner::Partner,
    record::{Issued, NewRecord, Verdict, store::PutOutcome},
    request::{IssueRequest, RequestFields},
    secrets::Snapshot,
    token::{self, Grant, Lifetime},
};

/// A request that its partner may make, and the key that seals its answer.
struct Accepted {
    partner: Arc<Partner>,
    request: IssueRequest,
    reply_key: ReplyKey,
}

impl Operations {
    /// Issues a token for `call`, or finds the one that an equal call was issued.
    ///
    /// `log` is filled as far as the call got.
    pub async fn issue(&self, call: &Call<'_>, log: &mut RequestLog) -> Result<Success, Refusal> {
        let read = |secrets: &Snapshot, log: &mut RequestLog| {
            let opened = open_call(secrets, call, log)?;
            self.read_issue(opened)
        };
        let (secrets, accepted) = self.accept(call.deadline, log, read).await?;
        let Accepted {
            partner,
            request,
            reply_key,
        } = accepted;
        let reference_id = request.reference_id.clone();
        let outcome = self.record(&secrets, &partner, request, call, log).await;
        concluded(outcome, reply_key, reference_id)
    }

    /// From an opened body to a valid request that its partner may make.
    fn read_issue(&self, opened: Opened) -> Result<Accepted, Refusal> {
        let Opened {
            partner,
            plaintext,
            reply_key,
        } = opened;
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
            let error = OperationError::UnknownSdkApiKey;
            return Err(Refusal::sealed(error, reply_key, reference_id));
        }
        Ok(Accepted {
            partner,
            request,
            reply_key,
        })
    }

    /// Makes a token and records it, or finds the recorded one; tells whether it is a replay.
    async fn record(
        &self,
        secrets: &Snapshot,
        partner: &Partner,
        request: IssueRequest,
        call: &Call<'_>,
        log: &mut RequestLog,
    ) -> Result<(Outcome, bool), OperationError> {
        let now = self.clock.now();
        let lifetime = Lifetime::first(now, self.ttls_of(partner));
        let grant = Grant {
            account_number: &request.customer.account_number,
            partner: &partner.id,
            program_id: partner.program_id,
            reference_id: &request.reference_id,
            session_key: &request.session.key,
        };
        let token_key = secrets.server_keys.token.sealer();
        let minted = token::mint(token_key, &self.identity, grant, lifetime, &self.rng)?;
        log.token_kid = Some(minted.kid.clone());
        let record_keys = &secrets.server_keys.record;
        let draft = NewRecord::seal(record_keys, &partner.id, &request, &minted, &self.rng)?;
        log.record_kid = Some(draft.sealed_by().clone());

        let written = self
            .records
            .put(&draft, now, call.deadline, &mut log.call)
            .await?;
        let verdict = match written {
            PutOutcome::First => Verdict::OwnWrite,
            PutOutcome::Taken(existing) => {
                let judge = |ring: &_| existing.judge(&draft, ring, self.clock.now());
                self.judged(&existing, secrets, call.deadline, log, judge)
                    .await?
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
                Ok((Outcome::Issued(issued), false))
            }
            Verdict::Replay(issued) => Ok((Outcome::Issued(issued), true)),
            Verdict::Refused(conflict) => Err(conflict.into()),
        }
    }
}
