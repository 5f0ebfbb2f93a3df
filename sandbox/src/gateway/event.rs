//! An HTTP request as the event that API Gateway's REST APIs hand to a function (Lambda proxy
//! integration, payload 1.0).

use std::net::IpAddr;

use base64::{Engine, prelude::BASE64_STANDARD};
use hyper::{
    HeaderMap, Version,
    header::{CONTENT_TYPE, HOST, USER_AGENT},
    http::request::Parts,
};
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, format_description::FormatItem, macros::format_description};
use uuid::Uuid;

/// The stage. It is not part of the path that the function sees, but of the request context's.
const STAGE: &str = "local";
/// The log format of Apache, which API Gateway uses for `requestTime`.
const REQUEST_TIME: &[FormatItem<'_>] = format_description!(
    "[day]/[month repr:short]/[year]:[hour]:[minute]:[second] [offset_hour sign:mandatory][offset_minute]"
);
/// Headers about the connection, which API Gateway keeps to itself.
const OF_THE_CONNECTION: [&str; 8] = [
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// What API Gateway knows of a request besides the request itself.
pub(super) struct Call {
    pub(super) request_id: String,
    pub(super) extended_request_id: String,
    pub(super) trace_id: String,
    source_ip: IpAddr,
    time: OffsetDateTime,
}

impl Call {
    pub(super) fn new(source_ip: IpAddr) -> Self {
        let time = OffsetDateTime::now_utc();
        let trace = Uuid::new_v4().simple().to_string();
        let trace = trace.get(8..).unwrap_or_default();
        let extended = BASE64_STANDARD.encode(
            Uuid::new_v4()
                .as_bytes()
                .iter()
                .take(11)
                .copied()
                .collect::<Vec<_>>(),
        );
        Self {
            request_id: Uuid::new_v4().to_string(),
            extended_request_id: extended,
            trace_id: format!("Root=1-{:08x}-{trace}", time.unix_timestamp()),
            source_ip,
            time,
        }
    }
}

/// The event. Header names are lower-case, as those of an HTTP/2 client are.
pub(super) fn rest_proxy_event(parts: &Parts, body: &[u8], call: &Call) -> Value {
    let headers = Multi::of_headers(&parts.headers, call);
    let query = Multi::of_query(parts.uri.query().unwrap_or_default());
    let path = parts.uri.path();
    let (body, is_base64) = encode(&parts.headers, body);
    json!({
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": parts.method.as_str(),
        "headers": headers.last(),
        "multiValueHeaders": headers.all(),
        "queryStringParameters": query.last(),
        "multiValueQueryStringParameters": query.all(),
        "pathParameters": { "proxy": decoded(path.trim_start_matches('/')) },
        "stageVariables": null,
        "requestContext": request_context(parts, call),
        "body": body,
        "isBase64Encoded": is_base64,
    })
}

fn request_context(parts: &Parts, call: &Call) -> Value {
    let text = |name| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let protocol = match parts.version {
        Version::HTTP_10 => "HTTP/1.0",
        _ => "HTTP/1.1",
    };
    json!({
        "accountId": "000000000000",
        "apiId": "sandbox",
        "deploymentId": "sandbox",
        "domainName": text(HOST),
        "domainPrefix": "sandbox",
        "extendedRequestId": call.extended_request_id,
        "httpMethod": parts.method.as_str(),
        "identity": identity(text(USER_AGENT), call.source_ip),
        "path": format!("/{STAGE}{}", parts.uri.path()),
        "protocol": protocol,
        "requestId": call.request_id,
        "requestTime": call.time.format(REQUEST_TIME).unwrap_or_default(),
        "requestTimeEpoch": (call.time.unix_timestamp_nanos() / 1_000_000) as i64,
        "resourceId": "sandbox",
        "resourcePath": "/{proxy+}",
        "stage": STAGE,
    })
}

/// Who calls: without an authorizer, nothing but the address and the user agent is known.
fn identity(user_agent: Option<&str>, source_ip: IpAddr) -> Value {
    json!({
        "accessKey": null,
        "accountId": null,
        "caller": null,
        "cognitoAuthenticationProvider": null,
        "cognitoAuthenticationType": null,
        "cognitoIdentityId": null,
        "cognitoIdentityPoolId": null,
        "principalOrgId": null,
        "sourceIp": source_ip.to_string(),
        "user": null,
        "userAgent": user_agent,
        "userArn": null,
    })
}

/// Text stays text, everything else becomes base64, and nothing is null.
fn encode(headers: &HeaderMap, body: &[u8]) -> (Option<String>, bool) {
    if body.is_empty() {
        return (None, false);
    }
    match std::str::from_utf8(body) {
        Ok(text) if is_text(headers) => (Some(text.to_owned()), false),
        _ => (Some(BASE64_STANDARD.encode(body)), true),
    }
}

/// Whether the content type is `text/*`, JSON or XML. Without one it is JSON to API Gateway.
fn is_text(headers: &HeaderMap) -> bool {
    let Some(content_type) = headers.get(CONTENT_TYPE) else {
        return true;
    };
    let content_type = String::from_utf8_lossy(content_type.as_bytes()).to_ascii_lowercase();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    match media_type.split_once('/') {
        Some(("text", _)) => true,
        Some((_, subtype)) => {
            matches!(subtype, "json" | "xml")
                || subtype.ends_with("+json")
                || subtype.ends_with("+xml")
        }
        None => false,
    }
}

/// Names with all their values, in the order of the request.
#[derive(Default)]
struct Multi(Map<String, Value>);

impl Multi {
    fn of_headers(headers: &HeaderMap, call: &Call) -> Self {
        let mut multi = Self::default();
        for (name, value) in headers {
            if !OF_THE_CONNECTION.contains(&name.as_str()) {
                multi.add(name.as_str(), &String::from_utf8_lossy(value.as_bytes()));
            }
        }
        multi.add("x-amzn-trace-id", &call.trace_id);
        multi.add("x-forwarded-for", &call.source_ip.to_string());
        multi.add("x-forwarded-port", "443");
        multi.add("x-forwarded-proto", "https");
        multi
    }

    fn of_query(query: &str) -> Self {
        let mut multi = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            multi.add(&name, &value);
        }
        multi
    }

    fn add(&mut self, name: &str, value: &str) {
        let values = self.0.entry(name).or_insert_with(|| json!([]));
        if let Some(values) = values.as_array_mut() {
            values.push(json!(value));
        }
    }

    /// All values of each name, or null where there is no name.
    fn all(&self) -> Value {
        match self.0.is_empty() {
            true => Value::Null,
            false => Value::Object(self.0.clone()),
        }
    }

    /// The last value of each name, or null where there is no name.
    fn last(&self) -> Value {
        let last = |values: &Value| values.as_array().and_then(|values| values.last()).cloned();
        let lasts = self.0.iter();
        let lasts: Map<String, Value> = lasts
            .filter_map(|(name, values)| Some((name.clone(), last(values)?)))
            .collect();
        match lasts.is_empty() {
            true => Value::Null,
            false => Value::Object(lasts),
        }
    }
}

