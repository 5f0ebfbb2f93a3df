//! The forms in which a value may turn up, and a search for all forms of many values at once.

use std::collections::{HashMap, HashSet};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};

/// Every needle begins with a word of this many bytes, by which it is looked up. Shorter ones would
/// be found by chance.
pub(super) const WORD: usize = 8;

/// One canary in one form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found<'n> {
    pub(super) name: &'n str,
    pub(super) form: &'static str,
}

struct Needle {
    name: String,
    form: &'static str,
    bytes: Vec<u8>,
}

/// All forms of some canaries.
pub(super) struct Needles {
    needles: Vec<Needle>,
    canaries: HashSet<Vec<u8>>,
    by_word: HashMap<[u8; WORD], Vec<usize>>,
    /// Whether any needle begins with these two bytes: spares most positions of a large text the
    /// map.
    begins: Vec<bool>,
}

impl Default for Needles {
    fn default() -> Self {
        Self {
            needles: Vec::new(),
            canaries: HashSet::new(),
            by_word: HashMap::new(),
            begins: vec![false; 1 << 16],
        }
    }
}

impl Needles {
    /// Adds every form of a canary, once.
    pub(super) fn add(&mut self, name: &str, canary: &[u8]) {
        if self.canaries.insert(canary.to_vec()) {
            for (form, bytes) in forms(canary) {
                self.insert(name, form, bytes);
            }
        }
    }

    /// Adds a canary as it is and in no other form.
    pub(super) fn add_raw(&mut self, name: &str, canary: &[u8]) {
        if self.canaries.insert(canary.to_vec()) {
            self.insert(name, "raw", canary.to_vec());
        }
    }

    fn insert(&mut self, name: &str, form: &'static str, bytes: Vec<u8>) {
        let word = *bytes
            .first_chunk()
            .unwrap_or_else(|| panic!("{name} ({form}) is too short to be a canary"));
        self.begins[beginning(&word)] = true;
        self.by_word
            .entry(word)
            .or_default()
            .push(self.needles.len());
        self.needles.push(Needle {
            name: name.to_owned(),
            form,
            bytes,
        });
    }

    /// What is in `hay`, each once.
    pub(super) fn find_in(&self, hay: &[u8]) -> Vec<Found<'_>> {
        let mut found: Vec<Found<'_>> = self.occurrences(hay).map(|(found, _)| found).collect();
        found.sort();
        found.dedup();
        found
    }

    /// What is in `hay`, as often as it is there, and where.
    pub(super) fn occurrences<'n>(
        &'n self,
        hay: &[u8],
    ) -> impl Iterator<Item = (Found<'n>, usize)> {
        let at_word = |at: usize| {
            let candidates = hay[at..].first_chunk::<WORD>();
            let candidates = candidates.and_then(|word| self.by_word.get(word));
            candidates
                .into_iter()
                .flatten()
                .map(move |index| (*index, at))
        };
        let starts = 0..hay.len().saturating_sub(WORD - 1);
        let starts = starts.filter(|at| self.begins[beginning(&hay[*at..])]);
        starts.flat_map(at_word).filter_map(move |(index, at)| {
            let Needle { name, form, bytes } = &self.needles[index];
            let found = Found { name, form };
            hay[at..].starts_with(bytes).then_some((found, at))
        })
    }

    /// Each canary in each form, in the middle of other text: what the search must find. Where two
    /// canaries share a form, each is its own plant.
    pub(super) fn plants(&self) -> impl Iterator<Item = (&str, &'static str, Vec<u8>)> {
        self.needles.iter().map(|needle| {
            let planted = [b"{\"x\":\"", needle.bytes.as_slice(), b"\"}"].concat();
            (needle.name.as_str(), needle.form, planted)
        })
    }

    /// How many canaries were added.
    pub(super) fn canaries(&self) -> usize {
        self.canaries.len()
    }

    /// The form of each needle.
    pub(super) fn forms(&self) -> impl Iterator<Item = &'static str> {
        self.needles.iter().map(|needle| needle.form)
    }

    /// How many needles there are.
    pub(super) fn len(&self) -> usize {
        self.needles.len()
    }
}

fn beginning(text: &[u8]) -> usize {
    usize::from(text[0]) << 8 | usize::from(text[1])
}

