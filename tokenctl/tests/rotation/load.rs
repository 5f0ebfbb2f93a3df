//! A constant load: a partner that asks for new tokens and repeats old requests, and resource
//! servers that open what it gets, each with a copy of the token ring that is up to
//! SECRETS_TTL_SECONDS old, as the instances' are.

use std::{
    fs,
    path::Path,
    sync::{
        Arc, Mutex, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use peers::{
    answer::Answer,
    credentials::Credentials,
    jwe::seal,
    partner::{call, token_request},
    resource_server::open_token,
};
use sandbox::Sandbox;
use serde_json::Value;
use service_tests::{Plain, reference, secrets_manager};

/// Two requests at a time for each worker's start; fewer than the sandbox has instances for.
const WORKERS: usize = 3;
/// Near a token's end, and its record's, it is not known which of two answers is right.
const UNSURE: i64 = 3_000;

/// What was issued, to be repeated.
#[derive(Clone)]
struct Issue {
    reference: String,
    token: String,
    expires_at: i64,
}

/// What came of the load.
#[derive(Default)]
pub(crate) struct Figures {
    pub(crate) issued: AtomicU64,
    pub(crate) replayed: AtomicU64,
    /// Repeats after the token's end: the service still knew the record.
    pub(crate) expired: AtomicU64,
    /// Tokens opened, by two resource servers each.
    pub(crate) opened: AtomicU64,
    /// What must not be, in words.
    pub(crate) refused: Mutex<Vec<String>>,
}

/// A load that goes on until it is told to stop.
pub(crate) struct Load {
    shared: Arc<Shared>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

struct Shared {
    url: String,
    credentials: RwLock<Credentials>,
    rings: Vec<RwLock<Value>>,
    issues: Mutex<Vec<Issue>>,
    /// How long after its end a record is kept, for repeats; `None` repeats only what is still
    /// active.
    retention: Option<i64>,
    figures: Figures,
    stopped: AtomicBool,
}

impl Load {
    /// Starts one as `credentials`. Its workers begin some time apart, so that the instances'
    /// caches differ in age.
    pub(crate) async fn start(
        sandbox: &Sandbox,
        credentials: Credentials,
        ttl: Duration,
        retention: Option<i64>,
    ) -> Self {
        let client = secrets_manager(sandbox);
        let ring = ring(&client).await;
        let shared = Arc::new(Shared {
            url: sandbox.url().to_owned(),
            credentials: RwLock::new(credentials),
            rings: vec![RwLock::new(ring.clone()), RwLock::new(ring)],
            issues: Mutex::default(),
            retention,
            figures: Figures::default(),
            stopped: AtomicBool::new(false),
        });
        let mut tasks = Vec::new();
        for server in 0..shared.rings.len() {
            let (shared, client) = (shared.clone(), client.clone());
            tasks.push(tokio::spawn(async move {
                tokio::time::sleep(ttl.mul_f64(0.4 * server as f64)).await;
                while !shared.is_stopped() {
                    *shared.rings[server].write().unwrap() = self::ring(&client).await;
                    tokio::time::sleep(ttl).await;
                }
            }));
        }
        for worker in 0..WORKERS {
            let shared = shared.clone();
            tasks.push(tokio::spawn(async move {
                tokio::time::sleep(ttl.mul_f64(0.3 * worker as f64)).await;
                let mut turn = worker;
                while !shared.is_stopped() {
                    turn += 1;
                    shared.ask(turn).await;
                    // A constant load, not the greatest: what is tested is an order of events.
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }));
        }
        Self { shared, tasks }
    }

    /// The partner takes over what stands in the file that it got.
    pub(crate) fn apply(&self, file: &Path) {
        let update: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        let mut credentials = self.shared.credentials.write().unwrap();
        let mut merged = credentials.to_json();
        for (name, value) in update.as_object().unwrap() {
            merged[name] = value.clone();
        }
        *credentials = Credentials::parse(merged.to_string().as_bytes()).unwrap();
    }

    /// Forgets what was issued so far: it is not repeated any more.
    pub(crate) fn forget(&self) {
        self.shared.issues.lock().unwrap().clear();
    }

    pub(crate) fn refusals(&self) -> usize {
        self.shared.figures.refused.lock().unwrap().len()
    }

    /// Ends it; what came of it.
    pub(crate) async fn stop(self) -> Figures {
        self.shared.stopped.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
        Arc::into_inner(self.shared).unwrap().figures
    }
}

impl Shared {
    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    async fn ask(&self, turn: usize) {
        let old = match turn % 3 {
            0 => self.any_issue(turn),
            _ => None,
        };
        let credentials = self.credentials.read().unwrap().clone();
        let reference = old
            .as_ref()
            .map_or_else(reference, |old| old.reference.clone());
        let plain = Plain::of(&reference)
            .text("sdkApiKey", &credentials.sdk_api_key)
            .json();
        let key = &credentials.payload_keys[0];
        // Some partners name their key, some do not.
        let body = seal(
            plain.as_bytes(),
            &key.k,
            turn.is_multiple_of(2).then_some(&key.kid),
        );
        let request = token_request(&credentials, body).unwrap();
        let answer = match call(&self.url, request).await {
            Ok(response) => Answer::read(response, &[credentials]),
            Err(error) => return self.refuse(format!("{reference}: {error}")),
        };
        match answer {
            Ok(answer) => self.judge(&reference, old, &answer),
            Err(error) => self.refuse(format!("{reference}: {error}")),
        }
    }

    fn any_issue(&self, turn: usize) -> Option<Issue> {
        let mut issues = self.issues.lock().unwrap();
        let until = now() + UNSURE;
        let kept = |issue: &Issue| issue.expires_at + self.retention.unwrap_or(0) > until;
        issues.retain(kept);
        let sure = |issue: &&Issue| (issue.expires_at - now()).abs() > UNSURE;
        let sure: Vec<&Issue> = issues.iter().filter(sure).collect();
        // The oldest, the newest, and all between them, in turn.
        sure.get(turn.wrapping_mul(7919) % sure.len().max(1))
            .map(|issue| (*issue).clone())
    }

    fn judge(&self, reference: &str, old: Option<Issue>, answer: &Answer) {
        let status = answer.status.as_u16();
        let said = || format!("{reference}: {status} {}", answer.members);
        match old {
            Some(old) if old.expires_at < now() => match status {
                409 if answer.members["errors"][0]["reason"] == "expired" => {
                    self.count(&self.figures.expired)
                }
                _ => self.refuse(said()),
            },
            Some(old) => match (status, answer.text("token")) {
                (200, Some(token)) if token == old.token => {
                    self.count(&self.figures.replayed);
                    self.open(reference, token);
                }
                _ => self.refuse(said()),
            },
            None => match (status, answer.text("token")) {
                (200, Some(token)) => {
                    self.count(&self.figures.issued);
                    self.open(reference, token);
                    self.issues.lock().unwrap().push(Issue {
                        reference: reference.to_owned(),
                        token: token.to_owned(),
                        expires_at: answer.members["expireAt"].as_i64().unwrap(),
                    });
                }
                _ => self.refuse(said()),
            },
        }
    }

    /// As each resource server would, with the ring that it has just now.
    fn open(&self, reference: &str, token: &str) {
        for ring in &self.rings {
            match open_token(token, &ring.read().unwrap()) {
                Ok(claims) if claims["ref"] == reference => self.count(&self.figures.opened),
                Ok(_) => self.refuse(format!("{reference}: the token is another's")),
                Err(error) => self.refuse(format!(
                    "{reference}: a resource server cannot open the token: {error}"
                )),
            }
        }
    }

    fn count(&self, figure: &AtomicU64) {
        figure.fetch_add(1, Ordering::Relaxed);
    }

    fn refuse(&self, why: String) {
        self.figures.refused.lock().unwrap().push(why);
    }
}

/// The server-keys document, of which a resource server uses the token ring.
async fn ring(client: &aws_sdk_secretsmanager::Client) -> Value {
    let value = client
        .get_secret_value()
        .secret_id("token-service/server-keys")
        .send()
        .await
        .unwrap();
    serde_json::from_str(value.secret_string().unwrap()).unwrap()
}

/// Milliseconds since the epoch.
fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis() as i64
}
