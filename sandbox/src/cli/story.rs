//! `token-sandbox run`: one session, followed from the partner's request for a token to the
//! customer's logout, each step checked.
//!
//! It shows keys, a token and a customer. That is what it is for, and why it knows development keys
//! only.

mod session;
mod steps;

use std::{
    fmt::Debug,
    fs, io,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use http::Request;
use peers::{
    answer::AnswerError, jwe::OpenError, partner::CallError, resource_server::TokenError,
    sdk::KeyError,
};
use sandbox::{
    Logs, Options, Sandbox,
    development::DevelopmentError,
    proxy_event::{self, ProxyError},
};

use self::session::Session;
use super::{
    page::Page,
    stack::{End, with_stack},
};

/// In the program, which also runs where the repository is not.
const GET_TOKEN: &[u8] = include_bytes!("../../../events/get-token.json");

/// Why the story ends before its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CannotTell {
    #[error("{} cannot be read", .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
    #[error("the event is not JSON")]
    NotJson(#[source] serde_json::Error),
    #[error(transparent)]
    Event(#[from] ProxyError),
    #[error("the event has no X-API-KEY of a partner in events/secrets")]
    NoPartner,
    #[error("the partner's keys do not open the event's body")]
    Body(#[source] OpenError),
    #[error(transparent)]
    Start(#[from] sandbox::Error),
    #[error("signals cannot be listened for")]
    Signals(#[from] io::Error),
    #[error(transparent)]
    Credentials(#[from] DevelopmentError),
    #[error("the request cannot be made")]
    Request(#[from] http::Error),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Answer(#[from] AnswerError),
    #[error("the answer has no {0}")]
    NoMember(&'static str),
    #[error("the token cannot be opened")]
    Token(#[from] TokenError),
    #[error("the SDK cannot derive the session key")]
    Key(#[from] KeyError),
    #[error("the table has no item for the request")]
    NoItem,
}

/// Tells the story of `event`, or of the sample get-token. It ends badly if something in it does
/// not hold; the page says what.
pub(crate) async fn tell(event: Option<&Path>) -> Result<End, CannotTell> {
    let request = read_request(event)?;
    let options = Options {
        logs: Logs::Capture,
        ..Options::default()
    };
    with_stack(options, async |sandbox| {
        let mut story = Story {
            page: Page::new(),
            held: 0,
            failed: Vec::new(),
        };
        story.introduce(sandbox);
        let ending = story.follow(sandbox, request).await;
        if ending.is_err() || !story.failed.is_empty() {
            story.page.log(&sandbox.log_lines());
        }
        ending.map(|()| End::good_if(story.end()))
    })
    .await
}

fn read_request(event: Option<&Path>) -> Result<Request<Bytes>, CannotTell> {
    let json = match event {
        Some(path) => {
            fs::read(path).map_err(|error| CannotTell::Unreadable(path.to_owned(), error))?
        }
        None => GET_TOKEN.to_vec(),
    };
    let event = serde_json::from_slice(&json).map_err(CannotTell::NotJson)?;
    Ok(proxy_event::request(&event)?)
}

struct Story {
    page: Page,
    held: usize,
    failed: Vec<String>,
}

impl Story {
    fn introduce(&mut self, sandbox: &Sandbox) {
        self.page
            .line("One session, from a partner's request for a token to the customer's logout.");
        self.page.remark(&format!(
            "The real token-service binary, a database and a secret store run on this machine, at {}.",
            sandbox.url()
        ));
        self.page.remark(
            "All keys are the development keys of events/secrets, which are public: so they can be shown.",
        );
    }

    async fn follow(
        &mut self,
        sandbox: &Sandbox,
        request: Request<Bytes>,
    ) -> Result<(), CannotTell> {
        let asked = self.plain_request(&request)?;
        self.sealed_request(&request)?;
        let answer = self.response(sandbox, request, &asked).await?;
        self.opened_answer(&answer, &asked);
        let claims = self.token(&answer, &asked)?;
        self.session_key(&answer, &claims)?;
        self.item(sandbox, &answer, &claims, &asked)?;

        let mut session = Session::of(&answer, &claims)?;
        let claims = self.renewal(sandbox, &mut session, &claims, &asked).await?;
        self.introspection(sandbox, &session, &claims).await?;
        self.logout(sandbox, &session, &asked).await?;
        self.refusal(sandbox, &session, &asked).await?;
        self.inactive(sandbox, &session).await
    }

    /// Notes that `claim` holds because two values are the same, or that it does not.
    fn equal<T: PartialEq + Debug>(&mut self, claim: &str, expected: &T, actual: &T) {
        let differs = expected != actual;
        self.check(
            claim,
            differs.then(|| format!("expected {expected:?}, found {actual:?}")),
        );
    }

    /// Notes that `claim` holds, or why it does not.
    fn check(&mut self, claim: &str, why_not: Option<String>) {
        match why_not {
            None => {
                self.page.tick(claim);
                self.held += 1;
            }
            Some(why) => {
                let failure = format!("not so: {claim}: {why}");
                self.page.cross(&failure);
                self.failed.push(failure);
            }
        }
    }

    fn end(mut self) -> bool {
        match self.failed.len() {
            0 => self
                .page
                .heading(&format!("All {} checks held.", self.held)),
            failed => {
                let all = failed + self.held;
                self.page
                    .heading(&format!("{failed} of {all} checks failed:"));
                for failure in &self.failed {
                    self.page.cross(failure);
                }
            }
        }
        self.failed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn story() -> Story {
        Story {
            page: Page::blank_sheet(),
            held: 0,
            failed: Vec::new(),
        }
    }

    #[test]
    fn ends_well_only_if_all_held() {
        let mut story = story();
        story.equal("one is one", &1, &1);
        story.equal("one is two", &1, &2);
        assert_eq!(story.held, 1);
        assert_eq!(story.failed, ["not so: one is two: expected 1, found 2"]);
        assert!(!story.end());
    }

    #[test]
    fn ends_well_if_all_held() {
        let mut story = story();
        story.check("it holds", None);
        assert!(story.end());
    }
}
