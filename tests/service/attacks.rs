//! Published attacks on implementations of JOSE and JSON, tried on this one: each test is named by
//! its outcome and names the advisories of those it was the end of.
//!
//! What the contract says of the same inputs is held row by row in `jwe`, `fields`, `http` and
//! `errors`; here is what those have no row for. What an attack may cost is counted by `make
//! attacks`, not here.

mod confusion;
mod curve;
mod injection;
mod json;
mod key_choice;
mod resources;
mod tampering;

use peers::jwe::seal_with_header;
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
