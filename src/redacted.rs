//! Secrets in memory: zeroized when they are dropped, and never shown by `Debug`.
//!
//! `clippy.toml` forbids `Zeroizing`, whose `Debug` shows its content, so each zeroized value of
//! this crate is one of these, and a derived `Debug` of a type that holds one is safe.

use std::{
    fmt,
    ops::{Deref, DerefMut},
};

use serde::Serialize;
use zeroize::Zeroize;

/// A secret or a customer's data. Zeroized on drop; `Debug` shows nothing of it.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Redacted<T: Zeroize>(T);

impl<T: Zeroize> Redacted<T> {
    /// Takes charge of `secret`.
    pub const fn new(secret: T) -> Self {
        Self(secret)
    }
}

impl<T: Zeroize> Deref for Redacted<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> DerefMut for Redacted<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Zeroize> Drop for Redacted<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("redacted")
    }
}
