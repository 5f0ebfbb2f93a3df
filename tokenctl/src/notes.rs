//! What there is to say before a command ends: on standard error, so that standard output is the
//! result alone.

use serde_json::json;

/// Where notes go, and how.
#[derive(Clone, Copy)]
pub(crate) struct Notes {
    /// A line of JSON each, `{"note":"..."}`, as all of standard error is with `--json`.
    pub(crate) as_json: bool,
}

impl Notes {
    /// Says something.
    pub(crate) fn say(self, text: &str) {
        if self.as_json {
            anstream::eprintln!("{}", json!({ "note": text }));
        } else {
            anstream::eprintln!("{text}");
        }
    }
}
