//! `tokenctl explain`: what goes beyond the vectors.

mod keys;
mod layers;

use std::time::{Duration, Instant};

use base64::{Engine, prelude::BASE64_STANDARD};
use peers::{jwe, sdk::KeyPair};
use serde_json::{Value, json};

use super::run::{Ended, Folder, acme, tokenctl_of};

fn explain(body: impl AsRef<[u8]>, more: &[&str]) -> Ended {
    let folder = Folder::new();
    let credentials = folder.credentials(|_| ());
    let line = ["explain", "--credentials", &credentials];
    tokenctl_of(body, &[&line[..], more].concat())
}

fn request() -> Value {
    json!({
        "referenceId": "explain:1",
        "sdkPublicKey": KeyPair::generate().public_key(),
        "sdkApiKey": "ABCDEFGH",
        "accountNumber": "0042",
        "dob": "07081991",
        "email": "someone@example.com",
    })
}

fn sealed(text: &str) -> String {
    jwe::seal(
        text.as_bytes(),
        &acme().payload_keys[0].k,
        Some("acme-2026-11"),
    )
}

fn says(ended: &Ended, lines: &[&str]) {
    for line in lines {
        assert!(ended.out.contains(line), "no {line} in\n{}", ended.out);
    }
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    BASE64_STANDARD.encode(bytes)
}

#[test]
fn a_sound_request_is_explained_without_its_values() {
    let ended = explain(sealed(&request().to_string()), &[]);
    assert_eq!(ended.code, 0, "{}", ended.out);
    says(
        &ended,
        &[
            "✓ alg is dir",
            "✓ the key \"acme-2026-11\" opens it",
            "✓ accountNumber is a string of 4 characters: kept as 4 digits",
            "read as ddMMyyyy",
            "Nothing is wrong with this request.",
        ],
    );
    assert!(ended.hides("0042") && ended.hides("someone@") && ended.hides("ABCDEFGH"));
    let revealed = explain(sealed(&request().to_string()), &["--reveal"]);
    says(
        &revealed,
        &["\"0042\"", "\"19910807\"", "someone@example.com"],
    );
    assert!(revealed.hides("ABCDEFGH"));
}

#[test]
fn misspellings_are_named_and_ignored_members_too() {
    let mut request = request();
    for name in ["refrenceId", "mobile_number", "colour"] {
        request[name] = "x".into();
    }
    request["firstname"] = "x".into();
    let ended = explain(sealed(&request.to_string()), &[]);
    assert_eq!(ended.code, 0, "{}", ended.out);
    says(
        &ended,
        &[
            "! \"refrenceId\" is ignored. Is referenceId meant?",
            "! \"mobile_number\" is ignored. Is mobileNumber meant?",
            "\"colour\" is ignored: no such member",
            "firstname is a string of 1 characters: read as firstName",
        ],
    );
}

#[test]
fn goes_on_behind_the_first_fault() {
    // Padding, a wrong alg, another key than the one named, curly quotes, a repeated member, and
    // two rules.
    let text = "{“referenceId”:“a/b”,\"accountNumber\":\"1\",\"data\":{\"k\":\"1\",\"k\":\"2\"},\"dob\":1}";
    let header = r#"{"alg":"A256KW","enc":"A256GCM","kid":"acme-2026-11"}"#;
    let body = jwe::seal_with_header(header, text.as_bytes(), &acme().payload_keys[1].k, [5; 12]);
    let ended = explain(format!("“{body}==”"), &[]);
    assert_eq!(ended.code, 6);
    says(
        &ended,
        &[
            "✗ it has curly quotes around it",
            "✗ the tag is not base64url without padding: it has padding (=) at character 23",
            "✗ alg is \"A256KW\", and must be dir",
            "✗ it names the key \"acme-2026-11\", but another key opens it, \"acme-2026-05\"",
            "✗ it is not JSON: line 1, column 2: a curly quote",
            "✗ the member data.k is repeated",
            "✗ referenceId must be 1-64",
            "✗ dob must be a real date",
            "✗ sdkPublicKey is required",
            "✓ accountNumber",
            "data was not read",
        ],
    );
}

