//! The shapes in which API Gateway hands a request to a function, with every member that it sends.
//!
//! Ids, addresses and times are made up and fixed: a sample has the same bytes each time.

use super::json::{Json, NULL, object};

/// The account, of AWS's own documentation.
const ACCOUNT: &str = "123456789012";
const API_ID: &str = "a1b2c3d4e5";
const DOMAIN: &str = "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com";
/// An address for documentation (RFC 5737).
const CALLER: &str = "203.0.113.10";
const REQUEST_TIME: &str = "24/Nov/2026:09:30:00 +0000";
const REQUEST_TIME_MILLIS: u64 = 1_795_512_600_000;

/// Which of API Gateway's products stands in front of the function.
#[derive(Clone, Copy, Debug)]
pub(super) enum Front {
    /// A REST API, deployed to the stage `prod`.
    Rest,
    /// An HTTP API with payload 2.0, and its stage: `$default`, or one that is then part of
    /// `rawPath`.
    Http { stage: &'static str },
}

/// A request as it reaches API Gateway.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) front: Front,
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) api_key: Option<String>,
    pub(super) content_type: &'static str,
    pub(super) user_agent: &'static str,
    /// Those that not every request has.
    pub(super) more_headers: Vec<(&'static str, String)>,
    /// As it stands in the event, so base64 if `is_base64`.
    pub(super) body: String,
    pub(super) is_base64: bool,
    pub(super) request_id: String,
}

/// The event that the function is invoked with.
pub(super) fn event(call: &Call) -> Json {
    match call.front {
        Front::Rest => rest(call),
        Front::Http { stage } => http(call, stage),
    }
}

fn rest(call: &Call) -> Json {
    let stage = "prod";
    let resource = "/{proxy+}";
    let headers = headers(call);
    let multi_value = |(name, value): &(String, String)| (name.clone(), vec![value.clone()].into());
    let identity = object([
        ("cognitoIdentityPoolId", NULL),
        ("accountId", NULL),
        ("cognitoIdentityId", NULL),
        ("caller", NULL),
        ("sourceIp", CALLER.into()),
        ("principalOrgId", NULL),
        ("accessKey", NULL),
        ("cognitoAuthenticationType", NULL),
        ("cognitoAuthenticationProvider", NULL),
        ("userArn", NULL),
        ("userAgent", call.user_agent.into()),
        ("user", NULL),
    ]);
    object([
        ("resource", resource.into()),
        ("path", call.path.into()),
        ("httpMethod", call.method.into()),
        ("headers", single_value(&headers)),
        (
            "multiValueHeaders",
            Json::Object(headers.iter().map(multi_value).collect()),
        ),
        ("queryStringParameters", NULL),
        ("multiValueQueryStringParameters", NULL),
        (
            "pathParameters",
            object([("proxy", call.path.trim_start_matches('/').into())]),
        ),
        ("stageVariables", NULL),
        (
            "requestContext",
            object([
                ("resourceId", "ab12cd".into()),
                ("resourcePath", resource.into()),
                ("httpMethod", call.method.into()),
                ("extendedRequestId", "WkZ4xE0iDoEEd1A=".into()),
                ("requestTime", REQUEST_TIME.into()),
                ("path", format!("/{stage}{}", call.path).into()),
                ("accountId", ACCOUNT.into()),
                ("protocol", "HTTP/1.1".into()),
                ("stage", stage.into()),
                ("domainPrefix", API_ID.into()),
                ("requestTimeEpoch", REQUEST_TIME_MILLIS.into()),
                ("requestId", call.request_id.clone().into()),
                ("identity", identity),
                ("domainName", DOMAIN.into()),
                ("deploymentId", "f6g7h8".into()),
                ("apiId", API_ID.into()),
            ]),
        ),
        ("body", call.body.clone().into()),
        ("isBase64Encoded", call.is_base64.into()),
    ])
}

fn http(call: &Call, stage: &'static str) -> Json {
    let route = "ANY /{proxy+}";
    let raw_path = match stage {
        "$default" => call.path.to_owned(),
        stage => format!("/{stage}{}", call.path),
    };
    let headers: Vec<_> = headers(call)
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect();
    object([
        ("version", "2.0".into()),
        ("routeKey", route.into()),
        ("rawPath", raw_path.clone().into()),
        ("rawQueryString", "".into()),
        ("headers", single_value(&headers)),
        (
            "requestContext",
            object([
                ("accountId", ACCOUNT.into()),
                ("apiId", API_ID.into()),
                ("domainName", DOMAIN.into()),
                ("domainPrefix", API_ID.into()),
                (
                    "http",
                    object([
                        ("method", call.method.into()),
                        ("path", raw_path.into()),
                        ("protocol", "HTTP/1.1".into()),
                        ("sourceIp", CALLER.into()),
                        ("userAgent", call.user_agent.into()),
                    ]),
                ),
                ("requestId", call.request_id.clone().into()),
                ("routeKey", route.into()),
                ("stage", stage.into()),
                ("time", REQUEST_TIME.into()),
                ("timeEpoch", REQUEST_TIME_MILLIS.into()),
            ]),
        ),
        (
            "pathParameters",
            object([("proxy", call.path.trim_start_matches('/').into())]),
        ),
        ("body", call.body.clone().into()),
        ("isBase64Encoded", call.is_base64.into()),
    ])
}

fn headers(call: &Call) -> Vec<(String, String)> {
    let mut headers = vec![
        ("Accept", "*/*".to_owned()),
        ("Content-Type", call.content_type.to_owned()),
        ("Host", DOMAIN.to_owned()),
        ("User-Agent", call.user_agent.to_owned()),
        (
            "X-Amzn-Trace-Id",
            "Root=1-6b055918-0123456789abcdef01234567".to_owned(),
        ),
        ("X-Forwarded-For", CALLER.to_owned()),
        ("X-Forwarded-Port", "443".to_owned()),
        ("X-Forwarded-Proto", "https".to_owned()),
    ];
    headers.extend(call.api_key.clone().map(|key| ("X-API-KEY", key)));
    headers.extend(call.more_headers.iter().cloned());
    headers.sort();
    headers
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn single_value(headers: &[(String, String)]) -> Json {
    let member = |(name, value): &(String, String)| (name.clone(), value.clone().into());
    Json::Object(headers.iter().map(member).collect())
}
