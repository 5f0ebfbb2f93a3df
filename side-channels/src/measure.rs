//! Two classes of keys, timed in random order, and Welch's t between them.

use std::{hint::black_box, time::Instant};

use crate::variants::{ALL, Digest, Entry, Make, PARTNERS, Table, digest};

/// Calls a class pair.
const SAMPLES: usize = 200_000;
/// Tenths that count: the slowest are an interrupt's work and not the code's.
const KEPT_TENTHS: usize = 9;
/// Above this the classes are told apart. dudect takes 10 for certain; a machine that others use is never quite still.
const THRESHOLD: f64 = 20.0;

/// Two keys of one length, and what they are to one table: addresses and caches are the same for both.
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
fn welch(table: &dyn Table, keys: [&str; 2]) -> (f64, f64) {
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

/// How often the code as it is may be told apart before that counts: a busy machine can cause it once.
const TRIES: usize = 3;

/// Every pair with every variant. Fails if the code as it is, the first variant, is told apart in each
/// of [`TRIES`], or if a planted bug is not.
pub(crate) fn all() -> Result<(), String> {
    let mut wrong = Vec::new();
    for (at, (variant, make)) in ALL.iter().enumerate() {
        println!("{variant}: {SAMPLES} samples a pair, told apart above |t| = {THRESHOLD}");
        let is_planted = at > 0;
        if is_planted {
            if !is_told_apart(*make)? {
                wrong.push(format!("not seen: {variant}"));
            }
        } else if always(TRIES, || is_told_apart(*make))? {
            wrong.push(format!("told apart in each of {TRIES} tries: {variant}"));
        }
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(wrong.join("; ")),
    }
}

/// Whether any pair is told apart by one variant.
fn is_told_apart(make: Make) -> Result<bool, String> {
    let mut is_told_apart = false;
    for Pair {
        name,
        keys,
        entries,
    } in &PAIRS
    {
        let table = make(&entries(&keys.map(digest))).ok_or("no such table")?;
        let (t, difference) = welch(table.as_ref(), *keys);
        let apart = t.abs() > THRESHOLD;
        is_told_apart |= apart;
        let verdict = if apart { "TOLD APART" } else { "alike" };
        println!("  t = {t:>9.1}  {difference:>8.1} ns  {verdict:<10}  {name}");
    }
    Ok(is_told_apart)
}

/// Whether each of `tries` says so; the first that does not is the last one.
fn always(
    tries: usize,
    mut try_once: impl FnMut() -> Result<bool, String>,
) -> Result<bool, String> {
    for _ in 0..tries {
        if !try_once()? {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_quiet_try_clears_the_code_and_none_fails_it() {
        for (apart, is_always, tried) in [
            ([true, true, true], true, 3),
            ([true, true, false], false, 3),
            ([false, true, true], false, 1),
        ] {
            let mut times = 0;
            let mut each = apart.into_iter();
            let said = always(TRIES, || {
                times += 1;
                Ok(each.next().unwrap())
            });
            assert_eq!((said, times), (Ok(is_always), tried), "{apart:?}");
        }
    }
}
