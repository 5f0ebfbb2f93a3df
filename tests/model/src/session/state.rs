//! What there is: the table's item for one `(partner, referenceId)`, the requests for it, and who
//! has which token.

/// Ticks for which a record outlives its token.
pub const RETENTION: u8 = 1;

/// Ticks after which nothing of a request is under way any more: sooner than the record can be free
/// that it finds or writes. The function ends within 15 s, AWS refuses a request that was signed
/// five minutes ago, and the shortest record is kept for six.
pub const UNDER_WAY: u8 = 2;

/// A request's number, in the order in which they come. It is the `jti` of the token that the
/// request makes, and names the session that a Get Token begins.
pub type Id = u8;

/// A state. What can make no difference any more is not in it, so that states that differ in
/// nothing else are one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    /// Ticks since the start.
    pub now: u8,
    /// Tokens are made with the shorter lifetime.
    pub shortened: bool,
    /// From now on nothing that is sent is lost or late, and nothing crashes.
    pub faults_ended: bool,
    /// How many requests have come.
    pub calls: Calls,
    /// The pair's item.
    pub item: Option<Item>,
    /// What an eventually consistent read may still find. Only a bug reads it.
    pub replica: Option<Item>,
    /// Those that have not ended, or have attempts under way that may still reach the table.
    pub requests: Vec<Request>,
    /// Every token that reached anyone.
    pub held: Vec<Token>,
    /// The sessions whose invalidation was answered.
    pub invalidated: Sessions,
    /// What was done that no later state shows, and that must never be done.
    pub wrong: Option<Wrong>,
}

/// A number of each kind of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Calls {
    /// Get Token.
    pub issues: u8,
    /// Renew.
    pub renewals: u8,
    /// Invalidate.
    pub invalidations: u8,
    /// Introspect.
    pub introspections: u8,
}

impl Calls {
    pub(super) fn all(self) -> Id {
        self.issues + self.renewals + self.invalidations + self.introspections
    }

    pub(super) fn count(&mut self, asks: Asks) -> &mut u8 {
        match asks {
            Asks::Issue(_) => &mut self.issues,
            Asks::Renew(_) => &mut self.renewals,
            Asks::Invalidate { .. } => &mut self.invalidations,
            Asks::Introspect(_) => &mut self.introspections,
        }
    }
}

/// A set of sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sessions(u8);

impl Sessions {
    /// Whether it is one of them.
    pub fn contains(self, session: Id) -> bool {
        self.0 & (1 << session) != 0
    }

    pub(super) fn insert(&mut self, session: Id) {
        self.0 |= 1 << session;
    }

    /// Those of them that are this one.
    pub(super) fn only(self, session: Id) -> Self {
        Self(self.0 & (1 << session))
    }
}

/// What must never be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wrong {
    /// A new record took the place of another session's before its `ttl`.
    KeptRecordReplaced,
    /// A session was renewed by a request that came after its invalidation was answered.
    InvalidatedSessionRenewed,
    /// A token was renewed though the record is another session's, or its `ttl` had passed when the
    /// request came.
    EndedSessionRenewed,
    /// A write that was refused changed the record.
    RefusalLeftATrace,
}

/// What a request for a token says, as far as such requests are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Payload {
    /// What the first request says.
    Same,
    /// Anything else.
    Other,
}

/// A token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token {
    /// The request that made it.
    pub jti: Id,
    /// The Get Token that began its session.
    pub session: Id,
    /// When its session began.
    pub began: u8,
    /// When it ends.
    pub expires_at: u8,
    /// The token that was presented for it; `None` for a session's first.
    pub replaces: Option<Id>,
}

impl Token {
    /// When the record of which it is the current one frees the pair.
    pub fn ttl(self) -> u8 {
        self.expires_at + RETENTION
    }
}

/// The table's item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Item {
    /// The session's current token.
    pub token: Token,
    /// `previousJti`.
    pub previous: Option<Id>,
    /// What the request said that began the session.
    pub payload: Payload,
    /// Its `status` is `REVOKED`.
    pub revoked: bool,
    /// When it frees the pair.
    pub ttl: u8,
}

