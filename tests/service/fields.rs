//! The request's plaintext: each row of the protocol's table of members, and the JSON around them.
//!
//! What a member becomes is seen through idempotency: two requests with the same `referenceId` are
//! one request exactly if their members are equal after normalisation.

mod customer;
mod data;
mod json;
mod required;
mod sdk_public_key;

use peers::sdk::KeyPair;
use service_tests::{Plain, Reply, Service, reference};

/// Each of these JSON texts is accepted as `member`.
async fn accepts(service: &Service, member: &str, values: &[String]) {
    let mut wrong = Vec::new();
    for value in values {
        let reply = service.ask(&Plain::new().with(member, value)).await;
        if reply.status != 200 {
            wrong.push(format!("{member} {value}: {reply}"));
        }
    }
    assert!(wrong.is_empty(), "must be accepted:\n{}", wrong.join("\n"));
}

/// Each of these JSON texts is refused as `member`, which alone is named, with a reason that does
/// not repeat it.
async fn refuses(service: &Service, member: &str, values: &[String]) {
    let mut wrong = Vec::new();
    for value in values {
        let plain = Plain::new().with(member, value);
        let reply = service.ask(&plain).await;
        if !is_refusal_of(&reply, member, value, &plain.reference()) {
            wrong.push(format!("{member} {value}: {reply}"));
        }
    }
    assert!(wrong.is_empty(), "must be refused:\n{}", wrong.join("\n"));
}

fn is_refusal_of(reply: &Reply, member: &str, value: &str, reference: &str) -> bool {
    let echoed = match member {
        "referenceId" => reply.json["referenceId"].is_null(),
        _ => reply.json["referenceId"] == reference,
    };
    (reply.status, &reply.json["resCode"]) == (400, &"TOK400".into())
        && reply.is_sealed()
        && reply.failing() == [member]
        && reply.errors().all(|(_, reason)| !repeats(reason, value))
        && echoed
}

/// Whether a reason holds the value; a few digits or letters may stand in any sentence.
fn repeats(reason: &str, value: &str) -> bool {
    let value = value.trim_matches('"');
    value.len() >= 6 && reason.contains(value)
}

/// The texts of a class are one value, those of another class are another value. Each class is a
/// list of alternatives for some members, each as `name:JSON` texts; no text leaves the member out.
async fn tells_apart(service: &Service, classes: &[&[Members<'_>]]) {
    let mut wrong = Vec::new();
    for (at, class) in classes.iter().enumerate() {
        let reference = reference();
        let ask = |members: &Members<'_>| {
            let plain = Plain::of(&reference);
            members
                .iter()
                .fold(plain, |plain, (name, json)| plain.with(name, json))
        };
        let first = service.ask(&ask(&class[0])).await.issued();
        for same in &class[1..] {
            let reply = service.ask(&ask(same)).await;
            if !reply.is_replayed() || !reply.gives_the_same_as(&first) {
                wrong.push(format!("{same:?} is not {:?}: {reply}", class[0]));
            }
        }
        for other in classes.iter().enumerate().filter(|(other, _)| *other != at) {
            let reply = service.ask(&ask(&other.1[0])).await;
            if reply.errors().next() != Some(("referenceId", "reused")) {
                wrong.push(format!("{:?} is {:?}: {reply}", other.1[0], class[0]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

type Members<'a> = &'a [(&'a str, &'a str)];

/// The same, for one member.
async fn tells_values_apart(service: &Service, member: &str, classes: &[&[&str]]) {
    let classes: Vec<Vec<[(&str, &str); 1]>> = classes
        .iter()
        .map(|class| class.iter().map(|value| [(member, *value)]).collect())
        .collect();
    let classes: Vec<Vec<Members<'_>>> = classes
        .iter()
        .map(|class| class.iter().map(|members| &members[..]).collect())
        .collect();
    let classes: Vec<&[Members<'_>]> = classes.iter().map(Vec::as_slice).collect();
    tells_apart(service, &classes).await;
}

fn texts(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

/// JSON strings of these texts.
fn quoted<T: AsRef<str>>(values: &[T]) -> Vec<String> {
    let quote = |value: &T| serde_json::Value::from(value.as_ref()).to_string();
    values.iter().map(quote).collect()
}

fn fresh_key() -> KeyPair {
    KeyPair::generate()
}
