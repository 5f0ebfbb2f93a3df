//! A wrong variable stops the function while it initialises, with a message that names it and its
//! range.

use std::{ffi::OsString, os::unix::ffi::OsStringExt, process::Stdio, time::Duration};

use sandbox::Options;
use service_tests::{Plain, Service, within};
use tokio::{net::TcpListener, process::Command};

/// What the function finds on Lambda, with nobody behind it.
fn environment(runtime_api: &str) -> Vec<(&'static str, OsString)> {
    [
        ("AWS_LAMBDA_RUNTIME_API", runtime_api),
        ("AWS_LAMBDA_FUNCTION_NAME", "token-service"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "AKIATEST"),
        ("AWS_SECRET_ACCESS_KEY", "of-the-tests"),
        // Port 9 discards; nobody listens.
        ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9"),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:9"),
        ("API_KEYS_SECRET_ID", "api-keys"),
        ("SERVER_KEYS_SECRET_ID", "server-keys"),
        ("TOKENS_TABLE", "tokens"),
    ]
    .map(|(name, value)| (name, value.into()))
    .into()
}

fn function(environment: Vec<(&'static str, OsString)>) -> Command {
    let mut command = Command::new(Options::default().function);
    command.env_clear().envs(environment).kill_on_drop(true);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Starts the function with some variables, whose absence is `None`, and gives back what it says
/// before it stops.
pub(crate) async fn refusal(variables: &[(&'static str, Option<OsString>)]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut environment = environment(&listener.local_addr().unwrap().to_string());
    for (name, value) in variables {
        environment.retain(|(known, _)| known != name);
        environment.extend(value.clone().map(|value| (*name, value)));
    }
    let mut function = function(environment);
    let ended = async {
        tokio::select! {
            output = function.output() => output.unwrap(),
            _ = listener.accept() => panic!("it starts in spite of {variables:?}"),
        }
    };
    let output = within("the function stops", Duration::from_secs(20), ended).await;
    assert!(!output.status.success(), "{variables:?}");
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8(said).unwrap()
}

#[tokio::test]
async fn asks_for_requests_with_a_right_configuration() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let environment = environment(&listener.local_addr().unwrap().to_string());
    let mut running = function(environment).spawn().unwrap();
    // Without Secrets Manager, too: its first load may take 8 s.
    within("the first poll", Duration::from_secs(20), listener.accept())
        .await
        .unwrap();
    running.kill().await.unwrap();
}

#[tokio::test]
async fn each_wrong_variable_is_named_with_its_range() {
    let rows: [(&str, &[&str], &[&str]); 10] = [
        (
            "TOKEN_TTL_SECONDS",
            &[
                "",
                "59",
                "86401",
                "-60",
                "+60",
                " 60",
                "60 ",
                "60.0",
                "6e1",
                "0x40",
                "60s",
                "sixty",
                "99999999999999999999",
            ],
            &["60", "86400"],
        ),
        (
            "SESSION_TTL_SECONDS",
            &["", "59", "2592001", "-60", "60.0", "12h"],
            &["60", "2592000"],
        ),
        (
            "RECORD_RETENTION_SECONDS",
            &["", "299", "31536001", "1d"],
            &["300", "31536000"],
        ),
        (
            "SECRETS_TTL_SECONDS",
            &["", "0", "86401", "x"],
            &["1", "86400"],
        ),
        (
            "SECRETS_MIN_REFRESH_SECONDS",
            &["", "0", "86401", "x"],
            &["1", "86400"],
        ),
        (
            "SECRETS_MAX_STALE_SECONDS",
            &["", "0", "86401", "x"],
            &["1", "86400"],
        ),
        ("ISSUER", &["", "é", "a\nb", "\u{7f}", LONG], &["1", "64"]),
        ("AUDIENCE", &["", "é", "a\tb", LONG], &["1", "64"]),
        ("TOKENS_TABLE", &[""], &[]),
        ("AWS_USE_FIPS_ENDPOINT", &["1", "yes"], &["true", "false"]),
    ];
    for (name, values, range) in rows {
        for value in values {
            let said = refusal(&[(name, Some(value.into()))]).await;
            assert!(said.contains(name), "{name}={value}: {said}");
            assert!(
                range.iter().all(|bound| said.contains(bound)),
                "{name}={value}: {said}"
            );
        }
    }
}

const LONG: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

#[tokio::test]
async fn each_missing_variable_is_named() {
    for name in [
        "API_KEYS_SECRET_ID",
        "SERVER_KEYS_SECRET_ID",
        "TOKENS_TABLE",
    ] {
        for value in [None, Some("".into())] {
            let said = refusal(&[(name, value)]).await;
            assert!(said.contains(name), "{said}");
        }
    }
    let said = refusal(&[("ISSUER", Some(OsString::from_vec(vec![b'a', 0xff])))]).await;
    assert!(said.contains("ISSUER"), "{said}");
}

#[tokio::test]
async fn the_three_ages_are_in_order() {
    let said = refusal(&[
        ("SECRETS_TTL_SECONDS", Some("10".into())),
        ("SECRETS_MIN_REFRESH_SECONDS", Some("11".into())),
    ])
    .await;
    assert!(said.contains("SECRETS_MIN_REFRESH_SECONDS"), "{said}");
    // A value must not grow too old before the attempt that renews it is allowed.
    for (ttl, min_refresh, max_stale) in [
        ("30", "30", "30"),
        ("30", "30", "59"),
        ("100", "1", "100"),
        ("300", "300", "400"),
        ("86400", "1", "86400"),
    ] {
        let ages = [
            ("SECRETS_TTL_SECONDS", ttl),
            ("SECRETS_MIN_REFRESH_SECONDS", min_refresh),
            ("SECRETS_MAX_STALE_SECONDS", max_stale),
        ];
        let said = refusal(&ages.map(|(name, value)| (name, Some(value.into())))).await;
        assert!(ages.iter().all(|(name, _)| said.contains(name)), "{said}");
    }
    // The defaults count, too: 30 is more than 29.
    let said = refusal(&[("SECRETS_TTL_SECONDS", Some("29".into()))]).await;
    assert!(
        said.contains("SECRETS_MIN_REFRESH_SECONDS") || said.contains("SECRETS_TTL_SECONDS"),
        "{said}"
    );
}

#[tokio::test]
async fn the_sandbox_passes_the_message_on() {
    let options = Options {
        logs: sandbox::Logs::Capture,
        env: vec![("TOKEN_TTL_SECONDS".to_owned(), "59".to_owned())],
        ..Options::default()
    };
    let error = sandbox::Sandbox::start(options)
        .await
        .expect_err("it must not start");
    let said = error.to_string();
    assert!(
        said.contains("TOKEN_TTL_SECONDS") && said.contains("86400"),
        "{said}"
    );
}

#[tokio::test]
async fn takes_the_bounds_themselves() {
    for env in [
        &[
            ("TOKEN_TTL_SECONDS", "60"),
            ("SESSION_TTL_SECONDS", "60"),
            ("RECORD_RETENTION_SECONDS", "300"),
            ("ISSUER", "~"),
            ("AUDIENCE", " "),
        ][..],
        &[
            ("TOKEN_TTL_SECONDS", "86400"),
            ("SESSION_TTL_SECONDS", "2592000"),
            ("RECORD_RETENTION_SECONDS", "31536000"),
            ("ISSUER", &LONG[..64]),
        ],
        &[
            ("SECRETS_TTL_SECONDS", "1"),
            ("SECRETS_MIN_REFRESH_SECONDS", "1"),
        ],
        &[
            ("SECRETS_TTL_SECONDS", "1"),
            ("SECRETS_MIN_REFRESH_SECONDS", "1"),
            ("SECRETS_MAX_STALE_SECONDS", "2"),
        ],
        &[
            ("SECRETS_TTL_SECONDS", "86399"),
            ("SECRETS_MIN_REFRESH_SECONDS", "1"),
        ],
        &[
            ("SECRETS_TTL_SECONDS", "43200"),
            ("SECRETS_MIN_REFRESH_SECONDS", "43200"),
            ("SECRETS_MAX_STALE_SECONDS", "86400"),
        ],
    ] {
        let service = Service::start_in(env).await;
        service.ask(&Plain::new()).await.issued();
    }
}

#[tokio::test]
async fn one_endpoint_serves_where_a_service_has_none_of_its_own() {
    let elsewhere = Service::start().await;
    for (own, of_all) in [
        ("AWS_ENDPOINT_URL_DYNAMODB", elsewhere.dynamodb_url()),
        (
            "AWS_ENDPOINT_URL_SECRETS_MANAGER",
            elsewhere.secrets_manager_url(),
        ),
    ] {
        let service = Service::start_in(&[(own, ""), ("AWS_ENDPOINT_URL", of_all)]).await;
        service.ask(&Plain::new()).await.issued();
        let secrets = own == "AWS_ENDPOINT_URL_SECRETS_MANAGER";
        assert_eq!(service.secret_reads(), if secrets { 0 } else { 2 });
        assert_eq!(service.puts(), u64::from(secrets));
    }
    assert_eq!((elsewhere.secret_reads(), elsewhere.puts()), (4, 1));
}

#[tokio::test]
async fn without_a_region_or_credentials_it_does_not_start() {
    for name in ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        for value in [None, Some("".into())] {
            let said = refusal(&[(name, value)]).await;
            assert!(
                said.contains(&format!("{name} is not set: Lambda sets it")),
                "{said}"
            );
        }
    }
}
