//! The sample events of `events/`: what each shows, what it is answered, and how their files are
//! made.
//!
//! [`catalogue`] is the one place that says which samples there are. [`write()`] makes the files of
//! it. Whoever sends them takes them from the [`Manifest`], sends what comes before each and then
//! itself in a [`Conversation`], and asks [`Sample::differences`].

mod draft;
mod json;
mod manifest;
mod samples;
mod send;
mod shape;
mod write;

pub use draft::sample_request;
pub use manifest::{FailingMember, Manifest, ManifestError, Sample};
pub use samples::{CatalogueError, Entry, catalogue};
pub use send::{Conversation, SendError, read};
pub use write::{Difference, WriteError, differences, write};
