//! A script of faults for one AWS service, what befalls its open connections, and the counts of the
//! connections and requests that it has had. What each fault does to a connection is in `front.rs`.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::watch;

/// One way for a request to an AWS service to go wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The request is read, then the connection is closed; nothing is done.
    Refuse,
    /// The request is read, then the connection is reset (RST); nothing is done.
    ResetBefore,
    /// The request is done, then the connection is reset (RST) instead of an answer.
    ResetAfter,
    /// The request is done, and the connection ends in the middle of its answer's body.
    BreakOff,
    /// Nothing happens for this long, then the request is done and answered. A client that gave up
    /// before that has changed nothing.
    StallBefore(Duration),
    /// The request is done at once, its answer comes this much later.
    StallAfter(Duration),
    /// The request is done this much later, whether or not its client is still there, and answered
    /// then: a write that was on its way when its writer gave up.
    Late(Duration),
    /// This HTTP status with an error of this `__type`; nothing is done.
    Status(u16, String),
    /// The service's own throttling error: 400 with `ProvisionedThroughputExceededException` from
    /// DynamoDB and `ThrottlingException` from Secrets Manager; nothing is done.
    Throttle,
    /// Status 200 with a body that is not JSON; nothing is done.
    Malformed,
    /// The request is done and its answer's body comes byte by byte, this long apart.
    Trickle(Duration),
}

impl Fault {
    /// This HTTP status with an error of this `__type`; nothing is done.
    pub fn status(status: u16, kind: &str) -> Self {
        Self::Status(status, kind.to_owned())
    }
}

/// What befalls the connections that are open at one moment, idle ones included. New ones are not
/// concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// The service closes them, as it does with those that were idle for too long.
    Close,
    /// What is sent on them from now on is not heard, and nothing closes them: as if what is
    /// between had forgotten them.
    Silence,
}

/// The faults to come and the requests so far of one service. A cheap handle: clones share one
/// script.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    script: Arc<Mutex<Script>>,
    /// Told to the connections that are open; replaced when they break.
    connections: Arc<Mutex<watch::Sender<Option<Break>>>>,
    opened: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct Script {
    next: VecDeque<Fault>,
    always: Option<Fault>,
    requests: u64,
    requests_of: HashMap<String, u64>,
}

impl Faults {
    /// Gives `fault` to the next request that has none yet: each pushed fault meets one request, in
    /// order.
    pub fn push(&self, fault: Fault) {
        self.script().next.push_back(fault);
    }

    /// Gives `fault` to every request that no pushed fault is waiting for, until it is set to
    /// `None`.
    pub fn set_always(&self, fault: Option<Fault>) {
        self.script().always = fault;
    }

    /// Takes back what no request has met yet, `set_always` included, and gives back the pushed
    /// faults among it.
    pub fn clear(&self) -> Vec<Fault> {
        let mut script = self.script();
        script.always = None;
        script.next.drain(..).collect()
    }

    /// Has this befall all connections that are open now.
    pub fn break_connections(&self, how: Break) {
        let broken = std::mem::take(&mut *self.connections());
        broken.send_replace(Some(how));
    }

    /// How many connections the service has accepted.
    pub fn connections_opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    /// Counts a connection that is opened now, and tells what will befall it.
    pub(crate) fn connection(&self) -> watch::Receiver<Option<Break>> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        self.connections().subscribe()
    }

    /// The fault that every request meets for now.
    pub fn always(&self) -> Option<Fault> {
        self.script().always.clone()
    }

    /// How many requests the service has had, those that met a fault included and health checks
    /// (`GET /`) not.
    pub fn requests(&self) -> u64 {
        self.script().requests
    }

    /// How many requests named this operation in `X-Amz-Target`, for example `PutItem`.
    pub fn requests_of(&self, operation: &str) -> u64 {
        self.script()
            .requests_of
            .get(operation)
            .copied()
            .unwrap_or(0)
    }

    /// Counts a request and takes the fault meant for it.
    pub(crate) fn meet(&self, operation: Option<&str>) -> Option<Fault> {
        let mut script = self.script();
        script.requests += 1;
        if let Some(operation) = operation {
            *script.requests_of.entry(operation.to_owned()).or_default() += 1;
        }
        let next = script.next.pop_front();
        next.or_else(|| script.always.clone())
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        // A panic elsewhere leaves the script as valid as before.
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connections(&self) -> MutexGuard<'_, watch::Sender<Option<Break>>> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pushed_faults_come_first_and_once() {
        let faults = Faults::default();
        faults.set_always(Some(Fault::Throttle));
        faults.push(Fault::Refuse);
        faults.push(Fault::Malformed);

        assert_eq!(faults.meet(None), Some(Fault::Refuse));
        assert_eq!(faults.meet(None), Some(Fault::Malformed));
        assert_eq!(faults.meet(None), Some(Fault::Throttle));
        faults.set_always(None);
        assert_eq!(faults.meet(None), None);
    }

    #[test]
    fn what_was_not_met_is_taken_back() {
        let faults = Faults::default();
        faults.set_always(Some(Fault::Throttle));
        faults.push(Fault::Refuse);
        faults.push(Fault::Malformed);
        faults.meet(None);

        assert_eq!(faults.clear(), [Fault::Malformed]);
        assert_eq!(faults.meet(None), None);
    }

    #[test]
    fn counts_requests_by_operation() {
        let faults = Faults::default();
        let observer = faults.clone();
        faults.meet(Some("PutItem"));
        faults.meet(Some("PutItem"));
        faults.meet(None);

        assert_eq!(observer.requests(), 3);
        assert_eq!(observer.requests_of("PutItem"), 2);
        assert_eq!(observer.requests_of("GetItem"), 0);
    }
}
