use http::Response;

use super::*;
use crate::jwe::Opened;

const REFERENCE_ID: &str = "order-1";

/// An answer before it is read.
struct Draft {
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    members: Value,
    sealed: Option<Value>,
}

impl Draft {
    /// A good answer of Get Token's of this row to a request that named its key.
    fn of(row: &Row, sealed: bool, spelling: Spelling) -> Self {
        Self::of_operation(GET_TOKEN, row, sealed, spelling)
    }

    fn of_operation(operation: Operation, row: &Row, sealed: bool, spelling: Spelling) -> Self {
        let mut headers = vec![
            (
                "content-type",
                ["application/json", "text/plain"][usize::from(sealed)],
            ),
            ("cache-control", "no-store"),
            ("x-request-id", "c6af9ac6"),
        ];
        match row.status {
            200 if !row.members.is_empty() => headers.push(("idempotent-replayed", "true")),
            401 => headers.push(("www-authenticate", r#"ApiKey realm="token-service""#)),
            405 => headers.push(("allow", operation.methods)),
            503 => headers.push(("retry-after", "60")),
            _ => (),
        }
        let mut members = json!({
            "resCode": match (spelling, row.code) {
                (Spelling::Text, code) => json!(format!("TOK{code:03}")),
                (Spelling::Integer, 200) => json!(100),
                (Spelling::Integer, code) => json!(code),
            },
            "resDesc": "what happened",
        });
        if sealed {
            members["referenceId"] = REFERENCE_ID.into();
        }
        for (name, kind) in row.members {
            members[*name] = match kind {
                Kind::Text => json!("text"),
                Kind::Integer => json!(1_795_512_600_000_i64),
            };
        }
        match row.errors {
            Errors::None => (),
            Errors::Members => {
                members["errors"] = json!([{"field": "dob", "reason": "is no date"}])
            }
            Errors::One(field, reasons) => {
                members["errors"] = json!([{"field": field, "reason": reasons[0]}]);
            }
        }
        Self {
            status: row.status,
            headers,
            members,
            sealed: sealed.then(|| match operation.under_session_key {
                true => json!({"alg": "dir", "enc": "A256GCM"}),
                false => json!({"alg": "dir", "enc": "A256GCM", "kid": "acme-1"}),
            }),
        }
    }

    fn set_header(&mut self, name: &'static str, value: &'static str) {
        self.drop_header(name);
        self.headers.push((name, value));
    }

    fn drop_header(&mut self, name: &str) {
        self.headers.retain(|(known, _)| *known != name);
    }

    fn drop_member(&mut self, name: &str) {
        self.members.as_object_mut().unwrap().remove(name);
    }

    fn answer(self) -> Answer {
        let mut response = Response::builder().status(self.status);
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        let plaintext = self.members.to_string();
        let response = response.body(plaintext.clone().into()).unwrap();
        Answer::read_with(response, |_| {
            Ok(Opened {
                header: self.sealed.unwrap(),
                plaintext: plaintext.into_bytes(),
            })
        })
        .unwrap()
    }

    fn check(self, asked: &Asked<'_>) -> Result<&'static Row, &'static str> {
        self.check_of(GET_TOKEN, asked)
    }

    fn check_of(
        self,
        operation: Operation,
        asked: &Asked<'_>,
    ) -> Result<&'static Row, &'static str> {
        check(operation, &self.answer(), asked).map_err(|broken| broken.rule)
    }
}

fn asked(spelling: Spelling) -> Asked<'static> {
    Asked {
        spelling: Some(spelling),
        names_its_key: Some(true),
        reference_id: Some(REFERENCE_ID),
    }
}

fn find(status: u16, code: u16) -> &'static Row {
    let mut rows = EVERY_OPERATION.iter().chain(GET_TOKEN.rows);
    rows.find(|row| (row.status, row.code) == (status, code))
        .unwrap()
}

