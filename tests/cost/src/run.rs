//! One process from its start to its end: started, a first request, requests that warm it up,
//! requests that count.

use std::{
    fs,
    io::{self, Write},
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use flate2::{Compression, write::DeflateEncoder};
use rustix::process::{Pid, Signal, kill_process};
use sandbox::{Trusted, development};
use tokio::{process::Child, time::timeout};

use crate::{
    events::{Events, OfSession, Prepared, Request, Session, Wrong},
    process,
    stub::{Answer, Event, Poll, SecretTexts, Stub, Table},
};

/// Longer than any of them takes, under callgrind too.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program that is measured.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) command: Vec<String>,
    /// Whether its answers are a token service's.
    pub(crate) does_the_job: bool,
    /// TLS between it and AWS.
    pub(crate) tls: Option<Trusted>,
    pub(crate) size: usize,
    pub(crate) zipped: usize,
}

impl Subject {
    /// The program in `file`, which `interpreter` runs if it cannot run by itself.
    pub(crate) fn new(
        name: &'static str,
        interpreter: Option<&str>,
        file: &Path,
        does_the_job: bool,
    ) -> Result<Self, RunError> {
        let bytes = fs::read(file)?;
        let interpreter = interpreter.map(str::to_owned);
        Ok(Self {
            name,
            command: interpreter
                .into_iter()
                .chain([file.display().to_string()])
                .collect(),
            does_the_job,
            tls: None,
            size: bytes.len(),
            zipped: zipped(&bytes)?,
        })
    }
}

/// How many bytes it takes in a zip, less some hundred for its name.
pub(crate) fn zipped(bytes: &[u8]) -> io::Result<usize> {
    let mut deflated = DeflateEncoder::new(Vec::new(), Compression::default());
    deflated.write_all(bytes)?;
    Ok(deflated.finish()?.len())
}

/// What one run cost.
pub(crate) struct Figures {
    /// From exec to the first call of `/invocation/next`.
    pub(crate) start: Duration,
    pub(crate) processor_of_start: Duration,
    /// The first request, from its delivery to its answer.
    pub(crate) first: Duration,
    /// Of each warm request.
    pub(crate) latencies: Vec<Duration>,
    /// A warm request, on average.
    pub(crate) processor: Duration,
    pub(crate) peak_resident_kib: u64,
    /// A warm request's, on average.
    pub(crate) dynamodb_calls: f64,
    pub(crate) secrets_manager_calls: f64,
    pub(crate) bytes: f64,
}

/// A run that broke off.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    #[error("{0} cannot be started")]
    Spawn(String, #[source] io::Error),
    #[error("loopback or /proc, which only Linux has, cannot be used")]
    Io(#[from] io::Error),
    #[error("{0} has ended, or does nothing: run it by itself to see why")]
    Silent(String),
    #[error("it reported an error instead of an answer: {0}")]
    Reported(String),
    #[error("the answer is not a token service's: {0}")]
    Wrong(#[from] Wrong),
}

/// What a process finds around it.
#[derive(Clone, Copy)]
pub(crate) struct Setting<'a> {
    /// The secret of partners.
    pub(crate) api_keys: &'a str,
    pub(crate) table: Table<'a>,
    /// TLS between it and AWS.
    pub(crate) tls: Option<&'a Trusted>,
}

impl Default for Setting<'_> {
    fn default() -> Self {
        Self {
            api_keys: development::API_KEYS,
            table: Table::Holds(&[]),
            tls: None,
        }
    }
}

/// A process that is given one event after another, as Lambda does.
pub(crate) struct Driven {
    pub(crate) stub: Stub,
    child: Child,
    name: String,
    waiting: Option<Poll>,
}

impl Driven {
    /// Starts it and waits for its first poll, which took so long.
    pub(crate) async fn start(
        setting: &Setting<'_>,
        command: &[String],
        stderr: Stdio,
    ) -> Result<(Self, Duration), RunError> {
        let secrets = SecretTexts {
            api_keys: setting.api_keys.to_owned(),
            server_keys: development::SERVER_KEYS.to_owned(),
        };
        let tls = setting.tls.map(|tls| tls.server().clone());
        let stub = Stub::start(secrets, setting.table, tls).await?;
        let name = command.join(" ");
        let started = Instant::now();
        let child = process::spawn(command, &stub, setting.tls.map(Trusted::bundle), stderr)
            .map_err(|error| RunError::Spawn(name.clone(), error))?;
        let mut driven = Self {
            stub,
            child,
            name,
            waiting: None,
        };
        let ready = driven.polled().await?;
        Ok((driven, ready - started))
    }

    /// Waits until it asks for an event.
    async fn polled(&mut self) -> Result<Instant, RunError> {
        let poll = timeout(PATIENCE, self.stub.polls.recv()).await;
        let poll = poll.ok().flatten();
        let poll = poll.ok_or_else(|| RunError::Silent(self.name.clone()))?;
        let at = poll.at;
        self.waiting = Some(poll);
        Ok(at)
    }

