//! The service's own part: the write, and the answer.

use super::{
    Bug, Issue,
    judge::{Found, judge},
    state::{Answer, Draft, Item, Kind, Request, Stage, State, Written},
};

impl Issue {
    /// `PutItem` with `attribute_not_exists(pk) OR #ttl <= :now`, which returns what stands there
    /// if that fails. DynamoDB decides and writes in one step.
    pub(super) fn write(&self, item: &mut Option<Item>, draft: Draft) -> Written {
        match *item {
            Some(found) if self.is_taken(*item, draft) => Written::Taken(found),
            _ => {
                *item = Some(Item {
                    draft,
                    revoked: false,
                });
                Written::First
            }
        }
    }

    /// Whether the condition of a write fails.
    pub(super) fn is_taken(&self, item: Option<Item>, draft: Draft) -> bool {
        item.is_some_and(|item| match self.bug {
            Some(Bug::NoCondition) => false,
            Some(Bug::NoTtlClause) => true,
            Some(Bug::FreeOnceExpired) => item.draft.expires_at() > draft.at,
            _ => item.draft.ttl() > draft.at,
        })
    }

    /// What the service makes of the table's answer. Its `judge` looks at the clock, not at the
    /// draft.
    pub(super) fn answer(&self, request: &Request, state: &State) -> Answer {
        let own = request.draft;
        let unheard =
            |token: Option<Draft>| token.is_some_and(|token| !state.held.contains(&token));
        let Stage::Written(Written::Taken(Item { draft, revoked })) = request.stage else {
            return Answer {
                asked: own,
                kind: Kind::First,
                token: Some(own),
                found: None,
                found_ended: false,
                unheard: unheard(Some(own)),
            };
        };
        let judged_at = match self.bug {
            Some(Bug::JudgedAtTheTimeOfTheDraft) => own.at,
            _ => state.now,
        };
        let found = Found {
            own: draft.jti == own.jti,
            same_request: draft.payload == own.payload,
            revoked,
            expired: draft.expires_at() <= judged_at,
        };
        let kind = match self.bug {
            Some(Bug::OldItemIsNotReturned) => Kind::Failed,
            bug => judge(found, bug),
        };
        let token = match kind {
            Kind::First => Some(own),
            Kind::Replay if self.bug == Some(Bug::ReplayGivesTheFreshToken) => Some(own),
            Kind::Replay => Some(draft),
            Kind::Reused | Kind::Expired | Kind::Revoked | Kind::Failed => None,
        };
        Answer {
            asked: own,
            kind,
            token,
            found: Some(draft),
            found_ended: revoked || draft.expires_at() <= state.now,
            unheard: unheard(token),
        }
    }
}
