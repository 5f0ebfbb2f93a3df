//! The page beside the function: which of the two answers what, and what an option that is off
//! leaves as it was. What the page shows is the subject of `page/tests`, in a browser and with the
//! real function.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that unwraps fails where it should"
)]

use std::env;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use sandbox::{Fault, Logs, Options, Sandbox};
use serde_json::{Value, json};

async fn started(web_page: bool) -> Sandbox {
    let test = env::current_exe().unwrap();
    let profile = test.parent().unwrap().parent().unwrap();
    let stand_in = format!("stand_in{}", env::consts::EXE_SUFFIX);
    let options = Options {
        function: profile.join("examples").join(stand_in),
        logs: Logs::Capture,
        web_page,
        ..Options::default()
    };
    Sandbox::start(options).await.unwrap()
}

async fn send(
    sandbox: &Sandbox,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Response<Bytes> {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("{}{path}", sandbox.url()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from(body.to_owned())));
    let client = Client::builder(TokioExecutor::new()).build_http();
    let (parts, body) = client.request(request.unwrap()).await.unwrap().into_parts();
    Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
}

async fn get(sandbox: &Sandbox, path: &str) -> Response<Bytes> {
    send(sandbox, "GET", path, &[], "").await
}

async fn requests(sandbox: &Sandbox) -> Value {
    let answer = get(sandbox, "/sandbox/api/requests").await;
    serde_json::from_slice(answer.body()).unwrap()
}

/// The stand-in sends back the event, with its path in it.
fn is_the_functions(answer: &Response<Bytes>, path: &str) -> bool {
    serde_json::from_slice::<Value>(answer.body()).is_ok_and(|event| event["path"] == path)
}

#[tokio::test]
async fn without_the_option_every_path_is_the_functions() {
    let sandbox = started(false).await;
    for path in ["/", "/sandbox", "/sandbox/", "/sandbox/api/partners"] {
        let answer = send(&sandbox, "GET", path, &[("Accept", "text/html")], "").await;
        assert!(is_the_functions(&answer, path), "{path}");
    }
}

#[tokio::test]
async fn with_the_option_every_other_path_still_is() {
    let sandbox = started(true).await;
    for path in ["/", "/sandboxes", "/a/sandbox/", "/favicon.ico"] {
        assert!(is_the_functions(&get(&sandbox, path).await, path), "{path}");
    }
    let page = get(&sandbox, "/sandbox/").await;
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    assert_eq!(page.headers()["cache-control"], "no-store");
    let visit = send(&sandbox, "GET", "/", &[("Accept", "text/html")], "").await;
    assert_eq!(
        (visit.status().as_u16(), &visit.headers()["location"]),
        (303, &"/sandbox/".parse().unwrap())
    );
}

#[tokio::test]
async fn lists_the_requests_of_the_function_and_not_the_pages_own() {
    let sandbox = started(true).await;
    let answer = send(
        &sandbox,
        "POST",
        "/some/path?q",
        &[("Content-Type", "text/plain")],
        "abc",
    )
    .await;
    send(&sandbox, "POST", "/die", &[], "").await;

    let listed = requests(&sandbox).await;

    let [died, first] = listed["requests"].as_array().unwrap().as_slice() else {
        panic!("two requests: {listed}");
    };
    assert_eq!(first["path"], "/some/path");
    assert_eq!(first["bodyBytes"], 3);
    assert_eq!(first["status"], 200);
    assert_eq!(
        first["requestId"],
        answer.headers()["x-amzn-requestid"].to_str().unwrap()
    );
    assert_eq!(died["status"], 502);
    assert!(died["remark"].as_str().unwrap().contains("last words"));
}

#[tokio::test]
async fn an_outage_is_set_for_the_page_itself_only() {
    let sandbox = started(true).await;
    let json_type = ("Content-Type", "application/json");
    let own = ("Origin", sandbox.url());
    let down = r#"{"service":"dynamodb","outage":"down"}"#;

    let stranger = ("Origin", "http://evil.example");
    let refused = send(
        &sandbox,
        "POST",
        "/sandbox/api/outage",
        &[json_type, stranger],
        down,
    )
    .await;
    assert_eq!(refused.status(), 403);
    assert_eq!(sandbox.dynamodb_faults().always(), None);

    let set = send(
        &sandbox,
        "POST",
        "/sandbox/api/outage",
        &[json_type, own],
        down,
    )
    .await;
    assert_eq!(set.status(), 200);
    assert_eq!(sandbox.dynamodb_faults().always(), Some(Fault::Refuse));
    assert_eq!(
        requests(&sandbox).await["outages"],
        json!({ "dynamodb": "down", "secretsManager": null })
    );
}

#[tokio::test]
async fn a_name_that_was_rebound_to_this_machine_is_refused() {
    let sandbox = started(true).await;
    for path in ["/sandbox/", "/sandbox/api/partners"] {
        let answer = send(&sandbox, "GET", path, &[("Host", "evil.example")], "").await;
        assert_eq!(answer.status(), 421, "{path}");
    }
}
