//! An answer as the function returns it to API Gateway.

use std::time::Duration;

use lambda_http::{
    Body,
    aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayV2httpResponse},
    http::{
        HeaderMap, HeaderName, HeaderValue,
        header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
};
use ring::error::Unspecified;
use serde::Serialize;

use super::routes::Operation;
use crate::{
    answer::{self, AnswerBody, CodeForm},
    operations::Introspection,
    problem::{OauthError, Problem},
};

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
    status: u16,
    /// The number in `TOK...`, which an introspection's answer does not show.
    code: u16,
    replayed: bool,
    retry_after: Option<Duration>,
    challenge: &'static str,
    allow: Option<&'static str>,
    body: AnswerBody,
}

impl Answer {
    /// A body that could not be sealed is not told: the error in its place is.
    pub(super) fn success(
        replayed: bool,
        body: Result<AnswerBody, Unspecified>,
        form: CodeForm,
    ) -> Self {
        let Ok(body) = body else {
            return Self::internal(form);
        };
        Self {
            replayed,
            ..Self::new(200, 200, body)
        }
    }

    pub(super) fn problem(
        problem: Problem,
        body: Result<AnswerBody, Unspecified>,
        form: CodeForm,
    ) -> Self {
        let Ok(body) = body else {
            return Self::internal(form);
        };
        Self {
            retry_after: problem.retry_after,
            ..Self::new(problem.status, problem.code, body)
        }
    }

    pub(super) fn introspection(introspection: &Introspection) -> Self {
        match answer::introspection(introspection) {
            Ok(body) => Self::new(200, 200, body),
            Err(Unspecified) => Self::oauth(OauthError::internal()),
        }
    }

    pub(super) fn oauth(error: OauthError) -> Self {
        let body = answer::introspection_error(error.error);
        Self {
            retry_after: error.retry_after,
            challenge: r#"Basic realm="token-service""#,
            ..Self::new(error.status, error.code, body)
        }
    }

    fn internal(form: CodeForm) -> Self {
        let Problem { status, code, .. } = Problem::internal();
        Self::new(status, code, answer::internal(form))
    }

    fn new(status: u16, code: u16, body: AnswerBody) -> Self {
        Self {
            status,
            code,
            replayed: false,
            retry_after: None,
            challenge: r#"ApiKey realm="token-service""#,
            allow: None,
            body,
        }
    }

    /// Tells the methods that the path has.
    pub(super) fn allowing(self, operation: Option<Operation>) -> Self {
        Self {
            allow: operation.map(Operation::methods),
            ..self
        }
    }

    pub(super) fn status(&self) -> u16 {
        self.status
    }

    pub(super) fn code(&self) -> u16 {
        self.code
    }

    pub(super) fn replayed(&self) -> bool {
        self.replayed
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
        if self.replayed {
            headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
        }
        if let Some(retry_after) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(retry_after.as_secs()));
        }
        match (self.status, self.allow) {
            (401, _) => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(self.challenge));
            }
            (405, Some(allow)) => {
                headers.insert(ALLOW, HeaderValue::from_static(allow));
            }
            _ => {}
        }
        headers
    }

    pub(super) fn into_response(self, request_id: &str, http_api: bool) -> Response {
        let status = i64::from(self.status);
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
