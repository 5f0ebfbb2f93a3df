//! A sequence: what partners ask, what operators change and what goes wrong, step by step. It is
//! made from a seed and holds nothing that a run adds, so that it can be run again and made
//! shorter.

use std::{fmt, time::Duration};

use crate::trouble::Trouble;

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
    Ask(Ask),
    /// Several at once, each in an instance of its own.
    Together(Vec<Ask>),
    /// A caller that gives up after so many milliseconds, and asks again at once.
    Impatient(Ask, u16),
    /// The function's processes are killed so many milliseconds after it was asked.
    Killed(Ask, u16),
    /// An operator makes the next step of a rotation, after the wait that the protocol asks for.
    Rotate(Rotating),
    /// An operator disables a partner, or enables it.
    Enable(Partner, bool),
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

/// A request of a partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Whose.
    pub partner: Partner,
    /// Of its `referenceId`s.
    pub reference: u8,
    /// For whom: 0 and 1 are customers, 2 is the first one with another SDK.
    pub customer: u8,
    /// Which keys it uses.
    pub keys: Keys,
    /// Whether the JWE names its key.
    pub named: bool,
    /// On the first version's path.
    pub legacy: bool,
}

/// A partner, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Partner {
    /// Tokens of the default lifetime.
    Acme,
    /// Short-lived tokens.
    Globex,
}

/// Which of a partner's keys a request uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// Those that the protocol's waits make safe to use.
    Safe,
    /// The other ones of a rotation that is under way: the new ones at once, or the old ones to the
    /// last.
    Other,
    /// An API key that is nobody's.
    Unknown,
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

impl Partner {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Acme, Self::Globex];

    /// Its id.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Acme => "acme",
            Self::Globex => "globex",
        }
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (partner, reference) = (self.partner.id(), self.reference);
        write!(
            f,
            "{partner} asks for r{reference}, customer {}",
            self.customer
        )?;
        match self.keys {
            Keys::Safe => {}
            Keys::Other => f.write_str(", by the other keys")?,
            Keys::Unknown => f.write_str(", by an unknown API key")?,
        }
        if !self.named {
            f.write_str(", without kid")?;
        }
        if self.legacy {
            f.write_str(", on the old path")?;
        }
        Ok(())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.deed {
            Deed::Ask(ask) => write!(f, "{ask}")?,
            Deed::Together(asks) => {
                let asks: Vec<String> = asks.iter().map(Ask::to_string).collect();
                write!(f, "at once: {}", asks.join("; "))?;
            }
            Deed::Impatient(ask, millis) => {
                write!(f, "{ask}, gives up after {millis} ms and asks again")?;
            }
            Deed::Killed(ask, millis) => write!(f, "{ask}, kill -9 after {millis} ms")?,
            Deed::Rotate(what) => write!(f, "the next step of rotating {what:?}")?,
            Deed::Enable(partner, true) => write!(f, "{} is enabled", partner.id())?,
            Deed::Enable(partner, false) => write!(f, "{} is disabled", partner.id())?,
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
