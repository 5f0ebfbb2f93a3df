//! Random walks through the model, on which the service goes along: each attempt reaches the table
//! when the model's does, and each answer and item is compared.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use in_process_aws::HeldCall;
use model::{
    check::Narrated,
    session::{
        Action, Ages, Answer, Asks, Bounds, Calls, Id, Item, Kind, Request, Session, Stage, State,
        Token,
    },
};
use serde_json::{Value, json};
use stateright::Model;

use crate::{
    driven::{Driven, Got},
    partner::Answered,
};

const WALKS: u64 = 400;

/// Farther than what is checked in every state, as this is not. The attempts are the service's.
const MODEL: Session = Session {
    bounds: Bounds {
        calls: Calls {
            issues: 3,
            renewals: 5,
            invalidations: 1,
            introspections: 2,
        },
        attempts: 3,
        horizon: 5,
        ages: Ages::RENEWED,
        faults_end: false,
    },
    bug: None,
};

#[test]
fn answers_and_writes_as_the_model_does() {
    let mut service = Driven::new(MODEL.bounds.ages);
    let mut seen = BTreeMap::new();
    for seed in 1..=WALKS {
        let mut walk = Walk::new(&mut service);
        walk.go(&mut Random(seed));
        walk.present_what_is_over();
        for told in walk.told {
            *seen.entry(told).or_insert(0) += 1;
        }
    }
    // Each kind of answer to each kind of request, so that the comparison is of something.
    let told: BTreeSet<&str> = seen.keys().map(String::as_str).collect();
    let every = BTreeSet::from([
        "Issue Expired",
        "Issue First",
        "Issue First, after its answer was lost",
        "Issue Replay",
        "Issue Reused",
        "Issue Revoked",
        "Renew Expired",
        "Renew First",
        "Renew First, after its answer was lost",
        "Renew Replay",
        "Renew Revoked",
        "Renew Superseded",
        "Invalidate Invalidated",
        "Invalidate Unknown",
        "Introspect Active",
        "Introspect Inactive",
    ]);
    assert_eq!(told, every, "{seen:#?}");
}

/// A walk, and the service that goes along.
struct Walk<'s> {
    state: State,
    steps: Vec<String>,
    service: &'s mut Driven,
    /// What the table made of attempts that are not answered yet.
    reached: HashMap<Id, (u16, Value)>,
    /// One attempt of each request; all of them are equal.
    attempts: HashMap<Id, HeldCall>,
    /// The `jti` of each request's token.
    jtis: HashMap<Id, String>,
    /// Each token that was answered.
    tokens: HashMap<Id, String>,
    told: Vec<String>,
}

impl<'s> Walk<'s> {
    fn new(service: &'s mut Driven) -> Self {
        service.begin_again();
        Self {
            state: State::default(),
            steps: Vec::new(),
            service,
            reached: HashMap::new(),
            attempts: HashMap::new(),
            jtis: HashMap::new(),
            tokens: HashMap::new(),
            told: Vec::new(),
        }
    }

    fn go(&mut self, random: &mut Random) {
        loop {
            let mut actions = Vec::new();
            MODEL.actions(&self.state, &mut actions);
            let Some(action) = random.choose(&actions) else {
                return;
            };
            let Some(next) = MODEL.next_state(&self.state, action) else {
                continue;
            };
            self.steps.push(MODEL.narrate(&self.state, &action, &next));
            self.take(action, &next);
            self.state = next;
            self.compare_items();
        }
    }

    /// The service takes the model's step.
    fn take(&mut self, action: Action, next: &State) {
        match action {
            Action::Call(asks) => self.call(asks),
            Action::Write(id) => self.reach(id),
            Action::Overtake(id) => self.try_again(id),
            Action::LoseAnswer(id) => {
                self.reached.remove(&id);
                self.try_again(id);
            }
            Action::WriteLate(id) => {
                let late = &self.attempts[&id];
                self.service.aws.reach_table(&late.name, &late.request);
            }
            Action::Answer(id) => self.answer(id),
            Action::Die(id) => self.service.die(id),
            Action::Tick => self.service.tick(),
            Action::Delete => self.service.aws.forget_records(),
            Action::Shorten => {}
            Action::Replicate | Action::EndFaults => panic!("{action:?} of {next:?}"),
        }
    }

    fn call(&mut self, asks: Asks) {
        let state = &self.state;
        let id = self.state.calls_so_far();
        let presented = match asks {
            Asks::Renew(token) | Asks::Introspect(token) => Some(self.tokens[&token.jti].as_str()),
            Asks::Issue(_) | Asks::Invalidate { .. } => None,
        };
        match self.service.call(id, asks, presented, state.shortened) {
            Got::Waits(attempt) => {
                let made = [
                    &attempt.request["Item"]["jti"],
                    &attempt.request["ExpressionAttributeValues"][":jti"],
                ];
                if let Some(jti) = made.iter().find_map(|jti| jti["S"].as_str()) {
                    self.jtis.insert(id, jti.to_owned());
                }
                self.attempts.insert(id, attempt);
            }
            Got::Answered(answered) => self.fail(format!("{answered:?} without the table")),
        }
        if let Asks::Introspect(_) = asks {
            self.reach(id);
        }
    }

    fn reach(&mut self, id: Id) {
        let attempt = self.service.attempt(id);
        let reached = self
            .service
            .aws
            .reach_table(&attempt.name, &attempt.request);
        self.reached.insert(id, reached);
    }

