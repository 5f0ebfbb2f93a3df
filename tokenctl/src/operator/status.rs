//! What the operators' commands would act on: account and region, the two secrets, the table;
//! whether each can be reached, and whether the service takes both documents.

use std::path::{Path, PathBuf};

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use clap::Args;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{
    aws::failure,
    change::Described,
    documents::{Document, Partners, ServerKeys},
    moment::{at, now, span},
    settings::{Deployment, Table, sdk_config},
    store::{Endpoint, Place, Secret, Store},
};
use crate::{
    files,
    outcome::{Exit, Failure, Outcome, Report},
};

/// What is looked at.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    table: Table,
    /// Check a file with the partners instead, before you store it; makes no call to AWS
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    api_keys: Option<PathBuf>,
    /// Check a file with the service's keys instead, likewise
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    server_keys: Option<PathBuf>,
}

const PARTNERS: &str = "partners";
const KEYS: &str = "keys";
const TABLE: &str = "table";

pub(crate) async fn run(deployment: &Deployment, arguments: &Arguments) -> Outcome {
    let files = [
        arguments
            .api_keys
            .as_deref()
            .map(|file| of_file::<Partners>(PARTNERS, file)),
        arguments
            .server_keys
            .as_deref()
            .map(|file| of_file::<ServerKeys>(KEYS, file)),
    ];
    let files: Vec<Part> = files.into_iter().flatten().collect::<Result<_, _>>()?;
    if !files.is_empty() {
        return Ok(report(Vec::new(), json!({}), &files));
    }

    let sdk = sdk_config().await;
    let open = |id: Result<&str, Failure>| id.map(|id| (id.to_owned(), Store::new(&sdk, id)));
    let table = arguments.table.name().map(str::to_owned);
    let dynamodb = Client::new(&sdk);
    let (partners, keys, table) = tokio::join!(
        of_secret::<Partners>(PARTNERS, open(deployment.api_keys_id())),
        of_secret::<ServerKeys>(KEYS, open(deployment.server_keys_id())),
        of_table(&dynamodb, table),
    );
    let parts = [partners, keys, table];

    let account = parts.iter().find_map(|part| part.place.as_ref()?.account());
    let region = sdk.region().map(ToString::to_string);
    let profile = std::env::var("AWS_PROFILE").ok();
    let mut head = vec![
        line("account", account.unwrap_or("unknown: no secret was read")),
        line(
            "region",
            region.as_deref().unwrap_or("none: set AWS_REGION"),
        ),
    ];
    head.extend(profile.as_deref().map(|profile| line("profile", profile)));
    let json = json!({ "account": account, "region": region, "profile": profile });
    Ok(report(head, json, &parts))
}

/// One of the three.
struct Part {
    name: &'static str,
    /// What it is and where; below it, how it is.
    lines: Vec<String>,
    place: Option<Place>,
    /// Why it is of no use as it is.
    trouble: Option<Exit>,
    json: Value,
}

impl Part {
    fn of(name: &'static str, lines: Vec<String>, json: Value) -> Self {
        Self {
            name,
            lines,
            place: None,
            trouble: None,
            json,
        }
    }

    fn failed(name: &'static str, named: String, failure: &Failure, mut json: Value) -> Self {
        insert(&mut json, "error", failure.message.as_str().into());
        let lines = vec![named, format!("cannot be used: {}", failure.message)];
        Self {
            trouble: Some(failure.exit),
            ..Self::of(name, lines, json)
        }
    }

    /// What the service makes of a document.
    fn judge<D: Document + Described>(&mut self, text: &str) {
        let faults: Vec<String> = match D::check(text) {
            Ok(()) => Vec::new(),
            Err(faults) => faults.iter().map(ToString::to_string).collect(),
        };
        if faults.is_empty() {
            let summary = D::read(text).map(|document| document.summary());
            self.lines.extend(summary.ok());
            self.lines.push("the service takes it".to_owned());
        } else {
            self.trouble = Some(Exit::Faulty);
            self.lines.push("the service refuses it:".to_owned());
            self.lines
                .extend(faults.iter().map(|fault| format!("  {fault}")));
        }
        insert(&mut self.json, "faults", json!(faults));
    }
}

