//! A request before it is encrypted, as text: what `serde_json` would tidy up (repeated members,
//! `1e3`, escapes) must reach the service as it stands.

use std::{
    process,
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use peers::sdk::KeyPair;

/// The members of a request, in order, each with its JSON text.
#[derive(Clone, Debug)]
pub struct Plain(Vec<(String, String)>);

/// A `referenceId` that no other request of this run has.
pub fn reference() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("test-{}-{next}", process::id())
}

/// The SDK whose public key the requests send.
pub fn sdk() -> &'static KeyPair {
    static SDK: LazyLock<KeyPair> = LazyLock::new(KeyPair::generate);
    &SDK
}

impl Plain {
    /// The required members, valid, with a fresh `referenceId`.
    pub fn new() -> Self {
        Self::of(&reference())
    }

    /// The required members, valid, with this `referenceId`.
    pub fn of(reference: &str) -> Self {
        Self(Vec::new())
            .text("referenceId", reference)
            .text("sdkPublicKey", &sdk().public_key())
            .text("sdkApiKey", "ABCDEFGH")
            .text("accountNumber", "123123123")
    }

    /// The seed's token request sample, with a UUID as its `referenceId`.
    pub fn seed() -> Self {
        Self::of("f3b0c442-98fc-4c14-9afb-4c8996fb9242")
            .text("name", "David beckham")
            .text("email", "OperationalSupport@wibmo.com")
            .with("accountNumber", "123123123")
            .with("isdCode", "91")
            .with("mobileNumber", "9642308308")
            .with("dob", "19910807")
            .with("data", r#"{"key1":"value1","key2":"value2"}"#)
    }

    /// With a member of this JSON text, in the place of one of the same name. Empty text leaves the
    /// member out.
    pub fn with(mut self, name: &str, json: &str) -> Self {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            _ if json.is_empty() => self.0.retain(|(known, _)| known != name),
            Some((_, known)) => *known = json.to_owned(),
            None => self.0.push((name.to_owned(), json.to_owned())),
        }
        self
    }

    /// With a member that is a string.
    pub fn text(self, name: &str, value: &str) -> Self {
        self.with(name, &serde_json::Value::from(value).to_string())
    }

    /// Without a member.
    pub fn without(self, name: &str) -> Self {
        self.with(name, "")
    }

    /// With the members in the opposite order.
    pub fn reversed(mut self) -> Self {
        self.0.reverse();
        self
    }

    /// The `referenceId`, if it is there and a string.
    pub fn reference(&self) -> String {
        let json = self.0.iter().find(|(name, _)| name == "referenceId");
        json.and_then(|(_, json)| serde_json::from_str(json).ok())
            .unwrap_or_default()
    }

    /// The JSON text.
    pub fn json(&self) -> String {
        let members: Vec<String> = self
            .0
            .iter()
            .map(|(name, json)| format!("\"{name}\":{json}"))
            .collect();
        format!("{{{}}}", members.join(","))
    }
}

impl Default for Plain {
    fn default() -> Self {
        Self::new()
    }
}
