//! The function's metrics: which fields of a log line are metrics, in which unit and by which
//! dimensions (docs/metrics.md).
//!
//! Events carry their values as fields. The line's `_aws` member tells CloudWatch which of these
//! fields are metrics, in the embedded metric format:
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.
//! There is no state and no call of an API.
//!
//! AWS Labs' `metrique` writes the same format, with 44 more crates (`metrique-writer` and its EMF
//! format, 0.1.26). It has one list of dimensions for a line: metrics with others take a line each.

use std::{fmt, time::Duration};

use serde::Serialize;
use tracing::{
    Event,
    field::{Field, Visit},
};

use crate::clock::UnixMillis;

const NAMESPACE: &str = "TokenService";

/// A set of fields whose values tell metrics of one name apart.
type DimensionSet = &'static [&'static str];

#[derive(Clone, Copy, Serialize)]
enum Unit {
    Count,
    Milliseconds,
    Seconds,
}

/// Metrics that have the same dimensions.
struct Group {
    dimensions: &'static [DimensionSet],
    metrics: &'static [(&'static str, Unit)],
}

const GROUPS: [Group; 5] = [
    Group {
        dimensions: &[
            &[],
            &["Outcome"],
            &["Version"],
            &["Version", "Outcome"],
            &["Operation", "Outcome"],
            &["PartnerId", "Outcome"],
        ],
        metrics: &[("Requests", Unit::Count)],
    },
    Group {
        dimensions: &[&[], &["Outcome"], &["Operation"]],
        metrics: &[("Latency", Unit::Milliseconds)],
    },
    Group {
        dimensions: &[&[]],
        metrics: &[
            ("SecretsLatency", Unit::Milliseconds),
            ("DynamoDBLatency", Unit::Milliseconds),
            ("CryptoLatency", Unit::Milliseconds),
            ("DynamoDBAttempts", Unit::Count),
            ("ConsumedWriteCapacity", Unit::Count),
            ("ConsumedReadCapacity", Unit::Count),
            ("Replays", Unit::Count),
            ("Conflicts", Unit::Count),
            ("Superseded", Unit::Count),
            ("SecretsAge", Unit::Seconds),
            ("ColdStarts", Unit::Count),
        ],
    },
    Group {
        dimensions: &[&["TokenKid"], &["RecordKid"], &["PartnerId", "PayloadKid"]],
        metrics: &[("SealedMessages", Unit::Count)],
    },
    Group {
        dimensions: &[&[], &["Secret"]],
        metrics: &[
            ("SecretsRefreshFailures", Unit::Count),
            ("SecretsFallbacks", Unit::Count),
        ],
    },
];

/// The value of a line's `_aws` member.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Declaration {
    timestamp: i64,
    #[serde(rename = "CloudWatchMetrics")]
    directives: Vec<Directive>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive {
    namespace: &'static str,
    dimensions: Vec<DimensionSet>,
    metrics: Vec<Definition>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Definition {
    name: &'static str,
    unit: Unit,
}

impl Declaration {
    /// Declares the metrics that `event` has; `None` if it has none.
    ///
    /// A metric or a set of dimensions whose fields the event does not have is left out: the format
    /// wants everything that is declared to be there.
    pub(crate) fn of(event: &Event<'_>, now: UnixMillis) -> Option<Self> {
        let mut fields = Fields(Vec::new());
        event.record(&mut fields);
        let directives: Vec<_> = GROUPS
            .iter()
            .filter_map(|group| group.of(&fields))
            .collect();
        (!directives.is_empty()).then(|| Self {
            timestamp: now.millis(),
            directives,
        })
    }
}

impl Group {
    fn of(&self, fields: &Fields) -> Option<Directive> {
        let metrics = self.metrics.iter().filter(|(name, _)| fields.has(name));
        let metrics: Vec<_> = metrics
            .map(|&(name, unit)| Definition { name, unit })
            .collect();
        let sets = self.dimensions.iter().copied();
        let dimensions: Vec<_> = sets
            .filter(|set| set.iter().all(|name| fields.has(name)))
            .collect();
        (!metrics.is_empty() && !dimensions.is_empty()).then_some(Directive {
            namespace: NAMESPACE,
            dimensions,
            metrics,
        })
    }
}

/// The names of the fields that an event has: a `None` is not recorded.
struct Fields(Vec<&'static str>);

impl Fields {
    fn has(&self, name: &str) -> bool {
        self.0.contains(&name)
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, _: &dyn fmt::Debug) {
        self.0.push(field.name());
    }
}

/// Milliseconds for a metric, to the microsecond: more digits would be paid for and mean nothing.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    // No request takes the 285 years from which on microseconds are no longer exact.
    duration.as_micros() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_have_three_decimals() {
        let shown = |nanos| milliseconds(Duration::from_nanos(nanos)).to_string();
        assert_eq!(shown(6_204_999), "6.204");
        assert_eq!(shown(999), "0");
        assert_eq!(shown(15_000_000_000), "15000");
    }
}