#[test]
fn finds_where_a_library_differs() {
    let key = &acme().payload_keys[0].k;
    let text = request().to_string();
    let jwe = jwe::seal(text.as_bytes(), key, None);
    let (rest, tag) = jwe.rsplit_once('.').unwrap();
    // Base64 of a length that is a multiple of 3 bytes can be put together.
    let text = format!("{text}{}", " ".repeat((3 - text.len() % 3) % 3));
    let aligned = jwe::seal(text.as_bytes(), key, None);
    let (start, end) = aligned.rsplit_once('.').unwrap();
    for (body, mention) in [
        (
            format!("{start}{end}."),
            "its tag is at the end of the ciphertext",
        ),
        (
            jwe.replacen("..", ".", 1),
            "the empty one for the encrypted key is missing",
        ),
        (base64(&jwe), "a JWE in base64 as a whole"),
        (format!("{rest}.{tag}"), "Nothing is wrong"),
    ] {
        let ended = explain(&body, &[]);
        says(&ended, &[mention]);
        // All of them could be opened and looked at.
        says(&ended, &["✓ accountNumber"]);
    }
}

#[test]
fn a_members_hint_names_the_character_and_the_entry_of_data() {
    let mut request = request();
    request["accountNumber"] = "\u{661}\u{662}\u{663}".into();
    request["data"] = json!({ "branch": "x", "count": 7 });
    request["phone"] = "1".into();
    let ended = explain(sealed(&request.to_string()), &[]);
    says(
        &ended,
        &[
            "digits 0-9, as a string or an integer without sign, fraction or exponent (it is a string of 3 characters: \
             the character U+0661 at character 1)",
            "the value of \"count\" is a number",
            "! \"phone\" is ignored. Is mobileNumber meant?",
        ],
    );
    // A required member that is misspelt is one fault.
    let mut request = self::request();
    let id = request
        .as_object_mut()
        .unwrap()
        .remove("referenceId")
        .unwrap();
    request["reference_id"] = id;
    let ended = explain(sealed(&request.to_string()), &[]);
    says(
        &ended,
        &[
            "referenceId is required (there is \"reference_id\"",
            "One thing is wrong",
        ],
    );
    // Other JSON lacks every member, which is no news.
    let ended = explain(json!({ "encryptedData": "xyz" }).to_string(), &[]);
    says(
        &ended,
        &[
            "plain JSON",
            "none of its members is a request's",
            "One thing is wrong",
        ],
    );
}

#[test]
fn a_request_whose_library_calls_it_a_jwt_is_still_a_request() {
    let header = r#"{"alg":"dir","enc":"A256GCM","typ":"JWT"}"#;
    let text = request().to_string();
    let key = &acme().payload_keys[0].k;
    let ended = explain(
        jwe::seal_with_header(header, text.as_bytes(), key, [6; 12]),
        &[],
    );
    assert_eq!(ended.code, 0, "{}", ended.out);
    says(&ended, &["Nothing is wrong with this request."]);
    let token = explain(jwe::seal_with_header(header, b"{}", &[9; 32], [6; 12]), &[]);
    says(&token, &["only a resource server"]);
}

#[test]
fn without_credentials_it_explains_as_far_as_it_can() {
    let body = sealed(&request().to_string());
    let ended = tokenctl_of(&body, &["explain"]);
    assert_eq!(ended.code, 0);
    says(
        &ended,
        &[
            "✓ kid is \"acme-2026-11\"",
            "--credentials",
            "as far as can be seen",
        ],
    );
    let ended = tokenctl_of(body.replace('.', " ."), &["explain"]);
    assert_eq!(ended.code, 6);
    says(&ended, &["white space at character"]);
}

#[test]
fn a_plaintext_can_be_checked_before_it_is_sealed() {
    let text = request().to_string();
    assert_eq!(explain(&text, &["--plaintext"]).code, 0);
    let ended = explain(&text, &[]);
    assert_eq!(ended.code, 6);
    says(
        &ended,
        &["✗ it is plain JSON and not encrypted", "✓ accountNumber"],
    );
    let twice = explain(Value::from(text).to_string(), &["--plaintext"]);
    assert_eq!(twice.code, 6);
    says(&twice, &["made JSON twice", "✓ accountNumber"]);
}

#[test]
fn an_sdk_api_key_of_somebody_else_is_a_warning() {
    let mut request = request();
    request["sdkApiKey"] = "SOMEBODY".into();
    request["accountNumber"] = 1234567890123456789_u64.into();
    let ended = explain(sealed(&request.to_string()), &[]);
    assert_eq!(ended.code, 0, "{}", ended.out);
    says(
        &ended,
        &[
            "! sdkApiKey is not that of the credentials",
            "! accountNumber is a number of more than 15",
        ],
    );
    assert!(ended.hides("SOMEBODY"));
}

