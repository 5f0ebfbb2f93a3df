//! The service, one step at a time: it goes on until it waits for the table or has answered.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    task::{Context, Poll, Waker},
};

use in_process_aws::{Aws, HeldCall, RETENTION};
use model::session::{Ages, Asks, Id};
use token_service::{
    clock::{Clock, UnixMillis},
    token::Ttls,
};
use tokio::runtime::{Builder, Runtime};

use crate::partner::{Answered, Answering, Service, aws};

/// What the service's clock shows at first.
pub(crate) const START: i64 = 1_795_000_000_000;

/// A tick of the model's, as long as a record's retention.
pub(crate) const TICK: i64 = 86_400_000;

const _: () = assert!(RETENTION.as_millis() == TICK as u128 * model::session::RETENTION as u128);

/// The service, its table, and the requests that wait.
pub(crate) struct Driven {
    pub(crate) aws: Aws,
    clock: Arc<AtomicI64>,
    /// When it began, by that clock.
    began: i64,
    service: Service,
    shortened: Service,
    waiting: HashMap<Id, (Answering, HeldCall)>,
    /// Not entered: a task's turn would end while the test goes on.
    runtime: Runtime,
}

/// How far a request got.
pub(crate) enum Got {
    /// It waits for the table's answer to this.
    Waits(HeldCall),
    /// It has an answer.
    Answered(Answered),
}

impl Driven {
    /// With these ages, in ticks.
    pub(crate) fn new(ages: Ages) -> Self {
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        let now = Arc::new(AtomicI64::new(START));
        let (aws, shown) = (aws(), Arc::clone(&now));
        let clock = Clock::from_fn(move || UnixMillis::new(shown.load(Ordering::Relaxed)));
        let ticks = |ticks: u8| RETENTION * u32::from(ticks);
        let service = |token| {
            let ttls = Ttls {
                token: ticks(token),
                session: ticks(ages.session),
            };
            runtime.block_on(Service::of(&aws, clock.clone(), ttls))
        };
        let (long, short) = (
            service(ages.token),
            service(ages.shortened.unwrap_or(ages.token)),
        );
        aws.hold_calls();
        Self {
            aws,
            clock: now,
            began: START,
            service: long,
            shortened: short,
            waiting: HashMap::new(),
            runtime,
        }
    }

    /// A request comes. `presented` is the token that it names.
    pub(crate) fn call(
        &mut self,
        id: Id,
        asks: Asks,
        presented: Option<&str>,
        shortened: bool,
    ) -> Got {
        let service = if shortened {
            &self.shortened
        } else {
            &self.service
        };
        let answering = match asks {
            Asks::Issue(payload) => service.issue(payload),
            Asks::Renew(_) => service.renew(presented.unwrap()),
            Asks::Invalidate { .. } => service.invalidate(),
            Asks::Introspect(_) => service.introspect(presented.unwrap()),
        };
        self.go_on(id, answering)
    }

    /// The attempt that a request waits for.
    pub(crate) fn attempt(&self, id: Id) -> HeldCall {
        self.waiting[&id].1.clone()
    }

    /// The attempt has been answered, and the request goes on.
    pub(crate) fn answered(&mut self, id: Id) -> Got {
        let (answering, _) = self.waiting.remove(&id).unwrap();
        self.go_on(id, answering)
    }

    /// The request goes no further.
    pub(crate) fn die(&mut self, id: Id) {
        self.waiting.remove(&id);
    }

    /// Time passes.
    pub(crate) fn tick(&self) {
        self.clock.fetch_add(TICK, Ordering::Relaxed);
    }

    /// Milliseconds since the epoch at a tick of the model's.
    pub(crate) fn at(&self, tick: u8) -> i64 {
        self.began + TICK * i64::from(tick)
    }

    /// It begins again now: nothing is stored, and nothing waits. Clients cost more than a walk.
    pub(crate) fn begin_again(&mut self) {
        self.aws.forget_records();
        self.waiting.clear();
        self.began = self.clock.load(Ordering::Relaxed);
    }

    fn go_on(&mut self, id: Id, mut answering: Answering) -> Got {
        let _timers = self.runtime.enter();
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..100 {
            if let Poll::Ready(answered) = answering.as_mut().poll(&mut context) {
                return Got::Answered(answered);
            }
            if let Some(attempt) = self.aws.next_held() {
                self.waiting.insert(id, (answering, attempt.clone()));
                return Got::Waits(attempt);
            }
        }
        panic!("request {id} waits for something else than the table");
    }
}
