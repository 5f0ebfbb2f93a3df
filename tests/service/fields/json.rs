//! The JSON around the members: one sound object, or nothing.

use service_tests::{Plain, Reply, Service};

/// A valid request with something put in front of its members.
fn with_prefix(members: &str) -> String {
    Plain::new()
        .json()
        .replacen('{', &format!("{{{members},"), 1)
}

async fn refused(service: &Service, plaintext: impl AsRef<[u8]>) -> Reply {
    service
        .ask_bytes(plaintext.as_ref())
        .await
        .refused(400, "TOK400")
}

#[tokio::test]
async fn refuses_what_is_not_one_json_object() {
    let service = Service::start().await;
    let valid = Plain::new().json();
    for plaintext in [
        "",
        " ",
        "null",
        "true",
        "1",
        "\"\"",
        "[]",
        "[{}]",
        "{",
        "}",
        "{}}",
        "{} {}",
        "{},",
        "hello",
        "{'a':1}",
        "{a:1}",
        "{\"a\":1,}",
        "{\"a\":}",
        "{\"a\":NaN}",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":.5}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\\x\"}",
        "// {}\n{}",
        "{\"a\":tru}",
        "\u{a0}{}",
        &format!("{valid} x"),
        &format!("{valid}\u{0}"),
        &format!("{valid}{valid}"),
        &format!("[{valid}]"),
        &format!("\u{feff}{valid}"),
        &valid[..valid.len() - 1],
        &serde_json::Value::from(valid.as_str()).to_string(),
    ] {
        let reply = refused(&service, plaintext).await;
        assert!(reply.json["referenceId"].is_null(), "{plaintext}: {reply}");
    }
}

#[tokio::test]
async fn refuses_what_is_not_utf_8() {
    let service = Service::start().await;
    let valid = with_prefix(r#""a":"?""#).into_bytes();
    let at = valid.iter().position(|byte| *byte == b'?').unwrap();
    // Cut off, overlong, a surrogate, beyond Unicode, never in UTF-8.
    for bytes in [
        &b"\xc3"[..],
        b"\xc0\xaf",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xff",
        b"\x80",
    ] {
        let mut plaintext = valid.clone();
        plaintext.splice(at..=at, bytes.iter().copied());
        refused(&service, plaintext).await;
    }
    let utf_16: Vec<u8> = Plain::new()
        .json()
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    refused(&service, utf_16).await;
}

#[tokio::test]
async fn refuses_lone_surrogates_and_takes_pairs() {
    let service = Service::start().await;
    for text in [
        r#""a":"\ud800""#,
        r#""a":"\udc00""#,
        r#""a":"\udc00\ud800""#,
        r#""a":"\ud800x""#,
        r#""\ud800":1"#,
        r#""a":["\ud83d"]"#,
        r#""name":"\ud800""#,
    ] {
        refused(&service, with_prefix(text)).await;
    }
    let escaped = Plain::new().with("name", r#""\ud83d\ude00""#);
    let first = service.ask(&escaped).await.issued();
    service
        .ask(&escaped.clone().text("name", "\u{1f600}"))
        .await
        .replays(&first);
}

#[tokio::test]
async fn refuses_a_repeated_member_wherever_it_is() {
    let service = Service::start().await;
    for members in [
        r#""accountNumber":"123123123""#,
        r#""account\u004eumber":1"#,
        r#""accountNumber":null"#,
        r#""a":1,"a":1"#,
        r#""a":1,"\u0061":2"#,
        r#""a":null,"a":null"#,
        r#""":1,"":2"#,
        r#""a":{"b":1,"b":2}"#,
        r#""a":[0,{"b":1,"c":[{"d":1,"\u0064":1}]}]"#,
        r#""name":"a","name":"a""#,
    ] {
        refused(&service, with_prefix(members)).await;
    }
    // Equal names in different objects are no repetition, nor are names that differ in case.
    for members in [
        r#""a":{"a":{"a":1}},"b":{"a":1}"#,
        r#""a":1,"A":1"#,
        r#""AccountNumber":1"#,
    ] {
        service
            .ask_bytes(with_prefix(members).as_bytes())
            .await
            .issued();
    }
}

#[tokio::test]
async fn names_data_for_a_fault_inside_it() {
    let service = Service::start().await;
    for data in [
        r#"{"k":"1","k":"2"}"#,
        r#"{"k":"1","\u006b":"1"}"#,
        r#"{"k":{"l":1,"l":1}}"#,
        r#"{"k":"\ud800"}"#,
        r#"{"k":[[[[[[[[]]]]]]]]}"#,
    ] {
        let reply = service
            .ask(&Plain::new().with("data", data))
            .await
            .refused(400, "TOK400");
        assert_eq!(reply.failing(), ["data"], "{data}");
    }
}

#[tokio::test]
async fn takes_8_levels_and_refuses_9() {
    let service = Service::start().await;
    // The outermost object is level 1.
    let arrays = |levels: usize| format!(r#""a":{}{}"#, "[".repeat(levels), "]".repeat(levels));
    let objects = |levels: usize| {
        format!(
            r#""a":{}1{}"#,
            r#"{"b":"#.repeat(levels),
            "}".repeat(levels)
        )
    };
    for nested in [arrays, objects] {
        service
            .ask_bytes(with_prefix(&nested(7)).as_bytes())
            .await
            .issued();
        refused(&service, with_prefix(&nested(8))).await;
        refused(&service, with_prefix(&nested(2_000))).await;
    }
    // Nesting counts, not brackets.
    service
        .ask_bytes(with_prefix(&format!(r#""a":[{}[]]"#, "[],".repeat(100))).as_bytes())
        .await
        .issued();
    service
        .ask_bytes(with_prefix(r#""a":"[[[[[[[[[[""#).as_bytes())
        .await
        .issued();
}

#[tokio::test]
async fn ignores_unknown_members_white_space_and_escapes() {
    let service = Service::start().await;
    let plain = Plain::new().text("name", "David/é");
    let first = service.ask(&plain).await.issued();
    let spaced = plain.json().replace(',', " ,\n\t").replace(':', " :\r\n");
    assert!(!spaced.contains("test:"), "a reference without colons");
    let escaped = plain
        .json()
        .replace("referenceId", r"\u0072eferenceId")
        .replace("David/é", r"Dav\u0069d\/\u00e9");
    let unknown = plain
        .clone()
        .with("a", "[1.5e300,-0,null,{}]")
        .with("__proto__", "{}")
        .with("Name", "\"x\"");
    for same in [
        format!(" \n{spaced}\t"),
        escaped,
        unknown.json(),
        plain.clone().reversed().json(),
    ] {
        service.ask_bytes(same.as_bytes()).await.replays(&first);
    }
}
