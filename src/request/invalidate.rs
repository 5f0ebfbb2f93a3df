//! A request to end a session (protocol.md, Invalidate).

use super::{ReferenceId, RequestFault, members::Members, object, rules};

/// Every member that the protocol names.
const MEMBERS: [&str; 1] = ["tokenReferenceId"];

/// A valid request to end a session.
#[derive(Debug)]
pub struct InvalidateRequest {
    /// Names the session among the partner's: the `referenceId` of its Get Token.
    pub reference_id: ReferenceId,
}

impl InvalidateRequest {
    /// Reads a decrypted body.
    pub fn parse(plaintext: &[u8]) -> Result<Self, RequestFault> {
        let object = object(plaintext, &MEMBERS)?;
        let mut members = Members::of(&object);
        match members.required("tokenReferenceId", rules::reference_id) {
            Some(reference_id) => Ok(Self { reference_id }),
            None => Err(RequestFault::Members {
                faults: members.faults,
                reference_id: None,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_a_session_by_the_rule_of_reference_ids() {
        let plaintext = br#"{"tokenReferenceId":"a.b_c:d-1","other":1}"#;
        let request = InvalidateRequest::parse(plaintext).unwrap();
        assert_eq!(request.reference_id.as_str(), "a.b_c:d-1");
        for (plaintext, reason) in [
            ("{}", "is required"),
            (r#"{"tokenReferenceId":null}"#, "is required"),
            (r#"{"tokenReferenceId":1}"#, "must be a string"),
            (r#"{"tokenReferenceId":"a b"}"#, "must be 1-64 characters"),
            (
                r#"{"tokenReferenceId":"a","tokenReferenceId":"a"}"#,
                "has a repeated member",
            ),
        ] {
            let fault = InvalidateRequest::parse(plaintext.as_bytes()).unwrap_err();
            let members = fault.members();
            assert_eq!(members.len(), 1, "{plaintext}");
            assert_eq!(members[0].field, "tokenReferenceId");
            assert!(members[0].reason.starts_with(reason), "{members:?}");
        }
    }
}

#[cfg(test)]
mod vectors;
