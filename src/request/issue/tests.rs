use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use serde_json::{Value as Json, json};

use super::{super::*, *};

/// The example key of RFC 7517 appendix A.1.
fn sdk_public_key() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(
        r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}"#,
    )
}

fn minimal() -> Json {
    json!({
        "referenceId": "ref-1",
        "sdkPublicKey": sdk_public_key(),
        "sdkApiKey": "ABCDEFGH",
        "accountNumber": 123123123,
    })
}

fn today() -> Date {
    Date::from_calendar_date(2026, time::Month::November, 24).unwrap()
}

fn parse(text: &str) -> Result<IssueRequest, RequestFault> {
    RequestFields::parse(text.as_bytes(), today())?.agree(&SystemRandom::new())
}

/// The minimal request with one member set to raw JSON.
fn with(name: &str, raw: &str) -> Result<IssueRequest, RequestFault> {
    let mut request = minimal();
    request.as_object_mut().unwrap().remove(name);
    let rest = request.to_string();
    parse(&format!("{{\"{name}\":{raw},{}", &rest[1..]))
}

/// What the member became, in the canonical form.
fn kept(name: &str, raw: &str) -> Json {
    let request = with(name, raw).unwrap_or_else(|fault| panic!("{name} {raw}: {fault}"));
    serde_json::to_value(&request.customer).unwrap()[name].clone()
}

fn faults(result: Result<IssueRequest, RequestFault>) -> Vec<MemberFault> {
    match result {
        Ok(_) => panic!("accepted"),
        Err(RequestFault::Members { faults, .. }) => faults,
        Err(fault) => panic!("{fault}"),
    }
}

fn refused(name: &'static str, raw: &str) {
    let faults = match with(name, raw) {
        Ok(_) => panic!("accepted {name} {raw}"),
        fault => faults(fault),
    };
    let fields: Vec<_> = faults.iter().map(|fault| fault.field).collect();
    assert_eq!(fields, [name], "{raw}");
    let value = raw.trim_matches('"');
    let reason = &faults[0].reason;
    assert!(
        value.len() < 4 || !reason.contains(value),
        "{reason} repeats {value}"
    );
}

