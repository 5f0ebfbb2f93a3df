//! The answer's body: JSON, sealed under the key that opened the request (protocol.md, Success and
//! Errors). No function here gives a success away that is not sealed.

use crate::redacted::Redacted;
use ring::{error::Unspecified, rand::SecureRandom};
use serde::{Serialize, Serializer};

use crate::{
    json,
    keys::TAG_LEN,
    operations::{Reply, Success},
    problem::Problem,
    request::{MemberFault, ReferenceId},
};

/// How a path spells `resCode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeForm {
    /// `"TOK200"`.
    Text,
    /// `100` for success, else the code's digits.
    Number,
}

/// A `resCode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResCode {
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
pub enum AnswerBody {
    /// A compact JWE: `text/plain`.
    Sealed(String),
    /// JSON in the clear, `application/json`: a problem of a request that was not opened.
    Plain(String),
}

/// A success's body.
///
/// Fails only when the system's generator does, or if JSON could not be written.
pub fn success(
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
pub fn problem(
    problem: &Problem,
    reply: Option<&Reply>,
    form: CodeForm,
    rng: &dyn SecureRandom,
) -> Result<AnswerBody, Unspecified> {
    let reference_id = reply.and_then(|reply| reply.reference_id.as_ref());
    let json = problem_json(problem, reference_id, form)?;
    match reply {
        Some(reply) => Ok(AnswerBody::Sealed(reply.key.seal(json, rng)?)),
        None => {
            let text = std::str::from_utf8(&json).map_err(|_| Unspecified)?;
            Ok(AnswerBody::Plain(text.to_owned()))
        }
    }
}

/// The body of [`Problem::internal`], where what was to be sealed could not be, and must not be told.
pub fn internal(form: CodeForm) -> AnswerBody {
    let Problem {
        code, description, ..
    } = Problem::internal();
    AnswerBody::Plain(match form {
        CodeForm::Text => format!(r#"{{"resCode":"TOK{code:03}","resDesc":"{description}"}}"#),
        CodeForm::Number => format!(r#"{{"resCode":{code},"resDesc":"{description}"}}"#),
    })
}

fn success_json(success: &Success, form: CodeForm) -> Result<Redacted<Vec<u8>>, Unspecified> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Members<'a> {
        res_code: ResCode,
        res_desc: &'static str,
        reference_id: &'a str,
        server_pub_key: &'a str,
        token: &'a str,
        expire_at: i64,
    }
    let members = Members {
        res_code: ResCode::new(ResCode::SUCCESS, form),
        res_desc: "SUCCESS",
        reference_id: success.reference_id.as_str(),
        server_pub_key: &success.issued.server_public_key.to_base64url_jwk(),
        token: success.issued.token.compact(),
        expire_at: success.issued.expires_at.millis(),
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
