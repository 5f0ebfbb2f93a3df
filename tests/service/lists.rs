//! Each place that lists the request's members, the error codes, the variables or the metrics lists
//! all of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::contract::{self, in_quotes, read};

/// What is listed, and where it is stated.
struct Kind {
    /// Such as `docs/protocol.md's table of members`.
    table: &'static str,
    names: fn() -> BTreeSet<String>,
    /// One that is new in the table, and one that is gone from it.
    planted: [&'static str; 2],
}

static MEMBERS: Kind = Kind {
    table: "docs/protocol.md's table of members",
    names: contract::members,
    planted: ["aNewMember", "email"],
};
static CODES: Kind = Kind {
    table: "docs/protocol.md's table of errors",
    names: contract::codes,
    planted: ["TOK499", "TOK400"],
};
static VARIABLES: Kind = Kind {
    table: "docs/protocol.md's table of variables",
    names: || {
        let variables = contract::variables().into_iter();
        variables.map(|[name, ..]| name).collect()
    },
    planted: ["GRACE_SECONDS", "TOKEN_TTL_SECONDS"],
};
static METRICS: Kind = Kind {
    table: "docs/metrics.md's table of metrics",
    names: || {
        let metrics = contract::metrics().into_iter();
        metrics.map(|(name, ..)| name).collect()
    },
    planted: ["Renewals", "Requests"],
};

/// A place that lists them.
struct Place {
    of: &'static Kind,
    file: &'static str,
    /// What the list is.
    list: &'static str,
    /// The names that stand there.
    names: fn(&str) -> BTreeSet<String>,
    /// What may be missing there.
    without: &'static [&'static [&'static str]],
}

/// Aliases of two members: some places list them, some speak of one member with two spellings.
const ALIASES: &[&str] = &["firstname", "lastname"];
/// The members that are not the customer's.
const OF_THE_REQUEST: &[&str] = &["referenceId", "sdkPublicKey", "sdkApiKey"];
/// No request alone causes them: AWS must fail.
const OUTAGES: &[&str] = &["TOK003", "TOK503"];
/// A client of ours sends no such request.
const MALFORMED: &[&str] = &["TOK404", "TOK405", "TOK415"];
/// A client goes by the HTTP status, which API Gateway answers too.
const BY_STATUS: &[&str] = &["TOK413", "TOK503"];

const PLACES: &[Place] = &[
    Place {
        of: &MEMBERS,
        file: "src/request/issue.rs",
        list: "MEMBERS",
        names: |text| in_quotes(between(text, "pub const MEMBERS", "];"), '"'),
        without: &[],
    },
    Place {
        of: &MEMBERS,
        file: "docs/openapi.yaml",
        list: "properties of TokenRequest",
        names: |text| {
            let start = "\n    TokenRequest:\n      type: object\n";
            let schema = between(text, start, "\n      allOf:");
            let (_, properties) = schema.split_once("\n      properties:\n").unwrap();
            keys(properties, "        ")
        },
        without: &[],
    },
    Place {
        of: &MEMBERS,
        file: "docs/openapi.yaml",
        list: "enum of MemberFault's field",
        names: |text| {
            let fault = between(text, "\n    MemberFault:\n", "\n        reason:");
            let words = between(fault, "enum: [", "]").split(',');
            words.map(|word| word.trim().to_owned()).collect()
        },
        without: &[],
    },
    Place {
        of: &MEMBERS,
        file: "sandbox/page/rules.js",
        list: "RULES",
        names: |text| first_of_rows(between(text, "const RULES = [", "\n]"), "  ['", '\''),
        without: &[ALIASES],
    },
    Place {
        of: &MEMBERS,
        file: "sandbox/page/form.js",
        list: "FIELDS",
        names: |text| first_of_rows(between(text, "const FIELDS = [", "\n]"), "  ['", '\''),
        without: &[ALIASES, &["data"]],
    },
    Place {
        of: &MEMBERS,
        file: "docs/protocol.md",
        list: "the list of compared members",
        names: |text| members_in(between(text, "- Compared are", "Not compared"), '`'),
        without: &[ALIASES, &["referenceId", "sdkApiKey"]],
    },
    Place {
        of: &MEMBERS,
        file: "docs/protocol.md",
        list: "the order of the canonical JSON",
        names: |text| members_in(between(text, "members in this order:", ". All are"), '`'),
        without: &[ALIASES, OF_THE_REQUEST],
    },
    Place {
        of: &MEMBERS,
        file: "docs/vectors/members.json",
        list: "the customers of the accepted vectors",
        names: |text| {
            let customers = strings(text, "customerUtf8").into_iter();
            let keys = customers.flat_map(|json| {
                let customer: BTreeMap<String, Value> = serde_json::from_str(&json).unwrap();
                customer.into_keys()
            });
            keys.collect()
        },
        without: &[ALIASES, OF_THE_REQUEST],
    },
    Place {
        of: &MEMBERS,
        file: "docs/vectors/members.json",
        list: "the faults of the refused vectors",
        names: |text| {
            let faults = strings(text, "fault").into_iter();
            faults
                .filter(|fault| contract::members().contains(fault))
                .collect()
        },
        without: &[],
    },
    Place {
        of: &MEMBERS,
        file: "tests/service/fields/customer.rs",
        list: "the tests",
        names: |text| members_in(text, '"'),
        without: &[OF_THE_REQUEST, &["accountNumber", "data"]],
    },
    Place {
        of: &MEMBERS,
        file: "tokenctl/src/integrate/draft.rs",
        list: "the flags",
        names: |text| {
            let flags = between(text, "let flags = [", "];");
            first_of_rows(flags, "            (\"", '"')
        },
        // Entries of data are gathered, and the credentials say the rest.
        without: &[ALIASES, &["data", "sdkPublicKey", "sdkApiKey"]],
    },
    Place {
        of: &MEMBERS,
        file: "tests/service/taint/canaries.rs",
        list: "CUSTOMER",
        names: |text| first_of_rows(between(text, "const CUSTOMER", "];"), "    (\"", '"'),
        without: &[ALIASES, OF_THE_REQUEST, &["data"]],
    },
    Place {
        of: &CODES,
        file: "src/problem.rs",
        list: "the mapping",
        names: |text| {
            // `=> (status, words)`, whose status is the code, `Self::new(status, code, words)` and
            // `Self::of_member((status, code), words)`, whose status is the code, too.
            let mut codes = numbers(text, "=> (", 0);
            codes.append(&mut numbers(text, "Self::new(", 1));
            let unbroken = text.replace(char::is_whitespace, "");
            codes.append(&mut numbers(&unbroken, "of_member((", 0));
            codes
        },
        without: &[],
    },
    Place {
        of: &CODES,
        file: "docs/errors.md",
        list: "the sections",
        names: |text| first_of_rows(text, "## `", '`'),
        without: &[],
    },
    Place {
        of: &CODES,
        file: "docs/metrics.md",
        list: "the values of Outcome",
        names: |text| codes(between(text, "\n| `Outcome` |", "\n")),
        without: &[],
    },
    Place {
        of: &CODES,
        file: "deploy/watch.yaml",
        list: "the dashboard's answers by code",
        names: |text| codes(between(text, "\"title\":\"Answers, by code\"", "\n")),
        without: &[],
    },
    Place {
        of: &CODES,
        file: "peers/src/rules.rs",
        list: "the rows of answers",
        names: |text| {
            let mut codes = numbers(text, "row(", 1);
            codes.remove("TOK200");
            codes
        },
        without: &[],
    },
    Place {
        of: &CODES,
        file: "peers/src/verdict.rs",
        list: "what a code says",
        names: |text| codes(between(text, "match self.code.as_str() {", "let advice")),
        without: &[],
    },
    every_code("docs/openapi.yaml", &[]),
    every_code("sandbox/page/advice.js", &[]),
    every_code("sandbox/src/events/samples.rs", &[OUTAGES]),
    every_code("clients/cases.json", &[MALFORMED]),
    every_code("clients/curl/get-token.sh", &[MALFORMED, BY_STATUS]),
    every_code("clients/go/tokenclient.go", &[MALFORMED, BY_STATUS]),
    every_code("clients/java/TokenClient.java", &[MALFORMED, BY_STATUS]),
    every_code("clients/node/token-client.mjs", &[MALFORMED, BY_STATUS]),
    every_code("clients/php/TokenClient.php", &[MALFORMED, BY_STATUS]),
    every_code("clients/python/token_client.py", &[MALFORMED, BY_STATUS]),
    every_code("tests/service/logs.rs", &[OUTAGES]),
    Place {
        of: &VARIABLES,
        file: "src/config.rs",
        list: "what Config::read reads",
        names: |text| upper_case(between(text, "let config = Self {", "};")),
        without: &[],
    },
    Place {
        of: &VARIABLES,
        file: "template.yaml",
        list: "the function's environment",
        names: |text| {
            let variables = between(text, "\n        Variables:\n", "\n      #");
            keys(variables, "          ")
        },
        without: &[],
    },
    Place {
        of: &VARIABLES,
        file: "tests/service/configuration.rs",
        list: "the tests",
        names: |text| upper_case(&text.replace("AKIATEST", "")),
        without: &[],
    },
    Place {
        of: &METRICS,
        file: "src/metrics.rs",
        list: "GROUPS",
        names: |text| {
            let metrics = between(text, "const GROUPS", "\n];").split("(\"").skip(1);
            metrics
                .map(|rest| rest[..rest.find('"').unwrap()].to_owned())
                .collect()
        },
        // watch.yaml makes it of API Gateway's access log.
        without: &[&["GatewayThrottles"]],
    },
];

/// The files that know other names for the members. Each has the same lines.
const MISSPELLINGS: [&str; 7] = [
    "tokenctl/src/integrate/misspelling.rs",
    "clients/curl/get-token.sh",
    "clients/go/tokenclient.go",
    "clients/java/TokenClient.java",
    "clients/node/token-client.mjs",
    "clients/php/TokenClient.php",
    "clients/python/token_client.py",
];

/// The files that have advice of their own for a body that is JSON, which they know by its words.
const OF_JSON: [&str; 8] = [
    "peers/src/verdict.rs",
    "sandbox/page/advice.js",
    "clients/curl/get-token.sh",
    "clients/go/tokenclient.go",
    "clients/java/TokenClient.java",
    "clients/node/token-client.mjs",
    "clients/php/TokenClient.php",
    "clients/python/token_client.py",
];

/// Each member's line of a file's misspellings: the member, then other names.
fn misspellings(text: &str) -> Vec<Vec<String>> {
    let lines = text.lines().map(str::trim);
    let lines = lines.skip_while(|line| !line.starts_with("referenceId refid"));
    let lines = lines.take_while(|line| {
        let plain = |b: u8| b.is_ascii_alphabetic() || b == b' ';
        !line.is_empty() && line.bytes().all(plain) && *line != "NAMES"
    });
    let words = |line: &str| line.split(' ').map(str::to_owned).collect();
    lines.map(words).collect()
}

#[test]
fn every_place_knows_the_same_misspellings() {
    let first = misspellings(&read(MISSPELLINGS[0]));
    let mut members = contract::members();
    members.retain(|name| !ALIASES.contains(&name.as_str()));
    let named: BTreeSet<String> = first.iter().map(|words| words[0].clone()).collect();
    assert_eq!(named, members, "{}", MISSPELLINGS[0]);
    let known: BTreeSet<String> = first.iter().flatten().map(|it| it.to_lowercase()).collect();
    assert_eq!(known.len(), first.iter().flatten().count(), "a name twice");
    for file in MISSPELLINGS {
        assert_eq!(misspellings(&read(file)), first, "{file}");
    }
}

#[test]
fn every_place_knows_the_words_of_a_body_that_is_json() {
    let words = "The body is JSON";
    assert!(read("src/problem.rs").contains(&format!("\"{words}:")));
    for file in OF_JSON {
        assert!(read(file).contains(words), "{file} does not have {words:?}");
    }
}

/// A file that speaks of every code somewhere.
const fn every_code(file: &'static str, without: &'static [&'static [&'static str]]) -> Place {
    Place {
        of: &CODES,
        file,
        list: "the file",
        names: codes,
        without,
    }
}

impl Place {
    /// What differs between this list in `text` and the table's names.
    fn faults(&self, text: &str, stated: &BTreeSet<String>) -> Vec<String> {
        let Self {
            of: Kind { table, .. },
            file,
            list,
            ..
        } = self;
        let names = (self.names)(text);
        let may_lack = |name: &str| self.without.iter().any(|names| names.contains(&name));
        let missing = stated.difference(&names).filter(|name| !may_lack(name));
        let missing =
            missing.map(|name| format!("{file}: {list} has no {name}, which {table} has"));
        let surplus = names.difference(stated);
        let surplus =
            surplus.map(|name| format!("{file}: {list} has {name}, which {table} has not"));
        missing.chain(surplus).collect()
    }
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

/// Of each line that begins so, what stands there up to the quote.
fn first_of_rows(text: &str, begin: &str, quote: char) -> BTreeSet<String> {
    let first = |line: &str| Some(line.strip_prefix(begin)?.split_once(quote)?.0.to_owned());
    text.lines().filter_map(first).collect()
}

/// The members that a text has in quotes.
fn members_in(text: &str, quote: char) -> BTreeSet<String> {
    let mut members = contract::members();
    members.retain(|name| text.contains(&format!("{quote}{name}{quote}")));
    members
}

/// The strings that a file of vectors has under this name.
fn strings(text: &str, name: &str) -> Vec<String> {
    let file: Value = serde_json::from_str(text).unwrap();
    let vectors = file["vectors"].as_array().unwrap().iter();
    vectors
        .filter_map(|vector| Some(vector[name].as_str()?.to_owned()))
        .collect()
}

/// The keys of YAML at an indentation.
fn keys(text: &str, indent: &str) -> BTreeSet<String> {
    let mut keys = first_of_rows(text, indent, ':');
    keys.retain(|key| !key.starts_with([' ', '#']));
    keys
}

/// Every error code that a text has somewhere. `TOK200` is none.
fn codes(text: &str) -> BTreeSet<String> {
    let pieces = text.split("TOK").skip(1);
    let digits = pieces.filter_map(|rest| rest.get(..3));
    let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    digits
        .filter(|digits| *digits != "200")
        .map(|digits| format!("TOK{digits}"))
        .collect()
}

/// The codes that stand as numbers among the arguments after `call`, each at this position.
fn numbers(text: &str, call: &str, position: usize) -> BTreeSet<String> {
    let arguments = text.split(call).skip(1);
    let digits = arguments.filter_map(|rest| rest.split(',').nth(position));
    let numbers = digits.filter_map(|digits| digits.trim().parse::<u16>().ok());
    numbers.map(|number| format!("TOK{number:03}")).collect()
}

/// The string literals in upper case, less AWS's variables.
fn upper_case(text: &str) -> BTreeSet<String> {
    let is_name =
        |text: &str| text.len() > 1 && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    let names = text
        .split('"')
        .filter(|text| is_name(text) && !text.starts_with("AWS_"));
    names.map(str::to_owned).collect()
}

#[test]
fn every_list_is_whole() {
    let mut faults = Vec::new();
    for place in PLACES {
        let stated = (place.of.names)();
        assert!(stated.len() >= 10, "{stated:?}");
        faults.extend(place.faults(&read(place.file), &stated));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// A name that one place lacks is found, and so is one that the table lacks.
#[test]
fn a_half_made_change_is_named_with_the_place() {
    for place in PLACES {
        let Place { of, file, list, .. } = place;
        let Kind {
            table,
            planted: [new, gone],
            ..
        } = of;
        let mut stated = (of.names)();
        stated.insert((*new).to_owned());
        stated.remove(*gone);
        assert_eq!(
            place.faults(&read(file), &stated),
            [
                format!("{file}: {list} has no {new}, which {table} has"),
                format!("{file}: {list} has {gone}, which {table} has not"),
            ]
        );
    }
}
