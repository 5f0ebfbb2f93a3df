//! What the pages of `docs/` state in tables. `docs/contract.py` reads them for the checks in
//! Python.

use std::{collections::BTreeSet, fs, path::Path};

/// The operations whose bodies are sealed: as the table of paths names them, and as the table of
/// errors does.
pub(crate) const SEALED: [(&str, &str); 3] = [
    ("Get Token", "Get Token"),
    ("Renew", "renewal"),
    ("Invalidate", "invalidation"),
];

/// A row of the table of errors: HTTP status, code, whether it is encrypted.
pub(crate) type Error = (u16, String, Option<bool>);

/// A file of the project.
pub(crate) fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The rows of the table under `head`, its first line, as trimmed cells.
pub(crate) fn table(page: &str, head: &str) -> Vec<Vec<String>> {
    let text = read(page);
    let rest = text.split_once(&format!("\n{head}\n"));
    let (_, rest) = rest.unwrap_or_else(|| panic!("{page} has no table {head}"));
    let cells = |row: &str| {
        let cells = row.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().to_owned()).collect()
    };
    rest.lines()
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .map(cells)
        .collect()
}

/// A request's members: a row may have two spellings.
pub(crate) fn members() -> BTreeSet<String> {
    let rows = member_rows().into_iter();
    rows.flat_map(|row| in_quotes(&row[0], '`')).collect()
}

/// Every member in its usual spelling.
pub(crate) fn usual_members() -> BTreeSet<String> {
    member_rows().iter().map(|row| usual(row)).collect()
}

/// The members that every request has.
pub(crate) fn required_members() -> BTreeSet<String> {
    let mut rows = member_rows();
    rows.retain(|row| row[1] == "required");
    rows.iter().map(|row| usual(row)).collect()
}

fn member_rows() -> Vec<Vec<String>> {
    let head = "| member | need | accepted, and what it becomes |";
    table("docs/protocol.md", head)
}

fn usual(row: &[String]) -> String {
    row[0].split('`').nth(1).unwrap().to_owned()
}

/// The errors of an operation of [`SEALED`]. A row that is not every operation's names its own
/// first.
pub(crate) fn errors_of(operation: &str) -> Vec<Error> {
    errors_where(|when| {
        let when = when.trim_start_matches('[');
        let mut own = SEALED.iter().filter(|(_, name)| when.starts_with(name));
        own.next().is_none_or(|(name, _)| *name == operation)
    })
}

pub(crate) fn errors() -> Vec<Error> {
    errors_where(|_| true)
}

fn errors_where(is_wanted: impl Fn(&str) -> bool) -> Vec<Error> {
    let head = "| HTTP | code | when | encrypted | what you do |";
    let row = |cells: &Vec<String>| {
        let encrypted = match cells[3].as_str() {
            "yes" => Some(true),
            "no" => Some(false),
            "if decrypted" => None,
            other => panic!("encrypted: {other}"),
        };
        let code = cells[1].trim_matches('`').to_owned();
        (cells[0].parse().unwrap(), code, encrypted)
    };
    let rows = table("docs/protocol.md", head);
    let rows = rows.iter().filter(|cells| is_wanted(&cells[2]));
    rows.map(row).collect()
}

/// What `error` says with each status of an introspection, in the order of the checks.
pub(crate) fn introspection_errors() -> Vec<(u16, String)> {
    let mut errors = Vec::new();
    for cells in table("docs/protocol.md", "| HTTP | body | when |") {
        let error = cells[1].split('"').nth(3).unwrap();
        for status in cells[0].split(", ") {
            errors.push((status.parse().unwrap(), error.to_owned()));
        }
    }
    errors
}

/// A path, whether its `resCode` is a string, and its methods as `Allow` has them.
pub(crate) fn paths() -> Vec<(String, bool, String)> {
    let head = "| operation | `resCode` a string | `resCode` an integer | methods |";
    let mut paths = Vec::new();
    for cells in table("docs/protocol.md", head) {
        for (cell, is_text) in [(&cells[1], true), (&cells[2], false)] {
            for path in in_quotes(cell, '`') {
                paths.push((path, is_text, cells[3].replace('`', "")));
            }
        }
    }
    paths
}

/// What a renewal is answered by what stands in the table, in the order in which it decides: the
/// reason of an error, or `replayed`, or `first`.
pub(crate) fn renewals() -> Vec<&'static str> {
    let rows = table("docs/protocol.md", "| what stands there | answer |");
    let outcome = |cells: &Vec<String>| {
        let said = [
            ("expired", "expired"),
            ("revoked", "revoked"),
            ("superseded", "superseded"),
            ("Idempotent-Replayed", "replayed"),
            ("a first answer", "first"),
        ];
        let mut said = said.iter().filter(|(words, _)| cells[1].contains(words));
        said.next().expect("an answer").1
    };
    rows.iter().map(outcome).collect()
}

pub(crate) fn codes() -> BTreeSet<String> {
    errors().into_iter().map(|(_, code, _)| code).collect()
}

/// The function's own variables, each with its default and its rule.
pub(crate) fn variables() -> Vec<[String; 3]> {
    let head = "| variable | default | range | is |";
    let rows = table("docs/protocol.md", head);
    let row = |cells: &Vec<String>| {
        let name = cells[0].split('`').nth(1).unwrap();
        [name, &cells[1], &cells[2]].map(str::to_owned)
    };
    let mut variables: Vec<_> = rows.iter().map(row).collect();
    variables.retain(|[name, ..]| !name.starts_with("AWS_"));
    variables
}

/// Name, unit and the names of a set of dimensions, a metric each.
pub(crate) fn metrics() -> BTreeSet<(String, String, Vec<String>)> {
    let head = "| metric | unit | dimensions | what it counts | absent |";
    let mut metrics = BTreeSet::new();
    for cells in table("docs/metrics.md", head) {
        for set in cells[2].split("], ") {
            let names = set.trim_matches(['[', ']']).split(", ");
            let mut names: Vec<String> = names.map(str::to_owned).collect();
            names.retain(|name| !name.is_empty());
            names.sort();
            metrics.insert((
                cells[0].trim_matches('`').to_owned(),
                cells[1].clone(),
                names,
            ));
        }
    }
    metrics
}

/// What stands between quotes.
pub(crate) fn in_quotes(text: &str, quote: char) -> BTreeSet<String> {
    let pieces = text.split(quote).skip(1).step_by(2);
    pieces.map(str::to_owned).collect()
}
