//! What the function costs in the sandbox, held against its limits: sizes, memory and calls. No
//! times: those of a shared machine tell nothing.

use std::{fs, io, path::PathBuf};

use sandbox::{
    InvokeError, Logs, Options, Sandbox,
    item_size::{WRITE_UNIT_BYTES, item_size},
};

use crate::{
    events::{Events, OfSession, Request, Session, Wrong},
    process,
    stub::Event,
    table::sign,
};

const MAX_BINARY_BYTES: u64 = 6_500_000;
const MAX_RESIDENT_KIB: u64 = 10 * 1024;
/// CloudWatch Logs is paid for by the byte.
const MAX_LINE_BYTES: usize = 1600;
/// As Lambda hands it to API Gateway, its headers included.
const MAX_ANSWER_BYTES: usize = 2048;

/// What is asked of a session, in this order, and the call of DynamoDB that it makes.
const OF_SESSION: [(OfSession, &str); 4] = [
    (OfSession::Renewal, "UpdateItem"),
    (OfSession::Introspection, "GetItem"),
    (OfSession::Invalidation, "UpdateItem"),
    (OfSession::InactiveIntrospection, "GetItem"),
];

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MeasureError {
    #[error(transparent)]
    Start(#[from] sandbox::Error),
    #[error("the binary or /proc, which only Linux has, cannot be read")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Event(#[from] Wrong),
    #[error("the function gave no answer")]
    NoAnswer(#[from] InvokeError),
    #[error("the table has no item for a token that was issued")]
    NoItem,
    #[error("the function's process has ended")]
    NoProcess,
}

/// Sends so many requests of each operation to the function, one after another as Lambda does.
/// Prints, and tells whether the function is within its limits.
pub(crate) async fn measure(function: PathBuf, requests: u32) -> Result<bool, MeasureError> {
    println!("{} over {requests} requests", function.display());
    let size = fs::metadata(&function)?.len();
    let sandbox = Sandbox::start(Options {
        function,
        logs: Logs::Capture,
        max_instances: 1,
        ..Options::default()
    });
    let sandbox = sandbox.await?;
    let held = check(&sandbox, size, requests).await;
    // Dropping it would not wait for the function's end.
    sandbox.stop().await;
    held
}

async fn check(sandbox: &Sandbox, size: u64, requests: u32) -> Result<bool, MeasureError> {
    let mut caller = Caller {
        sandbox,
        events: Events::new()?,
        longest_answer: 0,
    };
    // The first opens the connection to DynamoDB; the rest are warm.
    let mut session = caller.begin().await?;
    let secrets = sandbox.secrets_faults().requests();
    let mut checks = Vec::new();

    let before = calls(sandbox, "PutItem");
    for _ in 0..requests {
        session = caller.begin().await?;
    }
    checks.push(one_a_request(
        sandbox,
        "Get Token",
        "PutItem",
        before,
        requests,
    ));
    checks.push(item_of(sandbox, &session, "Get Token")?);
    for (request, call) in OF_SESSION {
        let name = format!("{request:?}");
        let before = calls(sandbox, call);
        for _ in 0..requests {
            caller.ask(&mut session, request).await?;
        }
        checks.push(one_a_request(sandbox, &name, call, before, requests));
        if call == "UpdateItem" {
            checks.push(item_of(sandbox, &session, &name)?);
        }
    }

    let secrets = sandbox.secrets_faults().requests() - secrets;
    let pids = sandbox.function_pids();
    let pid = pids.first().ok_or(MeasureError::NoProcess)?;
    let resident = process::peak_resident_kib(*pid)?;
    let lines = sandbox.log_lines();
    let line = lines.iter().map(String::len).max().unwrap_or_default();
    let answer = caller.longest_answer;
    checks.extend([
        (
            secrets == 0,
            format!("calls of Secrets Manager: {secrets}, none a warm request"),
        ),
        (
            size <= MAX_BINARY_BYTES,
            format!("binary: {size} bytes, at most {MAX_BINARY_BYTES}"),
        ),
        (
            resident <= MAX_RESIDENT_KIB,
            format!("peak resident memory: {resident} KiB, at most {MAX_RESIDENT_KIB}"),
        ),
        (
            answer <= MAX_ANSWER_BYTES,
            format!("the longest answer: {answer} bytes, at most {MAX_ANSWER_BYTES}"),
        ),
        (
            (1..=MAX_LINE_BYTES).contains(&line),
            format!(
                "the longest line of the log, its metrics included: {line} bytes, at most {MAX_LINE_BYTES}"
            ),
        ),
    ]);
    for (held, text) in &checks {
        println!("{:<9}{text}", sign(*held));
    }
    Ok(checks.iter().all(|(held, _)| *held))
}

/// Calls of DynamoDB so far: all, and those of a kind.
fn calls(sandbox: &Sandbox, kind: &str) -> (u64, u64) {
    let dynamodb = sandbox.dynamodb_faults();
    (dynamodb.requests(), dynamodb.requests_of(kind))
}

/// Whether each request since `before` has made one call, of this kind.
fn one_a_request(
    sandbox: &Sandbox,
    name: &str,
    kind: &str,
    before: (u64, u64),
    requests: u32,
) -> (bool, String) {
    let after = calls(sandbox, kind);
    let (all, of_kind) = (after.0 - before.0, after.1 - before.1);
    let text = format!("{name}: calls of DynamoDB: {all}, {kind}: {of_kind}, one a request");
    (all == u64::from(requests) && of_kind == all, text)
}

/// Whether a session's item is as small as it must be.
fn item_of(
    sandbox: &Sandbox,
    session: &Session,
    name: &str,
) -> Result<(bool, String), MeasureError> {
    let reference_id = session.reference_id.to_string();
    let item = sandbox.item("acme", &reference_id)?;
    let bytes = item_size(&item.ok_or(MeasureError::NoItem)?);
    let text = format!("{name}: the seed's item: {bytes} bytes, at most {WRITE_UNIT_BYTES}");
    Ok((bytes <= WRITE_UNIT_BYTES, text))
}

/// Who asks, and the longest answer so far in bytes.
struct Caller<'a> {
    sandbox: &'a Sandbox,
    events: Events,
    longest_answer: usize,
}

impl Caller<'_> {
    /// Has a session begun, for the seed's sample request.
    async fn begin(&mut self) -> Result<Session, MeasureError> {
        let prepared = self.events.make(Request::Good)?;
        let answer = self.answer(&prepared.event).await?;
        Ok(self.events.check(&prepared, &answer)?)
    }

    /// Has a request of a session answered.
    async fn ask(&mut self, session: &mut Session, request: OfSession) -> Result<(), MeasureError> {
        let event = self.events.of_session(session, request)?;
        let answer = self.answer(&event).await?;
        Ok(self.events.check_of_session(session, request, &answer)?)
    }

    async fn answer(&mut self, event: &Event) -> Result<Vec<u8>, MeasureError> {
        let event = serde_json::from_slice(&event.payload).map_err(io::Error::from)?;
        let answer = self.sandbox.invoke(&event).await?.to_string().into_bytes();
        self.longest_answer = self.longest_answer.max(answer.len());
        Ok(answer)
    }
}
