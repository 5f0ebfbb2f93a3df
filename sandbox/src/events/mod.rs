//! The sample events of `events/`: what each shows, what it is answered, and how their files are
//! made.
//!
//! [`catalogue`] is the one place that says which samples there are. [`write()`] makes their files
//! and the [`Manifest`], from which a sender takes them. In one [`Conversation`] it sends what a
//! sample needs before it, then the sample. [`Sample::differences`] holds the answer against the
//! documented one.

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
