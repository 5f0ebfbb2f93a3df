//! What the function does for an input, in instructions: a refused request must not cost more than
//! twice a valid one of 32 KiB of the same operation. The inputs are meant to be the hardest to
//! refuse ([`inputs`]), or fuzzing found them ([`found`]).
//!
//! Counted is all that the release binary does for a request: the Lambda runtime's reading of the
//! event, the answer and, for a valid one, the call of DynamoDB over plain HTTP.

mod found;
#[allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a module of fuzz/, which is outside of the workspace and its lints"
)]
#[path = "../../../fuzz/src/events.rs"]
mod fuzz_events;
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "an input that is not what it is meant to be must end the program"
)]
mod inputs;

use std::{path::Path, time::Duration};

use bytes::Bytes;
use peers::jwe::seal_with_header;
use sandbox::development;
use serde_json::Value;

use crate::{
    counted::{self, CountError},
    run::{Driven, RunError, Setting},
    stub::{Event, Table},
    valgrind::{self, Tool},
};
use inputs::Input;

/// How often a valid request of each operation is answered first: what is made once in a process's
/// life is not a request's.
const TO_WARM_UP: usize = 3;
/// How often an input is sent.
const REPEATS: usize = 6;
/// The same for one of megabytes, beside which a start's own variation is small.
const REPEATS_OF_LARGE: usize = 1;
const LARGE: usize = 1_000_000;

/// Why nothing was counted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AttackCostError {
    #[error(transparent)]
    Count(#[from] CountError),
    #[error(transparent)]
    Valgrind(std::io::Error),
    #[error(transparent)]
    Found(#[from] found::FoundError),
    #[error("{name}: answered {status}, not {expected}")]
    Status {
        name: String,
        status: u64,
        expected: u64,
    },
}

/// Counts, prints, and tells whether every input is within the limit: those of [`inputs`], or
/// DIRECTORY/TARGET/INPUT.
pub(crate) async fn count(function: &Path, found: Option<&Path>) -> Result<bool, AttackCostError> {
    valgrind::require().map_err(AttackCostError::Valgrind)?;
    let (api_keys, groups) = match found {
        None => (inputs::api_keys(), inputs::all()),
        Some(directory) => (
            development::API_KEYS.to_owned(),
            vec![found::all(directory)?],
        ),
    };
    let place = Place {
        function,
        api_keys: &api_keys,
        items: &[inputs::session_item()],
        warm_up: groups
            .iter()
            .filter_map(|group| Some(&group.first()?.event))
            .collect(),
    };
    let (warm, _) = place.total(Tool::Instructions, None, []).await?;
    let mut rows: Vec<Row<'_>> = Vec::new();
    for group in &groups {
        let mut valid = None;
        for input in group {
            let (count, status) = place.count(input, warm).await?;
            let ratio = count as f64 / *valid.get_or_insert(count) as f64;
            rows.push(Row {
                input,
                count,
                status,
                ratio,
                is_over: ratio > input.limit,
            });
        }
    }
    let held = report(rows);
    let inputs = groups.iter().flatten();
    let bounded = inputs.filter(|input| input.limit.is_finite());
    let bounded = bounded.map(|input| &input.event);
    let (all, _) = place.total(Tool::PeakHeap, None, bounded).await?;
    let (valid, _) = place.total(Tool::PeakHeap, None, []).await?;
    println!(
        "heap at its peak: {} KiB by all but those of megabytes, {} KiB by valid requests alone",
        all.div_ceil(1024),
        valid.div_ceil(1024)
    );
    Ok(held)
}

/// The table: every input that was made, and of those that were found the one of each target that
/// costs most.
fn report(mut rows: Vec<Row<'_>>) -> bool {
    let counted = rows.len();
    let over = rows.iter().filter(|row| row.is_over).count();
    let refused = rows
        .iter()
        .filter(|row| row.status != 200 && row.input.limit.is_finite());
    let worst = refused.max_by(|a, b| a.ratio.total_cmp(&b.ratio));
    let worst = worst
        .map(|row| (row.ratio, row.input.name.clone()))
        .unwrap_or_default();
    found::only_the_worst(&mut rows);
    println!("instructions  ratio status  input");
    for Row {
        input,
        count,
        status,
        ratio,
        is_over,
    } in &rows
    {
        let mark = if *is_over { " OVER" } else { "" };
        println!("{count:>12} {ratio:>6.2} {status:>6}  {}{mark}", input.name);
    }
    println!(
        "{counted} inputs; worst refused: {:.2} of a valid request of 32 KiB ({}); {over} over their limit",
        worst.0, worst.1,
    );
    over == 0
}

struct Row<'i> {
    input: &'i Input,
    count: u64,
    status: u64,
    ratio: f64,
    is_over: bool,
}

