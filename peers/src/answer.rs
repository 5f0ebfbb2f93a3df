//! An answer of the service as a partner reads it: opened if it was sealed.

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, header};
use serde_json::Value;

use crate::{
    credentials::Credentials,
    jwe::{OpenError, Opened},
};

/// What the service said.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The members of the answer, opened if it was sealed.
    pub members: Value,
    /// The same as it was written, its members in their own order.
    pub json: Vec<u8>,
    /// The header of the JWE, if the answer was sealed.
    pub sealed: Option<Value>,
    response: Response<Bytes>,
}

/// Why an answer cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// Sealed answers and plain ones are told apart by their content type.
    #[error("the answer's Content-Type must be text/plain or application/json, but is {0:?}")]
    ContentType(String),
    /// The body is not UTF-8.
    #[error("the answer is not text")]
    NotText(#[from] std::str::Utf8Error),
    /// None of the partner's keys opens it.
    #[error("no payload key opens the answer")]
    Open(#[from] OpenError),
    /// What was sent or sealed is not JSON.
    #[error("the answer is not JSON")]
    NotJson(#[from] serde_json::Error),
}

impl Answer {
    /// Reads a response, opening it with the keys of whichever of `partners` can.
    ///
    /// # Errors
    /// It is neither a JWE as `text/plain` nor JSON as `application/json`, or no key opens it.
    pub fn read(response: Response<Bytes>, partners: &[Credentials]) -> Result<Self, AnswerError> {
        Self::read_with(response, |body| open(body, partners))
    }

    /// Reads a response, opening it as the caller does.
    ///
    /// # Errors
    /// It is neither a JWE as `text/plain` nor JSON as `application/json`, or `open` fails.
    pub fn read_with(
        response: Response<Bytes>,
        open: impl FnOnce(&str) -> Result<Opened, OpenError>,
    ) -> Result<Self, AnswerError> {
        let content_type = text_of(&response, header::CONTENT_TYPE.as_str()).unwrap_or_default();
        let body = std::str::from_utf8(response.body())?;
        let (json, sealed) = match content_type.split(';').next().map(str::trim) {
            Some("text/plain") => {
                let opened = open(body)?;
                (opened.plaintext, Some(opened.header))
            }
            Some("application/json") => (body.as_bytes().to_vec(), None),
            _ => return Err(AnswerError::ContentType(content_type.to_owned())),
        };
        Ok(Self {
            status: response.status(),
            members: serde_json::from_slice(&json)?,
            json,
            sealed,
            response,
        })
    }

    /// A member that is a string.
    pub fn text(&self, member: &str) -> Option<&str> {
        self.members.get(member)?.as_str()
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// The body as it was sent.
    pub fn body(&self) -> &[u8] {
        self.response.body()
    }

    /// A header's value, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        text_of(&self.response, name)
    }

    /// Whether it says that it repeats an earlier answer.
    pub fn is_replayed(&self) -> bool {
        self.header("idempotent-replayed") == Some("true")
    }
}

fn open(body: &str, partners: &[Credentials]) -> Result<Opened, OpenError> {
    let mut failure = OpenError::Unauthentic;
    for partner in partners {
        match partner.open(body) {
            Ok(opened) => return Ok(opened),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn text_of<'a>(response: &'a Response<Bytes>, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jwe;

    fn partners() -> [Credentials; 2] {
        [
            &include_bytes!("../../events/secrets/partner.json")[..],
            &include_bytes!("../../events/secrets/partner-globex.json")[..],
        ]
        .map(|file| Credentials::parse(file).unwrap())
    }

    fn response(content_type: &str, body: String) -> Response<Bytes> {
        Response::builder()
            .header("content-type", content_type)
            .header("Idempotent-Replayed", "true")
            .body(body.into())
            .unwrap()
    }

    #[test]
    fn opens_a_sealed_answer_of_any_partner() {
        let partners = partners();
        for key in partners.iter().flat_map(|partner| &partner.payload_keys) {
            let body = jwe::seal(br#"{"resCode":"TOK200"}"#, &key.k, None);
            let answer =
                Answer::read(response("text/plain; charset=utf-8", body), &partners).unwrap();
            assert_eq!(answer.text("resCode"), Some("TOK200"));
            assert!(answer.sealed.is_some() && answer.is_replayed());
        }
    }

    #[test]
    fn reads_a_plain_answer() {
        let body = r#"{"resCode":"TOK002"}"#.to_owned();
        let answer = Answer::read(response("application/json", body), &[]).unwrap();
        assert_eq!(answer.text("resCode"), Some("TOK002"));
        assert_eq!(answer.sealed, None);
    }

    #[test]
    fn refuses_a_sealed_answer_as_json_and_a_plain_one_as_text() {
        let partners = partners();
        let sealed = jwe::seal(b"{}", &partners[0].payload_keys[0].k, None);
        assert!(matches!(
            Answer::read(response("application/json", sealed), &partners),
            Err(AnswerError::NotJson(_))
        ));
        assert!(matches!(
            Answer::read(response("text/plain", "{}".to_owned()), &partners),
            Err(AnswerError::Open(_))
        ));
        assert!(matches!(
            Answer::read(response("text/html", "{}".to_owned()), &partners),
            Err(AnswerError::ContentType(_))
        ));
    }
}
