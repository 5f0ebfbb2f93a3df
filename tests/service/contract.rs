//! What the pages of `docs/` state in tables. `docs/contract.py` reads them for the checks in Python.

use std::{collections::BTreeSet, fs, path::Path};

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
    let head = "| member | need | accepted, and what it becomes |";
    let rows = table("docs/protocol.md", head);
    rows.iter()
        .flat_map(|row| in_quotes(&row[0], '`'))
        .collect()
}

pub(crate) fn errors() -> Vec<Error> {
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
    table("docs/protocol.md", head).iter().map(row).collect()
}

pub(crate) fn codes() -> BTreeSet<String> {
    errors().into_iter().map(|(_, code, _)| code).collect()
}

/// The function's own variables, each with its default and its rule.
pub(crate) fn variables() -> Vec<[String; 3]> {
    let rows = table("docs/protocol.md", "| variable | default | range |");
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
