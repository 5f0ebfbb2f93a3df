//! `tokenctl explain`: what is wrong with a request or an answer, step by step.
//!
//! It goes on where the service stops: behind a fault there is often another, and what is inside
//! can be said more about than that it does not open. The service's own readers have the last word:
//! what they refuse is never called sound.

#[cfg(test)]
mod agreement;
mod answer;
mod findings;
mod form;
mod header;
mod inside;
mod layers;
mod opening;
mod repair;
mod request_members;
mod service;
mod session;
mod structure;
mod wrapping;
mod wrong_keys;

use std::path::PathBuf;

use clap::Args;
use peers::credentials::Credentials;

use super::{
    credentials::CredentialsFile, members::Members, one_standard_input, presented::read_session_key,
};
use crate::{
    files,
    outcome::{Exit, Outcome, Report},
};
use findings::{Findings, Step};
use layers::{DEPTH, Goal};
use opening::{KeysAtHand, Opener};
use session::Operation;
use token_service::request::MEMBERS;
use wrapping::Wrapped;

/// Say what is wrong with a request or an answer, step by step.
///
/// It takes the body of a request (also a renewal or an invalidation), an answer, sealed or not, an
/// introspection's answer, a token, or what a gateway or a proxy said instead. With the credentials
/// or the session key it looks inside. It shows rules and lengths, and values only with --reveal.
/// Exit code 0: nothing is wrong; 6: something is.
#[derive(Args)]
pub(crate) struct Arguments {
    /// What is to be explained; - or nothing for standard input
    #[arg(default_value = "-", hide_default_value = true)]
    file: PathBuf,
    #[command(flatten)]
    credentials: CredentialsFile,
    /// The session key, as sdk derive prints it: it opens a renewal and its answer
    #[arg(long, value_name = "FILE")]
    session_key: Option<PathBuf>,
    /// It is a request's JSON before it is encrypted: that it is not encrypted is no fault
    #[arg(long)]
    plaintext: bool,
    /// Show the values that the members become
    #[arg(long)]
    reveal: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    one_standard_input([
        Some(arguments.file.as_path()),
        arguments.credentials.path(),
        arguments.session_key.as_deref(),
    ])?;
    let session_key = arguments.session_key.as_deref().map(read_session_key);
    let session_key = session_key.transpose()?;
    let credentials = arguments.credentials.read_if_named()?;
    let bytes = files::read(&arguments.file)?;
    let mut explanation = Explanation {
        credentials: credentials.as_ref(),
        session_key: session_key.as_deref(),
        reveal: arguments.reveal,
        findings: Findings::default(),
        kind: "message",
    };
    if arguments.plaintext {
        explanation.plaintext(&bytes, None);
    } else {
        explanation.body(&bytes);
    }
    Ok(explanation.report())
}

struct Explanation<'c> {
    credentials: Option<&'c Credentials>,
    session_key: Option<&'c [u8; 32]>,
    reveal: bool,
    findings: Findings,
    /// What it turned out to be.
    kind: &'static str,
}

impl<'c> Explanation<'c> {
    fn body(&mut self, bytes: &[u8]) {
        let (sent, wrapped) = wrapping::unwrap(bytes, &mut self.findings);
        match wrapped {
            Wrapped::Nothing => self.kind = "nothing",
            Wrapped::WebPage => self.kind = "web-page",
            Wrapped::Json(text) => self.unencrypted(&text),
            Wrapped::Jwe(text) => self.jwe(&sent, &text),
        }
    }

