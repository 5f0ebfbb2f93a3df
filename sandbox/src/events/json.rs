//! JSON whose members keep the order in which they are written.
//!
//! `serde_json::Value` sorts them unless a feature is on, and Cargo would then turn that feature on
//! for the function too wherever both are built together: the function under test would not be the
//! one that is deployed.

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;

/// An object in written order, or any other value.
#[derive(Clone, Debug)]
pub(super) enum Json {
    Object(Vec<(String, Json)>),
    Value(Value),
}

/// An object of these members, repeated names included.
pub(super) fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    Json::Object(members.map(|(name, value)| (name.to_owned(), value)).into())
}

/// JSON's `null`.
pub(super) const NULL: Json = Json::Value(Value::Null);

impl Json {
    /// The same object with a member replaced where it stands, or added at the end.
    pub(super) fn with(mut self, name: &str, value: impl Into<Json>) -> Self {
        if let Self::Object(members) = &mut self {
            match members.iter_mut().find(|(known, _)| known == name) {
                Some((_, known)) => *known = value.into(),
                None => members.push((name.to_owned(), value.into())),
            }
        }
        self
    }

    /// The same object without a member.
    pub(super) fn without(mut self, name: &str) -> Self {
        if let Self::Object(members) = &mut self {
            members.retain(|(known, _)| known != name);
        }
        self
    }
}

impl<T: Into<Value>> From<T> for Json {
    fn from(value: T) -> Self {
        Self::Value(value.into())
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(serializer),
            Self::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}
