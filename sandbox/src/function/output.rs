//! What the function prints: passed on to people, or kept for tests; and the last of it, for error
//! messages.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

use crate::journal::Journal;

/// Where the function's output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logs {
    /// To this program's standard error, each line prefixed.
    Inherit,
    /// Kept for [`Sandbox::log_lines`](crate::Sandbox::log_lines).
    Capture,
}

/// How many lines an error message shows.
const TAIL_LINES: usize = 20;

/// The output of all instances. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    logs: Logs,
    captured: Arc<Mutex<Vec<String>>>,
    journal: Journal,
}

impl Output {
    /// `journal` has each line as well.
    pub(crate) fn new(logs: Logs, journal: Journal) -> Self {
        Self {
            logs,
            captured: Arc::default(),
            journal,
        }
    }

    /// The captured lines so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.captured().clone()
    }

    /// Tells people what a client is not told. It is not the function's output, so that it is not
    /// captured.
    pub(crate) fn remark(&self, remark: &str) {
        if self.logs == Logs::Inherit {
            eprintln!("sandbox  | {remark}");
        }
    }

    /// Takes in what comes from `stream` until its end, line by line.
    pub(super) async fn take_in(&self, stream: impl AsyncRead + Unpin, tail: &Tail) {
        let mut lines = BufReader::new(stream).split(b'\n');
        while let Ok(Some(line)) = lines.next_segment().await {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            tail.push(&line);
            self.journal.line(&line);
            match self.logs {
                Logs::Inherit => eprintln!("function | {line}"),
                Logs::Capture => self.captured().push(line),
            }
        }
    }

    fn captured(&self) -> MutexGuard<'_, Vec<String>> {
        self.captured.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last lines of one instance, standard output and standard error in one.
#[derive(Debug, Default)]
pub(super) struct Tail(Mutex<VecDeque<String>>);

impl Tail {
    fn push(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == TAIL_LINES {
            lines.pop_front();
        }
        lines.push_back(line.to_owned());
    }

    pub(super) fn text(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match lines.is_empty() {
            true => "(nothing)".to_owned(),
            false => Vec::from(lines.clone()).join("\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn captures_lines_and_keeps_the_last_ones() {
        let output = Output::new(Logs::Capture, Journal::default());
        let tail = Tail::default();
        let printed: String = (1..=30).map(|line| format!("line {line}\r\n")).collect();

        output.take_in(printed.as_bytes(), &tail).await;

        assert_eq!(output.lines().len(), 30);
        assert!(tail.text().starts_with("line 11\nline 12"));
        assert!(tail.text().ends_with("line 30"));
    }
}
