//! The whole function in this process: `gateway::Service` over the real SDK, with a stand-in for
//! AWS below it.

use std::sync::LazyLock;

use in_process_aws::Aws;
use lambda_http::{LambdaEvent, lambda_runtime::Context};
use serde_json::value::RawValue;
use token_service::{
    clock::{Clock, UnixMillis},
    gateway::{Response, Service},
};
use tokio::runtime::{Builder, Runtime};

use crate::events;

/// What the service's clock shows: 2026-11-24.
pub const NOW: UnixMillis = UnixMillis::new(1_795_512_600_000);

/// The invocation's id, which an event without one of its own gets.
pub const CONTEXT_REQUEST_ID: &str = "00000000-0000-4000-8000-000000000000";

/// The function, on an AWS of its own.
pub struct Function {
    service: Service,
    aws: Aws,
    runtime: Runtime,
}

impl Function {
    /// With these documents as its two secrets.
    pub fn new(api_keys: &str, server_keys: &str) -> Self {
        let aws = Aws::new(api_keys, server_keys);
        let clock = Clock::from_fn(|| NOW);
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        let operations = runtime.block_on(aws.operations(clock.clone()));
        let service = Service::new(operations, clock);
        Self {
            service,
            aws,
            runtime,
        }
    }

    /// The function with the development partners of `events/`.
    pub fn of_the_events() -> &'static Self {
        static FUNCTION: LazyLock<Function> = LazyLock::new(Function::of_development);
        &FUNCTION
    }

    /// Another one of the kind.
    pub fn of_development() -> Self {
        let [api_keys, server_keys] = development_secrets();
        Self::new(api_keys, server_keys)
    }

    /// Answers one event.
    pub fn answer(&self, event: Box<RawValue>) -> Response {
        let mut context = Context::default();
        context.request_id = CONTEXT_REQUEST_ID.to_owned();
        context.deadline = u64::try_from(NOW.millis()).unwrap() + 10_000;
        self.runtime
            .block_on(self.service.answer(LambdaEvent::new(event, context)))
    }

    /// Empties the table, so that what an input does does not depend on those before it, and begins
    /// the harness's session ([`events::token`]).
    pub fn begin_session(&self) {
        self.aws.forget_records();
        self.aws.keep(events::session_item(events::BEGAN));
    }
}

/// An answer's HTTP status.
pub fn status(response: &Response) -> i64 {
    match response {
        Response::Rest(answer) => answer.status_code,
        Response::Http(answer) => answer.status_code,
    }
}

/// The documents of `events/secrets/`: `api-keys` and `server-keys`.
pub fn development_secrets() -> [&'static str; 2] {
    [
        include_str!("../../../events/secrets/api-keys.json"),
        include_str!("../../../events/secrets/server-keys.json"),
    ]
}
