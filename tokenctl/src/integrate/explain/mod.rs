//! `tokenctl explain`: what is wrong with a request or an answer, step by step.
//!
//! It goes on where the service stops: behind a fault there is often another, and what is inside can be said more about
//! than that it does not open. The service's own readers have the last word: what they refuse is never called sound.

#[cfg(test)]
mod agreement;
mod answer;
mod findings;
mod form;
mod header;
mod misspelling;
mod opening;
mod request_members;
mod service;
mod structure;
mod wrapping;

use std::path::PathBuf;

use clap::Args;
use peers::credentials::Credentials;

use super::{credentials::CredentialsFile, members::Members, one_standard_input};
use crate::{
    files,
    outcome::{Exit, Outcome, Report},
};
use findings::{Findings, Step};
use wrapping::Wrapped;

/// Say what is wrong with a request or an answer, step by step.
///
/// It takes the body of a request, an answer, sealed or not, a token, or what a gateway or a proxy said instead. With the
/// credentials it looks inside. It shows rules and lengths, and values only with --reveal. Exit code 0: nothing is wrong;
/// 6: something is.
#[derive(Args)]
pub(crate) struct Arguments {
    /// What is to be explained; - or nothing for standard input
    #[arg(default_value = "-", hide_default_value = true)]
    file: PathBuf,
    #[command(flatten)]
    credentials: CredentialsFile,
    /// It is a request's JSON before it is encrypted: that it is not encrypted is no fault
    #[arg(long)]
    plaintext: bool,
    /// Show the values that the members become
    #[arg(long)]
    reveal: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    one_standard_input([Some(arguments.file.as_path()), arguments.credentials.path()])?;
    let credentials = arguments.credentials.read_if_named()?;
    let bytes = files::read(&arguments.file)?;
    let mut explanation = Explanation {
        credentials: credentials.as_ref(),
        reveal: arguments.reveal,
        findings: Findings::default(),
        kind: "message",
    };
    if arguments.plaintext {
        explanation.plaintext(&bytes, false);
    } else {
        explanation.body(&bytes);
    }
    Ok(explanation.report())
}

struct Explanation<'c> {
    credentials: Option<&'c Credentials>,
    reveal: bool,
    findings: Findings,
    /// What it turned out to be.
    kind: &'static str,
}

impl Explanation<'_> {
    fn body(&mut self, bytes: &[u8]) {
        match wrapping::unwrap(bytes, &mut self.findings) {
            Wrapped::Nothing => self.kind = "nothing",
            Wrapped::WebPage => self.kind = "web-page",
            Wrapped::Json(text) => self.unencrypted(&text),
            Wrapped::Jwe(text) => self.jwe(bytes, &text),
        }
    }

    /// Plain JSON: an answer may be that, a request not.
    fn unencrypted(&mut self, text: &str) {
        let members = Members::parse(text).unwrap_or_default();
        let has = |name| members.present(name).is_some();
        if has("ciphertext") || has("protected") {
            self.findings.fault(
                Step::Body,
                "it is a JWE in its JSON form, and must be in its compact form: five segments with dots between them",
            );
        } else if has("resCode") || (has("message") && !has("referenceId")) {
            self.kind = "answer";
            answer::explain_plain(text, &mut self.findings);
        } else {
            self.findings.fault(
                Step::Body,
                "it is plain JSON and not encrypted: a request is sent as a compact JWE (tokenctl encrypt)",
            );
            self.plaintext(text.as_bytes(), false);
        }
    }

    fn jwe(&mut self, received: &[u8], text: &str) {
        let parts = form::examine(text, &mut self.findings);
        let header = header::examine(parts.header.as_deref(), &mut self.findings);
        let opened = opening::attempt(&parts, &header, self.credentials, &mut self.findings);
        if opened.is_token {
            self.kind = "token";
        }
        if let Some(plaintext) = &opened.plaintext {
            self.plaintext(plaintext, true);
        }
        if !opened.is_token {
            service::confirm_form(received, self.credentials, &mut self.findings);
        }
    }

    /// What was inside, or would have been.
    fn plaintext(&mut self, plaintext: &[u8], sealed: bool) {
        let members = structure::examine(plaintext, &mut self.findings);
        if let Some(members) = members
            .as_ref()
            .filter(|it| it.present("resCode").is_some())
        {
            self.kind = "answer";
            answer::explain_sealed(members, &mut self.findings);
            return;
        }
        self.kind = "request";
        if let Some(members) = &members {
            request_members::examine(members, self.credentials, self.reveal, &mut self.findings);
        }
        service::confirm_plaintext(plaintext, &mut self.findings);
        if sealed && !self.findings.has_fault() {
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
