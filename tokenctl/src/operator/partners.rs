//! Partners: who there is, onboarding, switching off and on, removal.

use std::path::Path;

use clap::Args;
use peers::credentials::{Credentials, Jwk as PayloadKey, key_bytes};
use serde_json::{Value, json};

use super::{
    Switch,
    change::{Caution, Described, Draft, edit, prefix, state},
    documents::{Partner, Partners, Ring},
    fresh,
    moment::{count, now},
    onboard::{Onboarding, PARTNER, differs},
    parse::whole,
    ring::{Kind, Step},
    settings::{Ages, Deployment},
    steps::Keys,
};
use crate::{
    files,
    outcome::{Exit, Failure, Outcome, Report},
};

/// A new partner.
#[derive(Args)]
pub(crate) struct Add {
    /// The program_id of its tokens
    #[arg(long, value_name = "N", value_parser = whole(0..=2_147_483_647))]
    program_id: u32,
    /// The lifetime of its tokens, if it has one of its own
    #[arg(long, value_name = "SECONDS", value_parser = whole(60..=86_400))]
    token_ttl: Option<u32>,
    /// The lifetime of its sessions, if it has one of its own
    #[arg(long, value_name = "SECONDS", value_parser = whole(60..=2_592_000))]
    session_ttl: Option<u32>,
    #[command(flatten)]
    onboarding: Onboarding,
}

/// Onboards a partner.
pub(crate) async fn add(deployment: &Deployment, add: Add) -> Outcome {
    let newcomer = add.onboarding.newcomer(&PARTNER)?;
    let store = deployment.partners().await?;
    let mut draft = Draft::<Partners>::read_or(&store, || Ok(Partners::default())).await?;
    if let Ok(there) = draft.document.partner(&add.onboarding.id) {
        let file = issued(&newcomer.out, there);
        let differing = file.as_ref().map(|file| differing(file, there, &add));
        return newcomer.is_there(file.is_some(), &differing.unwrap_or_default());
    }
    newcomer.check_file()?;
    let credentials = fresh_credentials(&add)?;
    draft.document.partners.push(entry(&credentials, &add));
    newcomer
        .onboard(&draft, &store, &credentials.to_json())
        .await
}

fn fresh_credentials(add: &Add) -> Result<Credentials, Failure> {
    let k = fresh::key()?;
    let k = key_bytes(&k).map_err(|why| Failure::new(Exit::Failed, format!("a new key {why}")))?;
    let kid = fresh::kid(&add.onboarding.id, None, now())?;
    Ok(Credentials {
        partner_id: add.onboarding.id.clone(),
        api_key: fresh::key()?.to_string(),
        sdk_api_key: fresh::key()?.to_string(),
        payload_keys: vec![PayloadKey { kid, k }],
        url: add.onboarding.url.clone(),
    })
}

/// The credentials of the file, if they are all that the partner has.
fn issued(out: &Path, partner: &Partner) -> Option<Credentials> {
    let file = Credentials::parse(&files::read(out).ok()?).ok()?;
    let hashes = |key: &str| vec![fresh::sha256_hex(key)];
    let ring = partner.payload_keys.keys.iter();
    let ring = ring.map(|key| (key.kid.as_str(), key.k.as_str()));
    let keys = file.payload_keys.iter();
    let encoded: Vec<String> = keys.clone().map(PayloadKey::encoded).collect();
    let keys = keys.map(|key| key.kid.as_str());
    let is_its = file.partner_id == partner.partner_id
        && hashes(&file.api_key) == partner.api_keys
        && hashes(&file.sdk_api_key) == partner.sdk_api_keys
        && keys.zip(encoded.iter().map(String::as_str)).eq(ring);
    is_its.then_some(file)
}

/// What an earlier try made of a partner that is asked for otherwise now.
fn differing(file: &Credentials, there: &Partner, add: &Add) -> Vec<String> {
    let (token, session) = (there.token_ttl_seconds, there.session_ttl_seconds);
    let each = [
        differs("program id", Some(there.program_id), Some(add.program_id)),
        differs("token lifetime", token, add.token_ttl),
        differs("session lifetime", session, add.session_ttl),
        differs("url", file.url.as_ref(), add.onboarding.url.as_ref()),
    ];
    each.into_iter().flatten().collect()
}

