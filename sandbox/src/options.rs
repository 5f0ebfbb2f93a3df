//! What a sandbox can be asked for, and where it finds the function when it is not told.

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{ClockShift, Faults, Logs, Tls};

/// How to start a [`Sandbox`](crate::Sandbox). The default is all in memory, on ephemeral ports,
/// with the development secrets of `events/secrets/`.
#[derive(Clone, Debug)]
pub struct Options {
    /// The `token-service` binary. By default `$TOKEN_SERVICE_BIN`, else the one built beside this
    /// program.
    pub function: PathBuf,
    /// The gateway's port on 127.0.0.1; DynamoDB has the one above it, and Secrets Manager the
    /// next. `None` takes any free ones.
    pub port: Option<u16>,
    /// Where the table and the secrets are kept; `None` keeps them in memory only.
    pub data_dir: Option<PathBuf>,
    /// Whether the secrets are as the template makes them: without a value, unless the data
    /// directory has one.
    pub empty_secrets: bool,
    /// How many instances of the function may be at work at once, each on one request. The gateway
    /// answers 429 above it.
    pub max_instances: usize,
    /// Added to the function's environment, overriding it; an empty value removes the variable.
    pub env: Vec<(String, String)>,
    /// Where the function's output goes.
    pub logs: Logs,
    /// The value of `token-service/api-keys`, unless the data directory already has one.
    pub api_keys: Option<serde_json::Value>,
    /// The value of `token-service/server-keys`, unless the data directory already has one.
    pub server_keys: Option<serde_json::Value>,
    /// The function's timeout: an instance that takes longer for a request is ended, as Lambda
    /// does.
    pub timeout: Duration,
    /// Lambda's clock, by which the function is told its deadlines. Keep a clone to change it.
    pub lambda_clock: ClockShift,
    /// Whether the gateway also serves the page of `page/`, below `/sandbox/`. Every other path is
    /// still the function's.
    pub web_page: bool,
    /// Faults of DynamoDB. Keep a clone to script faults that the function meets while it
    /// initialises.
    pub dynamodb_faults: Faults,
    /// Faults of Secrets Manager, likewise.
    pub secrets_faults: Faults,
    /// Serves DynamoDB over TLS, at `https://localhost:PORT`. Whom the function trusts is in its
    /// environment.
    pub dynamodb_tls: Option<Tls>,
    /// Serves Secrets Manager over TLS, likewise.
    pub secrets_tls: Option<Tls>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            function: function_beside_this_program(),
            port: None,
            data_dir: None,
            empty_secrets: false,
            max_instances: 4,
            env: Vec::new(),
            logs: Logs::Inherit,
            api_keys: None,
            server_keys: None,
            timeout: Duration::from_secs(15),
            lambda_clock: ClockShift::default(),
            web_page: false,
            dynamodb_faults: Faults::default(),
            secrets_faults: Faults::default(),
            dynamodb_tls: None,
            secrets_tls: None,
        }
    }
}

/// `$TOKEN_SERVICE_BIN`, else `token-service` beside this program, else one level up: Cargo puts
/// tests into `target/<profile>/deps/`. Whether it exists is checked at start, where it can be
/// reported.
fn function_beside_this_program() -> PathBuf {
    if let Some(named) = env::var_os("TOKEN_SERVICE_BIN") {
        return PathBuf::from(named);
    }
    let name = format!("token-service{}", env::consts::EXE_SUFFIX);
    let program = env::current_exe().unwrap_or_default();
    let beside = program.parent().unwrap_or(Path::new(""));
    let above = beside.parent().unwrap_or(Path::new(""));
    match beside.file_name() {
        Some(deps) if deps == "deps" => above.join(name),
        _ => beside.join(name),
    }
}
