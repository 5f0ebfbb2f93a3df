//! Partners: who there is, onboarding, switching off and on, removal.

use std::path::{Path, PathBuf};

use clap::Args;
use peers::{
    credentials::{Credentials, Jwk as PayloadKey, key_bytes},
    partner::service_url,
};
use serde_json::{Value, json};

use super::{
    change::{Caution, Described, Draft, edit, onboard, prefix, state, would},
    documents::{Partner, Partners, Ring},
    fresh,
    moment::now,
    settings::Deployment,
};
use crate::{
    files,
    outcome::{Exit, Failure, Outcome, Report},
};

/// A new partner.
#[derive(Args)]
pub(crate) struct Add {
    /// The partner's id: 1-64 of A-Z a-z 0-9 . _ -
    id: String,
    /// The program_id of its tokens
    #[arg(long, value_name = "N")]
    program_id: u32,
    /// The lifetime of its tokens, if it has one of its own
    #[arg(long, value_name = "SECONDS")]
    token_ttl: Option<u32>,
    /// The lifetime of its sessions, if it has one of its own
    #[arg(long, value_name = "SECONDS")]
    session_ttl: Option<u32>,
    /// Where its service is, for the credentials file
    #[arg(long)]
    url: Option<String>,
    /// Where its credentials are written, once and nowhere else [default: ID-credentials.json]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    caution: Caution,
}

/// Onboards a partner.
pub(crate) async fn add(deployment: &Deployment, add: Add) -> Outcome {
    if let Some(url) = &add.url {
        service_url(Some(url)).map_err(Failure::usage)?;
    }
    let out = add
        .out
        .clone()
        .unwrap_or_else(|| format!("{}-credentials.json", add.id).into());
    let store = deployment.partners().await?;
    let mut draft = Draft::<Partners>::read_or(&store, || Ok(Partners::default())).await?;
    if draft.document.partner(&add.id).is_ok() {
        return Err(Failure::usage(format!(
            "there is a partner {} already; `tokenctl partner rotate` gives it new keys",
            add.id
        )));
    }
    let resumed = out.exists();
    let credentials = match resumed {
        true => begun(&out, &add)?,
        false => fresh_credentials(&add)?,
    };
    draft.document.partners.push(entry(&credentials, &add));
    let file = (!resumed).then(|| credentials.to_json());
    onboard(&draft, &store, &out, file, &add.caution).await?;
    let changes = draft.changes();
    let text = match add.caution.dry_run {
        true => would(&changes),
        false => format!(
            "{}\nThe credentials of {} are in {}, and nowhere else: the service keeps hashes of the API keys. \
             Send the file over a secure channel, then delete it. It works within SECRETS_MIN_REFRESH_SECONDS \
             (30 s by default).",
            changes.join("\n"),
            add.id,
            out.display()
        ),
    };
    let json = json!({ "partnerId": add.id, "credentials": out, "changes": changes, "dryRun": add.caution.dry_run });
    Ok(Report::done(text, json))
}

fn fresh_credentials(add: &Add) -> Result<Credentials, Failure> {
    let k = fresh::key()?;
    let k = key_bytes(&k).map_err(|why| Failure::new(Exit::Failed, format!("a new key {why}")))?;
    let kid = fresh::kid(&add.id, None, now())?;
    Ok(Credentials {
        partner_id: add.id.clone(),
        api_key: fresh::key()?.to_string(),
        sdk_api_key: fresh::key()?.to_string(),
        payload_keys: vec![PayloadKey { kid, k }],
        url: add.url.clone(),
    })
}

/// The credentials of an earlier try that ended between its file and the secret.
fn begun(out: &Path, add: &Add) -> Result<Credentials, Failure> {
    let at = out.display();
    let credentials = Credentials::parse(&files::read(out)?);
    match credentials {
        Ok(credentials) if credentials.partner_id == add.id => Ok(credentials),
        _ => Err(Failure::usage(format!(
            "{at} exists already and is not an unfinished `partner add {}`: name another file with --out",
            add.id
        ))),
    }
}

