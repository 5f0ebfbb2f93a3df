//! What an answer says, whether it can be believed, and what to do.

use peers::{jwe, verdict::Refusal};
use serde_json::Value;
use time::OffsetDateTime;

use super::{
    findings::{Findings, Step},
    opening::Opener,
};
use crate::integrate::{introspect, members::Members, page::quoted, request::expiry, sdk};

const STEP: Step = Step::Answer;

/// An answer that was opened.
pub(super) fn explain_sealed(members: &Members, opener: Opener, findings: &mut Findings) {
    findings.ok(
        STEP,
        match opener {
            Opener::PayloadKey => {
                "it is authenticated: the service sealed it, under a payload key of yours"
            }
            Opener::SessionKey => {
                "it is authenticated: the service sealed it, under the session key"
            }
        },
    );
    let said = serde_json::from_str(&members.to_string()).unwrap_or_default();
    let refusal = Refusal {
        authenticated: true,
        ..Refusal::of_body(&said)
    };
    if refusal.code == "TOK200" {
        explain_success(members, opener, findings);
    } else {
        explain_refusal(&refusal, &said, findings);
    }
}

/// An answer in the clear.
pub(super) fn explain_plain(text: &str, findings: &mut Findings) {
    let said: Value = serde_json::from_str(text).unwrap_or_default();
    let mut refusal = Refusal::of_body(&said);
    if refusal.code == "TOK200" {
        findings.fault(
            STEP,
            "it says success and is not encrypted: nothing vouches for it, and the service sends no such answer. Do not \
             use it",
        );
        return;
    }
    findings.warning(
        STEP,
        "it is not encrypted: anybody on the way could have written it, take it as a hint",
    );
    if refusal.code.is_empty() {
        refusal.status = gateway_status(&said);
    }
    explain_refusal(&refusal, &said, findings);
}

/// API Gateway's own words, by which its status can be told.
fn gateway_status(said: &Value) -> Option<u16> {
    match words_of_others(said)? {
        "Bad Request" => Some(400),
        "Unauthorized" => Some(401),
        "Forbidden" | "Missing Authentication Token" => Some(403),
        words if words.contains("is not authorized to") => Some(403),
        "Not Found" => Some(404),
        "Unsupported Media Type" => Some(415),
        "Too Many Requests" | "Limit Exceeded" | "Limit Exceeded Exception" | "Rate exceeded" => {
            Some(429)
        }
        "Internal server error" | "Internal Server Error" | "Bad Gateway" => Some(502),
        "Service Unavailable" => Some(503),
        "Endpoint request timed out" | "Network error communicating with endpoint" => Some(504),
        "Request Too Long" | "Request Entity Too Large" => Some(413),
        _ => None,
    }
}

/// What API Gateway, a firewall or Lambda itself says.
fn words_of_others(said: &Value) -> Option<&str> {
    let names = OF_OTHERS.into_iter();
    names.filter_map(|name| said.get(name)?.as_str()).next()
}

/// The members in which they say it.
pub(super) const OF_OTHERS: [&str; 3] = ["message", "Message", "errorMessage"];

fn explain_refusal(refusal: &Refusal, said: &Value, findings: &mut Findings) {
    let code = match (refusal.code.as_str(), refusal.status) {
        ("", Some(status)) => format!("API Gateway's {status}"),
        ("", None) => "no code".to_owned(),
        (code, _) => code.to_owned(),
    };
    findings.fault(STEP, format!("{code}: {}", refusal.meaning()));
    let gateway = words_of_others(said).unwrap_or_default();
    for words in [refusal.description.as_str(), gateway] {
        if !words.is_empty() {
            findings.note(STEP, format!("it says {}", quoted(words)));
        }
    }
    for error in &refusal.errors {
        let (field, reason) = (quoted(&error.field), quoted(&error.reason));
        findings.fault(STEP, format!("{field}: {reason}"));
    }
    if let Some(id) = said.get("referenceId").and_then(Value::as_str) {
        findings.note(STEP, format!("referenceId is {}", quoted(id)));
    }
    findings.note(STEP, format!("what to do: {}", refusal.advice()));
}

