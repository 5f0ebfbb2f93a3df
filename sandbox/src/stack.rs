//! The whole stack: starts the parts in order, knows their addresses, ends them together.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use dynoxide::Database;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    Error, Faults, InvokeError, Options, Tls,
    data_dir::DataDir,
    development,
    dynamodb::{self, DynamoDb},
    front,
    function::{Blueprint, Function, Invocation, Output, REGION, Surroundings, environment},
    gateway::{self, Gateway},
    journal::Journal,
    listen::listen,
    secrets_manager::{self, SecretsManager},
    tasks::Tasks,
    web::WebPage,
};

/// How long [`Sandbox::stop`] waits for what should have ended at once.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// A running stack. Dropping it ends everything, the function's processes included.
pub struct Sandbox {
    url: String,
    dynamodb_url: String,
    secrets_manager_url: String,
    dynamodb_faults: Faults,
    secrets_faults: Faults,
    database: Database,
    secrets: Arc<SecretsManager>,
    function: Arc<Function>,
    /// Before the lock of the data directory: what is dropped first ends first.
    tasks: EndOnDrop,
    _data_dir: Option<DataDir>,
}

impl Sandbox {
    /// Starts the stack and waits until the function's first instance polls for requests.
    ///
    /// # Errors
    /// A wrong configuration of the function (with the function's own words), a taken port, an
    /// unusable data directory: see [`Error`].
    pub async fn start(options: Options) -> Result<Self, Error> {
        if !options.function.is_file() {
            return Err(Error::FunctionMissing(options.function));
        }
        let tasks = EndOnDrop(Tasks::default());
        // First, as a taken port is the likeliest failure; connections wait until the rest is
        // there.
        let above = |steps| Some(options.port?.saturating_add(steps));
        let (gateway, gateway_address) = listen(options.port).await?;
        let (dynamodb_front, dynamodb) = listen(above(1)).await?;
        let (secrets_front, secrets_manager) = listen(above(2)).await?;
        let data_dir = options.data_dir.as_deref().map(DataDir::take).transpose()?;
        let path = data_dir.as_ref().map(DataDir::path);

        let database = dynamodb::open(path)?;
        let service = Arc::new(DynamoDb::start(&tasks.0, database.clone()).await?);
        front::open(
            &tasks.0,
            dynamodb_front,
            service,
            options.dynamodb_faults.clone(),
            options.dynamodb_tls.clone(),
        );

        let secrets = Arc::new(SecretsManager::open(path)?);
        create_secrets(&secrets, &options)?;
        front::open(
            &tasks.0,
            secrets_front,
            secrets.clone(),
            options.secrets_faults.clone(),
            options.secrets_tls.clone(),
        );

        let surroundings = Surroundings {
            dynamodb: endpoint(dynamodb, options.dynamodb_tls.as_ref()),
            secrets_manager: endpoint(secrets_manager, options.secrets_tls.as_ref()),
        };
        let journal = match options.web_page {
            true => Journal::kept(),
            false => Journal::default(),
        };
        let output = Output::new(options.logs, journal.clone());
        let blueprint = Blueprint::new(
            options.function,
            environment(&surroundings, &options.env),
            output.clone(),
            options.lambda_clock,
            tasks.0.clone(),
        );
        let function = Function::start(blueprint, options.timeout, options.max_instances).await?;
        let web_page = options.web_page.then(|| WebPage {
            journal: journal.clone(),
            function: function.clone(),
            database: database.clone(),
            dynamodb_faults: options.dynamodb_faults.clone(),
            secrets_faults: options.secrets_faults.clone(),
        });
        gateway::open(
            &tasks.0,
            gateway,
            Gateway::new(function.clone(), output, journal, web_page),
        );
        Ok(Self {
            url: format!("http://{gateway_address}"),
            dynamodb_url: surroundings.dynamodb,
            secrets_manager_url: surroundings.secrets_manager,
            dynamodb_faults: options.dynamodb_faults,
            secrets_faults: options.secrets_faults,
            database,
            secrets,
            function,
            tasks,
            _data_dir: data_dir,
        })
    }

    /// The gateway, `http://127.0.0.1:PORT`. Any method and path is routed to the function; there
    /// is no stage in it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// DynamoDB's endpoint.
    pub fn dynamodb_url(&self) -> &str {
        &self.dynamodb_url
    }

    /// Secrets Manager's endpoint.
    pub fn secrets_manager_url(&self) -> &str {
        &self.secrets_manager_url
    }

    /// The table's name.
    pub fn table(&self) -> &str {
        dynamodb::TABLE
    }

