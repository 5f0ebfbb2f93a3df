//! A function's process: its environment, and what the kernel says that it has used (proc(5), Linux).

use std::{fs, io, net::SocketAddr, process::Stdio, time::Duration};

use tokio::process::{Child, Command};

/// Starts `command` as Lambda would, with all of its surroundings at `address`.
pub(crate) fn spawn(command: &[String], address: SocketAddr, stderr: Stdio) -> io::Result<Child> {
    let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let url = format!("http://{address}");
    Command::new(program)
        .args(arguments)
        .env_clear()
        .envs([
            ("AWS_LAMBDA_RUNTIME_API", address.to_string().as_str()),
            ("AWS_ENDPOINT_URL_DYNAMODB", &url),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &url),
        ])
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
            ("SECRETS_TTL_SECONDS", "86400"),
            ("SECRETS_MIN_REFRESH_SECONDS", "86400"),
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
