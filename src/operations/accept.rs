//! From a call to an opened body: the partner by its API key, the body by one of its keys.

use std::sync::Arc;

use super::{Call, OpenError, Operations, Refusal, RequestLog};
use crate::{
    deadline::timed,
    jwe::{HeaderBuffer, Received, ReplyKey},
    partner::{AuthError, Partner},
    redacted::Redacted,
    secrets::Snapshot,
};

/// A partner's opened body, and the key that seals the answer.
pub(super) struct Opened {
    pub(super) partner: Arc<Partner>,
    pub(super) plaintext: Redacted<Vec<u8>>,
    pub(super) reply_key: ReplyKey,
}

impl Operations {
    /// Reads a call by the secrets at hand. Where their partners lack what the call names, newer ones
    /// may have it: then it is read once more, from its beginning, by those.
    pub(super) async fn accept<T>(
        &self,
        call: &Call<'_>,
        log: &mut RequestLog,
        read: impl Fn(&Snapshot, &mut RequestLog) -> Result<T, Refusal>,
    ) -> Result<(Snapshot, T), Refusal> {
        let current = self.secrets.current(call.deadline);
        let secrets = timed(&mut log.secrets_wait, current)
            .await
            .map_err(Refusal::unopened)?;
        let refusal = match read(&secrets, log) {
            Ok(accepted) => return Ok((secrets, accepted)),
            Err(refusal) => refusal,
        };
        if !refusal.error.may_come_from_stale_partners() {
            return Err(refusal);
        }
        let newer = self.secrets.newer_partners(&secrets, call.deadline);
        let Some(newer) = timed(&mut log.secrets_wait, newer).await else {
            return Err(refusal);
        };
        *log = RequestLog {
            secrets_wait: log.secrets_wait,
            ..RequestLog::default()
        };
        let accepted = read(&newer, log)?;
        Ok((newer, accepted))
    }
}

/// Authenticates the partner and opens the body.
pub(super) fn open_call(
    secrets: &Snapshot,
    call: &Call<'_>,
    log: &mut RequestLog,
) -> Result<Opened, Refusal> {
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
    Ok(Opened {
        partner: Arc::clone(partner),
        plaintext,
        reply_key,
    })
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
}
