//! `data`: whatever else the partner says, within bounds.

use service_tests::Service;

use super::{accepts, refuses, tells_values_apart};

/// An object of this many entries, each of this value.
fn entries(count: usize, value: &str) -> String {
    let entry = |at| format!("\"key{at}\":\"{value}\"");
    let entries: Vec<String> = (0..count).map(entry).collect();
    format!("{{{}}}", entries.join(","))
}

#[tokio::test]
async fn data_is_a_small_flat_object_of_strings() {
    let service = Service::start().await;
    let accepted = [
        "{}".to_owned(),
        r#"{"key1":"value1"}"#.to_owned(),
        r#"{"k":""}"#.to_owned(),
        r#"{"a b":"line\nbreak \u0000","é":"\ud83d\ude00"}"#.to_owned(),
        entries(32, "v"),
        format!(r#"{{"{}":"v"}}"#, "a".repeat(64)),
        format!(r#"{{"{}":"v"}}"#, "\u{1f600}".repeat(64)),
        format!(r#"{{"k":"{}"}}"#, "a".repeat(1024)),
        format!(r#"{{"k":"{}"}}"#, "\u{1f600}".repeat(1024)),
        entries(8, &"a".repeat(1000)),
    ];
    accepts(&service, "data", &accepted).await;
    let refused = [
        "[]".to_owned(),
        r#"["a"]"#.to_owned(),
        "1".to_owned(),
        "true".to_owned(),
        r#""""#.to_owned(),
        r#""key1=value1""#.to_owned(),
        r#"{"k":null}"#.to_owned(),
        r#"{"k":1}"#.to_owned(),
        r#"{"k":true}"#.to_owned(),
        r#"{"k":["v"]}"#.to_owned(),
        r#"{"k":{"nested":"v"}}"#.to_owned(),
        r#"{"k":"v","l":1}"#.to_owned(),
        r#"{"":"v"}"#.to_owned(),
        entries(33, "v"),
        format!(r#"{{"{}":"v"}}"#, "a".repeat(65)),
        format!(r#"{{"k":"{}"}}"#, "a".repeat(1025)),
        entries(9, &"a".repeat(1024)),
        // Few characters, many bytes.
        entries(3, &"\u{1f600}".repeat(1000)),
    ];
    refuses(&service, "data", &refused).await;
}

#[tokio::test]
async fn data_is_compared_by_its_entries() {
    let service = Service::start().await;
    tells_values_apart(
        &service,
        "data",
        &[
            &[
                r#"{"a":"1","b":"2"}"#,
                r#"{"b":"2","a":"1"}"#,
                r#"{ "\u0061" : "1" , "b" : "\u0032" }"#,
            ],
            &["{}", "null", ""],
            &[r#"{"a":"1"}"#],
            &[r#"{"a":"1","b":""}"#],
            &[r#"{"a":"2","b":"1"}"#],
            &[r#"{"A":"1","b":"2"}"#],
            // What a careless canonical form would mix up.
            &[r#"{"a":"1\",\"b\":\"2"}"#],
            &[r#"{"ab":"12"}"#],
        ],
    )
    .await;
}
