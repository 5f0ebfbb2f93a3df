//! What goes wrong with one request to an AWS service.

use std::{fmt, time::Duration};

use sandbox::Fault;
use service_tests::FOREVER;

/// One way for a request to an AWS service to go wrong, as a sequence has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// Closed, and nothing is done.
    Refuse,
    /// Reset, and nothing is done.
    ResetBefore,
    /// Reset, and all is done.
    ResetAfter,
    /// No answer ever, and nothing is done.
    StallBefore,
    /// No answer ever, and all is done.
    StallAfter,
    /// Done and answered after some milliseconds, within the limit of an attempt. Changes the
    /// order, and no more.
    Slow(u16),
    /// Done after so many milliseconds, though its sender may have gone.
    Late(u16),
    /// Status 500.
    InternalError,
    /// AWS's throttling.
    Throttle,
    /// Access denied, which no retry helps.
    Denied,
    /// No JSON.
    Malformed,
    /// The answer byte by byte, so many milliseconds apart.
    Trickle(u16),
}

impl Trouble {
    /// As the sandbox has it.
    pub fn fault(self) -> Fault {
        let millis = |millis: u16| Duration::from_millis(millis.into());
        match self {
            Self::Refuse => Fault::Refuse,
            Self::ResetBefore => Fault::ResetBefore,
            Self::ResetAfter => Fault::ResetAfter,
            Self::StallBefore => Fault::StallBefore(FOREVER),
            Self::StallAfter => Fault::StallAfter(FOREVER),
            Self::Slow(pause) => Fault::StallBefore(millis(pause)),
            Self::Late(delay) => Fault::Late(millis(delay)),
            Self::InternalError => Fault::status(500, "InternalServerError"),
            Self::Throttle => Fault::Throttle,
            Self::Denied => Fault::status(400, "AccessDeniedException"),
            Self::Malformed => Fault::Malformed,
            Self::Trickle(pause) => Fault::Trickle(millis(pause)),
        }
    }

    /// How much later the request may be done, though its sender has gone.
    pub fn delay(self) -> Duration {
        match self {
            Self::Late(millis) => Duration::from_millis(millis.into()),
            _ => Duration::ZERO,
        }
    }

    /// Whether an attempt may fail for it. The others only take time.
    pub const fn fails_an_attempt(self) -> bool {
        !matches!(self, Self::Slow(_))
    }

    /// Whether an answer may be 500 for it, where no retry helps.
    pub const fn may_be_internal(self) -> bool {
        matches!(self, Self::Denied | Self::Malformed)
    }

    /// Its kind, for the figures.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::ResetBefore => "reset before",
            Self::ResetAfter => "reset after",
            Self::StallBefore => "stall before",
            Self::StallAfter => "stall after",
            Self::Slow(_) => "slow",
            Self::Late(_) => "late",
            Self::InternalError => "status 500",
            Self::Throttle => "throttle",
            Self::Denied => "denied",
            Self::Malformed => "malformed",
            Self::Trickle(_) => "trickle",
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slow(millis) | Self::Late(millis) | Self::Trickle(millis) => {
                write!(f, "{} ({millis} ms)", self.kind())
            }
            _ => f.write_str(self.kind()),
        }
    }
}
