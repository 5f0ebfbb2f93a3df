//! The story's first half, up to the record of the token: each step shows one thing that happens,
//! and checks it.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use bytes::Bytes;
use http::{HeaderMap, Request};
use peers::{
    answer::{Answer, AnswerError},
    credentials::Credentials,
    jwe, partner, resource_server,
};
use sandbox::{
    Sandbox, development,
    item_size::{WRITE_UNIT_BYTES, item_size},
};
use serde_json::{Value, json};

use super::{CannotTell, Story};

/// A new record's attributes, in the order in which the protocol lists them.
const ATTRIBUTES: [&str; 10] = [
    "pk",
    "jti",
    "status",
    "issuedAt",
    "expireAt",
    "ttl",
    "fingerprint",
    "sealedBy",
    "sealed",
    "token",
];

/// What the partner asked for, in the clear.
pub(super) struct Asked {
    pub(super) partner: Credentials,
    request: Value,
}

impl Story {
    pub(super) fn plain_request(&mut self, request: &Request<Bytes>) -> Result<Asked, CannotTell> {
        let api_key = request
            .headers()
            .get("x-api-key")
            .ok_or(CannotTell::NoPartner)?;
        let partner = development::partners()?
            .into_iter()
            .find(|partner| partner.api_key.as_bytes() == api_key.as_bytes())
            .ok_or(CannotTell::NoPartner)?;
        let body = String::from_utf8_lossy(request.body());
        let opened = partner.open(&body).map_err(CannotTell::Body)?;

        self.page
            .heading(&format!("1  What {}'s server asks for", partner.partner_id));
        self.page.json(&opened.plaintext);
        let request = opened.json().map_err(AnswerError::NotJson)?;
        Ok(Asked { partner, request })
    }

    pub(super) fn sealed_request(&mut self, request: &Request<Bytes>) -> Result<(), CannotTell> {
        let body = String::from_utf8_lossy(request.body());
        let header = jwe::header(&body).map_err(CannotTell::Body)?;

        self.page
            .heading("2  What it sends: the same, sealed with its payload key");
        self.page
            .text(&format!("{} {}", request.method(), request.uri()));
        self.headers(request.headers());
        self.page.blank();
        self.page.text(&body);
        self.page.blank();
        self.page
            .remark(&format!("{} bytes. The header, decoded:", body.len()));
        self.page.text(&header.to_string());
        Ok(())
    }

    pub(super) async fn response(
        &mut self,
        sandbox: &Sandbox,
        request: Request<Bytes>,
        asked: &Asked,
    ) -> Result<Answer, CannotTell> {
        let sent = Instant::now();
        let response = partner::call(sandbox.url(), request).await?;
        let took = sent.elapsed();

        self.page.heading("3  What the service answers");
        self.page.text(&format!("HTTP {}", response.status()));
        self.headers(response.headers());
        self.page.blank();
        self.page.text(&String::from_utf8_lossy(response.body()));
        self.page.blank();
        self.page.remark(&format!("After {took:.0?}."));
        let answer = Answer::read(response, std::slice::from_ref(&asked.partner))?;
        self.equal("the status is 200", &200, &answer.status.as_u16());
        self.equal(
            "nobody on the way keeps it",
            &Some("no-store"),
            &answer.header("cache-control"),
        );
        let unnamed = answer.header("x-request-id").is_none();
        self.check(
            "it has a request id",
            unnamed.then(|| "there is no X-Request-Id".to_owned()),
        );
        Ok(answer)
    }

    pub(super) fn opened_answer(&mut self, answer: &Answer, asked: &Asked) {
        let partner = &asked.partner.partner_id;
        self.page.heading(&format!(
            "4  What {partner} reads in it, with the key of its request"
        ));
        self.page.json(&answer.json);
        let plain = answer.sealed.is_none();
        self.check(
            "it was sealed",
            plain.then(|| "it was sent in the clear".to_owned()),
        );
        let code = member(&answer.members, "resCode");
        let is_success = [json!("TOK200"), json!(100)].contains(&code);
        self.check(
            "it is a success",
            (!is_success).then(|| format!("its resCode is {code}")),
        );
        self.equal(
            "it is for the referenceId that was asked for",
            &member(&asked.request, "referenceId"),
            &member(&answer.members, "referenceId"),
        );
    }

    /// Returns the token's claims.
    pub(super) fn token(&mut self, answer: &Answer, asked: &Asked) -> Result<Value, CannotTell> {
        let token = answer.text("token").ok_or(CannotTell::NoMember("token"))?;
        let opened = resource_server::open_token_as_sealed(token, &development::server_keys()?)?;
        let claims = opened.json().map_err(AnswerError::NotJson)?;

        self.page
            .heading("5  What a resource server reads in the token, with a copy of the token key");
        self.page.remark("The header, then the claims:");
        self.page.text(&opened.header.to_string());
        self.page.json(&opened.plaintext);
        self.equal(
            "it is from this service, for the SDK's resource servers",
            &[json!("token-service"), json!("bankezy-sdk")],
            &[member(&claims, "iss"), member(&claims, "aud")],
        );
        self.equal(
            "it is for that account",
            &text(&asked.request, "accountNumber"),
            &text(&claims, "sub"),
        );
        self.equal(
            "it was asked for by that partner",
            &json!(asked.partner.partner_id),
            &member(&claims, "client_id"),
        );
        self.equal(
            "it is for that referenceId",
            &member(&asked.request, "referenceId"),
            &member(&claims, "ref"),
        );
        self.lifetime(&claims, answer);
        Ok(claims)
    }

