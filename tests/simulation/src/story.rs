//! What is told of a run: its beginning, its answers.

use std::time::Duration;

use peers::{answer::Answer, error::with_causes, rules::introspection::Introspected};

use crate::{
    call::{Answered, Outcome},
    sequence::{Operation, Sequence, listed},
};

/// Where a sequence begins.
pub(crate) fn beginning(sequence: &Sequence) -> String {
    let timeout = sequence.timeout.as_secs();
    match sequence.at_start.as_slice() {
        [] => format!("the function starts; its timeout is {timeout} s"),
        met => format!(
            "the function starts [Secrets Manager: {}]; its timeout is {timeout} s",
            listed(met)
        ),
    }
}

/// What was answered.
pub(crate) fn answer(answered: &Answered) -> String {
    let what = match &answered.outcome {
        Outcome::Answer(answer) => format!("{}{}", status(answered), details(answer)),
        Outcome::Introspection(_) | Outcome::Gateway(_) | Outcome::GaveUp => status(answered),
        Outcome::Unreadable(error) => with_causes(error),
    };
    let operation = answered.asked.request.operation().name();
    format!("{operation}: {what} after {} ms", answered.took.as_millis())
}

/// Status and code.
pub(crate) fn status(answered: &Answered) -> String {
    match &answered.outcome {
        Outcome::Answer(answer) => {
            let code = answer.members.get("resCode");
            // Both paths' spellings count as one.
            let code = code.map(|code| match code.as_u64() {
                Some(100) => "TOK200".to_owned(),
                Some(code) => format!("TOK{code:03}"),
                None => code.as_str().unwrap_or("?").to_owned(),
            });
            let replayed = if answer.is_replayed() {
                " replayed"
            } else {
                ""
            };
            format!(
                "{} {}{replayed}",
                answer.status.as_u16(),
                code.unwrap_or_default()
            )
        }
        Outcome::Introspection(introspection) => {
            let said = match &introspection.said {
                Introspected::Active(_) => "active",
                Introspected::Inactive => "inactive",
                Introspected::Refused(error) => error,
            };
            format!("{} {said}", introspection.status)
        }
        Outcome::Gateway(status) => format!("{status} of API Gateway"),
        Outcome::Unreadable(_) => "unreadable".to_owned(),
        Outcome::GaveUp => "given up".to_owned(),
    }
}

/// Whether the secrets were there for it.
pub(crate) fn is_served(answered: &Answered) -> bool {
    match &answered.outcome {
        Outcome::Answer(answer) => answer.status != 503 || answer.sealed.is_some(),
        Outcome::Introspection(introspection) => introspection.status != 503,
        _ => false,
    }
}

/// How long its caller is to wait before it asks again, if it has no answer yet that is its last:
/// for a token whose key is gone that is 401.
pub(crate) fn retry_after(answered: &Answered, has_token_key: bool) -> Option<Duration> {
    let wait = |header: Option<&str>| {
        let seconds = header.and_then(|text| text.parse().ok());
        Some(Duration::from_secs(seconds.unwrap_or(1)))
    };
    let operation = answered.asked.request.operation();
    match &answered.outcome {
        Outcome::Answer(answer) => match (operation, answer.status.as_u16()) {
            (_, 200) | (Operation::Issue, 409) | (Operation::Invalidate, 404) => None,
            (Operation::Renew, 401) if answer.sealed.is_some() || !has_token_key => None,
            (_, 503) => wait(answer.header("retry-after")),
            // Enabled again, but the service may not have seen it yet.
            _ => Some(Duration::from_secs(301)),
        },
        Outcome::Introspection(introspection) => match introspection.status {
            200 => None,
            503 => wait(introspection.retry_after.as_deref()),
            _ => Some(Duration::from_secs(301)),
        },
        _ => Some(Duration::from_secs(1)),
    }
}

fn details(answer: &Answer) -> String {
    let token = answer
        .text("token")
        .and_then(|token| token.rsplit('.').next());
    let reason = answer.members.pointer("/errors/0/reason");
    let retry = answer.header("retry-after");
    let mut details = String::new();
    if let Some(tag) = token {
        // A tag tells tokens apart, and is of no use to anybody.
        details.push_str(&format!(", token ..{tag}"));
    }
    if let Some(reason) = reason {
        details.push_str(&format!(", {reason}"));
    }
    if let Some(seconds) = retry {
        details.push_str(&format!(", retry after {seconds} s"));
    }
    details
}
