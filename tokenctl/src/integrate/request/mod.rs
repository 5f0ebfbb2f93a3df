//! `tokenctl request`: a token asked for as a partner's server asks, and what came back explained.

mod call;
mod report;

pub(super) use report::{expiry, of_refusal};

use std::path::PathBuf;

use clap::Args;
use peers::{
    credentials::Credentials,
    jwe,
    partner::{LEGACY_TOKEN_PATH, TOKEN_PATH},
    retry,
    sdk::KeyPair,
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    credentials::CredentialsFile,
    draft::MemberFlags,
    encrypt::{check, check_size},
    members::Members,
    misspelling, one_standard_input, sdk,
    service::ServiceUrl,
};
use crate::{
    files,
    notes::Notes,
    outcome::{Failure, Outcome},
};
use call::{Call, Ending};
use report::Asked;

/// Ask for a token: make the request, send it, open the answer and say what it means.
///
/// The members come from flags, from a file, or from both. sdkApiKey is added from the credentials,
/// a random referenceId and a fresh SDK key pair where there is none. They are checked by the
/// service's own rules before anything is sent. It tries again by itself where that can help, under
/// the same referenceId. The token and the session key are not shown unless you ask for them.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    credentials: CredentialsFile,
    #[command(flatten)]
    url: ServiceUrl,
    /// The member sdkPublicKey, as the app sent it
    #[arg(
        long,
        value_name = "KEY",
        conflicts_with = "sdk_key",
        help_heading = "The SDK"
    )]
    sdk_public_key: Option<String>,
    /// A private JWK (see sdk keygen): its public half is sent, and the session key is derived
    #[arg(long, value_name = "FILE", help_heading = "The SDK")]
    sdk_key: Option<PathBuf>,
    /// Use the older path (without /v2), whose resCode is an integer
    #[arg(long)]
    legacy_path: bool,
    /// Leave the payload key's name out of the header: the service then tries each of yours
    #[arg(long)]
    no_kid: bool,
    /// How often to try, the first time included
    #[arg(long, default_value_t = retry::ATTEMPTS, value_parser = clap::value_parser!(u32).range(1..=20))]
    attempts: u32,
    /// Send what is there, right or wrong, to try the service's errors
    #[arg(long)]
    unchecked: bool,
    /// Show the token and the session key
    #[arg(long)]
    reveal: bool,
    /// Write the whole decrypted answer to a file for its owner only; it must not exist
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    // Last, as its help's heading is that of whatever follows.
    #[command(flatten)]
    members: MemberFlags,
}

pub(crate) async fn run(arguments: Arguments, notes: Notes) -> Outcome {
    let files = [
        arguments.credentials.path(),
        arguments.members.path(),
        arguments.sdk_key.as_deref(),
    ];
    one_standard_input(files)?;
    let credentials = arguments.credentials.read()?;
    let url = arguments.url.or(credentials.url.as_deref())?;
    // Before anything is sent: a token that cannot be kept should not be asked for.
    if let Some(out) = &arguments.out {
        files::check_free(out)?;
    }

    let mut members = arguments.members.members()?;
    let pair = choose_sdk_key(&arguments, &mut members)?;
    let added = complete(&mut members, &credentials, pair.as_ref());
    let plaintext = members.to_string();
    if !arguments.unchecked {
        check(plaintext.as_bytes())?;
    }

    let asked = Asked {
        reference_id: members.text("referenceId").unwrap_or_default(),
        pair: pair.map(|chosen| chosen.pair),
        reveal: arguments.reveal,
        out: arguments.out,
    };
    let seal = || seal(&credentials, &plaintext, arguments.no_kid);
    if !arguments.unchecked {
        check_size(&seal()?)?;
    }
    // Said before anything is sent, as afterwards there may be nobody to say it.
    for note in added.into_iter().chain(misspelling::warnings(&members)) {
        notes.say(&note);
    }
    let call = Call {
        credentials: &credentials,
        url: &url,
        path: if arguments.legacy_path {
            LEGACY_TOKEN_PATH
        } else {
            TOKEN_PATH
        },
        reference_id: &asked.reference_id,
        attempts: arguments.attempts,
    };
    match call.send(seal, notes).await? {
        Ending::Answered(verdict, tries) => report::of(verdict, tries, &asked),
        Ending::Unanswered(why, tries) => Err(report::unanswered(&why, tries, &asked.reference_id)),
    }
}

struct SdkKey {
    pair: KeyPair,
    /// Made for this call, so that nobody else has its public half.
    fresh: bool,
}

/// The SDK's key pair, unless only its public half is known, which is then in the members.
fn choose_sdk_key(arguments: &Arguments, members: &mut Members) -> Result<Option<SdkKey>, Failure> {
    if let Some(public) = &arguments.sdk_public_key {
        members.set("sdkPublicKey", &Value::from(public.as_str()));
        return Ok(None);
    }
    let chosen = match &arguments.sdk_key {
        Some(path) => SdkKey {
            pair: sdk::read_pair(path)?,
            fresh: false,
        },
        None if members.present("sdkPublicKey").is_some() => return Ok(None),
        None => SdkKey {
            pair: KeyPair::generate(),
            fresh: true,
        },
    };
    members.set("sdkPublicKey", &Value::from(chosen.pair.public_key()));
    Ok(Some(chosen))
}

/// Adds what is not there, and gives what a repeat of this call needs, in words.
fn complete(
    members: &mut Members,
    credentials: &Credentials,
    pair: Option<&SdkKey>,
) -> Vec<String> {
    let mut notes = Vec::new();
    let mut repeat = Vec::new();
    if members.present("referenceId").is_none() {
        let id = Uuid::new_v4().to_string();
        members.set("referenceId", &Value::from(id.as_str()));
        notes.push(format!("referenceId {id}"));
        repeat.push(format!("--reference-id {id}"));
    }
    if let Some(chosen) = pair.filter(|chosen| chosen.fresh) {
        repeat.push(format!("--sdk-public-key {}", chosen.pair.public_key()));
    }
    if !repeat.is_empty() {
        // Another key is another request: under the same referenceId it would be refused as reused.
        notes.push(format!(
            "to repeat this very request, add {}",
            repeat.join(" ")
        ));
    }
    if members.present("sdkApiKey").is_none() {
        members.set("sdkApiKey", &Value::from(credentials.sdk_api_key.as_str()));
    }
    notes
}

fn seal(credentials: &Credentials, plaintext: &str, no_kid: bool) -> Result<String, Failure> {
    let key = credentials
        .payload_keys
        .first()
        .ok_or_else(|| Failure::usage("the credentials have no payload key"))?;
    let kid = (!no_kid).then_some(key.kid.as_str());
    Ok(jwe::seal(plaintext.as_bytes(), &key.k, kid))
}