#[test]
fn keeps_what_the_table_says() {
    for (name, raw, expected) in [
        ("accountNumber", "0", json!("0")),
        (
            "accountNumber",
            "1234567890123456789",
            json!("1234567890123456789"),
        ),
        ("accountNumber", r#""0001""#, json!("0001")),
        (
            "accountNumber",
            r#""9999999999999999999""#,
            json!("9999999999999999999"),
        ),
        ("firstName", r#""Zo\u00eb""#, json!("Zo\u{eb}")),
        ("name", r#"" ""#, json!(" ")),
        ("email", r#""a@b""#, json!("a@b")),
        (
            "email",
            r#""o'x+y@sub-1.example""#,
            json!("o'x+y@sub-1.example"),
        ),
        ("isdCode", "91", json!("91")),
        ("isdCode", r#""+91""#, json!("91")),
        ("isdCode", r#""0091""#, json!("0091")),
        ("isdCode", "0", Json::Null),
        ("isdCode", r#""0""#, Json::Null),
        ("isdCode", r#""""#, Json::Null),
        ("isdCode", "null", Json::Null),
        ("mobileNumber", "9642308308", json!("9642308308")),
        (
            "mobileNumber",
            r#""+123456789012345""#,
            json!("123456789012345"),
        ),
        ("dob", "19910807", json!("19910807")),
        ("dob", r#""15051988""#, json!("19880515")),
        ("dob", "15051988", json!("19880515")),
        ("dob", "1021990", json!("19900201")),
        ("dob", "20121990", json!("19901220")),
        ("dob", "19000101", json!("19000101")),
        ("dob", "20261124", json!("20261124")),
        ("dob", "20000229", json!("20000229")),
        ("data", r#"{"b":"2","a":""}"#, json!({"a": "", "b": "2"})),
        ("data", "{}", Json::Null),
    ] {
        assert_eq!(kept(name, raw), expected, "{name} {raw}");
    }
}

#[test]
fn refuses_what_the_table_does_not_accept() {
    let long = |len| format!("\"{}\"", "x".repeat(len));
    for (name, raws) in [
        (
            "referenceId",
            vec![
                "1",
                r#""""#,
                r#""a b""#,
                r##""a#b""##,
                r#""a\nb""#,
                r#""\u00e9""#,
                "[]",
            ],
        ),
        ("sdkPublicKey", vec!["1", r#""""#, r#""e30""#, "{}"]),
        ("sdkApiKey", vec!["1", r#""""#, r#""a\tb""#, r#""\u00e9""#]),
        (
            "accountNumber",
            vec![
                "-1",
                "-0",
                "1.0",
                "1e3",
                r#""""#,
                r#""+1""#,
                r#"" 1""#,
                r#""1a""#,
                r#""\u0661""#,
                "12345678901234567890",
                "true",
                "[1]",
            ],
        ),
        (
            "firstName",
            vec!["1", r#""""#, r#""a\u0000""#, r#""a\u0085b""#, "{}"],
        ),
        (
            "email",
            vec![
                "1",
                r#""""#,
                r#""a""#,
                r#""@b""#,
                r#""a@""#,
                r#""a@b@c""#,
                r#""a@-b""#,
                r#""a@b-""#,
                r#""a@b..c""#,
                r#""a@b_c""#,
                r#""a b@c""#,
                r#""\u00e9@b""#,
            ],
        ),
        (
            "isdCode",
            vec![
                "12345", "-1", "9.1", r#""+""#, r#""++1""#, r#""1 ""#, "true",
            ],
        ),
        (
            "mobileNumber",
            vec![
                "123",
                "1234567890123456",
                r#""""#,
                r#""+123""#,
                r#""12-34""#,
            ],
        ),
        (
            "dob",
            vec![
                "199108071",
                r#""1991+8+7""#,
                "20261125",
                "18991231",
                "31121899",
                "20230229",
                "19910000",
                "0",
                "199108",
                r#""1021990""#,
                r#""1991-08-07""#,
                "-9910807",
                "1.991080",
                "true",
                r#""""#,
            ],
        ),
        (
            "data",
            vec![
                "[]",
                "1",
                r#"{"":"x"}"#,
                r#"{"a":1}"#,
                r#"{"a":null}"#,
                r#"{"a":{}}"#,
            ],
        ),
    ] {
        for raw in raws {
            refused(name, raw);
        }
    }
    for (name, len) in [
        ("referenceId", 65),
        ("sdkApiKey", 129),
        ("name", 101),
        ("lastName", 101),
        ("email", 255),
    ] {
        refused(name, &long(len));
    }
}

#[test]
fn takes_the_longest_values_and_no_longer() {
    let email = |len: usize| format!("\"{}@b\"", "a".repeat(len - 2));
    assert!(with("email", &email(254)).is_ok());
    refused("email", &email(255));
    let label = |len: usize| format!("\"a@{}.b\"", "x".repeat(len));
    assert!(with("email", &label(63)).is_ok());
    refused("email", &label(64));
    // Characters, not bytes.
    assert!(with("name", &format!("\"{}\"", "\u{1f600}".repeat(100))).is_ok());
    refused("name", &format!("\"{}\"", "\u{1f600}".repeat(101)));
    assert!(with("referenceId", &format!("\"{}\"", "r".repeat(64))).is_ok());
    assert!(with("sdkApiKey", &format!("\"{}\"", " ".repeat(128))).is_ok());
}

#[test]
fn bounds_data() {
    let entries = |count: usize, value: &str| {
        let entries: Vec<String> = (10..10 + count)
            .map(|i| format!("\"{i}\":\"{value}\""))
            .collect();
        format!("{{{}}}", entries.join(","))
    };
    assert!(with("data", &entries(32, "")).is_ok());
    refused("data", &entries(33, ""));
    assert!(with("data", &format!("{{\"{}\":\"\"}}", "\u{e9}".repeat(64))).is_ok());
    refused("data", &format!("{{\"{}\":\"\"}}", "\u{e9}".repeat(65)));
    assert!(with("data", &entries(1, &"\u{e9}".repeat(1024))).is_ok());
    refused("data", &entries(1, &"x".repeat(1025)));
    // 8 keys of 2 bytes and 8 values of 1022: 8,192 bytes.
    assert!(with("data", &entries(8, &"x".repeat(1022))).is_ok());
    refused("data", &entries(8, &"x".repeat(1023)));
}

#[test]
fn names_all_failing_members_at_once() {
    let failing =
        r#"{"referenceId":"good","accountNumber":-1,"email":"x","data":{"a":1},"sdkApiKey":null}"#;
    match parse(failing) {
        Err(RequestFault::Members {
            faults,
            reference_id,
        }) => {
            let fields: Vec<_> = faults.iter().map(|fault| fault.field).collect();
            let expected = [
                "sdkPublicKey",
                "sdkApiKey",
                "accountNumber",
                "email",
                "data",
            ];
            assert_eq!(fields, expected);
            assert_eq!(reference_id.unwrap().as_str(), "good");
        }
        _ => panic!("accepted"),
    }
}

#[test]
fn refuses_a_point_that_is_not_on_the_curve_together_with_the_rest() {
    let off_curve = BASE64_URL_SAFE_NO_PAD.encode(format!(
        r#"{{"kty":"EC","crv":"P-256","x":"{0}","y":"{0}"}}"#,
        "A".repeat(43)
    ));
    let mut request = minimal();
    request["sdkPublicKey"] = json!(off_curve);
    request["dob"] = json!("tomorrow");
    let fields: Vec<_> = faults(parse(&request.to_string()))
        .iter()
        .map(|fault| fault.field)
        .collect();
    assert_eq!(fields, ["dob", "sdkPublicKey"]);
}

#[test]
fn takes_either_spelling_of_a_name_but_not_both() {
    assert_eq!(
        serde_json::to_value(&with("firstname", r#""A""#).unwrap().customer).unwrap()["firstName"],
        "A"
    );
    let mut request = minimal();
    request["firstName"] = json!("A");
    request["firstname"] = Json::Null;
    assert!(parse(&request.to_string()).is_ok());
    request["firstname"] = json!("A");
    request["lastName"] = json!("B");
    request["lastname"] = json!("B");
    let fields: Vec<_> = faults(parse(&request.to_string()))
        .iter()
        .map(|fault| fault.field)
        .collect();
    assert_eq!(fields, ["firstName", "lastName"]);
    refused("lastname", r#""""#);
}

#[test]
fn ignores_unknown_members_but_not_their_structure() {
    assert!(with("unknown", r#"{"deep":[[[[[1e999]]]]]}"#).is_ok());
    for raw in [r#"{"a":1,"a":1}"#, "[[[[[[[[]]]]]]]]", r#""\udc00""#] {
        assert!(
            matches!(with("unknown", raw), Err(RequestFault::Json { .. })),
            "{raw}"
        );
    }
}

#[test]
fn names_a_repeated_member_of_its_own_but_no_name_of_the_senders() {
    let members = |text: &str| match parse(text) {
        Err(fault) => fault.members(),
        Ok(_) => panic!("accepted"),
    };
    let repeated = members(r#"{"data":{"secret":"1","secret":"2"}}"#);
    assert_eq!(repeated[0].field, "data");
    assert!(!repeated[0].reason.contains("secret"));
    assert_eq!(members(r#"{"secret":"1","secret":"2"}"#), []);
    assert_eq!(members(r#"{"data.x":1,"data.x":2}"#), []);
}

#[test]
fn debug_shows_no_customer() {
    let mut request = minimal();
    request["name"] = json!("David beckham");
    let shown = format!("{:?}", parse(&request.to_string()).unwrap());
    for secret in ["David", "123123123", "ABCDEFGH"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
