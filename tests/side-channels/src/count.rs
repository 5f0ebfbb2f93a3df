//! Executed instructions, counted by valgrind's callgrind in exactly one call.

use std::{collections::BTreeMap, env, hint::black_box, process::Command};

use crate::{
    table::{Digest, Entry, PARTNERS, Table, digest},
    valgrind::{self, Tool},
};

/// The key that every case presents: only what the table holds differs.
const KEY: &str = "an API key that is presented 001";

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
/// Printed, as they are answered in the same words but for other reasons.
const OTHERS: [&str; 2] = ["disabled partner", "no key"];

/// By how many instructions a disabled partner may be told from an unknown key: its name is taken
/// for the log.
const DISABLED_MAY_DIFFER: u64 = 100;

fn random(at: usize) -> Digest {
    digest(&format!("another key {at}"))
}

/// The table of a case.
fn entries(case: &str) -> Option<Vec<Entry>> {
    let key = digest(KEY);
    let other = |at: usize, mask: u8| {
        let mut other = key;
        if let Some(byte) = other.get_mut(at) {
            *byte ^= mask;
        }
        other
    };
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
        "match: first partner, first key" | "sdkApiKey: first" => put(0, 0, key, true)?,
        "match: first partner, second key" | "sdkApiKey: second" => put(0, 1, key, true)?,
        "match: partner in the middle" => put(PARTNERS / 2, 0, key, true)?,
        "match: last partner, second key" => put(PARTNERS - 1, 1, key, true)?,
        "match: every partner" => entries.iter_mut().for_each(|entry| entry.0 = [key; 2]),
        "unknown: first byte of every digest differs" => {
            entries
                .iter_mut()
                .for_each(|entry| entry.0 = [other(0, 0x80); 2]);
        }
        "unknown: last byte of every digest differs" | "sdkApiKey: last byte differs" => {
            entries
                .iter_mut()
                .for_each(|entry| entry.0 = [other(31, 0x80); 2]);
        }
        "unknown: last bit of one digest differs" => put(PARTNERS / 2, 1, other(31, 1), true)?,
        "disabled partner" => put(PARTNERS / 2, 0, key, false)?,
        _ => {}
    }
    Some(entries)
}

/// One case, warmed up; callgrind counts what happens in here.
#[inline(never)]
fn counted_by_callgrind(table: &Table, case: &str, key: Option<&str>) -> bool {
    match key {
        Some(key) if case.starts_with("sdk") => table.has_sdk_api_key(key),
        key => table.authenticate(key),
    }
}

/// Runs one case once.
pub(crate) fn once(case: &str) -> Result<(), String> {
    let entries = entries(case).ok_or("no such place")?;
    let table = Table::new(&entries).ok_or("no such table")?;
    // What happens only once, such as finding out what the processor can do, happens here.
    black_box(table.authenticate(Some("another key of the same length..")));
    let key = (case != "no key").then_some(KEY);
    let found = counted_by_callgrind(black_box(&table), black_box(case), black_box(key));
    println!("{found}");
    Ok(())
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
    let expected =
        case.starts_with("match") || ["sdkApiKey: first", "sdkApiKey: second"].contains(&case);
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
    println!("{PARTNERS} partners of 2 keys: instructions");
    let mut is_constant = true;
    let mut all = BTreeMap::new();
    for cases in [MATCHES.as_slice(), &UNKNOWN, &SDK] {
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
    let differ = count("disabled partner").abs_diff(count("unknown"));
    println!("{differ:>10}  between a disabled partner and an unknown key");
    if differ > DISABLED_MAY_DIFFER {
        is_constant = false;
        println!("NOT CONSTANT: {DISABLED_MAY_DIFFER} may be between them");
    }
    Ok(is_constant)
}
