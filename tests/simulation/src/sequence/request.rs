//! One request: who asks for which of the four operations, and with what.

use std::fmt;

/// A request for one of the operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// A partner asks for a token.
    Issue(Ask),
    /// An app renews the token that it holds.
    Renew(Renew),
    /// A partner ends a session.
    Invalidate(Invalidate),
    /// A resource server asks whether an app's token is good.
    Introspect(Introspect),
}

/// An operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// Get Token.
    Issue,
    /// Renew.
    Renew,
    /// Invalidate.
    Invalidate,
    /// Introspect.
    Introspect,
}

/// A partner's `referenceId`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PairId {
    /// Whose.
    pub partner: Partner,
    /// Of its `referenceId`s.
    pub reference: u8,
}

/// A Get Token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// For which session.
    pub pair: PairId,
    /// For whom: 0 and 1 are customers, 2 is the first one with another SDK.
    pub customer: u8,
    /// Which keys it uses.
    pub keys: Keys,
    /// Whether the JWE names its key.
    pub named: bool,
    /// On the first version's path.
    pub legacy: bool,
}

/// A renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renew {
    /// Of which session.
    pub pair: PairId,
    /// Which of the [`APPS`] renews the token that it holds.
    pub app: u8,
    /// Whether that token is altered, so that it does not open.
    pub spoilt: bool,
    /// Which `sdkApiKey` it uses.
    pub keys: Keys,
    /// On the path whose answers have integers.
    pub legacy: bool,
}

/// An invalidation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invalidate {
    /// Of which session.
    pub pair: PairId,
    /// Which keys it uses.
    pub keys: Keys,
    /// Whether the JWE names its key.
    pub named: bool,
    /// On the path whose answers have integers.
    pub legacy: bool,
}

/// An introspection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Introspect {
    /// Who asks.
    pub server: Server,
    /// Of which session the token is.
    pub pair: PairId,
    /// Which of the [`APPS`] has presented it.
    pub app: u8,
    /// Whether that token is altered, so that it does not open.
    pub spoilt: bool,
    /// Which secret it uses.
    pub keys: Keys,
}

/// Each session has so many apps, thieves of its token among them. All know the session key; the
/// token that they hold may be an older one.
pub const APPS: u8 = 3;

/// A partner, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Partner {
    /// Long-lived tokens.
    Acme,
    /// Short-lived tokens.
    Globex,
}

/// A resource server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Server {
    /// One.
    Wallet,
    /// Another.
    Cards,
}

/// A caller that the secret of the API keys names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// A partner.
    Partner(Partner),
    /// A resource server.
    Server(Server),
}

/// Which of its keys a caller uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// Those that the protocol's waits make safe to use.
    Safe,
    /// The other ones of a rotation that is under way: the new ones at once, or the old ones to the
    /// last.
    Other,
    /// An API key, or a secret, that is nobody's.
    Unknown,
}

impl Request {
    /// For which operation.
    pub const fn operation(&self) -> Operation {
        match self {
            Self::Issue(_) => Operation::Issue,
            Self::Renew(_) => Operation::Renew,
            Self::Invalidate(_) => Operation::Invalidate,
            Self::Introspect(_) => Operation::Introspect,
        }
    }

    /// About which session.
    pub const fn pair(&self) -> PairId {
        match self {
            Self::Issue(ask) => ask.pair,
            Self::Renew(renew) => renew.pair,
            Self::Invalidate(invalidate) => invalidate.pair,
            Self::Introspect(introspect) => introspect.pair,
        }
    }

    /// Who asks: an app asks as its partner.
    pub const fn party(&self) -> Party {
        match self {
            Self::Introspect(introspect) => Party::Server(introspect.server),
            _ => Party::Partner(self.pair().partner),
        }
    }

    /// With which keys.
    pub const fn keys(&self) -> Keys {
        match self {
            Self::Issue(ask) => ask.keys,
            Self::Renew(renew) => renew.keys,
            Self::Invalidate(invalidate) => invalidate.keys,
            Self::Introspect(introspect) => introspect.keys,
        }
    }

    /// The same by the safe keys, and with a token that is not altered.
    pub fn safe(mut self) -> Self {
        match &mut self {
            Self::Issue(ask) => ask.keys = Keys::Safe,
            Self::Renew(renew) => (renew.keys, renew.spoilt) = (Keys::Safe, false),
            Self::Invalidate(invalidate) => invalidate.keys = Keys::Safe,
            Self::Introspect(introspect) => {
                (introspect.keys, introspect.spoilt) = (Keys::Safe, false);
            }
        }
        self
    }

    /// Whether its path's answers have integers.
    pub const fn legacy(&self) -> bool {
        match self {
            Self::Issue(ask) => ask.legacy,
            Self::Renew(renew) => renew.legacy,
            Self::Invalidate(invalidate) => invalidate.legacy,
            Self::Introspect(_) => false,
        }
    }

    /// The app that presents its token, and whether that is altered.
    pub const fn presents(&self) -> Option<(u8, bool)> {
        match self {
            Self::Renew(renew) => Some((renew.app, renew.spoilt)),
            Self::Introspect(introspect) => Some((introspect.app, introspect.spoilt)),
            Self::Issue(_) | Self::Invalidate(_) => None,
        }
    }
}

impl Operation {
    /// As the protocol calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Issue => "Get Token",
            Self::Renew => "Renew",
            Self::Invalidate => "Invalidate",
            Self::Introspect => "Introspect",
        }
    }
}

impl PairId {
    /// Its `referenceId`.
    pub fn reference(self) -> String {
        format!("r{}", self.reference)
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

impl Server {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Wallet, Self::Cards];

    /// Its id.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Wallet => "wallet",
            Self::Cards => "cards",
        }
    }
}

impl Party {
    /// Its id.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Partner(partner) => partner.id(),
            Self::Server(server) => server.id(),
        }
    }
}

impl fmt::Display for PairId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} r{}", self.partner.id(), self.reference)
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pair = self.pair();
        match self {
            Self::Issue(ask) => write!(
                f,
                "{} asks for r{}, customer {}",
                pair.partner.id(),
                pair.reference,
                ask.customer
            )?,
            Self::Renew(renew) => write!(f, "app {} of {pair} renews", renew.app)?,
            Self::Invalidate(_) => write!(f, "{} ends r{}", pair.partner.id(), pair.reference)?,
            Self::Introspect(Introspect { server, app, .. }) => {
                write!(f, "{} introspects app {app}'s token of {pair}", server.id())?;
            }
        }
        match self.keys() {
            Keys::Safe => {}
            Keys::Other => f.write_str(", by the other keys")?,
            Keys::Unknown => f.write_str(", by an unknown key")?,
        }
        if let Some((_, true)) = self.presents() {
            f.write_str(", an altered token")?;
        }
        if let Self::Issue(Ask { named: false, .. })
        | Self::Invalidate(Invalidate { named: false, .. }) = self
        {
            f.write_str(", without kid")?;
        }
        if self.legacy() {
            f.write_str(", on the old path")?;
        }
        Ok(())
    }
}
