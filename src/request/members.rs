//! The members of one request, read one by one.

use super::{MemberFault, rules::Reason};
use crate::json::{Object, Value};

/// The members of one request, and the faults found so far.
pub(super) struct Members<'o, 'a> {
    object: &'o Object<'a>,
    pub(super) faults: Vec<MemberFault>,
}

impl<'o, 'a> Members<'o, 'a> {
    pub(super) fn of(object: &'o Object<'a>) -> Self {
        let faults = Vec::new();
        Self { object, faults }
    }

    pub(super) fn fault(&mut self, field: &'static str, reason: &str) {
        let reason = reason.to_owned();
        self.faults.push(MemberFault { field, reason });
    }

    /// `null` is absent.
    fn present(&self, name: &str) -> Option<&'o Value<'a>> {
        self.object
            .member(name)
            .filter(|value| !matches!(value, Value::Null))
    }

    pub(super) fn required<T>(
        &mut self,
        name: &'static str,
        rule: impl Fn(&Value<'_>) -> Result<T, Reason>,
    ) -> Option<T> {
        if self.present(name).is_none() {
            self.fault(name, "is required");
        }
        self.optional(name, rule)
    }

    pub(super) fn optional<T>(
        &mut self,
        name: &'static str,
        rule: impl Fn(&Value<'_>) -> Result<T, Reason>,
    ) -> Option<T> {
        match rule(self.present(name)?) {
            Ok(value) => Some(value),
            Err(reason) => {
                self.fault(name, &reason);
                None
            }
        }
    }

    /// A member with two spellings, of which a request has at most one.
    pub(super) fn either<T>(
        &mut self,
        [name, alias]: [&'static str; 2],
        rule: impl Fn(&Value<'_>) -> Result<T, Reason>,
    ) -> Option<T> {
        match (self.present(name), self.present(alias)) {
            (Some(_), Some(_)) => {
                self.fault(name, &format!("must not be given together with {alias}"));
                None
            }
            (None, _) => self.optional(alias, rule),
            (Some(_), None) => self.optional(name, rule),
        }
    }
}
