//! What the function costs in the sandbox, held against its limits: sizes, memory and calls. No
//! times: those of a shared machine tell nothing.

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

use crate::{process, table::sign};

const MAX_BINARY_BYTES: u64 = 6_500_000;
const MAX_RESIDENT_KIB: u64 = 10 * 1024;
/// What one write unit pays for.
const MAX_ITEM_BYTES: usize = 1024;
/// CloudWatch Logs is paid for by the byte.
const MAX_LINE_BYTES: usize = 1600;

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MeasureError {
    #[error(transparent)]
    Start(#[from] sandbox::Error),
    #[error("the binary or /proc, which only Linux has, cannot be read")]
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
    #[error("the function's process has ended")]
    NoProcess,
}

/// Sends `requests` for as many tokens to the function, one after another as Lambda does. Prints,
/// and tells whether the function is within its limits.
pub(crate) async fn measure(function: PathBuf, requests: u32) -> Result<bool, MeasureError> {
    println!("{} over {requests} requests", function.display());
    let size = fs::metadata(&function)?.len();
    let sandbox = Sandbox::start(Options {
        function,
        logs: Logs::Capture,
        max_instances: 1,
        ..Options::default()
    });
    let sandbox = sandbox.await?;
    let held = check(&sandbox, size, requests).await;
    // Dropping it would not wait for the function's end.
    sandbox.stop().await;
    held
}

async fn check(sandbox: &Sandbox, size: u64, requests: u32) -> Result<bool, MeasureError> {
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
    let item = item_size(&item.ok_or(MeasureError::NoItem)?);
    let pids = sandbox.function_pids();
    let pid = pids.first().ok_or(MeasureError::NoProcess)?;
    let resident = process::peak_resident_kib(*pid)?;
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
            format!(
                "the longest line of the log, its metrics included: {line} bytes, at most {MAX_LINE_BYTES}"
            ),
        ),
    ];
    for (held, text) in &checks {
        println!("{:<9}{text}", sign(*held));
    }
    Ok(checks.iter().all(|(held, _)| *held))
}

/// Has a token issued for the seed's sample request, and tells its referenceId.
async fn issue(sandbox: &Sandbox) -> Result<String, MeasureError> {
    let acme = development::acme()?;
    let key = acme
        .payload_keys
        .first()
        .ok_or(MeasureError::NoPayloadKey)?;
    let reference_id = Uuid::new_v4();
    let sdk_key = development::sdk_key_pair()?.public_key();
    let request = events::sample_request(reference_id, &acme, &sdk_key)?;
    let body = partner::seal(request.as_bytes(), &key.k, Some(&key.kid));
    let request = partner::token_request(&acme, body)?;
    let answer = partner::call(sandbox.url(), request).await?;
    match answer.status().as_u16() {
        200 => Ok(reference_id.to_string()),
        status => Err(MeasureError::Refused(status)),
    }
}
