//! A pair's record: what it says, how it may change, and the states that it went through in a step.
//!
//! Items are read before requests are sent and after each answer, one after another. Nobody
//! presents in a step what is made in it, so between two reads a record is renewed once at most.
//! What an answer was decided by is one of the states until it was there.

use std::{collections::HashSet, time::Duration};

use sandbox::item_size::{WRITE_UNIT_BYTES, item_size};
use serde_json::Value;
use service_tests::clocks::Moment;

use super::{
    RETENTION,
    conditions::Clocks,
    rule::{Rule, Wrong},
};

/// When a record's token, and the record itself, end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) expire_at: Moment,
    pub(super) ttl: Moment,
}

impl Ends {
    /// Of the record of a token that ends then.
    pub(super) fn of_expiry(expire_at: Moment) -> Self {
        let ttl = expire_at.after(RETENTION);
        // `ttl` has whole seconds, and so has a token's `exp`.
        Self { expire_at, ttl }
    }
}

/// What a record says at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) jti: String,
    pub(super) previous: Option<String>,
    pub(super) revoked: bool,
    /// When its session began, in seconds since the epoch.
    pub(super) began: i64,
    pub(super) ends: Ends,
    item: Value,
}

/// What may have changed a record.
pub(super) struct May<'a> {
    /// Somebody asks for the pair, or has asked.
    pub(super) be_issued: bool,
    /// The tokens whose renewal was granted in this step, or lost at any time.
    pub(super) be_renewed: &'a HashSet<String>,
    /// An invalidation was granted in this step, or lost at any time.
    pub(super) be_revoked: bool,
    pub(super) clocks: &'a Clocks,
}

/// Whether an item takes one write unit.
pub(super) fn takes_one_unit(item: &Value) -> Result<(), Wrong> {
    match item_size(item) {
        ..=WRITE_UNIT_BYTES => Ok(()),
        bytes => Err((Rule::OneUnit, format!("the item has {bytes} bytes"))),
    }
}

/// The attributes of a renewal, besides `jti`.
const RENEWED: [&str; 5] = ["previousJti", "expireAt", "ttl", "token", "tokenSealedBy"];
/// The attributes that a session keeps.
const KEPT: [&str; 5] = ["pk", "issuedAt", "fingerprint", "sealedBy", "sealed"];

impl State {
    /// Reads an item.
    pub(super) fn read(item: &Value) -> Result<Self, Wrong> {
        let no_record = |what: &str| (Rule::Unchanged, format!("{what} in {item}"));
        let text = |name| attribute(item, name, "S").map(str::to_owned);
        let number = |name| attribute(item, name, "N").and_then(|text| text.parse::<i64>().ok());
        let revoked = match attribute(item, "status", "S") {
            Some("ACTIVE") => false,
            Some("REVOKED") => true,
            _ => return Err(no_record("no status")),
        };
        if revoked != number("revokedAt").is_some() {
            return Err(no_record("status and revokedAt differ"));
        }
        let began = number("issuedAt").ok_or_else(|| no_record("no issuedAt"))?;
        let ttl = number("ttl").and_then(|ttl| u64::try_from(ttl).ok());
        Ok(Self {
            jti: text("jti").ok_or_else(|| no_record("no jti"))?,
            previous: text("previousJti"),
            revoked,
            began: began / 1000,
            ends: Ends {
                expire_at: Moment::of_millis(number("expireAt").unwrap_or_default()),
                ttl: Moment::of_millis(0).after(Duration::from_secs(ttl.unwrap_or_default())),
            },
            item: item.clone(),
        })
    }

    fn has_the_same(&self, other: &Self, names: &[&str]) -> bool {
        let same = |name: &&str| self.item.get(name) == other.item.get(name);
        names.iter().all(same)
    }

    /// The same before it was revoked.
    fn active(&self) -> Self {
        Self {
            revoked: false,
            ..self.clone()
        }
    }

