//! What there is: the table's item for one `(partner, referenceId)`, and the requests for it.

/// Ticks for which a token holds.
const LIFETIME: u8 = 1;

/// Ticks for which a record outlives its token.
const RETENTION: u8 = 1;

/// A state. What can make no difference any more is not in it, so that states that differ in
/// nothing else are one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    /// Ticks since the start.
    pub now: u8,
    /// From now on nothing that is sent is lost or late, and nothing crashes.
    pub faults_ended: bool,
    /// How many requests have come.
    pub calls: usize,
    /// The pair's item.
    pub item: Option<Item>,
    /// Those that have not ended, or have attempts under way that may still reach the table.
    pub requests: Vec<Request>,
    /// Tokens that reached anyone and whose record's `ttl` has not passed.
    pub held: Vec<Draft>,
    /// There was a token that reached someone, and its record's `ttl` has passed.
    pub held_before: bool,
    /// What the step that led here has answered.
    pub answer: Option<Answer>,
}

/// What a request says, as far as requests are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Payload {
    /// What the first request says.
    Same,
    /// Anything else.
    Other,
}

/// A record and its token: made once a request, whatever number of attempts it takes to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Draft {
    /// The number of the request that made it.
    pub jti: usize,
    /// What that request said.
    pub payload: Payload,
    /// When: the `:now` of every attempt to write it.
    pub at: u8,
}

impl Draft {
    /// When its token ends.
    pub fn expires_at(self) -> u8 {
        self.at + LIFETIME
    }

    /// When its record frees the pair.
    pub fn ttl(self) -> u8 {
        self.expires_at() + RETENTION
    }
}

/// The table's item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Item {
    /// What was written.
    pub draft: Draft,
    /// Its `status` is `REVOKED`.
    pub revoked: bool,
}

/// A request, from its draft to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    /// What it writes.
    pub draft: Draft,
    /// Attempts that it may still make, the present one included.
    pub attempts: u8,
    /// Attempts that it no longer waits for and that may still reach the table.
    pub late: u8,
    /// How far it is.
    pub stage: Stage,
}

impl Request {
    /// It ends. An attempt that is under way then may reach the table later.
    pub(super) fn end(&mut self) {
        self.late += u8::from(self.stage == Stage::Writing);
        self.attempts = 0;
        self.stage = Stage::Ended;
    }
}

/// How far a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// An attempt is on its way to the table.
    Writing,
    /// The table's answer is on its way back.
    Written(Written),
    /// It was answered, or died.
    Ended,
}

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Written {
    /// The draft is the record now.
    First,
    /// The condition failed. This is what stands there.
    Taken(Item),
}

/// An answer, and what is to be known about it to judge the service by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Answer {
    /// What the request would have written, or has.
    pub asked: Draft,
    /// What the service took the case for.
    pub kind: Kind,
    /// The token that it handed out.
    pub token: Option<Draft>,
    /// The record that it found in the way.
    pub found: Option<Draft>,
    /// That record was revoked when it was found, or its token had expired when it was judged.
    pub found_ended: bool,
    /// Nobody had the token before.
    pub unheard: bool,
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
    /// 409, the token has expired.
    Expired,
    /// 409, the token was revoked.
    Revoked,
    /// 500.
    Failed,
}

impl State {
    /// The time passes, and with it what it ends.
    pub(super) fn tick(&mut self) {
        self.now += 1;
        let now = self.now;
        let held = self.held.len();
        self.held.retain(|token| token.ttl() > now);
        self.held_before |= self.held.len() < held;
    }

    /// A token reaches someone.
    pub(super) fn hand_out(&mut self, token: Draft) {
        if token.ttl() <= self.now {
            self.held_before = true;
        } else if !self.held.contains(&token) {
            self.held.push(token);
            self.held.sort_by_key(|token| token.jti);
        }
    }

    /// The request of this number, unless there is nothing more to it.
    pub(super) fn request(&mut self, jti: usize) -> Option<&mut Request> {
        self.requests
            .iter_mut()
            .find(|request| request.draft.jti == jti)
    }
}
