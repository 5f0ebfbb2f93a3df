//! Headers of a renewal that one reader sees and another does not.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use service_tests::{Service, Session};

use super::Records;

const TOKEN: &str = "X-API-TOKEN";
const NUMBER: &str = "X-ACCOUNT-NUMBER";

/// A renewal's event with a header's values in `multiValueHeaders`, and the last one in `headers`,
/// as a REST API has them.
fn with(session: &Session, name: &str, values: &[&str]) -> Value {
    let mut event = session.event().without_header(name).json();
    if let Some(last) = values.last() {
        event["headers"][name] = json!(last);
        event["multiValueHeaders"][name] = json!(values);
    }
    event
}

/// A renewal's event with `value` under another name than the header's.
fn elsewhere(session: &Session, name: &str, other: &str, value: &str) -> Value {
    session
        .event()
        .without_header(name)
        .header(other, value)
        .json()
}

/// What a value becomes that no reader may take for the value.
fn spoilt(value: &str) -> Vec<String> {
    let (start, end) = value.split_at(value.len() / 2);
    let mut spoilt = vec![
        String::new(),
        " ".to_owned(),
        format!("{value},{value}"),
        format!("{value}, {value}"),
        format!("{value};{value}"),
        format!("{value} {value}"),
        format!(",{value}"),
        format!("{value},"),
        format!("\"{value}\""),
        format!("'{value}'"),
        format!("<{value}>"),
        format!("{start}%{:02X}{}", end.as_bytes()[0], &end[1..]),
        STANDARD.encode(value),
        value.chars().rev().collect(),
    ];
    // White space, an obsolete line fold (RFC 9112 section 5.2), control and invisible characters.
    for odd in [
        " ", "\t", "\r\n ", "\r\n\t", "\n", "\r", "\u{0}", "\u{b}", "\u{7f}", "\u{85}", "\u{a0}",
        "\u{200b}", "\u{202e}", "\u{feff}",
    ] {
        spoilt.push(format!("{odd}{value}"));
        spoilt.push(format!("{value}{odd}"));
        spoilt.push(format!("{start}{odd}{end}"));
    }
    spoilt
}

/// Events that differ in one header each, and what they are.
fn repeated(session: &Session, name: &str, value: &str, other: &str) -> Vec<(String, Value)> {
    let mut events = Vec::new();
    for values in [
        &[value, value][..],
        &[value, other],
        &[other, value],
        &["", value],
        &[value, ""],
        &[value, value, value],
        &[other],
        &[],
    ] {
        events.push((
            format!("{} values", values.len()),
            with(session, name, values),
        ));
    }
    // Two spellings of one name.
    let mut event = with(session, name, &[value]);
    let lower = name.to_ascii_lowercase();
    event["multiValueHeaders"][&lower] = json!([other]);
    event["headers"][&lower] = json!(other);
    events.push(("two spellings".to_owned(), event.clone()));
    event["multiValueHeaders"] = Value::Null;
    events.push(("two spellings, single".to_owned(), event));
    // All values decide, and never the last one alone.
    let mut event = with(session, name, &[other, value]);
    event["headers"][name] = json!(value);
    events.push(("the last one valid".to_owned(), event));
    let mut event = with(session, name, &[other]);
    event["headers"][name] = json!(value);
    events.push(("valid in headers alone".to_owned(), event));
    // An HTTP API joins them.
    let joined = format!("{other},{value}");
    let event = session.event().header(name, &joined).http("$default");
    events.push(("joined".to_owned(), event.json()));
    // Not text.
    for odd in [
        json!(7),
        json!([value, 7]),
        json!({ "0": value }),
        json!([[value]]),
    ] {
        let mut event = with(session, name, &[]);
        event["headers"][name] = odd.clone();
        event["multiValueHeaders"][name] = odd;
        events.push(("no text".to_owned(), event));
    }
    events
}

/// Names that some servers take for the header's: CVE-2015-0219 (Django) for the underscores.
fn alike(name: &str) -> [String; 7] {
    [
        name.replace('-', "_"),
        format!("{name} "),
        format!(" {name}"),
        format!("{name}:"),
        format!("{name}\u{0}"),
        format!("HTTP_{}", name.replace('-', "_")),
        format!("X-Forwarded-{}", &name[2..]),
    ]
}