    fn try_again(&mut self, id: Id) {
        self.service.attempt(id).fail();
        match self.service.answered(id) {
            Got::Waits(attempt) => {
                let first = &self.attempts[&id];
                assert_eq!(attempt.request, first.request, "{:#?}", self.steps);
            }
            Got::Answered(answered) => self.fail(format!("{answered:?} and no other attempt")),
        }
    }

    fn answer(&mut self, id: Id) {
        let request = *self.state.request(id).unwrap();
        let expected = MODEL.answer(&request, self.state.now);
        let reached = self.reached.remove(&id).unwrap();
        self.service.attempt(id).answer(reached);
        match self.service.answered(id) {
            Got::Answered(answered) => self.compare(&request, expected, answered),
            Got::Waits(attempt) => self.fail(format!("{attempt:?} instead of an answer")),
        }
    }

    fn compare(&mut self, request: &Request, expected: Answer, answered: Answered) {
        assert_eq!(answered.kind, expected.kind, "{:#?}", self.steps);
        let operation = match request.asks {
            Asks::Issue(_) => "Issue",
            Asks::Renew(_) => "Renew",
            Asks::Invalidate { .. } => "Invalidate",
            Asks::Introspect(_) => "Introspect",
        };
        let lost = match (answered.kind, request.stage) {
            (Kind::First, Stage::Found(_)) => ", after its answer was lost",
            _ => "",
        };
        self.told
            .push(format!("{operation} {:?}{lost}", answered.kind));
        let said = match answered.kind {
            Kind::Active => request.presented(),
            _ => expected.token,
        };
        match (said, &answered.claims) {
            (Some(token), Some(claims)) => self.compare_claims(token, claims),
            (None, None) => {}
            (said, claims) => self.fail(format!("{claims:?} of {said:?}")),
        }
        if let (Some(token), Some(compact)) = (expected.token, answered.token) {
            let known = self
                .tokens
                .entry(token.jti)
                .or_insert_with(|| compact.clone());
            assert_eq!(*known, compact, "{:#?}", self.steps);
        }
    }

    fn compare_claims(&self, token: Token, claims: &Value) {
        let seconds = |tick: u8| json!(self.service.at(tick) / 1000);
        for (claim, value) in [
            ("jti", json!(self.jtis[&token.jti])),
            ("auth_time", seconds(token.began)),
            ("exp", seconds(token.expires_at)),
        ] {
            assert_eq!(claims[claim], value, "{claim}: {:#?}", self.steps);
        }
    }

    fn compare_items(&self) {
        let items = self.service.aws.items();
        let expected: Vec<Value> = self.state.item.iter().map(|item| self.item(item)).collect();
        let clear = |item: &Value| {
            let names = [
                "jti",
                "previousJti",
                "status",
                "issuedAt",
                "expireAt",
                "ttl",
            ];
            let clear = names.map(|name| (name, item.get(name).cloned().unwrap_or_default()));
            json!(BTreeMap::from(clear))
        };
        let items: Vec<Value> = items.iter().map(clear).collect();
        assert_eq!(items, expected, "{:#?}", self.steps);
    }

    fn item(&self, item: &Item) -> Value {
        let number = |number: i64| json!({"N": number.to_string()});
        let jti = |id: Id| json!({"S": self.jtis[&id]});
        json!({
            "jti": jti(item.token.jti),
            "previousJti": item.previous.map(jti),
            "status": {"S": if item.revoked { "REVOKED" } else { "ACTIVE" }},
            "issuedAt": number(self.service.at(item.token.began)),
            "expireAt": number(self.service.at(item.token.expires_at)),
            "ttl": number(self.service.at(item.ttl) / 1000),
        })
    }

    /// Without the table: a renewal when its session's end has come, and an introspection of a
    /// token that has expired.
    fn present_what_is_over(&mut self) {
        for token in self.state.held.clone() {
            let session_ended = token.began + MODEL.bounds.ages.session <= self.state.now;
            let expired = token.expires_at <= self.state.now;
            let over = [
                (Asks::Renew(token), session_ended, Kind::Expired),
                (Asks::Introspect(token), expired, Kind::Inactive),
            ];
            for (asks, _, kind) in over.into_iter().filter(|(_, over, _)| *over) {
                let compact = self.tokens[&token.jti].clone();
                match self.service.call(Id::MAX, asks, Some(&compact), false) {
                    Got::Answered(answered) => assert_eq!(answered.kind, kind, "{asks:?}"),
                    Got::Waits(attempt) => self.fail(format!("{attempt:?} for {asks:?}")),
                }
            }
        }
    }

    fn fail(&self, what: String) -> ! {
        panic!("{what} after {:#?}", self.steps)
    }
}

/// Marsaglia's xorshift.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Steps that go on, more often than those that end something.
    fn choose(&mut self, actions: &[Action]) -> Option<Action> {
        let weight = |action: &Action| match action {
            Action::Write(_) | Action::Answer(_) => 8,
            Action::Call(Asks::Issue(_) | Asks::Renew(_)) => 6,
            Action::LoseAnswer(_) => 3,
            Action::Overtake(_) | Action::WriteLate(_) => 2,
            _ => 1,
        };
        let all: u64 = actions.iter().map(weight).sum();
        let mut left = self.next().checked_rem(all)?;
        actions.iter().copied().find(|action| {
            let chosen = left < weight(action);
            left = left.saturating_sub(weight(action));
            chosen
        })
    }
}
