//! What every answer must be (protocol.md, Success and Errors), for the harnesses that test the
//! service. A partner needs less: see [`verdict`](crate::verdict).
//!
//! The rows say which answers there are, `RULES` what holds for each. An operation has
//! [`EVERY_OPERATION`]'s rows and its own. [`introspection`] has rules of its own.

pub mod introspection;

use http::HeaderMap;
use serde_json::{Map, Value, json};

use crate::answer::Answer;

/// An operation that takes a sealed request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// What it answers besides [`EVERY_OPERATION`].
    pub rows: &'static [Row],
    /// The methods that it has: the value of `Allow`.
    pub methods: &'static str,
    /// Whether its answers are sealed under the session key, which has no `kid`.
    pub under_session_key: bool,
}

/// One kind of answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// The HTTP status.
    pub status: u16,
    /// The number in `TOK...`; 200 for success on either path.
    pub code: u16,
    /// Whether it is sealed.
    pub sealed: Sealed,
    /// What its `errors` name.
    pub errors: Errors,
    /// Its members besides `resCode`, `resDesc`, `referenceId` and `errors`.
    pub members: &'static [(&'static str, Kind)],
}

/// Which answers of a row are sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealed {
    /// All.
    Always,
    /// None.
    Never,
    /// Those to requests that the service opened before it failed.
    IfOpened,
}

/// The `errors` of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errors {
    /// There are none: no member is at fault.
    None,
    /// At least one entry, or no `errors` if the JSON as a whole is at fault.
    Members,
    /// One entry, of this field and one of these reasons.
    One(&'static str, &'static [&'static str]),
}

/// The type of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A string that is not empty.
    Text,
    /// An integer.
    Integer,
}

/// How a path spells `resCode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// `"TOK200"`.
    Text,
    /// `100` for success, else the code's digits.
    Integer,
}

/// What a harness knows of the request. `None` is not known, and not held against the answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// How its path spells `resCode`.
    pub spelling: Option<Spelling>,
    /// Whether it named its key. Whether the answer names the right one, its reader has checked.
    pub names_its_key: Option<bool>,
    /// Its `referenceId`.
    pub reference_id: Option<&'a str>,
}

/// A rule that an answer breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: {found}")]
pub struct BrokenRule {
    /// The rule's name.
    pub rule: &'static str,
    /// The answer.
    pub found: String,
}

/// What every operation that takes a sealed request may answer.
pub const EVERY_OPERATION: &[Row] = &[
    row(404, 404, Sealed::Never, Errors::None),
    row(405, 405, Sealed::Never, Errors::None),
    row(413, 413, Sealed::Never, Errors::None),
    row(415, 415, Sealed::Never, Errors::None),
    row(401, 2, Sealed::Never, Errors::None),
    row(400, 422, Sealed::Never, Errors::None),
    row(400, 400, Sealed::Always, Errors::Members),
    row(503, 503, Sealed::IfOpened, Errors::None),
    row(500, 3, Sealed::IfOpened, Errors::None),
];

/// Get Token.
pub const GET_TOKEN: Operation = Operation {
    rows: &[
        Row {
            members: &[
                ("serverPubKey", Kind::Text),
                ("token", Kind::Text),
                ("expireAt", Kind::Integer),
            ],
            ..row(200, 200, Sealed::Always, Errors::None)
        },
        row(401, 4, Sealed::Always, Errors::None),
        row(
            409,
            409,
            Sealed::Always,
            Errors::One("referenceId", &["reused", "expired", "revoked"]),
        ),
    ],
    methods: "POST, GET",
    under_session_key: false,
};

/// Renew.
pub const RENEW: Operation = Operation {
    rows: &[
        Row {
            members: &[("token", Kind::Text), ("expireAt", Kind::Integer)],
            ..row(200, 200, Sealed::Always, Errors::None)
        },
        row(401, 401, Sealed::Never, Errors::None),
        row(
            401,
            401,
            Sealed::Always,
            Errors::One("token", &["expired", "revoked", "superseded"]),
        ),
    ],
    methods: "POST",
    under_session_key: true,
};

