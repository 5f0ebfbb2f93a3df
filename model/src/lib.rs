//! The service's design as a state machine, checked in every state that it can reach: [`issue`] is what
//! requests for one `referenceId` do to each other. [`check`] runs it.

pub mod check;
pub mod issue;
