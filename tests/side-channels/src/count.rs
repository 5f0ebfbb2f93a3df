//! Executed instructions, counted by valgrind's callgrind in exactly one call.

use std::{collections::BTreeMap, env, hint::black_box, process::Command};

use crate::{
    table::{Digest, Entry, PARTNERS, SERVERS, Server, Servers, Table, digest},
    valgrind::{self, Tool},
};

/// The key that every case presents, and the id that every resource server does: only what the
/// tables hold differs.
const KEY: &str = "an API key that is presented 001";
const ID: &str = "server-presented";

/// Answered alike, so that instructions must be alike too: keys that match, at any place, and keys
/// that do not, however near they come.
const MATCHES: [&str; 5] = [
    "match: first partner, first key",
    "match: first partner, second key",
    "match: partner in the middle",
    "match: last partner, second key",
    "match: every partner",
];
const UNKNOWN: [&str; 4] = [
    "unknown",
    "unknown: first byte of every digest differs",
    "unknown: last byte of every digest differs",
    "unknown: last bit of one digest differs",
];
const SDK: [&str; 4] = [
    "sdkApiKey: first",
    "sdkApiKey: second",
    "sdkApiKey: none",
    "sdkApiKey: last byte differs",
];
/// Of renewals, whose token names the partner.
const APP_MATCHES: [&str; 3] = [
    "renewal: first sdkApiKey",
    "renewal: second sdkApiKey",
    "renewal: both",
];
const APP_UNKNOWN: [&str; 4] = [
    "renewal, unknown: none",
    "renewal, unknown: first byte differs",
    "renewal, unknown: last byte differs",
    "renewal, unknown: another partner's sdkApiKey",
];
const SERVER_MATCHES: [&str; 4] = [
    "server: first, first secret",
    "server: first, second secret",
    "server: in the middle",
    "server: last, second secret",
];
const SERVER_UNKNOWN: [&str; 8] = [
    "server, unknown",
    "server, unknown: its id first, no secret",
    "server, unknown: its id last, no secret",
    "server, unknown: its id, last byte of a secret's digest differs",
    "server, unknown: its id, another's secret",
    "server, unknown: its secret everywhere, no id",
    "server, unknown: its secret, first character of the id differs",
    "server, unknown: its secret, last character of the id differs",
];
/// Printed, as they are answered in the same words but for other reasons.
const OTHERS: [&str; 4] = [
    "disabled partner",
    "no key",
    "renewal, disabled partner",
    "server, disabled",
];

/// By how many instructions what is disabled may be told from what is unknown: its name is taken
/// for the log.
const DISABLED_MAY_DIFFER: u64 = 100;

fn random(at: usize) -> Digest {
    digest(&format!("another key {at}"))
}

/// The key's digest with a byte changed.
fn other(at: usize, mask: u8) -> Digest {
    let mut other = digest(KEY);
    if let Some(byte) = other.get_mut(at) {
        *byte ^= mask;
    }
    other
}

/// The partners of a case.
fn entries(case: &str) -> Option<Vec<Entry>> {
    let key = digest(KEY);
    let mut entries: Vec<Entry> = (0..PARTNERS)
        .map(|at| ([random(2 * at), random(2 * at + 1)], true))
        .collect();
    let mut put = |partner: usize, place: usize, digest: Digest, enabled: bool| {
        let (digests, is_enabled) = entries.get_mut(partner)?;
        *digests.get_mut(place)? = digest;
        *is_enabled = enabled;
        Some(())
    };
    match case {
        "match: first partner, first key" | "sdkApiKey: first" | "renewal: first sdkApiKey" => {
            put(0, 0, key, true)?;
        }
        "match: first partner, second key" | "sdkApiKey: second" | "renewal: second sdkApiKey" => {
            put(0, 1, key, true)?;
        }
        "match: partner in the middle" | "renewal, unknown: another partner's sdkApiKey" => {
            put(PARTNERS / 2, 0, key, true)?;
        }
        "match: last partner, second key" => put(PARTNERS - 1, 1, key, true)?,
        "match: every partner" | "renewal: both" => {
            entries.iter_mut().for_each(|entry| entry.0 = [key; 2]);
        }
        "unknown: first byte of every digest differs" | "renewal, unknown: first byte differs" => {
            entries
                .iter_mut()
                .for_each(|entry| entry.0 = [other(0, 0x80); 2]);
        }
        "unknown: last byte of every digest differs"
        | "sdkApiKey: last byte differs"
        | "renewal, unknown: last byte differs" => {
            entries
                .iter_mut()
                .for_each(|entry| entry.0 = [other(31, 0x80); 2]);
        }
        "unknown: last bit of one digest differs" => put(PARTNERS / 2, 1, other(31, 1), true)?,
        "disabled partner" => put(PARTNERS / 2, 0, key, false)?,
        "renewal, disabled partner" => put(0, 0, key, false)?,
        _ => {}
    }
    Some(entries)
}

