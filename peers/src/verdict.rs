//! What a partner believes of a response, and what it does next.
//!
//! Only what a payload key opens is the service's word, and only if it is to the `referenceId` that
//! was asked for. An error in the clear is a hint: anybody on the way could have written it. A
//! success in the clear is nothing.

use std::{fmt, time::Duration};

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::Value;

use crate::{credentials::Credentials, partner::TOKEN_PATH, retry};

/// What came of a call.
#[derive(Debug)]
pub enum Verdict {
    /// A token.
    Token(Token),
    /// The answer no, from the service or from what stands before it.
    Refused(Refusal),
    /// What came is not, or not provably, the answer to this call. Do not use it.
    Unreadable(Unreadable),
}

/// An answer with a token. `Debug` shows no secret.
pub struct Token {
    /// For the SDK.
    pub token: String,
    /// For the SDK, which derives the session key from it.
    pub server_pub_key: String,
    /// Milliseconds since the epoch; from then on, ask under a new `referenceId`.
    pub expire_at: i64,
    /// An earlier call made this token.
    pub replayed: bool,
    /// For the operator.
    pub request_id: Option<String>,
    /// The whole answer as it was written.
    pub json: Vec<u8>,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("expire_at", &self.expire_at)
            .field("replayed", &self.replayed)
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

/// An answer that is no token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP's status; `None` if only the body is known.
    pub status: Option<u16>,
    /// Such as `TOK400`, on either path. Empty if it is not the service that answered.
    pub code: String,
    /// For people.
    pub description: String,
    /// The members that failed.
    pub errors: Vec<FieldError>,
    /// It was sealed. If not, it is a hint.
    pub authenticated: bool,
    /// How long the service asked to wait.
    pub retry_after: Duration,
    /// For the operator.
    pub request_id: Option<String>,
}

/// A member of the request, and the rule that it broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The member.
    pub field: String,
    /// The rule.
    pub reason: String,
}

/// Something that is not to be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// HTTP's status.
    pub status: u16,
    /// Why it is not believed.
    pub fault: String,
    /// For the operator.
    pub request_id: Option<String>,
}

/// Judges the response to a request for a token under `reference_id`.
pub fn judge(response: &Response<Bytes>, credentials: &Credentials, reference_id: &str) -> Verdict {
    let header = |name| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
    let request_id = header("x-request-id");
    let body = String::from_utf8_lossy(response.body());
    // A success is sealed or no success; anything else that is sealed begins with its header's `{"`
    // in base64url.
    let sealed = response.status() == StatusCode::OK || body.starts_with("ey");
    let unreadable = |fault: String| {
        Verdict::Unreadable(Unreadable {
            status: response.status().as_u16(),
            fault,
            request_id: request_id.clone(),
        })
    };
    let json = match sealed.then(|| credentials.open(body.trim())) {
        None => body.as_bytes().to_vec(),
        Some(Ok(opened)) => opened.plaintext,
        Some(Err(error)) => return unreadable(error.to_string()),
    };
    let said = match serde_json::from_slice::<Value>(&json) {
        Ok(said) if said.is_object() => said,
        _ if sealed => return unreadable("what was sealed is not a JSON object".to_owned()),
        _ => Value::Null,
    };
    let of = said.get("referenceId");
    if sealed && of.is_some_and(|id| id != reference_id) {
        return unreadable("it is the answer to another referenceId: do not use it".to_owned());
    }
    let code = code(said.get("resCode"));
    if !sealed || code != "TOK200" {
        return Verdict::Refused(Refusal {
            status: Some(response.status().as_u16()),
            authenticated: sealed,
            retry_after: retry::asked_pause(header("retry-after").as_deref()),
            request_id,
            ..Refusal::of_body(&said)
        });
    }
    let text = |name| Some(said.get(name)?.as_str()?.to_owned()).filter(|text| !text.is_empty());
    match (
        of,
        text("token"),
        text("serverPubKey"),
        said.get("expireAt").and_then(Value::as_i64),
    ) {
        (Some(_), Some(token), Some(server_pub_key), Some(expire_at)) => Verdict::Token(Token {
            token,
            server_pub_key,
            expire_at,
            replayed: header("idempotent-replayed").as_deref() == Some("true"),
            request_id,
            json,
        }),
        _ => unreadable("it lacks referenceId, token, serverPubKey or expireAt".to_owned()),
    }
}

impl Refusal {
    /// What an error's body says, with nothing known of the response around it.
    pub fn of_body(said: &Value) -> Self {
        let text = |value: &Value, name: &str| match value.get(name) {
            Some(Value::String(text)) => text.clone(),
            _ => String::new(),
        };
        let listed = said.get("errors").and_then(Value::as_array);
        let errors = listed.into_iter().flatten().map(|error| FieldError {
            field: text(error, "field"),
            reason: text(error, "reason"),
        });
        Self {
            code: code(said.get("resCode")),
            description: text(said, "resDesc"),
            errors: errors.collect(),
            ..Self::default()
        }
    }

