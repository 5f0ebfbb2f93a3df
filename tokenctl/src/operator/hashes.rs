//! The rotation of an API key or a resource server's secret: a list of hashes that has no order, so
//! that there are two steps only, append and remove.
//!
//! No moments are kept with a hash. A step therefore counts from the document's last change,
//! whatever that was: later than need be, never sooner.

use super::{
    change::{prefix, prefixes},
    ring::{Planned, Step},
};
use crate::outcome::{Exit, Failure};

/// Fewest digits of a hash by which a key is named.
const NAME: usize = 8;

/// The step that is next, or the one that was asked for. A removal is due at `refreshed`.
pub(crate) fn plan(
    hashes: &[String],
    step: Option<Step>,
    key: Option<&str>,
    refreshed: i64,
) -> Result<Planned, Failure> {
    let next = if hashes.len() == 1 {
        Step::Append
    } else {
        Step::Remove
    };
    match step.unwrap_or(next) {
        step @ Step::Append => Ok(Planned {
            step,
            key: None,
            due: 0,
        }),
        Step::Remove if hashes.len() < 2 => Err(Failure::usage(
            "it is the only one: append another first, or disable its owner",
        )),
        step @ Step::Remove => {
            let hash = match key {
                Some(start) => named(hashes, start)?,
                // The newest was appended, so the oldest is in front.
                None => hashes.first().cloned(),
            };
            Ok(Planned {
                step,
                key: hash,
                due: refreshed,
            })
        }
        Step::Promote | Step::Demote => Err(Failure::usage(
            "API keys and secrets have no order: there is only --step append and --step remove",
        )),
    }
}

fn named(hashes: &[String], start: &str) -> Result<Option<String>, Failure> {
    let start = start.to_lowercase();
    let mut found = hashes
        .iter()
        .filter(|hash| hash.to_lowercase().starts_with(&start));
    match (found.next(), found.next()) {
        (Some(hash), None) if start.len() >= NAME => Ok(Some(hash.clone())),
        _ => Err(Failure::new(
            Exit::NotFound,
            format!(
                "no one key's SHA-256 begins with that; give {NAME} digits or more of: {}",
                prefixes(hashes)
            ),
        )),
    }
}

/// Takes a planned step; `fresh` is the hash that an append adds. Returns the name of the key that
/// it was about.
pub(crate) fn take(hashes: &mut Vec<String>, planned: &Planned, fresh: Option<String>) -> String {
    match (&planned.key, fresh) {
        (Some(gone), _) => {
            hashes.retain(|hash| hash != gone);
            prefix(gone).to_owned()
        }
        (None, Some(fresh)) => {
            let name = prefix(&fresh).to_owned();
            hashes.push(fresh);
            name
        }
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(starts: &[&str]) -> Vec<String> {
        starts.iter().map(|start| format!("{start:0<64}")).collect()
    }

    #[test]
    fn the_newest_is_appended_and_the_oldest_removed() {
        let mut list = hashes(&["aaaaaaaa1"]);
        let append = plan(&list, None, None, 50).unwrap();
        assert_eq!((append.step, append.due), (Step::Append, 0));
        assert_eq!(
            take(&mut list, &append, hashes(&["bbbbbbbb1"]).pop()),
            "bbbbbbbb"
        );
        let remove = plan(&list, None, None, 50).unwrap();
        assert_eq!((remove.step, remove.due), (Step::Remove, 50));
        assert_eq!(take(&mut list, &remove, None), "aaaaaaaa");
        assert_eq!(list, hashes(&["bbbbbbbb1"]));
    }

    #[test]
    fn one_is_named_by_the_beginning_of_its_hash_alone() {
        let list = hashes(&["aaaaaaaa1", "aaaaaaaa2", "BBBBBBBB"]);
        let remove = |name| plan(&list, Some(Step::Remove), Some(name), 0);
        assert_eq!(remove("aaaaaaaa2").unwrap().key.as_ref(), list.get(1));
        assert_eq!(remove("bbbbbbbb").unwrap().key.as_ref(), list.get(2));
        for none in ["aaaaaaaa", "bbb", "cccccccc", ""] {
            assert_eq!(remove(none).unwrap_err().exit, Exit::NotFound, "{none}");
        }
    }

    #[test]
    fn the_last_one_stays_and_there_is_no_order() {
        let list = hashes(&["aaaaaaaa"]);
        for step in [Step::Remove, Step::Promote, Step::Demote] {
            assert_eq!(
                plan(&list, Some(step), None, 0).unwrap_err().exit,
                Exit::Usage
            );
        }
    }
}
