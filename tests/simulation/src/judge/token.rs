//! What a 200 with a token says, the token in it, and the record of it.

use std::time::Duration;

use peers::{answer::Answer, resource_server};
use serde_json::Value;
use service_tests::clocks::Moment;

use super::{
    Case,
    record::{Ends, State},
    rule::{Rule, Wrong},
};
use crate::{
    apps::{account, sdk},
    documents::{lifetime, program_id},
    sequence::{Ask, PairId},
};

/// A token as it was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Issued {
    /// When its session began, in seconds since the epoch.
    pub(super) began: i64,
    pub(super) jti: String,
    pub(super) server_pub_key: String,
    pub(super) ends: Ends,
}

/// A token's claims, and what every answer with it must say.
pub(super) struct Token {
    pub(super) claims: Value,
    pub(super) jti: String,
    pub(super) began: i64,
    iat: Moment,
    pub(super) exp: Moment,
}

impl Token {
    /// Opens an answer's token.
    pub(super) fn read(case: &Case<'_>, answer: &Answer) -> Result<Self, Wrong> {
        let says = |what: String| (Rule::TokenIsTheAnswers, what);
        let text = answer
            .text("token")
            .ok_or_else(|| says(format!("no token in {}", answer.members)))?;
        let claims = resource_server::open_token(text, case.server_keys)
            .map_err(|error| (Rule::SessionKey, peers::error::with_causes(&error)))?;
        let number = |name| claims.get(name).and_then(Value::as_i64).unwrap_or_default();
        let moment = |name| Moment::of_millis(number(name).saturating_mul(1000));
        let jti = claims.get("jti").and_then(Value::as_str);
        Ok(Self {
            jti: jti.unwrap_or_default().to_owned(),
            began: number("auth_time"),
            iat: moment("iat"),
            exp: moment("exp"),
            claims,
        })
    }

    /// Holds its times against the answer, the clocks and the lifetimes.
    pub(super) fn lasts(&self, case: &Case<'_>, answer: &Answer) -> Result<(), Wrong> {
        let clocks = &case.conditions.clocks;
        let facts = [
            (
                answer.members.get("expireAt") == Some(&self.exp.millis().into()),
                "expireAt is not exp",
            ),
            (
                answer.is_replayed() || self.iat <= *clocks.end(),
                "it was issued in the future of every clock",
            ),
            (
                answer.is_replayed() || self.iat.after(Duration::from_secs(1)) > *clocks.start(),
                "it was issued in the past of every clock",
            ),
        ];
        if let Some((_, what)) = facts.iter().find(|(holds, _)| !holds) {
            // A session key is in the claims; these are a sandbox's.
            let found = format!("{what}: {}, answered {}", self.claims, answer.members);
            return Err((Rule::TokenIsTheAnswers, found));
        }
        let partner = case.answered.asked.request.pair().partner;
        let began = Moment::of_millis(self.began.saturating_mul(1000));
        let ttls = match answer.is_replayed() {
            // It was made at any time since.
            true => &case.standing.ever,
            false => &case.standing.sessions,
        };
        let full = self.iat.after(lifetime(partner));
        let is_right = |session: &Duration| self.exp == full.min(began.after(*session));
        match ttls.iter().any(is_right) && self.exp > self.iat {
            true => Ok(()),
            false => Err((
                Rule::WithinItsSession,
                format!(
                    "exp is not the first end of {:?} and the session's {ttls:?}: {}",
                    lifetime(partner),
                    self.claims
                ),
            )),
        }
    }

    /// What all tokens of its session say.
    pub(super) fn kept(&self) -> Value {
        kept(&self.claims)
    }

    /// The token is the record's current one in one of these states, after the presented one if one
    /// was presented.
    pub(super) fn is_recorded(
        &self,
        states: &[Option<&State>],
        presented: Option<&str>,
    ) -> Result<(), Wrong> {
        let stands = |state: &&State| {
            state.jti == self.jti
                && !state.revoked
                && state.ends == Ends::of_expiry(self.exp)
                && state.began == self.began
        };
        let Some(state) = states.iter().flatten().copied().find(stands) else {
            let what = format!(
                "token {} was answered, and the record has been {states:?}",
                self.jti
            );
            return Err((Rule::Recorded, what));
        };
        match presented {
            Some(presented) if state.previous.as_deref() != Some(presented) => Err((
                Rule::Chain,
                format!("{presented} was renewed, and the record says {state:?}"),
            )),
            _ => Ok(()),
        }
    }
}

/// The claims that a renewal keeps.
pub(super) fn kept(claims: &Value) -> Value {
    let mut kept = claims.clone();
    if let Some(members) = kept.as_object_mut() {
        members.retain(|name, _| !["jti", "iat", "exp"].contains(&name.as_str()));
    }
    kept
}

impl Issued {
    /// Holds a Get Token's 200 against its token, its SDK and its record.
    pub(super) fn read(
        case: &Case<'_>,
        ask: &Ask,
        answer: &Answer,
        token: &Token,
        states: &[Option<&State>],
    ) -> Result<Self, Wrong> {
        token.lasts(case, answer)?;
        let says = |what| (Rule::TokenIsTheAnswers, what);
        is_for(ask.pair, ask.customer, &token.claims).map_err(says)?;
        if token.exp <= *case.conditions.clocks.start() {
            let what = "it had expired on every clock when it was answered";
            return Err(says(format!("{what}: {}", token.claims)));
        }
        let server_pub_key = answer.text("serverPubKey").unwrap_or_default();
        let issued = Self {
            began: token.began,
            jti: token.jti.clone(),
            server_pub_key: server_pub_key.to_owned(),
            ends: Ends::of_expiry(token.exp),
        };
        issued
            .has_the_session_key(ask.customer, &token.claims)
            .map_err(|what| (Rule::SessionKey, what))?;
        token.is_recorded(states, None)?;
        Ok(issued)
    }

    fn has_the_session_key(&self, customer: u8, claims: &Value) -> Result<(), String> {
        let wrong = |error: &dyn std::error::Error| peers::error::with_causes(error);
        let in_token = resource_server::session_key(claims).map_err(|error| wrong(&error))?;
        let agreed = sdk(customer)
            .session_key(&self.server_pub_key)
            .map_err(|error| wrong(&error))?;
        match in_token == agreed {
            true => Ok(()),
            false => Err("cnf is not the key that the SDK derives".to_owned()),
        }
    }
}

fn is_for(pair: PairId, customer: u8, claims: &Value) -> Result<(), String> {
    let texts = [
        ("iss", "token-service"),
        ("aud", "bankezy-sdk"),
        ("sub", &account(customer)),
        ("client_id", pair.partner.id()),
        ("ref", &pair.reference()),
    ];
    let is = |name: &str, value: &str| claims.get(name).and_then(Value::as_str) == Some(value);
    if let Some((name, value)) = texts.iter().find(|(name, value)| !is(name, value)) {
        return Err(format!("{name} is not {value}: {claims}"));
    }
    match claims.get("program_id") == Some(&program_id(pair.partner).into()) {
        true => Ok(()),
        false => Err(format!("program_id is another: {claims}")),
    }
}
