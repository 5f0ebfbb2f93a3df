//! `tokenctl sdk`: what the mobile SDK does, for tests without the app.

use std::path::{Path, PathBuf};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use clap::Subcommand;
use peers::sdk::{KeyError, KeyPair};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::{
    files,
    outcome::{Exit, Failure, Outcome, Report},
};

/// What an SDK does.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a key pair: its sdkPublicKey on standard output, the private JWK into a file
    ///
    /// A real SDK makes a pair for each token, and its private half never leaves the device.
    Keygen {
        /// Where to write the private JWK, for its owner only; it must not exist
        #[arg(long, value_name = "FILE", required_unless_present = "reveal")]
        out: Option<PathBuf>,
        /// Print the private JWK too, on a line before the sdkPublicKey
        #[arg(long)]
        reveal: bool,
    },
    /// Print the session key (base64url) that belongs to an answer's serverPubKey
    Derive {
        /// The private JWK of the pair whose sdkPublicKey was in the request; - for standard input
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// The answer's serverPubKey
        server_pub_key: String,
    },
}

pub(crate) fn run(command: &Command) -> Outcome {
    match command {
        Command::Keygen { out, reveal } => keygen(out.as_deref(), *reveal),
        Command::Derive {
            key,
            server_pub_key,
        } => derive(key, server_pub_key),
    }
}

fn keygen(out: Option<&Path>, reveal: bool) -> Outcome {
    if let Some(path) = out {
        files::check_free(path)?;
    }
    let pair = KeyPair::generate();
    let (public, private) = (pair.public_key(), pair.private_jwk());
    let mut report = json!({ "sdkPublicKey": public });
    let mut text = public;
    if let Some(path) = out {
        files::create(path, &format!("{}\n", private.as_str()))?;
        insert(&mut report, "out", path.display().to_string().into());
    }
    if reveal {
        let jwk = serde_json::from_str(&private).unwrap_or_default();
        insert(&mut report, "privateJwk", jwk);
        text = format!("{}\n{text}", private.as_str());
    }
    Ok(Report::done(text, report))
}

fn insert(report: &mut Value, name: &str, value: Value) {
    if let Some(members) = report.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

fn derive(key: &Path, server_pub_key: &str) -> Outcome {
    let pair = read_pair(key)?;
    let session_key = pair
        .session_key(server_pub_key.trim())
        .map_err(|error| Failure::usage(format!("serverPubKey: {}", in_words(&error))))?;
    let session_key = BASE64_URL_SAFE_NO_PAD.encode(session_key);
    let report = json!({ "sessionKey": session_key });
    Ok(Report::done(session_key, report))
}

/// Reads a private JWK.
pub(crate) fn read_pair(path: &Path) -> Result<KeyPair, Failure> {
    let fault = |words: &str| Failure::usage(format!("{}: {words}", path.display()));
    let bytes = files::read(path)?;
    let Ok(text) = std::str::from_utf8(&bytes) else {
        return Err(fault("the key is not UTF-8"));
    };
    let text = Zeroizing::new(text.trim_start_matches('\u{feff}').to_owned());
    if text.trim_start().starts_with("-----BEGIN") {
        return Err(fault(
            "the key is PEM, and must be a private JWK: tokenctl sdk keygen makes one",
        ));
    }
    KeyPair::from_jwk(&text).map_err(|error| fault(&in_words(&error)))
}

/// A fault of a key. Of its JSON only the place is said: the JSON library would quote what it
/// found.
pub(crate) fn in_words(error: &KeyError) -> String {
    match error {
        KeyError::Jwk(json) if json.is_data() => format!("{error}, each a string and there once"),
        KeyError::Jwk(json) => format!(
            "{error}: it is not JSON at line {}, column {}",
            json.line(),
            json.column()
        ),
        other => other.to_string(),
    }
}

/// Whether an SDK could use a `serverPubKey`: a pair of nobody's agrees with it.
pub(crate) fn check_server_pub_key(server_pub_key: &str) -> Result<(), Failure> {
    match KeyPair::generate().session_key(server_pub_key) {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::new(Exit::Faulty, in_words(&error))),
    }
}