/// Invalidate.
pub const INVALIDATE: Operation = Operation {
    rows: &[
        row(200, 200, Sealed::Always, Errors::None),
        row(
            404,
            404,
            Sealed::Always,
            Errors::One("tokenReferenceId", &["unknown"]),
        ),
    ],
    methods: "POST",
    under_session_key: false,
};

const fn row(status: u16, code: u16, sealed: Sealed, errors: Errors) -> Row {
    Row {
        status,
        code,
        sealed,
        errors,
        members: &[],
    }
}

/// A rule's name, and whether an answer keeps it.
type Rule = (&'static str, fn(&Case<'_>) -> bool);

/// What holds for the answers of every row.
const RULES: [Rule; 13] = [
    ("each header once", |case| each_once(case.answer.headers())),
    ("Content-Type", |case| {
        let expected = match case.answer.sealed {
            Some(_) => "text/plain",
            None => "application/json",
        };
        case.answer.header("content-type") == Some(expected)
    }),
    ("X-Request-Id", |case| {
        let id = case.answer.header("x-request-id");
        id.is_some_and(|id| !id.is_empty())
    }),
    ("Cache-Control", |case| {
        case.answer.header("cache-control") == Some("no-store")
    }),
    ("Retry-After", |case| {
        is_due(
            case.row.status == 503,
            case.answer.header("retry-after"),
            is_a_wait,
        )
    }),
    ("Allow", |case| {
        let methods = |value: &str| value == case.operation.methods;
        is_due(case.row.status == 405, case.answer.header("allow"), methods)
    }),
    ("WWW-Authenticate", |case| {
        let challenge = r#"ApiKey realm="token-service""#;
        challenges(case.answer.headers(), case.row.status, challenge)
    }),
    ("Idempotent-Replayed", |case| {
        let gives_a_token = case.row.members.iter().any(|(name, _)| *name == "token");
        let headers = case.answer.headers();
        !headers.contains_key("idempotent-replayed") || (gives_a_token && case.answer.is_replayed())
    }),
    ("the sealing header", |case| {
        let sealed = case.answer.sealed.as_ref();
        let names_its_key = match case.operation.under_session_key {
            true => Some(false),
            false => case.asked.names_its_key,
        };
        sealed.is_none_or(|header| is_sealing_header(header, names_its_key))
    }),
    ("resDesc", |case| case.has_member("resDesc", Kind::Text)),
    ("members", |case| {
        let known = ["resCode", "resDesc", "referenceId", "errors"];
        let own = case.row.members;
        own.iter().all(|(name, kind)| case.has_member(name, *kind))
            && case.members.keys().all(|name| {
                known.contains(&name.as_str()) || own.iter().any(|(own, _)| own == name)
            })
    }),
    ("referenceId", |case| {
        let Some(echo) = case.members.get("referenceId") else {
            // A plain answer has none, and one whose request may lack a valid one need not. A
            // renewal's is its token's.
            let may_lack = case.row.errors == Errors::Members && !case.operation.under_session_key;
            return case.answer.sealed.is_none() || may_lack;
        };
        // Before the request was opened nobody knows it.
        case.answer.sealed.is_some()
            && echo.as_str().is_some_and(|echo| {
                !echo.is_empty() && case.asked.reference_id.is_none_or(|asked| asked == echo)
            })
    }),
    ("errors", |case| {
        let errors = case.members.get("errors");
        match (case.row.errors, errors.map(entries)) {
            (Errors::None | Errors::Members, None) => true,
            (Errors::Members, Some(Some(entries))) => !entries.is_empty(),
            (Errors::One(field, reasons), Some(Some(entries))) => match entries.as_slice() {
                [(named, reason)] => *named == field && reasons.contains(reason),
                _ => false,
            },
            _ => false,
        }
    }),
];

/// An answer, and what it is held against.
struct Case<'a> {
    answer: &'a Answer,
    members: &'a Map<String, Value>,
    asked: &'a Asked<'a>,
    operation: Operation,
    row: &'static Row,
}

