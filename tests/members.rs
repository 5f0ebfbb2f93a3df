//! The request's members: each place that lists them lists all of them.

use std::{collections::BTreeSet, fs, path::Path};

/// Aliases of two members: some places list them, some speak of one member with two spellings.
const ALIASES: [&str; 2] = ["firstname", "lastname"];
/// The members that are not the customer's.
const OF_THE_REQUEST: [&str; 3] = ["referenceId", "sdkPublicKey", "sdkApiKey"];

/// A place that lists members.
struct Place {
    file: &'static str,
    /// What the list is.
    list: &'static str,
    /// The names that stand there.
    names: fn(&str) -> BTreeSet<String>,
    /// Members of the protocol that do not belong there.
    without: &'static [&'static [&'static str]],
}

const PLACES: [Place; 7] = [
    Place {
        file: "src/request/issue.rs",
        list: "MEMBERS",
        names: |text| in_quotes(between(text, "pub const MEMBERS", "];"), '"'),
        without: &[],
    },
    Place {
        file: "docs/openapi.yaml",
        list: "properties of TokenRequest",
        names: |text| {
            let start = "\n    TokenRequest:\n      type: object\n";
            let schema = between(text, start, "\n      allOf:");
            let (_, properties) = schema.split_once("\n      properties:\n").unwrap();
            let at_eight = |line: &str| {
                let name = line.strip_prefix("        ")?.split_once(':')?.0;
                (!name.starts_with(' ')).then(|| name.to_owned())
            };
            properties.lines().filter_map(at_eight).collect()
        },
        without: &[],
    },
    Place {
        file: "docs/openapi.yaml",
        list: "enum of MemberFault's field",
        names: |text| {
            let fault = between(text, "\n    MemberFault:\n", "\n        reason:");
            words(between(fault, "enum: [", "]"))
        },
        without: &[],
    },
    Place {
        file: "sandbox/page/rules.js",
        list: "RULES",
        names: |text| first_of_rows(between(text, "const RULES = [", "\n]"), "  ['", '\''),
        without: &[&ALIASES],
    },
    Place {
        file: "sandbox/page/form.js",
        list: "FIELDS",
        names: |text| first_of_rows(between(text, "const FIELDS = [", "\n]"), "  ['", '\''),
        without: &[&ALIASES, &["data"]],
    },
    Place {
        file: "sandbox/page/form.js",
        list: "ORDER",
        names: |text| in_quotes(between(text, "const ORDER = [", "]"), '\''),
        without: &[&ALIASES, &["data"]],
    },
    Place {
        file: "tests/taint/canaries.rs",
        list: "CUSTOMER",
        names: |text| first_of_rows(between(text, "const CUSTOMER", "];"), "    (\"", '"'),
        without: &[&ALIASES, &OF_THE_REQUEST, &["data"]],
    },
];

impl Place {
    /// What differs between this list in `text` and the protocol's members.
    fn faults(&self, text: &str, protocol: &BTreeSet<String>) -> Vec<String> {
        let without: Vec<&str> = self
            .without
            .iter()
            .flat_map(|names| *names)
            .copied()
            .collect();
        let names = (self.names)(text);
        let missing = protocol
            .iter()
            .filter(|name| !names.contains(*name) && !without.contains(&name.as_str()))
            .map(|name| {
                let Self { file, list, .. } = self;
                format!(
                    "{file}: {list} has no {name}, which docs/protocol.md's table of members has"
                )
            });
        let surplus = names
            .iter()
            .filter(|name| !protocol.contains(*name))
            .map(|name| {
                let Self { file, list, .. } = self;
                format!(
                    "{file}: {list} has {name}, which docs/protocol.md's table of members has not"
                )
            });
        missing.chain(surplus).collect()
    }
}

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The first column of the protocol's table: a row may have two spellings.
fn of_the_protocol() -> BTreeSet<String> {
    let text = read("docs/protocol.md");
    let table = between(
        &text,
        "| member | need | accepted, and what it becomes |\n",
        "\n\n",
    );
    let first = |row: &str| in_quotes(row.split('|').nth(1).unwrap_or_default(), '`');
    table.lines().skip(1).flat_map(first).collect()
}

#[track_caller]
fn between<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    let rest = text
        .split_once(start)
        .unwrap_or_else(|| panic!("there is no {start:?}"))
        .1;
    rest.split_once(end)
        .unwrap_or_else(|| panic!("there is no {end:?} after {start:?}"))
        .0
}

fn in_quotes(text: &str, quote: char) -> BTreeSet<String> {
    text.split(quote)
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

fn words(text: &str) -> BTreeSet<String> {
    text.split(',').map(|word| word.trim().to_owned()).collect()
}

/// Of each line that begins so, what stands there up to the quote.
fn first_of_rows(text: &str, begin: &str, quote: char) -> BTreeSet<String> {
    let first = |line: &str| Some(line.strip_prefix(begin)?.split_once(quote)?.0.to_owned());
    text.lines().filter_map(first).collect()
}

#[test]
fn every_list_of_members_is_whole() {
    let protocol = of_the_protocol();
    assert!(protocol.len() >= 14, "{protocol:?}");
    let faults = PLACES
        .iter()
        .flat_map(|place| place.faults(&read(place.file), &protocol));
    let faults: Vec<String> = faults.collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// A member that one place lacks is found, and so is one that the protocol lacks.
#[test]
fn a_half_made_member_is_named_with_the_place() {
    let mut protocol = of_the_protocol();
    protocol.insert("nationality".to_owned());
    protocol.remove("email");
    for place in &PLACES {
        let Place { file, list, .. } = place;
        assert_eq!(
            place.faults(&read(file), &protocol),
            [
                format!(
                    "{file}: {list} has no nationality, which docs/protocol.md's table of members has"
                ),
                format!(
                    "{file}: {list} has email, which docs/protocol.md's table of members has not"
                ),
            ]
        );
    }
}
