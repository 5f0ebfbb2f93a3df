//! One list of keys, rotated step by step. Keys have serial numbers; what a key is follows from its
//! name, so that a run can be repeated.
//!
//! ```text
//!   [a] ──append──> [a, b] ──front──> [b, a] ──remove──> [b]
//!         b opens            b seals           a is gone
//! ```

use peers::credentials::Jwk;
use serde_json::{Value, json};
use service_tests::clocks::Moment;
use sha2::{Digest, Sha256};

use crate::sequence::Keys;

/// A list of keys by their serial numbers, the first of which seals.
#[derive(Clone, Debug)]
pub struct List {
    name: &'static str,
    serials: Vec<Serial>,
    stage: Stage,
    /// When its last change was published.
    pub changed: Moment,
}

/// Where a rotation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// One key.
    Single,
    /// The new one opens only.
    Appended,
    /// The new one is in front.
    InFront,
}

/// A key of a list, and since when it is there if it was not from the beginning.
#[derive(Clone, Copy, Debug)]
pub(super) struct Serial {
    number: u32,
    pub(super) appended: Option<Moment>,
}

impl List {
    pub(super) fn new(name: &'static str, now: Moment) -> Self {
        Self {
            name,
            serials: vec![Serial {
                number: 1,
                appended: None,
            }],
            stage: Stage::Single,
            changed: now,
        }
    }

    /// Where its rotation is.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Makes the next step of its rotation.
    pub(super) fn advance(&mut self, now: Moment) {
        self.changed = now;
        self.stage = match self.stage {
            Stage::Single => {
                let last = self.serials.iter().map(|serial| serial.number).max();
                self.serials.push(Serial {
                    number: last.unwrap_or_default() + 1,
                    appended: Some(now),
                });
                Stage::Appended
            }
            Stage::Appended => {
                self.serials.reverse();
                Stage::InFront
            }
            Stage::InFront => {
                self.serials.truncate(1);
                Stage::Single
            }
        };
    }

    /// The first one, or the other one if that is asked for and there is one.
    pub(super) fn choose(&self, keys: Keys) -> Option<&Serial> {
        let other = self.serials.get(1).filter(|_| keys == Keys::Other);
        other.or(self.serials.first())
    }

    fn names(&self, of: &str) -> Vec<String> {
        let serials = self.serials.iter();
        serials.map(|serial| self.name_of(of, serial)).collect()
    }

    /// The name of one of them, whose owner is `of`.
    pub(super) fn name_of(&self, of: &str, serial: &Serial) -> String {
        format!("{of}-{}-{}", self.name, serial.number)
    }

    /// Them as a JWK Set.
    pub(super) fn ring(&self, of: &str) -> Value {
        let keys: Vec<Value> = self
            .names(of)
            .iter()
            .map(|kid| key(kid).to_json())
            .collect();
        json!({ "keys": keys })
    }

    /// Their SHA-256, as the secret has API keys.
    pub(super) fn hashes(&self, of: &str) -> Value {
        let names = self.names(of).into_iter();
        let hashes = names.map(|name| hex(&digest(&name)).into());
        Value::Array(hashes.collect())
    }
}

/// The key of a name: the SHA-256 of it.
pub(super) fn key(kid: &str) -> Jwk {
    Jwk {
        kid: kid.to_owned(),
        k: digest(kid),
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
