//! Lambda request in, response out: paths, methods, sizes and headers (protocol.md, Get Token).
//!
//! Besides `main` the only place that knows `lambda_http`. It never fails: every outcome is an HTTP
//! answer of the protocol, never a runtime error.

mod event;
mod report;
mod response;

use std::{
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
    operations::{Call, Operations, Refusal, Reply, RequestLog, Success},
    problem::{HttpError, Problem},
};
use event::{Body, Event};
use report::Report;
pub use response::Response;
use response::{Answer, Outcome};

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

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("{}", .0.error)]
    Refused(Refusal),
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
        let result = self.serve(&event, deadline, &mut log).await;
        let cause = result.as_ref().err().map(ToString::to_string);
        let form = code_form(event.path()).unwrap_or(CodeForm::Text);
        let answer = self.answer_to(result, form);

        let report = Report {
            request_id,
            extended_request_id: event.extended_request_id(),
            context: &context,
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
        deadline: Deadline,
        log: &mut RequestLog,
    ) -> Result<Success, Failure> {
        if code_form(event.path()).is_none() {
            return Err(HttpError::Path.into());
        }
        if !matches!(event.method(), "POST" | "GET") {
            return Err(HttpError::Method.into());
        }
        let body = match event.body(MAX_BODY) {
            Body::TooLarge => return Err(HttpError::Size.into()),
            Body::Bytes(bytes) => Some(bytes),
            Body::NotBase64 => None,
        };
        let headers = event.headers();
        if !headers
            .get("content-type")
            .is_none_or(|content_type| is_jwe_type(&content_type))
        {
            return Err(HttpError::ContentType.into());
        }
        let api_key = headers.get("x-api-key");
        let call = Call {
            api_key: api_key.as_deref(),
            body: body.as_deref(),
            deadline,
        };
        let issued = self.operations.issue(&call, log).await;
        issued.map_err(Failure::Refused)
    }

    /// The answer, sealed if the request was opened.
    fn answer_to(&self, result: Result<Success, Failure>, form: CodeForm) -> Answer {
        let (outcome, body) = match result {
            Ok(success) => {
                let body = answer::success(&success, form, &self.rng);
                let replayed = success.replayed;
                (Outcome::Success { replayed }, body)
            }
            Err(failure) => {
                let (problem, reply) = failure.into_problem();
                let body = answer::problem(&problem, reply.as_ref(), form, &self.rng);
                (Outcome::Problem(problem), body)
            }
        };
        match body {
            Ok(body) => Answer { outcome, body },
            Err(_) => Answer {
                outcome: Outcome::Problem(Problem::internal()),
                body: answer::internal(form),
            },
        }
    }
}

impl Failure {
    fn into_problem(self) -> (Problem, Option<Reply>) {
        match self {
            Self::Http(unacceptable) => (Problem::from(&unacceptable), None),
            Self::Refused(Refusal { error, reply }) => (Problem::from(&error), reply),
        }
    }
}

/// The paths' ends, and how each path spells `resCode`.
fn code_form(path: &str) -> Option<CodeForm> {
    const FORMS: [(&str, CodeForm); 2] = [
        ("/token-service/client/server/new/v2/token", CodeForm::Text),
        ("/token-service/client/server/new/token", CodeForm::Number),
    ];
    // API Gateway puts whole segments in front, or nothing.
    let is_in_front =
        |before: &str| before.is_empty() || (before.starts_with('/') && !before.ends_with('/'));
    let (_, form) = FORMS
        .into_iter()
        .find(|(end, _)| path.strip_suffix(end).is_some_and(is_in_front))?;
    Some(form)
}

fn is_jwe_type(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    ["text/plain", "application/jose", "application/json"]
        .iter()
        .any(|accepted| essence.eq_ignore_ascii_case(accepted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_matches_by_its_end() {
        let (text, number) = (
            "/token-service/client/server/new/v2/token",
            "/token-service/client/server/new/token",
        );
        for before in [
            "",
            "/prod",
            "/v1",
            "/a/b",
            "/token-service/client/server/new",
        ] {
            assert_eq!(code_form(&format!("{before}{text}")), Some(CodeForm::Text));
            let number = code_form(&format!("{before}{number}"));
            assert_eq!(number, Some(CodeForm::Number));
        }
        for other in [
            "",
            "/",
            "token-service/client/server/new/token",
            "/xtoken-service/client/server/new/token",
            "/prodtoken-service/client/server/new/v2/token",
            "prod/token-service/client/server/new/v2/token",
            "//token-service/client/server/new/v2/token",
            "/prod//token-service/client/server/new/v2/token",
            "/token-service/client/server/new/token/",
            "/token-service/client/server/new/v2/token/x",
            "/token-service/client/server/new/v3/token",
            "/TOKEN-SERVICE/client/server/new/token",
        ] {
            assert_eq!(code_form(other), None, "{other}");
        }
    }
}
