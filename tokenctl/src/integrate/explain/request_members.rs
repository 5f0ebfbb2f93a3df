//! A request's members, one by one: what each becomes, or the rule that it breaks. The rules are
//! the service's: each member is given to its own reader, with what is at fault taken out.

use std::collections::{BTreeMap, HashSet};

use peers::{credentials::Credentials, sdk::KeyPair};
use serde_json::{Value, value::RawValue};
use token_service::request::{MEMBERS, RequestFault};

use super::findings::{Findings, Step};
use crate::integrate::{hints, members::Members, misspelling, page::quoted, rules};

const STEP: Step = Step::Members;

/// From so many digits on, JavaScript and PHP round an integer.
const EXACT_DIGITS: usize = 15;

/// Most unknown members that are looked at: to compare each with the known ones takes time.
const MOST_UNKNOWN: usize = 256;

/// Examines each.
pub(super) fn examine(
    members: &Members,
    credentials: Option<&Credentials>,
    reveal: bool,
    findings: &mut Findings,
) {
    let read = readable(members);
    let faults = faults_of(&read);
    let becomes = normalised(&read, &faults);
    for name in MEMBERS {
        let raw = members.present(name);
        if let Some(reason) = faults.get(name) {
            let what = match raw {
                Some(raw) => {
                    let hint = hints::of(name, raw).map(|hint| format!(": {hint}"));
                    format!(" (it is {}{})", shape(raw), hint.unwrap_or_default())
                }
                None => misspelt(members, name),
            };
            // A member whose structure is at fault was not read: it is not missing.
            if raw.is_none() || read.present(name).is_some() {
                findings.fault(STEP, format!("{name} {reason}{what}"));
            }
        } else if read.present(name).is_none() && raw.is_some() {
            findings.note(STEP, format!("{name} was not read, see above"));
        } else if let Some(raw) = raw {
            let value = becomes.get(standard(name));
            let shown = match (reveal, value) {
                (true, Some(value)) => format!(": {value}"),
                _ => String::new(),
            };
            let meaning = meaning(name, raw, value);
            findings.ok(STEP, format!("{name} is {}: {meaning}{shown}", shape(raw)));
            warn(name, raw, credentials, findings);
        } else if members.iter().any(|(other, _)| other == name) {
            findings.note(STEP, format!("{name} is null, which means absent"));
        }
    }
    let is_told = |meant: &str| {
        faults
            .get(meant)
            .is_some_and(|reason| reason == "is required")
    };
    examine_unknown(members, is_told, findings);
}

/// The misspelling that a required member is missing for.
fn misspelt(members: &Members, required: &str) -> String {
    let mut names = unknown(members).take(MOST_UNKNOWN);
    let found = names.find(|name| misspelling::meant(name) == Some(required));
    found.map_or_else(String::new, |name| {
        format!(
            " (there is {}, which is ignored: names are compared exactly)",
            quoted(name)
        )
    })
}

fn unknown(members: &Members) -> impl Iterator<Item = &str> {
    let mut seen = HashSet::new();
    let names = members.iter().map(|(name, _)| name);
    names.filter(move |name| !MEMBERS.contains(name) && seen.insert(*name))
}

fn examine_unknown(members: &Members, is_told: impl Fn(&str) -> bool, findings: &mut Findings) {
    for name in unknown(members).take(MOST_UNKNOWN) {
        match misspelling::meant(name) {
            // It is why that one is missing: one fault, and not two.
            Some(meant) if is_told(meant) => {}
            Some(meant) => findings.warning(STEP, misspelling::ignored(name, meant)),
            None => findings.note(
                STEP,
                format!("{} is ignored: no such member is known", quoted(name)),
            ),
        }
    }
    let more = unknown(members).skip(MOST_UNKNOWN).count();
    if more > 0 {
        findings.note(STEP, format!("{more} more members are ignored"));
    }
}

/// The known members, once each, without those that the service's reader cannot read: the rest is
/// judged all the same.
fn readable(members: &Members) -> Members {
    let mut read = members.first_of_each(&MEMBERS);
    while let Err(RequestFault::Json { member, .. }) = rules::check(read.to_string().as_bytes()) {
        let Some(at_fault) = member else {
            return Members::default();
        };
        read.remove(at_fault);
    }
    read
}

