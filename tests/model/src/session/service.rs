//! The service's own part: the lifetimes, the writes, and the answers.

use super::{
    Bug, Session,
    judge::{Found, FoundByRenewal, Read, introspect, judge, judge_renewal},
    state::{Answer, Asks, Item, Kind, Request, Stage, State, Token, Wrong},
};

impl Session {
    /// When a session ends that began then.
    pub(super) fn session_ends(&self, began: u8) -> u8 {
        began + self.bounds.ages.session
    }

    /// When a token ends that is made now, in a session that began then; `None` if the session has
    /// ended, which the service sees before it writes.
    pub(super) fn expiry(&self, state: &State, began: u8) -> Option<u8> {
        let ages = self.bounds.ages;
        let lifetime = ages.shortened.filter(|_| state.shortened);
        let expires_at = state.now + lifetime.unwrap_or(ages.token);
        if self.bug == Some(Bug::OutlivesItsSession) {
            return Some(expires_at);
        }
        let session_ends = self.session_ends(began);
        (state.now < session_ends).then(|| expires_at.min(session_ends))
    }

    /// Whether the condition of a request's write holds: of `PutItem`
    /// `attribute_not_exists(pk) OR #ttl <= :now`, of a renewal
    /// `jti = :presented AND #status = :active AND #ttl > :now`, of an invalidation
    /// `attribute_exists(pk) AND #ttl > :now`.
    fn may_write(&self, item: Option<Item>, request: &Request) -> bool {
        let now = request.at;
        match request.asks {
            Asks::Issue(_) => item.is_none_or(|item| match self.bug {
                Some(Bug::NoCondition) => true,
                Some(Bug::NoTtlClause) => false,
                Some(Bug::FreeOnceExpired) => item.token.expires_at <= now,
                _ => item.ttl <= now,
            }),
            Asks::Renew(presented) => item.is_some_and(|item| {
                let any = match self.bug {
                    Some(Bug::RenewsAnyToken) => true,
                    Some(Bug::RenewsThePreviousToken) => item.previous == Some(presented.jti),
                    _ => false,
                };
                let active = !item.revoked || self.bug == Some(Bug::RenewsWhatIsRevoked);
                let kept = match self.bug {
                    Some(Bug::RenewsWhatIsFree) => true,
                    Some(Bug::RenewsNoExpiredToken) => item.token.expires_at > now,
                    _ => item.ttl > now,
                };
                (any || item.token.jti == presented.jti) && active && kept
            }),
            Asks::Invalidate { .. } => item.is_some_and(|item| item.ttl > now),
            Asks::Introspect(_) => false,
        }
    }

    /// An attempt reaches the table, which decides and writes in one step; returns what stands
    /// there if the condition fails.
    pub(super) fn write(&self, state: &mut State, request: &Request) -> Stage {
        let before = state.item;
        if !self.may_write(before, request) {
            if let (Asks::Renew(presented), Some(item), Some(Bug::RefusedRenewalWrites)) =
                (request.asks, &mut state.item, self.bug)
            {
                item.previous = Some(presented.jti);
            }
            if state.item != before {
                state.wrong = Some(Wrong::RefusalLeftATrace);
            }
            return Stage::Found(before);
        }
        match (request.asks, request.draft(), &mut state.item) {
            (Asks::Issue(payload), Some(token), item) => {
                if before.is_some_and(|before| before.token.ttl() > request.at) {
                    state.wrong = Some(Wrong::KeptRecordReplaced);
                }
                *item = Some(Item {
                    token,
                    previous: None,
                    payload,
                    revoked: false,
                    ttl: token.ttl(),
                });
            }
            (Asks::Renew(presented), Some(token), Some(item)) => {
                if request.knew.contains(presented.session) {
                    state.wrong = Some(Wrong::InvalidatedSessionRenewed);
                } else if item.ttl <= request.at || item.token.session != presented.session {
                    state.wrong = Some(Wrong::EndedSessionRenewed);
                }
                item.token = token;
                if self.bug != Some(Bug::PreviousIsNotKept) {
                    item.previous = Some(presented.jti);
                }
                if self.bug != Some(Bug::RenewalLeavesTheTtl) {
                    item.ttl = token.ttl();
                }
            }
            (Asks::Invalidate { .. }, _, Some(item)) => item.revoked = true,
            _ => {}
        }
        Stage::Written
    }