#[tokio::test]
async fn reads_the_token_from_one_value_of_one_header() {
    let service = Service::start().await;
    let session = service.begin().await;
    let other = service.begin().await;
    let (token, number) = (session.token.as_str(), session.account_number.as_str());
    let known = [
        ("acme", session.reference.as_str()),
        ("acme", other.reference.as_str()),
    ];
    let records = Records::of(&service, &known);
    let mut events = repeated(&session, TOKEN, token, &other.token);
    // One valid token alone is one: the body is about another, or sealed for it.
    events.retain(|(what, _)| what != "1 values" && what != "valid in headers alone");
    for value in spoilt(token) {
        let what = format!("{value:?}");
        events.push((what.clone(), with(&session, TOKEN, &[&value])));
        events.push((
            what,
            session
                .event()
                .header(TOKEN, &value)
                .http("$default")
                .json(),
        ));
    }
    for (name, value) in [
        ("Authorization", format!("Bearer {token}")),
        ("Authorization", token.to_owned()),
        ("Cookie", format!("X-API-TOKEN={token}")),
        ("X-Amzn-Remapped-Authorization", token.to_owned()),
        ("Token", token.to_owned()),
        (NUMBER, format!("{number}\r\n{TOKEN}: {token}")),
        ("User-Agent", format!("a\r\n{TOKEN}: {token}")),
    ] {
        events.push((name.to_owned(), elsewhere(&session, TOKEN, name, &value)));
    }
    for name in alike(TOKEN) {
        let event = elsewhere(&session, TOKEN, &name, token);
        events.push((name, event));
    }
    let mut query = session.event().without_header(TOKEN).json();
    query["queryStringParameters"] = json!({ TOKEN: token, "token": token });
    query["multiValueQueryStringParameters"] = json!({ TOKEN: [token], "token": [token] });
    events.push(("the query string".to_owned(), query));
    for length in [4097, 8_192, 1_000_000] {
        let long = "A".repeat(length);
        events.push((format!("{length} bytes"), with(&session, TOKEN, &[&long])));
        let dots = format!("{token}{}", ".".repeat(length));
        events.push((format!("{length} dots"), with(&session, TOKEN, &[&dots])));
    }
    let missing = session.event().without_header(TOKEN).json();
    let usual = service.invoke_renewal(&missing, &session).await;
    let usual = usual.refused_plainly(401, "TOK401");
    for (what, event) in events {
        let reply = service.invoke_renewal(&event, &session).await;
        assert_eq!(
            (reply.status, &reply.body),
            (401, &usual.body),
            "{what}: {reply}"
        );
    }
    // Of two places, `multiValueHeaders` counts, which has them all: this is the other's token.
    let mut event = with(&session, TOKEN, &[&other.token]);
    event["headers"][TOKEN] = json!(token);
    let reply = service.invoke_renewal(&event, &session).await;
    reply.refused_plainly(400, "TOK422");
    records.are_untouched();

    let mut event = with(&session, TOKEN, &[token]);
    event["headers"][TOKEN] = json!(other.token);
    let first = service.invoke_renewal(&event, &session).await.issued();
    for name in ["x-api-token", "x-Api-tOkEN"] {
        let event = elsewhere(&session, TOKEN, name, token);
        service
            .invoke_renewal(&event, &session)
            .await
            .replays(&first);
    }
}

#[tokio::test]
async fn the_account_number_is_one_value_digit_by_digit() {
    let service = Service::start().await;
    let session = service.begin().await;
    let number = session.account_number.as_str();
    let records = Records::of(&service, &[("acme", &session.reference)]);
    let mut events = repeated(&session, NUMBER, number, "1");
    for value in spoilt(number) {
        let what = format!("{value:?}");
        // 123123123 is no palindrome, so each differs.
        assert_ne!(value, number);
        events.push((what.clone(), with(&session, NUMBER, &[&value])));
        events.push((
            what,
            session
                .event()
                .header(NUMBER, &value)
                .http("$default")
                .json(),
        ));
    }
    // Digits of other scripts, and other texts of the same number.
    let script = |zero: u32| -> String {
        let digit = |digit: char| char::from_u32(zero + digit.to_digit(10).unwrap()).unwrap();
        number.chars().map(digit).collect()
    };
    for value in [
        script(0xff10),
        script(0x660),
        script(0x966),
        script(0x1d7ce),
        "\u{b9}\u{b2}\u{b3}123123".to_owned(),
        format!("0{number}"),
        format!("0000000000{number}"),
        format!("+{number}"),
        format!("-{number}"),
        format!("{number}.0"),
        format!("{number}."),
        format!("{number}e0"),
        "1.23123123e8".to_owned(),
        format!("0x{:x}", 123_123_123),
        format!("0o{:o}", 123_123_123),
        "123 123 123".to_owned(),
        "123,123,123".to_owned(),
        "123_123_123".to_owned(),
        format!("{number}%00"),
        format!("{number}0"),
        number[1..].to_owned(),
        // 2^64 more.
        "18446744073832674739".to_owned(),
    ] {
        events.push((value.clone(), with(&session, NUMBER, &[&value])));
    }
    for name in alike(NUMBER)
        .into_iter()
        .chain(["accountNumber".to_owned()])
    {
        let event = elsewhere(&session, NUMBER, &name, number);
        events.push((name, event));
    }
    let mut query = session.event().without_header(NUMBER).json();
    query["queryStringParameters"] = json!({ NUMBER: number });
    events.push(("the query string".to_owned(), query));
    for (what, event) in events {
        let reply = service.invoke_renewal(&event, &session).await;
        let found = (reply.status, &reply.json["resCode"], reply.is_sealed());
        assert_eq!(found, (400, &json!("TOK400"), true), "{what}: {reply}");
        assert_eq!(reply.failing(), [NUMBER], "{what}: {reply}");
    }
    records.are_untouched();
    let event = elsewhere(&session, NUMBER, "x-account-number", number);
    service.invoke_renewal(&event, &session).await.issued();
}
