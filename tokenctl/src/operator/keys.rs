//! The service's own rings: their beginning, how they stand, and the copy that offline
//! resource servers get.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::{
    change::{Caution, Draft, would},
    documents::{Ring, ServerKeys},
    fresh,
    moment::{at, now},
    ring::Kind,
    settings::{Ages, Deployment},
    steps::Keys,
};
use crate::{
    files,
    outcome::{Failure, Outcome, Report},
};

/// Fills the empty secret with one key a ring. Where there are keys, nothing is done.
pub(crate) async fn init(deployment: &Deployment, caution: &Caution) -> Outcome {
    let store = deployment.server_keys().await?;
    let begin = || {
        let ring = |name: &str| {
            Ok::<_, Failure>(Ring {
                keys: vec![fresh::jwk(fresh::kid(name, None, now())?)?],
            })
        };
        Ok(ServerKeys {
            token: ring("token")?,
            record: ring("record")?,
        })
    };
    let draft = Draft::read_or(&store, begin).await?;
    let is_there = draft.is_there();
    if !is_there && !caution.dry_run {
        draft.write(&store).await?;
    }
    let changes = draft.changes();
    let text = match (is_there, caution.dry_run) {
        (true, _) => "There are keys already: nothing was done.".to_owned(),
        (false, true) => would(&changes, &draft.place),
        (false, false) => format!(
            "{}\nThe service can seal tokens and records now.",
            changes.join("\n")
        ),
    };
    let created = !is_there && !caution.dry_run;
    Ok(Report::done(
        text,
        json!({ "created": created, "changes": changes, "dryRun": caution.dry_run }),
    ))
}

/// How the rings stand: which key seals, how far a rotation is, what is next and when.
pub(crate) async fn show(deployment: &Deployment, ages: &Ages) -> Outcome {
    let store = deployment.server_keys().await?;
    let mut draft = Draft::<ServerKeys>::read(&store).await?;
    let changed_at = draft.changed_at();
    let mut lines = Vec::new();
    let mut rings = serde_json::Map::new();
    for (name, kind, ring) in [
        ("token", Kind::Token, &mut draft.document.token),
        ("record", Kind::Record, &mut draft.document.record),
    ] {
        let (text, json) = standing(name, kind, ring, ages, changed_at);
        lines.push(text);
        rings.insert(name.to_owned(), json);
    }
    Ok(Report::done(lines.join("\n"), Value::Object(rings)))
}

fn standing(
    name: &str,
    kind: Kind,
    ring: &mut Ring,
    ages: &Ages,
    changed_at: i64,
) -> (String, Value) {
    let keys = ring.keys.iter().enumerate().map(|(place, key)| {
        let role = if place == 0 { "seals" } else { "opens" };
        let since = [
            ("promoted", key.promoted_at),
            ("demoted", key.demoted_at),
            ("appended", key.appended_at),
        ];
        let since = since
            .into_iter()
            .find_map(|(what, moment)| Some(format!(", {what} {}", at(moment?))));
        (
            format!("  {} {role}{}", key.kid, since.unwrap_or_default()),
            json!({ "kid": key.kid, "role": role }),
        )
    });
    let (texts, jsons): (Vec<String>, Vec<Value>) = keys.unzip();
    let keys = Keys::Ring(kind, ring);
    let (next_text, next_json) = match keys.plan_step(ages, changed_at, None, None) {
        Ok(planned) => {
            let text = format!(
                "  next: `tokenctl keys rotate {name}` takes {}, {}",
                keys.position(planned.step),
                planned.when()
            );
            (
                text,
                json!({ "step": planned.step.name(), "key": planned.key, "due": planned.due }),
            )
        }
        Err(failure) => (format!("  next: {}", failure.message), Value::Null),
    };
    let text = format!("{name} ring\n{}\n{next_text}", texts.join("\n"));
    (text, json!({ "keys": jsons, "next": next_json }))
}

/// The token ring, for offline resource servers. They get it and nothing else.
pub(crate) async fn export(deployment: &Deployment, out: Option<PathBuf>, reveal: bool) -> Outcome {
    if let Some(out) = &out {
        files::check_free(out)?;
    }
    let store = deployment.server_keys().await?;
    let draft = Draft::<ServerKeys>::read(&store).await?;
    let keys = draft
        .document
        .token
        .keys
        .iter()
        .map(|key| json!({ "kty": "oct", "kid": key.kid, "k": key.k.as_str() }));
    let set = json!({ "keys": keys.collect::<Vec<_>>() });
    let kids: Vec<&str> = draft
        .document
        .token
        .keys
        .iter()
        .map(|key| key.kid.as_str())
        .collect();
    match out {
        Some(out) => {
            files::create(&out, &format!("{set:#}\n"))?;
            let text = format!(
                "{} is the token ring ({}). Whoever has it can read tokens and make them.",
                out.display(),
                kids.join(", ")
            );
            Ok(Report::done(text, json!({ "file": out, "kids": kids })))
        }
        None if reveal => Ok(Report::done(format!("{set:#}"), set)),
        None => Err(Failure::usage(
            "say where the keys go: --out FILE, or --reveal to print them",
        )),
    }
}
