//! A JSON object as its sender wrote it: members in their order, repeated ones too, values
//! untouched. A number of 19 digits stays what it was.

use std::fmt;

use serde::{
    Deserialize,
    de::{Deserializer, MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

/// An object's members.
#[derive(Clone, Debug, Default)]
pub(crate) struct Members(Vec<(String, Box<RawValue>)>);

impl Members {
    /// Reads one object.
    ///
    /// # Errors
    /// It is not JSON, no object, or the name of a member has half of a surrogate pair.
    pub(crate) fn parse(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    /// In their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.0
            .iter()
            .map(|(name, raw)| (name.as_str(), raw.as_ref()))
    }

    /// The first of a name. `null` is absent.
    pub(crate) fn present(&self, name: &str) -> Option<&RawValue> {
        self.iter()
            .find(|(other, raw)| *other == name && raw.get() != "null")
            .map(|(_, raw)| raw)
    }

    /// The first of a name, if it is a string.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.present(name)?.get()).ok()
    }

    /// Puts a value where the first of this name is, or at the end, and takes out every other.
    pub(crate) fn set(&mut self, name: &str, value: &Value) {
        // A value of serde_json's is JSON.
        let Ok(raw) = RawValue::from_string(value.to_string()) else {
            return;
        };
        let at = self.0.iter().position(|(other, _)| other == name);
        self.remove(name);
        let at = at.unwrap_or(self.0.len()).min(self.0.len());
        self.0.insert(at, (name.to_owned(), raw));
    }

    /// Takes out every member of a name.
    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|(other, _)| other != name);
    }

    /// The first of each of these names, in their order.
    pub(crate) fn first_of_each(&self, names: &[&str]) -> Self {
        let mut kept: Vec<(String, Box<RawValue>)> = Vec::new();
        for (name, raw) in &self.0 {
            if names.contains(&name.as_str()) && !kept.iter().any(|(other, _)| other == name) {
                kept.push((name.clone(), raw.clone()));
            }
        }
        Self(kept)
    }
}

/// The object's JSON.
impl fmt::Display for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, (name, raw)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{}:{}", Value::from(name.as_str()), raw.get())?;
        }
        f.write_str("}")
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    members.push(entry);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order_numbers_and_repeated_members() {
        let text = r#"{"b":12345678901234567890123,"a":1e2,"b":{"c":[ 1 ]}}"#;
        assert_eq!(Members::parse(text).unwrap().to_string(), text);
    }

    #[test]
    fn a_set_member_stands_where_the_first_was_and_alone() {
        let mut members = Members::parse(r#"{"a":1,"b":2,"a":3}"#).unwrap();
        members.set("a", &Value::from("x"));
        members.set("c", &Value::from(4));
        assert_eq!(members.to_string(), r#"{"a":"x","b":2,"c":4}"#);
    }

    #[test]
    fn null_is_absent() {
        let members = Members::parse(r#"{"a":null,"b":"x"}"#).unwrap();
        assert!(members.present("a").is_none());
        assert_eq!(members.text("b").as_deref(), Some("x"));
    }
}
