//! The Lambda Runtime API for one instance: the state that the instance is in, and the HTTP paths
//! by which the instance's own calls move it on.
//!
//! ```text
//!                   /next              invoke             /response, /error
//!  Initialising ───────────> Polling ──────────> Busy ───────────────────────> Answered ──/next──> Polling
//!       └───────────────────────┴──── the process ends ────┴──────────────────────┴──────> Ended
//! ```

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, Response, StatusCode, body::Incoming, header::CONTENT_TYPE};
use serde::Deserialize;
use tokio::sync::{oneshot, watch};

use super::{
    ClockShift, InvokeError, MAX_PAYLOAD_BYTES,
    environment::{FUNCTION, REGION},
};

/// The version that all paths begin with.
const VERSION: &str = "/2018-06-01/runtime/";

/// One request to the function.
#[derive(Clone, Debug)]
pub(crate) struct Invocation {
    /// Lambda's request id, a UUID.
    pub(crate) request_id: String,
    /// X-Ray's trace id.
    pub(crate) trace_id: String,
    /// The event, as JSON.
    pub(crate) payload: Bytes,
}

/// How a process ended, and the last that it said.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    pub(super) status: String,
    pub(super) tail: String,
}

enum State {
    /// The process runs, and has not asked for a request yet.
    Initialising,
    /// It waits for a request, which goes to it through this.
    Polling(oneshot::Sender<(Invocation, Duration)>),
    /// It works on this request.
    Busy {
        request_id: String,
        answer: oneshot::Sender<Answer>,
    },
    /// It has answered, and has not asked for another request yet.
    Answered,
    Ended(Ending),
}

type Answer = Result<Bytes, InvokeError>;

/// The Runtime API of one instance.
pub(super) struct RuntimeApi {
    state: watch::Sender<State>,
    clock: ClockShift,
}

impl RuntimeApi {
    pub(super) fn new(clock: ClockShift) -> Arc<Self> {
        Arc::new(Self {
            state: watch::Sender::new(State::Initialising),
            clock,
        })
    }

    /// Waits until the instance asks for a request, or has ended.
    pub(super) async fn polling(&self) -> Result<(), Ending> {
        let mut states = self.state.subscribe();
        let state = states
            .wait_for(|state| match state {
                State::Polling(poll) => !poll.is_closed(),
                State::Ended(_) => true,
                _ => false,
            })
            .await;
        match state.as_deref() {
            Ok(State::Ended(ending)) => Err(ending.clone()),
            _ => Ok(()),
        }
    }

    /// Waits until the process has ended.
    pub(super) async fn ending(&self) -> Ending {
        let mut states = self.state.subscribe();
        loop {
            if let State::Ended(ending) = &*states.borrow_and_update() {
                return ending.clone();
            }
            // The sender is this instance's own.
            let _ = states.changed().await;
        }
    }

    /// Notes that the process has ended. A request that it had gets no answer any more.
    pub(super) fn ended(&self, ending: Ending) {
        self.state.send_replace(State::Ended(ending));
    }