    /// The variables by which an operator's tools, AWS's own CLI among them, find this deployment.
    pub fn operator_environment(&self) -> [(&'static str, String); 8] {
        [
            ("AWS_REGION", REGION.to_owned()),
            (
                "AWS_ENDPOINT_URL_SECRETS_MANAGER",
                self.secrets_manager_url.clone(),
            ),
            ("AWS_ENDPOINT_URL_DYNAMODB", self.dynamodb_url.clone()),
            ("AWS_ACCESS_KEY_ID", "sandbox".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "sandbox".to_owned()),
            ("API_KEYS_SECRET_ID", secrets_manager::API_KEYS.to_owned()),
            (
                "SERVER_KEYS_SECRET_ID",
                secrets_manager::SERVER_KEYS.to_owned(),
            ),
            ("TOKENS_TABLE", dynamodb::TABLE.to_owned()),
        ]
    }

    /// The faults of DynamoDB.
    pub fn dynamodb_faults(&self) -> &Faults {
        &self.dynamodb_faults
    }

    /// The faults of Secrets Manager.
    pub fn secrets_faults(&self) -> &Faults {
        &self.secrets_faults
    }

    /// Hands an event to the function as it is, past the gateway, and gives back its answer as it
    /// is.
    ///
    /// # Errors
    /// The function gave no answer: see [`InvokeError`].
    pub async fn invoke(&self, event: &Value) -> Result<Value, InvokeError> {
        let request_id = Uuid::new_v4().to_string();
        let answer = self.function.invoke(Invocation {
            trace_id: format!(
                "Root=1-00000000-{}",
                Uuid::new_v4().simple().to_string().split_off(8)
            ),
            request_id,
            payload: event.to_string().into(),
        });
        serde_json::from_slice(&answer.await?).map_err(InvokeError::NotJson)
    }

    /// The lines that the function has printed so far, if they are captured. A line arrives a
    /// moment after the answer that it is about, or before it.
    pub fn log_lines(&self) -> Vec<String> {
        self.function.lines()
    }

    /// The item of a partner's reference id as DynamoDB JSON, read past the service's endpoint: it
    /// is not counted and meets no fault.
    ///
    /// # Errors
    /// The database could not be read.
    pub fn item(&self, partner_id: &str, reference_id: &str) -> Result<Option<Value>, Error> {
        dynamodb::item(&self.database, partner_id, reference_id)
    }

    /// Puts `copies` of an item into the table, each under a reference id of its own, past the
    /// service's endpoint: they are not counted and meet no fault. A million take half a minute in
    /// a release build.
    ///
    /// # Errors
    /// There is no such item, or the database could not be written.
    pub fn copy_item(
        &self,
        partner_id: &str,
        reference_id: &str,
        copies: u32,
    ) -> Result<(), Error> {
        dynamodb::copy_item(&self.database, partner_id, reference_id, copies)
    }

    /// Makes `document` the current value of a secret such as `token-service/api-keys`, past the
    /// service's endpoint: it is not counted and meets no fault.
    ///
    /// # Errors
    /// There is no such secret, or the document is too large for one.
    pub fn put_secret(&self, id: &'static str, document: &str) -> Result<(), Error> {
        self.secrets
            .put_value(id, document)
            .map_err(|source| Error::Secret { id, source })
    }

    /// The process ids of the function's instances.
    pub fn function_pids(&self) -> Vec<u32> {
        self.function.pids()
    }

    /// Waits until the function is not at work, not even for a caller that has gone away.
    pub async fn at_rest(&self) {
        self.function.at_rest().await;
    }

    /// Ends the instances that have no work, so that the next request meets a cold start.
    pub async fn end_idle_instances(&self) {
        self.function.end_idle().await;
    }

    /// Ends everything and waits until it has ended.
    pub async fn stop(self) {
        // The processes have been killed by then, whatever is left.
        let _ = tokio::time::timeout(STOP_LIMIT, self.tasks.0.stop()).await;
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut sandbox = f.debug_struct("Sandbox");
        sandbox.field("url", &self.url).finish_non_exhaustive()
    }
}

/// An AWS service's URL. A certificate is for a name, so TLS has one in the place of the address.
fn endpoint(address: SocketAddr, tls: Option<&Tls>) -> String {
    match tls {
        None => format!("http://{address}"),
        Some(_) => format!("https://localhost:{}", address.port()),
    }
}

fn create_secrets(store: &SecretsManager, options: &Options) -> Result<(), Error> {
    for (id, given, development) in [
        (
            secrets_manager::API_KEYS,
            &options.api_keys,
            development::API_KEYS,
        ),
        (
            secrets_manager::SERVER_KEYS,
            &options.server_keys,
            development::SERVER_KEYS,
        ),
    ] {
        let value = match given {
            Some(value) => Some(value.to_string()),
            None => (!options.empty_secrets).then(|| development.to_owned()),
        };
        store
            .create_unless_present(id, value)
            .map_err(|source| Error::Secret { id, source })?;
    }
    Ok(())
}

struct EndOnDrop(Tasks);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.end();
    }
}
