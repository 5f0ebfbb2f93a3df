//! What was counted.

use std::{collections::BTreeMap, fmt, time::Duration};

use crate::{
    call::Outcome,
    judge::Rule,
    send::Sent,
    sequence::{Deed, Operation, Sequence},
    story,
    surroundings::After,
};

/// The largest share of [`Figures::judged`] that may be noisy.
const MOST_NOISY_PERCENT: u64 = 20;

/// Counts of one sequence or of many.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Sequences that were run to their end.
    pub sequences: u64,
    /// Steps by kind.
    pub steps: BTreeMap<&'static str, u64>,
    /// Requests sent, by operation.
    pub requests: BTreeMap<Operation, u64>,
    /// Requests sent again because the first was not answered.
    pub retries: u64,
    /// Faults that a request has met, by service and kind.
    pub faults: BTreeMap<(&'static str, &'static str), u64>,
    /// Answers by operation, status and code.
    pub answers: BTreeMap<(Operation, String), u64>,
    /// Processes killed.
    pub kills: u64,
    /// Answers that call themselves the first with their token, by operation.
    pub tokens: BTreeMap<Operation, u64>,
    /// Looks at each rule.
    pub checks: BTreeMap<Rule, u64>,
    /// Times that requests were sent and their answers judged: once a step, and once a retry.
    pub judged: u64,
    /// Of these, those in which the machine was too busy for limits to be judged.
    pub noisy: u64,
    /// Simulated time.
    pub simulated: Duration,
}

impl Figures {
    pub(crate) fn count_at_start(&mut self, sequence: &Sequence) {
        for trouble in &sequence.at_start {
            count(&mut self.faults, ("Secrets Manager", trouble.kind()));
        }
    }

    pub(crate) fn count_step(&mut self, deed: &Deed) {
        count(&mut self.steps, deed.kind());
    }

    pub(crate) fn count_sent(&mut self, sent: &Sent, after: &After) {
        self.kills += sent.killed.unwrap_or_default();
        self.judged += 1;
        self.noisy += u64::from(after.conditions.noisy);
        for trouble in &after.dynamodb {
            count(&mut self.faults, ("DynamoDB", trouble.kind()));
        }
        for trouble in &after.secrets {
            count(&mut self.faults, ("Secrets Manager", trouble.kind()));
        }
        for received in &sent.received {
            let operation = received.answered.asked.request.operation();
            count(&mut self.requests, operation);
            let status = story::status(&received.answered);
            count(&mut self.answers, (operation, status));
            if let Outcome::Answer(answer) = &received.answered.outcome
                && answer.text("token").is_some()
                && !answer.is_replayed()
            {
                count(&mut self.tokens, operation);
            }
        }
    }

    /// Adds those of another sequence.
    pub fn add(&mut self, other: &Self) {
        self.sequences += other.sequences;
        self.retries += other.retries;
        self.kills += other.kills;
        self.judged += other.judged;
        self.noisy += other.noisy;
        self.simulated = self.simulated.saturating_add(other.simulated);
        merge(&mut self.steps, &other.steps);
        merge(&mut self.faults, &other.faults);
        merge(&mut self.requests, &other.requests);
        merge(&mut self.answers, &other.answers);
        merge(&mut self.tokens, &other.tokens);
        merge(&mut self.checks, &other.checks);
    }

    /// Whether too much was left unjudged for "all held" to say anything about time.
    pub fn is_too_noisy(&self) -> bool {
        self.noisy * 100 > self.judged * MOST_NOISY_PERCENT
    }

    /// All requests.
    pub fn all_requests(&self) -> u64 {
        self.requests.values().sum()
    }

    /// All faults.
    pub fn all_faults(&self) -> u64 {
        self.faults.values().sum()
    }
}

fn count<K: Ord>(counts: &mut BTreeMap<K, u64>, key: K) {
    *counts.entry(key).or_default() += 1;
}

fn merge<K: Ord + Clone>(into: &mut BTreeMap<K, u64>, from: &BTreeMap<K, u64>) {
    for (key, count) in from {
        *into.entry(key.clone()).or_default() += count;
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.simulated.as_secs() / 86_400;
        writeln!(f, "sequences   {}", self.sequences)?;
        writeln!(
            f,
            "steps       {}: {}",
            self.steps.values().sum::<u64>(),
            list(&self.steps)
        )?;
        writeln!(
            f,
            "requests    {}, {} of them retries",
            self.all_requests(),
            self.retries
        )?;
        for (operation, requests) in &self.requests {
            let of_it = self.answers.iter().filter(|((of, _), _)| of == operation);
            let of_it: BTreeMap<_, _> =
                of_it.map(|((_, status), count)| (status, *count)).collect();
            writeln!(f, "{:<12}{requests}: {}", operation.name(), list(&of_it))?;
        }
        let tokens = |operation| self.tokens.get(&operation).copied().unwrap_or_default();
        writeln!(
            f,
            "tokens      {} issued, {} renewed",
            tokens(Operation::Issue),
            tokens(Operation::Renew)
        )?;
        for service in ["DynamoDB", "Secrets Manager"] {
            let of_it = self.faults.iter().filter(|((of, _), _)| *of == service);
            let of_it: BTreeMap<_, _> = of_it.map(|((_, kind), count)| (*kind, *count)).collect();
            writeln!(
                f,
                "faults of {service}: {}: {}",
                of_it.values().sum::<u64>(),
                list(&of_it)
            )?;
        }
        writeln!(f, "kill -9     {}", self.kills)?;
        writeln!(f, "simulated   {days} days")?;
        writeln!(f, "checks      {}", self.checks.values().sum::<u64>())?;
        for (rule, count) in &self.checks {
            writeln!(f, "            {count:>9} {rule}")?;
        }
        write!(
            f,
            "not judged for time {} times of {}, as the machine was too busy",
            self.noisy, self.judged
        )
    }
}

fn list<K: fmt::Display>(counts: &BTreeMap<K, u64>) -> String {
    let counts = counts.iter().map(|(key, count)| format!("{key} {count}"));
    counts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_a_fifth_unjudged_is_too_noisy() {
        for (noisy, judged, too_noisy) in [
            (0, 0, false),
            (0, 1000, false),
            (200, 1000, false),
            (201, 1000, true),
            (1000, 1000, true),
        ] {
            let figures = Figures {
                judged,
                noisy,
                ..Figures::default()
            };
            let mut sum = Figures::default();
            sum.add(&figures);
            assert_eq!(sum.is_too_noisy(), too_noisy, "{noisy} of {judged}");
        }
    }
}
