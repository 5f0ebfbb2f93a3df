//! The service's design as two state machines, each checked in every state that it can reach:
//! [`issue`], what requests for one `referenceId` do to each other, and [`rotation`], what a change of
//! keys does to what old keys have sealed. [`check`] runs them.

pub mod check;
pub mod issue;
pub mod rotation;
