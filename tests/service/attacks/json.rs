//! What two JSON parsers read differently. RFC 8259 leaves it open; here each text has one meaning
//! or none.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use service_tests::{Plain, Service, reference, sdk};

use super::NAMES;
use crate::contract;

/// The name with every character escaped.
fn escaped(name: &str) -> String {
    name.chars()
        .map(|c| format!("\\u{:04x}", c as u32))
        .collect()
}

/// CVE-2017-12635: the validator read the last of two equal names, and the user the first.
#[tokio::test]
async fn refuses_every_member_that_comes_twice_in_either_order_and_spelling() {
    let service = Service::start().await;
    let puts = service.puts();
    for member in &contract::members() {
        let valid = Plain::new().with(member, "\"1\"").json();
        for second in [member.clone(), escaped(member)] {
            for value in ["null", "\"1\"", "{}"] {
                let member = format!("\"{second}\":{value}");
                for twice in [
                    valid.replacen('{', &format!("{{{member},"), 1),
                    format!("{},{member}}}", &valid[..valid.len() - 1]),
                ] {
                    service
                        .ask_bytes(twice.as_bytes())
                        .await
                        .refused(400, "TOK400");
                }
            }
        }
    }
    assert_eq!(service.puts(), puts);
}

#[tokio::test]
async fn refuses_a_member_that_comes_twice_further_down() {
    let service = Service::start().await;
    let jwk = sdk().public_jwk();
    for member in ["kty", "crv", "x", "y"] {
        for second in [member.to_owned(), escaped(member)] {
            let twice = format!("{},\"{second}\":\"\"}}", &jwk[..jwk.len() - 1]);
            let plain = Plain::new().text("sdkPublicKey", &URL_SAFE_NO_PAD.encode(twice));
            assert_eq!(
                service.ask(&plain).await.refused(400, "TOK400").failing(),
                ["sdkPublicKey"]
            );
        }
    }
    for data in [
        r#"{"role":"user","role":"admin"}"#,
        r#"{"role":"user","\u0072ole":"admin"}"#,
    ] {
        let plain = Plain::new().with("data", data);
        assert_eq!(
            service.ask(&plain).await.refused(400, "TOK400").failing(),
            ["data"]
        );
    }
}

/// Numbers that come out differently as a double, a 64-bit integer and a text.
#[tokio::test]
async fn takes_no_number_for_another() {
    let service = Service::start().await;
    let members = contract::members();
    // No JSON at all.
    for number in [
        "NaN",
        "Infinity",
        "-Infinity",
        "0x10",
        "010",
        "1_000",
        "+1",
        "1.",
        ".1",
        "1e",
        "--1",
        "１",
    ] {
        for member in &members {
            let plain = Plain::new().with(member, number);
            service.ask(&plain).await.refused(400, "TOK400");
        }
    }
    // JSON, and no value of any member.
    let exact = [
        "1e999",
        "-1e999",
        "1e-999",
        "1E400",
        "-0",
        "0.0",
        "1.0",
        "1e0",
        "18446744073709551616",
        "-9223372036854775809",
        "99999999999999999999",
        "123456789012345678901234567890",
        "1.7976931348623159e308",
        "4.9e-324",
    ];
    for number in exact {
        for member in &members {
            let reply = service
                .ask(&Plain::new().with(member, number))
                .await
                .refused(400, "TOK400");
            assert!(!reply.failing().is_empty(), "{member} {number}");
        }
        // Where nobody reads it, it is no fault.
        service
            .ask(&Plain::new().with("unknown", number))
            .await
            .issued();
    }
    // Equal as doubles, and different accounts.
    for (one, other) in [
        ("9007199254740992", "9007199254740993"),
        ("9223372036854775807", "9223372036854775808"),
        ("9999999999999999999", "9999999999999999998"),
    ] {
        let reference = reference();
        service
            .ask(&Plain::of(&reference).with("accountNumber", one))
            .await
            .issued();
        service
            .ask(&Plain::of(&reference).with("accountNumber", other))
            .await
            .conflicts("reused");
    }
}

/// NUL, lone surrogates and BOM in any member: refused, or kept as they are, never cut off or
/// replaced.
#[tokio::test]
async fn cuts_and_replaces_no_text() {
    let service = Service::start().await;
    let members = contract::members();
    for text in [
        r"\ud800",
        r"\udfff\ud800",
        r"a\ud800b",
        r"\uD83D",
        r"\ude00\ud83d",
    ] {
        for member in &members {
            service
                .ask(&Plain::new().with(member, &format!("\"{text}\"")))
                .await
                .refused(400, "TOK400");
        }
    }
    for text in [
        "1\\u0000",
        "\\u00001",
        "1\u{feff}",
        "\\ufeff1",
        "1\\u2028",
        "1\\u202e",
        "1\\n",
    ] {
        let strict = members
            .iter()
            .filter(|name| !NAMES.contains(&name.as_str()));
        for member in strict {
            let plain = Plain::new().with(member, &format!("\"{text}\""));
            assert_eq!(
                service.ask(&plain).await.refused(400, "TOK400").failing(),
                [member.as_str()],
                "{text}"
            );
        }
    }
    // In `data` every character counts.
    let reference = reference();
    let ask = |data: &str| Plain::of(&reference).with("data", data);
    service.ask(&ask(r#"{"a":"1"}"#)).await.issued();
    for other in [
        r#"{"a":"1\u0000"}"#,
        r#"{"a\u0000":"1"}"#,
        r#"{"a":"1\ufeff"}"#,
        r#"{"\ufeffa":"1"}"#,
    ] {
        service.ask(&ask(other)).await.conflicts("reused");
    }
}

/// A stack overflow ends a process without an answer (CVE-2022-42004 in jackson-databind).
#[tokio::test]
async fn survives_the_deepest_nesting_that_fits() {
    let service = Service::start().await;
    let room = 24_000;
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let levels = room / open.len();
        for nested in [
            open.repeat(levels),
            format!("{}{}", open.repeat(levels / 2), close.repeat(levels / 2)),
            format!(
                "{}1{}",
                open.repeat(room / (open.len() + 1)),
                close.repeat(room / (open.len() + 1))
            ),
        ] {
            service
                .ask_bytes(nested.as_bytes())
                .await
                .refused(400, "TOK400");
            let member = format!(r#"{{"a":{nested}}}"#);
            service
                .ask_bytes(member.as_bytes())
                .await
                .refused(400, "TOK400");
        }
    }
    service.ask(&Plain::new()).await.issued();
}

/// Names that mean something to JavaScript mean nothing here.
#[tokio::test]
async fn gives_no_name_a_meaning_of_its_own() {
    let service = Service::start().await;
    let plain = Plain::new();
    let first = service.ask(&plain).await.issued();
    for name in [
        "__proto__",
        "constructor",
        "prototype",
        "toString",
        "$ref",
        "@type",
        "",
        "referenceid",
        "REFERENCEID",
    ] {
        let member = format!(r#"{{"isAdmin":true,"referenceId":"{}"}}"#, reference());
        service
            .ask(&plain.clone().with(name, &member))
            .await
            .replays(&first);
    }
}
