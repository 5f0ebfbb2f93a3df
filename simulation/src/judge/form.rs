//! What every answer looks like (protocol.md, Success and Errors).

use peers::answer::Answer;
use serde_json::{Value, json};

use crate::{call::reference, sequence::Ask};

/// Which answers are sealed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sealed {
    Always,
    Never,
    /// If the request was opened before it failed.
    Either,
}

/// Status, code, and whether it is sealed. What no partner of a simulation causes is left out.
const ANSWERS: [(u16, u16, Sealed); 8] = [
    (200, 200, Sealed::Always),
    (400, 400, Sealed::Always),
    (400, 422, Sealed::Never),
    (401, 2, Sealed::Never),
    (401, 4, Sealed::Always),
    (409, 409, Sealed::Always),
    (500, 3, Sealed::Either),
    (503, 503, Sealed::Either),
];

/// Holds an answer against the rules of all answers.
pub(super) fn check(ask: &Ask, answer: &Answer) -> Result<(), String> {
    let status = answer.status.as_u16();
    let code =
        code(ask, answer).ok_or_else(|| format!("{status} without a code: {}", answer.members))?;
    let row = ANSWERS.iter().find(|(s, c, _)| (*s, *c) == (status, code));
    let Some((_, _, sealed)) = row else {
        return Err(format!(
            "{status} with TOK{code:03} is not one of the protocol's"
        ));
    };
    let is_sealed = answer.sealed.is_some();
    let has = |name: &str| answer.header(name).is_some();
    let retry_after = answer.header("retry-after").map(str::parse::<u64>);
    let facts = [
        (
            *sealed == Sealed::Either || (*sealed == Sealed::Always) == is_sealed,
            "sealed or not",
        ),
        (
            answer
                .sealed
                .as_ref()
                .is_none_or(|header| is_sealing_header(ask, header)),
            "the sealing header",
        ),
        (
            answer
                .header("x-request-id")
                .is_some_and(|id| !id.is_empty()),
            "X-Request-Id",
        ),
        (
            answer.header("cache-control") == Some("no-store"),
            "Cache-Control",
        ),
        (has("retry-after") == (status == 503), "Retry-After"),
        (
            has("x-amzn-remapped-www-authenticate") == (status == 401),
            "WWW-Authenticate",
        ),
        (
            retry_after.is_none_or(|seconds| seconds.is_ok_and(|s| (1..=60).contains(&s))),
            "Retry-After",
        ),
        (
            !has("idempotent-replayed") || (status == 200 && answer.is_replayed()),
            "Idempotent-Replayed",
        ),
        (
            answer.text("resDesc").is_some_and(|text| !text.is_empty()),
            "resDesc",
        ),
        // Before its request was opened nobody knows it; afterwards these have no faulty members.
        (
            answer.text("referenceId").is_some() == is_sealed,
            "referenceId",
        ),
        (
            answer
                .text("referenceId")
                .is_none_or(|echo| echo == reference(ask)),
            "referenceId",
        ),
        (
            (status == 409) == answer.members.get("errors").is_some(),
            "errors",
        ),
        (
            members_are_known(status, &answer.members),
            "an unknown member",
        ),
    ];
    match facts.iter().find(|(holds, _)| !holds) {
        None => Ok(()),
        Some((_, what)) => Err(format!(
            "{what}: {status} {:?} {}",
            answer.headers(),
            answer.members
        )),
    }
}

/// The code, which each path spells in its own way.
pub(super) fn code(ask: &Ask, answer: &Answer) -> Option<u16> {
    let code = answer.members.get("resCode")?;
    match ask.legacy {
        true => code.as_u64().and_then(|code| match code {
            100 => Some(200),
            code => u16::try_from(code).ok(),
        }),
        false => code.as_str()?.strip_prefix("TOK")?.parse().ok(),
    }
}

/// The reason of a 409.
pub(super) fn reason(answer: &Answer) -> Option<&str> {
    let errors = answer.members.get("errors")?.as_array()?;
    match errors.as_slice() {
        [error] if error.get("field") == Some(&"referenceId".into()) => {
            error.get("reason")?.as_str()
        }
        _ => None,
    }
}

fn is_sealing_header(ask: &Ask, header: &Value) -> bool {
    let mut expected = json!({ "alg": "dir", "enc": "A256GCM" });
    if let (true, Some(members)) = (ask.named, expected.as_object_mut()) {
        // That it is the request's key is known already: no other was at hand to open it.
        members.insert(
            "kid".to_owned(),
            header.get("kid").cloned().unwrap_or_default(),
        );
    }
    *header == expected
}

fn members_are_known(status: u16, members: &Value) -> bool {
    let known: &[&str] = match status {
        200 => &[
            "resCode",
            "resDesc",
            "referenceId",
            "serverPubKey",
            "token",
            "expireAt",
        ],
        _ => &["resCode", "resDesc", "referenceId", "errors"],
    };
    let members = members.as_object();
    members.is_some_and(|members| members.keys().all(|name| known.contains(&name.as_str())))
}
