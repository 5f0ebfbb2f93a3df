//! Two classes of keys, timed in random order, and Welch's t between them.

use std::{hint::black_box, time::Instant};

use crate::table::{Digest, Entry, PARTNERS, Table, digest};

/// Calls a class pair.
const SAMPLES: usize = 200_000;
/// Tenths that count: the slowest are an interrupt's work and not the code's.
const KEPT_TENTHS: usize = 9;
/// Above this the classes are told apart. dudect takes 10 for certain; a machine that others use is
/// never quite still.
const THRESHOLD: f64 = 20.0;

/// Two keys of one length, and what they are to one table: addresses and caches are the same for
/// both.
struct Pair {
    name: &'static str,
    keys: [&'static str; 2],
    entries: fn(&[Digest; 2]) -> Vec<Entry>,
}

const PAIRS: [Pair; 3] = [
    Pair {
        name: "first partner's key / last partner's key",
        keys: [
            "the key of the first partner...",
            "the key of the last partner....",
        ],
        entries: |[first, last]| {
            let mut entries = strangers();
            if let Some(entry) = entries.first_mut() {
                entry.0 = [*first; 2];
            }
            if let Some(entry) = entries.last_mut() {
                entry.0 = [*last; 2];
            }
            entries
        },
    },
    Pair {
        name: "unknown, last byte differs / unknown, all differs",
        keys: [
            "a key that is nearly known 1...",
            "a key that is not known at all.",
        ],
        entries: |[near, _]| {
            let mut near = *near;
            if let Some(last) = near.last_mut() {
                *last ^= 1;
            }
            vec![([near; 2], true); PARTNERS]
        },
    },
    Pair {
        name: "partner in the middle / unknown",
        keys: [
            "the key of a partner between...",
            "the key of nobody at all.......",
        ],
        entries: |[known, _]| {
            let mut entries = strangers();
            if let Some(entry) = entries.get_mut(PARTNERS / 2) {
                entry.0 = [*known; 2];
            }
            entries
        },
    },
];

fn strangers() -> Vec<Entry> {
    let stranger = |at: usize| digest(&format!("a stranger's key {at}"));
    (0..PARTNERS)
        .map(|at| ([stranger(2 * at), stranger(2 * at + 1)], true))
        .collect()
}

/// Mean and variance, as they grow (Welford).
#[derive(Default)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        let delta = value - self.mean;
        self.mean += delta / self.count;
        self.squares += delta * (value - self.mean);
    }

    fn variance_of_mean(&self) -> f64 {
        self.squares / (self.count - 1.0) / self.count
    }
}

/// Welch's t, and the difference of the means in nanoseconds.
fn welch(table: &Table, keys: [&str; 2]) -> (f64, f64) {
    // xorshift64: which class comes next must not be a pattern that a processor learns.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut samples: Vec<(bool, f64)> = Vec::with_capacity(SAMPLES);
    for _ in 0..SAMPLES {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let second = state >> 63 == 1;
        let [a, b] = keys;
        let key = black_box(if second { b } else { a });
        let started = Instant::now();
        black_box(table.authenticate(Some(key)));
        let took = started.elapsed().as_nanos();
        samples.push((second, u32::try_from(took).unwrap_or(u32::MAX).into()));
    }
    let mut times: Vec<f64> = samples.iter().map(|(_, took)| *took).collect();
    times.sort_by(f64::total_cmp);
    let bound = times
        .get(SAMPLES / 10 * KEPT_TENTHS)
        .copied()
        .unwrap_or(f64::MAX);
    let [mut a, mut b] = [Moments::default(), Moments::default()];
    for (second, took) in samples {
        if took <= bound {
            if second { &mut b } else { &mut a }.add(took);
        }
    }
    let difference = a.mean - b.mean;
    let t = difference / (a.variance_of_mean() + b.variance_of_mean()).sqrt();
    (t, difference)
}

/// How often classes may be told apart before that counts: a busy machine can cause it once.
const TRIES: usize = 3;

/// Times every pair, and tells whether one of [`TRIES`] tells none apart.
pub(crate) fn all() -> Result<bool, String> {
    println!("{SAMPLES} samples a pair, told apart above |t| = {THRESHOLD}");
    for _ in 0..TRIES {
        if !is_told_apart()? {
            return Ok(true);
        }
    }
    println!("NOT CONSTANT: told apart in each of {TRIES} tries");
    Ok(false)
}

/// Whether any pair is told apart.
fn is_told_apart() -> Result<bool, String> {
    let mut is_told_apart = false;
    for Pair {
        name,
        keys,
        entries,
    } in &PAIRS
    {
        let table = Table::new(&entries(&keys.map(digest))).ok_or("no such table")?;
        let (t, difference) = welch(&table, *keys);
        let apart = t.abs() > THRESHOLD;
        is_told_apart |= apart;
        let verdict = if apart { "TOLD APART" } else { "alike" };
        println!("  t = {t:>9.1}  {difference:>8.1} ns  {verdict:<10}  {name}");
    }
    Ok(is_told_apart)
}