async fn of_secret<D: Document + Described>(
    name: &'static str,
    opened: Result<(String, Store), Failure>,
) -> Part {
    let (id, store) = match opened {
        Ok(opened) => opened,
        Err(failure) => return Part::failed(name, "none".to_owned(), &failure, json!({})),
    };
    let read = store.read().await;
    let mut json = json!({ "id": id, "endpoint": store.endpoint() });
    let named = told(&id, store.endpoint());
    let Secret { place, current } = match read {
        Ok(secret) => secret,
        Err(failure) => return Part::failed(name, named, &failure, json),
    };
    insert(&mut json, "arn", place.arn.as_str().into());
    let mut part = Part::of(name, vec![named], json);
    part.place = Some(place);
    let Some(current) = current else {
        let fill = match name {
            KEYS => "tokenctl keys init",
            _ => "tokenctl partner add",
        };
        part.trouble = Some(Exit::Faulty);
        part.lines
            .push(format!("the secret is empty: `{fill}` fills it"));
        insert(&mut part.json, "faults", json!(["the secret is empty"]));
        return part;
    };
    part.lines.push(format!(
        "version {} of {}, {} ago",
        current.version,
        at(current.created_at),
        span(now() - current.created_at)
    ));
    insert(&mut part.json, "version", current.version.into());
    insert(&mut part.json, "changedAt", current.created_at.into());
    part.judge::<D>(&current.text);
    part
}

/// A read of an item that never is there takes the permission that `session` needs, and no other.
async fn of_table(client: &Client, table: Result<String, Failure>) -> Part {
    let table = match table {
        Ok(table) => table,
        Err(failure) => return Part::failed(TABLE, "none".to_owned(), &failure, json!({})),
    };
    let endpoint = Endpoint::default();
    let noted = endpoint.clone();
    let get = client.get_item().table_name(&table);
    let got = get
        .key("pk", AttributeValue::S("tokenctl status".to_owned()))
        .customize()
        .mutate_request(move |request| noted.note(request.uri()))
        .send()
        .await;
    let json = json!({ "id": table, "endpoint": endpoint.get() });
    let named = told(&table, endpoint.get());
    match got {
        Ok(_) => Part::of(TABLE, vec![named, "it can be read".to_owned()], json),
        Err(error) => Part::failed(TABLE, named, &failure("GetItem", &table, &error), json),
    }
}

fn of_file<D: Document + Described>(name: &'static str, file: &Path) -> Result<Part, Failure> {
    let bytes = files::read(file)?;
    let at = file.display().to_string();
    let mut part = Part::of(name, vec![at.clone()], json!({ "file": at }));
    // What is no UTF-8 is no JSON either, and is said to be none.
    let text = Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned());
    part.judge::<D>(&text);
    Ok(part)
}

fn report(mut lines: Vec<String>, mut json: Value, parts: &[Part]) -> Report {
    for part in parts {
        let (first, others) = part
            .lines
            .split_first()
            .map_or(("", &[][..]), |(first, others)| (first.as_str(), others));
        lines.push(line(part.name, first));
        lines.extend(others.iter().map(|other| line("", other)));
        insert(&mut json, part.name, part.json.clone());
    }
    let troubles: Vec<Exit> = parts.iter().filter_map(|part| part.trouble).collect();
    lines.push(match (troubles.len(), parts.len()) {
        (0, 1) => "It is as it must be.".to_owned(),
        (0, _) => "All is as it must be.".to_owned(),
        (some, all) => format!("{some} of {all} cannot be used: see above."),
    });
    insert(&mut json, "ok", troubles.is_empty().into());
    // What cannot be reached is first to be mended.
    let away = troubles.iter().find(|exit| **exit != Exit::Faulty);
    let mut report = Report::done(lines.join("\n"), json);
    report.exit = *away.or(troubles.first()).unwrap_or(&Exit::Done);
    report
}

fn line(name: &str, value: &str) -> String {
    format!("{name:9} {value}")
}

fn told(id: &str, endpoint: Option<&str>) -> String {
    match endpoint {
        Some(endpoint) => format!("{id} at {endpoint}"),
        None => id.to_owned(),
    }
}

fn insert(json: &mut Value, name: &str, value: Value) {
    if let Some(members) = json.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}
