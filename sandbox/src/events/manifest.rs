//! `events/manifest.json`: the documented answer of each sample, and how an answer is held against
//! it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use peers::answer::Answer;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// All samples of a folder, in the order in which a newcomer would look at them.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The samples.
    pub events: Vec<Sample>,
}

/// A sample event and its documented answer.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sample {
    /// Its file is `<name>.json`.
    pub name: String,
    /// What it shows, in a line of Markdown.
    pub shows: String,
    /// The samples that are sent before it, in this order, to the same stack.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<String>,
    /// The HTTP status.
    pub status: u16,
    /// The code: a string, or a number on the first version's path. Introspection has none.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub res_code: Value,
    /// What introspection says of the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    /// Whether the answer is sealed.
    pub encrypted: bool,
    /// Whether the answer has a token.
    #[serde(default, skip_serializing_if = "is_false")]
    pub token: bool,
    /// Whether the answer says that it repeats an earlier one.
    #[serde(default, skip_serializing_if = "is_false")]
    pub replayed: bool,
    /// The members that fail, in any order. None: the answer names none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FailingMember>,
}

/// A member of the request that the answer complains about.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FailingMember {
    /// Its name.
    pub field: String,
    /// The reason, where the protocol fixes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Why the manifest cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// No such file.
    #[error("{} cannot be read", .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
    /// Not a manifest.
    #[error("{} is not a manifest of events; `make events` writes it anew", .0.display())]
    Invalid(PathBuf, #[source] serde_json::Error),
}

impl Manifest {
    /// Reads the manifest of a folder of events.
    ///
    /// # Errors
    /// There is none, or it is not valid.
    pub fn read(folder: &Path) -> Result<Self, ManifestError> {
        let path = folder.join("manifest.json");
        let json = match fs::read(&path) {
            Ok(json) => json,
            Err(error) => return Err(ManifestError::Unreadable(path, error)),
        };
        serde_json::from_slice(&json).map_err(|error| ManifestError::Invalid(path, error))
    }

    /// The sample of a name.
    pub fn sample(&self, name: &str) -> Option<&Sample> {
        self.events.iter().find(|sample| sample.name == name)
    }
}

impl Sample {
    /// Its file's name.
    pub fn file(&self) -> String {
        format!("{}.json", self.name)
    }

    /// What of `answer` is not as documented, a line each; none if all of it is. `before` is the
    /// answer to the last of the samples before it: a replay must repeat its token, anything else
    /// must have another.
    pub fn differences(&self, answer: &Answer, before: Option<&Answer>) -> Vec<String> {
        let mut differences = Vec::new();
        let mut expect = |what: &str, documented: &dyn ToString, actual: &dyn ToString| {
            let (documented, actual) = (documented.to_string(), actual.to_string());
            if documented != actual {
                differences.push(format!("{what} is {actual}, documented is {documented}"));
            }
        };
        let sealed = |sealed| if sealed { "sealed" } else { "plain" };
        let yes = |yes| if yes { "yes" } else { "no" };
        expect("the status", &self.status, &answer.status.as_u16());
        expect(
            "the answer",
            &sealed(self.encrypted),
            &sealed(answer.sealed.is_some()),
        );
        expect(
            "resCode",
            &self.res_code,
            answer.members.get("resCode").unwrap_or(&Value::Null),
        );
        expect(
            "Idempotent-Replayed",
            &yes(self.replayed),
            &yes(answer.is_replayed()),
        );
        expect(
            "Cache-Control",
            &"no-store",
            &answer.header("cache-control").unwrap_or("absent"),
        );
        expect(
            "X-Request-Id",
            &"there",
            &answer.header("x-request-id").map_or("absent", |_| "there"),
        );
        expect(
            "a token",
            &yes(self.token),
            &yes(answer.text("token").is_some()),
        );
        let member = |answer: &Answer, name| answer.members.get(name).cloned().unwrap_or_default();
        expect(
            "active",
            &self.active.map_or(Value::Null, Value::from),
            &member(answer, "active"),
        );
        expect(
            "Allow",
            &yes(self.status == 405),
            &yes(answer.header("allow").is_some()),
        );
        match before {
            Some(before) if self.replayed => {
                for name in ["token", "serverPubKey", "expireAt"] {
                    expect(
                        &format!("{name} of the replay"),
                        &member(before, name),
                        &member(answer, name),
                    );
                }
            }
            Some(before) if self.token => expect(
                "the token",
                &"another",
                &match before.text("token") == answer.text("token") {
                    true => "the one before it",
                    false => "another",
                },
            ),
            _ => {}
        }
        let failing = answer.members.get("errors");
        expect("errors", &fields(&self.errors), &reported_fields(failing));
        for FailingMember { field, reason } in &self.errors {
            if let Some(reason) = reason {
                expect(
                    &format!("the reason of {field}"),
                    reason,
                    &reported_reason(failing, field),
                );
            }
        }
        differences
    }
}

