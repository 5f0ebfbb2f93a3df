//! The apps: their SDKs' key pairs, and the tokens that each of them holds.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use peers::{
    answer::Answer,
    resource_server,
    sdk::{KeyError, KeyPair},
};
use serde_json::Value;
use service_tests::clocks::Moment;

use crate::{
    call::{Answered, Asked, Outcome},
    sequence::{APPS, PairId, Request},
};

/// An SDK. What it works out on its curve is kept: that takes longer than all else that a caller
/// does, and a replay has the same again.
pub struct Sdk {
    pair: KeyPair,
    public_key: String,
    session_keys: Mutex<HashMap<String, [u8; 32]>>,
}

/// So many session keys are kept.
const KEPT: usize = 1000;

/// Two are enough to be told apart.
static ONE_SDK: LazyLock<Sdk> = LazyLock::new(Sdk::new);
static ANOTHER_SDK: LazyLock<Sdk> = LazyLock::new(Sdk::new);

impl Sdk {
    fn new() -> Self {
        let pair = KeyPair::generate();
        let public_key = pair.public_key();
        Self {
            pair,
            public_key,
            session_keys: Mutex::default(),
        }
    }

    /// What it sends.
    pub fn public_key(&self) -> &str {
        &self.public_key
    }

    /// The session key that it agrees on.
    ///
    /// # Errors
    /// The service's key is none.
    pub fn session_key(&self, server_pub_key: &str) -> Result<[u8; 32], KeyError> {
        let kept = || {
            self.session_keys
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if let Some(key) = kept().get(server_pub_key) {
            return Ok(*key);
        }
        let key = self.pair.session_key(server_pub_key)?;
        let mut kept = kept();
        if kept.len() == KEPT {
            kept.clear();
        }
        kept.insert(server_pub_key.to_owned(), key);
        Ok(key)
    }
}

/// The SDK of a customer.
pub fn sdk(customer: u8) -> &'static Sdk {
    match customer {
        2 => &ANOTHER_SDK,
        _ => &ONE_SDK,
    }
}

/// The account of a customer.
pub fn account(customer: u8) -> String {
    format!("0012300{}", customer % 2)
}

/// A token in the hands of an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The token.
    pub token: String,
    /// What it says, which its app cannot read.
    pub claims: Value,
    /// Its session's key, as the app derived it.
    pub session_key: [u8; 32],
}

impl Held {
    /// Its `sub`, which its app knows.
    pub fn account(&self) -> String {
        self.text("sub").to_owned()
    }

    /// Its `jti`.
    pub fn jti(&self) -> &str {
        self.text("jti")
    }

    /// When its session began, in seconds since the epoch.
    pub fn auth_time(&self) -> i64 {
        self.number("auth_time")
    }

    /// When it ends.
    pub fn exp(&self) -> Moment {
        Moment::of_millis(self.number("exp").saturating_mul(1000))
    }

    /// The name of the token key that sealed it.
    pub fn kid(&self) -> Option<String> {
        let header = peers::jwe::header(&self.token).ok()?;
        header.get("kid")?.as_str().map(str::to_owned)
    }

    fn text(&self, name: &str) -> &str {
        let text = self.claims.get(name).and_then(Value::as_str);
        text.unwrap_or_default()
    }

    fn number(&self, name: &str) -> i64 {
        let number = self.claims.get(name).and_then(Value::as_i64);
        number.unwrap_or_default()
    }
}

/// What every app holds.
#[derive(Debug, Default)]
pub struct Apps {
    held: BTreeMap<(PairId, u8), Arc<Held>>,
}

impl Apps {
    /// A request with the token that its app holds; `None` if it has none to present.
    pub fn asked(&self, request: Request) -> Option<Asked> {
        let held = match request.presents() {
            None => None,
            Some((app, _)) => Some(self.held.get(&(request.pair(), app))?.clone()),
        };
        Some(Asked { request, held })
    }

    /// One app takes the token that another holds.
    pub fn copy(&mut self, pair: PairId, [from, to]: [u8; 2]) {
        if let Some(held) = self.held.get(&(pair, from)).cloned() {
            self.held.insert((pair, to), held);
        }
    }

    /// The pairs and apps that hold a token.
    pub fn holders(&self) -> Vec<(PairId, u8)> {
        self.held.keys().copied().collect()
    }

    /// Gives the token of an answer that was judged to whom it is for: a Get Token's to the first
    /// app and to those that have none, a renewal's to the app that renewed.
    pub fn hand_over(&mut self, answered: &Answered, server_keys: &Value) {
        let Outcome::Answer(answer) = &answered.outcome else {
            return;
        };
        let Some(token) = answer.text("token") else {
            return;
        };
        let Ok(claims) = resource_server::open_token(token, server_keys) else {
            return;
        };
        let request = answered.asked.request;
        let Some(session_key) = session_key(&answered.asked, answer) else {
            return;
        };
        let held = Arc::new(Held {
            token: token.to_owned(),
            claims,
            session_key,
        });
        let pair = request.pair();
        for app in 0..APPS {
            let is_its = match request.presents() {
                Some((presents, _)) => presents == app,
                None => app == 0 || !self.held.contains_key(&(pair, app)),
            };
            if is_its {
                self.held.insert((pair, app), held.clone());
            }
        }
    }
}

fn session_key(asked: &Asked, answer: &Answer) -> Option<[u8; 32]> {
    match (&asked.request, &asked.held) {
        (Request::Issue(ask), _) => sdk(ask.customer)
            .session_key(answer.text("serverPubKey")?)
            .ok(),
        (_, held) => Some(held.as_ref()?.session_key),
    }
}
