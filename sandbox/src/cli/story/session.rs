//! The story's second half: what becomes of the session after its first token.

use bytes::Bytes;
use http::Request;
use peers::{
    answer::Answer,
    jwe,
    partner::{self, INVALIDATE_PATH},
    resource_server, sdk,
};
use sandbox::{Sandbox, development};
use serde_json::{Value, json};

use super::{
    CannotTell, Story,
    steps::{Asked, member, text},
};

/// What the SDK holds.
pub(super) struct Session {
    key: [u8; 32],
    token: String,
    reference_id: String,
    account_number: String,
}

impl Session {
    pub(super) fn of(answer: &Answer, claims: &Value) -> Result<Self, CannotTell> {
        let needed = |name| answer.text(name).ok_or(CannotTell::NoMember(name));
        Ok(Self {
            key: development::sdk_key_pair()?.session_key(needed("serverPubKey")?)?,
            token: needed("token")?.to_owned(),
            reference_id: needed("referenceId")?.to_owned(),
            account_number: text(claims, "sub"),
        })
    }

    /// The SDK's renewal of its token, and the answer that the session key opens.
    async fn renew(
        &self,
        sandbox: &Sandbox,
        asked: &Asked,
    ) -> Result<(Request<Bytes>, Answer), CannotTell> {
        let renewal = sdk::Renewal {
            sdk_api_key: &asked.partner.sdk_api_key,
            account_number: &self.account_number,
            token: &self.token,
            session_key: &self.key,
        };
        let request = renewal.request(sdk::RENEW_PATH)?;
        let response = partner::call(sandbox.url(), request.clone()).await?;
        let answer = Answer::read_with(response, |body| jwe::open(body, &self.key))?;
        Ok((request, answer))
    }

    /// What introspection says of the token.
    async fn introspect(&self, sandbox: &Sandbox) -> Result<(Request<Bytes>, Answer), CannotTell> {
        let wallet = development::wallet()?;
        let (id, secret) = (&wallet.resource_server_id, &wallet.secret);
        let request = resource_server::introspection(id, secret, &self.token)?;
        let response = partner::call(sandbox.url(), request.clone()).await?;
        Ok((request, Answer::read(response, &[])?))
    }
}

impl Story {
    /// Leaves the new token in `session`.
    pub(super) async fn renewal(
        &mut self,
        sandbox: &Sandbox,
        session: &mut Session,
        claims: &Value,
        asked: &Asked,
    ) -> Result<Value, CannotTell> {
        let (request, answer) = session.renew(sandbox, asked).await?;
        self.page.heading(
            "8  Before the token expires, the SDK renews it, without the partner's server",
        );
        self.brief_request(&request);
        self.page
            .remark("Sealed with the session key, which only this session's SDK has:");
        let body = json!({ "token": &session.token }).to_string();
        self.page.brief_json(body.as_bytes());
        self.page.remark("The answer, opened with the same key:");
        self.brief_answer(&answer);
        self.succeeds(&answer);

        let token = answer.text("token").ok_or(CannotTell::NoMember("token"))?;
        let renewed = resource_server::open_token(token, &development::server_keys()?)?;
        let names = ["jti", "iat", "exp"];
        self.check(
            "it has another token",
            (member(&renewed, "jti") == member(claims, "jti"))
                .then(|| "its jti is the old one".to_owned()),
        );
        self.equal(
            "the session, its key included, is the same",
            &without(claims, &names),
            &without(&renewed, &names),
        );
        let item = self.record(sandbox, session, asked)?;
        self.equal(
            "the record is the new token's",
            &json!({"S": member(&renewed, "jti")}),
            &member(&item, "jti"),
        );
        session.token = token.to_owned();
        Ok(renewed)
    }

    pub(super) async fn introspection(
        &mut self,
        sandbox: &Sandbox,
        session: &Session,
        claims: &Value,
    ) -> Result<(), CannotTell> {
        let (request, answer) = session.introspect(sandbox).await?;
        self.page.heading(
            "9  What a resource server without a copy of the token key is told of the new token",
        );
        self.brief_request(&request);
        self.brief_answer(&answer);
        self.equal(
            "the token is active",
            &json!(true),
            &member(&answer.members, "active"),
        );
        self.equal(
            "these are its claims",
            claims,
            &without(&answer.members, &["active"]),
        );
        Ok(())
    }

