//! The requests about a session: a renewal's body and an invalidation's.

use peers::jwe;
use token_service::request::{InvalidateRequest, RequestFault};

use super::{
    findings::{Findings, Step},
    opening::Opener,
};
use crate::integrate::{members::Members, page::quoted, rules};

const STEP: Step = Step::Members;

/// A request's members tell which one it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    GetToken,
    Renew,
    Invalidate,
}

impl Operation {
    pub(super) fn of(members: &Members) -> Self {
        let has = |name: &&str| members.present(name).is_some();
        if ["referenceId", "sdkPublicKey", "accountNumber"]
            .iter()
            .any(has)
        {
            Self::GetToken
        } else if has(&"tokenReferenceId") {
            Self::Invalidate
        } else if has(&"token") {
            Self::Renew
        } else {
            Self::GetToken
        }
    }

    /// For scripts, and in the last line.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::GetToken => "request",
            Self::Renew => "renewal",
            Self::Invalidate => "invalidation",
        }
    }

    /// Whether the key that opened it is the one that must seal it.
    pub(super) fn check_key(self, opener: Opener, findings: &mut Findings) {
        let (what, key) = match self {
            Self::GetToken => ("a Get Token", Opener::PayloadKey),
            Self::Renew => ("a renewal", Opener::SessionKey),
            Self::Invalidate => ("an invalidation", Opener::PayloadKey),
        };
        if key != opener {
            let (key, opener) = (key.in_words(), opener.in_words());
            findings.fault(
                Step::Key,
                format!("{what} is sealed under {key}, and this is under {opener}"),
            );
        }
    }
}

/// Examines an invalidation, by the service's own reader.
pub(super) fn examine_invalidation(members: &Members, findings: &mut Findings) {
    let text = members.to_string();
    match InvalidateRequest::parse(text.as_bytes()) {
        Ok(request) => findings.ok(
            STEP,
            format!(
                "it ends the session {}",
                quoted(request.reference_id.as_str())
            ),
        ),
        // The JSON's faults were found one by one.
        Err(RequestFault::Json { .. }) if findings.has_fault_at(Step::Json) => {}
        Err(fault) => {
            for words in rules::in_words(&fault, text.as_bytes()) {
                findings.fault(STEP, words);
            }
        }
    }
    note_ignored(members, "tokenReferenceId", findings);
}

/// Examines a renewal. The headers, which must say the same, are not here.
pub(super) fn examine_renewal(members: &Members, findings: &mut Findings) {
    let token = members.text("token");
    match token.map(|token| jwe::header(&token)) {
        Some(Ok(header)) if header.get("typ") == Some(&"JWT".into()) => findings.ok(
            STEP,
            "token is a token: it must be the one in X-API-TOKEN, and X-ACCOUNT-NUMBER must be its account number",
        ),
        Some(_) => findings.fault(
            STEP,
            "token is no token: it is not a compact JWE with typ JWT",
        ),
        None => findings.fault(STEP, "token must be a string"),
    }
    note_ignored(members, "token", findings);
}

fn note_ignored(members: &Members, known: &str, findings: &mut Findings) {
    for (name, _) in members.iter().filter(|(name, _)| *name != known) {
        findings.note(
            STEP,
            format!("{} is ignored: no such member is known", quoted(name)),
        );
    }
}
