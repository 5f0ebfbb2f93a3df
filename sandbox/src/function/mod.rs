//! The function as Lambda runs it: instances of the real binary, each at one request at a time, a
//! new one when all are busy, up to a limit.
//!
//! | file | responsible for |
//! |---|---|
//! | `instance` | one child process, from its start to its end |
//! | `runtime_api` | what that process talks to: one state machine behind Lambda's HTTP paths |
//! | `clock` | what time Lambda says it is |
//! | `environment` | the variables that it finds |
//! | `freshness` | whether it was built after its sources were last changed |
//! | `output` | what it prints |

mod clock;
mod environment;
mod freshness;
mod instance;
mod output;
mod runtime_api;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::sync::{Semaphore, oneshot};

pub use clock::ClockShift;
pub(crate) use environment::{REGION, Surroundings, environment};
pub(crate) use instance::Blueprint;
use instance::Instance;
pub use output::Logs;
pub(crate) use output::Output;
pub(crate) use runtime_api::Invocation;

/// Lambda's limit for the event of a synchronous invocation, and for its answer.
pub(crate) const MAX_PAYLOAD_BYTES: usize = 6_291_556;

/// The function could not be brought to poll for its first request.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The program could not be run at all.
    #[error("cannot run {program}")]
    NotRun {
        /// The program's path.
        program: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The program was built before its source was last changed.
    #[error(
        "{program} is older than {source_file}: build it with `cargo build --workspace`, then try again"
    )]
    Stale {
        /// The program's path.
        program: String,
        /// The changed source.
        source_file: String,
    },
    /// There is no socket for its Runtime API.
    #[error(transparent)]
    Listen(#[from] crate::ListenError),
    /// The process ended before it asked for a request.
    #[error("the function ended before it could take a request ({status}). It said:\n{tail}")]
    Ended {
        /// How it ended, for people.
        status: String,
        /// The last lines of its output.
        tail: String,
    },
    /// The process neither ended nor asked for a request.
    #[error(
        "the function did not ask for a request within {after:?} of its start. It said:\n{tail}"
    )]
    Silent {
        /// How long it was waited for.
        after: Duration,
        /// The last lines of its output.
        tail: String,
    },
}

/// An invocation without an answer of the function.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    /// All instances are at work.
    #[error("all {0} instances of the function are busy")]
    Throttled(usize),
    /// Lambda takes no event of this size.
    #[error("the event has {0} bytes, more than the {MAX_PAYLOAD_BYTES} that Lambda takes")]
    TooLarge(usize),
    /// A new instance was needed and did not start.
    #[error(transparent)]
    NotStarted(#[from] StartError),
    /// The process ended while it had the request.
    #[error("the function ended during the request ({status}). It said:\n{tail}")]
    Died {
        /// How it ended, for people.
        status: String,
        /// The last lines of its output.
        tail: String,
    },
    /// The function did not answer in its timeout, and was ended.
    #[error("the function did not answer within {0:?} and was ended")]
    TimedOut(Duration),
    /// The function asked for the next request without having answered this one.
    #[error("the function left the request without an answer")]
    Abandoned,
    /// The function reported an error instead of an answer.
    #[error("the function reported {kind}: {message}")]
    Reported {
        /// Its `errorType`.
        kind: String,
        /// Its `errorMessage`.
        message: String,
    },
    /// The answer is not JSON.
    #[error("the function's answer is not JSON")]
    NotJson(#[source] serde_json::Error),
    /// The sandbox was stopped meanwhile.
    #[error("the sandbox was stopped")]
    Stopped,
}

/// All instances of the function.
pub(crate) struct Function {
    blueprint: Blueprint,
    timeout: Duration,
    max_instances: usize,
    /// One permit for each instance that may be at work.
    free: Arc<Semaphore>,
    /// Instances without work, the one used last on top, as Lambda prefers it.
    idle: Mutex<Vec<Instance>>,
}

impl Function {
    /// The function, with its first instance ready.
    pub(crate) async fn start(
        blueprint: Blueprint,
        timeout: Duration,
        max_instances: usize,
    ) -> Result<Arc<Self>, StartError> {
        if let Some(changed) = freshness::newer_source(&blueprint.program) {
            return Err(StartError::Stale {
                program: blueprint.program.display().to_string(),
                source_file: changed.display().to_string(),
            });
        }
        let first = Instance::start(&blueprint).await?;
        Ok(Arc::new(Self {
            blueprint,
            timeout,
            max_instances,
            free: Arc::new(Semaphore::new(max_instances)),
            idle: Mutex::new(vec![first]),
        }))
    }

    /// Has one instance answer the event.
    pub(crate) async fn invoke(self: &Arc<Self>, event: Invocation) -> Result<Bytes, InvokeError> {
        if event.payload.len() > MAX_PAYLOAD_BYTES {
            return Err(InvokeError::TooLarge(event.payload.len()));
        }
        let permit = self.free.clone().try_acquire_owned();
        let permit = permit.map_err(|_| InvokeError::Throttled(self.max_instances))?;
        let function = self.clone();
        let (answered, answer) = oneshot::channel();
        // In a task of its own: a caller that goes away does not stop a function at work.
        self.blueprint.tasks.spawn(async move {
            let result = function.answer(event).await;
            drop(permit);
            // The caller may have gone.
            let _ = answered.send(result);
        });
        answer.await.unwrap_or(Err(InvokeError::Stopped))
    }

    /// Ends the instances without work, so that the next request meets a cold start.
    pub(crate) async fn end_idle(&self) {
        let idle = std::mem::take(&mut *self.idle());
        for instance in idle {
            instance.end().await;
        }
    }

    /// Waits until no instance is at work, not even for a caller that has gone away.
    pub(crate) async fn at_rest(&self) {
        let all = u32::try_from(self.max_instances).unwrap_or(u32::MAX);
        // It is never closed.
        let _ = self.free.acquire_many(all).await;
    }

    /// What it printed, if that is captured.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.blueprint.output.lines()
    }

    /// The process ids of its instances.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.blueprint.pids()
    }

    async fn answer(&self, event: Invocation) -> Result<Bytes, InvokeError> {
        let instance = self.instance().await?;
        let result = instance.invoke(event, self.timeout).await;
        match &result {
            // Dropped, and so ended if it has not ended yet.
            Err(InvokeError::Died { .. } | InvokeError::TimedOut(_)) => drop(instance),
            _ => self.idle().push(instance),
        }
        result
    }

    /// An idle instance, else a new one.
    async fn instance(&self) -> Result<Instance, StartError> {
        loop {
            let idle = self.idle().pop();
            match idle {
                // It may have ended since its last request; Lambda then starts another, and nobody
                // notices.
                Some(instance) if instance.is_ready().await => return Ok(instance),
                Some(_ended) => {}
                None => return Instance::start(&self.blueprint).await,
            }
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Instance>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