    /// Hands a request to the polling instance and waits for the answer.
    pub(super) async fn invoke(&self, invocation: Invocation, timeout: Duration) -> Answer {
        let (answer, answered) = oneshot::channel();
        self.state.send_modify(|state| {
            let busy = State::Busy {
                request_id: invocation.request_id.clone(),
                answer,
            };
            match std::mem::replace(state, busy) {
                State::Polling(poll) => {
                    // If the poll has just broken off, the process is about to end, and that ends
                    // the wait below.
                    let _ = poll.send((invocation, timeout));
                }
                ended => *state = ended,
            }
        });
        match tokio::time::timeout(timeout, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_dropped)) => Err(self.without_answer()),
            Err(_elapsed) => Err(InvokeError::TimedOut(timeout)),
        }
    }

    fn without_answer(&self) -> InvokeError {
        match &*self.state.borrow() {
            State::Ended(Ending { status, tail }) => InvokeError::Died {
                status: status.clone(),
                tail: tail.clone(),
            },
            _ => InvokeError::Abandoned,
        }
    }

    /// Answers a call of the instance's.
    pub(super) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path().strip_prefix(VERSION).unwrap_or_default();
        let segments: Vec<&str> = path.split('/').collect();
        match (&parts.method, segments.as_slice()) {
            (&Method::GET, ["invocation", "next"]) => self.next().await,
            (&Method::POST, ["invocation", id, "response"]) => {
                self.answered(id, response(body).await)
            }
            (&Method::POST, ["invocation", id, "error"]) => self.answered(id, error(body).await),
            // The process ends after it, and what it printed says more than this does.
            (&Method::POST, ["init", "error"]) => status(StatusCode::ACCEPTED, "OK"),
            _ => status(StatusCode::NOT_FOUND, "The sandbox does not know this path"),
        }
    }

    async fn next(&self) -> Response<Full<Bytes>> {
        let (poll, request) = oneshot::channel();
        self.state.send_modify(|state| {
            if !matches!(state, State::Ended(_)) {
                *state = State::Polling(poll);
            }
        });
        match request.await {
            Ok((invocation, timeout)) => {
                let timeout = i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX);
                delivery(invocation, self.clock.unix_millis().saturating_add(timeout))
            }
            Err(_superseded) => status(StatusCode::GONE, "Another poll has taken its place"),
        }
    }

    fn answered(&self, id: &str, answer: Answer) -> Response<Full<Bytes>> {
        let mut waiting = None;
        self.state.send_if_modified(|state| {
            let is_its_own = matches!(state, State::Busy { request_id, .. } if request_id == id);
            if is_its_own {
                waiting = Some(std::mem::replace(state, State::Answered));
            }
            is_its_own
        });
        let Some(State::Busy {
            answer: waiting, ..
        }) = waiting
        else {
            return status(StatusCode::BAD_REQUEST, "Invalid request ID");
        };
        let too_large =
            matches!(&answer, Err(InvokeError::Reported { kind, .. }) if kind == TOO_LARGE);
        // The one who waited may have been stopped.
        let _ = waiting.send(answer);
        match too_large {
            true => status(StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE),
            false => status(StatusCode::ACCEPTED, "OK"),
        }
    }
}

const TOO_LARGE: &str = "Function.ResponseSizeTooLarge";

fn delivery(invocation: Invocation, deadline_millis: i64) -> Response<Full<Bytes>> {
    let arn = format!("arn:aws:lambda:{REGION}:000000000000:function:{FUNCTION}");
    let delivery = Response::builder()
        .header(CONTENT_TYPE, "application/json")
        .header("Lambda-Runtime-Aws-Request-Id", invocation.request_id)
        .header("Lambda-Runtime-Deadline-Ms", deadline_millis.to_string())
        .header("Lambda-Runtime-Invoked-Function-Arn", arn)
        .header("Lambda-Runtime-Trace-Id", invocation.trace_id)
        .body(Full::new(invocation.payload));
    delivery.unwrap_or_else(|_| status(StatusCode::INTERNAL_SERVER_ERROR, "Not a header"))
}

async fn response(body: Incoming) -> Answer {
    match Limited::new(body, MAX_PAYLOAD_BYTES).collect().await {
        Ok(answer) => Ok(answer.to_bytes()),
        Err(_) => Err(InvokeError::Reported {
            kind: TOO_LARGE.to_owned(),
            message: format!("the answer has more than {MAX_PAYLOAD_BYTES} bytes, or broke off"),
        }),
    }
}

async fn error(body: Incoming) -> Answer {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Report {
        error_type: String,
        error_message: String,
    }
    let body = Limited::new(body, MAX_PAYLOAD_BYTES).collect().await;
    let body = body.map(|body| body.to_bytes()).unwrap_or_default();
    let report: Report = serde_json::from_slice(&body).unwrap_or_default();
    Err(InvokeError::Reported {
        kind: report.error_type,
        message: report.error_message,
    })
}

fn status(status: StatusCode, message: &str) -> Response<Full<Bytes>> {
    let body = match status.is_success() {
        true => serde_json::json!({ "status": message }),
        false => serde_json::json!({ "errorType": "Sandbox", "errorMessage": message }),
    };
    let mut answer = Response::new(Full::from(body.to_string()));
    *answer.status_mut() = status;
    answer
}
