//! The call and its repeats, as the clients make them.

use std::time::Duration;

use peers::{
    credentials::Credentials,
    error::with_causes,
    partner, retry,
    verdict::{Verdict, judge},
};

use crate::{
    integrate::service::{CallFailure, call},
    notes::Notes,
    outcome::Failure,
};

/// One call, however many tries it takes.
pub(super) struct Call<'a> {
    pub(super) credentials: &'a Credentials,
    pub(super) url: &'a str,
    pub(super) path: &'a str,
    pub(super) reference_id: &'a str,
    pub(super) attempts: u32,
}

/// How it ended, and after how many tries.
pub(super) enum Ending {
    Answered(Verdict, u32),
    /// Nothing came, or not all of it.
    Unanswered(String, u32),
}

impl Call<'_> {
    /// Sends a request, sealed anew for each try: every body has an IV of its own.
    pub(super) async fn send(
        &self,
        seal: impl Fn() -> Result<String, Failure>,
        notes: Notes,
    ) -> Result<Ending, Failure> {
        let mut tries = 0;
        loop {
            tries += 1;
            let (ending, asked) = self.attempt(seal()?, tries).await?;
            let why = match &ending {
                Ending::Unanswered(why, _) => why.clone(),
                Ending::Answered(Verdict::Refused(refusal), _) if refusal.is_retryable() => {
                    format!(
                        "HTTP {} {}",
                        refusal.status.unwrap_or_default(),
                        refusal.code
                    )
                }
                Ending::Answered(..) => return Ok(ending),
            };
            if tries >= self.attempts || asked > retry::MAX_PAUSE {
                return Ok(ending);
            }
            let pause = retry::pause(tries, asked);
            notes.say(&format!(
                "try {tries} of {}: {}; again in {:.1} s",
                self.attempts,
                why.trim_end(),
                pause.as_secs_f64()
            ));
            tokio::time::sleep(pause).await;
        }
    }

    /// One try, and how long the service asked to wait.
    async fn attempt(&self, body: String, tries: u32) -> Result<(Ending, Duration), Failure> {
        let request = partner::token_request_at(self.path, self.credentials, body)
            .map_err(|error| Failure::usage(with_causes(&error)))?;
        match call(self.url, request).await {
            Err(CallFailure::Unanswered(why)) => {
                Ok((Ending::Unanswered(why, tries), Duration::ZERO))
            }
            Err(CallFailure::NotMade(failure)) => Err(failure),
            Ok(response) => {
                let verdict = judge(&response, self.credentials, self.reference_id);
                Ok(match verdict {
                    // What is not believed may still be worth another try, by its status.
                    Verdict::Unreadable(it) if retry::is_worthwhile(it.status) => (
                        Ending::Unanswered(format!("HTTP {}: {}", it.status, it.fault), tries),
                        Duration::ZERO,
                    ),
                    Verdict::Refused(refusal) => {
                        let asked = refusal.retry_after;
                        (Ending::Answered(Verdict::Refused(refusal), tries), asked)
                    }
                    other => (Ending::Answered(other, tries), Duration::ZERO),
                })
            }
        }
    }
}
