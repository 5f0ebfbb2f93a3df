//! The stack with a function that misbehaves as it is asked to (`examples/stand_in.rs`). The real
//! function's behaviour is the `service-tests` package's subject.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that unwraps fails where it should"
)]

use std::{env, path::PathBuf, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use sandbox::{Error, InvokeError, Logs, Options, Sandbox, StartError};
use serde_json::{Value, json};

const BAD_GATEWAY: (u16, &str) = (502, r#"{"message": "Internal server error"}"#);

fn options() -> Options {
    let test = env::current_exe().unwrap();
    let profile = test.parent().unwrap().parent().unwrap();
    let stand_in = format!("stand_in{}", env::consts::EXE_SUFFIX);
    let function: PathBuf = profile.join("examples").join(stand_in);
    assert!(
        function.exists(),
        "build it with `cargo build -p sandbox --examples`"
    );
    Options {
        function,
        logs: Logs::Capture,
        ..Options::default()
    }
}

async fn started(options: Options) -> Sandbox {
    Sandbox::start(options).await.unwrap()
}

async fn send(
    sandbox: &Sandbox,
    method: &str,
    path: &str,
    body: impl Into<Bytes>,
) -> Response<Bytes> {
    let request = Request::builder()
        .method(method)
        .uri(format!("{}{path}", sandbox.url()))
        .header("Content-Type", "text/plain")
        .body(Full::new(body.into()))
        .unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let (parts, body) = client.request(request).await.unwrap().into_parts();
    Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
}

async fn outcome(sandbox: &Sandbox, path: &str) -> (u16, String) {
    let answer = send(sandbox, "POST", path, "").await;
    let body = String::from_utf8(answer.body().to_vec()).unwrap();
    (answer.status().as_u16(), body)
}

fn bad_gateway() -> (u16, String) {
    (BAD_GATEWAY.0, BAD_GATEWAY.1.to_owned())
}

async fn until(mut condition: impl FnMut() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let limit = tokio::time::timeout(Duration::from_secs(10), waiting);
    limit.await.expect("the condition holds within 10 s");
}

fn is_running(pid: u32) -> bool {
    let kill = std::process::Command::new("kill")
        .arg("-0")
        .arg(pid.to_string())
        .output();
    kill.unwrap().status.success()
}

#[tokio::test]
async fn a_request_reaches_the_function_as_an_event() {
    let sandbox = started(options()).await;

    let answer = send(&sandbox, "GET", "/a/b?c=d", "a GET with a body").await;

    let event: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(event["httpMethod"], "GET");
    assert_eq!(event["path"], "/a/b");
    assert_eq!(event["queryStringParameters"], json!({ "c": "d" }));
    assert_eq!(event["body"], "a GET with a body");
    let request_id = event["requestContext"]["requestId"].as_str().unwrap();
    assert_eq!(answer.headers()["x-amzn-requestid"], request_id);
    let apigw_id = event["requestContext"]["extendedRequestId"]
        .as_str()
        .unwrap();
    assert_eq!(answer.headers()["x-amz-apigw-id"], apigw_id);
}

#[tokio::test]
async fn a_body_over_10_mb_is_too_long() {
    let sandbox = started(options()).await;
    let answer = send(&sandbox, "POST", "/", vec![b'x'; 10 * 1024 * 1024 + 1]).await;
    assert_eq!(answer.status(), 413);
    assert_eq!(answer.body(), r#"{"message":"Request Too Long"}"#);
}

#[tokio::test]
async fn a_function_that_dies_is_a_502_and_the_next_request_meets_another() {
    let sandbox = started(options()).await;
    let first = sandbox.function_pids();

    let died = outcome(&sandbox, "/die").await;
    let next = outcome(&sandbox, "/next").await;

    assert_eq!(died, bad_gateway());
    assert_eq!(next.0, 200);
    assert_ne!(sandbox.function_pids(), first);
}

#[tokio::test]
async fn a_function_that_ended_after_its_answer_is_not_the_next_requests_trouble() {
    let sandbox = started(options()).await;
    for _ in 0..5 {
        assert_eq!(outcome(&sandbox, "/last").await.0, 200);
    }
}

#[tokio::test]
async fn an_error_or_no_good_answer_is_a_502_and_the_instance_stays() {
    let sandbox = started(options()).await;
    let first = sandbox.function_pids();
    for path in ["/error", "/malformed", "/abandon"] {
        assert_eq!(outcome(&sandbox, path).await, bad_gateway(), "{path}");
    }
    assert_eq!(sandbox.function_pids(), first);
}

#[tokio::test]
async fn a_function_over_its_timeout_is_a_502_and_ended() {
    let sandbox = started(Options {
        timeout: Duration::from_millis(200),
        ..options()
    })
    .await;
    let first = sandbox.function_pids();

    let stalled = outcome(&sandbox, "/stall").await;

    assert_eq!(stalled, bad_gateway());
    until(|| sandbox.function_pids().is_empty()).await;
    assert!(!is_running(first[0]));
    assert_eq!(outcome(&sandbox, "/next").await.0, 200);
}

#[tokio::test]
async fn each_instance_has_one_request_and_there_are_so_many_of_them() {
    let sandbox = started(Options {
        max_instances: 2,
        ..options()
    })
    .await;
    let at_work = || {
        let lines = sandbox.log_lines();
        lines.iter().filter(|line| line.ends_with("/stall")).count()
    };
    let meanwhile = async {
        until(|| at_work() == 2).await;
        assert_eq!(sandbox.function_pids().len(), 2);
        outcome(&sandbox, "/third").await
    };

    let third = tokio::select! {
        third = meanwhile => third,
        _ = async { tokio::join!(outcome(&sandbox, "/stall"), outcome(&sandbox, "/stall")) } => {
            panic!("a stalled request is not answered")
        }
    };

    assert_eq!(
        third,
        (429, r#"{"message":"Too Many Requests"}"#.to_owned())
    );
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_stop_the_function() {
    let sandbox = started(Options {
        max_instances: 1,
        ..options()
    })
    .await;
    let at_work = || {
        sandbox
            .log_lines()
            .iter()
            .any(|line| line.ends_with("/stall"))
    };

    tokio::select! {
        () = until(at_work) => {}
        _ = outcome(&sandbox, "/stall") => panic!("a stalled request is not answered"),
    }

    assert_eq!(outcome(&sandbox, "/next").await.0, 429);
    assert_eq!(sandbox.function_pids().len(), 1);
}

#[tokio::test]
async fn an_event_passes_as_it_is() {
    let sandbox = started(options()).await;
    let event = json!({ "any": ["thing"] });

    let answer = sandbox.invoke(&event).await.unwrap();
    let error = sandbox
        .invoke(&json!({ "path": "/error" }))
        .await
        .unwrap_err();
    let died = sandbox
        .invoke(&json!({ "path": "/die" }))
        .await
        .unwrap_err();

    assert_eq!(answer, event);
    assert!(matches!(error, InvokeError::Reported { kind, .. } if kind == "Failed"));
    assert!(matches!(died, InvokeError::Died { tail, .. } if tail.contains("last words")));
}

#[tokio::test]
async fn ended_idle_instances_are_replaced_by_the_next_request() {
    let sandbox = started(options()).await;

    sandbox.end_idle_instances().await;

    assert!(sandbox.function_pids().is_empty());
    assert_eq!(outcome(&sandbox, "/next").await.0, 200);
}

#[tokio::test]
async fn a_wrong_configuration_is_reported_in_the_functions_own_words() {
    let complaint = "ISSUER must be printable".to_owned();
    let error = Sandbox::start(Options {
        env: vec![("COMPLAINT".to_owned(), complaint.clone())],
        ..options()
    })
    .await
    .unwrap_err();

    assert!(matches!(error, Error::Function(StartError::Ended { .. })));
    assert!(error.to_string().contains(&complaint), "{error}");
}

#[tokio::test]
async fn a_missing_function_names_the_command_that_builds_it() {
    let error = Sandbox::start(Options {
        function: "/nowhere/token-service".into(),
        ..options()
    })
    .await
    .unwrap_err();

    assert!(
        error
            .to_string()
            .contains("cargo build --bin token-service"),
        "{error}"
    );
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let first = started(options()).await;
    let port: u16 = first.url().rsplit(':').next().unwrap().parse().unwrap();

    let error = Sandbox::start(Options {
        port: Some(port),
        ..options()
    })
    .await
    .unwrap_err();

    assert!(
        error
            .to_string()
            .contains(&format!("port {port} of 127.0.0.1 is taken")),
        "{error}"
    );
}

#[tokio::test]
async fn stop_leaves_no_process_and_no_listener() {
    let sandbox = started(options()).await;
    let pids = sandbox.function_pids();
    let address = sandbox.url().trim_start_matches("http://").to_owned();

    sandbox.stop().await;

    assert!(!pids.is_empty() && !pids.into_iter().any(is_running));
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn drop_leaves_no_process() {
    let sandbox = started(options()).await;
    let pids = sandbox.function_pids();

    drop(sandbox);

    until(|| !pids.iter().copied().any(is_running)).await;
}

#[tokio::test]
async fn a_data_directory_is_used_again_when_its_sandbox_has_stopped() {
    let directory = tempfile::tempdir().unwrap();
    let kept = || Options {
        data_dir: Some(directory.path().to_owned()),
        ..options()
    };
    let first = started(kept()).await;

    let meanwhile = Sandbox::start(kept()).await.unwrap_err();
    first.stop().await;
    let second = Sandbox::start(kept()).await;

    assert!(matches!(meanwhile, Error::DataDirInUse(_)));
    assert!(second.is_ok());
}
