//! API Gateway's REST API in front of the function: one resource, `/{proxy+}`, that takes any
//! method and path to it.
//!
//! `event` makes an HTTP request into a REST proxy event, `answer` makes the function's answer into
//! an HTTP response, and this file knows what API Gateway says by itself when there is none.

mod answer;
mod event;

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::{
    function::{Function, Invocation, InvokeError, Output},
    journal::{AnswerOut, EventIn, Journal},
    listen,
    tasks::Tasks,
    web::WebPage,
};
use event::Call;

/// API Gateway's limit for a request's body.
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;
/// How long API Gateway waits for an integration.
const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(29);

/// Serves the function's REST API on `listener`, and the page if there is one.
pub(crate) fn open(tasks: &Tasks, listener: TcpListener, gateway: Gateway) {
    let gateway = Arc::new(gateway);
    listen::serve(tasks, listener, move |request, peer| {
        let gateway = gateway.clone();
        async move {
            match &gateway.web_page {
                Some(page) if page.is_asked(&request) => page.answer(request).await.map(Full::new),
                _ => gateway.answer(request, peer).await,
            }
        }
    });
}

pub(crate) struct Gateway {
    function: Arc<Function>,
    output: Output,
    journal: Journal,
    web_page: Option<WebPage>,
    timeout: Duration,
}

/// What API Gateway answers by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    TooLong,
    Throttled,
    NoGoodAnswer,
    TimedOut,
}

impl Gateway {
    pub(crate) fn new(
        function: Arc<Function>,
        output: Output,
        journal: Journal,
        web_page: Option<WebPage>,
    ) -> Self {
        Self {
            function,
            output,
            journal,
            web_page,
            timeout: INTEGRATION_TIMEOUT,
        }
    }

    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Full<Bytes>> {
        let call = Call::new(peer.ip());
        let started = Instant::now();
        let (method, path) = (request.method().as_str(), request.uri().path());
        self.journal.begin(&call.request_id, method, path);
        let mut answer = self
            .integrate(request, &call)
            .await
            .unwrap_or_else(Failure::answer)
            .map(Full::new);
        for (name, value) in [
            ("x-amzn-requestid", call.request_id.as_str()),
            ("x-amz-apigw-id", call.extended_request_id.as_str()),
            ("x-amzn-trace-id", call.trace_id.as_str()),
        ] {
            if let Ok(value) = HeaderValue::from_str(value) {
                let name = HeaderName::from_static(name);
                answer.headers_mut().insert(name, value);
            }
        }
        let (status, after) = (answer.status().as_u16(), started.elapsed());
        self.journal
            .answered(&call.request_id, AnswerOut { status, after });
        answer
    }

    async fn integrate(
        &self,
        request: Request<Incoming>,
        call: &Call,
    ) -> Result<Response<Bytes>, Failure> {
        let (parts, body) = request.into_parts();
        let body = read(body).await?;
        let event = event::rest_proxy_event(&parts, &body, call);
        let is_base64 = event.get("isBase64Encoded") == Some(&Value::Bool(true));
        let event = event.to_string();
        let (bytes, body_bytes) = (event.len(), body.len());
        let event_in = EventIn {
            bytes,
            body_bytes,
            is_base64,
        };
        self.journal.hand_in(&call.request_id, &body, event_in);
        let invocation = Invocation {
            request_id: uuid::Uuid::new_v4().to_string(),
            trace_id: call.trace_id.clone(),
            payload: event.into(),
        };
        let answer = tokio::time::timeout(self.timeout, self.function.invoke(invocation))
            .await
            .map_err(|_elapsed| Failure::TimedOut)?
            .map_err(|error| self.failure(&error, call))?;
        answer::response(&answer).map_err(|malformed| {
            let remark = format!("the function's answer is malformed: {malformed}");
            self.remark(&remark, call);
            Failure::NoGoodAnswer
        })
    }

    fn remark(&self, remark: &str, call: &Call) {
        self.output.remark(remark);
        self.journal.remark(&call.request_id, remark);
    }

    fn failure(&self, error: &InvokeError, call: &Call) -> Failure {
        self.remark(&error.to_string(), call);
        match error {
            InvokeError::Throttled(_) => Failure::Throttled,
            InvokeError::TooLarge(_) => Failure::TooLong,
            InvokeError::NotStarted(_)
            | InvokeError::Died { .. }
            | InvokeError::TimedOut(_)
            | InvokeError::Abandoned
            | InvokeError::Reported { .. }
            | InvokeError::NotJson(_)
            | InvokeError::Stopped => Failure::NoGoodAnswer,
        }
    }
}

impl Failure {
    fn answer(self) -> Response<Bytes> {
        let (status, kind, body) = match self {
            Self::TooLong => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestTooLargeException",
                r#"{"message":"Request Too Long"}"#,
            ),
            Self::Throttled => (
                StatusCode::TOO_MANY_REQUESTS,
                "TooManyRequestsException",
                r#"{"message":"Too Many Requests"}"#,
            ),
            // The spaces after the colons of these two are AWS's.
            Self::NoGoodAnswer => (
                StatusCode::BAD_GATEWAY,
                "InternalServerErrorException",
                r#"{"message": "Internal server error"}"#,
            ),
            Self::TimedOut => (
                StatusCode::GATEWAY_TIMEOUT,
                "InternalServerErrorException",
                r#"{"message": "Endpoint request timed out"}"#,
            ),
        };
        let mut answer = Response::new(Bytes::from_static(body.as_bytes()));
        *answer.status_mut() = status;
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("x-amzn-errortype", HeaderValue::from_static(kind));
        answer
    }
}

/// The body, read to its end even where it is too long: a client that is still sending would miss
/// the answer.
async fn read(mut body: Incoming) -> Result<Bytes, Failure> {
    let mut whole = BytesMut::new();
    let mut too_long = false;
    while let Some(frame) = body.frame().await {
        // The client broke off, and will not see what we answer.
        let frame = frame.map_err(|_| Failure::TooLong)?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        too_long |= whole.len() + data.len() > MAX_BODY_BYTES;
        if !too_long {
            whole.extend_from_slice(&data);
        }
    }
    match too_long {
        true => Err(Failure::TooLong),
        false => Ok(whole.freeze()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_own_answers_are_aws_words() {
        for (failure, status, body) in [
            (Failure::TooLong, 413, r#"{"message":"Request Too Long"}"#),
            (
                Failure::Throttled,
                429,
                r#"{"message":"Too Many Requests"}"#,
            ),
            (
                Failure::NoGoodAnswer,
                502,
                r#"{"message": "Internal server error"}"#,
            ),
            (
                Failure::TimedOut,
                504,
                r#"{"message": "Endpoint request timed out"}"#,
            ),
        ] {
            let answer = failure.answer();
            assert_eq!(answer.status(), status);
            assert_eq!(answer.body(), body);
            assert_eq!(answer.headers()[CONTENT_TYPE], "application/json");
        }
    }
}
