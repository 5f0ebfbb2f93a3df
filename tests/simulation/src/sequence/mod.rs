//! A sequence: what partners ask, what operators change and what goes wrong, step by step. It is
//! made from a seed and holds nothing that a run adds, so that it can be run again and made
//! shorter.

mod request;

use std::{fmt, time::Duration};

use crate::trouble::Trouble;
pub use request::{
    APPS, Ask, Introspect, Invalidate, Keys, Operation, PairId, Partner, Party, Renew, Request,
    Server,
};

/// A sequence of steps and where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// The function's timeout, as in the template or shorter.
    pub timeout: Duration,
    /// What the first load of the secrets meets.
    pub at_start: Vec<Trouble>,
    /// One after another.
    pub steps: Vec<Step>,
}

/// One step: what is done, and what goes wrong while it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What is done.
    pub deed: Deed,
    /// What the next requests to DynamoDB meet, one each. What none has met when the step ends is
    /// taken back.
    pub dynamodb: Vec<Trouble>,
    /// The same of Secrets Manager.
    pub secrets: Vec<Trouble>,
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// One request.
    Ask(Request),
    /// Several at once, each in an instance of its own.
    Together(Vec<Request>),
    /// A caller that gives up after so many milliseconds, and asks again at once.
    Impatient(Request, u16),
    /// The function's processes are killed so many milliseconds after it was asked.
    Killed(Request, u16),
    /// An operator makes the next step of a rotation, after the wait that the protocol asks for.
    Rotate(Rotating),
    /// An operator disables a partner or a resource server, or enables it.
    Enable(Party, bool),
    /// An operator shortens a partner's sessions, or gives them their first lifetime again.
    Shorten(Partner, bool),
    /// One app takes the token that another holds.
    Copy(PairId, [u8; 2]),
    /// A service is down from now on.
    Outage(Service, Trouble),
    /// A secret's document is rubbish from now on.
    Rubbish(Document, Rubbish),
    /// Outages and rubbish end.
    Recovery,
    /// Time passes.
    Pass(Duration),
    /// The clock of a process (or of those to come) is so many seconds ahead.
    Skew(Option<u8>, i16),
    /// The processes without work end.
    Restart,
    /// Lambda freezes the processes, and meanwhile their connections break.
    Freeze(Connections),
}

/// What is rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rotating {
    /// A partner's payload keys.
    Payload(Partner),
    /// Its API keys.
    Api(Partner),
    /// Its SDK's API keys.
    SdkApi(Partner),
    /// A resource server's secrets.
    Secret(Server),
    /// The token ring.
    Token,
    /// The record ring.
    Record,
}

/// An AWS service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// DynamoDB.
    DynamoDb,
    /// Secrets Manager.
    SecretsManager,
}

/// A secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// The partners.
    ApiKeys,
    /// The rings.
    ServerKeys,
}

/// How a document can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rubbish {
    /// It is no JSON.
    NotJson,
    /// It is JSON and breaks a rule.
    BreaksARule,
}

/// What befalls connections while the process is frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connections {
    /// The service closes them.
    Close,
    /// They are forgotten: nothing sent on them arrives.
    Silence,
}

impl Step {
    /// Where nothing goes wrong.
    pub fn of(deed: Deed) -> Self {
        Self {
            deed,
            dynamodb: Vec::new(),
            secrets: Vec::new(),
        }
    }
}

impl Deed {
    /// Leaves out one of the requests at once; the last one that is left is a request alone.
    pub fn leave_out(&mut self, at: usize) {
        if let Self::Together(asks) = self {
            asks.remove(at);
            if let [only] = asks.as_slice() {
                *self = Self::Ask(*only);
            }
        }
    }

    /// Its kind, for the figures.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Ask(_) => "ask",
            Self::Together(_) => "ask at once",
            Self::Impatient(..) => "give up and ask again",
            Self::Killed(..) => "kill -9",
            Self::Rotate(_) => "rotate",
            Self::Enable(..) => "enable or disable",
            Self::Shorten(..) => "shorter or longer sessions",
            Self::Copy(..) => "copy a token",
            Self::Outage(..) => "outage",
            Self::Rubbish(..) => "rubbish document",
            Self::Recovery => "recovery",
            Self::Pass(_) => "time passes",
            Self::Skew(..) => "clock skew",
            Self::Restart => "restart",
            Self::Freeze(_) => "freeze",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.deed {
            Deed::Ask(ask) => write!(f, "{ask}")?,
            Deed::Together(asks) => {
                let asks: Vec<String> = asks.iter().map(Request::to_string).collect();
                write!(f, "at once: {}", asks.join("; "))?;
            }
            Deed::Impatient(ask, millis) => {
                write!(f, "{ask}, gives up after {millis} ms and asks again")?;
            }
            Deed::Killed(ask, millis) => write!(f, "{ask}, kill -9 after {millis} ms")?,
            Deed::Rotate(what) => write!(f, "the next step of rotating {what:?}")?,
            Deed::Enable(party, true) => write!(f, "{} is enabled", party.id())?,
            Deed::Enable(party, false) => write!(f, "{} is disabled", party.id())?,
            Deed::Shorten(partner, true) => write!(f, "{}'s sessions are shortened", partner.id())?,
            Deed::Shorten(partner, false) => write!(f, "{}'s sessions last as ever", partner.id())?,
            Deed::Copy(pair, [from, to]) => {
                write!(f, "app {to} of {pair} takes the token of app {from}")?;
            }
            Deed::Outage(service, trouble) => write!(f, "{service:?} is down: {trouble}")?,
            Deed::Rubbish(document, rubbish) => write!(f, "{document:?} becomes {rubbish:?}")?,
            Deed::Recovery => f.write_str("all services are up again")?,
            Deed::Pass(time) => write!(f, "{} s pass", time.as_secs())?,
            Deed::Skew(Some(which), seconds) => {
                write!(f, "the clock of process {which} is {seconds} s ahead")?;
            }
            Deed::Skew(None, seconds) => {
                write!(f, "the clocks of new processes are {seconds} s ahead")?;
            }
            Deed::Restart => f.write_str("the processes end")?,
            Deed::Freeze(how) => write!(f, "the processes freeze; connections: {how:?}")?,
        }
        let met = [
            ("DynamoDB", &self.dynamodb),
            ("Secrets Manager", &self.secrets),
        ];
        for (service, troubles) in met {
            if !troubles.is_empty() {
                write!(f, " [{service}: {}]", listed(troubles))?;
            }
        }
        Ok(())
    }
}

/// Several troubles as a list.
pub fn listed(troubles: &[Trouble]) -> String {
    let troubles: Vec<String> = troubles.iter().map(Trouble::to_string).collect();
    troubles.join(", ")
}
