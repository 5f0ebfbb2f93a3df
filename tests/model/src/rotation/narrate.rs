//! The steps of a counterexample, as lines.

use super::{Action, Role, Rotation, State, ring_at};
use crate::check::Narrated;

impl Narrated for Rotation {
    fn narrate(&self, before: &State, action: &Action, after: &State) -> String {
        let name = |at: usize| match before.holders.get(at).map(|holder| holder.role) {
            Some(Role::ResourceServer) => "the resource server".to_owned(),
            _ => format!("instance {at}"),
        };
        let ring = |step: usize| format!("{:?}", ring_at(step));
        let request = |state: &State, at: usize| state.holders.get(at).and_then(|h| h.request);
        match *action {
            Action::Refresh(at) => format!("{} refreshes to {}", name(at), ring(after.step)),
            Action::Start(at) => format!("instance {at} starts, and never had a copy"),
            Action::FallBack(at) => {
                let previous = before.previous.map_or(String::new(), ring);
                format!("{} falls back on {previous}", name(at))
            }
            Action::Begin(at) => {
                let held = request(after, at).map_or(String::new(), |copy| ring(copy.step));
                format!("{} begins a request with {held}", name(at))
            }
            Action::Seal(at) => {
                let key = request(before, at).and_then(|copy| self.sealer(copy));
                let key = key.map_or(String::new(), |key| key.to_string());
                format!("{} seals with key {key}", name(at))
            }
            Action::Renew(at, record) => {
                let key = request(before, at).and_then(|copy| self.sealer(copy));
                let key = key.map_or(String::new(), |key| key.to_string());
                format!(
                    "{} renews a session whose record began with key {record}, and seals with key {key}",
                    name(at)
                )
            }
            Action::End(at) => format!("{}'s request ends", name(at)),
            Action::Tick => "a tick".to_owned(),
            Action::Step => format!("the operator makes the ring {}", ring(after.step)),
            Action::Spoil => "somebody writes a document that is refused".to_owned(),
            Action::Mend => format!("the operator writes {} again", ring(after.step)),
        }
    }
}
