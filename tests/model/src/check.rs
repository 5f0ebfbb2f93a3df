//! Runs a model, and tells what came of it.

use std::{
    hash::Hash,
    panic::resume_unwind,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use stateright::{Checker, Expectation, HasDiscoveries, Model, Path};

/// A model that can be checked and whose steps can be told.
pub trait Narrated:
    Model<State: Clone + PartialEq + Hash + Send + Sync, Action: Clone + PartialEq>
    + Clone
    + Send
    + Sync
    + 'static
{
    /// What happened, as one line.
    fn narrate(&self, before: &Self::State, action: &Self::Action, after: &Self::State) -> String;

    /// What could happen next and violates the property, if not the last state itself does.
    fn conclude(&self, _last: &Self::State, _property: &'static str) -> Option<String> {
        None
    }
}

/// Every state of a model was visited; this is what was seen.
#[derive(Debug)]
pub struct Exploration {
    /// States that were generated, repeats included.
    pub generated: usize,
    /// Different states.
    pub unique: usize,
    /// Steps to the farthest of them, by the shortest way.
    pub depth: usize,
    /// How long it took.
    pub took: Duration,
    /// What came of each property, in the model's order.
    pub findings: Vec<Finding>,
}

/// What came of a property.
#[derive(Debug)]
pub struct Finding {
    /// Its name.
    pub property: &'static str,
    /// Whether it is one that must hold in every state; else it must hold in one.
    pub always: bool,
    /// Whether it does.
    pub holds: bool,
    /// How a state is reached in which an `always` property does not hold.
    pub counterexample: Option<Vec<String>>,
}

impl Exploration {
    /// Whether every property holds.
    pub fn is_sound(&self) -> bool {
        self.findings.iter().all(|finding| finding.holds)
    }
}

/// Visits every state of `model`. `progress` is told every two seconds how many there were so far.
pub fn explore<M: Narrated>(model: &M, progress: impl Fn(usize)) -> Exploration {
    let began = Instant::now();
    let mut checker = model.clone().checker().spawn_bfs();
    let threads = checker.handles();
    let mut told = began;
    while !threads.iter().all(JoinHandle::is_finished) {
        thread::sleep(Duration::from_millis(20));
        if told.elapsed() > Duration::from_secs(2) {
            progress(checker.unique_state_count());
            told = Instant::now();
        }
    }
    for thread in threads {
        thread.join().unwrap_or_else(|panic| resume_unwind(panic));
    }
    let discoveries = checker.discoveries();
    let findings = model.properties().into_iter().map(|property| {
        let always = property.expectation == Expectation::Always;
        let discovered = discoveries.contains_key(property.name);
        Finding {
            property: property.name,
            always,
            holds: discovered != always,
            counterexample: (always && discovered)
                .then(|| counterexample(model, property.name))
                .flatten(),
        }
    });
    Exploration {
        generated: checker.state_count(),
        unique: checker.unique_state_count(),
        // It counts states, not steps.
        depth: checker.max_depth().saturating_sub(1),
        took: began.elapsed(),
        findings: findings.collect(),
    }
}

/// A shortest way to a state in which `property` does not hold.
pub fn counterexample<M: Narrated>(model: &M, property: &'static str) -> Option<Vec<String>> {
    let mut shortest = None;
    // The checker looks at some more states after a discovery, and a later one replaces it. So it
    // is asked again for a shorter one, until there is none.
    while let Some(shorter) = discover(model, property, shortest.as_ref().map(Vec::len)) {
        shortest = Some(shorter);
    }
    shortest.map(|steps| tell(model, &steps, property))
}

type Steps<M> = Vec<(<M as Model>::State, Option<<M as Model>::Action>)>;

fn discover<M: Narrated>(
    model: &M,
    property: &'static str,
    shorter_than: Option<usize>,
) -> Option<Steps<M>> {
    let mut builder = model
        .clone()
        .checker()
        .finish_when(HasDiscoveries::AllOf([property].into()));
    if let Some(states) = shorter_than {
        builder = builder.target_max_depth(states);
    }
    builder
        .spawn_bfs()
        .join()
        .discovery(property)
        .map(Path::into_vec)
}

fn tell<M: Narrated>(model: &M, steps: &Steps<M>, property: &'static str) -> Vec<String> {
    let pairs = steps.iter().zip(steps.iter().skip(1));
    let next = steps
        .last()
        .and_then(|(last, _)| model.conclude(last, property));
    pairs
        .filter_map(|((before, action), (after, _))| {
            action
                .as_ref()
                .map(|action| model.narrate(before, action, after))
        })
        .chain(next)
        .collect()
}
