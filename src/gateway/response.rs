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

use crate::{answer::AnswerBody, problem::Problem};

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

/// What became of a request.
pub(super) enum Outcome {
    Success { replayed: bool },
    Problem(Problem),
}

/// An answer whose body is written, and sealed if it has to be.
pub(super) struct Answer {
    pub(super) outcome: Outcome,
    pub(super) body: AnswerBody,
}

impl Answer {
    pub(super) fn status(&self) -> u16 {
        match &self.outcome {
            Outcome::Success { .. } => 200,
            Outcome::Problem(problem) => problem.status,
        }
    }

    pub(super) fn code(&self) -> u16 {
        match &self.outcome {
            Outcome::Success { .. } => 200,
            Outcome::Problem(problem) => problem.code,
        }
    }

    pub(super) fn replayed(&self) -> bool {
        matches!(self.outcome, Outcome::Success { replayed: true })
    }

    fn headers(&self, request_id: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let content_type = match self.body {
            AnswerBody::Sealed(_) => "text/plain",
            AnswerBody::Plain(_) => "application/json",
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Ok(request_id) = HeaderValue::from_str(request_id) {
            headers.insert(X_REQUEST_ID, request_id);
        }
        if self.replayed() {
            headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
        }
        if let Outcome::Problem(problem) = &self.outcome {
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
        let (AnswerBody::Sealed(body) | AnswerBody::Plain(body)) = self.body;
        let body = Some(Body::Text(body));
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
