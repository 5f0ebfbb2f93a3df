//! An answer of the function, opened, and held against the rules of every answer (`peers::rules`).

use lambda_http::{Body, http};
use peers::{
    answer::Answer,
    jwe::{self, OpenError},
    rules::{self, Asked, GET_TOKEN, Operation, introspection},
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

/// Reads and checks an answer of Get Token; a sealed one must open with one of `keys`.
#[track_caller]
pub fn check(response: Response, keys: &[[u8; 32]], asked: &Asked<'_>) -> Checked {
    check_of(GET_TOKEN, response, keys, asked)
}

/// Reads and checks an answer of an operation; a sealed one must open with one of `keys`.
#[track_caller]
pub fn check_of(
    operation: Operation,
    response: Response,
    keys: &[[u8; 32]],
    asked: &Asked<'_>,
) -> Checked {
    let answer = Answer::read_with(http_response(response), |body| {
        let opened = keys.iter().find_map(|key| jwe::open(body, key).ok());
        opened.ok_or(OpenError::Unauthentic)
    });
    let answer = answer.unwrap_or_else(|error| panic!("{error}"));
    if let Err(broken) = rules::check(operation, &answer, asked) {
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

/// Reads and checks an answer of introspection.
#[track_caller]
pub fn check_introspection(response: Response) -> Checked {
    let response = http_response(response);
    // An event with two paths has none.
    if response.status() == 404 {
        let answer = Answer::read_with(response, |_| Err(OpenError::Unauthentic)).unwrap();
        rules::check(GET_TOKEN, &answer, &Asked::default()).unwrap();
        return plain(404, answer.members);
    }
    if let Err(broken) = introspection::check(&response) {
        panic!("{broken}");
    }
    let json = serde_json::from_slice(response.body()).unwrap();
    plain(response.status().as_u16(), json)
}

fn plain(status: u16, json: Value) -> Checked {
    Checked {
        status,
        code: json["resCode"].clone(),
        sealed: false,
        replayed: false,
        json,
    }
}

#[track_caller]
fn http_response(response: Response) -> http::Response<bytes::Bytes> {
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
    response
}