#[test]
fn takes_a_good_answer_of_each_row() {
    for operation in [GET_TOKEN, RENEW, INVALIDATE] {
        for row in EVERY_OPERATION.iter().chain(operation.rows) {
            let sealings: &[bool] = match row.sealed {
                Sealed::Always => &[true],
                Sealed::Never => &[false],
                Sealed::IfOpened => &[true, false],
            };
            for sealed in sealings {
                for spelling in [Spelling::Text, Spelling::Integer] {
                    for asked in [asked(spelling), Asked::default()] {
                        let good = Draft::of_operation(operation, row, *sealed, spelling);
                        assert_eq!(good.check_of(operation, &asked), Ok(row), "{row:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn holds_an_answer_against_its_own_operation() {
    type Spoil = fn(&mut Draft);
    let get_token = || Draft::of(find(405, 405), false, Spelling::Text);
    assert_eq!(get_token().check_of(RENEW, &Asked::default()), Err("Allow"));
    let rows = "status, code and sealing";
    let spoilt: [(Operation, usize, &str, Spoil); 8] = [
        (RENEW, 0, "members", |a| {
            a.members["serverPubKey"] = json!("text")
        }),
        (RENEW, 0, "the sealing header", |a| {
            a.sealed = Some(json!({"alg": "dir", "enc": "A256GCM", "kid": "acme-1"}));
        }),
        (RENEW, 0, "referenceId", |a| a.drop_member("referenceId")),
        (RENEW, 2, "errors", |a| a.drop_member("errors")),
        (RENEW, 2, "errors", |a| {
            a.members["errors"][0]["reason"] = json!("reused")
        }),
        (INVALIDATE, 0, "members", |a| {
            a.members["expireAt"] = json!(1)
        }),
        (INVALIDATE, 0, "Idempotent-Replayed", |a| {
            a.set_header("idempotent-replayed", "true");
        }),
        (INVALIDATE, 1, "errors", |a| a.drop_member("errors")),
    ];
    for (operation, row, rule, spoil) in spoilt {
        let row = &operation.rows[row];
        let mut answer = Draft::of_operation(operation, row, true, Spelling::Text);
        spoil(&mut answer);
        let broken = answer.check_of(operation, &Asked::default());
        assert_eq!(broken, Err(rule), "{row:?}");
    }
    let faulty = EVERY_OPERATION.iter().find(|row| row.code == 400).unwrap();
    let mut nameless = Draft::of_operation(RENEW, faulty, true, Spelling::Text);
    nameless.drop_member("referenceId");
    let broken = nameless.check_of(RENEW, &Asked::default());
    assert_eq!(broken, Err("referenceId"));
    for (row, operation) in [(&RENEW.rows[1], GET_TOKEN), (&RENEW.rows[1], INVALIDATE)] {
        let foreign = Draft::of_operation(RENEW, row, false, Spelling::Text);
        assert_eq!(foreign.check_of(operation, &Asked::default()), Err(rows));
    }
    let unknown = Draft::of_operation(INVALIDATE, &INVALIDATE.rows[1], true, Spelling::Text);
    assert_eq!(unknown.check_of(RENEW, &Asked::default()), Err(rows));
}

#[test]
fn takes_what_is_optional() {
    type Change = fn(&mut Draft);
    let optional: [(u16, u16, Change); 4] = [
        (200, 200, |first| first.drop_header("idempotent-replayed")),
        (400, 400, |of_json| of_json.drop_member("errors")),
        (400, 400, |unread| unread.drop_member("referenceId")),
        (401, 4, |rest| {
            rest.drop_header("www-authenticate");
            let challenge = r#"ApiKey realm="token-service""#;
            rest.set_header("x-amzn-remapped-www-authenticate", challenge);
        }),
    ];
    for (status, code, change) in optional {
        let mut good = Draft::of(find(status, code), true, Spelling::Text);
        change(&mut good);
        assert_eq!(good.check(&asked(Spelling::Text)), Ok(find(status, code)));
    }
    let mut unnamed = Draft::of(find(200, 200), true, Spelling::Text);
    unnamed.sealed = Some(json!({"alg": "dir", "enc": "A256GCM"}));
    let asked = Asked {
        names_its_key: Some(false),
        ..asked(Spelling::Text)
    };
    assert!(unnamed.check(&asked).is_ok());
}

/// A rule, the good answer that breaks it once it is spoilt, and how it is spoilt.
type Spoilt = (&'static str, (u16, u16, bool), fn(&mut Draft));

const SPOILT: &[Spoilt] = &[
    ("resCode", (200, 200, true), |a| a.drop_member("resCode")),
    ("resCode", (200, 200, true), |a| {
        a.members["resCode"] = json!(100)
    }),
    ("resCode", (200, 200, true), |a| {
        a.members["resCode"] = json!(200)
    }),
    ("resCode", (401, 2, false), |a| {
        a.members["resCode"] = json!("TOK2")
    }),
    ("resCode", (401, 2, false), |a| {
        a.members["resCode"] = json!("TOK+02")
    }),
    ("resCode", (401, 2, false), |a| {
        a.members["resCode"] = json!("002")
    }),
    ("resCode", (401, 2, false), |a| a.members = json!([])),
    ("status, code and sealing", (200, 200, true), |a| {
        a.members["resCode"] = json!("TOK100");
    }),
    ("status, code and sealing", (401, 2, false), |a| {
        a.status = 403
    }),
    ("status, code and sealing", (401, 2, false), |a| {
        a.members["resCode"] = json!("TOK001");
    }),
    ("status, code and sealing", (200, 200, true), |a| {
        a.set_header("content-type", "application/json");
    }),
    ("status, code and sealing", (401, 2, false), |a| {
        a.set_header("content-type", "text/plain");
        a.sealed = Some(json!({"alg": "dir", "enc": "A256GCM", "kid": "acme-1"}));
    }),
    ("each header once", (200, 200, true), |a| {
        a.headers.push(("x-request-id", "c6af9ac6"));
    }),
    ("Content-Type", (200, 200, true), |a| {
        a.set_header("content-type", "text/plain; charset=utf-8");
    }),
    ("Content-Type", (404, 404, false), |a| {
        a.set_header("content-type", "application/json; charset=utf-8");
    }),
    ("X-Request-Id", (200, 200, true), |a| {
        a.drop_header("x-request-id")
    }),
    ("X-Request-Id", (404, 404, false), |a| {
        a.set_header("x-request-id", "")
    }),
    ("Cache-Control", (200, 200, true), |a| {
        a.drop_header("cache-control")
    }),
    ("Cache-Control", (404, 404, false), |a| {
        a.set_header("cache-control", "private");
    }),
    ("Retry-After", (503, 503, false), |a| {
        a.drop_header("retry-after")
    }),
    ("Retry-After", (503, 503, true), |a| {
        a.set_header("retry-after", "0")
    }),
    ("Retry-After", (503, 503, true), |a| {
        a.set_header("retry-after", "61")
    }),
    ("Retry-After", (503, 503, true), |a| {
        a.set_header("retry-after", "soon")
    }),
    ("Retry-After", (500, 3, true), |a| {
        a.set_header("retry-after", "1")
    }),
    ("Allow", (405, 405, false), |a| a.drop_header("allow")),
    ("Allow", (405, 405, false), |a| {
        a.set_header("allow", "POST")
    }),
    ("Allow", (404, 404, false), |a| {
        a.set_header("allow", "POST, GET")
    }),
    ("WWW-Authenticate", (401, 2, false), |a| {
        a.drop_header("www-authenticate")
    }),
    ("WWW-Authenticate", (401, 4, true), |a| {
        a.set_header("www-authenticate", "Basic");
    }),
    ("WWW-Authenticate", (401, 4, true), |a| {
        let challenge = r#"ApiKey realm="token-service""#;
        a.set_header("x-amzn-remapped-www-authenticate", challenge);
    }),
    ("WWW-Authenticate", (400, 400, true), |a| {
        a.set_header("www-authenticate", r#"ApiKey realm="token-service""#);
    }),
    ("Idempotent-Replayed", (200, 200, true), |a| {
        a.set_header("idempotent-replayed", "false");
    }),
    ("Idempotent-Replayed", (409, 409, true), |a| {
        a.set_header("idempotent-replayed", "true");
    }),
    ("the sealing header", (200, 200, true), |a| {
        a.sealed = Some(json!({"alg": "dir", "enc": "A256GCM"}));
    }),
    ("the sealing header", (200, 200, true), |a| {
        a.sealed = Some(json!({"alg": "dir", "enc": "A256GCM", "kid": 1}));
    }),
    ("the sealing header", (200, 200, true), |a| {
        a.sealed = Some(json!({"alg": "dir", "enc": "A256GCM", "kid": "acme-1", "typ": "JWT"}));
    }),
    ("the sealing header", (409, 409, true), |a| {
        a.sealed = Some(json!({"alg": "A256KW", "enc": "A256GCM", "kid": "acme-1"}));
    }),
    ("resDesc", (200, 200, true), |a| a.drop_member("resDesc")),
    ("resDesc", (404, 404, false), |a| {
        a.members["resDesc"] = json!("")
    }),
    ("resDesc", (404, 404, false), |a| {
        a.members["resDesc"] = json!(404)
    }),
    ("members", (200, 200, true), |a| a.drop_member("token")),
    ("members", (200, 200, true), |a| {
        a.members["serverPubKey"] = json!("")
    }),
    ("members", (200, 200, true), |a| {
        a.members["expireAt"] = json!("1795512600000")
    }),
    ("members", (200, 200, true), |a| {
        a.members["sub"] = json!("123123123")
    }),
    ("members", (409, 409, true), |a| {
        a.members["token"] = json!("text")
    }),
    ("members", (401, 2, false), |a| {
        a.members["partnerId"] = json!("acme")
    }),
    ("referenceId", (200, 200, true), |a| {
        a.drop_member("referenceId")
    }),
    ("referenceId", (503, 503, true), |a| {
        a.drop_member("referenceId")
    }),
    ("referenceId", (200, 200, true), |a| {
        a.members["referenceId"] = json!("order-2")
    }),
    ("referenceId", (400, 400, true), |a| {
        a.members["referenceId"] = json!(1)
    }),
    ("referenceId", (503, 503, false), |a| {
        a.members["referenceId"] = json!(REFERENCE_ID)
    }),
    ("errors", (200, 200, true), |a| {
        a.members["errors"] = json!([])
    }),
    ("errors", (404, 404, false), |a| {
        a.members["errors"] = json!([{"field": "dob", "reason": "is no date"}]);
    }),
    ("errors", (409, 409, true), |a| a.drop_member("errors")),
    ("errors", (409, 409, true), |a| {
        a.members["errors"][0]["reason"] = json!("taken")
    }),
    ("errors", (409, 409, true), |a| {
        a.members["errors"][0]["field"] = json!("token")
    }),
    ("errors", (409, 409, true), |a| {
        let entry = a.members["errors"][0].clone();
        a.members["errors"].as_array_mut().unwrap().push(entry);
    }),
    ("errors", (400, 400, true), |a| {
        a.members["errors"] = json!([])
    }),
    ("errors", (400, 400, true), |a| {
        a.members["errors"] = json!({})
    }),
    ("errors", (400, 400, true), |a| {
        a.members["errors"] = Value::Null
    }),
    ("errors", (400, 400, true), |a| {
        a.members["errors"][0]["value"] = json!("19910230")
    }),
    ("errors", (400, 400, true), |a| {
        a.members["errors"][0]["reason"] = json!(1)
    }),
    ("errors", (400, 400, true), |a| {
        a.members["errors"] = json!([{"field": "dob"}])
    }),
];

#[test]
fn refuses_each_spoilt_answer_by_the_rule_that_it_breaks() {
    for (at, (rule, (status, code, sealed), spoil)) in SPOILT.iter().enumerate() {
        let row = find(*status, *code);
        let mut spoilt = Draft::of(row, *sealed, Spelling::Text);
        spoil(&mut spoilt);
        assert_eq!(
            spoilt.check(&asked(Spelling::Text)),
            Err(*rule),
            "{at}: {row:?}"
        );
    }
}

#[test]
fn each_rule_has_a_spoilt_answer() {
    let rules = RULES.iter().map(|(rule, _)| *rule);
    for rule in rules.chain(["resCode", "status, code and sealing"]) {
        assert!(SPOILT.iter().any(|(spoilt, ..)| *spoilt == rule), "{rule}");
    }
}

#[test]
fn holds_a_kid_against_a_request_that_named_no_key() {
    let named = Draft::of(find(200, 200), true, Spelling::Text);
    let asked = Asked {
        names_its_key: Some(false),
        ..asked(Spelling::Text)
    };
    assert_eq!(named.check(&asked), Err("the sealing header"));
}
