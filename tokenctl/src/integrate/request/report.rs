//! What came of a call, for a person and for a script.

use std::path::PathBuf;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use peers::{
    sdk::KeyPair,
    verdict::{Refusal, Token, Unreadable, Verdict},
};
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    files,
    integrate::{
        page::{Page, quoted},
        sdk,
    },
    outcome::{Exit, Failure, Outcome, Report},
};

/// What was asked for, and how to tell the answer.
pub(super) struct Asked {
    pub(super) reference_id: String,
    /// The SDK's, if its private half is here.
    pub(super) pair: Option<KeyPair>,
    pub(super) reveal: bool,
    pub(super) out: Option<PathBuf>,
}

/// The report of whatever the service said.
pub(super) fn of(verdict: Verdict, tries: u32, asked: &Asked) -> Outcome {
    Ok(match verdict {
        Verdict::Token(token) => of_token(&token, tries, asked),
        Verdict::Refused(refusal) => {
            let mut report = of_refusal(&refusal, Some(&asked.reference_id), "your payload key");
            insert(&mut report.json, "tries", tries.into());
            report
        }
        Verdict::Unreadable(unreadable) => of_unreadable(&unreadable, tries, asked),
    })
}

/// Nothing came, as often as it was tried.
pub(super) fn unanswered(why: &str, tries: u32, reference_id: &str) -> Failure {
    Failure::new(
        Exit::Failed,
        format!(
            "no answer after {tries} tries: {why}. Try again with the same referenceId {}: the token may have been issued",
            quoted(reference_id)
        ),
    )
}

fn of_token(token: &Token, tries: u32, asked: &Asked) -> Report {
    let mut page = Page::default();
    let mut exit = Exit::Done;
    page.heading(format_args!(
        "A token for referenceId {}",
        quoted(&asked.reference_id)
    ));
    page.tick("authenticated: your payload key opens the answer, and it is to this referenceId");
    page.remark(if token.replayed {
        "replayed: an earlier request was issued this token"
    } else {
        "not replayed: it was issued just now"
    });
    let expires = expiry(token.expire_at);
    page.remark(format_args!("expires {expires}"));
    remark_request_id(&mut page, token.request_id.as_deref());
    page.remark(format_args!(
        "serverPubKey {}",
        quoted(&token.server_pub_key)
    ));

    let session_key = match asked.pair.as_ref() {
        Some(pair) => pair.session_key(&token.server_pub_key).map(Some),
        None => Ok(None),
    };
    let usable = sdk::check_server_pub_key(&token.server_pub_key);
    match (&session_key, usable) {
        (Err(error), _) => {
            exit = Exit::Faulty;
            page.cross(format_args!("serverPubKey: {}", sdk::in_words(error)));
        }
        (_, Err(failure)) => {
            exit = Exit::Faulty;
            page.cross(format_args!("serverPubKey: {}", failure.message));
        }
        (Ok(Some(_)), Ok(())) => page.tick("the SDK derives the session key from serverPubKey"),
        (Ok(None), Ok(())) => {
            page.remark("the SDK that has the private key derives the session key")
        }
    }
    let session_key = session_key.ok().flatten();
    let mut report = json!({
        "outcome": "token",
        "status": 200,
        "code": "TOK200",
        "authenticated": true,
        "referenceId": asked.reference_id,
        "replayed": token.replayed,
        "expireAt": token.expire_at,
        "requestId": token.request_id,
        "serverPubKey": token.server_pub_key,
        "sessionKeyDerived": session_key.is_some(),
        "tries": tries,
    });
    if asked.reveal {
        let session_key = session_key.map(|key| BASE64_URL_SAFE_NO_PAD.encode(key));
        page.line(format_args!("token {}", token.token));
        if let Some(key) = &session_key {
            page.line(format_args!("session key {key}"));
        }
        insert(&mut report, "token", token.token.as_str().into());
        insert(&mut report, "sessionKey", session_key.into());
    } else if asked.out.is_none() {
        page.remark("the token is not shown: --reveal shows it, --out writes the answer to a file");
    }
    if let Some(out) = &asked.out {
        match files::create(out, &String::from_utf8_lossy(&token.json)) {
            Ok(()) => {
                page.tick(format_args!("the answer is in {}", out.display()));
                insert(&mut report, "out", out.display().to_string().into());
            }
            Err(failure) => {
                exit = failure.exit;
                page.cross(format_args!(
                    "{}. The same request again gets the same token",
                    failure.message
                ));
                insert(&mut report, "fault", failure.message.into());
            }
        }
    }
    Report {
        text: page.text(),
        json: report,
        exit,
    }
}

