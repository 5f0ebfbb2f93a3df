//! The steps of a counterexample, as lines.

use stateright::Model;

use super::{Action, Asks, Id, Payload, Session, Stage, State, Token};
use crate::check::Narrated;

impl Narrated for Session {
    fn narrate(&self, before: &State, action: &Action, after: &State) -> String {
        let makes = |id: Id| match before.request(id).map(|request| request.asks) {
            Some(Asks::Invalidate { .. }) => "that the session has ended".to_owned(),
            _ => format!("token {id}"),
        };
        match *action {
            Action::Call(asks) => {
                format!("request {} {}", before.calls.all(), says(asks, before))
            }
            Action::Write(id) => match after.request(id).map(|request| request.stage) {
                Some(Stage::Found(Some(item))) => {
                    format!("request {id} writes, and finds token {}", item.token.jti)
                }
                Some(Stage::Found(None)) => format!("request {id} writes, and finds nothing"),
                _ => format!("request {id} writes {}", makes(id)),
            },
            Action::Overtake(id) => format!("request {id}'s attempt is late; it tries again"),
            Action::LoseAnswer(id) => {
                format!("the table's answer to request {id} is lost; it tries again")
            }
            Action::WriteLate(id) => format!("a late attempt of request {id} writes {}", makes(id)),
            Action::Answer(id) => self.answered(before, id),
            Action::Die(id) => format!("request {id} dies without an answer"),
            Action::Tick => format!("time goes on to {}", after.now),
            Action::Delete => "DynamoDB deletes the item".to_owned(),
            Action::Shorten => "the operator shortens the lifetime of tokens".to_owned(),
            Action::Replicate => "the replica catches up".to_owned(),
            Action::EndFaults => "faults end".to_owned(),
        }
    }

    /// The answer that violates the property, if one does.
    fn conclude(&self, last: &State, property: &'static str) -> Option<String> {
        let properties = self.properties();
        let violated = properties.iter().find(|other| other.name == property)?;
        let with = |requests| State {
            requests,
            ..last.clone()
        };
        let holds = |state: State| (violated.condition)(self, &state);
        let mut waiting = last
            .requests
            .iter()
            .filter(|request| self.may_answer(request));
        let answered = waiting.find(|request| !holds(with(vec![**request])))?;
        holds(with(Vec::new())).then(|| self.answered(last, answered.id))
    }
}

impl Session {
    fn answered(&self, before: &State, id: Id) -> String {
        let answer = before
            .request(id)
            .map(|request| self.answer(request, before.now));
        let told = answer.map_or(String::new(), |answer| {
            let token = |token: Token| format!(" token {}", token.jti);
            format!(
                ": {:?}{}",
                answer.kind,
                answer.token.map_or(String::new(), token)
            )
        });
        format!("request {id} is answered{told}")
    }
}

fn says(asks: Asks, before: &State) -> String {
    match asks {
        Asks::Issue(Payload::Same) if before.calls.all() == 0 => "asks for a token".to_owned(),
        Asks::Issue(Payload::Same) => "asks for a token, and says the same".to_owned(),
        Asks::Issue(Payload::Other) => "asks for a token, and says something else".to_owned(),
        Asks::Renew(token) => format!("presents token {} to be renewed", token.jti),
        Asks::Invalidate { .. } => "invalidates the session".to_owned(),
        Asks::Introspect(token) => match before.item {
            Some(item) => format!(
                "introspects token {}, and reads the record of token {}",
                token.jti, item.token.jti
            ),
            None => format!("introspects token {}, and reads no record", token.jti),
        },
    }
}
