//! `tokenctl request`, against the real function.

use std::fs;

use peers::{resource_server, sdk::KeyPair};
use sandbox::{Sandbox, development};
use serde_json::{Value, json};

use super::{
    front::{Front, Step},
    run::{Ended, Folder, acme, mode, stack, tokenctl, tokenctl_of},
};

fn ask(url: &str, credentials: &str, more: &[&str]) -> Ended {
    let line = [
        "request",
        "--json",
        "--url",
        url,
        "--credentials",
        credentials,
    ];
    tokenctl(&[&line, more].concat())
}

const ACCOUNT: [&str; 2] = ["--account-number", "123123123"];

async fn stack_and_credentials() -> (Sandbox, Folder, String) {
    let folder = Folder::new();
    let credentials = folder.credentials(|_| ());
    (stack().await, folder, credentials)
}

fn claims(report: &Value) -> Value {
    let keys = development::server_keys().unwrap();
    resource_server::open_token(report["token"].as_str().unwrap(), &keys).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gets_a_token_and_shows_no_secret_of_it() {
    let (sandbox, folder, credentials) = stack_and_credentials().await;
    let out = folder.path("answer.json");
    let out = out.to_str().unwrap();

    let ended = ask(
        sandbox.url(),
        &credentials,
        &[&ACCOUNT[..], &["--out", out]].concat(),
    );

    assert_eq!(ended.code, 0, "{ended:?}");
    let report = ended.json();
    assert_eq!(report["outcome"], "token");
    assert_eq!(report["authenticated"], true);
    assert_eq!(report["replayed"], false);
    assert_eq!(report["sessionKeyDerived"], true);
    assert_eq!(report["tries"], 1);
    let id = report["referenceId"].as_str().unwrap();
    assert!(sandbox.item("acme", id).unwrap().is_some());
    // What a repeat needs was said before the answer was there.
    assert!(ended.err.contains(id) && ended.err.contains("--sdk-public-key"));

    assert_eq!(mode(out.as_ref()), 0o600);
    let answer: Value = serde_json::from_slice(&fs::read(out).unwrap()).unwrap();
    assert_eq!(answer["resCode"], "TOK200");
    assert!(ended.hides(answer["token"].as_str().unwrap()));
    let claims = claims(&answer);
    assert!(ended.hides(claims["cnf"]["jwk"]["k"].as_str().unwrap()));
    assert!(ended.hides(&acme().sdk_api_key) && ended.hides(&acme().payload_keys[0].encoded()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reveals_the_session_key_that_is_in_the_token() {
    let (sandbox, _folder, credentials) = stack_and_credentials().await;
    let ended = ask(
        sandbox.url(),
        &credentials,
        &[&ACCOUNT[..], &["--reveal"]].concat(),
    );
    let report = ended.json();
    assert_eq!(claims(&report)["cnf"]["jwk"]["k"], report["sessionKey"]);
    assert_eq!(claims(&report)["sub"], "123123123");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_repeat_that_it_proposes_gets_the_same_token() {
    let (sandbox, _folder, credentials) = stack_and_credentials().await;
    let first = ask(sandbox.url(), &credentials, &ACCOUNT);
    let notes: Vec<Value> = first
        .err
        .lines()
        .map(|it| serde_json::from_str(it).unwrap())
        .collect();
    let proposal = notes.last().unwrap()["note"].as_str().unwrap();
    let flags: Vec<&str> = proposal.split_once("add ").unwrap().1.split(' ').collect();

    let again = ask(
        sandbox.url(),
        &credentials,
        &[&ACCOUNT[..], &flags].concat(),
    )
    .json();

    assert_eq!(again["replayed"], true, "{again}");
    assert_eq!(again["serverPubKey"], first.json()["serverPubKey"]);
    assert_eq!(again["sessionKeyDerived"], false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_come_from_flags_and_a_file_and_reach_the_token_on_either_path() {
    let (sandbox, folder, credentials) = stack_and_credentials().await;
    let pair = KeyPair::generate();
    let key = folder.file("sdk.json", pair.private_jwk().as_bytes());
    let from = json!({
        "accountNumber": 1, "firstname": "Zoë", "isdCode": 91, "mobileNumber": "+9642308308",
        "data": { "key1": "value1" },
    });
    let from = folder.file("request.json", from.to_string());
    let members = [
        "--from",
        &from,
        "--account-number",
        "0007",
        "--reference-id",
        "members:1",
    ];
    let more = [
        "--sdk-key",
        &key,
        "--data",
        "key2=a=b",
        "--dob",
        "07081991",
        "--last-name",
        "x",
    ];
    let line = [&members[..], &more, &["--reveal"]].concat();

    let first = ask(sandbox.url(), &credentials, &line);
    assert_eq!(first.code, 0, "{first:?}");
    let first = first.json();
    let session_key = pair
        .session_key(first["serverPubKey"].as_str().unwrap())
        .unwrap();
    assert_eq!(claims(&first)["sub"], "0007");
    assert_eq!(claims(&first)["ref"], "members:1");
    let cnf = resource_server::session_key(&claims(&first)).unwrap();
    assert_eq!(cnf, session_key);

    // The service calls it the same request only if every member arrived as it was written.
    let mut again = vec!["--legacy-path", "--no-kid"];
    again.extend(line);
    again.extend(["--isd-code", "+91"]);
    let again = ask(sandbox.url(), &credentials, &again).json();
    assert_eq!(again["replayed"], true, "{again}");
    assert_eq!(again["token"], first["token"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_says_what_to_do_and_whether_it_is_to_be_believed() {
    let (sandbox, folder, credentials) = stack_and_credentials().await;
    let id = ["--reference-id", "refused:1"];
    assert_eq!(
        ask(sandbox.url(), &credentials, &[&ACCOUNT[..], &id].concat()).code,
        0
    );

    let reused = ask(sandbox.url(), &credentials, &[&ACCOUNT[..], &id].concat());
    assert_eq!(reused.code, 6);
    let report = reused.json();
    assert_eq!(report["outcome"], "refused");
    assert_eq!(report["code"], "TOK409");
    assert_eq!(
        report["errors"],
        json!([{ "field": "referenceId", "reason": "reused" }])
    );
    assert_eq!(report["authenticated"], true);
    assert!(report["advice"].as_str().unwrap().contains("find out why"));

    type Change = fn(&mut Value);
    let changed: [(&str, u64, &str, Change); 3] = [
        ("TOK002", 401, "apiKey", |file| {
            file["apiKey"] = "nobody".into()
        }),
        ("TOK004", 401, "sdkApiKey", |file| {
            file["sdkApiKey"] = "nobody".into()
        }),
        ("TOK422", 400, "payloadKeys", |file| {
            file["payloadKeys"]["keys"][0]["k"] =
                "njyXwayjw2zr1dBpka8l3ADoyV7Ospwtn7_KyuIYqRg".into();
        }),
    ];
    for (code, status, mention, change) in changed {
        let credentials = folder.credentials(change);
        let ended = ask(sandbox.url(), &credentials, &ACCOUNT);
        assert_eq!(ended.code, 6, "{ended:?}");
        let report = ended.json();
        assert_eq!(report["code"], code);
        assert_eq!(report["status"], status);
        assert_eq!(report["authenticated"], code == "TOK004");
        assert_eq!(report["tries"], 1);
        assert!(
            report["advice"].as_str().unwrap().contains(mention),
            "{report}"
        );
        assert!(report["requestId"].is_string());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unchecked_members_are_the_services_to_name() {
    let (sandbox, _folder, credentials) = stack_and_credentials().await;
    let line = [
        "--unchecked",
        "--account-number",
        "12-34",
        "--email",
        "nobody",
    ];
    let report = ask(sandbox.url(), &credentials, &line).json();
    assert_eq!(report["code"], "TOK400");
    let fields: Vec<&str> = report["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["field"].as_str().unwrap())
        .collect();
    assert_eq!(fields, ["accountNumber", "email"]);

    let name = "x".repeat(33_000);
    let report = ask(
        sandbox.url(),
        &credentials,
        &["--unchecked", "--name", &name],
    )
    .json();
    assert_eq!(report["code"], "TOK413", "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_reads_what_a_script_gets() {
    let (sandbox, folder, credentials) = stack_and_credentials().await;
    let out = folder.path("answer.json");
    let line = [
        "request",
        "--url",
        sandbox.url(),
        "--credentials",
        &credentials,
    ];
    let kept = ["--out", out.to_str().unwrap()];
    let token = tokenctl(&[&line[..], &ACCOUNT, &kept].concat());
    assert_eq!(token.code, 0);
    let answer: Value = serde_json::from_slice(&fs::read(&out).unwrap()).unwrap();
    assert!(token.hides(answer["token"].as_str().unwrap()));
    let session_key = claims(&answer)["cnf"]["jwk"]["k"].clone();
    assert!(token.hides(session_key.as_str().unwrap()));
    for words in [
        "A token for",
        "authenticated",
        "derives the session key",
        "not replayed",
    ] {
        assert!(token.out.contains(words), "{words}: {}", token.out);
    }
    // Colours are for terminals.
    assert!(!token.out.contains('\u{1b}') && !token.err.contains('\u{1b}'));
    let refused = tokenctl(&[&line[..], &["--unchecked"]].concat());
    assert_eq!(refused.code, 6);
    for words in [
        "No token: HTTP 400 TOK400",
        "\"accountNumber\": \"is required\"",
        "What to do",
    ] {
        assert!(refused.out.contains(words), "{words}: {}", refused.out);
    }
}

#[test]
fn nothing_is_sent_before_all_is_right() {
    let folder = Folder::new();
    let credentials = folder.credentials(|_| ());
    let front = Front::alone([Step::Drop]);
    let there = folder.file("there.json", "mine");
    for (line, mentions) in [
        (
            vec![
                "--account-number",
                "12-34",
                "--email",
                "x",
                "--dob",
                "19910230",
                "--name",
                "",
            ],
            vec!["accountNumber", "email", "dob", "name"],
        ),
        (
            vec!["--account-number", "1", "--out", &there],
            vec!["there.json", "exists"],
        ),
        (
            vec!["--account-number", "1", "--out", "/nowhere/x"],
            vec!["/nowhere/x", "directory"],
        ),
        (vec!["--from", "/nowhere.json"], vec!["/nowhere.json"]),
        (
            vec![
                "--account-number",
                "1",
                "--sdk-public-key",
                "eyJrdHkiOiJFQyJ9",
            ],
            vec!["sdkPublicKey"],
        ),
        (
            vec!["--account-number", "1", "--sdk-key", &there],
            vec!["there.json", "JWK"],
        ),
    ] {
        let ended = ask(&front.url, &credentials, &line);
        assert_eq!(ended.code, 2, "{line:?}: {ended:?}");
        let error: Value = serde_json::from_str(ended.err.lines().last().unwrap()).unwrap();
        for mention in mentions {
            assert!(
                error["error"]["message"]
                    .as_str()
                    .unwrap()
                    .contains(mention),
                "{error}"
            );
        }
    }
    // Nothing was sent, so there is nothing to repeat.
    let refused = ask(&front.url, &credentials, &["--account-number", "x"]);
    assert_eq!(refused.err.lines().count(), 1, "{refused:?}");
    let oversize = json!({ "accountNumber": "1", "filler": "x".repeat(33_000) }).to_string();
    let line = [
        "request",
        "--url",
        &front.url,
        "--credentials",
        &credentials,
        "--from",
        "-",
    ];
    let ended = tokenctl_of(oversize, &line);
    assert!(ended.code == 2 && ended.err.contains("32768"), "{ended:?}");
    let ended = tokenctl_of("{“a”: 1}", &line);
    assert!(
        ended.code == 2 && ended.err.contains("column 2: a curly quote"),
        "{ended:?}"
    );
    assert_eq!(front.calls(), 0);
    assert_eq!(fs::read(&there).unwrap(), b"mine");
}

#[test]
fn credentials_and_urls_that_cannot_be_used_are_named_and_not_shown() {
    let folder = Folder::new();
    let hex = "9e3c97c1aca3c36cebd5d06991af25dc00e8c95eceb29c2d9fbfcacae218a918";
    let credentials = folder.credentials(|file| file["payloadKeys"]["keys"][0]["k"] = hex.into());
    let ended = ask("http://127.0.0.1:1", &credentials, &ACCOUNT);
    assert!(
        ended.code == 2 && ended.err.contains("is hex") && ended.hides(hex),
        "{ended:?}"
    );
    assert!(ended.err.contains("credentials.json"));

    let credentials = folder.credentials(|_| ());
    for (url, mention) in [
        ("http://api.example.com", "https://"),
        ("https://api.example.com/token-service/x", "/token-service/"),
        ("", "no URL"),
    ] {
        let ended = ask(url, &credentials, &ACCOUNT);
        assert!(
            ended.code == 2 && ended.err.contains(mention),
            "{url}: {ended:?}"
        );
    }
    let ended = tokenctl(&["request"]);
    assert!(
        ended.code == 2 && ended.err.contains("--credentials"),
        "{ended:?}"
    );
}
