//! An answer of the function, opened, and held against the rules of every answer (`peers::rules`).

use lambda_http::{Body, http};
use peers::{
    answer::Answer,
    jwe::{self, OpenError},
    rules::{self, Asked, GET_TOKEN},
};
use serde_json::Value;
use token_service::gateway::Response;

/// An answer that obeys the rules of every answer.
pub struct Checked {
    /// The HTTP status.
    pub status: u16,
    /// The `resCode`.
    pub code: Value,
    /// Whether it was sealed.
    pub sealed: bool,
    /// `Idempotent-Replayed: true`.
    pub replayed: bool,
    /// The members.
    pub json: Value,
}

/// Reads and checks an answer; a sealed one must open with one of `keys`.
#[track_caller]
pub fn check(response: Response, keys: &[[u8; 32]], asked: &Asked<'_>) -> Checked {
    serde_json::to_string(&response).expect("the runtime can hand it over");
    let (status, headers, body) = match response {
        Response::Rest(answer) => {
            assert!(answer.headers.is_empty(), "headers would be sent twice");
            (answer.status_code, answer.multi_value_headers, answer.body)
        }
        Response::Http(answer) => (answer.status_code, answer.headers, answer.body),
    };
    let Some(Body::Text(body)) = body else {
        panic!("the body is no text");
    };
    let mut response = http::Response::new(body.into());
    *response.status_mut() = u16::try_from(status).unwrap().try_into().unwrap();
    *response.headers_mut() = headers;
    let answer = Answer::read_with(response, |body| {
        let opened = keys.iter().find_map(|key| jwe::open(body, key).ok());
        opened.ok_or(OpenError::Unauthentic)
    });
    let answer = answer.unwrap_or_else(|error| panic!("{error}"));
    if let Err(broken) = rules::check(GET_TOKEN, &answer, asked) {
        panic!("{broken}");
    }
    Checked {
        status: answer.status.as_u16(),
        code: answer.members["resCode"].clone(),
        sealed: answer.sealed.is_some(),
        replayed: answer.is_replayed(),
        json: answer.members,
    }
}
