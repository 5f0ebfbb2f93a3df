//! A program's counts: of all of a process, of its start, and of one warm request.
//!
//! What one more request costs is the difference of two processes.

use std::{io, path::Path, process::Stdio};

use crate::{
    events::{Events, OfSession, Request, Wrong},
    run::{Driven, RunError, Setting},
    stub::Table,
    valgrind::Tool,
};

/// The difference is taken between this many requests and none, each after those that warm up.
const REQUESTS: u64 = 100;
const TO_WARM_UP: u64 = 10;

/// Why nothing was counted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CountError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Event(#[from] Wrong),
    #[error("valgrind has counted nothing: {0}")]
    NothingCounted(String),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// All of a process that does `work`.
pub(crate) async fn total(
    tool: Tool,
    program: &Path,
    setting: &Setting<'_>,
    work: impl AsyncFnOnce(&mut Driven) -> Result<(), CountError>,
) -> Result<u64, CountError> {
    let command = tool.command(program);
    let (mut driven, _) = Driven::start(setting, &command, Stdio::piped()).await?;
    work(&mut driven).await?;
    let said = driven.end().await?;
    tool.count(&said).ok_or(CountError::NothingCounted(said))
}

/// All of a process that answers `requests` requests.
pub(crate) async fn of_requests(
    tool: Tool,
    program: &Path,
    setting: &Setting<'_>,
    events: &Events,
    request: Request,
    requests: u64,
) -> Result<u64, CountError> {
    let work = async |driven: &mut Driven| {
        for _ in 0..requests {
            driven.request(&events.make(request)?.event).await?;
        }
        Ok(())
    };
    total(tool, program, setting, work).await
}

/// A start.
pub(crate) async fn start(
    tool: Tool,
    program: &Path,
    setting: &Setting<'_>,
) -> Result<u64, CountError> {
    total(tool, program, setting, async |_| Ok(())).await
}

/// One warm request.
pub(crate) async fn warm(
    tool: Tool,
    program: &Path,
    setting: &Setting<'_>,
    events: &Events,
    request: Request,
) -> Result<u64, CountError> {
    one_more(async |requests| of_requests(tool, program, setting, events, request, requests).await)
        .await
}

/// One warm request of a session, which the process has begun before.
pub(crate) async fn warm_of_session(
    tool: Tool,
    program: &Path,
    events: &Events,
    request: OfSession,
) -> Result<u64, CountError> {
    let setting = Setting {
        table: Table::Keeps,
        ..Setting::default()
    };
    one_more(async |requests| {
        let work = async |driven: &mut Driven| {
            let mut session = driven.begin(events).await?;
            if request == OfSession::InactiveIntrospection {
                driven
                    .of_session(events, &mut session, OfSession::Invalidation)
                    .await?;
            }
            for _ in 0..requests {
                driven.of_session(events, &mut session, request).await?;
            }
            Ok(())
        };
        total(tool, program, &setting, work).await
    })
    .await
}

/// What one more request costs than some that have warmed the process up.
async fn one_more(count: impl AsyncFn(u64) -> Result<u64, CountError>) -> Result<u64, CountError> {
    let few = count(TO_WARM_UP).await?;
    let many = count(TO_WARM_UP + REQUESTS).await?;
    Ok((many - few + REQUESTS / 2) / REQUESTS)
}
