//! The two secrets as operators write them: partners and rings, rotated step by step as the
//! protocol says.

mod list;

use std::time::Duration;

use peers::credentials::Credentials;
use serde_json::{Value, json};
use service_tests::clocks::Moment;

use crate::sequence::{Keys, Partner, Rotating};
use list::key;
pub use list::{List, Stage};

/// How long the tokens of a partner live.
pub fn lifetime(partner: Partner) -> Duration {
    Duration::from_secs(match partner {
        Partner::Acme => 1800,
        Partner::Globex => 300,
    })
}

/// The longest of them, which a token key is kept for after it left the front.
pub const LONGEST_LIFETIME: Duration = Duration::from_secs(1800);

/// Both documents.
#[derive(Clone, Debug)]
pub struct Documents {
    acme: PartnerEntry,
    globex: PartnerEntry,
    token: List,
    record: List,
}

#[derive(Clone, Debug)]
struct PartnerEntry {
    partner: Partner,
    enabled: Switch,
    payload: List,
    api: List,
    sdk_api: List,
}

/// Whether a partner is enabled, and since when.
#[derive(Clone, Copy, Debug)]
pub struct Switch {
    /// Whether it is.
    pub on: bool,
    /// Since when.
    pub changed: Moment,
}

impl Documents {
    /// One key in each list.
    pub fn new(now: Moment) -> Self {
        let entry = |partner| PartnerEntry {
            partner,
            enabled: Switch {
                on: true,
                changed: now,
            },
            payload: List::new("payload", now),
            api: List::new("api-key", now),
            sdk_api: List::new("sdk-api-key", now),
        };
        Self {
            acme: entry(Partner::Acme),
            globex: entry(Partner::Globex),
            token: List::new("token", now),
            record: List::new("record", now),
        }
    }

    /// The value of `token-service/api-keys`.
    pub fn api_keys(&self) -> Value {
        let partners = [&self.acme, &self.globex].map(|entry| {
            let id = entry.partner.id();
            json!({
                "partnerId": id,
                "programId": program_id(entry.partner),
                "apiKeySha256": entry.api.hashes(id),
                "sdkApiKeySha256": entry.sdk_api.hashes(id),
                "payloadKeys": entry.payload.ring(id),
                "tokenTtlSeconds": lifetime(entry.partner).as_secs(),
                "enabled": entry.enabled.on,
            })
        });
        json!({ "partners": partners })
    }

    /// The value of `token-service/server-keys`.
    pub fn server_keys(&self) -> Value {
        json!({ "token": self.token.ring("service"), "record": self.record.ring("service") })
    }

    /// The list that is rotated.
    pub fn list(&self, rotating: Rotating) -> &List {
        match rotating {
            Rotating::Payload(partner) => &self.entry(partner).payload,
            Rotating::Api(partner) => &self.entry(partner).api,
            Rotating::SdkApi(partner) => &self.entry(partner).sdk_api,
            Rotating::Token => &self.token,
            Rotating::Record => &self.record,
        }
    }

    /// Makes the next step of a rotation.
    pub fn rotate(&mut self, rotating: Rotating, now: Moment) {
        let list = match rotating {
            Rotating::Payload(partner) => &mut self.entry_mut(partner).payload,
            Rotating::Api(partner) => &mut self.entry_mut(partner).api,
            Rotating::SdkApi(partner) => &mut self.entry_mut(partner).sdk_api,
            Rotating::Token => &mut self.token,
            Rotating::Record => &mut self.record,
        };
        list.advance(now);
    }

    /// Whether a partner is enabled.
    pub fn switch(&self, partner: Partner) -> Switch {
        self.entry(partner).enabled
    }

    /// Enables or disables a partner, if that changes anything.
    pub fn enable(&mut self, partner: Partner, on: bool, now: Moment) {
        let switch = &mut self.entry_mut(partner).enabled;
        if switch.on != on {
            *switch = Switch { on, changed: now };
        }
    }

    /// What a partner's request is made with: one payload key, the one that it is sealed with.
    pub fn credentials(&self, partner: Partner, keys: Keys) -> Credentials {
        let (entry, id) = (self.entry(partner), partner.id());
        let chosen = |list: &List| {
            let serial = list.choose(keys);
            serial
                .map(|serial| list.name_of(id, serial))
                .unwrap_or_default()
        };
        let api_key = match keys {
            Keys::Unknown => "an API key that is nobody's".to_owned(),
            Keys::Safe | Keys::Other => chosen(&entry.api),
        };
        Credentials {
            partner_id: id.to_owned(),
            api_key,
            sdk_api_key: chosen(&entry.sdk_api),
            payload_keys: vec![key(&chosen(&entry.payload))],
            url: None,
        }
    }

    /// Since when the newest of them is there, if one was not there from the beginning: until every
    /// process has refreshed since then, it may be unknown.
    pub fn new_since(&self, partner: Partner, keys: Keys) -> Option<Moment> {
        let entry = self.entry(partner);
        let lists = [&entry.payload, &entry.api, &entry.sdk_api].into_iter();
        lists.filter_map(|list| list.choose(keys)?.appended).max()
    }

    fn entry(&self, partner: Partner) -> &PartnerEntry {
        match partner {
            Partner::Acme => &self.acme,
            Partner::Globex => &self.globex,
        }
    }

    fn entry_mut(&mut self, partner: Partner) -> &mut PartnerEntry {
        match partner {
            Partner::Acme => &mut self.acme,
            Partner::Globex => &mut self.globex,
        }
    }
}

/// A partner's `programId`.
pub fn program_id(partner: Partner) -> u32 {
    match partner {
        Partner::Acme => 2001,
        Partner::Globex => 2002,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment::of_millis(0);

    #[test]
    fn a_rotation_appends_brings_to_the_front_and_removes() {
        let mut documents = Documents::new(NOW);
        let mut seen = Vec::new();
        for _ in 0..4 {
            let ring = documents.server_keys();
            let keys = ring["token"]["keys"].as_array().unwrap();
            let kids: Vec<&str> = keys
                .iter()
                .map(|key| key["kid"].as_str().unwrap())
                .collect();
            seen.push(kids.join(" "));
            documents.rotate(Rotating::Token, NOW);
        }
        assert_eq!(
            seen,
            [
                "service-token-1",
                "service-token-1 service-token-2",
                "service-token-2 service-token-1",
                "service-token-2"
            ]
        );
    }

    #[test]
    fn a_key_is_new_since_it_was_appended() {
        let mut documents = Documents::new(NOW);
        let rotating = Rotating::Payload(Partner::Acme);
        let later = NOW.shifted(1);
        let chosen = |documents: &Documents, keys| {
            let credentials = documents.credentials(Partner::Acme, keys);
            let new_since = documents.new_since(Partner::Acme, keys);
            (credentials.payload_keys[0].kid.clone(), new_since)
        };
        let (old, new) = (
            ("acme-payload-1".to_owned(), None),
            ("acme-payload-2".to_owned(), Some(NOW)),
        );
        documents.rotate(rotating, NOW);
        assert_eq!(chosen(&documents, Keys::Safe), old);
        assert_eq!(chosen(&documents, Keys::Other), new);
        documents.rotate(rotating, later);
        assert_eq!(chosen(&documents, Keys::Safe), new);
        assert_eq!(chosen(&documents, Keys::Other), old);
        documents.rotate(rotating, later);
        assert_eq!(chosen(&documents, Keys::Other), new);
    }
}
