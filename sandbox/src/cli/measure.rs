//! `sandbox measure`: what the function costs, counted and held against its limits. Counts and sizes only: times on
//! machines like this one tell nothing.

use std::{fs, io, path::PathBuf};

use peers::{
    partner::{self, CallError},
    sdk::KeyError,
};
use sandbox::{
    Logs, Options, Sandbox,
    development::{self, DevelopmentError},
    events,
    item_size::item_size,
};
use uuid::Uuid;

use super::{
    page::Page,
    stack::{End, with_stack},
};

const MAX_BINARY_BYTES: u64 = 6_500_000;
const MAX_RESIDENT_KIB: u64 = 10 * 1024;
/// What one write unit pays for.
const MAX_ITEM_BYTES: usize = 1024;
/// CloudWatch Logs is paid for by the byte.
const MAX_LINE_BYTES: usize = 1536;

#[derive(Debug, thiserror::Error)]
pub(crate) enum CannotMeasure {
    #[error(transparent)]
    Start(#[from] sandbox::Error),
    #[error("a signal, a file or /proc (which only Linux has) cannot be read")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Credentials(#[from] DevelopmentError),
    #[error("acme has no payload key in events/secrets/partner.json")]
    NoPayloadKey,
    #[error("events/secrets/sdk-key.json is not usable")]
    SdkKey(#[from] KeyError),
    #[error("the sample request cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("a request was answered {0} and not 200")]
    Refused(u16),
    #[error("the table has no item for a token that was issued")]
    NoItem,
    #[error("the function's process has ended, or its status has no VmHWM")]
    NoProcess,
}

/// Sends `requests` for as many tokens to the function at `binary`, one after another as Lambda does.
pub(crate) async fn measure(requests: u32, binary: Option<PathBuf>) -> Result<End, CannotMeasure> {
    let mut options = Options {
        logs: Logs::Capture,
        max_instances: 1,
        ..Options::default()
    };
    if let Some(binary) = binary {
        options.function = binary;
    }
    let binary = options.function.clone();
    with_stack(options, async |sandbox| {
        let mut page = Page::new();
        page.line(format!("{} over {requests} requests", binary.display()));

        // The first opens the connection to DynamoDB; the rest are warm.
        let first = issue(sandbox).await?;
        let dynamodb = sandbox.dynamodb_faults().requests();
        let secrets = sandbox.secrets_faults().requests();
        for _ in 0..requests {
            issue(sandbox).await?;
        }
        let dynamodb = sandbox.dynamodb_faults().requests() - dynamodb;
        let secrets = sandbox.secrets_faults().requests() - secrets;

        let item = sandbox.item("acme", &first).await?;
        let item = item_size(&item.ok_or(CannotMeasure::NoItem)?);
        let size = fs::metadata(&binary)?.len();
        let resident = peak_resident_kib(sandbox)?;
        let lines = sandbox.log_lines();
        let line = lines.iter().map(String::len).max().unwrap_or_default();

        let checks = [
            (
                size <= MAX_BINARY_BYTES,
                format!("binary: {size} bytes, at most {MAX_BINARY_BYTES}"),
            ),
            (
                resident <= MAX_RESIDENT_KIB,
                format!("peak resident memory: {resident} KiB, at most {MAX_RESIDENT_KIB}"),
            ),
            (
                dynamodb == u64::from(requests),
                format!("calls of DynamoDB: {dynamodb}, one a request"),
            ),
            (
                secrets == 0,
                format!("calls of Secrets Manager: {secrets}, none a warm request"),
            ),
            (
                item <= MAX_ITEM_BYTES,
                format!("the seed's item: {item} bytes, at most {MAX_ITEM_BYTES}"),
            ),
            (
                (1..=MAX_LINE_BYTES).contains(&line),
                format!("the longest line of the log, its metrics included: {line} bytes, at most {MAX_LINE_BYTES}"),
            ),
        ];
        for (held, text) in &checks {
            if *held {
                page.tick(text);
            } else {
                page.cross(text);
            }
        }
        Ok(End::good_if(checks.iter().all(|(held, _)| *held)))
    })
    .await
}

/// Has a token issued for the seed's sample request, and tells its referenceId.
async fn issue(sandbox: &Sandbox) -> Result<String, CannotMeasure> {
    let acme = development::acme()?;
    let key = acme
        .payload_keys
        .first()
        .ok_or(CannotMeasure::NoPayloadKey)?;
    let reference_id = Uuid::new_v4();
    let sdk_key = development::sdk_key_pair()?.public_key();
    let request = events::sample_request(reference_id, &acme, &sdk_key)?;
    let body = partner::seal(request.as_bytes(), &key.k, Some(&key.kid));
    let request = partner::token_request(&acme, body)?;
    let answer = partner::call(sandbox.url(), request).await?;
    match answer.status().as_u16() {
        200 => Ok(reference_id.to_string()),
        status => Err(CannotMeasure::Refused(status)),
    }
}

/// The most memory that the function's process has had resident (proc(5), `VmHWM`).
fn peak_resident_kib(sandbox: &Sandbox) -> Result<u64, CannotMeasure> {
    let pids = sandbox.function_pids();
    let pid = pids.first().ok_or(CannotMeasure::NoProcess)?;
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|value| value.trim().strip_suffix("kB")?.trim().parse().ok())
        .ok_or(CannotMeasure::NoProcess)
}