/// Where inputs are counted.
struct Place<'a> {
    function: &'a Path,
    api_keys: &'a str,
    /// In the table.
    items: &'a [Value],
    warm_up: Vec<&'a Bytes>,
}

impl Place<'_> {
    /// What an input costs more than `warm`, which is a process that answers only what warms it up;
    /// and its status.
    async fn count(&self, input: &Input, warm: u64) -> Result<(u64, u64), AttackCostError> {
        let repeats = match input.event.len() {
            LARGE.. => REPEATS_OF_LARGE,
            _ => REPEATS,
        };
        let tool = Tool::Instructions;
        let before = input.before.as_ref();
        let warm = match before {
            None => warm,
            Some(_) => self.total(tool, before, []).await?.0,
        };
        let repeated = std::iter::repeat_n(&input.event, repeats);
        let (all, status) = self.total(tool, before, repeated).await?;
        if let Some(expected) = input.status.filter(|expected| *expected != status) {
            return Err(AttackCostError::Status {
                name: input.name.clone(),
                status,
                expected,
            });
        }
        Ok(((all - warm) / repeats as u64, status))
    }

    /// All of a process that answers these, after those that warm it up, and the status of the
    /// last.
    async fn total<'b>(
        &'b self,
        tool: Tool,
        before: Option<&'b Bytes>,
        events: impl IntoIterator<Item = &'b Bytes>,
    ) -> Result<(u64, u64), CountError> {
        let setting = Setting {
            api_keys: self.api_keys,
            // Where nothing comes before, each repetition of a valid request is the first.
            table: before.map_or(Table::Holds(self.items), |_| Table::Keeps),
            ..Setting::default()
        };
        // What comes before comes first: it has the referenceId of the requests that warm up.
        let events = (before.into_iter())
            .chain(std::iter::repeat_n(self.warm_up.iter().copied(), TO_WARM_UP).flatten())
            .chain(events);
        let mut status = 0;
        let work = async |driven: &mut Driven| {
            for payload in events {
                let event = Event {
                    payload: payload.clone(),
                    time_left: Duration::from_secs(15),
                };
                status = status_of(&driven.request(&event).await?.0.payload)?;
            }
            Ok(())
        };
        let total = counted::total(tool, self.function, &setting, work).await?;
        Ok((total, status))
    }
}

fn status_of(answer: &[u8]) -> Result<u64, RunError> {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let status = answer.get("statusCode").and_then(Value::as_u64);
    status.ok_or_else(|| RunError::Reported(answer.to_string()))
}

/// Seals `plaintext` under any header, as a partner would that is out to break things.
pub(crate) fn seal(header: &[u8], plaintext: &[u8], key: &[u8; 32]) -> String {
    seal_with_header(header, plaintext, key, [9; 12])
}

/// What `fuzz_events` takes from its own crate.
pub(crate) mod service {
    use sandbox::development::{API_KEYS, SERVER_KEYS};

    pub(crate) fn development_secrets() -> [&'static str; 2] {
        [API_KEYS, SERVER_KEYS]
    }
}
