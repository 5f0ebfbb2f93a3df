//! Runs `tokenctl`, and the stack that it speaks to.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use peers::credentials::Credentials;
use sandbox::{Logs, Options, Sandbox};
use serde_json::Value;

/// The longest that a run may take. What they print fits into a pipe.
const LIMIT: Duration = Duration::from_secs(30);

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    /// Standard output, with `--json`.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// Whether no part of what was printed has this in it.
    pub(crate) fn hides(&self, secret: &str) -> bool {
        !secret.is_empty() && !self.out.contains(secret) && !self.err.contains(secret)
    }
}

/// A run without standard input.
pub(crate) fn tokenctl(arguments: &[&str]) -> Ended {
    tokenctl_of("", arguments)
}

/// A run with this on standard input, and nothing of the caller's environment that could change it.
pub(crate) fn tokenctl_of(input: impl AsRef<[u8]>, arguments: &[&str]) -> Ended {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tokenctl"))
        .args(arguments)
        .env_remove("TOKENCTL_CREDENTIALS")
        .env_remove("TOKENCTL_URL")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A run that ends without reading it closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(input.as_ref());
    // A run that hangs is a failure, and not the test's end.
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > LIMIT {
            child.kill().unwrap();
            panic!("still running after {LIMIT:?}: {arguments:?}");
        }
        thread::sleep(Duration::from_millis(2));
    }
    let output = child.wait_with_output().unwrap();
    Ended {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout)
            .unwrap()
            .trim_end()
            .to_owned(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A directory with credentials in it.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// The development partner's credentials, changed.
    pub(crate) fn credentials(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut file = acme().to_json();
        change(&mut file);
        self.file("credentials.json", file.to_string())
    }
}

/// The development partner.
pub(crate) fn acme() -> Credentials {
    Credentials::parse(include_bytes!("../../../events/secrets/partner.json")).unwrap()
}

/// The permission bits of a file.
pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// The stack, with the real function.
pub(crate) async fn stack() -> Sandbox {
    let options = Options {
        logs: Logs::Capture,
        ..Options::default()
    };
    Sandbox::start(options).await.unwrap()
}