/// Holds an answer of an operation against its rows and all rules, and names its row.
///
/// # Errors
/// The first rule that does not hold.
pub fn check(
    operation: Operation,
    answer: &Answer,
    asked: &Asked<'_>,
) -> Result<&'static Row, BrokenRule> {
    let broken = |rule| BrokenRule {
        rule,
        found: format!(
            "{} {:?} sealed with {:?}: {}",
            answer.status,
            answer.headers(),
            answer.sealed,
            answer.members
        ),
    };
    let (spelling, code) = code(answer).ok_or_else(|| broken("resCode"))?;
    if asked.spelling.is_some_and(|asked| asked != spelling) {
        return Err(broken("resCode"));
    }
    let is_sealed = answer.sealed.is_some();
    let row = EVERY_OPERATION.iter().chain(operation.rows).find(|row| {
        (row.status, row.code) == (answer.status.as_u16(), code)
            && (row.sealed == Sealed::IfOpened || (row.sealed == Sealed::Always) == is_sealed)
    });
    let case = Case {
        answer,
        members: answer
            .members
            .as_object()
            .ok_or_else(|| broken("members"))?,
        asked,
        operation,
        row: row.ok_or_else(|| broken("status, code and sealing"))?,
    };
    match RULES.iter().find(|(_, holds)| !holds(&case)) {
        None => Ok(case.row),
        Some((rule, _)) => Err(broken(rule)),
    }
}

/// The `resCode` as the number in `TOK...`, and how it is spelled.
fn code(answer: &Answer) -> Option<(Spelling, u16)> {
    match answer.members.get("resCode")? {
        Value::String(text) => {
            let digits = text.strip_prefix("TOK")?;
            let is_code = digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
            let number = digits.parse().ok().filter(|_| is_code);
            Some((Spelling::Text, number?))
        }
        Value::Number(number) => match number.as_u64()? {
            // Success is 100 here.
            200 => None,
            100 => Some((Spelling::Integer, 200)),
            number => Some((Spelling::Integer, u16::try_from(number).ok()?)),
        },
        _ => None,
    }
}

fn is_sealing_header(header: &Value, names_its_key: Option<bool>) -> bool {
    let kid = header.get("kid");
    let mut expected = json!({ "alg": "dir", "enc": "A256GCM" });
    if let (Some(kid), Some(members)) = (kid, expected.as_object_mut()) {
        members.insert("kid".to_owned(), kid.clone());
    }
    *header == expected
        && kid.is_none_or(Value::is_string)
        && names_its_key.is_none_or(|names| names == kid.is_some())
}

/// The fields and reasons of `errors`, if it is a list of exactly these.
fn entries(errors: &Value) -> Option<Vec<(&str, &str)>> {
    let errors = errors.as_array()?.iter().map(|error| {
        let text = |name| error.get(name)?.as_str().filter(|text| !text.is_empty());
        let is_whole = error.as_object().is_some_and(|error| error.len() == 2);
        is_whole.then_some((text("field")?, text("reason")?))
    });
    errors.collect()
}

/// Whether no header comes twice.
fn each_once(headers: &HeaderMap) -> bool {
    let mut names = headers.keys();
    names.all(|name| headers.get_all(name).iter().count() == 1)
}

/// Whether a header is there exactly if it is due, and with the right value.
fn is_due(due: bool, value: Option<&str>, is_right: impl Fn(&str) -> bool) -> bool {
    match due {
        true => value.is_some_and(is_right),
        false => value.is_none(),
    }
}

/// The protocol has no limit, but no harness causes a wait of over a minute.
fn is_a_wait(value: &str) -> bool {
    value
        .parse::<u64>()
        .is_ok_and(|seconds| (1..=60).contains(&seconds))
}

/// Whether a 401, and nothing else, has this challenge.
fn challenges(headers: &HeaderMap, status: u16, challenge: &str) -> bool {
    // A REST API hands the header on by the second name.
    let names = ["www-authenticate", "x-amzn-remapped-www-authenticate"];
    let sent: Vec<_> = names.iter().filter_map(|name| headers.get(*name)).collect();
    match (status, sent.as_slice()) {
        (401, [value]) => *value == challenge,
        (401, _) => false,
        (_, sent) => sent.is_empty(),
    }
}

impl Case<'_> {
    fn has_member(&self, name: &str, kind: Kind) -> bool {
        self.members.get(name).is_some_and(|value| match kind {
            Kind::Text => value.as_str().is_some_and(|text| !text.is_empty()),
            Kind::Integer => value.is_i64(),
        })
    }
}

#[cfg(test)]
mod tests;
