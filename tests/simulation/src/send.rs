//! Sends requests into a world, in one manner or another, and reads each one's record as soon as it
//! is answered.

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use serde_json::Value;

use crate::{
    call::{Answered, Outcome, call, reference},
    sequence::Ask,
    world::{Broken, World},
};

/// How requests are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// And waited for.
    Patiently,
    /// Given up after so long, and sent again.
    Impatiently(Duration),
    /// With the processes killed after so long.
    UnderFire(Duration),
}

/// An answer, and the pair's item just after it.
pub(crate) struct Received {
    pub(crate) answered: Answered,
    pub(crate) item: Option<Value>,
}

/// What came of some requests.
pub(crate) struct Sent {
    pub(crate) received: Vec<Received>,
    /// How many processes were killed, if they were to be.
    pub(crate) killed: Option<u64>,
}

/// Sends `asks` at once.
pub(crate) async fn send(world: &World, asks: &[Ask], manner: Manner) -> Result<Sent, Broken> {
    let mut sent = Sent {
        received: Vec::new(),
        killed: None,
    };
    if let Manner::Impatiently(patience) = manner {
        for ask in asks {
            let began = Instant::now();
            // Dropping the call closes its connection; the function works on, as it does in life.
            if let Ok(received) = tokio::time::timeout(patience, one(world, *ask)).await {
                sent.received.push(received?);
                continue;
            }
            let answered = Answered {
                ask: *ask,
                outcome: Outcome::GaveUp,
                took: began.elapsed(),
            };
            sent.received.push(Received {
                answered,
                item: None,
            });
        }
    }
    let all = all(world, asks);
    if let Manner::UnderFire(after) = manner {
        let (received, killed) = tokio::join!(all, async {
            tokio::time::sleep(after).await;
            world.kill().await
        });
        sent.received.extend(received?);
        sent.killed = Some(killed?);
    } else {
        sent.received.extend(all.await?);
    }
    Ok(sent)
}

async fn all(world: &World, asks: &[Ask]) -> Result<Vec<Received>, Broken> {
    let requests = asks.iter().map(|ask| one(world, *ask));
    try_join_all(requests).await
}

async fn one(world: &World, ask: Ask) -> Result<Received, Broken> {
    let credentials = world.documents.credentials(ask.partner, ask.keys);
    let began = Instant::now();
    let outcome = call(world.sandbox.url(), &ask, &credentials).await?;
    let took = began.elapsed();
    let item = world
        .sandbox
        .item(ask.partner.id(), &reference(&ask))
        .await?;
    Ok(Received {
        answered: Answered { ask, outcome, took },
        item,
    })
}
