//! `tokenctl encrypt`: a request's JSON into the body of a call.

use std::path::PathBuf;

use clap::Args;
use peers::{
    credentials::{Credentials, Jwk},
    jwe,
};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{
    credentials::CredentialsFile, members::Members, misspelling, one_standard_input, rules,
};
use crate::{
    files,
    notes::Notes,
    outcome::{Failure, Outcome, Report},
};

/// Encrypt a request's JSON into the body of a call.
///
/// The JSON is checked by the service's own rules first, and every fault is named. sdkApiKey is
/// added from the credentials if it is not there. Each call seals under a fresh IV, so the same
/// JSON gives another body each time.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The request's JSON; - or nothing for standard input
    #[arg(default_value = "-", hide_default_value = true)]
    file: PathBuf,
    #[command(flatten)]
    credentials: CredentialsFile,
    /// Seal with this payload key of the credentials, and not with the first
    #[arg(long, value_name = "NAME")]
    kid: Option<String>,
    /// Leave the key's name out: the service then tries each of your keys
    #[arg(long)]
    no_kid: bool,
    /// Seal what is there, right or wrong, to try the service's errors
    #[arg(long)]
    unchecked: bool,
}

pub(crate) fn run(arguments: &Arguments, notes: Notes) -> Outcome {
    one_standard_input([Some(arguments.file.as_path()), arguments.credentials.path()])?;
    let credentials = arguments.credentials.read()?;
    let key = choose(&credentials, arguments.kid.as_deref())?;
    let mut plaintext = files::read(&arguments.file)?;
    let added = match with_sdk_api_key(&plaintext, &credentials) {
        Some(with) => {
            plaintext = with;
            notes.say("sdkApiKey was added from the credentials");
            vec!["sdkApiKey"]
        }
        None => Vec::new(),
    };
    if !arguments.unchecked {
        check(&plaintext)?;
    }
    let text = std::str::from_utf8(&plaintext).unwrap_or_default();
    for warning in misspelling::warnings(&Members::parse(text).unwrap_or_default()) {
        notes.say(&warning);
    }
    let kid = (!arguments.no_kid).then_some(key.kid.as_str());
    let jwe = jwe::seal(&plaintext, &key.k, kid);
    if !arguments.unchecked {
        check_size(&jwe)?;
    }
    let report = json!({ "jwe": jwe, "key": key.kid, "kid": kid, "added": added });
    Ok(Report::done(jwe, report))
}

fn choose<'c>(credentials: &'c Credentials, kid: Option<&str>) -> Result<&'c Jwk, Failure> {
    let keys = &credentials.payload_keys;
    let chosen = match kid {
        Some(kid) => credentials.payload_key(kid),
        None => keys.first(),
    };
    chosen.ok_or_else(|| {
        let names: Vec<&str> = keys.iter().map(|key| key.kid.as_str()).collect();
        Failure::usage(format!(
            "the credentials have no payload key of this name: --kid is one of {}",
            names.join(", ")
        ))
    })
}

/// The plaintext with the partner's `sdkApiKey`, if it is an object that has none: text that is
/// complete stays as it is, byte for byte.
fn with_sdk_api_key(plaintext: &[u8], credentials: &Credentials) -> Option<Zeroizing<Vec<u8>>> {
    let text = std::str::from_utf8(plaintext).ok()?;
    let mut members = Members::parse(text).ok()?;
    if members.present("sdkApiKey").is_some() {
        return None;
    }
    // A null and another null is a repeated member all the same: let the check find it.
    if members
        .iter()
        .filter(|(name, _)| *name == "sdkApiKey")
        .count()
        > 1
    {
        return None;
    }
    members.set("sdkApiKey", &Value::from(credentials.sdk_api_key.as_str()));
    Some(Zeroizing::new(members.to_string().into_bytes()))
}

/// Refuses what the service would refuse, with every fault.
pub(crate) fn check(plaintext: &[u8]) -> Result<(), Failure> {
    let Err(fault) = rules::check(plaintext) else {
        return Ok(());
    };
    let faults = rules::in_words(&fault, plaintext);
    Err(Failure::usage(format!(
        "the service would refuse this request, and nothing was done (--unchecked does it all the same):\n  {}",
        faults.join("\n  ")
    )))
}

/// Refuses a body that is too large.
pub(crate) fn check_size(body: &str) -> Result<(), Failure> {
    if body.len() <= rules::MAX_BODY {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "the body would have {} bytes, and the service takes at most {}: leave out members that it ignores",
        body.len(),
        rules::MAX_BODY
    )))
}