    /// Whether this may be what `old` has become; and the states between them.
    pub(super) fn follows(&self, old: Option<&Self>, may: &May<'_>) -> Result<Vec<Self>, Wrong> {
        let Some(old) = old else {
            return self.may_be_new(may);
        };
        if self.item == old.item {
            return Ok(Vec::new());
        }
        if !self.has_the_same(old, &KEPT) {
            if old.ends.ttl > *may.clocks.end() || self.began <= old.began {
                let what = format!("{} replaced {}, which is kept", self.item, old.item);
                return Err((Rule::OneSession, what));
            }
            let mut between = self.may_be_new(may)?;
            if may.be_revoked {
                let mut revoked = old.clone();
                revoked.revoked = true;
                between.insert(0, revoked);
            }
            return Ok(between);
        }
        self.may_be_renewed(old, may)?;
        let became = || format!("{} became {}", old.item, self.item);
        match (old.revoked, self.revoked) {
            (false, false) if self.jti != old.jti => Ok(Vec::new()),
            (false, true) => {
                self.may_be_revoked(may)?;
                Ok(vec![self.active()])
            }
            (true, false) => Err((Rule::EndedIsOver, became())),
            _ => Err((Rule::Unchanged, became())),
        }
    }

    fn may_be_new(&self, may: &May<'_>) -> Result<Vec<Self>, Wrong> {
        if !may.be_issued {
            let what = format!("nobody asked for {}", self.item);
            return Err((Rule::Unchanged, what));
        }
        if self.previous.is_some() {
            let what = format!("the first token has a predecessor: {}", self.item);
            return Err((Rule::Chain, what));
        }
        if !self.revoked {
            return Ok(Vec::new());
        }
        self.may_be_revoked(may)?;
        Ok(vec![self.active()])
    }

    fn may_be_revoked(&self, may: &May<'_>) -> Result<(), Wrong> {
        match may.be_revoked {
            true => Ok(()),
            false => Err((Rule::Unchanged, format!("nobody ended {}", self.item))),
        }
    }

    fn may_be_renewed(&self, old: &Self, may: &May<'_>) -> Result<(), Wrong> {
        let became = || format!("{} became {}", old.item, self.item);
        if self.jti == old.jti {
            return match self.has_the_same(old, &RENEWED) {
                true => Ok(()),
                false => Err((Rule::Unchanged, became())),
            };
        }
        if old.revoked {
            return Err((Rule::EndedIsOver, became()));
        }
        if self.previous.as_ref() != Some(&old.jti) {
            return Err((Rule::Chain, became()));
        }
        match may.be_renewed.contains(&old.jti) {
            true => Ok(()),
            false => Err((
                Rule::Unchanged,
                format!("no renewal was granted or lost: {}", became()),
            )),
        }
    }
}

/// The states of one pair's record in a step, each with the number of observations when it was
/// there.
#[derive(Debug, Default)]
pub(super) struct Course(Vec<(usize, Option<State>)>);

impl Course {
    /// Adds the next state, and those between it and the last one.
    pub(super) fn add(
        &mut self,
        observed: usize,
        state: Option<State>,
        last: Option<&State>,
        may: &May<'_>,
    ) -> Result<(), Wrong> {
        let followed = match (&state, last) {
            (Some(state), last) => state.follows(last, may),
            (None, Some(last)) => Err((Rule::Unchanged, format!("{} is gone", last.item))),
            (None, None) => Ok(Vec::new()),
        };
        let (between, right) = match followed {
            Ok(between) => (between, Ok(())),
            Err(wrong) => (Vec::new(), Err(wrong)),
        };
        // Between steps nothing is answered.
        if !self.0.is_empty() {
            let between = between.into_iter().map(|state| (observed, Some(state)));
            self.0.extend(between);
        }
        self.0.push((observed, state));
        right
    }

    /// The states until so many observations had been made.
    pub(super) fn until(&self, observed: usize) -> Vec<Option<&State>> {
        let states = self.0.iter();
        let states = states.take_while(|(at, _)| *at <= observed);
        states.map(|(_, state)| state.as_ref()).collect()
    }

