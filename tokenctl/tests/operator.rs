//! An operator's commands against the sandbox, and what the service makes of what they did.

mod help;
mod keys;
mod keys_come_from_no_file;
mod partners;
mod status;

use std::{fs, time::Duration};

use crate::shell::Shell;
use peers::credentials::Credentials;
use serde_json::Value;
use service_tests::{Service, put_secret, secrets_manager};

pub(crate) const SOON: Duration = Duration::from_secs(10);
/// The shortest ages that the service takes.
pub(crate) const QUICK: [(&str, &str); 2] = [
    ("SECRETS_TTL_SECONDS", "1"),
    ("SECRETS_MIN_REFRESH_SECONDS", "1"),
];

pub(crate) async fn secret(service: &Service, name: &str) -> Value {
    let client = secrets_manager(service);
    let value = client
        .get_secret_value()
        .secret_id(format!("token-service/{name}"))
        .send()
        .await
        .unwrap();
    serde_json::from_str(value.secret_string().unwrap()).unwrap()
}

async fn change(service: &Service, name: &str, change: impl FnOnce(&mut Value)) {
    let mut document = secret(service, name).await;
    change(&mut document);
    put_secret(service, name, &document).await;
}

fn kids(ring: &Value) -> Vec<&str> {
    ring["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["kid"].as_str().unwrap())
        .collect()
}

fn credentials(shell: &Shell, file: &str) -> Credentials {
    Credentials::parse(&fs::read(shell.path(file)).unwrap()).unwrap()
}

/// All of them at once.
async fn futures<F: Future + Send>(futures: Vec<F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = running.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, done) in running.iter_mut().zip(&mut done) {
            if done.is_none()
                && let std::task::Poll::Ready(output) = future.as_mut().poll(context)
            {
                *done = Some(output);
            }
        }
        match done.iter().all(Option::is_some) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    done.into_iter().map(Option::unwrap).collect()
}
