//! The real `tokenctl`, as an operator's shell runs it, against a sandbox.

use std::{collections::HashMap, fs, path::PathBuf, process::Stdio};

use sandbox::development;
use serde_json::Value;
use service_tests::Service;
use tempfile::TempDir;
use tokio::process::Command;

/// A folder to work in, and the variables of a sandbox's deployment.
pub(crate) struct Shell {
    folder: TempDir,
    env: Vec<(String, String)>,
}

/// How a command ended.
pub(crate) struct Ended {
    pub(crate) exit: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    /// What was printed, as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// That it ended as it should.
    pub(crate) fn expect(self, exit: i32) -> Self {
        assert_eq!(self.exit, exit, "{self:?}");
        self
    }
}

impl std::fmt::Debug for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit {}\n{}{}", self.exit, self.out, self.err)
    }
}

impl Shell {
    /// For an operator, for the partner `acme` and for the resource server `wallet`, with their
    /// credentials in the folder.
    pub(crate) fn of(service: &Service) -> Self {
        let folder = TempDir::new().unwrap();
        let credentials = development::acme().unwrap().to_json().to_string();
        fs::write(folder.path().join("credentials.json"), credentials).unwrap();
        let wallet = include_str!("../../events/secrets/resource-server.json");
        fs::write(folder.path().join("wallet.json"), wallet).unwrap();
        let callers = [
            ("TOKENCTL_URL", service.url().to_owned()),
            ("TOKENCTL_CREDENTIALS", "credentials.json".to_owned()),
            ("TOKENCTL_RESOURCE_SERVER", "wallet.json".to_owned()),
        ];
        let variables = service.operator_environment().into_iter().chain(callers);
        let env = variables
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        Self { folder, env }
    }

    /// With another value of a variable.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The variables, each with its last value.
    pub(crate) fn variables(&self) -> HashMap<&str, &str> {
        let each = self.env.iter();
        each.map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// Runs a command line; its words are separated by spaces.
    pub(crate) async fn run(&self, line: &str) -> Ended {
        let output = Command::new(env!("CARGO_BIN_EXE_tokenctl"))
            .args(line.split_whitespace())
            .current_dir(self.folder.path())
            .env_clear()
            .envs(self.env.iter().cloned())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .unwrap();
        Ended {
            exit: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
