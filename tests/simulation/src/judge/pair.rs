//! One partner's `referenceId`: whose request may hold it, and which token.
//!
//! A request that was sent may have been written whatever its caller heard, and may yet be written.
//! So a pair begins with everybody who asked as a possible holder, and answers rule them out: a
//! token makes its customer the one holder, `reused` rules one out, `expired` leaves the one who
//! was told. Once the record's `ttl` may have passed on the fastest clock the pair is contested,
//! since some processes may take it for free and others not; when it has passed on the slowest one,
//! all begins anew.

use std::collections::{BTreeSet, HashSet};

use service_tests::clocks::Moment;

use super::{
    conditions::{Clocks, MARGIN},
    token::{Ends, Issued},
};

/// What is known of a pair.
#[derive(Debug, Default)]
pub(super) struct Pair {
    asked: BTreeSet<u8>,
    holders: BTreeSet<u8>,
    /// There is a record for certain, until then.
    recorded: Option<Ends>,
    /// The record before, which some clocks may still take for valid.
    previous: Option<Ends>,
    contested: bool,
    token: Option<Known>,
    /// Tokens whose record has been replaced.
    replaced: HashSet<String>,
    /// When a request was last left without an answer that says whether it was written, on the
    /// fastest clock.
    lost: Option<Moment>,
}

#[derive(Debug)]
struct Known {
    issued: Issued,
    customer: u8,
    firsts: u32,
}

/// A 200.
pub(super) struct Seen {
    pub(super) issued: Issued,
    pub(super) customer: u8,
    pub(super) replayed: bool,
}

impl Pair {
    /// Everybody who ever asked for it.
    pub(super) fn customers(&self) -> impl Iterator<Item = u8> + '_ {
        self.asked.iter().copied()
    }

    /// A request is on its way, while clocks show these times.
    pub(super) fn asked(&mut self, customer: u8, clocks: &Clocks) {
        self.asked.insert(customer);
        if let Some(ends) = self.recorded {
            if ends.ttl > *clocks.end() {
                return;
            }
            self.previous = self.recorded.take();
            self.contested = true;
            // What was lost so far was the old record's, unless its process may have read a time
            // from after its ttl.
            self.lost = self.lost.filter(|lost| lost.after(MARGIN) >= ends.ttl);
        }
        if self
            .previous
            .is_some_and(|ends| ends.ttl <= *clocks.start())
        {
            // Nobody takes that record for valid any more. What was lost meanwhile may be the next
            // one's first answer.
            let replaced = self.token.take().map(|known| known.issued.token);
            self.replaced.extend(replaced);
            self.holders.clear();
            (self.previous, self.contested) = (None, false);
        }
        self.holders.insert(customer);
    }

    /// A request came to nothing that tells whether it was written.
    pub(super) fn lost(&mut self, clocks: &Clocks) {
        self.lost = self.lost.max(Some(*clocks.end()));
    }

    /// A token was answered: is it the one, and for the one?
    pub(super) fn issued(&mut self, seen: &Seen) -> Result<(), String> {
        if let Some(known) = &mut self.token
            && known.issued.token == seen.issued.token
        {
            return known.again(seen);
        }
        self.may_be_new(seen)?;
        let replaced = self.token.take().map(|known| known.issued.token);
        self.replaced.extend(replaced);
        self.holders = BTreeSet::from([seen.customer]);
        self.recorded = Some(seen.issued.ends);
        self.contested = false;
        self.token = Some(Known {
            issued: seen.issued.clone(),
            customer: seen.customer,
            firsts: u32::from(!seen.replayed),
        });
        Ok(())
    }

    fn may_be_new(&self, seen: &Seen) -> Result<(), String> {
        let jti = &seen.issued.jti;
        if self.replaced.contains(&seen.issued.token) {
            return Err(format!(
                "token {jti} came back after its record was replaced"
            ));
        }
        if let (Some(known), Some(_)) = (&self.token, &self.recorded) {
            return Err(format!(
                "a second token, {jti} for customer {}, after {} for customer {}",
                seen.customer, known.issued.jti, known.customer
            ));
        }
        match self.holders.contains(&seen.customer) {
            true => Ok(()),
            false => Err(format!(
                "customer {} got token {jti}, though earlier answers say that the pair is another's: {:?}",
                seen.customer, self.holders
            )),
        }
    }

    /// Whether exactly one answer called itself the first, unless it may have been lost: once all
    /// answers are in.
    pub(super) fn first_once(&self) -> Result<(), String> {
        match &self.token {
            Some(known) if known.firsts > 1 => Err(format!(
                "{} answers call themselves the first with token {}",
                known.firsts, known.issued.jti
            )),
            // A contested pair's token was judged before, by what had been lost of it until then.
            Some(known) if known.firsts == 0 && !self.contested && self.lost.is_none() => {
                Err(format!(
                    "every answer with token {} calls itself a replay, though none was lost",
                    known.issued.jti
                ))
            }
            _ => Ok(()),
        }
    }

    /// A 409 for this reason: is it right? `record` is what stands in the table.
    pub(super) fn conflict(
        &mut self,
        customer: u8,
        reason: &str,
        record: Option<Ends>,
        clocks: &Clocks,
    ) -> Result<(), String> {
        let Some(record) = record else {
            return Err("there is no record that could be in the way".to_owned());
        };
        if record.ttl <= *clocks.start() {
            return Err("the record's ttl has passed: the pair is free".to_owned());
        }
        let ended = |ends: Ends| ends.expire_at <= *clocks.end();
        match reason {
            "reused" => {
                if !self.holders.iter().any(|holder| *holder != customer) {
                    return Err(format!("nobody but customer {customer} can hold the pair"));
                }
                if !self.contested {
                    self.holders.remove(&customer);
                }
            }
            "expired" if !self.holders.contains(&customer) => {
                return Err(format!("the pair is not customer {customer}'s"));
            }
            "expired" if !ended(record) && !self.previous.is_some_and(ended) => {
                return Err("its token has not expired on any clock".to_owned());
            }
            "expired" if !self.contested => self.holders = BTreeSet::from([customer]),
            "expired" => {}
            other => return Err(format!("the reason {other} cannot be")),
        }
        if !self.contested {
            self.recorded = Some(record);
        }
        Ok(())
    }
}

