//! The steps of a counterexample, as lines.

use super::{Action, Answer, Issue, Payload, Stage, State, Written};
use crate::check::Narrated;

impl Narrated for Issue {
    fn narrate(&self, before: &State, action: &Action, after: &State) -> String {
        let stage = |jti: usize| {
            let request = after
                .requests
                .iter()
                .find(|request| request.draft.jti == jti);
            request.map(|request| request.stage)
        };
        match *action {
            Action::Call(payload) => {
                let says = match payload {
                    Payload::Same if before.calls == 0 => "comes",
                    Payload::Same => "comes and says the same",
                    Payload::Other => "comes and says something else",
                };
                format!("request {} {says}", before.calls)
            }
            Action::Write(jti) => match stage(jti) {
                Some(Stage::Written(Written::Taken(item))) => {
                    format!("request {jti} writes, and finds token {}", item.draft.jti)
                }
                _ => format!("request {jti} writes token {jti}"),
            },
            Action::Overtake(jti) => format!("request {jti}'s attempt is late; it tries again"),
            Action::LoseAnswer(jti) => {
                format!("the table's answer to request {jti} is lost; it tries again")
            }
            Action::WriteLate(jti) if before.item == after.item => {
                format!("a late attempt of request {jti} reaches the table, and changes nothing")
            }
            Action::WriteLate(jti) => {
                format!("a late attempt of request {jti} writes token {jti}")
            }
            Action::Answer(jti) => match after.answer {
                Some(Answer { kind, token, .. }) => {
                    let token =
                        token.map_or(String::new(), |token| format!(" token {}", token.jti));
                    format!("request {jti} is answered: {kind:?}{token}")
                }
                None => format!("request {jti} is answered"),
            },
            Action::Die(jti) => format!("request {jti} dies without an answer"),
            Action::Tick => format!("time goes on to {}", after.now),
            Action::Delete => "DynamoDB deletes the item".to_owned(),
            Action::Revoke => "the record is revoked".to_owned(),
            Action::EndFaults => "faults end".to_owned(),
        }
    }
}
