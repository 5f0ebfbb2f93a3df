//! Every kind of record that an operation can find, and what the service makes of it.

use in_process_aws::HeldCall;
use model::session::{
    Ages, Asks, Found, FoundByRenewal, Kind, Payload, Read, Token, introspect, judge, judge_renewal,
};
use serde_json::{Value, json};

use crate::driven::{Driven, Got, START, TICK};

/// The token that stands in the table at first. What the model knows of it makes no difference
/// here.
const TOKEN: Token = Token {
    jti: 0,
    session: 0,
    began: 0,
    expires_at: 0,
    replaces: None,
};

/// Each combination of these.
fn every<const N: usize>() -> impl Iterator<Item = [bool; N]> {
    (0..1_u32 << N).map(|case| std::array::from_fn(|bit| case & (1 << bit) != 0))
}

/// A service that has issued one token, and the item that it wrote.
fn issued() -> (Driven, String, Value) {
    let mut driven = Driven::new(Ages::RENEWED);
    let put = waits(driven.call(0, Asks::Issue(Payload::Same), None, false));
    let written = driven.aws.reach_table(&put.name, &put.request);
    put.answer(written);
    let Got::Answered(answered) = driven.answered(0) else {
        panic!("not answered");
    };
    (driven, answered.token.unwrap(), put.request["Item"].clone())
}

fn waits(got: Got) -> HeldCall {
    match got {
        Got::Waits(attempt) => attempt,
        Got::Answered(answered) => panic!("{answered:?}"),
    }
}

fn kind(got: Got) -> Kind {
    match got {
        Got::Answered(answered) => answered.kind,
        Got::Waits(attempt) => panic!("{attempt:?}"),
    }
}

fn status(revoked: bool) -> Value {
    json!({"S": if revoked { "REVOKED" } else { "ACTIVE" }})
}

/// A time that has just come, or is about to.
fn millis(has_come: bool) -> Value {
    let now = START;
    json!({"N": (if has_come { now } else { now + 1 }).to_string()})
}

fn seconds(has_come: bool) -> Value {
    let now = START / 1000;
    json!({"N": (if has_come { now } else { now + 1 }).to_string()})
}

#[test]
fn judges_what_a_get_token_finds() {
    let (mut driven, _, first) = issued();
    for [own, same_request, revoked, expired] in every() {
        let found = Found {
            own,
            same_request,
            revoked,
            expired,
        };
        let payload = match same_request || own {
            true => Payload::Same,
            false => Payload::Other,
        };
        let put = waits(driven.call(1, Asks::Issue(payload), None, false));
        let mut item = first.clone();
        if own {
            item = put.request["Item"].clone();
            if !same_request {
                item["fingerprint"] = json!({"B": "AAAA"});
            }
        }
        item["status"] = status(revoked);
        item["expireAt"] = millis(expired);
        put.find(&item);
        assert_eq!(kind(driven.answered(1)), judge(found, None), "{found:?}");
    }
}

#[test]
fn judges_what_a_renewal_finds() {
    let (mut driven, token, first) = issued();
    for [free, revoked, own, succeeds] in every() {
        let found = FoundByRenewal {
            free,
            revoked,
            own,
            succeeds,
        };
        let update = waits(driven.call(1, Asks::Renew(TOKEN), Some(&token), false));
        let values = &update.request["ExpressionAttributeValues"];
        let mut item = first.clone();
        if own {
            item["jti"] = values[":jti"].clone();
        }
        if succeeds {
            item["previousJti"] = values[":presented"].clone();
        }
        item["status"] = status(revoked);
        item["ttl"] = seconds(free);
        update.find(&item);
        let answered = kind(driven.answered(1));
        assert_eq!(answered, judge_renewal(found, None), "{found:?}");
    }
}

#[test]
fn judges_what_an_introspection_reads() {
    for [expired, free, revoked, same_session] in every() {
        let read = Read {
            expired,
            free,
            revoked,
            same_session,
        };
        let (mut driven, token, mut item) = issued();
        let get = waits(driven.call(1, Asks::Introspect(TOKEN), Some(&token), false));
        let ticks = if expired { Ages::RENEWED.session } else { 0 };
        (0..ticks).for_each(|_| driven.tick());
        let now = driven.at(ticks);
        item["status"] = status(revoked);
        item["ttl"] = json!({"N": (now / 1000 + i64::from(!free)).to_string()});
        if !same_session {
            item["issuedAt"] = json!({"N": (START - TICK).to_string()});
        }
        get.answer((200, json!({"Item": item})));
        assert_eq!(kind(driven.answered(1)), introspect(read, None), "{read:?}");
    }
}
