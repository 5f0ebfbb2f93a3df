//! A sample in the making: the seed's token request until told otherwise.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use super::{
    json::{Json, object},
    manifest::{FailingMember, Sample},
    samples::{CatalogueError, Entry},
    shape::{self, Call, Front},
};
use peers::{
    credentials::{Credentials, Jwk},
    jwe,
    partner::TOKEN_PATH,
};

/// The seed's token request as JSON, made by `partner`'s server for an SDK whose public key is
/// `sdk_key`.
///
/// # Errors
/// It cannot be written as JSON.
pub fn sample_request(
    reference_id: Uuid,
    partner: &Credentials,
    sdk_key: &str,
) -> Result<String, serde_json::Error> {
    serde_json::to_string(&token_request(reference_id, partner, sdk_key))
}

/// The seed's token request.
pub(super) fn token_request(reference_id: Uuid, partner: &Credentials, sdk_key: &str) -> Json {
    object([
        ("referenceId", reference_id.to_string().into()),
        ("sdkPublicKey", sdk_key.into()),
        ("sdkApiKey", partner.sdk_api_key.clone().into()),
        ("name", "David beckham".into()),
        ("email", "OperationalSupport@wibmo.com".into()),
        ("accountNumber", 123_123_123.into()),
        ("isdCode", 91.into()),
        ("mobileNumber", 9_642_308_308_u64.into()),
        ("dob", 19_910_807.into()),
        (
            "data",
            object([
                ("key1", "value1".into()),
                ("key2", "value2".into()),
                ("keyn", "valuen".into()),
            ]),
        ),
    ])
}

/// A UUID that belongs to a name and a purpose. Real ones are random.
pub(super) fn fixed_uuid(purpose: &str, name: &str) -> Uuid {
    Builder::from_random_bytes(digest(purpose, name)).into_uuid()
}

/// The first bytes of a hash of a name.
fn digest<const N: usize>(purpose: &str, name: &str) -> [u8; N] {
    let hash = Sha256::digest(format!("{purpose} of {name}"));
    std::array::from_fn(|index| hash.get(index).copied().unwrap_or_default())
}

/// A sample that is not finished.
pub(super) struct Draft {
    sample: Sample,
    call: Call,
    plaintext: Result<String, serde_json::Error>,
    key: Jwk,
    names_key: bool,
    wrap: Box<dyn Fn(String) -> String>,
}

impl Draft {
    /// A `POST` of `request` by `partner`, sealed with `key` under its name, through a REST API.
    pub(super) fn new(
        name: &str,
        shows: &str,
        partner: &Credentials,
        key: &Jwk,
        request: &Json,
    ) -> Self {
        Self {
            sample: Sample {
                name: name.to_owned(),
                shows: shows.to_owned(),
                before: Vec::new(),
                status: 200,
                res_code: "TOK200".into(),
                active: None,
                encrypted: true,
                token: true,
                replayed: false,
                errors: Vec::new(),
            },
            call: Call {
                front: Front::Rest,
                method: "POST",
                path: TOKEN_PATH,
                api_key: Some(partner.api_key.clone()),
                content_type: "text/plain",
                user_agent: "acme-server/1.0",
                more_headers: Vec::new(),
                body: String::new(),
                is_base64: false,
                request_id: fixed_uuid("request", name).to_string(),
            },
            plaintext: serde_json::to_string(request),
            key: key.clone(),
            names_key: true,
            wrap: Box::new(|jwe| jwe),
        }
    }

    /// Through an HTTP API, to a stage.
    pub(super) fn over_http_api(mut self, stage: &'static str) -> Self {
        self.call.front = Front::Http { stage };
        self
    }

    pub(super) fn method(mut self, method: &'static str) -> Self {
        self.call.method = method;
        self
    }

    pub(super) fn path(mut self, path: &'static str) -> Self {
        self.call.path = path;
        self
    }

    pub(super) fn api_key(mut self, api_key: Option<&str>) -> Self {
        self.call.api_key = api_key.map(str::to_owned);
        self
    }