    /// Whether the same call, with the same `referenceId`, may succeed later.
    pub fn is_retryable(&self) -> bool {
        self.status
            .map_or(self.code == "TOK503", retry::is_worthwhile)
    }

    /// Whether the one cause of `TOK422` that is told is this one's. The words are for people and
    /// may change, and so is what depends on them.
    fn is_json(&self) -> bool {
        self.description.starts_with("The body is JSON")
    }

    /// The reason that is given for a member.
    fn reason_of(&self, field: &str) -> Option<&str> {
        let error = self.errors.iter().find(|error| error.field == field)?;
        Some(&error.reason)
    }

    /// What it means.
    pub fn meaning(&self) -> &'static str {
        match self.code.as_str() {
            "TOK200" => "success, but not sealed: nothing vouches for it",
            "TOK002" => "X-API-KEY is missing or unknown, or the partner is disabled",
            "TOK003" => "something went wrong on the service's side",
            "TOK004" => "the request is valid, but its sdkApiKey is not the partner's",
            "TOK400" if self.errors.is_empty() => {
                "the request was decrypted, but its JSON is at fault"
            }
            "TOK400" => "the request was decrypted, but members break the rules",
            "TOK401" => match self.reason_of("token") {
                Some("expired") => "the session has ended: its time is over, or its record is gone",
                Some("revoked") => "the session was invalidated",
                Some("superseded") => "this token was renewed before, and so was its successor",
                _ => "X-API-TOKEN is missing, or no token of this service",
            },
            "TOK404" if self.reason_of("tokenReferenceId").is_some() => {
                "the partner has no such session"
            }
            "TOK404" => "the service has nothing at this path",
            "TOK405" => "the path does not take this method",
            "TOK409" => match self.reason_of("referenceId") {
                Some("reused") => "another request has had this referenceId",
                Some("expired") => "this request got a token before, which has expired",
                Some("revoked") => "this request got a token before, which was revoked",
                _ => "the referenceId is taken",
            },
            "TOK413" => "the body is over 32 KiB",
            "TOK415" => "the Content-Type is none that the service takes",
            "TOK422" if self.is_json() => "the body begins as JSON does, with {",
            "TOK422" => "the body is not a JWE that the service can open",
            "TOK503" => "the service is unavailable for now",
            _ => match self.status {
                Some(403) => "API Gateway or a firewall in front of the service refused the call",
                Some(429) => "API Gateway has too many requests",
                Some(502) => "the service failed or was not reached by API Gateway",
                Some(504) => "the service took too long for API Gateway",
                _ => "this is not the token service's answer",
            },
        }
    }

    /// What to do.
    pub fn advice(&self) -> String {
        if self.is_retryable() {
            return "Try again later with the same referenceId".to_owned();
        }
        let advice = match self.code.as_str() {
            "TOK401" => match self.reason_of("token") {
                Some("superseded") => {
                    "Use the session's current token; if the SDK has no other, somebody else renewed this one"
                }
                Some(_) => "Get a new token",
                None => {
                    "Check that X-API-TOKEN is the whole token, of this deployment; else get a new one"
                }
            },
            "TOK404" if self.reason_of("tokenReferenceId").is_some() => {
                "Nothing: it has ended, or it never was yours"
            }
            "TOK409" if self.reason_of("referenceId") == Some("reused") => {
                "Another request had this referenceId: find out why before you take a new one"
            }
            "TOK409" => {
                "The token of this referenceId is no longer valid: ask again under a new referenceId"
            }
            "TOK413" => "Send less data",
            _ if self.status == Some(413) => "Send less data",
            "TOK002" => {
                "Check apiKey (renewal: sdkApiKey) in the credentials; if it was just issued, try again in a minute; else ask the operator"
            }
            "TOK003" => "Do not try again in a loop; report it with the request id",
            "TOK004" => "Check sdkApiKey in the credentials",
            "TOK400" if self.errors.is_empty() => {
                "Correct the JSON as a whole, of which no member is at fault: tokenctl explain --plaintext says where"
            }
            "TOK400" => "Correct every member that is named",
            "TOK405" => "Send it with POST",
            "TOK415" => "Send Content-Type: text/plain",
            "TOK422" if self.is_json() => {
                "Send the compact JWE alone, as it is: neither the request's JSON nor JSON with the JWE in it"
            }
            "TOK422" => {
                "No payload key on file for you opens this body: check that the credentials are those of \
                 this URL, and that the service has the first key of payloadKeys"
            }
            _ => return format!("Check the URL: it ends before {TOKEN_PATH}"),
        };
        advice.to_owned()
    }
}

/// `resCode` in one spelling. On the older path it is a number: 100 is `TOK200`, and 2 is `TOK002`.
fn code(res_code: Option<&Value>) -> String {
    match res_code {
        Some(Value::String(code)) => code.clone(),
        Some(Value::Number(number)) => match number.as_u64() {
            Some(100) => "TOK200".to_owned(),
            Some(number) => format!("TOK{number:03}"),
            None => String::new(),
        },
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests;
