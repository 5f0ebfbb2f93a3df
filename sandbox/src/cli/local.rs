//! `sandbox local`: the stack kept running, with what somebody needs to call it.

use std::{env, io, path::PathBuf};

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
}

/// Serves until the program is told to stop.
pub(crate) async fn serve(
    port: Option<u16>,
    data_dir: Option<PathBuf>,
) -> Result<End, CannotServe> {
    let kept = match &data_dir {
        Some(folder) => format!("kept in {}", folder.display()),
        None => "in memory, gone when this ends; --data-dir keeps them".to_owned(),
    };
    let options = Options {
        port,
        data_dir,
        web_page: true,
        ..Options::default()
    };
    with_stack(options, async |sandbox| {
        introduce(sandbox, &kept)?;
        std::future::pending().await
    })
    .await
}

fn introduce(sandbox: &Sandbox, kept: &str) -> Result<(), CannotServe> {
    let mut page = Page::new();
    page.line(format!(
        "The token service is at {} until Ctrl-C.",
        sandbox.url()
    ));
    page.line(format!(
        "In a browser, with every step shown: {}/sandbox/",
        sandbox.url()
    ));
    introduce_partner(&mut page)?;
    introduce_request(&mut page, sandbox)?;

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
    introduce_operator(&mut page, sandbox);
    page.remark(&format!(
        "Tokens and secrets are {kept}. The function's log follows."
    ));
    Ok(())
}

fn introduce_operator(page: &mut Page, sandbox: &Sandbox) {
    page.remark(&format!(
        "For {}, as an operator and as a partner, paste this into another shell:",
        beside_this_program("tokenctl")
    ));
    page.line("");
    let partner = [
        ("TOKENCTL_URL", sandbox.url().to_owned()),
        (
            "TOKENCTL_CREDENTIALS",
            "events/secrets/partner.json".to_owned(),
        ),
    ];
    for (name, value) in sandbox.operator_environment().into_iter().chain(partner) {
        page.line(format!("export {name}={value}"));
    }
    page.line("");
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
    page.line(format!("\n | {} open", beside_this_program("sandbox")));
    Ok(())
}

/// How a program that is built with this one, or this one, can be called from here.
fn beside_this_program(name: &str) -> String {
    let program = env::current_exe().unwrap_or_default().with_file_name(name);
    let from_here = env::current_dir().ok();
    let from_here = from_here.and_then(|here| Some(program.strip_prefix(here).ok()?.to_owned()));
    let path = from_here.unwrap_or(program).display().to_string();
    if path.contains(' ') {
        format!("'{path}'")
    } else {
        path
    }
}
