//! A function's process: its environment, and what the kernel says that it has used (proc(5),
//! Linux).

use std::{fs, io, path::Path, process::Stdio, time::Duration};

use rustix::{
    io::Errno,
    thread::{CpuSet, sched_setaffinity},
};
use tokio::process::{Child, Command};

use crate::stub::Stub;

/// Which processor the surroundings run on, and which the function: one of its own, so that nothing
/// else moves it or takes its caches.
const SURROUNDINGS: usize = 0;
const FUNCTION: usize = 1;

/// Puts this thread, and with it the processes that it starts, on one processor. Where there is
/// none of this number all run where the system likes.
fn stay_on(processor: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(processor);
    match sched_setaffinity(None, &set) {
        Ok(()) | Err(Errno::INVAL) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Does `work` on the function's processor, as the function would.
pub(crate) fn on_its_processor<T>(work: impl FnOnce() -> T) -> io::Result<T> {
    stay_on(FUNCTION)?;
    let done = work();
    stay_on(SURROUNDINGS)?;
    Ok(done)
}

/// Starts `command` as Lambda would, on a processor of its own, with `stub` around it. With TLS it
/// trusts `bundle`.
pub(crate) fn spawn(
    command: &[String],
    stub: &Stub,
    bundle: Option<&Path>,
    stderr: Stdio,
) -> io::Result<Child> {
    on_its_processor(|| start(command, stub, bundle, stderr))?
}

fn start(
    command: &[String],
    stub: &Stub,
    bundle: Option<&Path>,
    stderr: Stdio,
) -> io::Result<Child> {
    let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    Command::new(program)
        .args(arguments)
        .env_clear()
        .envs([
            ("AWS_LAMBDA_RUNTIME_API", stub.address.to_string().as_str()),
            ("AWS_ENDPOINT_URL_DYNAMODB", &stub.dynamodb),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &stub.secrets_manager),
        ])
        .envs(bundle.map(|bundle| ("AWS_CA_BUNDLE", bundle)))
        .envs([
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "of-no-account"),
            ("AWS_SESSION_TOKEN", "of-no-account"),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_LAMBDA_FUNCTION_NAME", "token-service"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/token-service"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
            ("API_KEYS_SECRET_ID", "token-service/api-keys"),
            ("SERVER_KEYS_SECRET_ID", "token-service/server-keys"),
            ("TOKENS_TABLE", "tokens"),
            // No refresh falls into a measurement, however long valgrind takes.
            ("SECRETS_TTL_SECONDS", "43200"),
            ("SECRETS_MIN_REFRESH_SECONDS", "43200"),
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr)
        .kill_on_drop(true)
        .spawn()
}

/// The processor time that all threads of a process have had.
pub(crate) fn processor_time(pid: u32) -> io::Result<Duration> {
    let mut nanos = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let used = fs::read_to_string(task?.path().join("schedstat"))?;
        let on_cpu = used.split_whitespace().next();
        nanos += on_cpu
            .and_then(|nanos| nanos.parse::<u64>().ok())
            .ok_or(io::ErrorKind::InvalidData)?;
    }
    Ok(Duration::from_nanos(nanos))
}

/// The most memory that it has had resident (`VmHWM`), in KiB.
pub(crate) fn peak_resident_kib(pid: u32) -> io::Result<u64> {
    fs::read_to_string(format!("/proc/{pid}/status"))?
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|value| value.trim().strip_suffix("kB")?.trim().parse().ok())
        .ok_or(io::ErrorKind::InvalidData.into())
}
