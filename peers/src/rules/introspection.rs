//! What every answer of introspection must be (protocol.md, Introspect): RFC 7662's answers and
//! RFC 6749's errors.

use bytes::Bytes;
use http::Response;
use serde_json::{Value, json};

use super::{BrokenRule, challenges, each_once, is_a_wait, is_due};

/// What the resource server is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Introspected {
    /// The token is good: its claims.
    Active(Value),
    /// It is not.
    Inactive,
    /// Nothing, for this reason (`error`).
    Refused(String),
}

/// The errors of each status.
const ERRORS: [(u16, &str); 7] = [
    (400, "invalid_request"),
    (401, "invalid_client"),
    (405, "invalid_request"),
    (413, "invalid_request"),
    (415, "invalid_request"),
    (500, "server_error"),
    (503, "temporarily_unavailable"),
];

/// Holds an answer against all rules, and reads it.
///
/// # Errors
/// The first rule that does not hold.
pub fn check(answer: &Response<Bytes>) -> Result<Introspected, BrokenRule> {
    let (status, headers) = (answer.status().as_u16(), answer.headers());
    let header = |name: &str| headers.get(name)?.to_str().ok();
    let is = |name: &str, value: &str| header(name) == Some(value);
    let challenge = r#"Basic realm="token-service""#;
    let rules = [
        ("each header once", each_once(headers)),
        ("Content-Type", is("content-type", "application/json")),
        (
            "X-Request-Id",
            header("x-request-id").is_some_and(|id| !id.is_empty()),
        ),
        ("Cache-Control", is("cache-control", "no-store")),
        (
            "Retry-After",
            is_due(status == 503, header("retry-after"), is_a_wait),
        ),
        (
            "Allow",
            is_due(status == 405, header("allow"), |value| value == "POST"),
        ),
        ("WWW-Authenticate", challenges(headers, status, challenge)),
        (
            "Idempotent-Replayed",
            !headers.contains_key("idempotent-replayed"),
        ),
    ];
    let broken = |rule| BrokenRule {
        rule,
        found: format!(
            "{status} {headers:?}: {}",
            String::from_utf8_lossy(answer.body())
        ),
    };
    if let Some((rule, _)) = rules.into_iter().find(|(_, holds)| !holds) {
        return Err(broken(rule));
    }
    read(status, answer.body()).ok_or_else(|| broken("the body"))
}

/// The body, which has no other form than the protocol's, byte for byte.
fn read(status: u16, body: &[u8]) -> Option<Introspected> {
    if status != 200 {
        let (_, error) = ERRORS.into_iter().find(|(known, _)| *known == status)?;
        let is_whole = body == json!({ "error": error }).to_string().as_bytes();
        return is_whole.then(|| Introspected::Refused(error.to_owned()));
    }
    if body == br#"{"active":false}"# {
        return Some(Introspected::Inactive);
    }
    let mut members: Value = serde_json::from_slice(body).ok()?;
    if body != active(&members)?.as_bytes() {
        return None;
    }
    members.as_object_mut()?.remove("active");
    Some(Introspected::Active(members))
}

