//! Lambda request in, response out: paths, methods, sizes and headers (protocol.md, Get Token).
//!
//! Besides `main` the only place that knows `lambda_http`. It never fails: every outcome is an HTTP
//! answer of the protocol, never a runtime error.

mod event;
mod report;
mod response;
mod routes;

use std::{
    borrow::Cow,
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use lambda_http::LambdaEvent;
use ring::rand::SystemRandom;
use serde_json::value::RawValue;

use crate::{
    answer::{self, CodeForm},
    clock::{Clock, UnixMillis},
    deadline::Deadline,
    operations::{
        Call, IntrospectCall, Introspection, IntrospectionError, Operations, Refusal, RenewCall,
        RequestLog, Success,
    },
    problem::{HttpError, Problem},
};
use event::{Body, Event, Headers};
use report::Report;
use response::Answer;
pub use response::Response;
use routes::Operation;

/// Largest body in bytes.
const MAX_BODY: usize = 32 * 1024;

/// The function behind API Gateway.
pub struct Service {
    operations: Operations,
    clock: Clock,
    rng: SystemRandom,
    /// Until the first request.
    cold: AtomicBool,
}

/// What became of an event.
enum Served {
    /// It got no further than its HTTP form; `None` if nothing is at its path.
    Unacceptable(HttpError, Option<Operation>),
    Operation(Result<Success, Refusal>),
    Introspection(Result<Introspection, IntrospectionError>),
}

impl Service {
    /// Answers by what `operations` do.
    pub fn new(operations: Operations, clock: Clock) -> Self {
        Self {
            operations,
            clock,
            rng: SystemRandom::new(),
            cold: AtomicBool::new(true),
        }
    }

    /// Answers one event and logs one line about it.
    pub async fn answer(&self, event: LambdaEvent<Box<RawValue>>) -> Response {
        let started = Instant::now();
        let LambdaEvent { payload, context } = event;
        let event = Event::read(&payload);
        let ends_at = UnixMillis::new(i64::try_from(context.deadline).unwrap_or(i64::MAX));
        let deadline = Deadline::of_invocation(ends_at, self.clock.now());
        let request_id = event.request_id().unwrap_or(&context.request_id);

        let mut log = RequestLog::default();
        let route = routes::at(event.path());
        let operation = route.map(|(operation, _)| operation);
        let form = route.map_or(CodeForm::Text, |(_, form)| form);
        let served = match operation {
            None => Served::Unacceptable(HttpError::Path, None),
            Some(operation) => self.serve(&event, operation, deadline, &mut log).await,
        };
        let cause = served.cause();
        let answer = self.answer_to(served, form);

        let report = Report {
            request_id,
            extended_request_id: event.extended_request_id(),
            context: &context,
            operation,
            answer: &answer,
            cause,
            log: &log,
            took: started.elapsed(),
            secrets_age: self.operations.secrets_age().await,
            cold: self.cold.swap(false, Ordering::Relaxed),
        };
        report.log();
        answer.into_response(request_id, event.is_http_api())
    }

    async fn serve(
        &self,
        event: &Event<'_>,
        operation: Operation,
        deadline: Deadline,
        log: &mut RequestLog,
    ) -> Served {
        let headers = event.headers();
        let body = match acceptable(event, &headers, operation) {
            Ok(body) => body,
            Err(error) => return Served::Unacceptable(error, Some(operation)),
        };
        let (api_key, body) = (headers.get("x-api-key"), body.as_deref());
        let call = Call {
            api_key: api_key.as_deref(),
            body,
            deadline,
        };
        match operation {
            Operation::GetToken => Served::Operation(self.operations.issue(&call, log).await),
            Operation::Renew => {
                let api_token = headers.get("x-api-token");
                let account_number = headers.get("x-account-number");
                let call = RenewCall {
                    call,
                    api_token: api_token.as_deref(),
                    account_number: account_number.as_deref(),
                };
                Served::Operation(self.operations.renew(&call, log).await)
            }
            Operation::Invalidate => {
                Served::Operation(self.operations.invalidate(&call, log).await)
            }
            Operation::Introspect => {
                let authorization = headers.get("authorization");
                let call = IntrospectCall {
                    authorization: authorization.as_deref(),
                    body,
                    deadline,
                };
                Served::Introspection(self.operations.introspect(&call, log).await)
            }
        }
    }

    fn answer_to(&self, served: Served, form: CodeForm) -> Answer {
        match served {
            Served::Unacceptable(error, Some(Operation::Introspect)) => {
                Answer::oauth((&error).into()).allowing(Some(Operation::Introspect))
            }
            Served::Unacceptable(error, operation) => {
                let problem = Problem::from(&error);
                let body = answer::problem(&problem, None, form, &self.rng);
                Answer::problem(problem, body, form).allowing(operation)
            }
            Served::Operation(Ok(success)) => {
                let body = answer::success(&success, form, &self.rng);
                Answer::success(success.replayed, body, form)
            }
            Served::Operation(Err(Refusal { error, reply })) => {
                let problem = Problem::from(&error);
                let body = answer::problem(&problem, reply.as_ref(), form, &self.rng);
                Answer::problem(problem, body, form)
            }
            Served::Introspection(Ok(introspection)) => Answer::introspection(&introspection),
            Served::Introspection(Err(error)) => Answer::oauth((&error).into()),
        }
    }
}

impl Served {
    /// Why there is no success, for the log.
    fn cause(&self) -> Option<String> {
        match self {
            Self::Unacceptable(error, _) => Some(error.to_string()),
            Self::Operation(result) => {
                let refusal = result.as_ref().err()?;
                Some(refusal.error.to_string())
            }
            Self::Introspection(result) => Some(result.as_ref().err()?.to_string()),
        }
    }
}

/// The body of an event whose HTTP form is the operation's; `None` if it is not the base64 that it
/// is flagged as.
fn acceptable<'a>(
    event: &Event<'a>,
    headers: &Headers<'a>,
    operation: Operation,
) -> Result<Option<Cow<'a, [u8]>>, HttpError> {
    if !operation.has(event.method()) {
        return Err(HttpError::Method);
    }
    let body = match event.body(MAX_BODY) {
        Body::TooLarge => return Err(HttpError::Size),
        Body::Bytes(bytes) => Some(bytes),
        Body::NotBase64 => None,
    };
    if !operation.takes(headers.get("content-type").as_deref()) {
        return Err(HttpError::ContentType);
    }
    Ok(body)
}
