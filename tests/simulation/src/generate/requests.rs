//! The requests of a sequence: mostly about one session, so that the operations meet there.

use std::time::Duration;

use super::Random;
use crate::sequence::{
    APPS, Ask, Deed, Introspect, Invalidate, Keys, Operation, PairId, Partner, Renew, Request,
    Server, Step,
};

impl Random {
    pub(super) fn request(&mut self) -> Request {
        let operation = self.operation();
        let pair = match operation {
            Operation::Issue => self.pair(),
            _ => self.session(),
        };
        self.request_for(operation, pair)
    }

    /// Two to four, mostly about one session: the same again, or another operation on it.
    pub(super) fn requests(&mut self) -> Vec<Request> {
        let first = self.request();
        let mut requests = vec![first];
        for _ in 0..self.rng.usize(1..=3) {
            requests.push(match self.rng.u8(0..10) {
                0..4 => first,
                4 | 5 => self.request_for(first.operation(), first.pair()),
                6..9 => {
                    let operation = self.operation();
                    self.request_for(operation, first.pair())
                }
                _ => self.request(),
            });
        }
        requests
    }

    /// A session that is shortened and renewed, so that its pair is free while its first token has
    /// not expired: too many steps to come up by themselves.
    pub(super) fn freed_early(&mut self) -> Vec<Step> {
        let pair = PairId {
            partner: Partner::Acme,
            reference: 0,
        };
        let mut request = |operation| {
            let request = self.request_for(operation, pair);
            Deed::Ask(request.safe())
        };
        let deeds = [
            request(Operation::Issue),
            Deed::Shorten(Partner::Acme, true),
            Deed::Restart,
            request(Operation::Renew),
            Deed::Pass(Duration::from_secs(4600)),
            request(Operation::Issue),
            request(Operation::Introspect),
            request(Operation::Introspect),
        ];
        deeds.map(Step::of).into()
    }

    /// A session that was asked for, and the place of an app that takes another one's token.
    pub(super) fn copied(&mut self) -> (PairId, [u8; 2]) {
        let (from, by) = (self.rng.u8(0..APPS), self.rng.u8(1..APPS));
        (self.session(), [from, (from + by) % APPS])
    }

    fn operation(&mut self) -> Operation {
        match self.rng.u8(0..100) {
            _ if self.asked.is_empty() => Operation::Issue,
            0..36 => Operation::Issue,
            36..72 => Operation::Renew,
            72..80 => Operation::Invalidate,
            _ => Operation::Introspect,
        }
    }

    fn request_for(&mut self, operation: Operation, pair: PairId) -> Request {
        let keys = self.keys();
        match operation {
            Operation::Issue => {
                if !self.asked.contains(&pair) {
                    self.asked.push(pair);
                }
                Request::Issue(Ask {
                    pair,
                    customer: self.of(&[0, 0, 0, 0, 1, 2]),
                    keys,
                    named: !self.one_in(4),
                    legacy: self.one_in(6),
                })
            }
            Operation::Renew => Request::Renew(Renew {
                pair,
                app: self.app(),
                spoilt: self.one_in(20),
                keys,
                legacy: self.one_in(6),
            }),
            Operation::Invalidate => Request::Invalidate(Invalidate {
                pair,
                keys,
                named: !self.one_in(4),
                legacy: self.one_in(6),
            }),
            Operation::Introspect => Request::Introspect(Introspect {
                server: self.server(),
                pair,
                app: self.app(),
                spoilt: self.one_in(12),
                keys,
            }),
        }
    }

    fn keys(&mut self) -> Keys {
        match self.rng.u8(0..12) {
            0..8 => Keys::Safe,
            8..11 => Keys::Other,
            _ => Keys::Unknown,
        }
    }

    /// The first one is the customer's own.
    fn app(&mut self) -> u8 {
        self.of(&[0, 0, 0, 1, 1, 2])
    }

    pub(super) fn server(&mut self) -> Server {
        self.of(&[Server::Wallet, Server::Wallet, Server::Cards])
    }

    fn pair(&mut self) -> PairId {
        if let Some(first) = self.asked.first()
            && self.rng.u8(0..10) < 6
        {
            return *first;
        }
        PairId {
            partner: self.partner(),
            reference: self.rng.u8(0..2),
        }
    }

    /// One that was asked for, mostly the first.
    fn session(&mut self) -> PairId {
        let at = self.rng.usize(0..self.asked.len().max(1) + 2);
        let chosen = self.asked.get(at).or(self.asked.first()).copied();
        chosen.unwrap_or_else(|| self.pair())
    }
}
