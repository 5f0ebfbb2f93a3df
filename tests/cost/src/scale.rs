//! What a request costs among few partners and among as many as a secret holds, and with an empty
//! table and a full one.

use std::{
    io,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use sandbox::{Logs, Options, Sandbox, development};
use serde_json::Value;

use crate::{
    counted::{self, CountError},
    events::{Events, Request, Wrong},
    process,
    run::{Driven, RunError, Setting},
    stub::Table,
    table::{micros, sign},
    valgrind::{self, Tool},
};

/// Secrets Manager's limit for a secret's value.
const SECRET_BYTES: usize = 65_536;

/// What a warm request may cost among as many partners as fit, to what it costs with one.
const AMONG_PARTNERS: f64 = 1.10;
/// By how much the table's items may change it, either way.
const BESIDE_ITEMS: f64 = 0.03;

/// What is counted, after what is not.
const REQUESTS: u32 = 100;
const WARM_UP: u32 = 10;

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScaleError {
    #[error(transparent)]
    Count(#[from] CountError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Event(#[from] Wrong),
    #[error(transparent)]
    Sandbox(#[from] sandbox::Error),
    #[error("/proc, which only Linux has, cannot be read")]
    Io(#[from] io::Error),
    #[error("events/secrets/api-keys.json has no partner with an API key")]
    NoPartner,
}

/// Measures, prints, and tells whether a request costs the same whatever the number of partners and
/// items.
pub(crate) async fn measure(function: &Path, items: u32) -> Result<bool, ScaleError> {
    valgrind::require()?;
    let events = Events::new()?;
    let partners = among_partners(function, &events).await?;
    let items = beside_items(function, &events, items).await?;
    Ok(partners && items)
}

async fn among_partners(function: &Path, events: &Events) -> Result<bool, ScaleError> {
    let partners = Partners::of_the_sample().ok_or(ScaleError::NoPartner)?;
    let fitting = partners.fitting();
    let among = async |count| {
        let setting = Setting {
            api_keys: &partners.document(count),
            ..Setting::default()
        };
        let place = Place {
            function,
            setting,
            sandbox: None,
        };
        place.cost(events).await
    };
    let (one, all) = (among(1).await?, among(fitting).await?);
    println!(
        "{fitting} partners, each with one payload key, fit into a secret of {SECRET_BYTES} bytes; who asks is the last"
    );
    let ratio = print(["1 partner", &format!("{fitting} partners")], [&one, &all]);
    Ok(limit(ratio, 0.0..=AMONG_PARTNERS))
}

async fn beside_items(function: &Path, events: &Events, items: u32) -> Result<bool, ScaleError> {
    let sandbox = Sandbox::start(Options {
        function: function.to_owned(),
        logs: Logs::Capture,
        max_instances: 1,
        ..Options::default()
    });
    let sandbox = sandbox.await?;
    let place = Place {
        function,
        setting: Setting {
            table: Table::At(sandbox.dynamodb_url()),
            ..Setting::default()
        },
        sandbox: Some(&sandbox),
    };
    let empty = place.cost(events).await?;

    let copied = events.make(Request::Good)?;
    let mut driven = place.start().await?;
    driven.request(&copied.event).await?;
    driven.end().await?;
    let started = Instant::now();
    sandbox.copy_item("acme", &copied.reference_id.to_string(), items)?;
    let took = started.elapsed().as_secs_f64();

    let full = place.cost(events).await?;
    sandbox.stop().await;
    println!(
        "\nthe sandbox's table (dynoxide: SQLite, in memory), filled in {took:.0} s; what the measurement adds is not counted"
    );
    let ratio = print(["0 items", &format!("{items} items")], [&empty, &full]);
    Ok(limit(ratio, 1.0 - BESIDE_ITEMS..=1.0 + BESIDE_ITEMS))
}

/// Among whom the function runs, and on what table.
struct Place<'a> {
    function: &'a Path,
    setting: Setting<'a>,
    /// The one whose table the setting names.
    sandbox: Option<&'a Sandbox>,
}

/// What the function costs there.
struct Cost {
    start: u64,
    /// A warm request, as what follows.
    warm: u64,
    processor: Duration,
    dynamodb_calls: f64,
    /// Only the stub counts them.
    bytes: Option<f64>,
    peak_resident_kib: u64,
}

impl Place<'_> {
    async fn cost(&self, events: &Events) -> Result<Cost, ScaleError> {
        let start = self.count(events, 0).await?;
        let few = self.count(events, WARM_UP).await?;
        let many = self.count(events, WARM_UP + REQUESTS).await?;

        let mut driven = self.start().await?;
        let pid = driven.pid()?;
        driven.issue(events, WARM_UP).await?;
        let (calls, bytes) = self.traffic(&driven);
        let processor = process::processor_time(pid)?;
        driven.issue(events, REQUESTS).await?;
        let processor = process::processor_time(pid)?.saturating_sub(processor);
        let (calls_after, bytes_after) = self.traffic(&driven);
        let peak_resident_kib = driven.peak_resident_kib()?;
        driven.end().await?;

        let a_request = |before: u64, after: u64| (after - before) as f64 / f64::from(REQUESTS);
        Ok(Cost {
            start,
            warm: (many - few) / u64::from(REQUESTS),
            processor: processor / REQUESTS,
            dynamodb_calls: a_request(calls, calls_after),
            bytes: bytes
                .zip(bytes_after)
                .map(|(before, after)| a_request(before, after)),
            peak_resident_kib,
        })
    }

    /// All instructions of a process that answers `requests` requests.
    async fn count(&self, events: &Events, requests: u32) -> Result<u64, ScaleError> {
        let work = async |driven: &mut Driven| Ok(driven.issue(events, requests).await?);
        let count = counted::total(Tool::Instructions, self.function, &self.setting, work);
        Ok(count.await?)
    }

    async fn start(&self) -> Result<Driven, RunError> {
        let command = [self.function.display().to_string()];
        let (driven, _) = Driven::start(&self.setting, &command, Stdio::inherit()).await?;
        Ok(driven)
    }

    /// Calls of DynamoDB and bytes to and from AWS so far.
    fn traffic(&self, driven: &Driven) -> (u64, Option<u64>) {
        let calls = driven.stub.calls();
        match self.sandbox {
            None => (calls.dynamodb, Some(calls.bytes)),
            Some(sandbox) => (sandbox.dynamodb_faults().requests(), None),
        }
    }
}

/// Prints a table, and gives the ratio of a warm request's instructions.
fn print(names: [&str; 2], costs: [&Cost; 2]) -> f64 {
    let [less, more] = names;
    println!("{:<36}{less:>15}{more:>15}{:>9}", "", "ratio");
    let row = |name: &str, of: &dyn Fn(&Cost) -> f64| {
        let [less, more] = costs.map(of);
        println!("{name:<36}{less:>15.0}{more:>15.0}{:>9.3}", more / less);
        more / less
    };
    row("instructions of the start", &|cost| cost.start as f64);
    let ratio = row("instructions a request", &|cost| cost.warm as f64);
    row("processor time a request, us", &|cost| {
        micros(cost.processor)
    });
    row("calls of DynamoDB a request", &|cost| cost.dynamodb_calls);
    if costs.iter().all(|cost| cost.bytes.is_some()) {
        row("bytes to and from AWS a request", &|cost| {
            cost.bytes.unwrap_or_default()
        });
    }
    row("peak resident memory, KiB", &|cost| {
        cost.peak_resident_kib as f64
    });
    ratio
}

fn limit(ratio: f64, allowed: std::ops::RangeInclusive<f64>) -> bool {
    let held = allowed.contains(&ratio);
    let (least, most) = (allowed.start(), allowed.end());
    println!(
        "{:<9}instructions a request: ratio {ratio:.3}, to be from {least:.2} to {most:.2}",
        sign(held)
    );
    held
}

/// Makes secrets of partners, all of one size as JSON.
struct Partners {
    acme: String,
    api_key_digest: String,
    payload_key: String,
}

impl Partners {
    fn of_the_sample() -> Option<Self> {
        let mut document: Value = serde_json::from_str(development::API_KEYS).ok()?;
        let acme = document.pointer_mut("/partners/0")?;
        // The newest key, which the requests are sealed with: more partners fit than with the key
        // before it as well.
        let keys = acme.pointer_mut("/payloadKeys/keys")?;
        keys.as_array_mut()?.truncate(1);
        Some(Self {
            acme: acme.to_string(),
            api_key_digest: acme.pointer("/apiKeySha256/0")?.as_str()?.to_owned(),
            payload_key: acme.pointer("/payloadKeys/keys/0/k")?.as_str()?.to_owned(),
        })
    }

    /// `count` partners, acme the last of them.
    fn document(&self, count: usize) -> String {
        let mut partners: Vec<String> = (1..count).map(|number| self.another(number)).collect();
        partners.push(self.acme.clone());
        format!(r#"{{"partners":[{}]}}"#, partners.join(","))
    }

    /// Names, digests of API keys and payload keys have to differ from partner to partner.
    fn another(&self, number: usize) -> String {
        self.acme
            .replace("acme", &format!("p{number:03}"))
            .replace(&self.api_key_digest, &format!("{number:064x}"))
            // Base64url of 32 bytes: the last character's unused bits are zero.
            .replace(&self.payload_key, &format!("{number:042}A"))
    }

    /// How many partners a secret holds.
    fn fitting(&self) -> usize {
        let comma = ",".len();
        let around = self.document(1).len() - self.acme.len();
        (SECRET_BYTES - around + comma) / (self.acme.len() + comma)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_partners_as_fit_and_not_one_more() {
        let partners = Partners::of_the_sample().unwrap();
        let fitting = partners.fitting();
        assert!(partners.document(fitting).len() <= SECRET_BYTES);
        assert!(partners.document(fitting + 1).len() > SECRET_BYTES);
        // docs/protocol.md says "some 200".
        assert!((190..=210).contains(&fitting), "{fitting}");
    }

    #[test]
    fn every_partner_has_a_name_and_an_api_key_of_its_own() {
        let document = Partners::of_the_sample().unwrap().document(190);
        let document: Value = serde_json::from_str(&document).unwrap();
        let partners = document["partners"].as_array().unwrap();
        let distinct = |member: &str| {
            let values: std::collections::BTreeSet<String> = partners
                .iter()
                .map(|partner| partner[member].to_string())
                .collect();
            values.len()
        };
        let different = ["partnerId", "apiKeySha256", "payloadKeys"].map(distinct);
        assert_eq!(different, [190; 3]);
        assert_eq!(partners[189]["partnerId"], "acme");
    }
}