/// An answer to an introspection, which is never sealed.
pub(super) fn explain_introspection(text: &str, findings: &mut Findings) {
    let said: Value = serde_json::from_str(text).unwrap_or_default();
    match said.get("active") {
        Some(Value::Bool(true)) => {
            findings.ok(STEP, "the token is active");
            for name in CLAIMS {
                if said.get(name).is_none() {
                    findings.fault(STEP, format!("{name} is missing"));
                }
            }
            if let Some(exp) = said.get("exp").and_then(Value::as_i64) {
                explain_expiry(exp.saturating_mul(1000), findings);
            }
        }
        Some(Value::Bool(false)) => {
            findings.fault(STEP, "the token is inactive");
            findings.note(STEP, introspect::INACTIVE);
        }
        Some(_) => findings.fault(STEP, "active is neither true nor false"),
        None => {
            let error = said
                .get("error")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let meaning = introspect::meaning(error);
            findings.fault(STEP, format!("{}: {meaning}", quoted(error)));
        }
    }
}

/// What is told of an active token (protocol.md, Token).
const CLAIMS: [&str; 11] = [
    "iss",
    "aud",
    "sub",
    "client_id",
    "program_id",
    "jti",
    "ref",
    "auth_time",
    "iat",
    "exp",
    "cnf",
];

fn explain_success(members: &Members, opener: Opener, findings: &mut Findings) {
    let given = |name| members.present(name).is_some();
    let gives_a_token = ["token", "serverPubKey", "expireAt"].into_iter().any(given);
    let what = match opener {
        Opener::SessionKey => "a renewed token",
        Opener::PayloadKey if gives_a_token => "a token",
        Opener::PayloadKey => "an invalidation, as it gives no token",
    };
    match members.text("referenceId") {
        Some(id) => findings.ok(
            STEP,
            format!("TOK200, {what}, for referenceId {}: check that it is the one you asked for", quoted(&id)),
        ),
        None => findings.fault(
            STEP,
            "it says success and has no referenceId: it cannot be told which request it answers. Do not use it",
        ),
    }
    if opener == Opener::PayloadKey && !gives_a_token {
        return;
    }
    match members.text("token").filter(|token| !token.is_empty()) {
        None => findings.fault(STEP, "token is missing"),
        Some(token) => match jwe::header(&token) {
            Ok(header) if header.get("typ") == Some(&"JWT".into()) => findings.ok(
                STEP,
                "token is there: hand it to the SDK, which cannot open it",
            ),
            _ => findings.fault(
                STEP,
                "token is no token: it is not a compact JWE with typ JWT",
            ),
        },
    }
    let key = members.text("serverPubKey").filter(|key| !key.is_empty());
    match key {
        // The session key stays.
        None if opener == Opener::SessionKey => {}
        None => findings.fault(STEP, "serverPubKey is missing"),
        Some(key) => match sdk::check_server_pub_key(&key) {
            Ok(()) => findings.ok(STEP, "serverPubKey is a point of P-256: hand it to the SDK"),
            Err(failure) => findings.fault(STEP, format!("serverPubKey: {}", failure.message)),
        },
    }
    let expire_at = members
        .present("expireAt")
        .and_then(|raw| raw.get().parse::<i64>().ok());
    match expire_at {
        None => findings.fault(STEP, "expireAt is missing, or no number"),
        Some(at) => explain_expiry(at, findings),
    }
}

fn explain_expiry(at: i64, findings: &mut Findings) {
    let now = i64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000);
    match now.is_ok_and(|now| at <= now) {
        true => findings.warning(
            STEP,
            format!(
                "it expired at {}: the SDK renews it while the session lasts; else ask for a new token under a new \
                 referenceId",
                expiry(at)
            ),
        ),
        false => findings.ok(STEP, format!("it expires at {}", expiry(at))),
    }
}
