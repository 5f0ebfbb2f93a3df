//! The answer's JSON, and its sealing under the key that opened the request (protocol.md, Success
//! and Errors).

use std::{fmt, sync::Arc};

use ring::{error::Unspecified, rand::SecureRandom};
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use crate::{
    issue::Success,
    json,
    jwe::{self, Header},
    keys::{KeyId, SealingKey},
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

/// The payload key that opened a request and seals its answer.
#[derive(Clone)]
pub struct ReplyKey {
    key: Arc<SealingKey>,
    /// The answer names the key only if the request did.
    named: bool,
}

impl ReplyKey {
    pub(crate) fn named(key: &Arc<SealingKey>) -> Self {
        let key = Arc::clone(key);
        Self { key, named: true }
    }

    pub(crate) fn unnamed(key: &Arc<SealingKey>) -> Self {
        let key = Arc::clone(key);
        Self { key, named: false }
    }

    /// The key's name.
    pub fn kid(&self) -> &KeyId {
        self.key.kid()
    }

    /// Seals an answer.
    ///
    /// Fails only when the system's generator does.
    pub fn seal(
        &self,
        answer: Zeroizing<Vec<u8>>,
        rng: &dyn SecureRandom,
    ) -> Result<String, Unspecified> {
        let header = Header {
            kid: self.named.then(|| self.key.kid()),
            typ: None,
        };
        Ok(jwe::seal(&self.key, header, answer, rng)?.into_compact())
    }
}

impl fmt::Debug for ReplyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.key.fmt(f)
    }
}

/// A success's JSON. Holds a token: it leaves the function sealed or not at all.
pub fn success(success: &Success, form: CodeForm) -> Zeroizing<Vec<u8>> {
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
    written(&Members {
        res_code: ResCode::new(ResCode::SUCCESS, form),
        res_desc: "SUCCESS",
        reference_id: success.reference_id.as_str(),
        server_pub_key: &success.issued.server_public_key.to_base64url_jwk(),
        token: success.issued.token.compact(),
        expire_at: success.issued.expires_at.millis(),
    })
}

/// A problem's JSON.
pub fn problem(
    problem: &Problem,
    reference_id: Option<&ReferenceId>,
    form: CodeForm,
) -> Zeroizing<Vec<u8>> {
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
    written(&Members {
        res_code: ResCode::new(problem.code, form),
        res_desc: problem.description,
        reference_id: reference_id.map(ReferenceId::as_str),
        errors: &problem.errors,
    })
}

fn written(members: &impl Serialize) -> Zeroizing<Vec<u8>> {
    // Structs of strings and integers always serialize.
    json::write_secret(members).unwrap_or_default()
}

#[cfg(test)]
mod vectors;
