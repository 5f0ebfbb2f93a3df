//! A reply of the service, opened if it is sealed. What the protocol says of every reply is asserted here, so that no
//! test can forget it.

use http::{HeaderMap, Response};
use peers::{
    credentials::Credentials,
    jwe::{self, Opened},
};
use serde_json::Value;

/// A reply that obeys the rules of all replies.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it was sent.
    pub body: String,
    /// The sealing header and the plaintext, if it was sealed.
    pub opened: Option<Opened>,
    /// The members.
    pub json: Value,
}

impl Reply {
    /// Reads and checks a reply; sealed ones are opened with the keys of any of `partners`.
    pub fn read(response: Response<bytes::Bytes>, partners: &[Credentials]) -> Self {
        let (parts, body) = response.into_parts();
        let body = String::from_utf8(body.to_vec()).expect("a reply is text");
        let status = parts.status.as_u16();
        let shown = format!("{status} {:?}\n{body}", parts.headers);
        let text = |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap());

        let sealed = match text("content-type") {
            Some("text/plain") => true,
            Some("application/json") => false,
            _ => panic!("the reply is neither text/plain nor application/json: {shown}"),
        };
        let opened = sealed.then(|| open(&body, partners, &shown));
        let json: Value = match &opened {
            Some(opened) => serde_json::from_slice(&opened.plaintext),
            None => serde_json::from_str(&body),
        }
        .unwrap_or_else(|error| panic!("the reply is no JSON ({error}): {shown}"));

        let request_id = text("x-request-id");
        assert!(
            request_id.is_some_and(|id| !id.is_empty()),
            "no X-Request-Id: {shown}"
        );
        assert_eq!(text("cache-control"), Some("no-store"), "{shown}");
        assert_eq!(
            text("retry-after").is_some(),
            status == 503,
            "Retry-After: {shown}"
        );
        assert_eq!(text("allow").is_some(), status == 405, "Allow: {shown}");
        // A REST API hands the header on by another name.
        let challenge = text("www-authenticate").or(text("x-amzn-remapped-www-authenticate"));
        let expected = (status == 401).then_some(r#"ApiKey realm="token-service""#);
        assert_eq!(challenge, expected, "WWW-Authenticate: {shown}");
        assert!(
            json["resDesc"]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "resDesc: {json}"
        );
        let known: &[&str] = match status {
            200 => &[
                "resCode",
                "resDesc",
                "referenceId",
                "serverPubKey",
                "token",
                "expireAt",
            ],
            _ => &["resCode", "resDesc", "referenceId", "errors"],
        };
        for name in json.as_object().expect("a reply is an object").keys() {
            assert!(
                known.contains(&name.as_str()),
                "unknown member {name}: {json}"
            );
        }
        if status != 200 {
            assert_eq!(text("idempotent-replayed"), None, "{shown}");
        }
        Self {
            status,
            headers: parts.headers,
            body,
            opened,
            json,
        }
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// API Gateway's id of the request.
    pub fn request_id(&self) -> &str {
        self.header("x-request-id").unwrap()
    }

    /// Whether it was sealed.
    pub fn is_sealed(&self) -> bool {
        self.opened.is_some()
    }

    /// The `kid` of the key that sealed it, if it is named.
    pub fn kid(&self) -> Option<&str> {
        self.opened.as_ref()?.header["kid"].as_str()
    }

    /// Whether it repeats an earlier answer.
    pub fn is_replayed(&self) -> bool {
        match self.header("idempotent-replayed") {
            None => false,
            Some("true") => true,
            Some(other) => panic!("Idempotent-Replayed: {other}"),
        }
    }

    /// A member that is a string.
    pub fn text(&self, member: &str) -> &str {
        self.json[member]
            .as_str()
            .unwrap_or_else(|| panic!("no {member}: {}", self.json))
    }

    /// The token.
    pub fn token(&self) -> &str {
        self.text("token")
    }

    /// Whether it gives the same token, with all that belongs to it.
    pub fn gives_the_same_as(&self, other: &Self) -> bool {
        ["token", "serverPubKey", "expireAt", "referenceId"]
            .iter()
            .all(|member| !self.json[member].is_null() && self.json[member] == other.json[member])
    }

    /// The fields of `errors`, sorted.
    pub fn failing(&self) -> Vec<&str> {
        let mut fields: Vec<&str> = self.errors().map(|(field, _)| field).collect();
        fields.sort_unstable();
        fields
    }

    /// The entries of `errors`, as field and reason.
    pub fn errors(&self) -> impl Iterator<Item = (&str, &str)> {
        let errors = self.json["errors"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        errors.iter().map(|error| {
            assert_eq!(error.as_object().unwrap().len(), 2, "{error}");
            let text = |name: &str| error[name].as_str().expect("field and reason are strings");
            (text("field"), text("reason"))
        })
    }

    /// This reply, which must be a success that repeats none.
    #[track_caller]
    pub fn issued(self) -> Self {
        assert!(
            self.status == 200 && !self.is_replayed(),
            "not a first answer: {self}"
        );
        self
    }

    /// This reply, which must be a repetition of `first`.
    #[track_caller]
    pub fn replays(self, first: &Self) -> Self {
        assert!(
            self.status == 200 && self.is_replayed(),
            "not a replay: {self}"
        );
        assert!(
            self.gives_the_same_as(first),
            "replays another: {self} instead of {first}"
        );
        self
    }

    /// This reply, which must be an error of this status and code, sealed.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Self {
        assert_eq!(
            (self.status, &self.json["resCode"]),
            (status, &code.into()),
            "{self}"
        );
        assert!(self.is_sealed(), "not sealed: {self}");
        self
    }

    /// This reply, which must be an error of this status and code, in the clear.
    #[track_caller]
    pub fn refused_plainly(self, status: u16, code: &str) -> Self {
        assert_eq!(
            (self.status, &self.json["resCode"]),
            (status, &code.into()),
            "{self}"
        );
        assert!(!self.is_sealed(), "sealed: {self}");
        self
    }

    /// This reply, which must be a 409 for this reason.
    #[track_caller]
    pub fn conflicts(self, reason: &str) -> Self {
        let reply = self.refused(409, "TOK409");
        let errors: Vec<_> = reply.errors().collect();
        assert_eq!(errors, [("referenceId", reason)], "{reply}");
        reply
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let replayed = if self.is_replayed() {
            " (replayed)"
        } else {
            ""
        };
        write!(f, "{}{replayed} {}", self.status, self.json)
    }
}

fn open(body: &str, partners: &[Credentials], shown: &str) -> Opened {
    let header = jwe::header(body).unwrap_or_else(|error| panic!("{error}: {shown}"));
    let mut expected = serde_json::json!({"alg": "dir", "enc": "A256GCM"});
    if let Some(kid) = header.get("kid") {
        expected["kid"] = kid.clone();
    }
    assert_eq!(header, expected, "the sealing header: {shown}");
    partners
        .iter()
        .find_map(|partner| partner.open(body).ok())
        .unwrap_or_else(|| panic!("no payload key opens the reply: {shown}"))
}
