//! From a call to an opened body: the partner by its API key, the body by one of its keys.

use std::sync::Arc;

use super::{Call, OpenError, OperationError, Operations, Refusal, RequestLog};
use crate::{
    deadline::{Deadline, timed},
    jwe::{HeaderBuffer, Received, ReplyKey},
    keys::KeyRing,
    partner::{AuthError, Partner},
    record::{RecordError, RecordKey, StoredRecord, Verdict},
    redacted::Redacted,
    secrets::{SecretUnavailable, Snapshot, Stale},
};

/// A partner's opened body, and the key that seals the answer.
pub(super) struct Opened {
    pub(super) partner: Arc<Partner>,
    pub(super) plaintext: Redacted<Vec<u8>>,
    pub(super) reply_key: ReplyKey,
}

/// A refusal that newer secrets might change.
pub(super) trait StaleRefusal: From<SecretUnavailable> {
    /// Which secret might know what this one did not (protocol.md, Secrets).
    fn may_come_from_stale(&self) -> Option<Stale>;
}

impl Operations {
    /// Reads a call with the cached secrets. If these lack what the call names, reads it again from
    /// the beginning with newer ones: at most once for each of the two secrets.
    pub(super) async fn accept<T, R: StaleRefusal>(
        &self,
        deadline: Deadline,
        log: &mut RequestLog,
        read: impl Fn(&Snapshot, &mut RequestLog) -> Result<T, R>,
    ) -> Result<(Snapshot, T), R> {
        let current = self.secrets.current(deadline);
        let mut secrets = timed(&mut log.secrets_wait, current).await?;
        let mut refreshed = Vec::new();
        loop {
            let refusal = match read(&secrets, log) {
                Ok(accepted) => return Ok((secrets, accepted)),
                Err(refusal) => refusal,
            };
            let stale = refusal.may_come_from_stale();
            let Some(stale) = stale.filter(|stale| !refreshed.contains(stale)) else {
                return Err(refusal);
            };
            let newer = self.secrets.newer(&secrets, stale, deadline);
            // After a failed refresh the cached secrets still decide (protocol.md, Secrets).
            let Ok(Some(newer)) = timed(&mut log.secrets_wait, newer).await else {
                return Err(refusal);
            };
            *log = RequestLog {
                secrets_wait: log.secrets_wait,
                ..RequestLog::default()
            };
            secrets = newer;
            refreshed.push(stale);
        }
    }

    /// Judges the record that stands there by the record keys at hand, or by newer ones if these
    /// lack one that sealed it. Notes which token a replay answers with.
    pub(super) async fn judged<Granted, Reason>(
        &self,
        existing: &StoredRecord,
        secrets: &Snapshot,
        deadline: Deadline,
        log: &mut RequestLog,
        judge: impl Fn(&KeyRing<RecordKey>) -> Result<Verdict<Granted, Reason>, RecordError>,
    ) -> Result<Verdict<Granted, Reason>, OperationError> {
        let mut verdict = judge(&secrets.server_keys.record);
        if let Err(RecordError::UnknownKey) = verdict {
            let newer = self.secrets.newer(secrets, Stale::ServerKeys, deadline);
            if let Some(newer) = timed(&mut log.secrets_wait, newer).await? {
                verdict = judge(&newer.server_keys.record);
            }
        }
        if let Ok(Verdict::Replay(_)) = verdict {
            log.token_id = existing.token_id();
        }
        Ok(verdict?)
    }
}

/// Authenticates the partner and opens the body.
pub(super) fn open_call(
    secrets: &Snapshot,
    call: &Call<'_>,
    log: &mut RequestLog,
) -> Result<Opened, Refusal> {
    let partner = noted(secrets.api_keys.partners.authenticate(call.api_key), log)?;
    let (plaintext, reply_key) = open(partner, call.body).map_err(Refusal::unopened)?;
    log.payload_kid = reply_key.kid().cloned();
    Ok(Opened {
        partner: Arc::clone(partner),
        plaintext,
        reply_key,
    })
}

/// Notes who was authenticated, or who is disabled.
pub(super) fn noted<'s>(
    authenticated: Result<&'s Arc<Partner>, AuthError>,
    log: &mut RequestLog,
) -> Result<&'s Arc<Partner>, Refusal> {
    log.partner = match &authenticated {
        Ok(partner) => Some(partner.id.clone()),
        Err(AuthError::Disabled(partner)) => Some(partner.clone()),
        Err(_) => None,
    };
    authenticated.map_err(Refusal::unopened)
}

/// Opens the body with the key that it names, or with each of the partner's in turn.
fn open(
    partner: &Partner,
    body: Option<&[u8]>,
) -> Result<(Redacted<Vec<u8>>, ReplyKey), OpenError> {
    let mut header = HeaderBuffer::new();
    let received = receive(body, &mut header)?;
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

/// Reads the form of an encrypted body.
pub(super) fn receive<'a>(
    body: Option<&'a [u8]>,
    header: &'a mut HeaderBuffer,
) -> Result<Received<'a>, OpenError> {
    let compact = bare(body.ok_or(OpenError::NotBase64)?);
    if compact.first() == Some(&b'{') {
        return Err(OpenError::Json);
    }
    Ok(Received::parse(compact, header)?)
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
}
