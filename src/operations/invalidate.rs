//! Invalidate: the partner's server ends a session (protocol.md, Invalidate).

use super::{
    Call, OperationError, Operations, Outcome, Refusal, RequestLog, Success, accept::open_call,
    concluded,
};
use crate::{record::PartitionKey, request::InvalidateRequest, secrets::Snapshot};

impl Operations {
    /// Ends the session that `call` names. To end it again changes nothing.
    ///
    /// `log` is filled as far as the call got.
    pub async fn invalidate(
        &self,
        call: &Call<'_>,
        log: &mut RequestLog,
    ) -> Result<Success, Refusal> {
        let read = |secrets: &Snapshot, log: &mut RequestLog| {
            let opened = open_call(secrets, call, log)?;
            match InvalidateRequest::parse(&opened.plaintext) {
                Ok(request) => Ok((opened, request)),
                Err(fault) => Err(Refusal::sealed(fault, opened.reply_key, None)),
            }
        };
        let (_, (opened, request)) = self.accept(call.deadline, log, read).await?;
        let (reply_key, reference_id) = (opened.reply_key, request.reference_id);
        let key = PartitionKey::new(&opened.partner.id, &reference_id);
        let now = self.clock.now();
        let revoked = self
            .records
            .revoke(&key, now, call.deadline, &mut log.call)
            .await;
        let outcome = match revoked {
            Ok(true) => Ok((Outcome::Invalidated, false)),
            Ok(false) => Err(OperationError::UnknownSession),
            Err(error) => Err(error.into()),
        };
        concluded(outcome, reply_key, reference_id)
    }
}
