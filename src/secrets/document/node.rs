//! A document's values with the path of each, and the faults that were noted about them.

use std::{cell::RefCell, collections::HashSet, hash::Hash};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use super::{DocumentFault, DocumentFaults};
use crate::{
    json::{Object, Value},
    keys::KeyBytes,
    redacted::Redacted,
};

/// The faults of a document so far, in the order in which they were found.
#[derive(Default)]
pub(super) struct Noted(RefCell<Vec<DocumentFault>>);

impl Noted {
    fn note(&self, fault: DocumentFault) {
        self.0.borrow_mut().push(fault);
    }

    /// What was read, unless a fault was noted.
    pub(super) fn unless_any<T>(self, read: Option<T>) -> Result<T, DocumentFaults> {
        let mut faults = self.0.into_inner().into_iter();
        match (faults.next(), read) {
            (None, Some(read)) => Ok(read),
            (Some(first), _) => Err(DocumentFaults {
                first,
                rest: faults.collect(),
            }),
            // Whoever reads nothing has noted why. If it has not, the document is refused all the
            // same.
            (None, None) => Err(DocumentFault::Member {
                path: String::new(),
                rule: "cannot be read",
            }
            .into()),
        }
    }
}

/// A value, where it stands, and where its faults are noted.
pub(super) struct Node<'v, 'a> {
    value: &'v Value<'a>,
    path: String,
    noted: &'v Noted,
}

impl<'v, 'a> Node<'v, 'a> {
    pub(super) fn root(value: &'v Value<'a>, noted: &'v Noted) -> Self {
        let path = String::new();
        Self { value, path, noted }
    }

    fn child(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }

    /// Notes that this value breaks `rule`.
    pub(super) fn fault(&self, rule: &'static str) {
        let path = self.path.clone();
        self.noted.note(DocumentFault::Member { path, rule });
    }

    /// `read`, or a note that this value breaks `rule`.
    pub(super) fn or_fault<T>(&self, read: Option<T>, rule: &'static str) -> Option<T> {
        if read.is_none() {
            self.fault(rule);
        }
        read
    }

    pub(super) fn object(&self) -> Option<&'v Object<'a>> {
        match self.value {
            Value::Object(object) => Some(object),
            _ => self.or_fault(None, "must be an object"),
        }
    }

    /// Unknown members are refused: a misspelt `enabled` must not leave a partner on.
    pub(super) fn only(&self, names: &[&str]) {
        let Value::Object(members) = self.value else {
            return;
        };
        for (name, _) in members.iter().filter(|(name, _)| !names.contains(name)) {
            self.noted.note(DocumentFault::Member {
                path: self.child(name),
                rule: "is not a member of this document",
            });
        }
    }

    pub(super) fn required(&self, name: &str) -> Option<Self> {
        let member = self.optional(name);
        if member.is_none() {
            self.noted.note(DocumentFault::Member {
                path: self.child(name),
                rule: "is required",
            });
        }
        member
    }

    /// `None` if it is absent: no fault.
    pub(super) fn optional(&self, name: &str) -> Option<Self> {
        let Value::Object(members) = self.value else {
            return None;
        };
        let (path, noted) = (self.child(name), self.noted);
        let value = members.member(name)?;
        Some(Self { value, path, noted })
    }

    pub(super) fn elements(&self) -> Option<Vec<Self>> {
        let Value::Array(elements) = self.value else {
            return self.or_fault(None, "must be an array");
        };
        let element = |(index, value)| Self {
            value,
            path: format!("{}[{index}]", self.path),
            noted: self.noted,
        };
        Some(elements.iter().enumerate().map(element).collect())
    }

    pub(super) fn string(&self) -> Option<&'v str> {
        match self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// No sign, fraction or exponent.
    pub(super) fn integer(&self) -> Option<u64> {
        match self.value {
            Value::Number(text) => text.parse().ok(),
            _ => None,
        }
    }

    pub(super) fn boolean(&self) -> Option<bool> {
        match self.value {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    pub(super) fn key_bytes(&self) -> Option<KeyBytes> {
        let mut bytes = Redacted::new([0; 32]);
        let text = self.string().unwrap_or_default();
        let decoded = BASE64_URL_SAFE_NO_PAD.decode_slice(text, bytes.as_mut_slice());
        let bytes = matches!(decoded, Ok(32)).then_some(bytes);
        self.or_fault(
            bytes,
            "must be base64url of exactly 32 bytes, without padding",
        )
    }

    /// Notes a fault if `seen` has `value` already.
    pub(super) fn unique<T: Eq + Hash>(&self, seen: &mut HashSet<T>, value: T) {
        if !seen.insert(value) {
            self.fault("must not occur twice");
        }
    }
}
