//! The commands of the `token-sandbox` program, and how they print.

pub(crate) mod events;
pub(crate) mod invoke;
pub(crate) mod local;
pub(crate) mod open;
pub(crate) mod page;
pub(crate) mod stack;
pub(crate) mod story;