fn faults_of(read: &Members) -> BTreeMap<&'static str, String> {
    match rules::check(read.to_string().as_bytes()) {
        Err(fault) => fault
            .members()
            .into_iter()
            .map(|fault| (fault.field, fault.reason))
            .collect(),
        Ok(_) => BTreeMap::new(),
    }
}

/// What the members without a fault become: read by the service, with placeholders for what it
/// requires beside them.
fn normalised(read: &Members, faults: &BTreeMap<&'static str, String>) -> Value {
    let mut sound = read.clone();
    for name in faults.keys() {
        sound.remove(name);
    }
    if faults.contains_key("firstName") {
        sound.remove("firstname");
    }
    if faults.contains_key("lastName") {
        sound.remove("lastname");
    }
    for (name, placeholder) in [
        ("referenceId", "placeholder".to_owned()),
        ("sdkPublicKey", KeyPair::generate().public_key()),
        ("sdkApiKey", "placeholder".to_owned()),
        ("accountNumber", "0".to_owned()),
    ] {
        if sound.present(name).is_none() {
            sound.set(name, &Value::from(placeholder));
        }
    }
    let request = rules::check(sound.to_string().as_bytes()).ok();
    request
        .and_then(|request| serde_json::to_value(&request.customer).ok())
        .unwrap_or_default()
}

/// The spelling under which the service keeps it.
fn standard(name: &str) -> &str {
    match name {
        "firstname" => "firstName",
        "lastname" => "lastName",
        other => other,
    }
}

/// What a value becomes, without the value.
fn meaning(name: &str, raw: &RawValue, value: Option<&Value>) -> String {
    let length = value
        .and_then(Value::as_str)
        .map_or(0, |text| text.chars().count());
    match (name, value) {
        ("referenceId", _) => format!("names the session {}", raw.get()),
        ("sdkPublicKey", _) => "a point of P-256".to_owned(),
        ("sdkApiKey", _) => "well formed".to_owned(),
        ("accountNumber", _) => format!("kept as {length} digits, leading zeros included"),
        ("isdCode" | "data", None) => "it means absent".to_owned(),
        ("isdCode" | "mobileNumber", Some(_)) => format!("kept as {length} digits"),
        ("dob", Some(value)) => {
            let sent = raw.get().trim_matches('"');
            let order = if value == sent {
                "yyyyMMdd"
            } else {
                "ddMMyyyy"
            };
            format!("read as {order}, a date in the past, kept as yyyyMMdd")
        }
        ("data", Some(Value::Object(entries))) => format!("{} entries of text", entries.len()),
        ("firstname" | "lastname", _) => format!("read as {}", standard(name)),
        _ => "accepted".to_owned(),
    }
}

/// What the service takes, though it is probably not meant.
fn warn(name: &str, raw: &RawValue, credentials: Option<&Credentials>, findings: &mut Findings) {
    let is_number = raw.get().bytes().all(|b| b.is_ascii_digit());
    if name == "accountNumber" && is_number && raw.get().len() > EXACT_DIGITS {
        findings.warning(
            STEP,
            format!(
                "accountNumber is a number of more than {EXACT_DIGITS} digits: JavaScript and PHP round such numbers. Send \
                 a string"
            ),
        );
    }
    let differs = |credentials: &Credentials| {
        let sent: Option<String> = serde_json::from_str(raw.get()).ok();
        sent.as_deref() != Some(credentials.sdk_api_key.as_str())
    };
    if name == "sdkApiKey" && credentials.is_some_and(differs) {
        findings.warning(
            STEP,
            "sdkApiKey is not that of the credentials: unless it is another one of the partner's, the answer is TOK004",
        );
    }
}

/// What kind of value it is and how long, without the value.
fn shape(raw: &RawValue) -> String {
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'"') => match serde_json::from_str::<String>(text) {
            Ok(text) => format!("a string of {} characters", text.chars().count()),
            Err(_) => "a string".to_owned(),
        },
        Some(b'{') => "an object".to_owned(),
        Some(b'[') => "an array".to_owned(),
        Some(b't' | b'f') => "true or false".to_owned(),
        _ => format!("a number of {} characters", text.len()),
    }
}
