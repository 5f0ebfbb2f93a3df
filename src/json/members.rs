//! One object's members, their values unread, repeated names kept.

use std::{borrow::Cow, collections::HashSet, fmt};

use serde::{
    Deserialize,
    de::{Deserializer, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// Up to this many names, pairwise comparison is cheaper than a `HashSet`.
pub(super) const FEW: usize = 16;

/// Reads one object's members and leaves their values unread; `None` if it is not an object, a
/// name is repeated, or a name is no text.
pub(crate) fn shallow_object(text: &[u8]) -> Option<Vec<(Cow<'_, str>, &RawValue)>> {
    let Members(members) = serde_json::from_slice(text).ok()?;
    repeated(&members).is_none().then_some(members)
}

/// One object's members, repeated ones too, with their values unread; `None` if it is not an
/// object, or a name is no text.
pub(crate) fn members(text: &str) -> Option<Vec<(Cow<'_, str>, &RawValue)>> {
    let Members(members) = serde_json::from_str(text).ok()?;
    Some(members)
}

/// The text of a raw JSON string; `None` for any other value.
pub(crate) fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    let Text(text) = serde_json::from_str(raw.get()).ok()?;
    Some(text)
}

/// The first name that occurs twice.
pub(super) fn repeated<'m>(members: &'m [(Cow<'_, str>, &RawValue)]) -> Option<&'m str> {
    let names = || members.iter().map(|(name, _)| name.as_ref());
    if members.len() <= FEW {
        let is_repeated = |(at, name): &(usize, &str)| names().take(*at).any(|it| it == *name);
        return names().enumerate().find(is_repeated).map(|(_, name)| name);
    }
    let mut seen = HashSet::with_capacity(members.len());
    names().find(|name| !seen.insert(*name))
}

/// A string that borrows from its JSON where it can.
#[derive(Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// serde's own maps keep the last of two equal names; this keeps both, for [`repeated`] to see.
pub(super) struct Members<'a>(pub(super) Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Text(name), raw)) = map.next_entry()? {
                    members.push((name, raw));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}