#[test]
fn an_answer_is_told_what_it_means_and_what_to_do() {
    let reused = r#"{"resCode":409,"resDesc":"x","referenceId":"r","errors":[{"field":"referenceId","reason":"reused"}]}"#;
    let ended = explain(sealed(reused), &[]);
    assert_eq!(ended.code, 6);
    says(
        &ended,
        &[
            "✓ it is authenticated",
            "✗ TOK409: another request has had",
            "find out why",
        ],
    );
    for (body, lines) in [
        (
            r#"{"resCode":"TOK002","resDesc":"no"}"#,
            [
                "take it as a hint",
                "TOK002: X-API-KEY is missing",
                "Check apiKey",
            ],
        ),
        (
            r#"{"message":"Endpoint request timed out"}"#,
            ["API Gateway's 504", "took too long", "same referenceId"],
        ),
        (
            r#"{"message":"Forbidden"}"#,
            ["API Gateway's 403", "refused the call", "Check the URL"],
        ),
        (
            "<html><body>Bad gateway</body></html>",
            ["web page", "URL", "proxy"],
        ),
        (
            r#"{"resCode":"TOK200","token":"x"}"#,
            ["says success and is not encrypted", "Do not use it", "✗"],
        ),
    ] {
        let ended = explain(body, &[]);
        assert_eq!(ended.code, 6, "{body}");
        says(&ended, &lines);
    }
}

/// What stands around an answer is no fault of it, and nothing vouches for what no key opened.
#[test]
fn an_answer_is_found_in_other_json_and_never_vouched_for() {
    let answer = json!({ "resCode": "TOK404", "resDesc": "There is nothing at this path" });
    let success = json!({ "resCode": "TOK200", "referenceId": "explain:1" });
    for (body, more, mention) in [
        (json!([answer]), &[][..], "TOK404: the service has nothing"),
        (
            json!({ "statusCode": 404, "body": answer.to_string() }),
            &[],
            "TOK404: the service",
        ),
        (
            json!([success]),
            &[],
            "it says success and is not encrypted",
        ),
        (
            success,
            &["--plaintext"],
            "it says success and is not encrypted",
        ),
        (json!({ "Message": "Forbidden" }), &[], "API Gateway's 403"),
        (
            json!({ "message": "Rate exceeded" }),
            &[],
            "API Gateway's 429",
        ),
        (
            json!({ "message": null }),
            &[],
            "not the token service's answer",
        ),
        (
            json!({ "errorMessage": "it ended" }),
            &[],
            "it says \"it ended\"",
        ),
        (
            json!({ "error": { "code": 403 } }),
            &[],
            "did something else answer?",
        ),
    ] {
        let ended = explain(body.to_string(), more);
        says(&ended, &[mention, "One thing is wrong"]);
        assert!(!ended.out.contains("authenticated"), "{}", ended.out);
    }
}

#[test]
fn a_strangers_words_are_escaped() {
    let ended = explain(
        "{\"resCode\":\"TOK002\",\"resDesc\":\"\\u001b[2J\\nfine\"}",
        &[],
    );
    assert!(ended.out.contains("\\u{1b}[2J\\nfine"), "{}", ended.out);
    assert!(!ended.out.contains('\u{1b}'));
}

#[test]
fn what_is_no_message_at_all_is_said_to_be_none() {
    for (body, mention) in [
        (&b""[..], "it is empty"),
        (b"hello", "1 segments"),
        (b"\xff\xfe", "not UTF-8"),
        (b"a.b.c", "signed JWT"),
        (&[b'x'; 40_000], "32 KiB"),
        (b"[object Promise]", "a Promise not awaited"),
        (b"undefined", "as a program writes what is no text"),
    ] {
        let ended = explain(body, &[]);
        assert_eq!(ended.code, 6);
        says(&ended, &[mention]);
    }
    let encoded = base64(request().to_string());
    for plain in [encoded.as_str(), "referenceId=a&accountNumber=1"] {
        let words = [
            "it is plain JSON and not encrypted",
            "accountNumber is a string",
        ];
        says(&explain(plain, &[]), &words);
    }
}

/// What is as large as a file may be is explained in time that grows with its size alone.
#[test]
fn what_is_large_takes_no_time_of_its_own() {
    let most = 1_000_000;
    let members: Vec<String> = (0..60_000).map(|at| format!("\"k{at}\":1")).collect();
    for (body, more, mention) in [
        ("e.".repeat(most / 2), &[][..], "segments"),
        ("e-".repeat(most / 2), &[], "segments"),
        ("x ey.".repeat(most / 5), &[], "segments"),
        ("[".repeat(most), &[], "not JSON"),
        (
            format!("{{{}}}", members.join(",")),
            &["--plaintext"],
            "59744 more members are ignored",
        ),
        (
            format!("{{{}\"a\":1}}", "\"a\":1,".repeat(60_000)),
            &["--plaintext"],
            "a is repeated",
        ),
    ] {
        let begun = Instant::now();
        let ended = explain(body, more);
        says(&ended, &[mention]);
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(30), "{mention}: {took:?}");
    }
}
