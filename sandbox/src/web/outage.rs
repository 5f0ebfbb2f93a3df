//! The outages that the page can ask for, by the names that it has for them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Fault, Faults};

/// Longer than the function waits for a write with all its retries, or for a load of its secrets.
const STALL: Duration = Duration::from_secs(30);

/// How an AWS service fails until it is told otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Outage {
    /// Connections are closed.
    Down,
    /// Every request is one too many.
    Throttling,
    /// No request is answered in time.
    Stalling,
}

impl Outage {
    const ALL: [Self; 3] = [Self::Down, Self::Throttling, Self::Stalling];

    fn fault(self) -> Fault {
        match self {
            Self::Down => Fault::Refuse,
            Self::Throttling => Fault::Throttle,
            Self::Stalling => Fault::StallBefore(STALL),
        }
    }

    /// The outage that is in force.
    pub(super) fn of(faults: &Faults) -> Option<Self> {
        let always = faults.always()?;
        Self::ALL
            .into_iter()
            .find(|outage| outage.fault() == always)
    }

    /// Puts an outage into force, or ends the one that is.
    pub(super) fn set(outage: Option<Self>, faults: &Faults) {
        faults.set_always(outage.map(Self::fault));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_lasts_until_it_is_ended() {
        let faults = Faults::default();
        for outage in Outage::ALL {
            Outage::set(Some(outage), &faults);
            assert_eq!(Outage::of(&faults), Some(outage));
        }
        Outage::set(None, &faults);
        assert_eq!(Outage::of(&faults), None);
    }
}
