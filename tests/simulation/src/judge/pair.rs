//! One partner's `referenceId`: whose request may hold it, and which session.
//!
//! A request that was sent may have been written whatever its caller heard, and may yet be written.
//! So a pair begins with everybody who asked as a possible holder, and answers rule them out: a
//! session makes its customer the one holder, `reused` rules one out, `expired` leaves the one who
//! was told. Once the record's `ttl` may have passed on the fastest clock the pair is contested,
//! since some processes may take it for free and others not; when it has passed on the slowest one,
//! all begins anew.

use std::collections::{BTreeSet, HashSet};

use service_tests::clocks::Moment;

use super::{
    conditions::{Clocks, MARGIN},
    record::{Ends, State},
    token::Issued,
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
    session: Option<Known>,
    /// When the sessions began whose record has been replaced.
    replaced: HashSet<i64>,
    /// When a request was last left without an answer that says whether it was written, on the
    /// fastest clock.
    lost: Option<Moment>,
}

#[derive(Debug)]
struct Known {
    began: i64,
    server_pub_key: String,
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
            self.replaced
                .extend(self.session.take().map(|known| known.began));
            self.holders.clear();
            (self.previous, self.contested) = (None, false);
        }
        self.holders.insert(customer);
    }

    /// A request came to nothing that tells whether it was written.
    pub(super) fn lost(&mut self, clocks: &Clocks) {
        self.lost = self.lost.max(Some(*clocks.end()));
    }

    /// This is its record now.
    pub(super) fn stands(&mut self, state: &State) {
        let known = self.session.as_ref();
        if known.is_some_and(|known| known.began == state.began) {
            self.recorded = Some(state.ends);
            (self.previous, self.contested) = (None, false);
        }
    }

    /// A token was answered: is its session the one, and for the one?
    pub(super) fn issued(&mut self, seen: &Seen) -> Result<(), String> {
        if let Some(known) = &mut self.session
            && known.began == seen.issued.began
        {
            return known.again(seen);
        }
        self.may_be_new(seen)?;
        self.replaced
            .extend(self.session.take().map(|known| known.began));
        self.holders = BTreeSet::from([seen.customer]);
        self.recorded = Some(seen.issued.ends);
        self.contested = false;
        self.session = Some(Known {
            began: seen.issued.began,
            server_pub_key: seen.issued.server_pub_key.clone(),
            customer: seen.customer,
            firsts: u32::from(!seen.replayed),
        });
        Ok(())
    }

    fn may_be_new(&self, seen: &Seen) -> Result<(), String> {
        let (jti, began) = (&seen.issued.jti, seen.issued.began);
        if self.replaced.contains(&began) {
            return Err(format!(
                "token {jti} came back after its record was replaced"
            ));
        }
        if let (Some(known), Some(_)) = (&self.session, &self.recorded) {
            return Err(format!(
                "a second session, of token {jti} for customer {}, after that of {} for customer {}",
                seen.customer, known.began, known.customer
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
        match &self.session {
            Some(known) if known.firsts > 1 => Err(format!(
                "{} answers call themselves the first of the session of {}",
                known.firsts, known.began
            )),
            // A contested pair's session was judged before, by what had been lost of it until then.
            Some(known) if known.firsts == 0 && !self.contested && self.lost.is_none() => {
                Err(format!(
                    "every answer of the session of {} calls itself a replay, though none was lost",
                    known.began
                ))
            }
            _ => Ok(()),
        }
    }

    /// A 409 for this reason: is it right? `states` are those that the record may have been in.
    pub(super) fn conflict(
        &mut self,
        customer: u8,
        reason: &str,
        states: &[Option<&State>],
        clocks: &Clocks,
    ) -> Result<(), String> {
        let kept = states
            .iter()
            .flatten()
            .filter(|state| state.ends.ttl > *clocks.start());
        let kept: Vec<&State> = kept.copied().collect();
        let Some(last) = kept.last() else {
            return Err("there is no kept record that could be in the way".to_owned());
        };
        if reason != "reused" && !self.holders.contains(&customer) {
            return Err(format!("the pair is not customer {customer}'s"));
        }
        let expired = |state: &&State| state.ends.expire_at <= *clocks.end();
        match reason {
            "reused" if !self.holders.iter().any(|holder| *holder != customer) => {
                return Err(format!("nobody but customer {customer} can hold the pair"));
            }
            "expired" if !kept.iter().any(expired) => {
                return Err("its token has not expired on any clock".to_owned());
            }
            "revoked" if !kept.iter().any(|state| state.revoked) => {
                return Err("nobody has ended its session".to_owned());
            }
            "reused" | "expired" | "revoked" => {}
            other => return Err(format!("the reason {other} cannot be")),
        }
        if !self.contested {
            match reason {
                "reused" => drop(self.holders.remove(&customer)),
                _ => self.holders = BTreeSet::from([customer]),
            }
            self.recorded = Some(last.ends);
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
        if self.server_pub_key != seen.issued.server_pub_key {
            return Err("the same session with another serverPubKey".to_owned());
        }
        self.firsts += u32::from(!seen.replayed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LIFETIME: i64 = 300_000;
    const TTL: i64 = 3_900_000;

    /// A session is named by a letter.
    fn seen(session: char, customer: u8, replayed: bool) -> Seen {
        Seen {
            issued: Issued {
                began: i64::from(u32::from(session)),
                jti: session.to_string(),
                server_pub_key: String::new(),
                ends: ends(),
            },
            customer,
            replayed,
        }
    }

    fn ends() -> Ends {
        Ends::of_expiry(Moment::of_millis(LIFETIME))
    }

    fn record(revoked: bool) -> State {
        let mut item = json!({
            "jti": {"S": "a"}, "status": {"S": if revoked { "REVOKED" } else { "ACTIVE" }},
            "issuedAt": {"N": (i64::from(u32::from('a')) * 1000).to_string()},
            "expireAt": {"N": LIFETIME.to_string()}, "ttl": {"N": (TTL / 1000).to_string()},
        });
        if revoked {
            item["revokedAt"] = json!({"N": "1"});
        }
        State::read(&item).unwrap()
    }

    /// Whether a 409 for this reason is right while the record stands.
    fn told(pair: &mut Pair, customer: u8, reason: &str, clocks: &Clocks) -> bool {
        let states = [Some(&record(false))];
        pair.conflict(customer, reason, &states, clocks).is_ok()
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
        assert!(pair.issued(&seen('a', 0, false)).is_ok());
        assert!(pair.issued(&seen('a', 0, true)).is_ok());
        assert!(pair.first_once().is_ok());
        assert!(pair.issued(&seen('a', 1, true)).is_err());
        assert!(pair.issued(&seen('b', 0, false)).is_err());
    }

    #[test]
    fn two_first_answers_or_none_are_wrong_unless_one_was_lost() {
        let mut pair = asked(&[0]);
        pair.issued(&seen('a', 0, true)).unwrap();
        assert!(pair.first_once().is_err());
        pair.lost(&clocks(0, 0));
        assert!(pair.first_once().is_ok());
        pair.issued(&seen('a', 0, false)).unwrap();
        pair.issued(&seen('a', 0, false)).unwrap();
        assert!(pair.first_once().is_err());
    }

    #[test]
    fn who_was_told_that_it_is_anothers_never_gets_a_token() {
        let mut pair = asked(&[0, 1]);
        assert!(told(&mut pair, 1, "reused", &clocks(0, 0)));
        assert!(pair.issued(&seen('a', 1, false)).is_err());
        assert!(pair.issued(&seen('a', 0, true)).is_ok());
        // And both cannot be told so.
        let mut pair = asked(&[0, 1]);
        assert!(told(&mut pair, 1, "reused", &clocks(0, 0)));
        assert!(!told(&mut pair, 0, "reused", &clocks(0, 0)));
    }

    #[test]
    fn expired_needs_a_clock_on_which_it_is() {
        let mut pair = asked(&[0]);
        assert!(!told(&mut pair, 0, "expired", &clocks(0, LIFETIME - 1)));
        assert!(told(&mut pair, 0, "expired", &clocks(0, LIFETIME)));
    }

    #[test]
    fn revoked_needs_a_record_that_is() {
        let mut pair = asked(&[0]);
        assert!(!told(&mut pair, 0, "revoked", &clocks(0, LIFETIME)));
        for (customer, is_right) in [(1, false), (0, true)] {
            let states = [Some(&record(false)), Some(&record(true))];
            let told = pair.conflict(customer, "revoked", &states, &clocks(0, 0));
            assert_eq!(told.is_ok(), is_right);
        }
    }

    #[test]
    fn a_renewed_record_is_kept_for_longer() {
        let mut pair = asked(&[0]);
        pair.issued(&seen('a', 0, false)).unwrap();
        pair.recorded = Some(Ends::of_expiry(Moment::of_millis(-TTL)));
        pair.stands(&record(false));
        pair.asked(1, &clocks(TTL - 1, TTL - 1));
        assert!(pair.issued(&seen('b', 1, false)).is_err());
    }

    #[test]
    fn a_pair_is_free_again_after_its_ttl_and_the_old_token_is_gone() {
        let mut pair = asked(&[0]);
        pair.issued(&seen('a', 0, false)).unwrap();
        pair.asked(1, &clocks(TTL, TTL));
        assert!(!told(&mut pair, 1, "reused", &clocks(TTL, TTL)));
        assert!(pair.issued(&seen('b', 1, false)).is_ok());
        assert!(pair.issued(&seen('a', 1, true)).is_err());
    }

    #[test]
    fn a_first_answer_may_have_been_lost_while_clocks_disagreed_on_the_ttl() {
        for (lost, is_right) in [(true, true), (false, false)] {
            let mut pair = asked(&[0]);
            pair.lost(&clocks(0, 0));
            pair.issued(&seen('a', 0, false)).unwrap();
            pair.asked(0, &clocks(TTL - 1, TTL));
            if lost {
                pair.lost(&clocks(TTL - 1, TTL));
            }
            pair.asked(0, &clocks(TTL, TTL));
            pair.issued(&seen('b', 0, true)).unwrap();
            assert_eq!(pair.first_once().is_ok(), is_right);
        }
    }

    #[test]
    fn a_first_answer_that_was_lost_stays_so_while_clocks_disagree_on_the_ttl() {
        let mut pair = asked(&[0]);
        pair.lost(&clocks(0, 0));
        pair.issued(&seen('a', 0, true)).unwrap();
        let disagreeing = clocks(TTL - 1, TTL);
        pair.asked(0, &disagreeing);
        assert!(told(&mut pair, 0, "expired", &disagreeing));
        assert!(pair.first_once().is_ok());
    }

    #[test]
    fn a_request_that_was_lost_just_before_the_ttl_may_have_been_written_after_it() {
        let margin = i64::try_from(MARGIN.as_millis()).unwrap();
        for (lost, is_right) in [(TTL - margin, true), (TTL - margin - 1, false)] {
            let mut pair = asked(&[0]);
            pair.issued(&seen('a', 0, false)).unwrap();
            pair.lost(&clocks(lost, lost));
            pair.asked(0, &clocks(TTL, TTL));
            pair.issued(&seen('b', 0, true)).unwrap();
            assert_eq!(pair.first_once().is_ok(), is_right);
        }
    }

    #[test]
    fn while_clocks_disagree_on_the_ttl_both_is_right() {
        let mut pair = asked(&[0]);
        pair.issued(&seen('a', 0, false)).unwrap();
        pair.asked(1, &clocks(TTL - 1, TTL));
        assert!(told(&mut pair, 1, "reused", &clocks(TTL - 1, TTL)));
        assert!(pair.issued(&seen('b', 1, false)).is_ok());
    }
}
