//! A protected header's JSON text, sealed by the harness under a key that the receiver has, so that
//! the tag is right whatever the header is. What `jwe` cannot reach by changing bytes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use token_service::{
    jwe::{FormFault, HeaderBuffer, Received},
    keys::{KeyId, SealingKey},
};
use token_service_fuzz::{
    budget::{watched, within},
    others, seal,
    strict_json::{self, NoShape},
};

const KEY: [u8; 32] = [7; 32];

fuzz_target!(|bytes: &[u8]| watched(bytes, check));

fn check(header: &[u8]) {
    let jwe = seal(header, b"plaintext", &KEY);
    let mut buffer = HeaderBuffer::new();
    let received = within(64 * 1024, || Received::parse(jwe.as_bytes(), &mut buffer));
    let opened = received.map(|received| {
        let key = SealingKey::new(KeyId::new("k").unwrap(), &KEY).unwrap();
        let opened = received.open([key]).expect("it is sealed with this key");
        opened.0
    });
    let ours = opened.as_ref().ok().map(|opened| opened.as_slice());
    others::agree(&jwe, &KEY, ours);
    if let Ok(opened) = &opened {
        assert_eq!(opened.as_slice(), b"plaintext");
        assert!(header.len() <= 1024);
    }
    match (&opened, strict_json::shape(header)) {
        (Ok(_), Ok(_)) => {}
        (Ok(_), Err(NoShape::Refused)) => {
            // A lone surrogate in an unknown member's value is not read; anything else is not JSON.
            assert!(
                header.windows(2).any(|pair| pair == b"\\u"),
                "not JSON, and taken"
            );
        }
        // Numbers and nesting of unknown members are not read.
        (Ok(_), Err(NoShape::NumberOutOfRange | NoShape::TooDeep)) => {}
        (Err(fault), Ok(_)) => {
            // Refused for exactly one of the protocol's reasons, each seen by another reading.
            let members: Value = serde_json::from_slice(header).unwrap();
            let text = |name: &str| members.get(name).and_then(Value::as_str);
            let refusable = header.len() > 1024
                || !members.is_object()
                || others::top_level_repeats(header)
                || text("alg") != Some("dir")
                || text("enc") != Some("A256GCM")
                || members.get("kid").is_some_and(|kid| !kid.is_string())
                || members.get("crit").is_some()
                || members.get("zip").is_some();
            assert!(refusable, "refused without a reason: {fault}");
            assert!(matches!(
                fault,
                FormFault::Header(_) | FormFault::Compact(_)
            ));
        }
        (Err(_), Err(_)) => {}
    }
    // Repeated, critical or compressed: never opened, by whichever name it is spelt.
    if let (Ok(_), Ok(members)) = (&opened, serde_json::from_slice::<Value>(header)) {
        assert!(members.get("crit").is_none() && members.get("zip").is_none());
        assert!(
            !others::top_level_repeats(header),
            "a repeated member, and opened"
        );
    }
}