    pub(super) fn content_type(mut self, content_type: &'static str) -> Self {
        self.call.content_type = content_type;
        self
    }

    pub(super) fn user_agent(mut self, user_agent: &'static str) -> Self {
        self.call.user_agent = user_agent;
        self
    }

    /// With a header in the place of any of the same name.
    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.call.more_headers.retain(|(known, _)| *known != name);
        self.call.more_headers.push((name, value.into()));
        self
    }

    /// A body that is not sealed with a payload key.
    pub(super) fn body(self, body: impl Into<String>) -> Self {
        let body = body.into();
        self.wrap(move |_| body.clone())
    }

    /// Sealed, but not a JSON object of ours.
    pub(super) fn plaintext(mut self, plaintext: &str) -> Self {
        self.plaintext = Ok(plaintext.to_owned());
        self
    }

    /// Sealed with a header that does not say with which key.
    pub(super) fn without_kid(mut self) -> Self {
        self.names_key = false;
        self
    }

    /// What happens to the JWE before it is sent.
    pub(super) fn wrap(mut self, wrap: impl Fn(String) -> String + 'static) -> Self {
        self.wrap = Box::new(wrap);
        self
    }

    /// As API Gateway hands over a binary body.
    pub(super) fn in_base64(self) -> Self {
        self.wrap(|jwe| STANDARD.encode(jwe)).flagged_base64()
    }

    /// Flagged base64, whatever the body is.
    pub(super) fn flagged_base64(mut self) -> Self {
        self.call.is_base64 = true;
        self
    }

    /// Sent after another sample, to the same stack.
    pub(super) fn after(mut self, name: &str) -> Self {
        self.sample.before.push(name.to_owned());
        self
    }

    pub(super) fn replayed(mut self) -> Self {
        self.sample.replayed = true;
        self
    }

    /// Answered sealed, with a status and a code, and with a token if it is a success.
    pub(super) fn answered(mut self, status: u16, res_code: impl Into<Value>) -> Self {
        self.sample.status = status;
        self.sample.res_code = res_code.into();
        self.sample.token = status == 200;
        self
    }

    /// Answered in the clear, with a status and a code.
    pub(super) fn answered_plainly(mut self, status: u16, res_code: impl Into<Value>) -> Self {
        self.sample.encrypted = false;
        self.answered(status, res_code)
    }

    /// Answered with a success that has no token.
    pub(super) fn answered_without_token(mut self) -> Self {
        self.sample.token = false;
        self
    }

    /// Answered whether a token is active.
    pub(super) fn answered_active(mut self, active: bool) -> Self {
        self.sample.active = Some(active);
        self.answered_plainly(200, Value::Null)
            .answered_without_token()
    }

    /// The answer complains about these members.
    pub(super) fn failing<const N: usize>(mut self, fields: [&str; N]) -> Self {
        let failing = |field: &str| FailingMember {
            field: field.to_owned(),
            reason: None,
        };
        self.sample.errors = fields.map(failing).into();
        self
    }

    /// The answer complains about this member, for this reason of the protocol's.
    pub(super) fn failing_for(mut self, field: &str, reason: &str) -> Self {
        self.sample.errors = vec![FailingMember {
            field: field.to_owned(),
            reason: Some(reason.to_owned()),
        }];
        self
    }

    /// Seals the request and puts it into its event.
    ///
    /// The IV is made of the sample's name, so that the files are the same each time. Two messages
    /// under one key and IV reveal both and let anybody forge more; that happens here whenever a
    /// sample changes, and matters nothing, as these keys are public. Anywhere else an IV is
    /// random.
    pub(super) fn finish(mut self) -> Result<Entry, CatalogueError> {
        let iv = digest("IV", &self.sample.name);
        let kid = self.names_key.then_some(self.key.kid.as_str());
        let jwe = jwe::seal_with_iv(self.plaintext?.as_bytes(), &self.key.k, kid, iv);
        self.call.body = (self.wrap)(jwe);
        let mut event = serde_json::to_string_pretty(&shape::event(&self.call))?;
        event.push('\n');
        Ok(Entry {
            sample: self.sample,
            event,
        })
    }
}
