//! The answer's body: JSON, sealed under the key that opened the request (protocol.md, Success and
//! Errors), or introspection's in the clear. No function here gives a token away that is not
//! sealed.

use ring::{error::Unspecified, rand::SecureRandom};
use serde::{Serialize, Serializer};

use crate::{
    clock::UnixMillis,
    json,
    keys::TAG_LEN,
    operations::{Introspection, Outcome, Reply, Success},
    problem::Problem,
    redacted::Redacted,
    request::{MemberFault, ReferenceId},
    session::PublicKey,
    token::Token,
};

/// How a path spells `resCode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CodeForm {
    /// `"TOK200"`.
    Text,
    /// `100` for success, else the code's digits.
    Number,
}

/// A `resCode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ResCode {
    number: u16,
    form: CodeForm,
}

impl ResCode {
    const SUCCESS: u16 = 200;

    fn new(number: u16, form: CodeForm) -> Self {
        Self { number, form }
    }
}

impl Serialize for ResCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.form, self.number) {
            (CodeForm::Text, number) => serializer.collect_str(&format_args!("TOK{number:03}")),
            (CodeForm::Number, Self::SUCCESS) => serializer.serialize_u16(100),
            (CodeForm::Number, number) => serializer.serialize_u16(number),
        }
    }
}

/// An answer's body, as it leaves the function.
pub(crate) enum AnswerBody {
    /// A compact JWE: `text/plain`.
    Sealed(String),
    /// JSON in the clear, `application/json`: a problem of a request that was not opened, or
    /// introspection's answer.
    Plain(String),
}

/// A success's body.
///
/// Fails only when the system's generator does, or if JSON could not be written.
pub(crate) fn success(
    success: &Success,
    form: CodeForm,
    rng: &dyn SecureRandom,
) -> Result<AnswerBody, Unspecified> {
    let sealed = success.reply_key.seal(success_json(success, form)?, rng)?;
    Ok(AnswerBody::Sealed(sealed))
}

/// A problem's body: sealed if the request was opened.
///
/// Fails only when the system's generator does, or if JSON could not be written.
pub(crate) fn problem(
    problem: &Problem,
    reply: Option<&Reply>,
    form: CodeForm,
    rng: &dyn SecureRandom,
) -> Result<AnswerBody, Unspecified> {
    let reference_id = reply.and_then(|reply| reply.reference_id.as_ref());
    let json = problem_json(problem, reference_id, form)?;
    match reply {
        Some(reply) => Ok(AnswerBody::Sealed(reply.key.seal(json, rng)?)),
        None => plain(&json),
    }
}

/// The body of [`Problem::internal`], where what was to be sealed could not be, and must not be
/// told.
pub(crate) fn internal(form: CodeForm) -> AnswerBody {
    let Problem {
        code, description, ..
    } = Problem::internal();
    AnswerBody::Plain(match form {
        CodeForm::Text => format!(r#"{{"resCode":"TOK{code:03}","resDesc":"{description}"}}"#),
        CodeForm::Number => format!(r#"{{"resCode":{code},"resDesc":"{description}"}}"#),
    })
}

/// Introspection's answer (RFC 7662 section 2.2). The claims are for the resource server, which has
/// authenticated.
pub(crate) fn introspection(introspection: &Introspection) -> Result<AnswerBody, Unspecified> {
    match introspection {
        Introspection::Active(json) => plain(json),
        Introspection::Inactive => Ok(AnswerBody::Plain(r#"{"active":false}"#.to_owned())),
    }
}

/// Introspection's error (RFC 6749 section 5.2).
pub(crate) fn introspection_error(error: &'static str) -> AnswerBody {
    AnswerBody::Plain(format!(r#"{{"error":"{error}"}}"#))
}

fn plain(json: &[u8]) -> Result<AnswerBody, Unspecified> {
    let text = std::str::from_utf8(json).map_err(|_| Unspecified)?;
    Ok(AnswerBody::Plain(text.to_owned()))
}

fn success_json(success: &Success, form: CodeForm) -> Result<Redacted<Vec<u8>>, Unspecified> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Members<'a> {
        res_code: ResCode,
        res_desc: &'static str,
        reference_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        server_pub_key: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        token: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        expire_at: Option<i64>,
    }
    let (server_public_key, token) = match &success.outcome {
        Outcome::Issued(issued) => (Some(&issued.server_public_key), Some(&issued.token)),
        Outcome::Renewed(renewed) => (None, Some(&renewed.token)),
        Outcome::Invalidated => (None, None),
    };
    let members = Members {
        res_code: ResCode::new(ResCode::SUCCESS, form),
        res_desc: "SUCCESS",
        reference_id: success.reference_id.as_str(),
        server_pub_key: server_public_key.map(PublicKey::to_base64url_jwk),
        token: token.map(Token::compact),
        expire_at: success.outcome.expires_at().map(UnixMillis::millis),
    };
    json::write_secret(&members, TAG_LEN).map_err(|_| Unspecified)
}

fn problem_json(
    problem: &Problem,
    reference_id: Option<&ReferenceId>,
    form: CodeForm,
) -> Result<Redacted<Vec<u8>>, Unspecified> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Members<'a> {
        res_code: ResCode,
        res_desc: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        reference_id: Option<&'a str>,
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        errors: &'a [MemberFault],
    }
    let members = Members {
        res_code: ResCode::new(problem.code, form),
        res_desc: problem.description,
        reference_id: reference_id.map(ReferenceId::as_str),
        errors: &problem.errors,
    };
    json::write_secret(&members, TAG_LEN).map_err(|_| Unspecified)
}

#[cfg(test)]
mod vectors;
