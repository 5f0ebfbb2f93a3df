//! One instance: a child process and the Runtime API that only it talks to.
//!
//! No process outlives the sandbox. An instance that is dropped, or whose sandbox ends, is killed
//! and waited for. If the sandbox itself is killed with -9, nothing is left to do that: but then
//! the connections of the Runtime API close, and `lambda_runtime` (1.5, as seen) returns an error
//! from its poll, upon which the function exits; one that is just at work finds out when it posts
//! its answer. Only a function that never comes back from its work would stay.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::process::{Child, Command};
use tokio_util::task::AbortOnDropHandle;

use super::{
    InvokeError, StartError,
    clock::ClockShift,
    output::{Output, Tail},
    runtime_api::{Ending, Invocation, RuntimeApi},
};
use crate::{listen, tasks::Tasks};

/// How long an instance may take from its start to its first poll. Lambda gives 10 s; a debug build
/// on a busy machine gets more.
const INIT_LIMIT: Duration = Duration::from_secs(20);
/// How long the output of an ended process is waited for. It is there already, unless someone
/// inherited the pipe.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What every instance is made of.
pub(crate) struct Blueprint {
    pub(crate) program: PathBuf,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) output: Output,
    lambda_clock: ClockShift,
    pub(crate) tasks: Tasks,
    pids: Pids,
}

impl Blueprint {
    pub(crate) fn new(
        program: PathBuf,
        environment: BTreeMap<String, String>,
        output: Output,
        lambda_clock: ClockShift,
        tasks: Tasks,
    ) -> Self {
        Self {
            program,
            environment,
            output,
            lambda_clock,
            tasks,
            pids: Pids::default(),
        }
    }

    pub(crate) fn pids(&self) -> Vec<u32> {
        self.pids.lock().iter().copied().collect()
    }
}

/// A running child process. Dropping it ends it.
pub(super) struct Instance {
    runtime: Arc<RuntimeApi>,
    tasks: Tasks,
}

impl Instance {
    /// Starts a process and waits until it asks for a request.
    pub(super) async fn start(blueprint: &Blueprint) -> Result<Self, StartError> {
        let (listener, address) = listen::listen(None).await?;
        let instance = Self {
            runtime: RuntimeApi::new(blueprint.lambda_clock.clone()),
            tasks: blueprint.tasks.nested(),
        };
        let runtime = instance.runtime.clone();
        listen::serve(&instance.tasks, listener, move |request, _| {
            runtime.clone().answer(request)
        });
        let child = run(blueprint, &address.to_string())?;
        instance.supervise(child, blueprint);
        instance.ready().await?;
        Ok(instance)
    }

    /// Whether it waits for a request, now or as soon as it is done with the last one; else it has
    /// ended.
    pub(super) async fn is_ready(&self) -> bool {
        let polling = tokio::time::timeout(INIT_LIMIT, self.runtime.polling()).await;
        matches!(polling, Ok(Ok(())))
    }

    /// Has it answer a request. If it does not within `timeout`, it is ended.
    pub(super) async fn invoke(
        &self,
        invocation: Invocation,
        timeout: Duration,
    ) -> Result<Bytes, InvokeError> {
        let answer = self.runtime.invoke(invocation, timeout).await;
        if matches!(answer, Err(InvokeError::TimedOut(_))) {
            self.tasks.end();
        }
        answer
    }

    /// Ends it, and waits until its process has ended.
    pub(super) async fn end(self) {
        self.tasks.end();
        self.runtime.ending().await;
    }

    async fn ready(&self) -> Result<(), StartError> {
        let polling = tokio::time::timeout(INIT_LIMIT, self.runtime.polling()).await;
        match polling {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Ending { status, tail })) => Err(StartError::Ended { status, tail }),
            Err(_elapsed) => {
                self.tasks.end();
                let tail = self.runtime.ending().await.tail;
                Err(StartError::Silent {
                    after: INIT_LIMIT,
                    tail,
                })
            }
        }
    }

    /// Stays with the process to its end, and sees to it that it ends.
    fn supervise(&self, mut child: Child, blueprint: &Blueprint) {
        let (runtime, tasks) = (self.runtime.clone(), self.tasks.clone());
        let (output, pids) = (blueprint.output.clone(), blueprint.pids.clone());
        let pid = child.id();
        pids.lock().extend(pid);
        self.tasks.spawn_orderly(async move {
            let tail = Arc::new(Tail::default());
            let reading = read(&mut child, output, tail.clone());
            let reading = AbortOnDropHandle::new(tokio::spawn(reading));
            let status = wait(&mut child, &tasks).await;
            // Whether the pipes have closed by then changes nothing.
            let _ = tokio::time::timeout(LAST_WORDS, reading).await;
            if let Some(pid) = pid {
                pids.lock().remove(&pid);
            }
            let tail = tail.text();
            runtime.ended(Ending { status, tail });
            tasks.end();
        });
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.tasks.end();
    }
}

fn run(blueprint: &Blueprint, runtime_api: &str) -> Result<Child, StartError> {
    let mut command = Command::new(&blueprint.program);
    command
        .env_clear()
        .envs(&blueprint.environment)
        .env("AWS_LAMBDA_RUNTIME_API", runtime_api)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Where the runtime is dropped before the instance has been waited for.
        .kill_on_drop(true);
    // A group of its own, so that the terminal's Ctrl-C reaches the sandbox only, which ends its
    // children in order.
    #[cfg(unix)]
    command.process_group(0);
    command.spawn().map_err(|source| StartError::NotRun {
        program: blueprint.program.display().to_string(),
        source,
    })
}

/// Takes in what the process prints, until it has closed both streams.
fn read(
    child: &mut Child,
    output: Output,
    tail: Arc<Tail>,
) -> impl Future<Output = ()> + Send + use<> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    async move {
        tokio::join!(
            async {
                if let Some(stdout) = stdout {
                    output.take_in(stdout, &tail).await;
                }
            },
            async {
                if let Some(stderr) = stderr {
                    output.take_in(stderr, &tail).await;
                }
            },
        );
    }
}

/// Waits for the process, killing it when it is to end, and says how it ended.
async fn wait(child: &mut Child, tasks: &Tasks) -> String {
    let end = tasks.end_signal();
    let by_itself = tokio::select! {
        status = child.wait() => Some(status),
        () = end.cancelled() => None,
    };
    let ended = match by_itself {
        Some(status) => status,
        None => {
            // It fails only for a process that has ended meanwhile.
            let _ = child.start_kill();
            child.wait().await
        }
    };
    ended.map_or_else(
        |error| error.to_string(),
        |status: ExitStatus| status.to_string(),
    )
}

/// The process ids of the living instances. Clones share them.
#[derive(Clone, Default)]
struct Pids(Arc<Mutex<BTreeSet<u32>>>);

impl Pids {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
