//! The last requests that came to the gateway, and what became of each: what the page lists.
//!
//! The gateway says what it received and answered; the function's own log line says the rest, and
//! is found by its `request_id`. It comes a moment after the answer, or before it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use serde_json::Value;

/// How many requests are remembered.
const KEPT: usize = 60;
/// Where a partner's body is too long for the protocol, there is nothing in it to remember.
const MAX_BODY_BYTES: usize = 32 * 1024;
/// The members of a log line that the page shows.
const OF_THE_LOG: [&str; 8] = [
    "PartnerId",
    "Operation",
    "Outcome",
    "status",
    "Latency",
    "Replays",
    "DynamoDBAttempts",
    "cause",
];

/// The last requests. Clones share them. The default remembers nothing: only `token-sandbox local`
/// has somebody to show it to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journal(Option<Arc<Mutex<Pages>>>);

#[derive(Debug, Default)]
struct Pages {
    entries: VecDeque<Entry>,
    next_number: u64,
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) number: u64,
    pub(crate) request_id: String,
    /// Milliseconds since the epoch.
    pub(crate) received_at: u64,
    pub(crate) method: String,
    pub(crate) path: String,
    /// As it came; empty where it is too long for the protocol.
    pub(crate) body: Bytes,
    /// What the function was handed: `None` if API Gateway answered by itself before that.
    pub(crate) event: Option<EventIn>,
    /// The members of the function's log line that [`OF_THE_LOG`] names.
    pub(crate) log: Option<Value>,
    /// Why the function gave no answer, or no good one.
    pub(crate) remark: Option<String>,
    pub(crate) answer: Option<AnswerOut>,
    /// The size of the stored item, once somebody has looked it up.
    pub(crate) item_bytes: Option<usize>,
}

/// The event that the gateway made of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EventIn {
    pub(crate) bytes: usize,
    pub(crate) body_bytes: usize,
    pub(crate) is_base64: bool,
}

/// What the gateway answered, and how long it took from the request's first line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnswerOut {
    pub(crate) status: u16,
    pub(crate) after: Duration,
}

impl Journal {
    /// One that remembers.
    pub(crate) fn kept() -> Self {
        Self(Some(Arc::default()))
    }

    /// A request has come in.
    pub(crate) fn begin(&self, request_id: &str, method: &str, path: &str) {
        let Some(mut pages) = self.pages() else {
            return;
        };
        pages.next_number += 1;
        let entry = Entry {
            number: pages.next_number,
            request_id: request_id.to_owned(),
            received_at: millis_since_epoch(),
            method: method.to_owned(),
            path: path.to_owned(),
            body: Bytes::new(),
            event: None,
            log: None,
            remark: None,
            answer: None,
            item_bytes: None,
        };
        if pages.entries.len() == KEPT {
            pages.entries.pop_back();
        }
        pages.entries.push_front(entry);
    }

    /// It is handed to the function.
    pub(crate) fn hand_in(&self, request_id: &str, body: &Bytes, event: EventIn) {
        self.change(request_id, |entry| {
            if body.len() <= MAX_BODY_BYTES {
                entry.body = body.clone();
            }
            entry.event = Some(event);
        });
    }

    /// The function gave no good answer.
    pub(crate) fn remark(&self, request_id: &str, remark: &str) {
        self.change(request_id, |entry| entry.remark = Some(remark.to_owned()));
    }

    /// It is answered.
    pub(crate) fn answered(&self, request_id: &str, answer: AnswerOut) {
        self.change(request_id, |entry| entry.answer = Some(answer));
    }

    /// The function has printed a line.
    pub(crate) fn line(&self, line: &str) {
        if self.0.is_none() {
            return;
        }
        let Ok(Value::Object(mut line)) = serde_json::from_str(line) else {
            return;
        };
        let Some(Value::String(request_id)) = line.remove("request_id") else {
            return;
        };
        line.retain(|name, _| OF_THE_LOG.contains(&name.as_str()));
        self.change(&request_id, |entry| entry.log = Some(Value::Object(line)));
    }

    /// The item that the request left, or met, has been looked up.
    pub(crate) fn item_is(&self, request_id: &str, bytes: usize) {
        self.change(request_id, |entry| entry.item_bytes = Some(bytes));
    }

    /// The last requests, the newest first.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.pages()
            .map(|pages| pages.entries.iter().cloned().collect())
            .unwrap_or_default()
    }

    fn change(&self, request_id: &str, change: impl FnOnce(&mut Entry)) {
        let Some(mut pages) = self.pages() else {
            return;
        };
        let mut entries = pages.entries.iter_mut();
        if let Some(entry) = entries.find(|entry| entry.request_id == request_id) {
            change(entry);
        }
    }

    fn pages(&self) -> Option<MutexGuard<'_, Pages>> {
        let pages = self.0.as_ref()?;
        // A panic elsewhere leaves the list as valid as before.
        Some(pages.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn millis_since_epoch() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn finds_the_log_line_of_a_request_before_or_after_its_answer() {
        let journal = Journal::kept();
        journal.begin("a", "POST", "/p");
        journal.begin("b", "POST", "/p");
        let line = r#"{"timestamp":"t","message":"answered","request_id":"a","Outcome":"TOK200","DynamoDBAttempts":2}"#;

        journal.line(line);
        journal.line("not JSON");
        journal.line(r#"{"request_id":"of nobody"}"#);
        let after = Duration::from_millis(7);
        journal.answered("a", AnswerOut { status: 200, after });

        let [b, a] = journal.entries().try_into().unwrap();
        assert_eq!((b.number, b.log), (2, None));
        let log = json!({ "Outcome": "TOK200", "DynamoDBAttempts": 2 });
        assert_eq!(a.log.unwrap(), log);
        assert_eq!(a.answer.unwrap().status, 200);
    }

    #[test]
    fn remembers_the_last_ones_only() {
        let journal = Journal::kept();
        for number in 0..KEPT + 5 {
            journal.begin(&number.to_string(), "GET", "/");
        }
        let entries = journal.entries();
        assert_eq!(entries.len(), KEPT);
        assert_eq!(entries[0].number, KEPT as u64 + 5);
    }

    #[test]
    fn keeps_no_body_that_is_too_long() {
        let journal = Journal::kept();
        journal.begin("a", "POST", "/");
        let body = Bytes::from(vec![b'x'; MAX_BODY_BYTES + 1]);
        let event = EventIn {
            bytes: 0,
            body_bytes: body.len(),
            is_base64: false,
        };
        journal.hand_in("a", &body, event);
        assert!(journal.entries()[0].body.is_empty());
    }

    #[test]
    fn remembers_nothing_unless_it_is_kept() {
        let journal = Journal::default();
        journal.begin("a", "GET", "/");
        assert!(journal.entries().is_empty());
    }
}