    /// Has it answer one event, until it asks for the next one.
    pub(crate) async fn request(&mut self, event: &Event) -> Result<(Answer, Duration), RunError> {
        let silent = || RunError::Silent(self.name.clone());
        let poll = self.waiting.take().ok_or_else(silent)?;
        let delivered = Instant::now();
        let _ = poll.event.send(event.clone());
        let answer = timeout(PATIENCE, self.stub.answers.recv()).await;
        let answer = answer.ok().flatten().ok_or_else(silent)?;
        if answer.failed {
            let said = String::from_utf8_lossy(&answer.payload).into_owned();
            return Err(RunError::Reported(said));
        }
        let took = answer.at - delivered;
        self.polled().await?;
        Ok((answer, took))
    }

    /// Has it answer so many requests for tokens, each of which it must issue.
    pub(crate) async fn issue(&mut self, events: &Events, requests: u32) -> Result<(), RunError> {
        for _ in 0..requests {
            self.begin(events).await?;
        }
        Ok(())
    }

    /// Has a session begun.
    pub(crate) async fn begin(&mut self, events: &Events) -> Result<Session, RunError> {
        let prepared = events.make(Request::Good)?;
        let (answer, _) = self.request(&prepared.event).await?;
        Ok(events.check(&prepared, &answer.payload)?)
    }

    /// Has it answer one request of a session.
    pub(crate) async fn of_session(
        &mut self,
        events: &Events,
        session: &mut Session,
        request: OfSession,
    ) -> Result<(), RunError> {
        let event = events.of_session(session, request)?;
        let (answer, _) = self.request(&event).await?;
        Ok(events.check_of_session(session, request, &answer.payload)?)
    }

    /// The most memory that it has had resident.
    pub(crate) fn peak_resident_kib(&self) -> Result<u64, RunError> {
        Ok(process::peak_resident_kib(self.pid()?)?)
    }

    pub(crate) fn pid(&self) -> Result<u32, RunError> {
        self.child
            .id()
            .ok_or_else(|| RunError::Silent(self.name.clone()))
    }

    /// Ends it as Lambda does, and hands over what it has said on standard error since its start,
    /// if that was asked for.
    pub(crate) async fn end(self) -> io::Result<String> {
        if let Some(pid) = self
            .child
            .id()
            .and_then(|pid| Pid::from_raw(pid.try_into().ok()?))
        {
            kill_process(pid, Signal::TERM)?;
        }
        let output = self.child.wait_with_output().await?;
        Ok(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// Starts `subject`, has it answer `requests` warm requests, and ends it.
pub(crate) async fn run(
    subject: &Subject,
    events: &Events,
    requests: u32,
) -> Result<Figures, RunError> {
    let setting = Setting {
        tls: subject.tls.as_ref(),
        ..Setting::default()
    };
    let (mut driven, start) = Driven::start(&setting, &subject.command, Stdio::inherit()).await?;
    let pid = driven.pid()?;
    let processor_of_start = process::processor_time(pid)?;

    let prepared = events.make(Request::Good)?;
    let (answer, first) = driven.request(&prepared.event).await?;
    if subject.does_the_job {
        events.check(&prepared, &answer.payload)?;
    }
    let prepared: Vec<Prepared> = (0..requests)
        .map(|_| events.make(Request::Good))
        .collect::<Result<_, _>>()?;
    for prepared in &prepared {
        driven.request(&prepared.event).await?;
    }

    // Others than those that warmed it up: a service may remember what it has seen.
    let prepared: Vec<Prepared> = (0..requests)
        .map(|_| events.make(Request::Good))
        .collect::<Result<_, _>>()?;
    let (calls, processor) = (driven.stub.calls(), process::processor_time(pid)?);
    let mut latencies = Vec::new();
    let mut answers = Vec::new();
    for prepared in &prepared {
        let (answer, took) = driven.request(&prepared.event).await?;
        latencies.push(took);
        answers.push(answer);
    }
    let processor = process::processor_time(pid)?.saturating_sub(processor);
    let after = driven.stub.calls();
    if subject.does_the_job {
        for (prepared, answer) in prepared.iter().zip(&answers) {
            events.check(prepared, &answer.payload)?;
        }
    }
    let a_request = |before: u64, after: u64| (after - before) as f64 / f64::from(requests);
    let figures = Figures {
        start,
        processor_of_start,
        first,
        latencies,
        processor: processor / requests,
        peak_resident_kib: driven.peak_resident_kib()?,
        dynamodb_calls: a_request(calls.dynamodb, after.dynamodb),
        secrets_manager_calls: a_request(calls.secrets_manager, after.secrets_manager),
        bytes: a_request(calls.bytes, after.bytes),
    };
    driven.end().await?;
    Ok(figures)
}