/// A request, from when it comes to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    /// Its number.
    pub id: Id,
    /// For what.
    pub asks: Asks,
    /// When it came: the `:now` of each of its attempts.
    pub at: u8,
    /// When the token that it makes ends; 0 if it makes none.
    pub expires_at: u8,
    /// The sessions whose invalidation had been answered when it came.
    pub knew: Sessions,
    /// Attempts that it may still make, the present one included.
    pub attempts: u8,
    /// Attempts that it no longer waits for and that may still reach the table.
    pub late: u8,
    /// One of its attempts was written.
    pub written: bool,
    /// How far it is.
    pub stage: Stage,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Asks {
    /// A token.
    Issue(Payload),
    /// A token in this one's place.
    Renew(Token),
    /// That the pair's session be ended: this one, unless it is replaced meanwhile.
    Invalidate {
        /// The session that is kept as the request comes.
        session: Option<Id>,
    },
    /// Whether this token is active.
    Introspect(Token),
}

impl Request {
    /// The token that it makes.
    pub fn draft(&self) -> Option<Token> {
        let token = |session, began, replaces| Token {
            jti: self.id,
            session,
            began,
            expires_at: self.expires_at,
            replaces,
        };
        match self.asks {
            Asks::Issue(_) => Some(token(self.id, self.at, None)),
            Asks::Renew(presented) => Some(token(
                presented.session,
                presented.began,
                Some(presented.jti),
            )),
            Asks::Invalidate { .. } | Asks::Introspect(_) => None,
        }
    }

    /// What it found in the table; `None` if that is nothing, or if it has not looked.
    pub fn found(&self) -> Option<Item> {
        match self.stage {
            Stage::Found(found) => found,
            Stage::Sent | Stage::Written | Stage::Ended => None,
        }
    }

    /// The token that it presents.
    pub fn presented(&self) -> Option<Token> {
        match self.asks {
            Asks::Renew(token) | Asks::Introspect(token) => Some(token),
            Asks::Issue(_) | Asks::Invalidate { .. } => None,
        }
    }

    /// Whether something of it can be under way at this time.
    pub(super) fn is_under_way(&self, now: u8) -> bool {
        now < self.at + UNDER_WAY
    }

    /// It ends. An attempt that is under way then may reach the table later.
    pub(super) fn end(&mut self) {
        self.late += u8::from(self.stage == Stage::Sent);
        self.attempts = 0;
        self.stage = Stage::Ended;
    }

    /// Whether it and the other differ in nothing but their numbers, of which nobody knows.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        !self.written
            && *self
                == Self {
                    id: self.id,
                    ..*other
                }
    }
}

/// How far a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// An attempt is on its way to the table.
    Sent,
    /// It was written, and the table's answer is on its way back.
    Written,
    /// The condition failed, or nothing was to be written; this stands there. The table's answer is
    /// on its way back.
    Found(Option<Item>),
    /// It was answered, or died.
    Ended,
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Answer {
    /// What the service took the case for.
    pub kind: Kind,
    /// The token that it handed out.
    pub token: Option<Token>,
}

/// Kinds of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// 200, a token of one's own.
    First,
    /// 200, the token of an earlier request.
    Replay,
    /// 409, another request has used the pair.
    Reused,
    /// 409, the token has expired; 401, the session has.
    Expired,
    /// 409 or 401, the session was invalidated.
    Revoked,
    /// 401, the token was renewed, and its successor too.
    Superseded,
    /// 200, the session has ended.
    Invalidated,
    /// 404, there is no such session.
    Unknown,
    /// 200, the token is active.
    Active,
    /// 200, it is not.
    Inactive,
    /// 500.
    Failed,
}

impl State {
    /// A token reaches someone.
    pub(super) fn hand_out(&mut self, token: Token) {
        if !self.held.contains(&token) {
            self.held.push(token);
            self.held.sort_by_key(|token| token.jti);
        }
    }

    /// How many requests have come, which is the next one's number.
    pub fn calls_so_far(&self) -> Id {
        self.calls.all()
    }

    /// The request of this number, unless there is nothing more to it.
    pub fn request(&self, id: Id) -> Option<&Request> {
        self.requests.iter().find(|request| request.id == id)
    }

    pub(super) fn request_mut(&mut self, id: Id) -> Option<&mut Request> {
        self.requests.iter_mut().find(|request| request.id == id)
    }
}
