//! `sandbox local`: the stack kept running, with what somebody needs to call it.

use std::{
    env, fs, io,
    path::{self, Path, PathBuf},
};

use peers::{
    partner::{TOKEN_PATH, seal},
    sdk::KeyError,
};
use sandbox::{
    Options, Sandbox,
    development::{self, DevelopmentError},
    events,
};
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
    #[error("{0} cannot be written")]
    EnvFile(PathBuf, #[source] io::Error),
}

/// The partner's and the resource server's files, wherever the program is called from.
const SECRETS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../events/secrets");

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
    let options = Options {
        port,
        data_dir,
        empty_secrets,
        web_page: true,
        ..Options::default()
    };
    with_stack(options, async |sandbox| {
        introduce(sandbox, empty_secrets, env_file.as_deref())?;
        let mut page = Page::new();
        page.remark(&format!(
            "Tokens and secrets are {kept}. The function's log follows."
        ));
        std::future::pending().await
    })
    .await
}

fn introduce(
    sandbox: &Sandbox,
    empty_secrets: bool,
    env_file: Option<&Path>,
) -> Result<(), CannotServe> {
    let mut page = Page::new();
    page.line(format!(
        "The token service is at {} until Ctrl-C.",
        sandbox.url()
    ));
    page.line(format!(
        "In a browser, with every step shown: {}/sandbox/",
        sandbox.url()
    ));
    if !empty_secrets {
        introduce_partner(&mut page)?;
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
    introduce_operator(&mut page, sandbox, empty_secrets, env_file)
}

fn introduce_operator(
    page: &mut Page,
    sandbox: &Sandbox,
    empty_secrets: bool,
    env_file: Option<&Path>,
) -> Result<(), CannotServe> {
    page.heading("tokenctl, as an operator and as a partner: paste this into another shell");
    let variables = variables(sandbox, empty_secrets);
    page.blank();
    match env_file {
        Some(file) => {
            let unwritten = |error| CannotServe::EnvFile(file.to_owned(), error);
            fs::write(file, variables).map_err(unwritten)?;
            let file = path::absolute(file).map_err(unwritten)?;
            page.line(format!("source {}", quoted(&file.display().to_string())));
        }
        None => page.line(variables.trim_end()),
    }
    page.line("tokenctl status");
    if empty_secrets {
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
fn variables(sandbox: &Sandbox, empty_secrets: bool) -> String {
    let programs = beside_this_program("");
    let path = format!("export PATH={}:\"$PATH\"\n", quoted(&programs));
    let mut variables = Vec::from(sandbox.operator_environment());
    variables.push(("TOKENCTL_URL", sandbox.url().to_owned()));
    if !empty_secrets {
        let partner = format!("{SECRETS}/partner.json");
        let server = format!("{SECRETS}/resource-server.json");
        variables.push(("TOKENCTL_CREDENTIALS", partner));
        variables.push(("TOKENCTL_RESOURCE_SERVER", server));
    }
    let variables = variables
        .into_iter()
        .map(|(name, value)| format!("export {name}={}\n", quoted(&value)));
    std::iter::once(path).chain(variables).collect()
}

fn introduce_partner(page: &mut Page) -> Result<(), CannotServe> {
    let acme = development::acme()?;
    page.heading("A partner's credentials: for development, and public");
    page.text(&format!("partner      {}", acme.partner_id));
    page.text(&format!("X-API-KEY    {}", acme.api_key));
    page.text(&format!("sdkApiKey    {}", acme.sdk_api_key));
    for key in &acme.payload_keys {
        page.text(&format!("payload key  {} {}", key.kid, key.encoded()));
    }
    page.remark("The same as a file: events/secrets/partner.json");
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
    let sandbox = quoted(&beside_this_program("sandbox"));
    page.line(format!("\n | {sandbox} open"));
    Ok(())
}

/// The path of a program that is built with this one, or of the folder of both.
fn beside_this_program(name: &str) -> String {
    let program = env::current_exe().unwrap_or_default();
    let folder = program.parent().unwrap_or(Path::new("/"));
    let path = match name {
        "" => folder.to_owned(),
        name => folder.join(name),
    };
    path.display().to_string()
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let plain = |sign: char| sign.is_ascii_alphanumeric() || "/._-:".contains(sign);
    match word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}