    /// The last one.
    pub(super) fn last(&self) -> Option<&State> {
        self.0.last()?.1.as_ref()
    }
}

fn attribute<'a>(item: &'a Value, name: &str, kind: &str) -> Option<&'a str> {
    item.get(name)?.get(kind)?.as_str()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn item(jti: &str, previous: Option<&str>, revoked: bool) -> Value {
        let mut item = json!({
            "pk": {"S": "acme#r0"}, "jti": {"S": jti}, "issuedAt": {"N": "1000"},
            "status": {"S": if revoked { "REVOKED" } else { "ACTIVE" }},
            "expireAt": {"N": "60000"}, "ttl": {"N": "3660"}, "token": {"B": jti},
        });
        if let Some(previous) = previous {
            item["previousJti"] = json!({ "S": previous });
        }
        if revoked {
            item["revokedAt"] = json!({"N": "2000"});
        }
        item
    }

    fn state(jti: &str, previous: Option<&str>, revoked: bool) -> State {
        State::read(&item(jti, previous, revoked)).unwrap()
    }

    /// The rule that `new` breaks when it follows `old`.
    fn broken(old: Option<&State>, new: &State, renewed: &[&str], revoked: bool) -> Option<Rule> {
        let clocks = Moment::of_millis(2000)..=Moment::of_millis(2000);
        let may = May {
            be_issued: true,
            be_renewed: &renewed.iter().map(|jti| (*jti).to_owned()).collect(),
            be_revoked: revoked,
            clocks: &clocks,
        };
        new.follows(old, &may).err().map(|(rule, _)| rule)
    }

    #[test]
    fn a_record_is_renewed_and_revoked_by_what_was_granted() {
        let (first, second) = (state("a", None, false), state("b", Some("a"), false));
        assert_eq!(broken(None, &first, &[], false), None);
        assert_eq!(broken(Some(&first), &second, &["a"], false), None);
        let ended = state("b", Some("a"), true);
        assert_eq!(broken(Some(&first), &ended, &["a"], true), None);
        assert_eq!(
            broken(Some(&first), &ended, &["a"], false),
            Some(Rule::Unchanged)
        );
        assert_eq!(
            broken(Some(&first), &second, &["z"], false),
            Some(Rule::Unchanged)
        );
    }

    #[test]
    fn a_record_has_the_one_before_and_none_after_its_end() {
        let (first, ended) = (state("a", None, false), state("a", None, true));
        let (odd, second) = (state("b", Some("z"), false), state("b", Some("a"), false));
        let renewed = &["a", "z"];
        assert_eq!(
            broken(Some(&first), &odd, renewed, false),
            Some(Rule::Chain)
        );
        for after in [&first, &second] {
            assert_eq!(
                broken(Some(&ended), after, renewed, true),
                Some(Rule::EndedIsOver)
            );
        }
        assert_eq!(broken(None, &second, renewed, false), Some(Rule::Chain));
    }

    #[test]
    fn a_kept_record_is_not_replaced_nor_changed_in_part() {
        let first = state("a", None, false);
        let mut other = item("b", None, false);
        other["issuedAt"] = json!({"N": "2000"});
        let other = State::read(&other).unwrap();
        assert_eq!(
            broken(Some(&first), &other, &[], false),
            Some(Rule::OneSession)
        );
        let mut longer = item("a", None, false);
        longer["ttl"] = json!({"N": "9999"});
        let longer = State::read(&longer).unwrap();
        assert_eq!(
            broken(Some(&first), &longer, &["a"], true),
            Some(Rule::Unchanged)
        );
    }

    #[test]
    fn an_item_takes_one_unit() {
        let mut item = item("a", None, false);
        item["sealed"] = json!({"S": "x".repeat(1024)});
        assert_eq!(takes_one_unit(&item).unwrap_err().0, Rule::OneUnit);
    }
}