fn fields(errors: &[FailingMember]) -> String {
    let mut fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
    fields.sort_unstable();
    format!("[{}]", fields.join(" "))
}

fn reported_fields(errors: Option<&Value>) -> String {
    let reported = errors.and_then(Value::as_array).into_iter().flatten();
    let mut fields: Vec<&str> = reported
        .map(|error| error.get("field").and_then(Value::as_str).unwrap_or("?"))
        .collect();
    fields.sort_unstable();
    format!("[{}]", fields.join(" "))
}

fn reported_reason<'a>(errors: Option<&'a Value>, field: &str) -> &'a str {
    errors
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .find(|error| error.get("field") == Some(&field.into()))
        .and_then(|error| error.get("reason")?.as_str())
        .unwrap_or("absent")
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use http::Response;
    use serde_json::json;

    use super::*;
    use peers::jwe;

    fn sample() -> Sample {
        serde_json::from_value(json!({
            "name": "x", "shows": "x", "status": 409, "resCode": "TOK409", "encrypted": true,
            "errors": [{"field": "referenceId", "reason": "reused"}],
        }))
        .unwrap()
    }

    fn answer(status: u16, members: &Value, headers: &[(&str, &str)]) -> Answer {
        let partner = crate::development::acme().unwrap();
        let body = jwe::seal(
            members.to_string().as_bytes(),
            &partner.payload_keys[0].k,
            None,
        );
        let mut response = Response::builder()
            .status(status)
            .header("content-type", "text/plain")
            .header("cache-control", "no-store")
            .header("x-request-id", "1");
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        Answer::read(response.body(body.into()).unwrap(), &[partner]).unwrap()
    }

    #[test]
    fn finds_nothing_in_the_documented_answer() {
        let errors = json!([{"field": "referenceId", "reason": "reused"}]);
        let answer = answer(409, &json!({"resCode": "TOK409", "errors": errors}), &[]);
        assert_eq!(sample().differences(&answer, None), [""; 0]);
    }

    #[test]
    fn names_each_difference() {
        let errors = json!([{"field": "referenceId", "reason": "expired"}]);
        let members = json!({"resCode": 409, "errors": errors});
        let answer = answer(400, &members, &[("idempotent-replayed", "true")]);
        assert_eq!(
            sample().differences(&answer, None),
            [
                "the status is 400, documented is 409",
                "resCode is 409, documented is \"TOK409\"",
                "Idempotent-Replayed is yes, documented is no",
                "the reason of referenceId is expired, documented is reused",
            ]
        );
    }

    #[test]
    fn a_replay_repeats_the_token_and_a_renewal_does_not() {
        let mut sample = sample();
        sample.status = 200;
        sample.res_code = "TOK200".into();
        sample.token = true;
        sample.replayed = true;
        sample.errors = Vec::new();
        let members = |token: &str| json!({"resCode": "TOK200", "token": token});
        let first = answer(200, &members("a"), &[]);
        let replayed = [("idempotent-replayed", "true")];
        let same = answer(200, &members("a"), &replayed);
        assert_eq!(sample.differences(&same, Some(&first)), [""; 0]);
        let other = answer(200, &members("b"), &replayed);
        assert_eq!(
            sample.differences(&other, Some(&first)),
            [r#"token of the replay is "b", documented is "a""#]
        );

        sample.replayed = false;
        let another = answer(200, &members("b"), &[]);
        assert_eq!(sample.differences(&another, Some(&first)), [""; 0]);
        assert_eq!(
            sample.differences(&first, Some(&first)),
            ["the token is the one before it, documented is another"]
        );
    }

    #[test]
    fn introspection_says_whether_a_token_is_active() {
        let sample: Sample = serde_json::from_value(json!({
            "name": "x", "shows": "x", "status": 200, "active": false, "encrypted": true,
        }))
        .unwrap();
        let inactive = answer(200, &json!({"active": false}), &[]);
        assert_eq!(sample.differences(&inactive, None), [""; 0]);
        let active = answer(200, &json!({"active": true}), &[]);
        assert_eq!(
            sample.differences(&active, None),
            ["active is true, documented is false"]
        );
    }
}