fn entry(credentials: &Credentials, add: &Add) -> Partner {
    let keys = credentials
        .payload_keys
        .iter()
        .map(|key| fresh::with_key(key.kid.clone(), key.encoded().into()));
    Partner {
        partner_id: add.id.clone(),
        program_id: add.program_id,
        api_keys: vec![fresh::sha256_hex(&credentials.api_key)],
        sdk_api_keys: vec![fresh::sha256_hex(&credentials.sdk_api_key)],
        payload_keys: Ring {
            keys: keys.collect(),
        },
        token_ttl_seconds: add.token_ttl,
        session_ttl_seconds: add.session_ttl,
        enabled: None,
    }
}

/// Who there is.
pub(crate) async fn list(deployment: &Deployment) -> Outcome {
    let store = deployment.partners().await?;
    let draft = Draft::<Partners>::read(&store).await?;
    let partners = &draft.document.partners;
    let lines: Vec<String> = partners
        .iter()
        .map(|partner| {
            let state = state(partner.enabled);
            let keys = (partner.api_keys.len(), partner.payload_keys.keys.len());
            format!(
                "{:24} {state:8} program {:<10} {} API keys, {} payload keys",
                partner.partner_id, partner.program_id, keys.0, keys.1
            )
        })
        .collect();
    let json: Vec<Value> = partners.iter().map(shown).collect();
    Ok(Report::done(lines.join("\n"), json!({ "partners": json })))
}

/// One partner, without its secrets.
pub(crate) async fn show(deployment: &Deployment, id: &str) -> Outcome {
    let store = deployment.partners().await?;
    let mut draft = Draft::<Partners>::read(&store).await?;
    let partner = draft.document.partner(id)?.clone();
    let only = Partners {
        partners: vec![partner.clone()],
        resource_servers: Vec::new(),
    };
    Ok(Report::done(only.lines().join("\n"), shown(&partner)))
}

fn shown(partner: &Partner) -> Value {
    let keys = partner.payload_keys.keys.iter().map(|key| {
        json!({ "kid": key.kid, "appendedAt": key.appended_at, "promotedAt": key.promoted_at, "demotedAt": key.demoted_at })
    });
    let prefixes = |hashes: &[String]| {
        hashes
            .iter()
            .map(|hash| prefix(hash).to_owned())
            .collect::<Vec<_>>()
    };
    json!({
        "partnerId": partner.partner_id,
        "programId": partner.program_id,
        "enabled": partner.enabled != Some(false),
        "tokenTtlSeconds": partner.token_ttl_seconds,
        "sessionTtlSeconds": partner.session_ttl_seconds,
        "apiKeySha256Prefixes": prefixes(&partner.api_keys),
        "sdkApiKeySha256Prefixes": prefixes(&partner.sdk_api_keys),
        "payloadKeys": keys.collect::<Vec<_>>(),
    })
}

/// Switches a partner on or off.
pub(crate) async fn switch(
    deployment: &Deployment,
    id: &str,
    on: bool,
    caution: &Caution,
) -> Outcome {
    let done = match on {
        true => format!(
            "{id} is served again once the instances have refreshed: within 5 min, unless you changed \
             SECRETS_TTL_SECONDS."
        ),
        false => format!(
            "{id} gets no more tokens once the instances have refreshed: within 5 min, or within a day where a \
             refresh fails, unless you changed SECRETS_TTL_SECONDS or SECRETS_MAX_STALE_SECONDS. Tokens that it \
             has stay valid until they expire."
        ),
    };
    edit(deployment, ("partnerId", id), caution, &done, |document| {
        document.partner(id)?.enabled = (!on).then_some(false);
        Ok(())
    })
    .await
}

/// Removes a partner with all of its keys.
pub(crate) async fn remove(deployment: &Deployment, id: &str, caution: &Caution) -> Outcome {
    caution.allow(&format!(
        "removing {id} loses its keys for good; `tokenctl partner disable` does not"
    ))?;
    edit(deployment, ("partnerId", id), caution, &format!("{id} is removed."), |document| {
        document.partner(id)?;
        document.partners.retain(|partner| partner.partner_id != id);
        match document.partners.is_empty() {
            true => Err(Failure::usage(format!("{id} is the only partner, and a document without any is refused: disable it instead"))),
            false => Ok(()),
        }
    })
    .await
}
