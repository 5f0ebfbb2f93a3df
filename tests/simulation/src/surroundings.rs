//! The surroundings of one step with requests: what is true before it, what goes wrong in it, and
//! what that allows.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use service_tests::clocks::Moment;

use crate::{
    judge::{Clocks, Conditions, Known, MARGIN, MAX_STALE},
    noise,
    send::Sent,
    sequence::{Connections, Rotating, Step},
    story,
    trouble::Trouble,
    world::World,
};

/// Longer than a step takes on this machine's clock.
const STEP: Duration = Duration::from_secs(90);

/// What is true before requests are sent.
pub(crate) struct Before {
    now: Moment,
    instant: Instant,
    clocks: Clocks,
    living: Vec<u32>,
    /// How long each of them has waited for the processor.
    waited: BTreeMap<u32, Duration>,
    all_are_warm: bool,
    may_be_waiting: bool,
    may_be_starving: bool,
    requests: (u64, u64),
    calls: [u64; 3],
    still_at_work: bool,
}

/// What was true of a step when it had ended.
pub(crate) struct After {
    pub(crate) conditions: Conditions,
    /// What DynamoDB's requests have met.
    pub(crate) dynamodb: Vec<Trouble>,
    /// What Secrets Manager's have.
    pub(crate) secrets: Vec<Trouble>,
}

impl Before {
    pub(crate) fn of(world: &World) -> Self {
        let (now, living) = (world.now(), world.living());
        let skews = world.clocks.skews(&living);
        let is_warm = |pid: &u32| {
            let load = world.warm.get(pid);
            load.is_some_and(|load| now.since(load.after) + MARGIN < MAX_STALE)
        };
        Self {
            now,
            instant: Instant::now(),
            clocks: now.shifted(*skews.start())..=now.shifted(*skews.end()).after(STEP),
            all_are_warm: living.iter().all(is_warm),
            may_be_waiting: world.may_be_waiting(),
            may_be_starving: world.may_be_starving(),
            requests: requests(world),
            calls: calls(world),
            still_at_work: world.still_at_work,
            waited: living
                .iter()
                .map(|pid| (*pid, noise::waited(*pid)))
                .collect(),
            living,
        }
    }

    /// From the slowest clock now to the fastest one when the step will have ended.
    pub(crate) fn clocks(&self) -> Clocks {
        self.clocks.clone()
    }

    /// Has the next requests meet the step's troubles, unless its service is down anyway.
    pub(crate) fn push(&self, world: &World, step: &Step) {
        let (dynamodb, secrets) = pushed(world, step);
        for trouble in dynamodb {
            world.sandbox.dynamodb_faults().push(trouble.fault());
        }
        for trouble in secrets {
            world.sandbox.secrets_faults().push(trouble.fault());
        }
    }

    /// Takes back what was not met, and notes in the world what the step has shown of it.
    pub(crate) fn ended(self, world: &mut World, step: &Step, sent: &Sent) -> After {
        let unmet = world.restore_faults();
        let pushed = pushed(world, step);
        let requests = requests(world);
        let dynamodb = met(
            pushed.0,
            unmet.0,
            requests.0 - self.requests.0,
            world.outage_of_dynamodb(),
        );
        let secrets = met(
            pushed.1,
            unmet.1,
            requests.1 - self.requests.1,
            world.outage_of_secrets(),
        );
        world.late(&dynamodb);
        let failing = dynamodb
            .iter()
            .filter(|trouble| trouble.fails_an_attempt())
            .count();

        let living = world.living();
        let has_waited = living.iter().any(|pid| {
            let before = self.waited.get(pid).copied().unwrap_or_default();
            noise::has_waited(*pid, before)
        });
        let cold_start =
            living.iter().any(|pid| !self.living.contains(pid)) || self.living.is_empty();
        let cut_off = |how| {
            let mut cut_off = world.cut_off.iter();
            cut_off.any(|(pid, cut)| *cut == how && self.living.contains(pid))
        };
        let (is_closed, is_silenced) = (cut_off(Connections::Close), cut_off(Connections::Silence));
        let mut conditions = Conditions {
            timeout: world.timeout,
            clocks: self.clocks,
            killed: sent.killed.is_some(),
            noisy: world.is_noisy_since(self.instant) || has_waited,
            failing_attempts: failing + usize::from(is_closed || is_silenced),
            dynamodb_is_down: world.outage_of_dynamodb().is_some(),
            dynamodb_refuses: dynamodb.iter().any(|trouble| trouble.may_be_internal()),
            secrets_are_disturbed: !secrets.is_empty() || world.is_dark() || is_silenced,
            secrets_may_be_waited_for: self.may_be_waiting,
            first_loads_may_fail: self.may_be_starving,
            calls: std::array::from_fn(|of| {
                let [now, before] = [calls(world), self.calls].map(|calls| calls.get(of).copied());
                now.unwrap_or_default() - before.unwrap_or_default()
            }),
            still_at_work: self.still_at_work,
            record_keys_may_be_new: false,
            all_are_warm: self.all_are_warm,
            cold_start,
            least_age: world.least_age(&self.living.iter().chain(&living).copied().collect()),
        };
        if conditions.secrets_are_disturbed || conditions.noisy {
            world.disturb();
        }
        if !secrets.is_empty() || world.is_black() || is_silenced || conditions.noisy {
            conditions.first_loads_may_fail = true;
            world.starve();
        }
        world.still_at_work |= sent
            .received
            .iter()
            .any(|one| one.answered.status().is_none());
        let record = world.documents.list(Rotating::Record).changed;
        conditions.record_keys_may_be_new = world.knows(record) == Known::Maybe;
        let loads = !world.may_be_starving() && !conditions.killed;
        world.look(self.now, loads);
        let all_served = sent
            .received
            .iter()
            .all(|one| story::is_served(&one.answered));
        if let [only] = living.as_slice()
            && self.living == living
            && all_served
        {
            world.has_served(*only);
        }
        After {
            conditions,
            dynamodb,
            secrets,
        }
    }
}

/// The step's troubles, of the services that are not down anyway.
fn pushed<'a>(world: &World, step: &'a Step) -> (&'a [Trouble], &'a [Trouble]) {
    let unless = |outage: Option<Trouble>, troubles: &'a [Trouble]| match outage {
        None => troubles,
        Some(_) => &[],
    };
    (
        unless(world.outage_of_dynamodb(), &step.dynamodb),
        unless(world.outage_of_secrets(), &step.secrets),
    )
}

/// What was met of the pushed troubles, in their order, and by the others of so many requests.
fn met(pushed: &[Trouble], unmet: usize, requests: u64, outage: Option<Trouble>) -> Vec<Trouble> {
    let count = pushed.len().saturating_sub(unmet);
    let others = usize::try_from(requests).unwrap_or(0).saturating_sub(count);
    let others = outage
        .into_iter()
        .flat_map(|outage| std::iter::repeat_n(outage, others));
    pushed.iter().take(count).copied().chain(others).collect()
}

/// Of DynamoDB and of Secrets Manager so far.
fn requests(world: &World) -> (u64, u64) {
    let (dynamodb, secrets) = (
        world.sandbox.dynamodb_faults(),
        world.sandbox.secrets_faults(),
    );
    (dynamodb.requests(), secrets.requests())
}

/// DynamoDB's so far, by operation.
fn calls(world: &World) -> [u64; 3] {
    let faults = world.sandbox.dynamodb_faults();
    ["PutItem", "UpdateItem", "GetItem"].map(|operation| faults.requests_of(operation))
}
