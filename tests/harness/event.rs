//! API Gateway's events, with the members that a test wants to vary.

use base64::{Engine, engine::general_purpose::STANDARD};
use peers::{
    jwe,
    partner::{LEGACY_TOKEN_PATH, TOKEN_PATH},
    resource_server::INTROSPECT_PATH,
};
use sandbox::development;
use serde_json::{Value, json};

use crate::{Plain, acme};

/// The id that a REST API gives besides the request's.
pub const EXTENDED_REQUEST_ID: &str = "WkZ4xE0iDoEEd1A=";

/// A REST API's event, or with [`Event::http`] or [`Event::http_payload_1`] an HTTP API's.
#[derive(Clone, Debug)]
pub struct Event {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Value,
    is_base64: bool,
    /// The stage, if it is an HTTP API's with payload 2.0.
    http_stage: Option<String>,
    /// Whether it is an HTTP API's with payload 1.0.
    is_payload_1: bool,
    request_id: String,
}

impl Event {
    /// A valid request for a token.
    pub fn new(plain: &Plain) -> Self {
        let key = &acme().payload_keys[0];
        Self::of_body(&jwe::seal(plain.json().as_bytes(), &key.k, Some(&key.kid)))
    }

    /// A request for a token with any body.
    pub fn of_body(body: &str) -> Self {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Self {
            method: "POST".to_owned(),
            path: TOKEN_PATH.to_owned(),
            headers: vec![
                header("X-API-KEY", &acme().api_key),
                header("Content-Type", "text/plain"),
            ],
            body: body.into(),
            is_base64: false,
            http_stage: None,
            is_payload_1: false,
            request_id: crate::reference(),
        }
    }

    /// An introspection of the development's resource server with this form, whose body API
    /// Gateway hands on in base64.
    pub fn introspection(form: &[u8]) -> Self {
        let wallet = development::wallet().unwrap();
        let credentials = format!("{}:{}", wallet.resource_server_id, wallet.secret);
        Self::of_body("")
            .path(INTROSPECT_PATH)
            .without_header("X-API-KEY")
            .header(
                "Authorization",
                &format!("Basic {}", STANDARD.encode(credentials)),
            )
            .header("Content-Type", "application/x-www-form-urlencoded")
            .base64(&STANDARD.encode(form))
    }

    /// On the first version's path.
    pub fn legacy(self) -> Self {
        self.path(LEGACY_TOKEN_PATH)
    }

    /// On any path.
    pub fn path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// With any method.
    pub fn method(mut self, method: &str) -> Self {
        method.clone_into(&mut self.method);
        self
    }

    /// As an HTTP API's event (payload 2.0) of this stage, which is not put in front of the path.
    pub fn http(mut self, stage: &str) -> Self {
        self.http_stage = Some(stage.to_owned());
        self
    }

    /// As an HTTP API's event with payload 1.0: a REST API's, with a version.
    pub fn http_payload_1(mut self) -> Self {
        self.is_payload_1 = true;
        self
    }

    /// With a header in the place of any of the same name.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self = self.without_header(name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without a header.
    pub fn without_header(mut self, name: &str) -> Self {
        self.headers
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    /// With a body that is flagged base64.
    pub fn base64(mut self, body: &str) -> Self {
        self.body = body.into();
        self.is_base64 = true;
        self
    }

    /// With a body that is text.
    pub fn text(mut self, body: &str) -> Self {
        self.body = body.into();
        self.is_base64 = false;
        self
    }

    /// With this id of the request.
    pub fn request_id(mut self, id: &str) -> Self {
        id.clone_into(&mut self.request_id);
        self
    }

    /// The event.
    pub fn json(&self) -> Value {
        match &self.http_stage {
            Some(stage) => self.http_json(stage),
            None => self.rest_json(),
        }
    }

    fn rest_json(&self) -> Value {
        let mut headers = json!({});
        let mut multi_value_headers = json!({});
        for (name, value) in &self.headers {
            headers[name] = value.as_str().into();
            multi_value_headers[name] = json!([value]);
        }
        let mut event = json!({
            "resource": "/{proxy+}",
            "path": self.path,
            "httpMethod": self.method,
            "headers": headers,
            "multiValueHeaders": multi_value_headers,
            "queryStringParameters": null,
            "multiValueQueryStringParameters": null,
            "pathParameters": { "proxy": self.path.trim_start_matches('/') },
            "stageVariables": null,
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "a1b2c3d4e5",
                "extendedRequestId": EXTENDED_REQUEST_ID,
                "httpMethod": self.method,
                "path": format!("/prod{}", self.path),
                "protocol": "HTTP/1.1",
                "requestId": self.request_id,
                "requestTimeEpoch": 1_795_512_600_000_u64,
                "resourceId": "ab12cd",
                "resourcePath": "/{proxy+}",
                "stage": "prod",
                "identity": { "sourceIp": "203.0.113.10", "userAgent": "test" },
            },
            "body": self.body,
            "isBase64Encoded": self.is_base64,
        });
        if self.is_payload_1 {
            event["version"] = "1.0".into();
        }
        event
    }

    fn http_json(&self, stage: &str) -> Value {
        let mut headers = json!({});
        for (name, value) in &self.headers {
            headers[name.to_ascii_lowercase()] = value.as_str().into();
        }
        json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": self.path,
            "rawQueryString": "",
            "headers": headers,
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "a1b2c3d4e5",
                "domainName": "example.com",
                "http": {
                    "method": self.method,
                    "path": self.path,
                    "protocol": "HTTP/1.1",
                    "sourceIp": "203.0.113.10",
                    "userAgent": "test",
                },
                "requestId": self.request_id,
                "routeKey": "$default",
                "stage": stage,
                "time": "24/Nov/2026:09:30:00 +0000",
                "timeEpoch": 1_795_512_600_000_u64,
            },
            "body": self.body,
            "isBase64Encoded": self.is_base64,
        })
    }
}
