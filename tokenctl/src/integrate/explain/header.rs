//! The protected header: its JSON, and what each member must be.

use std::collections::HashSet;

use serde_json::value::RawValue;

use super::findings::{Findings, Step};
use crate::integrate::{
    members::Members,
    page::quoted,
    rules::{self, MAX_HEADER},
};
use token_service::request::JsonFault;

/// What the header says of the key.
#[derive(Default)]
pub(super) struct Named {
    pub(super) kid: Option<String>,
    /// `JWT` is a token's (protocol.md, Token).
    pub(super) typ: Option<String>,
}

/// Examines a decoded header, or what could be decoded of it.
pub(super) fn examine(header: Option<&[u8]>, findings: &mut Findings) -> Named {
    let Some(header) = header else {
        return Named::default();
    };
    let step = Step::Header;
    if header.len() > MAX_HEADER {
        findings.fault(
            step,
            format!(
                "it has {} bytes decoded, and at most {MAX_HEADER} (1 KiB) are allowed",
                header.len()
            ),
        );
    }
    let mut unread = Findings::default();
    let Some(members) = read(header, &mut unread) else {
        // A segment that is at fault itself is told of already.
        match findings.has_fault_at(Step::Segments) {
            true => findings.note(step, "it cannot be read before that is put right"),
            false => findings.append(unread),
        }
        return Named::default();
    };
    examine_repeated(&members, findings);
    for (name, expected, why) in [
        (
            "alg",
            "dir",
            "the payload key encrypts by itself, no other key is wrapped or agreed",
        ),
        ("enc", "A256GCM", "AES-256 in Galois/Counter Mode"),
    ] {
        examine_algorithm(&members, (name, expected, why), findings);
    }
    for (name, what) in [
        ("crit", "extensions that must be understood"),
        ("zip", "compression"),
    ] {
        if members.iter().any(|(other, _)| other == name) {
            findings.fault(
                step,
                format!("{name} is not supported ({what}): leave it out"),
            );
        }
    }
    let raw = |name: &str| {
        members
            .iter()
            .find(|(other, _)| *other == name)
            .map(|it| it.1)
    };
    let jwk = raw("jwk").and_then(|raw| Members::parse(raw.get()).ok());
    if jwk.is_some_and(|jwk| jwk.present("k").or(jwk.present("d")).is_some()) {
        findings.warning(
            step,
            "jwk has a key's secret part, and the header is not encrypted: anybody on the way can read it. Leave jwk out, \
             and ask for another key",
        );
    }
    let kid = raw("kid").and_then(text);
    match (raw("kid"), &kid) {
        (Some(_), None) => findings.fault(
            step,
            "kid must be a string, the payload key's name; or leave it out",
        ),
        (Some(_), Some(kid)) => findings.ok(step, format!("kid is {}", quoted(kid))),
        (None, _) => findings.note(
            step,
            "it has no kid: the service tries each of the partner's payload keys",
        ),
    }
    let typ = raw("typ").and_then(text);
    Named { kid, typ }
}

fn read(header: &[u8], findings: &mut Findings) -> Option<Members> {
    let step = Step::Header;
    let Ok(text) = std::str::from_utf8(header) else {
        let words = rules::json_in_words(&JsonFault::NotUtf8, header);
        findings.fault(step, format!("it must be a JSON object, but it {words}"));
        return None;
    };
    match Members::parse(text) {
        Ok(members) => Some(members),
        Err(error) if error.is_data() => {
            findings.fault(step, "it must be a JSON object, {...}, and is other JSON");
            None
        }
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            let words = rules::json_in_words(&JsonFault::Syntax { line, column }, header);
            findings.fault(step, format!("it must be a JSON object, but it {words}"));
            None
        }
    }
}

fn examine_repeated(members: &Members, findings: &mut Findings) {
    let mut seen = HashSet::new();
    for (name, _) in members.iter() {
        if !seen.insert(name) {
            findings.fault(
                Step::Header,
                format!("the header member {} is repeated: once only", quoted(name)),
            );
        }
    }
}

fn examine_algorithm(
    members: &Members,
    (name, expected, why): (&str, &str, &str),
    findings: &mut Findings,
) {
    let step = Step::Header;
    let raw = members
        .iter()
        .find(|(other, _)| *other == name)
        .map(|it| it.1);
    match (raw, raw.and_then(text)) {
        (None, _) => findings.fault(
            step,
            format!("{name} is missing: it must be {expected}, {why}"),
        ),
        (Some(_), Some(actual)) if actual == expected => {
            findings.ok(step, format!("{name} is {expected}"));
        }
        (Some(_), Some(actual)) => findings.fault(
            step,
            format!(
                "{name} is {}, and must be {expected}: {why}",
                quoted(&actual)
            ),
        ),
        (Some(_), None) => {
            findings.fault(step, format!("{name} must be the string {expected}: {why}"));
        }
    }
}

fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}
