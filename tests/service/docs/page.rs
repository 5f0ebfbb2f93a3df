//! The contract and its examples, read as one text: the tables of `protocol.md`, and the blocks of
//! `examples.md`, each fenced and after an anchor such as `<!-- example: z -->`.

use std::{cell::RefCell, collections::BTreeSet, path::Path};

/// The two pages. Remembers which of the examples have been read.
pub(crate) struct Page {
    text: String,
    examples: Vec<Example>,
    unnamed: Vec<String>,
    read: RefCell<BTreeSet<usize>>,
}

#[derive(Clone)]
struct Example {
    name: String,
    text: String,
}

impl Page {
    pub(crate) fn read() -> Self {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
        let text = ["protocol.md", "examples.md"]
            .map(|name| docs.join(name))
            .map(|path| {
                std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"))
            })
            .concat();
        let (mut examples, mut unnamed) = (Vec::<Example>::new(), Vec::new());
        let mut anchor = None;
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(language) = line.strip_prefix("```") {
                let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
                match anchor.take() {
                    Some(name) => examples.push(Example {
                        name,
                        text: block.join("\n"),
                    }),
                    None => unnamed.push(language.to_owned()),
                }
            } else if let Some(name) = line.strip_prefix("<!-- example: ") {
                assert_eq!(anchor, None, "an anchor without a block before {line}");
                let name = name
                    .strip_suffix(" -->")
                    .expect("an anchor ends with -->")
                    .to_owned();
                assert!(
                    examples.iter().all(|known| known.name != name),
                    "{name} twice"
                );
                anchor = Some(name);
            }
        }
        assert_eq!(anchor, None, "an anchor without a block");
        Self {
            text,
            examples,
            unnamed,
            read: RefCell::default(),
        }
    }

    /// An example's text.
    pub(crate) fn text(&self, name: &str) -> &str {
        let index = self
            .examples
            .iter()
            .position(|example| example.name == name);
        let index = index.unwrap_or_else(|| panic!("no example is called {name}"));
        self.read.borrow_mut().insert(index);
        &self.examples[index].text
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.examples.iter().map(|example| example.name.as_str())
    }

    pub(crate) fn names_read(&self) -> Vec<&str> {
        let read = self.read.borrow();
        read.iter()
            .map(|index| self.examples[*index].name.as_str())
            .collect()
    }

    /// The languages of the fenced blocks without an anchor.
    pub(crate) fn unnamed_blocks(&self) -> &[String] {
        &self.unnamed
    }

    /// The text of both pages.
    pub(crate) fn whole(&self) -> &str {
        &self.text
    }

    /// Copies of the pages with one character of an example changed: after one and two thirds of
    /// it, and at its end. Comments (from `#` on) and what differs from one run to another are left
    /// alone.
    pub(crate) fn with_changes_in(&self, name: &str) -> Vec<Self> {
        let index = self
            .examples
            .iter()
            .position(|example| example.name == name)
            .unwrap();
        let text = &self.examples[index].text;
        let mut places = Vec::new();
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let data = line.split("  #").next().unwrap_or_default();
            let varies = ["X-Request-Id", "issuedAt"]
                .iter()
                .any(|word| line.contains(word));
            let letters = data
                .char_indices()
                .filter(|(_, c)| c.is_ascii_alphanumeric());
            places.extend(letters.filter(|_| !varies).map(|(at, _)| start + at));
            start += line.len();
        }
        let last = places.len() - 1;
        [last / 3, 2 * last / 3, last]
            .map(|place| {
                let mut examples = self.examples.clone();
                let at = places[place];
                let other = if text[at..].starts_with('0') {
                    "1"
                } else {
                    "0"
                };
                examples[index].text.replace_range(at..=at, other);
                Self {
                    text: self.text.clone(),
                    examples,
                    unnamed: self.unnamed.clone(),
                    read: RefCell::default(),
                }
            })
            .into()
    }
}

/// A request or an answer as the pages show it.
pub(crate) struct Http<'a> {
    pub(crate) first_line: &'a str,
    pub(crate) headers: Vec<(&'a str, &'a str)>,
    pub(crate) body: &'a str,
}

impl<'a> Http<'a> {
    pub(crate) fn parse(text: &'a str) -> Self {
        let (head, body) = text
            .split_once("\n\n")
            .expect("an empty line before the body");
        let mut lines = head.lines();
        Self {
            first_line: lines.next().expect("a first line"),
            headers: lines
                .map(|line| line.split_once(": ").expect(line))
                .collect(),
            body,
        }
    }
}
