//! `tokenctl introspect`: a token judged by the service, as a resource server asks.

use std::path::PathBuf;

use clap::Args;
use peers::{error::with_causes, resource_server::introspection};
use serde_json::{Value, json};

use super::{
    one_standard_input,
    page::{Page, quoted},
    presented::Presented,
    request::expiry,
    service::{ServiceUrl, call},
};
use crate::{
    outcome::{Exit, Failure, Outcome, Report},
    resource_server::ResourceServerCredentials,
};

/// Ask as a resource server whether a token is good.
///
/// Exit code 0: it is active; 6: it is not, or the service refused the question. The customer's
/// account number and the session key are shown with --reveal only.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The token, or an answer with one (request --out); - or nothing for standard input
    #[arg(default_value = "-", hide_default_value = true)]
    file: PathBuf,
    /// The resource server's credentials file
    #[arg(long, env = "TOKENCTL_RESOURCE_SERVER", value_name = "FILE")]
    resource_server: PathBuf,
    #[command(flatten)]
    url: ServiceUrl,
    /// Show all claims: the account number and the session key too
    #[arg(long)]
    reveal: bool,
}

pub(crate) async fn run(arguments: &Arguments) -> Outcome {
    one_standard_input([
        Some(arguments.file.as_path()),
        Some(arguments.resource_server.as_path()),
    ])?;
    let credentials = ResourceServerCredentials::read(&arguments.resource_server)?;
    let url = arguments.url.or(credentials.url.as_deref())?;
    let token = Presented::read(&arguments.file)?.token;
    let (id, secret) = (&credentials.resource_server_id, &credentials.secret);
    let request =
        introspection(id, secret, &token).map_err(|error| Failure::usage(with_causes(&error)))?;
    let response = call(&url, request).await?;
    let status = response.status().as_u16();
    let said: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    Ok(match said.get("active").and_then(Value::as_bool) {
        Some(true) if status == 200 => active(said, arguments.reveal),
        Some(false) if status == 200 => inactive(said),
        _ => refused(status, &said),
    })
}

fn active(mut said: Value, reveal: bool) -> Report {
    if let (false, Some(members)) = (reveal, said.as_object_mut()) {
        members.retain(|name, _| !matches!(name.as_str(), "sub" | "cnf"));
    }
    let mut page = Page::default();
    page.heading("The token is active");
    for (name, value) in said.as_object().into_iter().flatten() {
        let moment = match name.as_str() {
            "auth_time" | "iat" | "exp" => value.as_i64(),
            _ => None,
        };
        match moment {
            Some(seconds) => page.remark(format_args!("{name} {}", expiry(seconds * 1000))),
            None if name == "active" => {}
            None => page.remark(printable(&match value {
                Value::String(text) => format!("{name} {text}"),
                value => format!("{name} {value}"),
            })),
        }
    }
    if !reveal {
        page.remark("sub and cnf are not shown: --reveal shows them");
    }
    Report::done(page.text(), said)
}

/// The text without what could move the cursor.
fn printable(text: &str) -> String {
    text.chars().filter(|it| !it.is_control()).collect()
}

fn inactive(said: Value) -> Report {
    let mut page = Page::default();
    page.heading("The token is inactive");
    page.line(INACTIVE);
    Report {
        text: page.text(),
        json: said,
        exit: Exit::Faulty,
    }
}

fn refused(status: u16, said: &Value) -> Report {
    let error = said.get("error").and_then(Value::as_str);
    let mut page = Page::default();
    page.heading(format_args!(
        "No answer: HTTP {status} {}",
        quoted(error.unwrap_or_default())
    ));
    page.cross(meaning(error.unwrap_or_default()));
    Report {
        text: page.text(),
        json: json!({ "status": status, "error": error, "meaning": meaning(error.unwrap_or_default()) }),
        exit: Exit::Faulty,
    }
}

/// What `{"active":false}` may mean.
pub(super) const INACTIVE: &str = "It is no token of this service, it has expired, its session was invalidated or its \
    record is gone, or its partner is disabled: the service does not say which";

/// What an error means (RFC 6749 section 5.2), and what to do.
pub(super) fn meaning(error: &str) -> &'static str {
    match error {
        "invalid_client" => {
            "the id and the secret are no resource server's, or it is disabled: check the credentials; if they were just \
             issued, try again in a minute; else ask the operator"
        }
        "invalid_request" => {
            "the request is not a POST of a form with one token of at most 4 KiB, and each parameter once"
        }
        "temporarily_unavailable" => "the service is unavailable for now: try again later",
        "server_error" => {
            "something went wrong on the service's side: report it with the request id"
        }
        _ => "this is not the token service's answer: check the URL",
    }
}