    /// Whether the service can answer a request at this stage.
    pub(super) fn may_answer(&self, request: &Request) -> bool {
        match (request.stage, self.bug) {
            (Stage::Written | Stage::Found(_), _) => true,
            (Stage::Sent, Some(Bug::AnsweredBeforeRecorded)) => request.draft().is_some(),
            (Stage::Sent, Some(Bug::InvalidationIsAnsweredFirst)) => {
                matches!(request.asks, Asks::Invalidate { .. })
            }
            (Stage::Sent | Stage::Ended, _) => false,
        }
    }

    /// What the service makes of the table's answer. It judges by the clock, not by the draft.
    pub fn answer(&self, request: &Request, now: u8) -> Answer {
        let judged_at = match self.bug {
            Some(Bug::JudgedAtTheTimeOfTheDraft) => request.at,
            _ => now,
        };
        let found = match request.stage {
            Stage::Found(found) => found,
            Stage::Sent | Stage::Written | Stage::Ended => return self.done(request),
        };
        let own = |item: Item| item.token.jti == request.id;
        let kind = match (request.asks, found) {
            (Asks::Issue(_) | Asks::Renew(_), _) if self.bug == Some(Bug::OldItemIsNotReturned) => {
                Kind::Failed
            }
            (Asks::Issue(payload), Some(item)) => {
                let found = Found {
                    own: own(item),
                    same_request: item.payload == payload,
                    revoked: item.revoked,
                    expired: item.token.expires_at <= judged_at,
                };
                judge(found, self.bug)
            }
            // The condition of a new record holds where nothing is.
            (Asks::Issue(_), None) => Kind::Failed,
            (Asks::Renew(_), None) => Kind::Expired,
            (Asks::Renew(presented), Some(item)) => {
                let ends = match self.bug {
                    Some(Bug::RenewsNoExpiredToken) => item.token.expires_at,
                    _ => item.ttl,
                };
                let found = FoundByRenewal {
                    free: ends <= judged_at,
                    revoked: item.revoked,
                    own: own(item),
                    succeeds: item.previous == Some(presented.jti),
                };
                judge_renewal(found, self.bug)
            }
            (Asks::Invalidate { .. }, _) => Kind::Unknown,
            (Asks::Introspect(token), item) => self.introspected(token, item, now),
        };
        let fresh = matches!(
            (request.asks, self.bug),
            (Asks::Issue(_), Some(Bug::ReplayGivesTheFreshToken))
                | (Asks::Renew(_), Some(Bug::RenewalReplayGivesTheFreshToken))
        );
        let token = match kind {
            Kind::First => request.draft(),
            Kind::Replay if fresh => request.draft(),
            Kind::Replay => found.map(|item| item.token),
            _ => None,
        };
        Answer { kind, token }
    }

    fn done(&self, request: &Request) -> Answer {
        let token = request.draft();
        let kind = match token {
            Some(_) => Kind::First,
            None => Kind::Invalidated,
        };
        Answer { kind, token }
    }

    fn introspected(&self, token: Token, item: Option<Item>, now: u8) -> Kind {
        let another = |item: Item| {
            item.token.jti != token.jti && self.bug == Some(Bug::IntrospectionKnowsOneToken)
        };
        let read = Read {
            expired: token.expires_at <= now,
            free: item.is_none_or(|item| item.ttl <= now || another(item)),
            revoked: item.is_some_and(|item| item.revoked),
            same_session: item.is_some_and(|item| item.token.began == token.began),
        };
        introspect(read, self.bug)
    }
}
