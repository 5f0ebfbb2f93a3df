//! A request for a session's next token (protocol.md, Renew).

use super::{RequestFault, members::Members, object};
use crate::{json::Value, token::PresentedToken};

/// Every member that the protocol names.
const MEMBERS: [&str; 1] = ["token"];

/// A valid renewal: body and headers are about the one token that was presented.
#[derive(Debug)]
pub struct RenewRequest {
    /// The token to be replaced.
    pub presented: PresentedToken,
}

impl RenewRequest {
    /// Reads a body that the session key opened, and compares what it and the headers name.
    ///
    /// `compact` is the text of `presented`, as the header has it.
    pub fn parse(
        plaintext: &[u8],
        compact: &str,
        account_number: Option<&str>,
        presented: PresentedToken,
    ) -> Result<Self, RequestFault> {
        let object = object(plaintext, &MEMBERS)?;
        let mut members = Members::of(&object);
        match account_number {
            None => members.fault("X-ACCOUNT-NUMBER", "is required"),
            Some(number) if number != *presented.account_number => {
                members.fault("X-ACCOUNT-NUMBER", "must be the token's account number");
            }
            Some(_) => {}
        }
        members.required("token", |value| match value {
            Value::String(token) if token == compact => Ok(()),
            Value::String(_) => Err("must be the token in X-API-TOKEN".into()),
            _ => Err("must be a string".into()),
        });
        if members.faults.is_empty() {
            return Ok(Self { presented });
        }
        Err(RequestFault::Members {
            faults: members.faults,
            reference_id: Some(presented.reference_id),
        })
    }
}

#[cfg(test)]
mod vectors;
