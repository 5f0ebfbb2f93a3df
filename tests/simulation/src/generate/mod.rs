//! A sequence from a seed: the same seed, the same sequence.
//!
//! References and customers are few, so that requests meet each other; troubles come where they are
//! met: DynamoDB's with requests, Secrets Manager's after what makes the function read its secrets.

mod requests;

use std::time::Duration;

use fastrand::Rng;

use crate::{
    sequence::{
        Connections, Deed, Document, PairId, Partner, Party, Rotating, Rubbish, Sequence, Service,
        Step,
    },
    trouble::Trouble,
};

/// The template's timeout, in seconds.
const TIMEOUT: u64 = 15;

impl Sequence {
    /// The sequence of a seed.
    pub fn of_seed(seed: u64) -> Self {
        let mut random = Random {
            rng: Rng::with_seed(seed),
            is_hasty: false,
            is_dark: false,
            asked: Vec::new(),
        };
        random.sequence()
    }
}

struct Random {
    rng: Rng,
    /// The function's timeout is short.
    is_hasty: bool,
    /// Secrets cannot be refreshed.
    is_dark: bool,
    /// The sessions that were asked for so far.
    asked: Vec<PairId>,
}

impl Random {
    fn sequence(&mut self) -> Sequence {
        // A deadline that is nearer than the limits of the function's own calls is the one that has
        // to be kept.
        self.is_hasty = self.one_in(4);
        let timeout = match self.is_hasty {
            true => self.rng.u64(3..=4),
            false => TIMEOUT,
        };
        let at_start = match self.one_in(8) {
            true => self.troubles(6),
            false => Vec::new(),
        };
        let mut steps: Vec<Step> = match self.one_in(16) {
            true => self.freed_early(),
            false => Vec::new(),
        };
        for _ in 0..self.rng.usize(6..=18) {
            let step = self.step(steps.last().map(|step| &step.deed));
            steps.push(step);
        }
        Sequence {
            timeout: Duration::from_secs(timeout),
            at_start,
            steps,
        }
    }

    fn step(&mut self, last: Option<&Deed>) -> Step {
        match last {
            Some(Deed::Outage(Service::SecretsManager, _) | Deed::Rubbish(..)) => {
                self.is_dark = true;
            }
            Some(Deed::Recovery) => self.is_dark = false,
            _ => {}
        }
        if self.is_dark && self.rng.bool() {
            // Instances start that never had a value, are asked, and it is longer than any value
            // may be served.
            return Step::of(match self.rng.u8(0..3) {
                0 => Deed::Restart,
                1 => Deed::Ask(self.request()),
                _ => Deed::Pass(Duration::from_secs(7201)),
            });
        }
        let mut step = Step::of(self.deed());
        let asks = matches!(
            step.deed,
            Deed::Ask(_) | Deed::Together(_) | Deed::Impatient(..) | Deed::Killed(..)
        );
        // After these the function reads its secrets.
        let rereads = matches!(
            last,
            Some(Deed::Restart | Deed::Killed(..) | Deed::Pass(_) | Deed::Rotate(_))
        );
        if asks && self.rng.u8(0..100) < 55 {
            step.dynamodb = self.troubles(4);
        }
        if asks && rereads && self.rng.bool() {
            step.secrets = self.troubles(6);
        }
        step
    }

    fn deed(&mut self) -> Deed {
        match self.rng.u8(0..100) {
            0..34 => Deed::Ask(self.request()),
            34..55 => Deed::Together(self.requests()),
            55..59 => Deed::Impatient(self.request(), self.rng.u16(1..1200)),
            59..65 => {
                // Most requests are over within some milliseconds; one that stalls is not.
                let latest = if self.rng.bool() { 20 } else { 1500 };
                Deed::Killed(self.request(), self.rng.u16(0..latest))
            }
            65..71 => Deed::Rotate(self.rotating()),
            71..74 => Deed::Enable(self.party(), self.rng.bool()),
            74 => Deed::Shorten(self.partner(), !self.one_in(3)),
            75..78 if !self.asked.is_empty() => {
                let (pair, from_to) = self.copied();
                Deed::Copy(pair, from_to)
            }
            78..80 => {
                let service = self.either(Service::DynamoDb, Service::SecretsManager);
                Deed::Outage(service, self.lasting_trouble())
            }
            80..85 => {
                let document = self.either(Document::ApiKeys, Document::ServerKeys);
                Deed::Rubbish(
                    document,
                    self.either(Rubbish::NotJson, Rubbish::BreaksARule),
                )
            }
            85..88 => Deed::Recovery,
            88..92 => {
                let seconds = [1, 31, 301, 301, 601, 1801, 3601, 7201];
                Deed::Pass(Duration::from_secs(self.of(&seconds)))
            }
            92..95 if !self.is_hasty => {
                let ahead = self.rng.i16(30..=300);
                let ahead = self.of(&[ahead, -ahead, 300, -300, 0]);
                let which = (!self.one_in(3)).then(|| self.rng.u8(0..3));
                Deed::Skew(which, ahead)
            }
            95..97 => Deed::Restart,
            97..99 => Deed::Freeze(self.either(Connections::Close, Connections::Silence)),
            _ => Deed::Ask(self.request()),
        }
    }