/// Every form of a value, each once; a form that is too short to be told from chance is left out.
fn forms(value: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let hex = |upper: bool, before: &str, after: &str| -> Vec<u8> {
        let digits = |byte: &u8| match upper {
            true => format!("{before}{byte:02X}{after}"),
            false => format!("{before}{byte:02x}{after}"),
        };
        value.iter().map(digits).collect::<String>().into()
    };
    let decimal: Vec<String> = value.iter().map(u8::to_string).collect();
    let reversed: Vec<u8> = value.iter().rev().copied().collect();
    let mut forms = vec![
        ("raw", value.to_vec()),
        ("reversed", reversed),
        ("hex", hex(false, "", "")),
        ("HEX", hex(true, "", "")),
        ("hex with spaces", trimmed(hex(false, "", " "))),
        ("hex with colons", trimmed(hex(true, "", ":"))),
        ("every byte percent-encoded", hex(true, "%", "")),
        (
            "every byte percent-encoded in lower case",
            hex(false, "%", ""),
        ),
        ("every byte \\x-escaped", hex(false, "\\x", "")),
        ("every byte \\u-escaped", hex(false, "\\u00", "")),
        ("decimal bytes", decimal.join(", ").into()),
        ("decimal bytes without spaces", decimal.join(",").into()),
        (
            "escaped as Rust does",
            value.escape_ascii().to_string().into(),
        ),
    ];
    if let Ok(text) = std::str::from_utf8(value) {
        let json = serde_json::Value::from(text).to_string();
        forms.push(("JSON-escaped", json.trim_matches('"').into()));
        let twice = serde_json::Value::from(json.trim_matches('"')).to_string();
        forms.push(("JSON-escaped twice", twice.trim_matches('"').into()));
        let debug = format!("{text:?}");
        forms.push(("in Debug", debug[1..debug.len() - 1].into()));
    }
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    for (form, upper) in [
        ("percent-encoded", true),
        ("percent-encoded in lower case", false),
    ] {
        let encode = |&byte: &u8| match (unreserved(byte), upper) {
            (true, _) => char::from(byte).to_string(),
            (false, true) => format!("%{byte:02X}"),
            (false, false) => format!("%{byte:02x}"),
        };
        forms.push((form, value.iter().map(encode).collect::<String>().into()));
    }
    let alignments = [
        ("base64", "base64url"),
        ("base64 after one byte", "base64url after one byte"),
        ("base64 after two bytes", "base64url after two bytes"),
    ];
    for (before, (standard, url_safe)) in alignments.into_iter().enumerate() {
        let padded = [vec![0; before], value.to_vec()].concat();
        // Characters that hold bits of a neighbour are not the value's own.
        let first = (before * 8).div_ceil(6);
        let last = padded.len() * 8 / 6;
        for (form, encoded) in [
            (standard, STANDARD_NO_PAD.encode(&padded)),
            (url_safe, URL_SAFE_NO_PAD.encode(&padded)),
        ] {
            forms.push((form, encoded[first..last].into()));
        }
    }
    let mut distinct: Vec<(&str, Vec<u8>)> = Vec::new();
    for (form, bytes) in forms {
        if bytes.len() >= WORD && distinct.iter().all(|(_, known)| *known != bytes) {
            distinct.push((form, bytes));
        }
    }
    distinct
}

fn trimmed(mut separated: Vec<u8>) -> Vec<u8> {
    separated.pop();
    separated
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Encoded by other programs (`xxd`, `base64`, Python's `urllib`), not by the code above.
    #[test]
    fn knows_what_others_make_of_a_value() {
        let mut needles = Needles::default();
        needles.add("key", "Zo\u{eb} \"9\"/canary".as_bytes());
        for encoded in [
            "Zo\u{eb} \"9\"/canary",
            "5a6fc3ab202239222f63616e617279",
            "5A6FC3AB202239222F63616E617279",
            "Wm/DqyAiOSIvY2FuYXJ5",
            "Wm_DqyAiOSIvY2FuYXJ5",
            // After "a" and after "ab", before "z".
            "YVpvw6sgIjkiL2NhbmFyeXo=",
            "YWJab8OrICI5Ii9jYW5hcnl6",
            "Zo%C3%AB%20%229%22%2Fcanary",
            "Zo%c3%ab%20%229%22%2fcanary",
            r#"Zo\u{eb} \"9\"/canary"#.replace(r"\u{eb}", "\u{eb}").as_str(),
            r#"Zo\xc3\xab \"9\"/canary"#,
            "90, 111, 195, 171, 32, 34, 57, 34, 47, 99, 97, 110, 97, 114, 121",
        ] {
            let hay = format!("before {encoded} after");
            assert!(!needles.find_in(hay.as_bytes()).is_empty(), "{encoded}");
        }
        let reversed: Vec<u8> = "Zo\u{eb} \"9\"/canary".bytes().rev().collect();
        assert!(!needles.find_in(&reversed).is_empty());
    }
}
