//! Published attacks on implementations of JOSE and JSON, tried on this one: each test is named by
//! its outcome and names the advisories of those it was the end of.
//!
//! What the contract says of the same inputs is held row by row in `jwe`, `fields`, `http` and
//! `errors`; here is what those have no row for. What an attack may cost is counted by `make
//! attacks`, not here.

mod clients;
mod confusion;
mod curve;
mod forms;
mod injection;
mod json;
mod key_choice;
mod resources;
mod sessions;
mod smuggling;
mod tampering;
mod tokens;

use peers::jwe::seal_with_header;
use serde_json::Value;
use service_tests::{Event, Plain, Service, acme};

/// The members that take almost any text. The rule of every other one leaves an attack no room.
const NAMES: [&str; 5] = ["firstName", "firstname", "lastName", "lastname", "name"];

/// A valid request under this header, sealed with acme's newest key: the header alone can be at
/// fault.
fn under(header: &str) -> String {
    let key = &acme().payload_keys[0];
    seal_with_header(header, Plain::new().json().as_bytes(), &key.k, [9; 12])
}

/// None of the bodies is answered with anything but the one refusal, none is recorded, and the
/// service is still there.
async fn refuses<T: AsRef<str>>(service: &Service, bodies: &[(T, String)]) {
    assert!(!bodies.is_empty());
    let usual = service.post("x").await.refused_plainly(400, "TOK422");
    let puts = service.puts();
    let mut wrong = Vec::new();
    for (attack, body) in bodies {
        // Past the gateway, which takes no body that is not text.
        let reply = service.invoke_event(&Event::of_body(body)).await;
        if (reply.status, &reply.body) != (400, &usual.body) {
            wrong.push(format!("{}: {reply}", attack.as_ref()));
        }
    }
    assert!(
        wrong.is_empty(),
        "must be refused, and alike:\n{}",
        wrong.join("\n")
    );
    assert_eq!(service.puts(), puts, "something was written");
    service.ask(&Plain::new()).await.issued();
}

/// Records that no attack may change.
struct Records<'s> {
    service: &'s Service,
    kept: Vec<(&'static str, String, Value)>,
    asked: u64,
}

impl<'s> Records<'s> {
    /// The records of these partners' references as they are now.
    fn of(service: &'s Service, records: &[(&'static str, &str)]) -> Self {
        let mut kept = Vec::new();
        for (partner, reference) in records {
            let item = item(service, partner, reference);
            kept.push((*partner, (*reference).to_owned(), item));
        }
        let asked = service.dynamodb_faults().requests();
        Self {
            service,
            kept,
            asked,
        }
    }

    /// Each is byte for byte what it was.
    fn are_as_they_were(&self) {
        for (partner, reference, kept) in &self.kept {
            let item = item(self.service, partner, reference);
            assert_eq!(item, *kept, "{partner}#{reference}");
        }
    }

    /// And DynamoDB was not asked at all.
    fn are_untouched(&self) {
        self.are_as_they_were();
        let asked = self.service.dynamodb_faults().requests();
        assert_eq!(asked, self.asked, "DynamoDB was asked");
    }
}

/// A record as DynamoDB JSON, read past the service's endpoint.
fn item(service: &Service, partner: &str, reference: &str) -> Value {
    let item = service.item(partner, reference);
    item.unwrap().expect("there is a record")
}