/// The report of a refusal; `key` is what opens a sealed one.
pub(crate) fn of_refusal(refusal: &Refusal, reference_id: Option<&str>, key: &str) -> Report {
    let mut page = Page::default();
    let status = refusal.status.unwrap_or_default();
    page.heading(format_args!("No token: HTTP {status} {}", refusal.code));
    page.cross(refusal.meaning());
    if !refusal.description.is_empty() {
        page.remark(format_args!("it says {}", quoted(&refusal.description)));
    }
    for error in &refusal.errors {
        page.cross(format_args!(
            "{}: {}",
            quoted(&error.field),
            quoted(&error.reason)
        ));
    }
    if refusal.authenticated {
        page.tick(format_args!("authenticated: {key} opens the answer"));
    } else {
        page.warning("not encrypted: anybody on the way could have written it, take it as a hint");
    }
    if let Some(id) = reference_id {
        page.remark(format_args!("referenceId {}", quoted(id)));
    }
    remark_request_id(&mut page, refusal.request_id.as_deref());
    let retry_after = refusal.retry_after.as_secs();
    if retry_after > 0 {
        page.remark(format_args!("it asks to wait {retry_after} s"));
    }
    page.line(format_args!("What to do: {}", refusal.advice()));
    let errors: Vec<Value> = refusal
        .errors
        .iter()
        .map(|error| json!({ "field": error.field, "reason": error.reason }))
        .collect();
    let report = json!({
        "outcome": "refused",
        "status": status,
        "code": refusal.code,
        "description": refusal.description,
        "errors": errors,
        "authenticated": refusal.authenticated,
        "retryable": refusal.is_retryable(),
        "retryAfter": retry_after,
        "referenceId": reference_id,
        "requestId": refusal.request_id,
        "meaning": refusal.meaning(),
        "advice": refusal.advice(),
    });
    Report {
        text: page.text(),
        json: report,
        exit: Exit::Faulty,
    }
}

fn of_unreadable(unreadable: &Unreadable, tries: u32, asked: &Asked) -> Report {
    let mut page = Page::default();
    page.heading(format_args!("Not believed: HTTP {}", unreadable.status));
    page.cross(&unreadable.fault);
    page.remark(format_args!("referenceId {}", quoted(&asked.reference_id)));
    remark_request_id(&mut page, unreadable.request_id.as_deref());
    page.line(
        "What to do: use nothing of it. Check that the URL and the credentials belong together",
    );
    let report = json!({
        "outcome": "unreadable-answer",
        "status": unreadable.status,
        "fault": unreadable.fault,
        "referenceId": asked.reference_id,
        "requestId": unreadable.request_id,
        "tries": tries,
    });
    Report {
        text: page.text(),
        json: report,
        exit: Exit::Faulty,
    }
}

fn remark_request_id(page: &mut Page, id: Option<&str>) {
    if let Some(id) = id {
        page.remark(format_args!("request id {}", quoted(id)));
    }
}

/// When, for a person.
pub(crate) fn expiry(millis: i64) -> String {
    OffsetDateTime::from_unix_timestamp(millis / 1000)
        .ok()
        .and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_else(|| format!("{millis} ms after 1970"))
}

fn insert(report: &mut Value, name: &str, value: Value) {
    if let Some(members) = report.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}
