//! What a resource server may be told of a token.

use peers::rules::introspection::Introspected;

use super::{
    Case,
    conditions::Known,
    record::State,
    rule::{Rule, Wrong},
    session::Sessions,
};
use crate::{apps::Held, call::Introspection, sequence::Keys};

/// Holds an introspection other than a 503 against the token's record and its caller's standing.
pub(super) fn judge(
    sessions: &Sessions,
    case: &Case<'_>,
    presented: &Held,
    introspection: &Introspection,
    states: &[Option<&State>],
) -> Result<Rule, Wrong> {
    let status = |what: &str| (Rule::StatusIsRight, format!("{introspection:?}: {what}"));
    let (standing, keys) = (&case.standing, case.answered.asked.request.keys());
    match (&introspection.said, introspection.status) {
        (Introspected::Refused(_), 401) => {
            let may_be = keys == Keys::Unknown
                || standing.keys == Known::Maybe
                || standing.enabled != (true, Known::Surely);
            match may_be {
                true => Ok(Rule::StatusIsRight),
                false => Err(status("the resource server's secret is right")),
            }
        }
        (Introspected::Refused(_), 500) if case.conditions.dynamodb_refuses => {
            Ok(Rule::StatusIsRight)
        }
        (Introspected::Refused(_), _) => Err(status("nothing is wrong")),
        _ if keys == Keys::Unknown => Err(status("the secret is nobody's")),
        (Introspected::Active(claims), _) => {
            if *claims != presented.claims {
                let what = format!("active with {claims} for {}", presented.claims);
                return Err((Rule::ActiveIsTrue, what));
            }
            let pair = case.answered.asked.request.pair();
            sessions.is_not_over(pair, presented.auth_time(), "a token is active")?;
            match may_be_active(case, presented, states) {
                Ok(()) => Ok(Rule::ActiveIsTrue),
                Err(why) => Err((
                    Rule::ActiveIsTrue,
                    format!("active, though {why}: {claims}"),
                )),
            }
        }
        (Introspected::Inactive, _) => match may_be_inactive(case, presented, states) {
            true => Ok(Rule::InactiveIsTrue),
            false => Err((
                Rule::InactiveIsTrue,
                format!(
                    "inactive, and the record of {} has been {states:?}",
                    presented.claims
                ),
            )),
        },
    }
}

fn may_be_active(
    case: &Case<'_>,
    presented: &Held,
    states: &[Option<&State>],
) -> Result<(), String> {
    let now = case.conditions.clocks.start();
    let keeps = |state: &&State| {
        !state.revoked && state.began == presented.auth_time() && state.ends.ttl > *now
    };
    if !case.answered.asked.may_open() {
        return Err("it was altered".to_owned());
    }
    if presented.exp() <= *now {
        return Err("it has expired on every clock".to_owned());
    }
    if case.standing.partner == (false, Known::Surely) {
        return Err("its partner is disabled".to_owned());
    }
    match states.iter().flatten().copied().any(|state| keeps(&state)) {
        true => Ok(()),
        false => Err(format!("its record has been {states:?}")),
    }
}

fn may_be_inactive(case: &Case<'_>, presented: &Held, states: &[Option<&State>]) -> bool {
    let now = case.conditions.clocks.end();
    let is_gone = |state: &Option<&State>| {
        state.is_none_or(|state| {
            state.revoked || state.began != presented.auth_time() || state.ends.ttl <= *now
        })
    };
    !case.answered.asked.may_open()
        || !case.standing.has_token_key
        || presented.exp() <= *now
        || case.standing.partner != (true, Known::Surely)
        || states.iter().any(is_gone)
}
