//! One world: a sandbox with the real function in it, its clocks, the secrets' documents, and what
//! is broken now.

mod processes;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    time::{Duration, Instant},
};

use sandbox::{Faults, Logs, Options, Sandbox};
use service_tests::clocks::{Clocks, Moment};

use crate::{
    Setting,
    documents::Documents,
    judge::{Known, MARGIN, MAX_STALE, MIN_REFRESH, RETENTION, TTL},
    noise::Noise,
    sequence::{Connections, Document, Rubbish, Sequence, Service},
    trouble::Trouble,
};

const API_KEYS: &str = "token-service/api-keys";
const SERVER_KEYS: &str = "token-service/server-keys";
/// More than any step needs: an instance for each request at once and for those that were given up.
const INSTANCES: usize = 10;
/// How long a killed process may take to be gone.
const GONE: Duration = Duration::from_secs(5);

/// The simulation itself failed: nothing is found about the function.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The sandbox.
    #[error(transparent)]
    Sandbox(#[from] sandbox::Error),
    /// The gateway did not answer.
    #[error(transparent)]
    Call(#[from] peers::partner::CallError),
    /// The clocks' files.
    #[error("a simulated clock cannot be set")]
    Clock(#[from] io::Error),
    /// The simulation's own fault.
    #[error("a sequence panicked")]
    Panicked(#[from] tokio::task::JoinError),
    /// A process that was killed is still there.
    #[error("a process that was killed is still there after {GONE:?}")]
    StillThere,
}

/// When a process got its first values of both secrets.
#[derive(Clone, Copy)]
pub(crate) struct FirstLoad {
    /// Not before.
    pub(crate) after: Moment,
    /// Not after.
    pub(crate) before: Moment,
}

/// What is true of everything at one moment.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) clocks: Clocks,
    pub(crate) documents: Documents,
    /// The function's.
    pub(crate) timeout: Duration,
    noise: Noise,
    outage_of_dynamodb: Option<Trouble>,
    outage_of_secrets: Option<Trouble>,
    /// The secrets whose last write was bad.
    rubbish: BTreeSet<&'static str>,
    /// Since when no secret can be refreshed.
    dark_since: Option<Moment>,
    /// Since when a process without a value cannot get one. After one bad write it can.
    black_since: Option<Moment>,
    /// When a refresh may have failed last.
    disturbed: Option<Moment>,
    /// When a process without a value may have failed to get one last.
    starved: Option<Moment>,
    /// When each living process was first seen, and when it got the secrets if it surely has them.
    seen: BTreeMap<u32, Moment>,
    pub(crate) warm: BTreeMap<u32, FirstLoad>,
    /// The function may be at work for a caller who gave up.
    pub(crate) still_at_work: bool,
    /// Until then DynamoDB may do what it was asked for earlier.
    late_until: Option<Instant>,
    /// Processes whose connections broke while they were frozen, and that have not made new ones
    /// for certain.
    pub(crate) cut_off: BTreeMap<u32, Connections>,
}

impl World {
    /// Starts it, and waits until the function polls.
    pub(crate) async fn start(sequence: &Sequence, setting: &Setting) -> Result<Self, Broken> {
        let began = Instant::now();
        let clocks = Clocks::new(setting.shim.clone())?;
        let (now, documents) = (clocks.now(), Documents::new(clocks.now()));
        let secrets_faults = Faults::default();
        for trouble in &sequence.at_start {
            secrets_faults.push(trouble.fault());
        }
        let seconds = |duration: Duration| duration.as_secs().to_string();
        let mut env: Vec<(String, String)> = clocks.environment().into();
        for (name, value) in [
            ("SECRETS_TTL_SECONDS", TTL),
            ("SECRETS_MIN_REFRESH_SECONDS", MIN_REFRESH),
            ("SECRETS_MAX_STALE_SECONDS", MAX_STALE),
            ("RECORD_RETENTION_SECONDS", RETENTION),
        ] {
            env.push((name.to_owned(), seconds(value)));
        }
        let mut options = Options {
            max_instances: INSTANCES,
            env,
            logs: Logs::Capture,
            api_keys: Some(documents.api_keys()),
            server_keys: Some(documents.server_keys()),
            timeout: sequence.timeout,
            lambda_clock: clocks.lambda(),
            secrets_faults,
            ..Options::default()
        };
        if let Some(tls) = &setting.tls {
            let bundle = tls.bundle().display().to_string();
            options.env.push(("AWS_CA_BUNDLE".to_owned(), bundle));
            options.dynamodb_tls = Some(tls.server().clone());
            options.secrets_tls = Some(tls.server().clone());
        }
        let sandbox = Sandbox::start(options).await?;
        let mut world = Self {
            sandbox,
            clocks,
            documents,
            timeout: sequence.timeout,
            outage_of_dynamodb: None,
            outage_of_secrets: None,
            rubbish: BTreeSet::new(),
            dark_since: None,
            black_since: None,
            disturbed: None,
            starved: None,
            seen: BTreeMap::new(),
            warm: BTreeMap::new(),
            still_at_work: false,
            late_until: None,
            cut_off: BTreeMap::new(),
            noise: setting.noise.clone(),
        };
        world.sandbox.secrets_faults().clear();
        let is_disturbed = !sequence.at_start.is_empty() || world.noise.since(began);
        if is_disturbed {
            world.disturb();
            world.starve();
        }
        for pid in world.living() {
            world.seen.insert(pid, now);
            if !is_disturbed {
                let load = FirstLoad {
                    after: now,
                    before: world.now(),
                };
                world.warm.insert(pid, load);
            }
        }
        Ok(world)
    }

    pub(crate) fn now(&self) -> Moment {
        self.clocks.now()
    }

    pub(crate) fn is_noisy_since(&self, then: Instant) -> bool {
        self.noise.since(then)
    }

    /// What DynamoDB's outage is.
    pub(crate) fn outage_of_dynamodb(&self) -> Option<Trouble> {
        self.outage_of_dynamodb
    }

    /// What Secrets Manager's is.
    pub(crate) fn outage_of_secrets(&self) -> Option<Trouble> {
        self.outage_of_secrets
    }

    /// Whether secrets cannot be refreshed now.
    pub(crate) fn is_dark(&self) -> bool {
        self.dark_since.is_some()
    }

    /// Whether a process without a value cannot get one now.
    pub(crate) fn is_black(&self) -> bool {
        self.black_since.is_some()
    }

    /// How old the values of these processes are at least; `None` if one of them may have read its
    /// values just now.
    pub(crate) fn least_age(&self, processes: &BTreeSet<u32>) -> Option<Duration> {
        let dark_since = self.dark_since?;
        let read_last = |pid: &u32| match self.warm.get(pid) {
            // A process that has ever had a value does not fall back on a previous version again.
            Some(load) => Some(load.before.max(dark_since)),
            None => self.black_since,
        };
        let read_last: Option<Vec<Moment>> = processes.iter().map(read_last).collect();
        let youngest = read_last?.into_iter().max()?;
        Some(self.now().since(youngest))
    }

    /// Whether a failed refresh may keep a process from the next one.
    pub(crate) fn may_be_waiting(&self) -> bool {
        self.was_lately(self.disturbed)
    }

    /// The same of a process without a value.
    pub(crate) fn may_be_starving(&self) -> bool {
        self.was_lately(self.starved)
    }

    fn was_lately(&self, last: Option<Moment>) -> bool {
        let waits = MIN_REFRESH + MARGIN;
        last.is_some_and(|last| self.now().since(last) <= waits)
    }

    /// Whether the service surely knows what was published at `changed`.
    pub(crate) fn knows(&self, changed: Moment) -> Known {
        match self.now().since(changed) > self.wait(changed) {
            true => Known::Surely,
            false => Known::Maybe,
        }
    }

    /// How long after a change it is surely known (protocol.md, Actors and keys).
    pub(crate) fn wait(&self, changed: Moment) -> Duration {
        let disturbed = self.disturbed.is_some_and(|last| last >= changed);
        MARGIN
            + if disturbed || self.is_dark() {
                MAX_STALE
            } else {
                TTL
            }
    }

    /// Notes that refreshes may have failed until now.
    pub(crate) fn disturb(&mut self) {
        self.disturbed = Some(self.now());
    }

    /// Notes that a process without a value may have got none until now.
    pub(crate) fn starve(&mut self) {
        self.starved = Some(self.now());
    }

    pub(crate) fn publish(&self) -> Result<(), Broken> {
        let documents = [
            (API_KEYS, self.documents.api_keys()),
            (SERVER_KEYS, self.documents.server_keys()),
        ];
        for (id, document) in documents {
            if !self.rubbish.contains(id) {
                self.sandbox.put_secret(id, &document.to_string())?;
            }
        }
        Ok(())
    }

    pub(crate) fn spoil(&mut self, document: Document, how: Rubbish) -> Result<(), Broken> {
        let (id, mut value) = match document {
            Document::ApiKeys => (API_KEYS, self.documents.api_keys()),
            Document::ServerKeys => (SERVER_KEYS, self.documents.server_keys()),
        };
        let rubbish = match how {
            Rubbish::NotJson => "rubbish".to_owned(),
            Rubbish::BreaksARule => {
                if let Some(members) = value.as_object_mut() {
                    members.insert("unknown".to_owned(), true.into());
                }
                value.to_string()
            }
        };
        self.sandbox.put_secret(id, &rubbish)?;
        self.darken();
        // A second bad write in a row makes the first one the previous version.
        if !self.rubbish.insert(id) {
            self.blacken();
        }
        Ok(())
    }

    pub(crate) fn break_down(&mut self, service: Service, how: Trouble) {
        match service {
            Service::DynamoDb => {
                self.outage_of_dynamodb = Some(how);
                self.sandbox.dynamodb_faults().set_always(Some(how.fault()));
            }
            Service::SecretsManager => {
                self.outage_of_secrets = Some(how);
                self.sandbox.secrets_faults().set_always(Some(how.fault()));
                self.darken();
                self.blacken();
            }
        }
    }

    /// Ends all outages and publishes the right documents.
    pub(crate) fn recover(&mut self) -> Result<(), Broken> {
        if self.is_dark() {
            self.disturb();
        }
        if self.is_black() {
            self.starve();
        }
        (self.outage_of_dynamodb, self.outage_of_secrets) = (None, None);
        (self.dark_since, self.black_since) = (None, None);
        self.restore_faults();
        self.rubbish.clear();
        self.publish()
    }

    /// Takes back what was pushed and not met, and gives back how many that were, of DynamoDB and
    /// of Secrets Manager.
    pub(crate) fn restore_faults(&self) -> (usize, usize) {
        let (dynamodb, secrets) = (
            self.sandbox.dynamodb_faults(),
            self.sandbox.secrets_faults(),
        );
        let unmet = (dynamodb.clear().len(), secrets.clear().len());
        dynamodb.set_always(self.outage_of_dynamodb.map(Trouble::fault));
        secrets.set_always(self.outage_of_secrets.map(Trouble::fault));
        unmet
    }

    fn darken(&mut self) {
        let now = self.now();
        self.dark_since.get_or_insert(now);
    }

    fn blacken(&mut self) {
        let now = self.now();
        self.black_since.get_or_insert(now);
    }

    /// Notes what DynamoDB's requests have met until now.
    pub(crate) fn late(&mut self, met: &[Trouble]) {
        let delays = met.iter().map(|trouble| trouble.delay());
        let latest = delays.max().unwrap_or_default();
        if !latest.is_zero() {
            self.late_until = self.late_until.max(Some(Instant::now() + latest));
        }
    }

    /// Lets time pass at once, when nobody is at work: no request lasts for hours, on its way to
    /// DynamoDB or back, and Lambda freezes none that is under way.
    pub(crate) async fn pass(&mut self, time: Duration) -> io::Result<()> {
        self.sandbox.at_rest().await;
        if let Some(until) = self.late_until.take() {
            tokio::time::sleep_until(until.into()).await;
        }
        self.still_at_work = false;
        let living = self.living();
        self.clocks.pass(time, &living)
    }
}