impl Known {
    fn again(&mut self, seen: &Seen) -> Result<(), String> {
        if self.customer != seen.customer {
            return Err(format!(
                "customer {} got the token of customer {}",
                seen.customer, self.customer
            ));
        }
        if self.issued != seen.issued {
            return Err("the same token with another serverPubKey or expireAt".to_owned());
        }
        self.firsts += u32::from(!seen.replayed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME: i64 = 300_000;
    const TTL: i64 = 3_900_000;

    fn seen(token: &str, customer: u8, replayed: bool) -> Seen {
        let ends = ends(0);
        Seen {
            issued: Issued {
                token: token.to_owned(),
                jti: token.to_owned(),
                server_pub_key: String::new(),
                ends,
            },
            customer,
            replayed,
        }
    }

    fn ends(at: i64) -> Ends {
        Ends {
            expire_at: Moment::of_millis(at + LIFETIME),
            ttl: Moment::of_millis(at + TTL),
        }
    }

    fn clocks(slowest: i64, fastest: i64) -> Clocks {
        Moment::of_millis(slowest)..=Moment::of_millis(fastest)
    }

    fn asked(customers: &[u8]) -> Pair {
        let mut pair = Pair::default();
        for customer in customers {
            pair.asked(*customer, &clocks(0, 0));
        }
        pair
    }

    #[test]
    fn one_token_and_its_replays_for_one_customer() {
        let mut pair = asked(&[0, 1]);
        assert!(pair.issued(&seen("a", 0, false)).is_ok());
        assert!(pair.issued(&seen("a", 0, true)).is_ok());
        assert!(pair.first_once().is_ok());
        assert!(pair.issued(&seen("a", 1, true)).is_err());
        assert!(pair.issued(&seen("b", 0, false)).is_err());
    }

    #[test]
    fn two_first_answers_or_none_are_wrong_unless_one_was_lost() {
        let mut pair = asked(&[0]);
        pair.issued(&seen("a", 0, true)).unwrap();
        assert!(pair.first_once().is_err());
        pair.lost(&clocks(0, 0));
        assert!(pair.first_once().is_ok());
        pair.issued(&seen("a", 0, false)).unwrap();
        pair.issued(&seen("a", 0, false)).unwrap();
        assert!(pair.first_once().is_err());
    }

    #[test]
    fn who_was_told_that_it_is_anothers_never_gets_a_token() {
        let mut pair = asked(&[0, 1]);
        pair.conflict(1, "reused", Some(ends(0)), &clocks(0, 0))
            .unwrap();
        assert!(pair.issued(&seen("a", 1, false)).is_err());
        assert!(pair.issued(&seen("a", 0, true)).is_ok());
        // And both cannot be told so.
        let mut pair = asked(&[0, 1]);
        pair.conflict(1, "reused", Some(ends(0)), &clocks(0, 0))
            .unwrap();
        assert!(
            pair.conflict(0, "reused", Some(ends(0)), &clocks(0, 0))
                .is_err()
        );
    }

    #[test]
    fn expired_needs_a_clock_on_which_it_is() {
        let mut pair = asked(&[0]);
        let told = |pair: &mut Pair, at| pair.conflict(0, "expired", Some(ends(0)), &clocks(0, at));
        assert!(told(&mut pair, LIFETIME - 1).is_err());
        assert!(told(&mut pair, LIFETIME).is_ok());
    }

    #[test]
    fn a_pair_is_free_again_after_its_ttl_and_the_old_token_is_gone() {
        let mut pair = asked(&[0]);
        pair.issued(&seen("a", 0, false)).unwrap();
        pair.asked(1, &clocks(TTL, TTL));
        assert!(
            pair.conflict(1, "reused", Some(ends(0)), &clocks(TTL, TTL))
                .is_err()
        );
        assert!(pair.issued(&seen("b", 1, false)).is_ok());
        assert!(pair.issued(&seen("a", 1, true)).is_err());
    }

    #[test]
    fn a_first_answer_may_have_been_lost_while_clocks_disagreed_on_the_ttl() {
        for (lost, is_right) in [(true, true), (false, false)] {
            let mut pair = asked(&[0]);
            pair.lost(&clocks(0, 0));
            pair.issued(&seen("a", 0, false)).unwrap();
            pair.asked(0, &clocks(TTL - 1, TTL));
            if lost {
                pair.lost(&clocks(TTL - 1, TTL));
            }
            pair.asked(0, &clocks(TTL, TTL));
            pair.issued(&seen("b", 0, true)).unwrap();
            assert_eq!(pair.first_once().is_ok(), is_right);
        }
    }

    #[test]
    fn a_first_answer_that_was_lost_stays_so_while_clocks_disagree_on_the_ttl() {
        let mut pair = asked(&[0]);
        pair.lost(&clocks(0, 0));
        pair.issued(&seen("a", 0, true)).unwrap();
        let disagreeing = clocks(TTL - 1, TTL);
        pair.asked(0, &disagreeing);
        pair.conflict(0, "expired", Some(ends(0)), &disagreeing)
            .unwrap();
        assert!(pair.first_once().is_ok());
    }

    #[test]
    fn a_request_that_was_lost_just_before_the_ttl_may_have_been_written_after_it() {
        let margin = i64::try_from(MARGIN.as_millis()).unwrap();
        for (lost, is_right) in [(TTL - margin, true), (TTL - margin - 1, false)] {
            let mut pair = asked(&[0]);
            pair.issued(&seen("a", 0, false)).unwrap();
            pair.lost(&clocks(lost, lost));
            pair.asked(0, &clocks(TTL, TTL));
            pair.issued(&seen("b", 0, true)).unwrap();
            assert_eq!(pair.first_once().is_ok(), is_right);
        }
    }

    #[test]
    fn while_clocks_disagree_on_the_ttl_both_is_right() {
        let mut pair = asked(&[0]);
        pair.issued(&seen("a", 0, false)).unwrap();
        pair.asked(1, &clocks(TTL - 1, TTL));
        assert!(
            pair.conflict(1, "reused", Some(ends(0)), &clocks(TTL - 1, TTL))
                .is_ok()
        );
        assert!(pair.issued(&seen("b", 1, false)).is_ok());
    }
}
