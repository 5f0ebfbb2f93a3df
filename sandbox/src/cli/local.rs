//! `token-sandbox local`: the stack kept running, with what somebody needs to call it.

use std::{
    env, fs, io,
    path::{self, Path, PathBuf},
};

use peers::{jwe::seal, partner::TOKEN_PATH, sdk::KeyError};
use sandbox::{
    Options, Sandbox,
    development::{self, DevelopmentError},
    events,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    page::Page,
    stack::{End, with_stack},
};

#[derive(Debug, thiserror::Error)]
pub(crate) enum CannotServe {
    #[error(transparent)]
    Start(#[from] sandbox::Error),
    #[error("signals cannot be listened for")]
    Signals(#[from] io::Error),
    #[error(transparent)]
    Credentials(#[from] DevelopmentError),
    #[error("acme has no payload key in events/secrets/partner.json")]
    NoPayloadKey,
    #[error("events/secrets/sdk-key.json is not usable")]
    SdkKey(#[from] KeyError),
    #[error("the sample request cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    #[error("{} cannot be written", .0.display())]
    File(PathBuf, #[source] io::Error),
}

/// Serves until the program is told to stop.
pub(crate) async fn serve(
    port: Option<u16>,
    data_dir: Option<PathBuf>,
    empty_secrets: bool,
    env_file: Option<PathBuf>,
) -> Result<End, CannotServe> {
    let kept = match &data_dir {
        Some(folder) => format!("kept in {}", folder.display()),
        None => "in memory, gone when this ends; --data-dir keeps them".to_owned(),
    };
    // Goes with this program, as what is in memory does.
    let temporary = tempfile::Builder::new()
        .prefix("token-sandbox-")
        .tempdir()
        .map_err(|error| CannotServe::File(env::temp_dir(), error))?;
    let folder = data_dir.clone().unwrap_or(temporary.path().to_owned());
    let options = Options {
        port,
        data_dir,
        empty_secrets,
        web_page: true,
        ..Options::default()
    };
    with_stack(options, async |sandbox| {
        let files = match empty_secrets {
            true => None,
            false => Some(Files::write(&folder, sandbox.url())?),
        };
        let env_file = env_file.unwrap_or(folder.join("sandbox.env"));
        let env_file = written(env_file, &variables(sandbox, files.as_ref()))?;
        introduce(sandbox, files.as_ref(), &env_file)?;
        let mut page = Page::new();
        page.remark(&format!(
            "Tokens and secrets are {kept}. The function's log follows."
        ));
        std::future::pending().await
    })
    .await
}

/// The files that clients and tokenctl read, by absolute paths: an installed sandbox has no
/// repository beside it.
struct Files {
    credentials: PathBuf,
    resource_server: PathBuf,
}

impl Files {
    fn write(folder: &Path, url: &str) -> Result<Self, CannotServe> {
        let mut acme = development::acme()?;
        acme.url = Some(url.to_owned());
        let wallet = development::wallet()?;
        let wallet = json!({
            "resourceServerId": wallet.resource_server_id,
            "secret": wallet.secret,
            "url": url,
        });
        let write = |name: &str, contents: Value| written(folder.join(name), &contents.to_string());
        Ok(Self {
            credentials: write("credentials.json", acme.to_json())?,
            resource_server: write("resource-server.json", wallet)?,
        })
    }
}

/// Writes a file, and tells its absolute path.
fn written(path: PathBuf, contents: &str) -> Result<PathBuf, CannotServe> {
    path::absolute(&path)
        .and_then(|absolute| fs::write(&absolute, contents).map(|()| absolute))
        .map_err(|error| CannotServe::File(path, error))
}

fn introduce(sandbox: &Sandbox, files: Option<&Files>, env_file: &Path) -> Result<(), CannotServe> {
    let mut page = Page::new();
    page.line(format!(
        "The token service is at {} until Ctrl-C.",
        sandbox.url()
    ));
    page.line(format!(
        "In a browser, with every step shown: {}/sandbox/",
        sandbox.url()
    ));
    if let Some(files) = files {
        introduce_partner(&mut page, files)?;
        introduce_request(&mut page, sandbox)?;
    }

    page.heading("What it stands on");
    page.text(&format!(
        "DynamoDB        {}, table {}",
        sandbox.dynamodb_url(),
        sandbox.table()
    ));
    page.text(&format!(
        "Secrets Manager {}",
        sandbox.secrets_manager_url()
    ));

    page.heading("tokenctl, as an operator and as a partner: paste this into another shell");
    page.blank();
    page.line(format!("source {}", quoted(env_file)));
    page.line("tokenctl status");
    if files.is_none() {
        page.line("tokenctl keys init");
        page.line("tokenctl partner add acme --program-id 2001");
        page.line(
            "tokenctl request --credentials acme-credentials.json --account-number 123123123",
        );
    }
    page.blank();
    Ok(())
}

/// A line for a shell each.
fn variables(sandbox: &Sandbox, files: Option<&Files>) -> String {
    let program = env::current_exe().unwrap_or_default();
    let programs = program.parent().unwrap_or(Path::new("/"));
    let mut lines = format!("export PATH={}:\"$PATH\"\n", quoted(programs));
    let mut export = |name: &str, value: &Path| {
        lines.push_str(&format!("export {name}={}\n", quoted(value)));
    };
    for (name, value) in sandbox.operator_environment() {
        export(name, Path::new(&value));
    }
    export("TOKENCTL_URL", Path::new(sandbox.url()));
    if let Some(files) = files {
        export("TOKENCTL_CREDENTIALS", &files.credentials);
        export("TOKENCTL_RESOURCE_SERVER", &files.resource_server);
    }
    lines
}

fn introduce_partner(page: &mut Page, files: &Files) -> Result<(), CannotServe> {
    let acme = development::acme()?;
    page.heading("A partner's credentials: for development, and public");
    page.text(&format!("partner      {}", acme.partner_id));
    page.text(&format!("X-API-KEY    {}", acme.api_key));
    page.text(&format!("sdkApiKey    {}", acme.sdk_api_key));
    for key in &acme.payload_keys {
        page.text(&format!("payload key  {} {}", key.kid, key.encoded()));
    }
    page.remark(&format!(
        "The same as a file: {}",
        quoted(&files.credentials)
    ));
    Ok(())
}

fn introduce_request(page: &mut Page, sandbox: &Sandbox) -> Result<(), CannotServe> {
    let acme = development::acme()?;
    let key = acme.payload_keys.first().ok_or(CannotServe::NoPayloadKey)?;
    let sdk_key = development::sdk_key_pair()?.public_key();
    let request = events::sample_request(Uuid::new_v4(), &acme, &sdk_key)?;
    let body = seal(request.as_bytes(), &key.k, Some(&key.kid));

    page.heading(
        "A request for a token, to paste: pasted again it is answered with the same token",
    );
    // At the margin and in one line, so that it can be selected as a whole.
    page.line(format!(
        "\ncurl -sS {}{TOKEN_PATH} -H 'X-API-KEY: {}' -H 'Content-Type: text/plain' --data-raw '{body}'\n",
        sandbox.url(),
        acme.api_key,
    ));
    page.remark("To read the answer, which is sealed, paste this behind it:");
    // It has another name where it is installed.
    let this_program = env::current_exe().unwrap_or_default();
    page.line(format!("\n | {} open", quoted(&this_program)));
    Ok(())
}

/// A word for a shell.
fn quoted(word: &Path) -> String {
    let word = word.display().to_string();
    let plain = |sign: char| sign.is_ascii_alphanumeric() || "/._-:".contains(sign);
    match word.chars().all(plain) {
        true => word,
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}
