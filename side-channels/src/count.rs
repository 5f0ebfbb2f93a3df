//! Executed instructions, counted by valgrind's callgrind in exactly one call.

use std::{collections::BTreeMap, env, hint::black_box, process::Command};

use crate::variants::{ALL, Digest, Entry, PARTNERS, Table, digest};

/// The key that every case presents: only what the table holds differs.
const KEY: &str = "an API key that is presented 001";

/// Answered alike, so that instructions must be alike too: keys that match, at any place, and keys that do not, however
/// near they come.
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

/// By how many instructions a disabled partner may be told from an unknown key: its name is taken for the log.
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
fn counted_by_callgrind(table: &dyn Table, case: &str, key: Option<&str>) -> bool {
    match key {
        Some(key) if case.starts_with("sdk") => table.has_sdk_api_key(key),
        key => table.authenticate(key),
    }
}

/// Runs one case once.
pub(crate) fn once(variant: &str, case: &str) -> Result<(), String> {
    let make = ALL.iter().find(|(name, _)| *name == variant);
    let (_, make) = make.ok_or("no such variant")?;
    let entries = entries(case).ok_or("no such place")?;
    let table = make(&entries).ok_or("no such table")?;
    // What happens only once, such as finding out what the processor can do, happens here.
    black_box(table.authenticate(Some("another key of the same length..")));
    let key = (case != "no key").then_some(KEY);
    let found = counted_by_callgrind(black_box(table.as_ref()), black_box(case), black_box(key));
    println!("{found}");
    Ok(())
}

fn count(variant: &str, case: &str) -> Result<u64, String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg("--toggle-collect=*counted_by_callgrind*")
        .arg(program)
        .args(["once", variant, case])
        .output()
        .map_err(|error| format!("valgrind cannot be run ({error}): apt-get install valgrind"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let expected =
        case.starts_with("match") || ["sdkApiKey: first", "sdkApiKey: second"].contains(&case);
    if String::from_utf8_lossy(&output.stdout).trim() != expected.to_string() {
        return Err(format!("{variant}, {case}: not {expected}: {said}"));
    }
    let collected = said
        .lines()
        .find_map(|line| line.split_once("Collected : "));
    let collected = collected.and_then(|(_, count)| count.trim().parse().ok());
    collected
        .filter(|count| *count > 0)
        .ok_or(format!("nothing counted: {said}"))
}

/// The counts of some cases, printed, and whether they are all the same.
fn same(
    variant: &str,
    cases: &[&'static str],
) -> Result<(bool, BTreeMap<&'static str, u64>), String> {
    let mut counts = BTreeMap::new();
    for case in cases {
        let count = count(variant, case)?;
        println!("{count:>10}  {case}");
        counts.insert(*case, count);
    }
    let mut distinct: Vec<u64> = counts.values().copied().collect();
    distinct.sort_unstable();
    distinct.dedup();
    Ok((distinct.len() == 1, counts))
}

/// Every case of every variant.
pub(crate) fn all() -> Result<(), String> {
    let mut faults = Vec::new();
    for (at, (variant, _)) in ALL.iter().enumerate() {
        println!("{variant}, {PARTNERS} partners of 2 keys: instructions");
        let groups = [MATCHES.as_slice(), &UNKNOWN, &SDK].map(|cases| same(variant, cases));
        let mut all_same = true;
        let mut counts = BTreeMap::new();
        for group in groups {
            let (is_same, group) = group?;
            all_same &= is_same;
            counts.extend(group);
        }
        let is_planted = at > 0;
        if all_same == is_planted {
            faults.push(format!(
                "{variant}: the counts must{} differ",
                if is_planted { "" } else { " not" }
            ));
        }
        if !is_planted {
            let (_, others) = same(variant, &OTHERS)?;
            let count = |name: &str| counts.get(name).or(others.get(name)).copied().unwrap_or(0);
            let differ = count("disabled partner").abs_diff(count("unknown"));
            println!("{differ:>10}  between a disabled partner and an unknown key");
            if differ > DISABLED_MAY_DIFFER {
                faults.push(format!(
                    "a disabled partner differs by {differ} instructions"
                ));
            }
        }
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(faults.join("\n")),
    }
}
