//! Latency by load: requests arrive at a rate whether or not earlier ones are answered, as
//! partners' do, at the sandbox, which starts instances of the function as Lambda does. All of it
//! shares this machine.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::http::uri::InvalidUri;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use sandbox::{Logs, Options, Sandbox, proxy_event};
use tokio::{runtime::Handle, task::spawn_blocking, time::timeout};

use crate::{
    events::{Events, Request, Wrong},
    plot::{self, PlotError, Step},
    table::{millis, quantile},
};

/// Requests a second, in this order, for so long each, until fewer are answered than this part of
/// them.
const RATES: [u32; 17] = [
    50, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000, 1100, 1200, 1300, 1400, 1500, 1600,
];
const STEP: Duration = Duration::from_secs(4);
const KEEPS_UP: f64 = 0.95;

/// An answer that takes longer counts as none, so that a step has an end.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error(transparent)]
    Sandbox(#[from] sandbox::Error),
    #[error(transparent)]
    Event(#[from] Wrong),
    #[error("a sample request is none: {0}")]
    Sample(String),
    #[error("a task or a thread of the measurement has failed")]
    Task(#[from] tokio::task::JoinError),
    #[error("there is no other runtime")]
    Runtime(#[from] std::io::Error),
    #[error(transparent)]
    Plot(#[from] PlotError),
    #[error("no request was answered 200")]
    NoAnswer,
}

/// Measures, prints and writes the plot. The caller's runtime has one thread; here the sandbox gets
/// all processors.
pub(crate) async fn measure(
    function: PathBuf,
    instances: usize,
    plot: PathBuf,
) -> Result<(), LoadError> {
    spawn_blocking(move || {
        let runtime = tokio::runtime::Runtime::new()?;
        let steps = runtime.block_on(measure_all(function, instances))?;
        plot::write(&plot, &steps)?;
        println!("\n{} is written", plot.display());
        Ok(())
    })
    .await?
}

async fn measure_all(function: PathBuf, instances: usize) -> Result<Vec<Step>, LoadError> {
    let sandbox = Sandbox::start(Options {
        function,
        logs: Logs::Capture,
        max_instances: instances,
        ..Options::default()
    });
    let sandbox = sandbox.await?;
    let client: Http = Client::builder(TokioExecutor::new()).build_http();
    let events = Events::new()?;
    println!(
        "at most {instances} instances, {} s a rate, from the time that each request was due",
        STEP.as_secs()
    );
    println!(
        "{:>9}{:>10}{:>12}{:>10}{:>10}{:>11}{:>10}",
        "offered", "achieved", "median, ms", "p95, ms", "p99, ms", "instances", "non-200"
    );

    // Connections and a first instance's first request.
    step(&sandbox, &client, &events, 50, Duration::from_secs(1)).await?;
    let mut steps = Vec::new();
    for rate in RATES {
        let step = step(&sandbox, &client, &events, rate, STEP).await?;
        println!(
            "{rate:>9}{:>10.1}{:>12.2}{:>10.2}{:>10.2}{:>11}{:>10}",
            step.achieved,
            millis(quantile(&step.latencies, 0.5)),
            millis(quantile(&step.latencies, 0.95)),
            millis(quantile(&step.latencies, 0.99)),
            step.instances,
            step.others,
        );
        let keeps_up = step.achieved >= f64::from(rate) * KEEPS_UP;
        steps.push(step);
        if !keeps_up {
            break;
        }
    }
    sandbox.stop().await;
    match steps.iter().all(|step| step.latencies.is_empty()) {
        true => Err(LoadError::NoAnswer),
        false => Ok(steps),
    }
}

type Http = Client<HttpConnector, Full<Bytes>>;

async fn step(
    sandbox: &Sandbox,
    client: &Http,
    events: &Events,
    rate: u32,
    length: Duration,
) -> Result<Step, LoadError> {
    let count = (f64::from(rate) * length.as_secs_f64()) as usize;
    // Sealed before, so that this machine has nothing else to do meanwhile.
    let requests: Vec<_> = (0..count)
        .map(|_| request(events, sandbox.url()))
        .collect::<Result<_, _>>()?;

    let (client, runtime) = (client.clone(), Handle::current());
    let interval = Duration::from_secs(1) / rate;
    let started = Instant::now();
    // In a thread: the runtime's timers have a millisecond, which is what is measured here.
    let sent = spawn_blocking(move || {
        let mut due = started;
        let mut sent = Vec::new();
        for request in requests {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            sent.push(runtime.spawn(send(client.clone(), request, due)));
            due += interval;
        }
        sent
    });
    let mut latencies = Vec::new();
    let mut end = started + length;
    for sent in sent.await? {
        if let Some(answered) = sent.await? {
            latencies.push(answered.latency);
            end = end.max(answered.at);
        }
    }
    Ok(Step {
        offered: rate,
        achieved: latencies.len() as f64 / (end - started).as_secs_f64(),
        others: count - latencies.len(),
        latencies,
        instances: sandbox.function_pids().len(),
    })
}

/// A 200.
struct Answered {
    at: Instant,
    latency: Duration,
}

/// Sends a request that was due at a time, be it late or not: to wait for its turn is latency too.
async fn send(
    client: Http,
    request: hyper::Request<Full<Bytes>>,
    due: Instant,
) -> Option<Answered> {
    let answer = async {
        let response = client.request(request).await.ok()?;
        let good = response.status() == 200;
        response.into_body().collect().await.ok()?;
        good.then(Instant::now)
    };
    let at = timeout(PATIENCE, answer).await.ok()??;
    Some(Answered {
        at,
        latency: at - due,
    })
}

/// A request for a token, as acme would send it to the gateway.
fn request(events: &Events, url: &str) -> Result<hyper::Request<Full<Bytes>>, LoadError> {
    let sample = |error: &dyn std::fmt::Display| LoadError::Sample(error.to_string());
    let event = events.make(Request::Good)?.event.payload;
    let event = serde_json::from_slice(&event).map_err(|error| sample(&error))?;
    let request = proxy_event::request(&event).map_err(|error| sample(&error))?;
    let (mut parts, body) = request.into_parts();
    let whole = format!("{url}{}", parts.uri);
    parts.uri = whole.parse().map_err(|error: InvalidUri| sample(&error))?;
    Ok(hyper::Request::from_parts(parts, Full::new(body)))
}
