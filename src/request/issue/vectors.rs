//! `docs/vectors/members.json`.

use ring::rand::SystemRandom;

use super::{super::*, *};
use crate::vectors::{Vector, read};

fn parse(vector: &Vector) -> Result<IssueRequest, RequestFault> {
    // Any day from now on will do: the vectors' dates are long past, or decades away.
    let today = Date::from_calendar_date(2026, time::Month::November, 24).unwrap();
    let plaintext = vector.bytes("plaintextUtf8");
    RequestFields::parse(&plaintext, today)?.agree(&SystemRandom::new())
}

#[test]
fn normalises_the_members_of_every_request() {
    for vector in read("members").0 {
        let name = vector.name();
        let request = parse(&vector).unwrap_or_else(|fault| panic!("{name}: {fault:?}"));
        assert_eq!(request.reference_id.as_str(), vector.text("referenceId"));
        let customer = serde_json::to_string(&request.customer).unwrap();
        assert_eq!(customer, vector.text("customerUtf8"), "{name}");
    }
}

#[test]
fn names_the_failing_members_of_every_wrong_request() {
    for vector in read("members").1 {
        let name = vector.name();
        let Err(fault) = parse(&vector) else {
            panic!("accepted {name}")
        };
        let fields: Vec<_> = fault.members().iter().map(|fault| fault.field).collect();
        assert_eq!(*vector.json("fields"), serde_json::json!(fields), "{name}");
        let (reference_id, found) = match &fault {
            RequestFault::Members { reference_id, .. } => (reference_id.as_ref(), None),
            RequestFault::Json { fault, .. } => (None, Some(in_words(fault))),
            RequestFault::Generator => panic!("the generator failed"),
        };
        let reference_id = reference_id.map(ReferenceId::as_str);
        assert_eq!(vector.json("referenceId").as_str(), reference_id, "{name}");
        match found {
            Some(found) => assert_eq!(found, vector.fault(), "{name}"),
            None => assert!(fits(vector.fault(), &fields), "{name}"),
        }
    }
}

fn in_words(fault: &JsonFault) -> &'static str {
    match fault {
        JsonFault::NotUtf8 | JsonFault::Syntax { .. } => "not-json",
        JsonFault::LoneSurrogate { .. } => "lone-surrogate",
        JsonFault::Repeated { .. } => "repeated-member",
        JsonFault::TooDeep { .. } => "too-deep",
        JsonFault::NotAnObject => "not-an-object",
    }
}

/// Whether a member's fault is called after the member, or after a rule that several members have.
fn fits(fault: &str, fields: &[&str]) -> bool {
    match fault {
        "several" => fields.len() > 1,
        "required" | "two-spellings" => fields.len() == 1,
        member => fields == [member],
    }
}
