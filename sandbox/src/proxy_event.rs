//! API Gateway's proxy events as the HTTP requests that they stand for, and a function's answers as
//! HTTP responses.
//!
//! This is the way back from what the gateway does, for people who have an event file and want to
//! know what it says. It covers REST API events and HTTP API events (payload 2.0).

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use serde_json::{Map, Value};

/// Headers that a gateway or an HTTP client sets by itself; to send them again would contradict
/// what it sets.
const SET_BY_THE_WAY: [&str; 6] = [
    "content-length",
    "host",
    "x-amzn-trace-id",
    "x-forwarded-for",
    "x-forwarded-port",
    "x-forwarded-proto",
];

/// Why a JSON value is no event or no answer.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// Neither kind of event.
    #[error(
        "this is no API Gateway event: a REST API's has `httpMethod` and `path`, an HTTP API's `rawPath` and \
         `requestContext.http.method`"
    )]
    NotAnEvent,
    /// No answer as a function gives it to API Gateway.
    #[error("the function's answer has no `statusCode`: {0}")]
    NotAnAnswer(Value),
    /// A body that is flagged base64 and is not.
    #[error("the body is flagged base64 and is not")]
    Base64(#[from] base64::DecodeError),
    /// A method, path, header or status that HTTP does not allow.
    #[error("it is not valid HTTP")]
    Http(#[from] http::Error),
}

/// The request that an event stands for; its URI is the path without any stage.
///
/// # Errors
/// `event` is no proxy event, or its body is flagged base64 and is not.
pub fn request(event: &Value) -> Result<Request<Bytes>, ProxyError> {
    let (method, path) = method_and_path(event).ok_or(ProxyError::NotAnEvent)?;
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .body(body(event)?)?;
    for (name, value) in headers(event) {
        if !SET_BY_THE_WAY.contains(&name.as_str()) {
            request.headers_mut().append(name, value);
        }
    }
    Ok(request)
}

/// The response that a function's answer stands for.
///
/// # Errors
/// `answer` is no answer to a proxy event, or its body is flagged base64 and is not.
pub fn response(answer: &Value) -> Result<Response<Bytes>, ProxyError> {
    let status = answer
        .get("statusCode")
        .and_then(Value::as_u64)
        .and_then(|status| u16::try_from(status).ok())
        .ok_or_else(|| ProxyError::NotAnAnswer(answer.clone()))?;
    let mut response = Response::builder().status(status).body(body(answer)?)?;
    for (name, value) in headers(answer) {
        response.headers_mut().append(name, value);
    }
    Ok(response)
}

/// Accepts a proxy event, whatever its body.
///
/// # Errors
/// It has no method and path of either kind of event.
pub fn ensure_event(event: &Value) -> Result<(), ProxyError> {
    match method_and_path(event) {
        Some(_) => Ok(()),
        None => Err(ProxyError::NotAnEvent),
    }
}

fn method_and_path(event: &Value) -> Option<(&str, &str)> {
    let text = |pointer| event.pointer(pointer).and_then(Value::as_str);
    if let (Some(method), Some(path)) = (text("/httpMethod"), text("/path")) {
        return Some((method, path));
    }
    let method = text("/requestContext/http/method")?;
    let path = text("/rawPath")?;
    // Payload 2.0 has the stage in front of the path, unless it is the default stage.
    let without_stage = text("/requestContext/stage")
        .and_then(|stage| path.strip_prefix('/')?.strip_prefix(stage))
        .filter(|rest| rest.starts_with('/'));
    Some((method, without_stage.unwrap_or(path)))
}

fn body(from: &Value) -> Result<Bytes, ProxyError> {
    let text = from.get("body").and_then(Value::as_str).unwrap_or_default();
    match from.get("isBase64Encoded") {
        Some(Value::Bool(true)) => Ok(STANDARD.decode(text)?.into()),
        _ => Ok(text.to_owned().into()),
    }
}

/// `multiValueHeaders` if there are any, as API Gateway prefers them too, else `headers`.
fn headers(from: &Value) -> Vec<(HeaderName, HeaderValue)> {
    let members = |name: &str| from.get(name).and_then(Value::as_object);
    let is_filled = |headers: &&Map<String, Value>| !headers.is_empty();
    let headers = members("multiValueHeaders")
        .filter(is_filled)
        .or_else(|| members("headers"));
    headers
        .into_iter()
        .flatten()
        .flat_map(|(name, values)| {
            let values = values
                .as_array()
                .map_or(std::slice::from_ref(values), Vec::as_slice);
            values
                .iter()
                .filter_map(move |value| Some((name.parse().ok()?, value.as_str()?.parse().ok()?)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_a_rest_event() {
        let event = json!({
            "httpMethod": "POST", "path": "/a",
            "headers": {"X": "2", "Host": "h"},
            "multiValueHeaders": {"X": ["1", "2"], "Host": ["h"]},
            "body": "aGk=", "isBase64Encoded": true,
        });
        let request = request(&event).unwrap();
        assert_eq!(
            (request.method().as_str(), request.uri().path()),
            ("POST", "/a")
        );
        assert_eq!(request.body(), "hi");
        let values: Vec<_> = request.headers().get_all("x").iter().collect();
        assert_eq!(values, ["1", "2"]);
        assert_eq!(request.headers().get("host"), None);
    }

    #[test]
    fn drops_the_stage_of_payload_2_0_and_nothing_else() {
        let path = |stage: &str, path: &str| {
            let event = json!({
                "rawPath": path,
                "requestContext": {"stage": stage, "http": {"method": "GET"}},
            });
            request(&event).unwrap().uri().path().to_owned()
        };
        assert_eq!(path("$default", "/prod/a"), "/prod/a");
        assert_eq!(path("prod", "/prod/a"), "/a");
        assert_eq!(path("prod", "/production/a"), "/production/a");
    }

    #[test]
    fn reads_an_answer() {
        let answer =
            json!({"statusCode": 409, "headers": {"a": "b"}, "multiValueHeaders": {}, "body": "x"});
        let response = response(&answer).unwrap();
        assert_eq!(response.status(), 409);
        assert_eq!(response.headers()["a"], "b");
        assert_eq!(response.body(), "x");
    }

    #[test]
    fn refuses_what_is_no_event_and_no_answer() {
        assert!(matches!(
            request(&json!({"a": 1})),
            Err(ProxyError::NotAnEvent)
        ));
        assert!(matches!(
            response(&json!({"errorType": "x"})),
            Err(ProxyError::NotAnAnswer(_))
        ));
        let event =
            json!({"httpMethod": "POST", "path": "/", "body": "*", "isBase64Encoded": true});
        assert!(matches!(request(&event), Err(ProxyError::Base64(_))));
    }
}
