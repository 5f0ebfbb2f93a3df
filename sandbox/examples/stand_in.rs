//! Stands in for the function in the sandbox's own tests (`tests/stack.rs`): it does to each
//! request what the request's path says, which the real function cannot be made to do. An event
//! without a path is sent back.

use std::{env, error::Error, process};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    if let Ok(complaint) = env::var("COMPLAINT") {
        eprintln!("{complaint}");
        process::exit(1);
    }
    let runtime = format!(
        "http://{}/2018-06-01/runtime",
        env::var("AWS_LAMBDA_RUNTIME_API")?
    );
    loop {
        let (id, event) = next(&runtime).await?;
        let path = event.get("path").and_then(Value::as_str);
        let path = path.unwrap_or_default();
        let is_last = path == "/last";
        println!("at work on {path}");
        let (outcome, answer) = match path {
            "/die" => {
                eprintln!("last words");
                process::exit(3);
            }
            "/stall" => std::future::pending().await,
            "/abandon" => continue,
            "/error" => (
                "error",
                json!({ "errorType": "Failed", "errorMessage": "as asked" }),
            ),
            "/malformed" => ("response", json!("no answer")),
            "" => ("response", event.clone()),
            _ => (
                "response",
                json!({ "statusCode": 200, "body": event.to_string() }),
            ),
        };
        let url = format!("{runtime}/invocation/{id}/{outcome}");
        call(Method::POST, url, answer.to_string().into()).await?;
        if is_last {
            return Ok(());
        }
    }
}

async fn next(runtime: &str) -> Result<(String, Value), Box<dyn Error>> {
    let url = format!("{runtime}/invocation/next");
    let answer = call(Method::GET, url, Bytes::new()).await?;
    let id = answer.headers().get("Lambda-Runtime-Aws-Request-Id");
    let id = id.ok_or("there is no request id")?.to_str()?.to_owned();
    Ok((id, serde_json::from_slice(answer.body())?))
}

async fn call(
    method: Method,
    url: String,
    body: Bytes,
) -> Result<hyper::Response<Bytes>, Box<dyn Error>> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let request = Request::builder()
        .method(method)
        .uri(url)
        .body(body.into())?;
    let (parts, body) = client.request(request).await?.into_parts();
    Ok(hyper::Response::from_parts(
        parts,
        body.collect().await?.to_bytes(),
    ))
}
