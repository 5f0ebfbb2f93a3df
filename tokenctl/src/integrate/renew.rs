//! `tokenctl renew`: a token replaced, as the SDK does.

use std::path::PathBuf;

use clap::Args;
use peers::{
    answer::Answer,
    error::with_causes,
    jwe, retry,
    sdk::{LEGACY_RENEW_PATH, RENEW_PATH, Renewal},
    verdict::Refusal,
};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{
    credentials::CredentialsFile,
    one_standard_input,
    page::{Page, quoted},
    presented::{Presented, read_session_key},
    request::{expiry, of_refusal},
    sdk,
    service::{ServiceUrl, call},
};
use crate::{
    files,
    outcome::{Exit, Failure, Outcome, Report},
};

/// Renew a token as the mobile SDK does, for tests without the app.
///
/// The session key seals the request: it is derived from the SDK's key pair and the answer's
/// serverPubKey, or given. To repeat the command is safe. The new token is not shown unless you ask
/// for it.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The current token, or the answer with it (request --out, renew --out); - or nothing for
    /// standard input
    #[arg(default_value = "-", hide_default_value = true)]
    file: PathBuf,
    /// The customer's account number, as in the Get Token
    #[arg(long, value_name = "NUMBER")]
    account_number: String,
    /// The SDK's private JWK (see sdk keygen)
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "session_key",
        conflicts_with = "session_key"
    )]
    sdk_key: Option<PathBuf>,
    /// The serverPubKey of the Get Token's answer, if FILE is a token alone
    #[arg(long, value_name = "KEY", requires = "sdk_key")]
    server_pub_key: Option<String>,
    /// The session key, as sdk derive prints it
    #[arg(long, value_name = "FILE")]
    session_key: Option<PathBuf>,
    #[command(flatten)]
    credentials: CredentialsFile,
    #[command(flatten)]
    url: ServiceUrl,
    /// Use the older path (without /v2), whose resCode is an integer
    #[arg(long)]
    legacy_path: bool,
    /// Show the token
    #[arg(long)]
    reveal: bool,
    /// Write the decrypted answer, with the session's serverPubKey, to a file for its owner only;
    /// it must not exist
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) async fn run(arguments: &Arguments) -> Outcome {
    one_standard_input([
        Some(arguments.file.as_path()),
        arguments.sdk_key.as_deref(),
        arguments.session_key.as_deref(),
        arguments.credentials.path(),
    ])?;
    let credentials = arguments.credentials.read()?;
    let url = arguments.url.or(credentials.url.as_deref())?;
    if let Some(out) = &arguments.out {
        files::check_free(out)?;
    }
    let presented = Presented::read(&arguments.file)?;
    let server_pub_key = arguments
        .server_pub_key
        .as_deref()
        .or(presented.server_pub_key.as_deref());
    let session_key = session_key(arguments, server_pub_key)?;
    let renewal = Renewal {
        sdk_api_key: &credentials.sdk_api_key,
        account_number: &arguments.account_number,
        token: &presented.token,
        session_key: &session_key,
    };
    let path = match arguments.legacy_path {
        true => LEGACY_RENEW_PATH,
        false => RENEW_PATH,
    };
    let request = renewal
        .request(path)
        .map_err(|error| Failure::usage(with_causes(&error)))?;
    let response = call(&url, request).await?;
    let status = response.status();
    let answer = Answer::read_with(response, |body| jwe::open(body, &session_key));
    let answer = answer.map_err(|error| {
        let why = with_causes(&error);
        Failure::new(
            Exit::Faulty,
            format!("HTTP {status}: {why}. Use nothing of it: check the URL and the session key"),
        )
    })?;
    let refusal = Refusal {
        status: Some(status.as_u16()),
        authenticated: answer.sealed.is_some(),
        retry_after: retry::asked_pause(answer.header("retry-after")),
        request_id: answer.header("x-request-id").map(str::to_owned),
        ..Refusal::of_body(&answer.members)
    };
    if refusal.code != "TOK200" || !refusal.authenticated {
        return Ok(of_refusal(
            &refusal,
            answer.text("referenceId"),
            "the session key",
        ));
    }
    renewed(&answer, server_pub_key, arguments)
}

fn session_key(
    arguments: &Arguments,
    server_pub_key: Option<&str>,
) -> Result<Zeroizing<[u8; 32]>, Failure> {
    if let Some(path) = &arguments.session_key {
        return read_session_key(path);
    }
    let path = arguments
        .sdk_key
        .as_deref()
        .ok_or_else(|| Failure::usage("give --sdk-key or --session-key"))?;
    let server_pub_key = server_pub_key.ok_or_else(|| {
        Failure::usage("the token stands alone: give --server-pub-key, of the Get Token's answer")
    })?;
    let derived = sdk::read_pair(path)?.session_key(server_pub_key.trim());
    derived
        .map(Zeroizing::new)
        .map_err(|error| Failure::usage(format!("serverPubKey: {}", sdk::in_words(&error))))
}

fn renewed(answer: &Answer, server_pub_key: Option<&str>, arguments: &Arguments) -> Outcome {
    let expire_at = answer.members.get("expireAt").and_then(Value::as_i64);
    let (Some(reference), Some(token), Some(expire_at)) =
        (answer.text("referenceId"), answer.text("token"), expire_at)
    else {
        return Err(Failure::new(
            Exit::Faulty,
            "the answer says success and lacks referenceId, token or expireAt: use nothing of it",
        ));
    };
    let mut page = Page::default();
    page.heading(format_args!(
        "A renewed token for referenceId {}",
        quoted(reference)
    ));
    page.tick("authenticated: the session key opens the answer");
    page.remark(match answer.is_replayed() {
        true => "replayed: an earlier renewal of this token made it",
        false => "not replayed: it was made just now",
    });
    page.remark(format_args!("expires {}", expiry(expire_at)));
    let request_id = answer.header("x-request-id");
    if let Some(id) = request_id {
        page.remark(format_args!("request id {}", quoted(id)));
    }
    let mut report = json!({
        "outcome": "token",
        "status": 200,
        "code": "TOK200",
        "authenticated": true,
        "referenceId": reference,
        "replayed": answer.is_replayed(),
        "expireAt": expire_at,
        "requestId": request_id,
    });
    if arguments.reveal {
        page.line(format_args!("token {token}"));
        insert(&mut report, "token", token);
    } else if arguments.out.is_none() {
        page.remark("the token is not shown: --reveal shows it, --out writes the answer to a file");
    }
    if let Some(out) = &arguments.out {
        let mut file = answer.members.clone();
        if let Some(key) = server_pub_key {
            insert(&mut file, "serverPubKey", key);
        }
        files::create(out, &format!("{file}\n"))?;
        page.tick(format_args!("the answer is in {}", out.display()));
        insert(&mut report, "out", &out.display().to_string());
    }
    Ok(Report::done(page.text(), report))
}

fn insert(to: &mut Value, name: &str, text: &str) {
    if let Some(members) = to.as_object_mut() {
        members.insert(name.to_owned(), text.into());
    }
}
