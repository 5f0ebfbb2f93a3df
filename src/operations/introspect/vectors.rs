//! `docs/vectors/introspection.json`.

use serde_json::json;

use super::*;
use crate::{
    answer::{self, AnswerBody},
    problem::OauthError,
    vectors::{Vector, read},
};

/// What a vector's call comes to, where its resource server is the only one and every session
/// lives.
fn told(vector: &Vector) -> Result<Introspection, IntrospectionError> {
    let authorization = vector.json("authorization").as_str();
    let (id, secret) = credentials(authorization).ok_or(ClientError::Credentials)?;
    if id != vector.text("resourceServerId") || **secret != *vector.text("secretUtf8") {
        return Err(ClientError::Unknown.into());
    }
    let body = vector.bytes("bodyUtf8");
    let compact = token_of(Some(&body))?;
    let identity = vector.identity();
    Ok(match token::open(&compact, &vector.ring(), &identity) {
        Ok(presented) => Introspection::Active(presented.active_json(&identity)?),
        Err(_) => Introspection::Inactive,
    })
}

fn text(body: AnswerBody) -> String {
    match body {
        AnswerBody::Plain(text) => text,
        AnswerBody::Sealed(_) => panic!("sealed"),
    }
}

#[test]
fn answers_every_introspection() {
    let mut active = 0;
    for vector in read("introspection").0 {
        let (name, told) = (vector.name(), told(&vector).unwrap());
        active += usize::from(matches!(told, Introspection::Active(_)));
        let body = text(answer::introspection(&told).unwrap());
        assert_eq!(body, vector.part("answer").text("bodyUtf8"), "{name}");
    }
    assert_eq!(active, 4);
}

#[test]
fn refuses_every_wrong_introspection() {
    for vector in read("introspection").1 {
        let (name, answer) = (vector.name(), vector.part("answer"));
        let Err(error) = told(&vector) else {
            panic!("accepted {name}")
        };
        let error = OauthError::from(&error);
        assert_eq!(json!(error.status), *answer.json("httpStatus"), "{name}");
        let body = text(answer::introspection_error(error.error));
        assert_eq!(body, answer.text("bodyUtf8"), "{name}");
    }
}
