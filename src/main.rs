//! Wires the function up: logs, configuration, AWS clients, secrets, run.

use std::{convert::Infallible, process::ExitCode};

use lambda_http::{lambda_runtime, service_fn};
use token_service::{
    aws, clock::Clock, config::Config, gateway::Service, logs, operations::Operations,
    record::store::Records, secrets::Secrets,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let clock = Clock::system();
    logs::init(clock.clone());
    let (config, sdk) = match (Config::from_env(), aws::sdk_config()) {
        (Ok(config), Ok(sdk)) => (config, sdk),
        (config, sdk) => {
            if let Err(error) = config {
                tracing::error!(%error, "wrong configuration");
            }
            if let Err(error) = sdk {
                tracing::error!(%error, "wrong configuration");
            }
            return ExitCode::FAILURE;
        }
    };
    let secrets = Secrets::new(
        &sdk,
        &config.api_keys_secret_id,
        &config.server_keys_secret_id,
        config.secrets_ages,
        &clock,
    );
    let records = Records::new(&sdk, config.tokens_table, config.record_retention);
    tokio::join!(secrets.load(), records.connect());
    let operations = Operations::new(
        secrets,
        records,
        config.identity,
        config.ttls,
        clock.clone(),
    );
    let service = Service::new(operations, clock);
    let service = &service;
    let run = lambda_runtime::run(service_fn(async move |event| {
        Ok::<_, Infallible>(service.answer(event).await)
    }));
    match run.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the Lambda Runtime API could not be reached");
            ExitCode::FAILURE
        }
    }
}