    /// At least one, seldom as many as `most`.
    fn troubles(&mut self, most: usize) -> Vec<Trouble> {
        let mut troubles = vec![self.trouble()];
        while troubles.len() < most && self.rng.u8(0..100) < 45 {
            troubles.push(self.trouble());
        }
        troubles
    }

    fn trouble(&mut self) -> Trouble {
        if self.is_hasty && self.one_in(3) {
            return self.either(Trouble::StallBefore, Trouble::StallAfter);
        }
        match self.rng.u8(0..24) {
            0 => Trouble::Denied,
            1 => Trouble::Malformed,
            2 | 3 => Trouble::Slow(self.rng.u16(1..400)),
            4..7 => Trouble::Late(self.rng.u16(1..3000)),
            7 => Trouble::Trickle(self.of(&[1, 100])),
            8..10 => Trouble::StallBefore,
            10..13 => Trouble::StallAfter,
            13..15 => Trouble::Refuse,
            15..17 => Trouble::ResetBefore,
            17..20 => Trouble::ResetAfter,
            20 | 21 => Trouble::InternalError,
            _ => Trouble::Throttle,
        }
    }

    /// One that no retry gets past.
    fn lasting_trouble(&mut self) -> Trouble {
        self.of(&[
            Trouble::Refuse,
            Trouble::ResetBefore,
            Trouble::ResetAfter,
            Trouble::StallBefore,
            Trouble::StallAfter,
            Trouble::InternalError,
            Trouble::Throttle,
            Trouble::Throttle,
            Trouble::Denied,
            Trouble::Malformed,
            Trouble::Trickle(100),
        ])
    }

    fn rotating(&mut self) -> Rotating {
        match self.rng.u8(0..9) {
            0 => Rotating::Payload(self.partner()),
            1 => Rotating::Api(self.partner()),
            2 => Rotating::SdkApi(self.partner()),
            3 => Rotating::Secret(self.server()),
            4..6 => Rotating::Token,
            _ => Rotating::Record,
        }
    }

    fn party(&mut self) -> Party {
        match self.one_in(3) {
            true => Party::Server(self.server()),
            false => Party::Partner(self.partner()),
        }
    }

    fn partner(&mut self) -> Partner {
        self.either(Partner::Acme, Partner::Globex)
    }

    fn one_in(&mut self, count: u8) -> bool {
        self.rng.u8(0..count) == 0
    }

    fn either<T>(&mut self, a: T, b: T) -> T {
        if self.rng.bool() { a } else { b }
    }

    fn of<T: Copy, const N: usize>(&mut self, choices: &[T; N]) -> T {
        let at = self.rng.usize(0..N);
        // `at` is below N; the first stands in for the impossible.
        *choices.get(at).unwrap_or(&choices[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_sequence() {
        assert_eq!(Sequence::of_seed(7), Sequence::of_seed(7));
        assert_ne!(Sequence::of_seed(7), Sequence::of_seed(8));
    }

    #[test]
    fn clocks_stay_right_where_the_deadline_is_what_is_tried() {
        for seed in 0..500 {
            let sequence = Sequence::of_seed(seed);
            let skews = sequence
                .steps
                .iter()
                .any(|step| matches!(step.deed, Deed::Skew(..)));
            assert!(!skews || sequence.timeout.as_secs() == TIMEOUT, "{seed}");
        }
    }

    #[test]
    fn each_deed_comes_up() {
        let all: Vec<Step> = (0..300)
            .flat_map(|seed| Sequence::of_seed(seed).steps)
            .collect();
        let kinds: std::collections::HashSet<_> = all
            .iter()
            .map(|step| std::mem::discriminant(&step.deed))
            .collect();
        assert_eq!(kinds.len(), 15);
    }

    #[test]
    fn each_operation_comes_up_beside_each_other() {
        let mut beside = std::collections::BTreeSet::new();
        for step in (0..300).flat_map(|seed| Sequence::of_seed(seed).steps) {
            if let Deed::Together(requests) = step.deed {
                for pair in requests.windows(2) {
                    beside.insert([pair[0].operation(), pair[1].operation()]);
                }
            }
        }
        assert_eq!(beside.len(), 16);
    }
}
