//! Validated requests, one file per operation: if one exists, it is valid (protocol.md, Request).

mod date;
mod invalidate;
mod issue;
mod members;
mod renew;
mod rules;

use serde::Serialize;

pub use crate::json::JsonFault;
use crate::json::{self, Object};
pub use invalidate::InvalidateRequest;
pub use issue::{Customer, IssueRequest, MEMBERS, RequestFields};
pub use renew::RenewRequest;
pub(crate) use rules::is_account_number;

/// Deepest nesting of a plaintext; its outermost object is 1.
const MAX_DEPTH: usize = 8;

/// A partner's name for one session: 1-64 of `A-Z a-z 0-9 . _ : -`. The idempotency key of
/// Get Token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceId(String);

impl ReferenceId {
    /// `None` if `id` breaks the rule.
    pub fn new(id: &str) -> Option<Self> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._:-".contains(&b);
        let sound = (1..=64).contains(&id.len()) && id.bytes().all(allowed);
        sound.then(|| Self(id.to_owned()))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A member or header that breaks a rule. Holds the rule, never the value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemberFault {
    /// The member, as the sender spelt it.
    pub field: &'static str,
    /// The rule.
    pub reason: String,
}

/// Why a plaintext is no request.
#[derive(Debug, thiserror::Error)]
pub enum RequestFault {
    /// Not one JSON object of sound structure.
    #[error("the plaintext {fault}")]
    Json {
        /// What is unsound.
        fault: JsonFault,
        /// The top-level member that it is in, if the operation names it: other names are the
        /// sender's own data.
        member: Option<&'static str>,
    },
    /// Every member that fails, never only the first.
    #[error("{} members of the request fail", faults.len())]
    Members {
        /// At least one.
        faults: Vec<MemberFault>,
        /// The `referenceId`, if that is valid.
        reference_id: Option<ReferenceId>,
    },
    /// Not the sender's fault: the system's generator failed.
    #[error("the system's random generator failed")]
    Generator,
}

impl RequestFault {
    /// The failing members, as the answer's `errors`.
    pub fn members(&self) -> Vec<MemberFault> {
        match self {
            Self::Members { faults, .. } => faults.clone(),
            Self::Json { fault, member } => {
                let reason = || fault.to_string();
                let fault = |field| MemberFault {
                    field,
                    reason: reason(),
                };
                member.map(fault).into_iter().collect()
            }
            Self::Generator => Vec::new(),
        }
    }

    /// The request's `referenceId`, if it was read and is valid.
    pub fn reference_id(&self) -> Option<&ReferenceId> {
        match self {
            Self::Members { reference_id, .. } => reference_id.as_ref(),
            Self::Json { .. } | Self::Generator => None,
        }
    }
}

/// Reads a plaintext's one object. `known` are the operation's members.
fn object<'a>(
    plaintext: &'a [u8],
    known: &'static [&'static str],
) -> Result<Object<'a>, RequestFault> {
    json::object(plaintext, MAX_DEPTH).map_err(|fault| {
        let member = known_member(&fault, known);
        RequestFault::Json { fault, member }
    })
}

fn known_member(fault: &JsonFault, known: &'static [&'static str]) -> Option<&'static str> {
    let (JsonFault::Repeated { path }
    | JsonFault::LoneSurrogate { path }
    | JsonFault::TooDeep { path, .. }) = fault
    else {
        return None;
    };
    let top = path.split(['.', '[']).next()?;
    known.iter().copied().find(|name| *name == top)
}
