//! Whether the service would take the two documents, with the path of each fault.

use std::path::{Path, PathBuf};

use serde_json::json;
use token_service::secrets::{DocumentFaults, check_api_keys, check_server_keys};
use zeroize::Zeroizing;

use super::{settings::Deployment, store::Store};
use crate::{
    files,
    outcome::{Exit, Failure, Outcome, Report},
};

type Reader = fn(&str) -> Result<(), DocumentFaults>;

/// Checks both documents: in Secrets Manager, or those of the two files that are given.
pub(crate) async fn check(
    deployment: &Deployment,
    api_keys: Option<PathBuf>,
    server_keys: Option<PathBuf>,
) -> Outcome {
    let partners: Reader = |text| check_api_keys(text).map(|_| ());
    let keys: Reader = |text| check_server_keys(text).map(|_| ());
    let mut checked = Vec::new();
    if api_keys.is_none() && server_keys.is_none() {
        checked.push((
            "api-keys",
            of_secret(&deployment.partners().await?, partners).await?,
        ));
        checked.push((
            "server-keys",
            of_secret(&deployment.server_keys().await?, keys).await?,
        ));
    }
    if let Some(file) = api_keys {
        checked.push(("api-keys", of_file(&file, partners)?));
    }
    if let Some(file) = server_keys {
        checked.push(("server-keys", of_file(&file, keys)?));
    }

    let faulty = checked.iter().any(|(_, faults)| !faults.is_empty());
    let lines = checked
        .iter()
        .map(|(name, faults)| match faults.is_empty() {
            true => format!("{name}: as it must be"),
            false => format!("{name}: the service refuses it\n  {}", faults.join("\n  ")),
        });
    let text = lines.collect::<Vec<_>>().join("\n");
    let json = checked
        .iter()
        .map(|(name, faults)| ((*name).to_owned(), json!(faults)));
    let mut report = Report::done(
        text,
        json!({ "faults": json.collect::<serde_json::Map<_, _>>() }),
    );
    if faulty {
        report.exit = Exit::Faulty;
    }
    Ok(report)
}

async fn of_secret(store: &Store, reader: Reader) -> Result<Vec<String>, Failure> {
    match store.current().await? {
        None => Ok(vec!["the secret is empty".to_owned()]),
        Some(current) => Ok(faults(&current.text, reader)),
    }
}

fn of_file(file: &Path, reader: Reader) -> Result<Vec<String>, Failure> {
    let bytes = files::read(file)?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(faults(&Zeroizing::new(text.to_owned()), reader)),
        Err(_) => Ok(vec!["the document is not UTF-8".to_owned()]),
    }
}

fn faults(text: &str, reader: Reader) -> Vec<String> {
    match reader(text) {
        Ok(()) => Vec::new(),
        Err(faults) => faults.iter().map(ToString::to_string).collect(),
    }
}