    fn lifetime(&mut self, claims: &Value, answer: &Answer) {
        let seconds = |name| member(claims, name).as_u64().unwrap_or_default();
        let (from, until) = (seconds("iat"), seconds("exp"));
        self.equal(
            "it expires when the answer says",
            &json!(until * 1_000),
            &member(&answer.members, "expireAt"),
        );
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let lives = from <= now && now < until;
        self.check(
            &format!(
                "it is valid now, and for {} s in all",
                until.saturating_sub(from)
            ),
            (!lives).then(|| format!("it is valid from {from} until {until}, and now is {now}")),
        );
    }

    pub(super) fn session_key(
        &mut self,
        answer: &Answer,
        claims: &Value,
    ) -> Result<(), CannotTell> {
        let server_key = answer
            .text("serverPubKey")
            .ok_or(CannotTell::NoMember("serverPubKey"))?;
        let of_sdk = URL_SAFE_NO_PAD.encode(development::sdk_key_pair()?.session_key(server_key)?);
        let of_token = URL_SAFE_NO_PAD.encode(resource_server::session_key(claims)?);

        self.page
            .heading("6  The session key, which was never sent in the clear");
        self.page
            .remark("Derived by the SDK, from its private key and serverPubKey:");
        self.page.text(&of_sdk);
        self.page
            .remark("Found by the resource server, in the token's cnf:");
        self.page.text(&of_token);
        self.equal("both sides have the same key", &of_sdk, &of_token);
        Ok(())
    }

    pub(super) fn item(
        &mut self,
        sandbox: &Sandbox,
        answer: &Answer,
        claims: &Value,
        asked: &Asked,
    ) -> Result<(), CannotTell> {
        let reference_id = answer
            .text("referenceId")
            .ok_or(CannotTell::NoMember("referenceId"))?;
        let found = sandbox.item(&asked.partner.partner_id, reference_id)?;
        let item = found.ok_or(CannotTell::NoItem)?;

        self.page
            .heading("7  What was recorded before the answer left: one item, its details sealed");
        self.attributes(&item);
        self.equal(
            "it is the record of this token, which is active",
            &[json!({"S": member(claims, "jti")}), json!({"S": "ACTIVE"})],
            &[member(&item, "jti"), member(&item, "status")],
        );
        let exposed = exposed(&item, &asked.request, answer);
        self.check(
            "the table alone tells nothing of the customer, and no token",
            exposed.map(|name| format!("{name} is there to be read")),
        );
        let bytes = item_size(&item);
        self.check(
            &format!("it has {bytes} bytes of the {WRITE_UNIT_BYTES} that one write unit pays for"),
            (bytes > WRITE_UNIT_BYTES).then(|| format!("{} too many", bytes - WRITE_UNIT_BYTES)),
        );
        Ok(())
    }

    fn attributes(&mut self, item: &Value) {
        let order = |name: &str| ATTRIBUTES.iter().position(|known| *known == name);
        let mut attributes: Vec<_> = item.as_object().into_iter().flatten().collect();
        attributes.sort_by_key(|(name, _)| order(name).unwrap_or(ATTRIBUTES.len()));
        for (name, tagged) in attributes {
            for (kind, value) in tagged.as_object().into_iter().flatten() {
                let value = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                let gap = if value.len() > 80 { "\n" } else { "" };
                self.page.text(&format!("{name:<11} {kind}  {gap}{value}"));
            }
        }
    }

    fn headers(&mut self, headers: &HeaderMap) {
        for (name, value) in headers {
            self.page.text(&format!(
                "{name}: {}",
                String::from_utf8_lossy(value.as_bytes())
            ));
        }
    }
}

/// Which of the things that the table must not tell is in the item, sought in its text and in its
/// decoded binaries.
fn exposed(item: &Value, request: &Value, answer: &Answer) -> Option<&'static str> {
    let mut readable = item.to_string().into_bytes();
    for tagged in item.as_object().into_iter().flat_map(|item| item.values()) {
        let binary = tagged.get("B").and_then(Value::as_str).unwrap_or_default();
        readable.extend(STANDARD.decode(binary).unwrap_or_default());
    }
    let is_readable = |text: &str| {
        !text.is_empty()
            && readable
                .windows(text.len())
                .any(|window| window == text.as_bytes())
    };
    ["name", "email", "accountNumber", "mobileNumber", "dob"]
        .into_iter()
        .find(|name| is_readable(&text(request, name)))
        .or_else(|| is_readable(answer.text("token").unwrap_or_default()).then_some("the token"))
}

/// A member that may be a string or a number, as text; empty if it is absent.
pub(super) fn text(of: &Value, name: &str) -> String {
    match member(of, name) {
        Value::Null => String::new(),
        Value::String(text) => text,
        number => number.to_string(),
    }
}

/// A member, or `null`.
pub(super) fn member(of: &Value, name: &str) -> Value {
    of.get(name).cloned().unwrap_or(Value::Null)
}
