//! An answer as the function returns it to API Gateway.

use lambda_http::{
    Body,
    aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayV2httpResponse},
    http::{
        HeaderMap, HeaderName, HeaderValue,
        header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
};
use serde::Serialize;

use crate::{issue::Success, problem::Problem};

const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// An answer in the shape of the API that asked.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Response {
    /// For a REST API. API Gateway would merge `headers` into these, so that stays empty.
    Rest(ApiGatewayProxyResponse),
    /// For an HTTP API, payload 2.0.
    Http(ApiGatewayV2httpResponse),
}

/// An answer whose body is written, and sealed if it has to be.
pub(super) struct Answer {
    outcome: Result<Success, Problem>,
    content_type: &'static str,
    body: String,
}

impl Answer {
    pub(super) fn plain(outcome: Result<Success, Problem>, json: &[u8]) -> Self {
        Self {
            outcome,
            content_type: "application/json",
            body: String::from_utf8_lossy(json).into_owned(),
        }
    }

    pub(super) fn sealed(outcome: Result<Success, Problem>, body: String) -> Self {
        Self {
            outcome,
            content_type: "text/plain",
            body,
        }
    }

    pub(super) fn status(&self) -> u16 {
        self.outcome
            .as_ref()
            .map_or_else(|problem| problem.status, |_| 200)
    }

    pub(super) fn code(&self) -> u16 {
        self.outcome
            .as_ref()
            .map_or_else(|problem| problem.code, |_| 200)
    }

    pub(super) fn replayed(&self) -> bool {
        self.outcome.as_ref().is_ok_and(|success| success.replayed)
    }

    fn headers(&self, request_id: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Ok(request_id) = HeaderValue::from_str(request_id) {
            headers.insert(X_REQUEST_ID, request_id);
        }
        if self.replayed() {
            headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
        }
        if let Err(problem) = &self.outcome {
            if let Some(retry_after) = problem.retry_after {
                headers.insert(RETRY_AFTER, HeaderValue::from(retry_after.as_secs()));
            }
            match problem.status {
                401 => {
                    let challenge = HeaderValue::from_static(r#"ApiKey realm="token-service""#);
                    headers.insert(WWW_AUTHENTICATE, challenge);
                }
                405 => {
                    headers.insert(ALLOW, HeaderValue::from_static("POST, GET"));
                }
                _ => {}
            }
        }
        headers
    }

    pub(super) fn into_response(self, request_id: &str, http_api: bool) -> Response {
        let status = i64::from(self.status());
        let headers = self.headers(request_id);
        let body = Some(Body::Text(self.body));
        if http_api {
            let mut response = ApiGatewayV2httpResponse::default();
            response.status_code = status;
            response.headers = headers;
            response.body = body;
            Response::Http(response)
        } else {
            let mut response = ApiGatewayProxyResponse::default();
            response.status_code = status;
            response.multi_value_headers = headers;
            response.body = body;
            Response::Rest(response)
        }
    }
}
