//! `token-sandbox invoke`: event files through the real binary, their answers opened and held
//! against the documented ones.

use std::{
    io,
    path::{Path, PathBuf},
};

use peers::{answer::Answer, error::with_causes};
use sandbox::{
    Logs, Options, Sandbox,
    events::{self, Conversation, Manifest, ManifestError, Sample, SendError},
};
use serde_json::Value;

use super::{
    page::Page,
    stack::{End, with_stack},
};

#[derive(Debug, thiserror::Error)]
enum CannotInvoke {
    #[error(transparent)]
    Event(#[from] SendError),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error(transparent)]
    Start(#[from] sandbox::Error),
    #[error("signals cannot be listened for")]
    Signals(#[from] io::Error),
}

/// Sends each event, on a stack of its own. Bad if one could not be sent or was not answered as
/// documented.
pub(crate) async fn invoke_all(paths: &[PathBuf]) -> End {
    let mut page = Page::new();
    let mut failed = 0;
    for path in paths {
        match invoke(&mut page, path).await {
            Ok(End::Good) => {}
            Ok(End::Bad) => failed += 1,
            Ok(told @ End::Told(_)) => return told,
            Err(error) => {
                page.cross(&with_causes(&error));
                failed += 1;
            }
        }
    }
    if paths.len() > 1 {
        page.line(format!(
            "\n{} answered as documented, {failed} not",
            paths.len() - failed
        ));
    }
    End::good_if(failed == 0)
}

async fn invoke(page: &mut Page, path: &Path) -> Result<End, CannotInvoke> {
    page.heading(&path.display().to_string());
    let event = events::read(path)?;
    let sample = documented(path)?;
    let options = Options {
        logs: Logs::Capture,
        ..Options::default()
    };
    with_stack(options, async |sandbox| {
        let end = converse(page, sandbox, path, &event, sample.as_ref()).await;
        if !matches!(end, Ok(End::Good)) {
            page.log(&sandbox.log_lines());
        }
        end
    })
    .await
}

async fn converse(
    page: &mut Page,
    sandbox: &Sandbox,
    path: &Path,
    event: &Value,
    sample: Option<&Sample>,
) -> Result<End, CannotInvoke> {
    let mut conversation = Conversation::new(sandbox).map_err(SendError::from)?;
    let mut before = None;
    if let Some(sample) = sample {
        page.remark(&sample.shows);
        for name in &sample.before {
            let earlier = path.with_file_name(format!("{name}.json"));
            let answer = conversation.send(name, &events::read(&earlier)?).await?;
            page.remark(&format!(
                "Sent before it, as it depends on that: {}, answered {}",
                earlier.display(),
                answer.status
            ));
            before = Some(answer);
        }
    }
    let name = sample.map_or("it", |sample| &sample.name);
    let answer = conversation.send(name, event).await?;
    show(page, &answer);
    let Some(sample) = sample else {
        page.remark("No manifest.json beside it says what the answer should be.");
        return Ok(End::Good);
    };
    let differences = sample.differences(&answer, before.as_ref());
    for difference in &differences {
        page.cross(difference);
    }
    if differences.is_empty() {
        page.tick("the documented answer");
    }
    Ok(End::good_if(differences.is_empty()))
}

fn show(page: &mut Page, answer: &Answer) {
    page.text(&format!("HTTP {}", answer.status));
    for (name, value) in answer.headers() {
        page.text(&format!(
            "{name}: {}",
            String::from_utf8_lossy(value.as_bytes())
        ));
    }
    match &answer.sealed {
        Some(header) => page.remark(&format!("opened; its header is {header}:")),
        None => page.remark("not sealed:"),
    }
    page.json(&answer.json);
}

/// What the manifest beside the event says of it, if there is one and it does.
fn documented(path: &Path) -> Result<Option<Sample>, ManifestError> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let manifest = match Manifest::read(folder) {
        Ok(manifest) => manifest,
        Err(ManifestError::Unreadable(_, error)) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let name = path.file_stem().and_then(|stem| stem.to_str());
    Ok(name.and_then(|name| manifest.sample(name)).cloned())
}