/// Percent-decodes a path: unlike a query's, its `+` is a plus.
fn decoded(path: &str) -> String {
    percent_encoding::percent_decode_str(path)
        .decode_utf8_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn event(request: hyper::http::request::Builder, body: &[u8]) -> Value {
        let (parts, ()) = request.body(()).unwrap().into_parts();
        rest_proxy_event(&parts, body, &Call::new(IpAddr::from([127, 0, 0, 1])))
    }

    fn body_of_type(content_type: &str, body: &[u8]) -> (Value, Value) {
        let event = event(
            Request::post("/").header("Content-Type", content_type),
            body,
        );
        (event["body"].clone(), event["isBase64Encoded"].clone())
    }

    #[test]
    fn text_json_and_xml_stay_text() {
        for content_type in [
            "text/plain",
            "TEXT/plain; charset=utf-8",
            "application/json",
            "application/problem+json",
            "application/xml",
            "image/svg+xml",
        ] {
            assert_eq!(
                body_of_type(content_type, b"abc"),
                (json!("abc"), json!(false))
            );
        }
    }

    #[test]
    fn other_types_are_base64() {
        for content_type in ["application/jose", "application/octet-stream", "nonsense"] {
            assert_eq!(
                body_of_type(content_type, b"abc"),
                (json!("YWJj"), json!(true))
            );
        }
    }

    #[test]
    fn text_that_is_not_utf8_is_base64() {
        assert_eq!(
            body_of_type("text/plain", &[0xff]),
            (json!("/w=="), json!(true))
        );
    }

    #[test]
    fn without_a_content_type_it_is_text() {
        assert_eq!(event(Request::post("/"), b"abc")["body"], "abc");
    }

    #[test]
    fn an_absent_body_is_null() {
        let event = event(Request::get("/"), b"");
        assert_eq!(
            (&event["body"], &event["isBase64Encoded"]),
            (&Value::Null, &json!(false))
        );
    }

    #[test]
    fn headers_have_their_last_value_and_all_values() {
        let request = Request::get("/")
            .header("X-A", "1")
            .header("X-A", "2")
            .header("Connection", "close");

        let event = event(request, b"");

        assert_eq!(event["headers"]["x-a"], "2");
        assert_eq!(event["multiValueHeaders"]["x-a"], json!(["1", "2"]));
        assert_eq!(event["headers"]["x-forwarded-for"], "127.0.0.1");
        assert!(event["headers"].get("connection").is_none());
    }

    #[test]
    fn the_query_is_decoded_and_null_if_absent() {
        let with = event(Request::get("/p?a=1&a=x%20y&b"), b"");
        let without = event(Request::get("/p"), b"");

        assert_eq!(
            with["queryStringParameters"],
            json!({ "a": "x y", "b": "" })
        );
        assert_eq!(
            with["multiValueQueryStringParameters"]["a"],
            json!(["1", "x y"])
        );
        assert_eq!(without["queryStringParameters"], Value::Null);
        assert_eq!(without["multiValueQueryStringParameters"], Value::Null);
    }

    #[test]
    fn the_stage_is_in_the_contexts_path_only() {
        let event = event(Request::get("/a/b%20c"), b"");

        assert_eq!(event["path"], "/a/b%20c");
        assert_eq!(event["pathParameters"]["proxy"], "a/b c");
        assert_eq!(event["requestContext"]["path"], "/local/a/b%20c");
        assert_eq!(event["requestContext"]["stage"], "local");
        assert_eq!(event["requestContext"]["identity"]["sourceIp"], "127.0.0.1");
    }

    #[test]
    fn the_time_is_in_apaches_format() {
        let mut call = Call::new(IpAddr::from([127, 0, 0, 1]));
        call.time = OffsetDateTime::UNIX_EPOCH;
        let (parts, ()) = Request::get("/").body(()).unwrap().into_parts();

        let event = rest_proxy_event(&parts, b"", &call);

        let time = &event["requestContext"]["requestTime"];
        assert_eq!(time, "01/Jan/1970:00:00:00 +0000");
    }
}