/// The answer for a good token of these claims, each in its place; `None` if one is missing or of
/// another type.
fn active(claims: &Value) -> Option<String> {
    let text = |name: &str| Some(Value::from(claims.get(name)?.as_str()?).to_string());
    let integer = |name: &str| claims.get(name)?.as_i64();
    let k = claims.pointer("/cnf/jwk/k")?.as_str()?;
    Some(format!(
        r#"{{"active":true,"iss":{},"aud":{},"sub":{},"client_id":{},"program_id":{},"jti":{},"ref":{},"auth_time":{},"iat":{},"exp":{},"cnf":{{"jwk":{{"kty":"oct","k":{}}}}}}}"#,
        text("iss")?,
        text("aud")?,
        text("sub")?,
        text("client_id")?,
        integer("program_id")?,
        text("jti")?,
        text("ref")?,
        integer("auth_time")?,
        integer("iat")?,
        integer("exp")?,
        Value::from(k),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTIVE: &str = r#"{"active":true,"iss":"i","aud":"a","sub":"1","client_id":"acme","program_id":2,"jti":"j","ref":"r","auth_time":1,"iat":2,"exp":3,"cnf":{"jwk":{"kty":"oct","k":"k"}}}"#;

    /// A good answer, with headers taken away and added.
    fn answer(
        status: u16,
        body: &str,
        without: &str,
        with: &[(&'static str, &'static str)],
    ) -> Response<Bytes> {
        let mut headers = vec![
            ("content-type", "application/json"),
            ("x-request-id", "c6af9ac6"),
            ("cache-control", "no-store"),
        ];
        match status {
            401 => headers.push(("www-authenticate", r#"Basic realm="token-service""#)),
            405 => headers.push(("allow", "POST")),
            503 => headers.push(("retry-after", "1")),
            _ => (),
        }
        headers.retain(|(name, _)| *name != without);
        let mut response = Response::builder().status(status);
        for (name, value) in headers.iter().chain(with) {
            response = response.header(*name, *value);
        }
        response.body(body.to_owned().into()).unwrap()
    }

    #[test]
    fn reads_each_good_answer() {
        let active = check(&answer(200, ACTIVE, "", &[])).unwrap();
        let Introspected::Active(claims) = active else {
            panic!("{active:?}")
        };
        assert_eq!((&claims["sub"], claims.get("active")), (&json!("1"), None));
        let inactive = check(&answer(200, r#"{"active":false}"#, "", &[]));
        assert_eq!(inactive, Ok(Introspected::Inactive));
        for (status, error) in ERRORS {
            let body = format!(r#"{{"error":"{error}"}}"#);
            let refused = check(&answer(status, &body, "", &[])).unwrap();
            assert_eq!(refused, Introspected::Refused(error.to_owned()));
        }
    }

    #[test]
    fn refuses_each_spoilt_body() {
        for body in [
            "",
            "{}",
            r#"{"active":true}"#,
            r#"{"active":false,"sub":"1"}"#,
            r#"{ "active":false}"#,
            &ACTIVE.replace("true", "false"),
            &ACTIVE.replace(r#""auth_time":1,"#, ""),
            &ACTIVE.replace(r#""sub":"1""#, r#""sub":1"#),
            &ACTIVE.replace(r#""iat":2,"exp":3"#, r#""exp":3,"iat":2"#),
            &ACTIVE.replace(r#""iss":"i""#, r#""iss":"i","name":"n""#),
            &ACTIVE.replace("oct", "EC"),
        ] {
            let broken = check(&answer(200, body, "", &[])).unwrap_err();
            assert_eq!(broken.rule, "the body", "{body}");
        }
        for (status, body) in [
            (400, r#"{"error":"invalid_client"}"#),
            (
                400,
                r#"{"error":"invalid_request","error_description":"token"}"#,
            ),
            (401, r#"{"resCode":"TOK002"}"#),
            (404, r#"{"error":"invalid_request"}"#),
        ] {
            let broken = check(&answer(status, body, "", &[])).unwrap_err();
            assert_eq!(broken.rule, "the body", "{status} {body}");
        }
    }

    #[test]
    fn refuses_each_spoilt_header() {
        let basic = r#"Basic realm="token-service""#;
        type Spoilt = (
            u16,
            &'static str,
            &'static str,
            &'static [(&'static str, &'static str)],
        );
        let spoilt: [Spoilt; 14] = [
            (200, "each header once", "", &[("x-request-id", "2")]),
            (200, "Content-Type", "content-type", &[]),
            (
                200,
                "Content-Type",
                "content-type",
                &[("content-type", "text/plain")],
            ),
            (200, "X-Request-Id", "x-request-id", &[]),
            (200, "Cache-Control", "cache-control", &[]),
            (503, "Retry-After", "retry-after", &[]),
            (503, "Retry-After", "retry-after", &[("retry-after", "0")]),
            (500, "Retry-After", "", &[("retry-after", "1")]),
            (405, "Allow", "allow", &[("allow", "POST, GET")]),
            (413, "Allow", "", &[("allow", "POST")]),
            (401, "WWW-Authenticate", "www-authenticate", &[]),
            (
                401,
                "WWW-Authenticate",
                "www-authenticate",
                &[("www-authenticate", r#"ApiKey realm="token-service""#)],
            ),
            (
                400,
                "WWW-Authenticate",
                "",
                &[("www-authenticate", r#"Basic realm="token-service""#)],
            ),
            (
                200,
                "Idempotent-Replayed",
                "",
                &[("idempotent-replayed", "true")],
            ),
        ];
        for (status, rule, without, with) in spoilt {
            let error = ERRORS.into_iter().find(|(known, _)| *known == status);
            let body = match error {
                None => ACTIVE.to_owned(),
                Some((_, error)) => format!(r#"{{"error":"{error}"}}"#),
            };
            let broken = check(&answer(status, &body, without, with)).unwrap_err();
            assert_eq!(broken.rule, rule, "{status}");
        }
        let remapped = answer(
            401,
            r#"{"error":"invalid_client"}"#,
            "www-authenticate",
            &[("x-amzn-remapped-www-authenticate", basic)],
        );
        assert!(check(&remapped).is_ok());
    }
}