    pub(super) async fn logout(
        &mut self,
        sandbox: &Sandbox,
        session: &Session,
        asked: &Asked,
    ) -> Result<(), CannotTell> {
        let plaintext = json!({ "tokenReferenceId": session.reference_id }).to_string();
        let key = asked
            .partner
            .payload_keys
            .first()
            .ok_or(CannotTell::NoPartner)?;
        let body = jwe::seal(plaintext.as_bytes(), &key.k, Some(&key.kid));
        let request = partner::token_request_at(INVALIDATE_PATH, &asked.partner, body)?;
        let response = partner::call(sandbox.url(), request.clone()).await?;
        let answer = Answer::read(response, std::slice::from_ref(&asked.partner))?;

        self.page.heading(&format!(
            "10  The customer logs out: {}'s server ends the session",
            asked.partner.partner_id
        ));
        self.brief_request(&request);
        self.page.remark("Sealed with the payload key:");
        self.page.brief_json(plaintext.as_bytes());
        self.page.remark("The answer, opened with the same key:");
        self.brief_answer(&answer);
        self.succeeds(&answer);
        let item = self.record(sandbox, session, asked)?;
        self.equal(
            "the record is revoked",
            &json!({"S": "REVOKED"}),
            &member(&item, "status"),
        );
        Ok(())
    }

    pub(super) async fn refusal(
        &mut self,
        sandbox: &Sandbox,
        session: &Session,
        asked: &Asked,
    ) -> Result<(), CannotTell> {
        let (_, answer) = session.renew(sandbox, asked).await?;
        self.page
            .heading("11  What the SDK is answered if it renews once more");
        self.brief_answer(&answer);
        self.equal(
            "it is refused, and sealed",
            &(401, json!("TOK401"), true),
            &said(&answer),
        );
        self.equal(
            "the reason is that the session was ended",
            &json!([{"field": "token", "reason": "revoked"}]),
            &member(&answer.members, "errors"),
        );
        Ok(())
    }

    pub(super) async fn inactive(
        &mut self,
        sandbox: &Sandbox,
        session: &Session,
    ) -> Result<(), CannotTell> {
        let (_, answer) = session.introspect(sandbox).await?;
        self.page
            .heading("12  What the resource server is told of the token now, before it expires");
        self.brief_answer(&answer);
        self.equal(
            "the token is inactive, and that is all",
            &json!({"active": false}),
            &answer.members,
        );
        Ok(())
    }

    fn succeeds(&mut self, answer: &Answer) {
        self.equal(
            "it is a success, and sealed",
            &(200, json!("TOK200"), true),
            &said(answer),
        );
    }

    fn record(
        &self,
        sandbox: &Sandbox,
        session: &Session,
        asked: &Asked,
    ) -> Result<Value, CannotTell> {
        let found = sandbox.item(&asked.partner.partner_id, &session.reference_id)?;
        found.ok_or(CannotTell::NoItem)
    }

    fn brief_request(&mut self, request: &Request<Bytes>) {
        self.page
            .brief(&format!("{} {}", request.method(), request.uri()));
        for (name, value) in request.headers() {
            let value = String::from_utf8_lossy(value.as_bytes());
            self.page.brief(&format!("{name}: {value}"));
        }
        self.page.blank();
        self.page.brief(&String::from_utf8_lossy(request.body()));
        self.page.blank();
    }

    fn brief_answer(&mut self, answer: &Answer) {
        self.page.text(&format!("HTTP {}", answer.status));
        self.page.brief_json(&answer.json);
    }
}

/// Status and code of an answer, and whether it was sealed.
fn said(answer: &Answer) -> (u16, Value, bool) {
    let code = member(&answer.members, "resCode");
    (answer.status.as_u16(), code, answer.sealed.is_some())
}

/// An object without some of its members.
fn without(object: &Value, names: &[&str]) -> Value {
    let mut object = object.clone();
    if let Some(members) = object.as_object_mut() {
        members.retain(|name, _| !names.contains(&name.as_str()));
    }
    object
}
