//! What a 200 says, the token in it, and the record of it.

use std::time::Duration;

use peers::{answer::Answer, resource_server};
use serde_json::Value;
use service_tests::clocks::Moment;

use super::{Case, RETENTION, Rule};
use crate::{
    call::{account, reference, sdk},
    documents::{lifetime, program_id},
};

/// A token as it was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Issued {
    pub(super) token: String,
    pub(super) jti: String,
    pub(super) server_pub_key: String,
    pub(super) ends: Ends,
}

/// When a record's token, and the record itself, end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) expire_at: Moment,
    pub(super) ttl: Moment,
}

/// The rule that does not hold, and what was seen.
type Wrong = (Rule, String);

impl Issued {
    /// Reads a 200 and holds it against its token, its SDK and its record.
    pub(super) fn read(case: &Case<'_>, answer: &Answer) -> Result<Self, Wrong> {
        let says = Rule::TokenIsTheAnswers;
        let text = |member: &str| {
            let text = answer.text(member).map(str::to_owned);
            text.ok_or_else(|| (says, format!("no {member} in {}", answer.members)))
        };
        let (token, server_pub_key) = (text("token")?, text("serverPubKey")?);
        let claims = resource_server::open_token(&token, case.server_keys)
            .map_err(|error| (Rule::SessionKey, peers::error::with_causes(&error)))?;
        let exp = claims
            .get("exp")
            .and_then(Value::as_i64)
            .unwrap_or_default();
        let issued = Self {
            jti: claims
                .get("jti")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            token,
            server_pub_key,
            ends: Ends::of_expiry(Moment::of_millis(exp.saturating_mul(1000))),
        };
        issued
            .is_what_was_asked(case, answer, &claims)
            .map_err(|what| (says, what))?;
        issued
            .has_the_session_key(case, &claims)
            .map_err(|what| (Rule::SessionKey, what))?;
        issued
            .is_recorded(case.item)
            .map_err(|what| (Rule::Recorded, what))?;
        Ok(issued)
    }

    fn is_what_was_asked(
        &self,
        case: &Case<'_>,
        answer: &Answer,
        claims: &Value,
    ) -> Result<(), String> {
        let ask = &case.answered.ask;
        let (exp, clocks) = (self.ends.expire_at, &case.conditions.clocks);
        let iat = claims
            .get("iat")
            .and_then(Value::as_i64)
            .unwrap_or_default();
        let iat = Moment::of_millis(iat.saturating_mul(1000));
        let texts = [
            ("iss", "token-service"),
            ("aud", "bankezy-sdk"),
            ("sub", &account(ask.customer)),
            ("client_id", ask.partner.id()),
            ("ref", &reference(ask)),
        ];
        let wrong = texts
            .iter()
            .find(|(name, value)| claims.get(name).and_then(Value::as_str) != Some(value));
        if let Some((name, value)) = wrong {
            return Err(format!("{name} is not {value} but {:?}", claims.get(name)));
        }
        let facts = [
            (
                claims.get("program_id") == Some(&program_id(ask.partner).into()),
                "program_id",
            ),
            (
                answer.members.get("expireAt") == Some(&exp.millis().into()),
                "expireAt is not exp",
            ),
            (
                iat.after(lifetime(ask.partner)) == exp,
                "the lifetime is another",
            ),
            (
                answer.is_replayed() || iat <= *clocks.end(),
                "it was issued in the future of every clock",
            ),
            (
                exp > *clocks.start(),
                "it had expired on every clock when it was answered",
            ),
        ];
        match facts.iter().find(|(holds, _)| !holds) {
            None => Ok(()),
            // A session key is in the claims; these are a sandbox's.
            Some((_, what)) => Err(format!(
                "{what}: {claims}, expireAt {:?}",
                answer.members.get("expireAt")
            )),
        }
    }

    fn has_the_session_key(&self, case: &Case<'_>, claims: &Value) -> Result<(), String> {
        let wrong = |error: &dyn std::error::Error| peers::error::with_causes(error);
        let in_token = resource_server::session_key(claims).map_err(|error| wrong(&error))?;
        let sdk = sdk(case.answered.ask.customer);
        let agreed = sdk
            .session_key(&self.server_pub_key)
            .map_err(|error| wrong(&error))?;
        match in_token == agreed {
            true => Ok(()),
            false => Err("cnf is not the key that the SDK derives".to_owned()),
        }
    }

    fn is_recorded(&self, item: Option<&Value>) -> Result<(), String> {
        let Some(item) = item else {
            return Err(format!(
                "token {} was answered, and the table has no item of it",
                self.jti
            ));
        };
        let stands = (attribute(item, "jti", "S"), attribute(item, "status", "S"));
        if stands != (Some(&self.jti), Some("ACTIVE")) {
            return Err(format!(
                "token {} was answered, and the item says {stands:?}",
                self.jti
            ));
        }
        match ends(item) == self.ends {
            true => Ok(()),
            false => Err(format!(
                "the record ends with {:?}, the token with {:?}",
                ends(item),
                self.ends
            )),
        }
    }
}

impl Ends {
    fn of_expiry(expire_at: Moment) -> Self {
        let ttl = expire_at.after(RETENTION);
        // `ttl` has whole seconds, and so has a token's `exp`.
        Self { expire_at, ttl }
    }
}

/// When an item's token and the item itself end.
pub(super) fn ends(item: &Value) -> Ends {
    let number = |name| attribute(item, name, "N").and_then(|text| text.parse::<i64>().ok());
    let millis = number("expireAt").unwrap_or_default();
    let ttl = number("ttl").unwrap_or_default();
    Ends {
        expire_at: Moment::of_millis(millis),
        ttl: Moment::of_millis(0)
            .after(Duration::from_secs(u64::try_from(ttl).unwrap_or_default())),
    }
}

fn attribute<'a>(item: &'a Value, name: &str, kind: &str) -> Option<&'a str> {
    item.get(name)?.get(kind)?.as_str()
}
