//! The record of a session: what of it is clear, what is sealed, and what it means for a request
//! that finds it (protocol.md, Record).

mod calls;
mod contents;
mod draft;
mod item;
mod key;
pub mod store;
mod stored;

pub use calls::{Call, CallCost, StoreError};
pub use contents::SessionContents;
pub use draft::{NewRecord, Renewal};
pub use key::RecordKey;
pub use stored::{
    Conflict, Ended, Issued, RecordError, Renewed, SessionState, StoredRecord, Verdict,
};

use crate::{partner::PartnerId, request::ReferenceId};

/// A record's partition key: `<partnerId>#<referenceId>`. No partner id holds a `#`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionKey(String);

impl PartitionKey {
    /// Names one session.
    pub fn new(partner: &PartnerId, reference: &ReferenceId) -> Self {
        Self(format!("{}#{}", partner.as_str(), reference.as_str()))
    }

    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
