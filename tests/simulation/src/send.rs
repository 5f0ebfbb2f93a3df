//! Sends requests into a world, in one manner or another, and reads each one's record as soon as it
//! is answered.

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::{
    call::{Answered, Asked, Outcome, call},
    sequence::PairId,
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

/// A pair's item as it stood at some moment.
pub(crate) struct Observed {
    pub(crate) pair: PairId,
    pub(crate) item: Option<Value>,
}

/// An answer, and how many observations had been made when it was there, its own included.
pub(crate) struct Received {
    pub(crate) answered: Answered,
    pub(crate) observed: usize,
}

/// What came of some requests.
pub(crate) struct Sent {
    pub(crate) received: Vec<Received>,
    /// The pairs' items, in the order in which they were read: each before anything was sent, and
    /// after each answer.
    pub(crate) observed: Vec<Observed>,
    /// How many processes were killed, if they were to be.
    pub(crate) killed: Option<u64>,
}

/// What is written down while requests are under way.
struct Notes<'a> {
    world: &'a World,
    observed: Mutex<Vec<Observed>>,
}

impl Notes<'_> {
    /// Reads a pair's item. Nobody else reads meanwhile, so that the order of the notes is that of
    /// the reads.
    async fn look(&self, pair: PairId) -> Result<usize, Broken> {
        let mut observed = self.observed.lock().await;
        let item = self
            .world
            .sandbox
            .item(pair.partner.id(), &pair.reference())?;
        observed.push(Observed { pair, item });
        Ok(observed.len())
    }

    async fn one(&self, asked: &Asked) -> Result<Received, Broken> {
        let began = Instant::now();
        let outcome = call(self.world, asked).await?;
        let took = began.elapsed();
        Ok(Received {
            answered: Answered {
                asked: asked.clone(),
                outcome,
                took,
            },
            observed: self.look(asked.request.pair()).await?,
        })
    }
}

/// The items of the pairs that requests are about.
pub(crate) async fn look(world: &World, asked: &[Asked]) -> Result<Vec<Observed>, Broken> {
    let notes = Notes {
        world,
        observed: Mutex::default(),
    };
    let pairs = asked.iter().map(|asked| asked.request.pair());
    for pair in pairs.collect::<std::collections::BTreeSet<_>>() {
        notes.look(pair).await?;
    }
    Ok(notes.observed.into_inner())
}

/// Sends requests at once; `before` is what [`look`] has seen.
pub(crate) async fn send(
    world: &World,
    asked: &[Asked],
    before: Vec<Observed>,
    manner: Manner,
) -> Result<Sent, Broken> {
    let notes = Notes {
        world,
        observed: Mutex::new(before),
    };
    let mut received = Vec::new();
    let mut killed = None;
    if let Manner::Impatiently(patience) = manner {
        for asked in asked {
            let began = Instant::now();
            // Dropping the call closes its connection; the function works on, as it does in life.
            if let Ok(one) = tokio::time::timeout(patience, notes.one(asked)).await {
                received.push(one?);
                continue;
            }
            received.push(Received {
                answered: Answered {
                    asked: asked.clone(),
                    outcome: Outcome::GaveUp,
                    took: began.elapsed(),
                },
                observed: notes.look(asked.request.pair()).await?,
            });
        }
    }
    let all = try_join_all(asked.iter().map(|asked| notes.one(asked)));
    if let Manner::UnderFire(after) = manner {
        let (answers, deaths) = tokio::join!(all, async {
            tokio::time::sleep(after).await;
            world.kill().await
        });
        received.extend(answers?);
        killed = Some(deaths?);
    } else {
        received.extend(all.await?);
    }
    Ok(Sent {
        received,
        observed: notes.observed.into_inner(),
        killed,
    })
}
