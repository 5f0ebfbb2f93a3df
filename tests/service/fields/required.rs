//! The members that every request has.

use base64::{Engine, engine::general_purpose::STANDARD};
use service_tests::{Plain, Service, reference};

use super::{accepts, quoted, refuses, sdk_public_key::jwk, tells_values_apart, texts};
use crate::contract;

#[tokio::test]
async fn a_reference_id_is_1_to_64_of_its_characters() {
    let service = Service::start().await;
    let all = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._";
    accepts(
        &service,
        "referenceId",
        &quoted(&[
            "a",
            "0",
            "-",
            ":",
            ".",
            "_",
            all,
            ":-:-",
            "..",
            "f3b0c442-98fc-4c14-9afb-4c8996fb9242",
        ]),
    )
    .await;
    assert_eq!(all.len(), 64);
    let mut refused = quoted(&[
        "",
        " ",
        "a b",
        "a/b",
        "a#b",
        "a\n",
        "\u{0}",
        "é",
        "a,b",
        "a+b",
        "%41",
        " a",
        "a\u{200b}",
        &format!("{all}a"),
    ]);
    refused.extend(texts(&["1", "true", "[]", "{}", "", "null", r#"["a"]"#]));
    refuses(&service, "referenceId", &refused).await;
}

#[tokio::test]
async fn an_sdk_api_key_is_1_to_128_printable_characters() {
    let service = Service::start().await;
    let mut refused = quoted(&["", "é", "a\tb", "\u{7f}", "ABCDEFGH\n", &"a".repeat(129)]);
    refused.extend(texts(&["1", "true", "[]", "{}", "", "null"]));
    refuses(&service, "sdkApiKey", &refused).await;
    // Valid, but not the partner's: case and white space count.
    for stranger in [
        "a",
        "!~",
        "A B",
        "abcdefgh",
        "ABCDEFGH ",
        &"a".repeat(128),
        "GLOBEXSDK",
    ] {
        let plain = Plain::new().text("sdkApiKey", stranger);
        let reply = service.ask(&plain).await.refused(401, "TOK004");
        assert_eq!(reply.text("referenceId"), plain.reference());
        assert!(reply.json["errors"].is_null(), "{reply}");
    }
}

#[tokio::test]
async fn an_account_number_is_1_to_19_digits_and_their_zeros_stay() {
    let service = Service::start().await;
    let accepted = [
        "0",
        "1",
        "1000",
        "9223372036854775808",
        "9999999999999999999",
        r#""0""#,
        r#""1""#,
        r#""0000000000000000000""#,
        r#""9999999999999999999""#,
        r#""\u0031""#,
    ];
    accepts(&service, "accountNumber", &texts(&accepted)).await;
    let refused = [
        "",
        "null",
        r#""""#,
        "10000000000000000000",
        r#""10000000000000000000""#,
        "-1",
        "-0",
        "1.0",
        "1.5",
        "1e3",
        "1E3",
        "1e0",
        r#""-1""#,
        r#""+1""#,
        r#"" 1""#,
        r#""1 ""#,
        r#""1.0""#,
        r#""1e3""#,
        r#""0x1""#,
        r#""١""#,
        r#""１""#,
        r#""1\u0000""#,
        "true",
        "[]",
        "[1]",
        "{}",
    ];
    refuses(&service, "accountNumber", &texts(&refused)).await;
    tells_values_apart(
        &service,
        "accountNumber",
        &[
            &["1000", r#""1000""#, r#""\u0031000""#],
            &[r#""01000""#],
            &[r#""001000""#],
            &["10000"],
        ],
    )
    .await;
    // Beyond what a double holds.
    tells_values_apart(
        &service,
        "accountNumber",
        &[
            &["9007199254740993", r#""9007199254740993""#],
            &["9007199254740992"],
            &["9999999999999999999", r#""9999999999999999999""#],
            &["9999999999999999998"],
        ],
    )
    .await;
}

#[tokio::test]
async fn names_every_failing_member_at_once() {
    let service = Service::start().await;
    let members = contract::usual_members();
    let plain = members
        .iter()
        .fold(Plain::new(), |plain, member| plain.with(member, "true"));
    let reply = service.ask(&plain).await.refused(400, "TOK400");
    assert_eq!(reply.failing(), Vec::from_iter(members));

    let reply = service.ask_bytes(b"{}").await.refused(400, "TOK400");
    let required = contract::required_members();
    assert_eq!(reply.failing(), Vec::from_iter(required));

    let plain = Plain::new()
        .without("sdkPublicKey")
        .with("dob", "1")
        .with("firstName", "\"\"");
    let reply = service.ask(&plain).await.refused(400, "TOK400");
    assert_eq!(reply.failing(), ["dob", "firstName", "sdkPublicKey"]);
    assert_eq!(reply.text("referenceId"), plain.reference());

    let off_curve = jwk(|jwk| jwk["y"] = "A".repeat(43).into());
    let plain = Plain::new()
        .text("sdkPublicKey", &STANDARD.encode(off_curve))
        .with("dob", "1");
    assert_eq!(service.ask(&plain).await.failing(), ["dob", "sdkPublicKey"]);
}

#[tokio::test]
async fn a_missing_member_and_a_null_one_are_the_same() {
    let service = Service::start().await;
    let required = contract::required_members();
    for member in &required {
        let missing = service
            .ask(&Plain::new().without(member))
            .await
            .refused(400, "TOK400");
        let null = service
            .ask(&Plain::new().with(member, "null"))
            .await
            .refused(400, "TOK400");
        assert_eq!(missing.json["errors"], null.json["errors"], "{member}");
    }
    let reference = reference();
    let first = service.ask(&Plain::of(&reference)).await.issued();
    for member in contract::members().difference(&required) {
        let plain = Plain::of(&reference).with(member, "null");
        service.ask(&plain).await.replays(&first);
    }
}
