//! The two secrets as operators write them: partners and rings, rotated step by step as the
//! protocol says.

mod list;

use std::time::Duration;

use peers::credentials::Credentials;
use serde_json::{Value, json};
use service_tests::clocks::Moment;

use crate::sequence::{Keys, Partner, Party, Rotating, Server};
use list::key;
pub use list::{List, Stage};

/// How long the tokens of a partner live.
pub fn lifetime(partner: Partner) -> Duration {
    Duration::from_secs(match partner {
        Partner::Acme => 5400,
        Partner::Globex => 300,
    })
}

/// The longest of them, which a token key is kept for after it left the front.
pub const LONGEST_LIFETIME: Duration = Duration::from_secs(5400);

/// How long the sessions of a partner last: as ever, and shortened. The first one's are such that a
/// token outlives its record where the session was shortened before it was renewed: the pair is
/// free while the token has not expired.
pub fn session_lifetimes(partner: Partner) -> [Duration; 2] {
    let (long, short) = match partner {
        Partner::Acme => (9000, 900),
        Partner::Globex => (3600, 450),
    };
    [long, short].map(Duration::from_secs)
}

/// The longest of them, which a record key is kept for, and the retention, after it left the front.
pub const LONGEST_SESSION: Duration = Duration::from_secs(9000);

/// Both documents.
#[derive(Clone, Debug)]
pub struct Documents {
    acme: PartnerEntry,
    globex: PartnerEntry,
    wallet: ServerEntry,
    cards: ServerEntry,
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
    /// Since when its sessions last how long, the newest last.
    sessions: Vec<(Moment, Duration)>,
}

#[derive(Clone, Debug)]
struct ServerEntry {
    server: Server,
    enabled: Switch,
    secret: List,
}

/// Whether a partner or a resource server is enabled, and since when.
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
        let enabled = Switch {
            on: true,
            changed: now,
        };
        let server = |server| ServerEntry {
            server,
            enabled,
            secret: List::new("secret", now),
        };
        let entry = |partner| PartnerEntry {
            partner,
            enabled,
            payload: List::new("payload", now),
            api: List::new("api-key", now),
            sdk_api: List::new("sdk-api-key", now),
            sessions: vec![(now, session_lifetimes(partner)[0])],
        };
        Self {
            acme: entry(Partner::Acme),
            globex: entry(Partner::Globex),
            wallet: server(Server::Wallet),
            cards: server(Server::Cards),
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
                "sessionTtlSeconds": entry.sessions.last().map(|(_, lasts)| lasts.as_secs()),
                "enabled": entry.enabled.on,
            })
        });
        let servers = [&self.wallet, &self.cards].map(|entry| {
            let id = entry.server.id();
            json!({
                "resourceServerId": id,
                "secretSha256": entry.secret.hashes(id),
                "enabled": entry.enabled.on,
            })
        });
        json!({ "partners": partners, "resourceServers": servers })
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
            Rotating::Secret(server) => &self.server(server).secret,
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
            Rotating::Secret(server) => &mut self.server_mut(server).secret,
            Rotating::Token => &mut self.token,
            Rotating::Record => &mut self.record,
        };
        list.advance(now);
    }

    /// Whether a partner or a resource server is enabled.
    pub fn switch(&self, party: Party) -> Switch {
        match party {
            Party::Partner(partner) => self.entry(partner).enabled,
            Party::Server(server) => self.server(server).enabled,
        }
    }

    /// Enables or disables one of them, if that changes anything.
    pub fn enable(&mut self, party: Party, on: bool, now: Moment) {
        let switch = match party {
            Party::Partner(partner) => &mut self.entry_mut(partner).enabled,
            Party::Server(server) => &mut self.server_mut(server).enabled,
        };
        if switch.on != on {
            *switch = Switch { on, changed: now };
        }
    }

    /// Shortens a partner's sessions, or gives them their first lifetime again.
    pub fn shorten(&mut self, partner: Partner, shortened: bool, now: Moment) {
        let [long, short] = session_lifetimes(partner);
        let lasts = if shortened { short } else { long };
        let sessions = &mut self.entry_mut(partner).sessions;
        if sessions.last().is_none_or(|(_, last)| *last != lasts) {
            sessions.push((now, lasts));
        }
    }

    /// How long a partner's sessions may last for a process that has seen each change that
    /// `is_known` says it has.
    pub fn session_ttls(
        &self,
        partner: Partner,
        is_known: impl Fn(Moment) -> bool,
    ) -> Vec<Duration> {
        let sessions = &self.entry(partner).sessions;
        let known = sessions.iter().rposition(|(since, _)| is_known(*since));
        let possible = sessions.iter().skip(known.unwrap_or_default());
        possible.map(|(_, lasts)| *lasts).collect()
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

    /// The secret of a resource server.
    pub fn secret(&self, server: Server, keys: Keys) -> String {
        let secret = &self.server(server).secret;
        match (keys, secret.choose(keys)) {
            (Keys::Safe | Keys::Other, Some(serial)) => secret.name_of(server.id(), serial),
            _ => "a secret that is nobodys".to_owned(),
        }
    }

    /// Since when the newest of a caller's keys is there, if one was not there from the beginning:
    /// until every process has refreshed since then, it may be unknown.
    pub fn new_since(&self, party: Party, keys: Keys) -> Option<Moment> {
        let lists = match party {
            Party::Partner(partner) => {
                let entry = self.entry(partner);
                vec![&entry.payload, &entry.api, &entry.sdk_api]
            }
            Party::Server(server) => vec![&self.server(server).secret],
        };
        let appended = lists
            .into_iter()
            .filter_map(|list| list.choose(keys)?.appended);
        appended.max()
    }

    /// Whether the token ring has the key of this name.
    pub fn has_token_key(&self, kid: &str) -> bool {
        let ring = self.token.ring("service");
        let keys = ring.get("keys").and_then(Value::as_array);
        let mut keys = keys.into_iter().flatten();
        keys.any(|key| key.get("kid").and_then(Value::as_str) == Some(kid))
    }

    fn entry(&self, partner: Partner) -> &PartnerEntry {
        match partner {
            Partner::Acme => &self.acme,
            Partner::Globex => &self.globex,
        }
    }

    fn server(&self, server: Server) -> &ServerEntry {
        match server {
            Server::Wallet => &self.wallet,
            Server::Cards => &self.cards,
        }
    }

    fn server_mut(&mut self, server: Server) -> &mut ServerEntry {
        match server {
            Server::Wallet => &mut self.wallet,
            Server::Cards => &mut self.cards,
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
            let new_since = documents.new_since(Party::Partner(Partner::Acme), keys);
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

    #[test]
    fn a_session_may_last_as_long_as_any_process_may_take_it_to() {
        let mut documents = Documents::new(NOW);
        let (later, partner) = (NOW.shifted(1), Partner::Globex);
        documents.shorten(partner, true, later);
        documents.shorten(partner, true, later.shifted(1));
        let [long, short] = session_lifetimes(partner);
        assert_eq!(documents.session_ttls(partner, |_| true), [short]);
        let since_the_first = documents.session_ttls(partner, |since| since == NOW);
        assert_eq!(since_the_first, [long, short]);
    }
}
