//! The function's answer as the HTTP response that API Gateway makes of it.

use base64::{DecodeError, Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use hyper::{
    HeaderMap, Response, StatusCode,
    header::{CONTENT_TYPE, HeaderName, HeaderValue, TRANSFER_ENCODING},
};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Headers that API Gateway sets itself; the function's go by `x-amzn-remapped-NAME`.
const REMAPPED: [&str; 9] = [
    "authorization",
    "connection",
    "content-length",
    "content-md5",
    "date",
    "host",
    "server",
    "user-agent",
    "www-authenticate",
];

/// Why an answer is none: API Gateway calls all of these a "malformed Lambda proxy response".
#[derive(Debug, thiserror::Error)]
pub(super) enum Malformed {
    #[error("it is not the JSON object that API Gateway expects")]
    NotAnAnswer(#[from] serde_json::Error),
    #[error("its statusCode {0} is no HTTP status")]
    Status(u16),
    #[error("its header {0} cannot be sent")]
    Header(String),
    #[error("its body is not the base64 that it says it is")]
    Body(#[from] DecodeError),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status_code: u16,
    headers: Option<Map<String, Value>>,
    multi_value_headers: Option<Map<String, Value>>,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// The response.
pub(super) fn response(answer: &[u8]) -> Result<Response<Bytes>, Malformed> {
    let answer: Answer = serde_json::from_slice(answer)?;
    let status = match StatusCode::from_u16(answer.status_code) {
        // An informational status is not the end of a response.
        Ok(status) if !status.is_informational() => status,
        _ => return Err(Malformed::Status(answer.status_code)),
    };
    let headers = headers(&answer)?;
    let body = answer.body.unwrap_or_default();
    let body = match answer.is_base64_encoded {
        true => BASE64_STANDARD.decode(body)?,
        false => body.into_bytes(),
    };
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// `headers` and `multiValueHeaders` in one; a name that is in both has the values of the latter.
fn headers(answer: &Answer) -> Result<HeaderMap, Malformed> {
    let mut headers = HeaderMap::new();
    for (name, values) in answer.multi_value_headers.iter().flatten() {
        let values = values
            .as_array()
            .ok_or_else(|| Malformed::Header(name.clone()))?;
        for value in values {
            append(&mut headers, name, value)?;
        }
    }
    let multi = headers.clone();
    for (name, value) in answer.headers.iter().flatten() {
        if !multi.contains_key(sent_as(name)?) {
            append(&mut headers, name, value)?;
        }
    }
    headers.remove(TRANSFER_ENCODING);
    let json = HeaderValue::from_static("application/json");
    headers.entry(CONTENT_TYPE).or_insert(json);
    Ok(headers)
}

fn append(headers: &mut HeaderMap, name: &str, value: &Value) -> Result<(), Malformed> {
    let text = match value {
        Value::Null => return Ok(()),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(_) | Value::Object(_) => return Err(Malformed::Header(name.to_owned())),
    };
    let value = HeaderValue::from_str(&text).map_err(|_| Malformed::Header(name.to_owned()))?;
    headers.append(sent_as(name)?, value);
    Ok(())
}

fn sent_as(name: &str) -> Result<HeaderName, Malformed> {
    let lower = name.to_ascii_lowercase();
    let sent = match REMAPPED.contains(&lower.as_str()) {
        true => format!("x-amzn-remapped-{lower}"),
        false => lower,
    };
    HeaderName::try_from(sent).map_err(|_| Malformed::Header(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(answer: Value) -> Result<Response<Bytes>, Malformed> {
        response(answer.to_string().as_bytes())
    }

    #[test]
    fn takes_status_headers_and_body() {
        let response = of(json!({
            "statusCode": 409,
            "headers": { "content-type": "text/plain" },
            "multiValueHeaders": { "X-A": ["1", "2"] },
            "body": "abc",
        }))
        .unwrap();

        assert_eq!(response.status(), 409);
        assert_eq!(response.headers()[CONTENT_TYPE], "text/plain");
        let all: Vec<_> = response.headers().get_all("x-a").iter().collect();
        assert_eq!(all, ["1", "2"]);
        assert_eq!(response.body(), "abc");
    }

    #[test]
    fn a_header_in_both_forms_is_sent_once() {
        let answer = json!({
            "statusCode": 200,
            "headers": { "Cache-Control": "no-store" },
            "multiValueHeaders": { "cache-control": ["no-store"] },
        });

        let response = of(answer).unwrap();

        assert_eq!(
            response.headers().get_all("cache-control").iter().count(),
            1
        );
    }

    #[test]
    fn undoes_base64() {
        let answer = json!({ "statusCode": 200, "body": "YWJj", "isBase64Encoded": true });
        assert_eq!(of(answer).unwrap().body(), "abc");
    }

    #[test]
    fn content_type_is_json_unless_said_otherwise() {
        let response = of(json!({ "statusCode": 204, "body": null })).unwrap();
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
    }

    #[test]
    fn remaps_what_is_the_gateways() {
        let answer =
            json!({ "statusCode": 200, "headers": { "Content-Length": "9", "Server": "x" }});

        let response = of(answer).unwrap();

        assert!(!response.headers().contains_key("content-length"));
        assert_eq!(response.headers()["x-amzn-remapped-server"], "x");
    }

    #[test]
    fn refuses_malformed_answers() {
        for malformed in [
            json!("text"),
            json!({}),
            json!({ "statusCode": "200" }),
            json!({ "statusCode": 99 }),
            json!({ "statusCode": 101 }),
            json!({ "statusCode": 200, "body": { "a": 1 } }),
            json!({ "statusCode": 200, "body": "***", "isBase64Encoded": true }),
            json!({ "statusCode": 200, "headers": { "a b": "1" } }),
            json!({ "statusCode": 200, "headers": { "a": ["1"] } }),
            json!({ "statusCode": 200, "headers": { "a": "1\n2" } }),
            json!({ "statusCode": 200, "multiValueHeaders": { "a": "1" } }),
        ] {
            assert!(of(malformed.clone()).is_err(), "{malformed}");
        }
    }
}
