//! Where the service is, and one call to it.

use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http::{Request, Response};
use peers::{
    error::with_causes,
    partner::{self, CallError, service_url},
};

use crate::outcome::{Exit, Failure};

/// How long one call may take. The service answers or gives up long before.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The service's URL.
#[derive(Args)]
pub(crate) struct ServiceUrl {
    /// The service's URL, such as https://api.example.com/prod; else the credentials' url
    #[arg(long, env = "TOKENCTL_URL")]
    url: Option<String>,
}

impl ServiceUrl {
    /// The URL that was given, or that of the credentials.
    pub(crate) fn or(&self, of_credentials: Option<&str>) -> Result<String, Failure> {
        service_url(self.url.as_deref().or(of_credentials)).map_err(|fault| {
            Failure::usage(format!(
                "{fault} (--url, TOKENCTL_URL, or url in the credentials)"
            ))
        })
    }
}

/// Why a call has no response.
pub(crate) enum CallFailure {
    /// Nothing came, or not all of it: another try may help.
    Unanswered(String),
    /// The call could not be made.
    NotMade(Failure),
}

impl From<CallFailure> for Failure {
    fn from(failure: CallFailure) -> Self {
        match failure {
            CallFailure::Unanswered(why) => Self::new(Exit::Failed, why),
            CallFailure::NotMade(failure) => failure,
        }
    }
}

/// Sends a request to the service at `url`.
pub(crate) async fn call(
    url: &str,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, CallFailure> {
    match tokio::time::timeout(TIMEOUT, partner::call(url, request)).await {
        Ok(Ok(response)) => Ok(response),
        Err(_) => Err(CallFailure::Unanswered(format!(
            "no answer from {url} within {TIMEOUT:?}"
        ))),
        Ok(Err(error @ (CallError::NoAnswer { .. } | CallError::BrokenOff(_)))) => {
            Err(CallFailure::Unanswered(with_causes(&error)))
        }
        Ok(Err(error)) => {
            let failure = Failure::new(Exit::Failed, with_causes(&error));
            Err(CallFailure::NotMade(failure))
        }
    }
}
