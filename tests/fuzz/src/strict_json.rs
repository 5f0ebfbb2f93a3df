//! A second reading of JSON, by another way than the service's: one pass of `serde_json` that notes
//! what the service must refuse. The service reads level by level and keeps numbers as text.

use std::{collections::HashSet, fmt};

use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// What a JSON text is like.
#[derive(Default, Debug)]
pub struct Shape {
    /// Deepest nesting; a scalar alone has 0.
    pub depth: usize,
    /// A name occurs twice in one object, after unescaping.
    pub repeated: bool,
}

/// Why there is no shape.
#[derive(Debug, PartialEq, Eq)]
pub enum NoShape {
    /// It is JSON for the service, which keeps numbers as text: `1e999` is one, and no `f64`.
    NumberOutOfRange,
    /// Nested deeper than `serde_json` goes (128), so deeper than the service allows.
    TooDeep,
    /// Not JSON, or with a lone surrogate.
    Refused,
}

/// The shape of the JSON text that `bytes` are.
pub fn shape(bytes: &[u8]) -> Result<Shape, NoShape> {
    let mut shape = Shape::default();
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let read = Noting {
        shape: &mut shape,
        depth: 0,
    }
    .deserialize(&mut deserializer);
    match read.and_then(|()| deserializer.end()) {
        Ok(()) => Ok(shape),
        Err(error) => Err(match error.to_string() {
            text if text.starts_with("number out of range") => NoShape::NumberOutOfRange,
            text if text.starts_with("recursion limit") => NoShape::TooDeep,
            _ => NoShape::Refused,
        }),
    }
}

struct Noting<'s> {
    shape: &'s mut Shape,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Noting<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Noting<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let depth = self.depth + 1;
        self.shape.depth = self.shape.depth.max(depth);
        while elements
            .next_element_seed(Noting {
                shape: self.shape,
                depth,
            })?
            .is_some()
        {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let depth = self.depth + 1;
        self.shape.depth = self.shape.depth.max(depth);
        let mut names = HashSet::new();
        while let Some(Name(name)) = members.next_key()? {
            self.shape.repeated |= !names.insert(name);
            members.next_value_seed(Noting {
                shape: self.shape,
                depth,
            })?;
        }
        Ok(())
    }
}

/// A member's name, unescaped.
#[derive(PartialEq, Eq, Hash)]
struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}
