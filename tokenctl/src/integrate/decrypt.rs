//! `tokenctl decrypt`: a request or an answer opened with a payload key.

use std::path::PathBuf;

use clap::Args;
use peers::{
    credentials::Credentials,
    jwe::{self, OpenError, Opened},
};
use serde_json::json;

use super::{credentials::CredentialsFile, one_standard_input};
use crate::{
    files,
    outcome::{Exit, Failure, Outcome, Report},
};

/// Decrypt a request or an answer.
///
/// It opens with the payload key that it names, or with whichever of the credentials opens it. What
/// is inside is shown as it is: an answer's token, a request's customer. To see what is wrong with
/// one that does not open: tokenctl explain.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The JWE, with or without double quotes around it; - or nothing for standard input
    #[arg(default_value = "-", hide_default_value = true)]
    file: PathBuf,
    #[command(flatten)]
    credentials: CredentialsFile,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    one_standard_input([Some(arguments.file.as_path()), arguments.credentials.path()])?;
    let credentials = arguments.credentials.read()?;
    let bytes = files::read(&arguments.file)?;
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim();
    let unquoted = text.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
    let jwe = unquoted.unwrap_or(text);
    let opened = credentials
        .open(jwe)
        .map_err(|error| refused(jwe, &error))?;
    let Ok(plaintext) = std::str::from_utf8(&opened.plaintext) else {
        return Err(Failure::new(
            Exit::Faulty,
            "it opens, but what is inside is not UTF-8: tokenctl explain says where",
        ));
    };
    let report = json!({
        "key": key_of(jwe, &opened, &credentials),
        "header": opened.header,
        "plaintext": plaintext,
    });
    Ok(Report::done(plaintext, report))
}

/// The name of the key that opened it, whether or not the header says so.
fn key_of(jwe: &str, opened: &Opened, credentials: &Credentials) -> Option<String> {
    if let Some(kid) = opened.header.get("kid") {
        return kid.as_str().map(str::to_owned);
    }
    let mut keys = credentials.payload_keys.iter();
    let key = keys.find(|key| jwe::open(jwe, &key.k).is_ok())?;
    Some(key.kid.clone())
}

fn refused(jwe: &str, error: &OpenError) -> Failure {
    let is_token = jwe::header(jwe).is_ok_and(|header| header.get("typ") == Some(&"JWT".into()));
    if is_token {
        return Failure::new(
            Exit::Faulty,
            "it is a token: only a resource server with the token ring opens it",
        );
    }
    Failure::new(
        Exit::Faulty,
        format!("it cannot be decrypted: {error}. tokenctl explain looks further"),
    )
}