/// The resource servers of a case.
fn servers(case: &str) -> Option<Servers> {
    let key = digest(KEY);
    let mut servers: Vec<Server> = (0..SERVERS)
        .map(|at| {
            let id = format!("server-number-{at:02}");
            (id, [random(2 * at), random(2 * at + 1)], true)
        })
        .collect();
    let mut put = |at: usize, id: &str, place: usize, digest: Digest, enabled: bool| {
        let (its_id, secrets, is_enabled) = servers.get_mut(at)?;
        id.clone_into(its_id);
        *secrets.get_mut(place)? = digest;
        *is_enabled = enabled;
        Some(())
    };
    let (middle, last) = (SERVERS / 2, SERVERS - 1);
    match case {
        "server: first, first secret" => put(0, ID, 0, key, true)?,
        "server: first, second secret" => put(0, ID, 1, key, true)?,
        "server: in the middle" => put(middle, ID, 0, key, true)?,
        "server: last, second secret" => put(last, ID, 1, key, true)?,
        "server, unknown: its id first, no secret" => put(0, ID, 0, random(0), true)?,
        "server, unknown: its id last, no secret" => put(last, ID, 0, random(0), true)?,
        "server, unknown: its id, last byte of a secret's digest differs" => {
            put(middle, ID, 0, other(31, 1), true)?;
        }
        "server, unknown: its id, another's secret" => {
            put(middle, ID, 0, random(0), true)?;
            put(0, "server-number-xx", 0, key, true)?;
        }
        "server, unknown: its secret everywhere, no id" => {
            servers.iter_mut().for_each(|server| server.1 = [key; 2]);
        }
        "server, unknown: its secret, first character of the id differs" => {
            put(middle, "Server-presented", 0, key, true)?;
        }
        "server, unknown: its secret, last character of the id differs" => {
            put(middle, "server-presenteD", 0, key, true)?;
        }
        "server, disabled" => put(middle, ID, 0, key, false)?,
        _ => {}
    }
    Servers::new(servers)
}

/// What is checked.
#[derive(Clone, Copy)]
enum Check {
    ApiKey,
    SdkApiKey,
    Renewal,
    Server,
}

impl Check {
    fn of(case: &str) -> Self {
        match case.split([':', ',']).next() {
            Some("sdkApiKey") => Self::SdkApiKey,
            Some("renewal") => Self::Renewal,
            Some("server") => Self::Server,
            _ => Self::ApiKey,
        }
    }
}

/// One case, warmed up; callgrind counts what happens in here.
#[inline(never)]
fn counted_by_callgrind(check: Check, table: &Table, servers: &Servers, key: Option<&str>) -> bool {
    match (check, key) {
        (Check::SdkApiKey, Some(key)) => table.has_sdk_api_key(key),
        (Check::Renewal, Some(key)) => table.authenticate_app(key),
        (Check::Server, Some(key)) => servers.authenticate(ID, key),
        (_, key) => table.authenticate(key),
    }
}

/// Runs one case once.
pub(crate) fn once(case: &str) -> Result<(), String> {
    let entries = entries(case).ok_or("no such place")?;
    let table = Table::new(&entries).ok_or("no such table")?;
    let servers = servers(case).ok_or("no such servers")?;
    // What happens only once, such as finding out what the processor can do, happens here.
    black_box(table.authenticate(Some("another key of the same length..")));
    let key = (case != "no key").then_some(KEY);
    let check = black_box(Check::of(case));
    let found = counted_by_callgrind(
        check,
        black_box(&table),
        black_box(&servers),
        black_box(key),
    );
    println!("{found}");
    Ok(())
}

/// Whether the key of a case is one that is known.
fn is_known(case: &str) -> bool {
    let matches = [MATCHES.as_slice(), &APP_MATCHES, &SERVER_MATCHES].concat();
    matches.contains(&case) || ["sdkApiKey: first", "sdkApiKey: second"].contains(&case)
}

fn count(case: &str) -> Result<u64, String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let [valgrind, tool, output, program] = Tool::Instructions.command(&program);
    let output = Command::new(valgrind)
        .args([&tool, &output, "--toggle-collect=*counted_by_callgrind*"])
        .args([&program, "once", case])
        .output()
        .map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stderr);
    let expected = is_known(case);
    if String::from_utf8_lossy(&output.stdout).trim() != expected.to_string() {
        return Err(format!("{case}: not {expected}: {said}"));
    }
    let count = Tool::Instructions.count(&said).filter(|count| *count > 0);
    count.ok_or_else(|| format!("nothing counted: {said}"))
}

/// The counts of some cases, printed.
fn counts(cases: &[&'static str]) -> Result<BTreeMap<&'static str, u64>, String> {
    let mut counts = BTreeMap::new();
    for case in cases {
        let count = count(case)?;
        println!("{count:>10}  {case}");
        counts.insert(*case, count);
    }
    Ok(counts)
}

/// Counts every case, prints, and tells whether all counts are as they must be.
pub(crate) fn all() -> Result<bool, String> {
    valgrind::require().map_err(|error| error.to_string())?;
    println!(
        "{PARTNERS} partners of 2 keys, {SERVERS} resource servers of 2 secrets: instructions"
    );
    let mut is_constant = true;
    let mut all = BTreeMap::new();
    let groups: [&[&'static str]; 7] = [
        &MATCHES,
        &UNKNOWN,
        &SDK,
        &APP_MATCHES,
        &APP_UNKNOWN,
        &SERVER_MATCHES,
        &SERVER_UNKNOWN,
    ];
    for cases in groups {
        let counts = counts(cases)?;
        let (least, most) = (counts.values().min(), counts.values().max());
        if let (Some(least), Some(most)) = (least, most)
            && least != most
        {
            is_constant = false;
            println!("NOT CONSTANT: {least} to {most} instructions");
        }
        all.extend(counts);
    }
    all.extend(counts(&OTHERS)?);
    let count = |name: &str| all.get(name).copied().unwrap_or(0);
    for (disabled, unknown) in [
        ("disabled partner", "unknown"),
        ("renewal, disabled partner", "renewal, unknown: none"),
        ("server, disabled", "server, unknown"),
    ] {
        let differ = count(disabled).abs_diff(count(unknown));
        println!("{differ:>10}  between \"{disabled}\" and \"{unknown}\"");
        if differ > DISABLED_MAY_DIFFER {
            is_constant = false;
            println!("NOT CONSTANT: {DISABLED_MAY_DIFFER} may be between them");
        }
    }
    Ok(is_constant)
}
