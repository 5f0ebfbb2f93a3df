//! A reply of the service, opened if it is sealed, and held against the rules of every answer, so
//! that no test can forget one.

use futures_util::future::join_all;
use http::{HeaderMap, Response};
use peers::{
    answer::{Answer, AnswerError},
    credentials::Credentials,
    jwe,
    rules::{self, Asked, Operation, RENEW},
};
use serde_json::Value;

/// A reply that obeys the rules of every answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it was sent.
    pub body: String,
    /// The sealing header, if it was sealed.
    pub sealed: Option<Value>,
    /// The members.
    pub json: Value,
}

impl Reply {
    /// Reads and checks a reply of an operation; sealed ones are opened with the keys of any of
    /// `partners`.
    #[track_caller]
    pub fn read(
        operation: Operation,
        response: Response<bytes::Bytes>,
        partners: &[Credentials],
    ) -> Self {
        let shown = format!("{response:?}");
        Self::of(operation, Answer::read(response, partners), &shown)
    }

    /// Reads and checks the reply to a renewal; a sealed one is opened with the session key.
    #[track_caller]
    pub fn read_renewal(response: Response<bytes::Bytes>, session_key: &[u8; 32]) -> Self {
        let shown = format!("{response:?}");
        let answer = Answer::read_with(response, |body| jwe::open(body, session_key));
        Self::of(RENEW, answer, &shown)
    }

    #[track_caller]
    fn of(operation: Operation, answer: Result<Answer, AnswerError>, shown: &str) -> Self {
        let answer = answer.unwrap_or_else(|error| panic!("{error}: {error:?}: {shown}"));
        if let Err(broken) = rules::check(operation, &answer, &Asked::default()) {
            panic!("{broken}");
        }
        Self {
            status: answer.status.as_u16(),
            headers: answer.headers().clone(),
            body: String::from_utf8(answer.body().to_vec()).expect("a reply is text"),
            json: answer.members,
            sealed: answer.sealed,
        }
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// API Gateway's id of the request.
    pub fn request_id(&self) -> &str {
        self.header("x-request-id").unwrap()
    }

    /// Whether it was sealed.
    pub fn is_sealed(&self) -> bool {
        self.sealed.is_some()
    }

    /// The `kid` of the key that sealed it, if it is named.
    pub fn kid(&self) -> Option<&str> {
        self.sealed.as_ref()?["kid"].as_str()
    }

    /// Whether it repeats an earlier answer.
    pub fn is_replayed(&self) -> bool {
        self.header("idempotent-replayed").is_some()
    }

    /// A member that is a string.
    pub fn text(&self, member: &str) -> &str {
        self.json[member]
            .as_str()
            .unwrap_or_else(|| panic!("no {member}: {}", self.json))
    }

    /// The token.
    pub fn token(&self) -> &str {
        self.text("token")
    }

    /// Whether it gives the same token, with all that belongs to it.
    pub fn gives_the_same_as(&self, other: &Self) -> bool {
        ["token", "serverPubKey", "expireAt", "referenceId"]
            .iter()
            .all(|member| self.json[member] == other.json[member])
    }

    /// The fields of `errors`, sorted.
    pub fn failing(&self) -> Vec<&str> {
        let mut fields: Vec<&str> = self.errors().map(|(field, _)| field).collect();
        fields.sort_unstable();
        fields
    }

    /// The entries of `errors`, as field and reason.
    pub fn errors(&self) -> impl Iterator<Item = (&str, &str)> {
        let errors = self.json["errors"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        errors.iter().map(|error| {
            let text = |name: &str| error[name].as_str().expect("a rule of every answer");
            (text("field"), text("reason"))
        })
    }

    /// This reply, which must be a success that repeats none.
    #[track_caller]
    pub fn issued(self) -> Self {
        assert!(
            self.status == 200 && !self.is_replayed(),
            "not a first answer: {self}"
        );
        self
    }

    /// This reply, which must be a repetition of `first`.
    #[track_caller]
    pub fn replays(self, first: &Self) -> Self {
        assert!(
            self.status == 200 && self.is_replayed(),
            "not a replay: {self}"
        );
        assert!(
            self.gives_the_same_as(first),
            "replays another: {self} instead of {first}"
        );
        self
    }

    /// This reply, which must be an error of this status and code, sealed.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Self {
        assert_eq!(
            (self.status, &self.json["resCode"]),
            (status, &code.into()),
            "{self}"
        );
        assert!(self.is_sealed(), "not sealed: {self}");
        self
    }

    /// This reply, which must be an error of this status and code, in the clear.
    #[track_caller]
    pub fn refused_plainly(self, status: u16, code: &str) -> Self {
        assert_eq!(
            (self.status, &self.json["resCode"]),
            (status, &code.into()),
            "{self}"
        );
        assert!(!self.is_sealed(), "sealed: {self}");
        self
    }

    /// This reply to a renewal, which must say that the session has ended, or the token's turn in
    /// it.
    #[track_caller]
    pub fn ended(self, reason: &str) -> Self {
        let reply = self.refused(401, "TOK401");
        let errors: Vec<_> = reply.errors().collect();
        assert_eq!(errors, [("token", reason)], "{reply}");
        reply
    }

    /// This reply, which must be a 409 for this reason.
    #[track_caller]
    pub fn conflicts(self, reason: &str) -> Self {
        let reply = self.refused(409, "TOK409");
        let errors: Vec<_> = reply.errors().collect();
        assert_eq!(errors, [("referenceId", reason)], "{reply}");
        reply
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let replayed = if self.is_replayed() {
            " (replayed)"
        } else {
            ""
        };
        write!(f, "{}{replayed} {}", self.status, self.json)
    }
}

/// Asks so many times at once: all get one token, and exactly one of them is its first.
pub async fn race(copies: usize, ask: impl AsyncFn() -> Reply) -> Vec<Reply> {
    let replies = join_all((0..copies).map(|_| ask())).await;
    let (replays, firsts): (Vec<&Reply>, Vec<&Reply>) =
        replies.iter().partition(|reply| reply.is_replayed());
    assert_eq!(firsts.len(), 1, "{replies:?}");
    for reply in replays {
        reply.clone().replays(firsts[0]);
    }
    firsts[0].clone().issued();
    replies
}
