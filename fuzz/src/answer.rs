//! What every answer of the function must be (protocol.md, Success and Errors).

use lambda_http::{Body, http::HeaderMap};
use peers::jwe;
use serde_json::Value;
use token_service::gateway::Response;

/// An answer that obeys the rules of all answers, opened if it was sealed.
pub struct Checked {
    /// The HTTP status.
    pub status: i64,
    /// The `resCode`.
    pub code: Value,
    /// Whether it was sealed.
    pub sealed: bool,
    /// `Idempotent-Replayed: true`.
    pub replayed: bool,
    /// The members.
    pub json: Value,
}

/// Every pair of status and code that the protocol has, and whether it is sealed; `None`: if the request was opened.
const PAIRS: [(i64, u64, Option<bool>); 13] = [
    (200, 200, Some(true)),
    (404, 404, Some(false)),
    (405, 405, Some(false)),
    (413, 413, Some(false)),
    (415, 415, Some(false)),
    (503, 503, None),
    (401, 2, Some(false)),
    (400, 422, Some(false)),
    (400, 400, Some(true)),
    (401, 4, Some(true)),
    (409, 409, Some(true)),
    (500, 3, None),
    // The first path's spelling of success.
    (200, 100, Some(true)),
];

/// Reads and checks an answer; a sealed one must open with one of `keys`.
#[track_caller]
pub fn check(response: Response, keys: &[[u8; 32]]) -> Checked {
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
    let header = |name: &str| one(&headers, name);
    let sealed = match header("content-type").as_deref() {
        Some("text/plain") => true,
        Some("application/json") => false,
        other => panic!("Content-Type: {other:?}"),
    };
    let json: Value = if sealed {
        let opened = keys.iter().find_map(|key| jwe::open(&body, key).ok());
        opened
            .expect("a key of the partner opens the answer")
            .json()
            .unwrap()
    } else {
        serde_json::from_str(&body).expect("an answer in the clear is JSON")
    };
    let members = json.as_object().expect("an answer is an object");

    let code = json["resCode"].clone();
    let number = match &code {
        Value::String(text) => {
            let digits = text.strip_prefix("TOK").expect("TOK and digits");
            assert!(digits.len() == 3 && digits != "100", "{text}");
            digits.parse().unwrap()
        }
        Value::Number(number) => {
            let number = number.as_u64().unwrap();
            assert_ne!(number, 200, "success is 100 on the first path");
            number
        }
        other => panic!("resCode: {other}"),
    };
    let known = PAIRS.iter().any(|(s, c, is_sealed)| {
        (*s, *c) == (status, number) && is_sealed.is_none_or(|is_sealed| is_sealed == sealed)
    });
    assert!(
        known,
        "no answer of the protocol: {status} {code}, sealed: {sealed}"
    );

    assert_eq!(header("cache-control").as_deref(), Some("no-store"));
    assert!(header("x-request-id").is_some_and(|id| !id.is_empty()));
    assert_eq!(header("allow").is_some(), status == 405);
    assert_eq!(header("retry-after").is_some(), status == 503);
    assert_eq!(header("www-authenticate").is_some(), status == 401);
    let replayed = header("idempotent-replayed");
    assert!(replayed.is_none() || (status == 200 && replayed.as_deref() == Some("true")));

    let text = |name: &str| json[name].as_str().is_some_and(|text| !text.is_empty());
    assert!(text("resDesc"));
    if status == 200 {
        assert!(text("referenceId") && text("serverPubKey") && text("token"));
        assert!(json["expireAt"].is_i64() && members.len() == 6);
    } else {
        let allowed = ["resCode", "resDesc", "referenceId", "errors"];
        assert!(
            members.keys().all(|name| allowed.contains(&name.as_str())),
            "{json}"
        );
        // Nothing that only the partner should know.
        assert!(sealed || members.len() == 2, "{json}");
        for error in json["errors"].as_array().into_iter().flatten() {
            assert!(
                error["field"].is_string() && error["reason"].is_string(),
                "{error}"
            );
        }
    }
    Checked {
        status,
        code,
        sealed,
        replayed: replayed.is_some(),
        json,
    }
}

#[track_caller]
fn one(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    assert!(values.next().is_none(), "{name} comes twice");
    Some(
        value
            .to_str()
            .expect("a header of visible ASCII")
            .to_owned(),
    )
}
