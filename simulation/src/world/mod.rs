//! One world: a sandbox with the real function in it, its clocks, the secrets' documents, and what is broken now.

mod processes;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    time::{Duration, Instant},
};

use sandbox::{Faults, Logs, Options, Sandbox};

use crate::{
    Setting,
    clocks::{Clocks, Moment},
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

/// What is true of everything at one moment.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) clocks: Clocks,
    pub(crate) documents: Documents,
    /// The function's.
    pub(crate) timeout: Duration,
    /// Attempts of writes that have failed.
    pub(crate) failed_attempts: usize,
    noise: Noise,
    outage_of_dynamodb: Option<Trouble>,
    outage_of_secrets: Option<Trouble>,
    rubbish: BTreeSet<&'static str>,
    /// Since when no secret can be read.
    dark_since: Option<Moment>,
    /// When reading a secret may have failed last.
    disturbed: Option<Moment>,
    /// When each living process was first seen, and since when it surely has the secrets.
    seen: BTreeMap<u32, Moment>,
    pub(crate) warm: BTreeMap<u32, Moment>,
    /// Processes whose connections broke while they were frozen, and that have not made new ones for certain.
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
            function: setting.function.clone(),
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
            failed_attempts: 0,
            outage_of_dynamodb: None,
            outage_of_secrets: None,
            rubbish: BTreeSet::new(),
            dark_since: None,
            disturbed: None,
            seen: BTreeMap::new(),
            warm: BTreeMap::new(),
            cut_off: BTreeMap::new(),
            noise: setting.noise.clone(),
        };
        world.sandbox.secrets_faults().clear();
        let is_disturbed = !sequence.at_start.is_empty() || world.noise.since(began);
        if is_disturbed {
            world.disturbed = Some(world.clocks.now());
        }
        for pid in world.living() {
            world.seen.insert(pid, now);
            if !is_disturbed {
                world.warm.insert(pid, now);
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

    /// Whether secrets cannot be read now.
    pub(crate) fn is_dark(&self) -> bool {
        self.dark_since.is_some()
    }

    /// For how long they could not be.
    pub(crate) fn dark_for(&self) -> Option<Duration> {
        self.dark_since.map(|since| self.now().since(since))
    }

    /// Whether a failed attempt may keep a process from the next one.
    pub(crate) fn may_be_waiting(&self) -> bool {
        let waits = MIN_REFRESH + MARGIN;
        self.disturbed
            .is_some_and(|last| self.now().since(last) <= waits)
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

    /// Notes that reading secrets may have failed until now.
    pub(crate) fn disturb(&mut self) {
        self.disturbed = Some(self.now());
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
        self.rubbish.insert(id);
        self.darken();
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
            }
        }
    }

    /// Ends all outages and publishes the right documents.
    pub(crate) fn recover(&mut self) -> Result<(), Broken> {
        if self.is_dark() {
            self.disturb();
        }
        (self.outage_of_dynamodb, self.outage_of_secrets) = (None, None);
        self.dark_since = None;
        self.restore_faults();
        self.rubbish.clear();
        self.publish()
    }

    /// Takes back what was pushed and not met, and gives back how many that were, of DynamoDB and of Secrets Manager.
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

    /// Lets time pass at once, when nobody is at work: no request lasts for hours, and Lambda freezes none that is under way.
    pub(crate) async fn pass(&mut self, time: Duration) -> io::Result<()> {
        self.sandbox.at_rest().await;
        let living = self.living();
        self.clocks.pass(time, &living)
    }
}
