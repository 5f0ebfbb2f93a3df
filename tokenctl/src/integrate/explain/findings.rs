//! What was found, step by step.

use serde_json::{Value, json};

use crate::integrate::page::Page;

/// Where something was found, in the order of looking.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Body,
    Segments,
    Header,
    Key,
    Opening,
    Json,
    Members,
    Answer,
}

impl Step {
    /// For scripts; these names stay.
    fn name(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Segments => "segments",
            Self::Header => "header",
            Self::Key => "key",
            Self::Opening => "opening",
            Self::Json => "json",
            Self::Members => "members",
            Self::Answer => "answer",
        }
    }

    fn heading(self) -> &'static str {
        match self {
            Self::Body => "What it is",
            Self::Segments => "The compact JWE",
            Self::Header => "Its protected header",
            Self::Key => "Its key",
            Self::Opening => "Its opening",
            Self::Json => "The JSON inside",
            Self::Members => "Its members",
            Self::Answer => "What the answer says",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Ok,
    Fault,
    Warning,
    Note,
}

impl Mark {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Fault => "fault",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

struct Finding {
    step: Step,
    mark: Mark,
    text: String,
}

/// All findings.
#[derive(Default)]
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    /// That something is as it must be.
    pub(super) fn ok(&mut self, step: Step, text: impl Into<String>) {
        self.add(step, Mark::Ok, text);
    }

    /// That something is wrong.
    pub(super) fn fault(&mut self, step: Step, text: impl Into<String>) {
        self.add(step, Mark::Fault, text);
    }

    /// That something may not be meant, though the service takes it.
    pub(super) fn warning(&mut self, step: Step, text: impl Into<String>) {
        self.add(step, Mark::Warning, text);
    }

    /// Neither good nor bad.
    pub(super) fn note(&mut self, step: Step, text: impl Into<String>) {
        self.add(step, Mark::Note, text);
    }

    fn add(&mut self, step: Step, mark: Mark, text: impl Into<String>) {
        let text = text.into();
        self.0.push(Finding { step, mark, text });
    }

    /// All of others.
    pub(super) fn append(&mut self, mut others: Self) {
        self.0.append(&mut others.0);
    }

    /// Whether anything is wrong so far.
    pub(super) fn has_fault(&self) -> bool {
        self.faults() > 0
    }

    /// Whether anything is wrong at this step.
    pub(super) fn has_fault_at(&self, step: Step) -> bool {
        self.0
            .iter()
            .any(|it| it.step == step && it.mark == Mark::Fault)
    }

    fn faults(&self) -> usize {
        self.0.iter().filter(|it| it.mark == Mark::Fault).count()
    }

    /// For a person.
    pub(super) fn text(&self, kind: &str) -> String {
        let mut page = Page::default();
        let mut last = None;
        for finding in &self.0 {
            if last != Some(finding.step) {
                page.heading(finding.step.heading());
                last = Some(finding.step);
            }
            match finding.mark {
                Mark::Ok => page.tick(&finding.text),
                Mark::Fault => page.cross(&finding.text),
                Mark::Warning => page.warning(&finding.text),
                Mark::Note => page.remark(&finding.text),
            }
        }
        let what = match kind {
            "request" => "this request",
            "renewal" => "this renewal",
            "invalidation" => "this invalidation",
            "introspection" => "this introspection's answer",
            "answer" => "this answer",
            "token" => "this token, as far as can be seen without the token ring",
            _ => "it, as far as can be seen",
        };
        page.line("");
        page.heading(match self.faults() {
            0 => format!("Nothing is wrong with {what}."),
            1 => "One thing is wrong: see the cross.".to_owned(),
            many => format!("{many} things are wrong: see the crosses."),
        });
        page.text()
    }

    /// For a script.
    pub(super) fn json(&self, kind: &str) -> Value {
        let findings: Vec<Value> = self
            .0
            .iter()
            .map(|it| json!({ "step": it.step.name(), "result": it.mark.name(), "text": it.text }))
            .collect();
        json!({ "kind": kind, "sound": !self.has_fault(), "faults": self.faults(), "findings": findings })
    }
}