fn entry(credentials: &Credentials, add: &Add) -> Partner {
    let keys = credentials
        .payload_keys
        .iter()
        .map(|key| fresh::with_key(key.kid.clone(), key.encoded().into()));
    Partner {
        partner_id: add.onboarding.id.clone(),
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
    let header = format!("{:24} {:8} {:10} KEYS", "PARTNER", "STATE", "PROGRAM");
    let lines = partners.iter().map(|partner| {
        format!(
            "{:24} {:8} {:<10} {}, {}, {}",
            partner.partner_id,
            state(partner.enabled),
            partner.program_id,
            count(partner.api_keys.len(), "API key"),
            count(partner.sdk_api_keys.len(), "sdkApiKey"),
            count(partner.payload_keys.keys.len(), "payload key"),
        )
    });
    let lines: Vec<String> = std::iter::once(header).chain(lines).collect();
    let json: Vec<Value> = partners.iter().map(shown).collect();
    Ok(Report::done(lines.join("\n"), json!({ "partners": json })))
}

/// One partner, without its secrets, and what is next of the rotations that are under way.
pub(crate) async fn show(deployment: &Deployment, id: &str, ages: &Ages) -> Outcome {
    let store = deployment.partners().await?;
    let mut draft = Draft::<Partners>::read(&store).await?;
    let changed_at = draft.changed_at();
    let mut partner = draft.document.partner(id)?.clone();
    let only = Partners {
        partners: vec![partner.clone()],
        resource_servers: Vec::new(),
    };
    let mut json = shown(&partner);
    let (mut lines, mut rotations) = (only.lines(), Vec::new());
    for (name, keys) in [
        ("api-key", Keys::Hashes(&mut partner.api_keys)),
        ("sdk-api-key", Keys::Hashes(&mut partner.sdk_api_keys)),
        (
            "payload-key",
            Keys::Ring(Kind::Payload, &mut partner.payload_keys),
        ),
    ] {
        let command = format!("tokenctl partner rotate {name} {id}");
        match keys.plan_step(ages, changed_at, None, None) {
            Ok(planned) if planned.step == Step::Append => {}
            Ok(planned) => {
                let key = keys.named(&planned);
                lines.push(format!(
                    "{name} rotation: next is {} {key}, {} (`{command}`)",
                    keys.position(planned.step),
                    planned.when(),
                ));
                rotations.push(json!({
                    "rotation": name, "step": planned.step.name(), "key": key, "due": planned.due,
                }));
            }
            Err(failure) => lines.push(format!("{name} rotation: {}", failure.message)),
        }
    }
    if let Some(members) = json.as_object_mut() {
        members.insert("rotations".to_owned(), rotations.into());
    }
    Ok(Report::done(lines.join("\n"), json))
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
pub(crate) async fn switch(deployment: &Deployment, on: bool, of: &Switch) -> Outcome {
    let (id, usual, latest) = (of.id.as_str(), of.refresh.usual(), of.refresh.latest());
    let done = match on {
        true => format!("{id} is served again within {usual}."),
        false => format!(
            "{id} gets no more tokens: within {usual}, or within {latest} where instances cannot read the secret. \
             Tokens that it has stay valid until they expire."
        ),
    };
    let named = ("partnerId", id);
    edit(deployment, named, &of.caution, None, &done, |document| {
        document.partner(id)?.enabled = (!on).then_some(false);
        Ok(())
    })
    .await
}

/// Removes a partner with all of its keys.
pub(crate) async fn remove(deployment: &Deployment, id: &str, caution: &Caution) -> Outcome {
    let lost = Some("loses its keys for good; `tokenctl partner disable` does not");
    let (named, done) = (("partnerId", id), format!("{id} is removed."));
    edit(deployment, named, caution, lost, &done, |document| {
        document.partner(id)?;
        document.partners.retain(|partner| partner.partner_id != id);
        match document.partners.is_empty() {
            true => Err(Failure::usage(format!("{id} is the only partner, and a document without any is refused: disable it instead"))),
            false => Ok(()),
        }
    })
    .await
}