    /// Plain JSON: an answer may be that, a request not.
    fn unencrypted(&mut self, text: &str) {
        let members = Members::parse(text).unwrap_or_default();
        let has = |name: &str| members.present(name).is_some();
        let is_text = |name: &str| members.text(name).is_some();
        let is_of_others = || {
            let names = answer::OF_OTHERS;
            members.iter().any(|(name, _)| names.contains(&name))
        };
        let around = Goal::Object
            .peel(text.as_bytes(), DEPTH)
            .or_else(|| Goal::Object.in_a_member(text));
        let inner = around.and_then(|it| Some((it.is, String::from_utf8(it.inner).ok()?)));
        let inner = inner.filter(|(_, inner)| {
            Members::parse(inner).is_ok_and(|it| it.present("resCode").is_some())
        });
        if has("ciphertext") || has("protected") {
            self.findings.fault(
                Step::Body,
                "it is a JWE in its JSON form, and must be in its compact form: five segments with dots between them",
            );
        } else if let Some((is, inner)) = inner {
            self.findings.note(
                Step::Body,
                format!("{is}: what follows is about that alone"),
            );
            self.unencrypted(&inner);
        } else if has("active") || (is_text("error") && !has("referenceId")) {
            self.kind = "introspection";
            answer::explain_introspection(text, &mut self.findings);
        } else if has("resCode") || (is_of_others() && !has("referenceId")) {
            self.kind = "answer";
            answer::explain_plain(text, &mut self.findings);
        } else {
            self.findings.fault(
                Step::Body,
                "it is plain JSON and not encrypted: a request is sent as a compact JWE (tokenctl encrypt)",
            );
            // Other JSON lacks every member: that is the same fault once more.
            let is_other = !MEMBERS.iter().any(|name| has(name))
                && !has("tokenReferenceId")
                && !has("token")
                && members.iter().next().is_some();
            match is_other {
                true => self
                    .findings
                    .note(Step::Members, "none of its members is a request's, nor an answer's of the service: did something else answer?"),
                false => self.plaintext(text.as_bytes(), None),
            }
        }
    }

    fn jwe(&mut self, received: &[u8], text: &str) {
        let parts = form::examine(text, &mut self.findings);
        let header = header::examine(parts.header.as_deref(), &mut self.findings);
        let at_hand = self.keys();
        let opened = opening::attempt(&parts, &header, at_hand, &mut self.findings);
        if opened.is_token {
            self.kind = "token";
        }
        let mut credentials = self.credentials;
        if let Some((plaintext, opener)) = &opened.plaintext {
            self.plaintext(plaintext, Some(*opener));
            credentials = credentials.filter(|_| *opener == Opener::PayloadKey);
        }
        if !opened.is_token {
            service::confirm_form(received, credentials, &mut self.findings);
        }
    }

    fn keys(&self) -> KeysAtHand<'c> {
        KeysAtHand {
            credentials: self.credentials,
            session_key: self.session_key,
        }
    }

    /// What was inside, or would have been; `opener` is the kind of key that opened it.
    fn plaintext(&mut self, plaintext: &[u8], opener: Option<Opener>) {
        let keys = self.keys();
        let bare = inside::unwrap(plaintext, keys, &mut self.findings);
        // A JWE that is left was told of.
        let is_told = std::str::from_utf8(&bare).is_ok_and(|text| layers::is_compact(text.trim()));
        let members = match is_told {
            true => None,
            false => structure::examine(&bare, &mut self.findings),
        };
        if let Some(members) = members
            .as_ref()
            .filter(|it| it.present("resCode").is_some())
        {
            self.kind = "answer";
            match opener {
                Some(opener) => answer::explain_sealed(members, opener, &mut self.findings),
                // Nothing vouches for it.
                None => answer::explain_plain(&members.to_string(), &mut self.findings),
            }
            return;
        }
        let operation = members.as_ref().map_or(Operation::GetToken, Operation::of);
        self.kind = operation.kind();
        if let Some(opener) = opener {
            operation.check_key(opener, &mut self.findings);
        }
        match (operation, &members) {
            (Operation::GetToken, members) => {
                if let Some(members) = members {
                    let (credentials, reveal) = (self.credentials, self.reveal);
                    request_members::examine(members, credentials, reveal, &mut self.findings);
                }
                service::confirm_plaintext(plaintext, &mut self.findings);
            }
            (Operation::Renew, Some(members)) => {
                session::examine_renewal(members, &mut self.findings);
            }
            (Operation::Invalidate, Some(members)) => {
                session::examine_invalidation(members, &mut self.findings);
            }
            (Operation::Renew | Operation::Invalidate, None) => {}
        }
        // A renewal's headers are not here.
        let is_whole = opener.is_some() && operation != Operation::Renew;
        if is_whole && !self.findings.has_fault() {
            self.findings
                .ok(Step::Members, "the service takes this request");
        }
    }

    fn report(self) -> Report {
        let sound = !self.findings.has_fault();
        Report {
            text: self.findings.text(self.kind),
            json: self.findings.json(self.kind),
            exit: if sound { Exit::Done } else { Exit::Faulty },
        }
    }
}
