//! A log line as CloudWatch reads it: the points that its `_aws` member makes, held against the
//! rules of the embedded metric format, the JSON schema at the specification's end included:
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// One value of one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The metric's name.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// Its dimensions and their values.
    pub dimensions: BTreeMap<String, String>,
    /// The value.
    pub value: f64,
}

/// The points of a line; none if it has no `_aws`. Panics where the line breaks the format.
pub fn points(line: &Value) -> Vec<Point> {
    let Some(metadata) = line.get("_aws") else {
        return Vec::new();
    };
    has_members(metadata, &["Timestamp", "CloudWatchMetrics"]);
    assert!(metadata["Timestamp"].is_u64(), "no milliseconds: {line}");
    let mut points = Vec::new();
    for directive in array(&metadata["CloudWatchMetrics"]) {
        has_members(directive, &["Namespace", "Dimensions", "Metrics"]);
        assert_eq!(directive["Namespace"], "TokenService", "{line}");
        let sets = array(&directive["Dimensions"]);
        let metrics = array(&directive["Metrics"]);
        assert!(!sets.is_empty(), "a set of dimensions is needed: {line}");
        assert!((1..=100).contains(&metrics.len()), "{line}");
        for set in sets {
            let dimensions = dimensions(line, array(set));
            for metric in metrics {
                points.push(point(line, metric, dimensions.clone()));
            }
        }
    }
    let names: BTreeSet<String> = points
        .iter()
        .map(|point| format!("{} {:?}", point.name, point.dimensions))
        .collect();
    assert_eq!(names.len(), points.len(), "a metric is there twice: {line}");
    points
}

fn dimensions(line: &Value, set: &[Value]) -> BTreeMap<String, String> {
    assert!(set.len() <= 30, "{line}");
    set.iter()
        .map(|name| {
            let name = text(name, 250);
            let value = line
                .get(name)
                .unwrap_or_else(|| panic!("{name} is declared and not there: {line}"));
            // CloudWatch's Dimension: 1-1024 ASCII characters, not all of them spaces, none of them
            // control characters.
            let value = text(value, 1024);
            let printable = value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
            assert!(printable && !value.trim().is_empty(), "{name}: {line}");
            (name.to_owned(), value.to_owned())
        })
        .collect()
}

fn point(line: &Value, metric: &Value, dimensions: BTreeMap<String, String>) -> Point {
    has_members(metric, &["Name", "Unit"]);
    let name = text(&metric["Name"], 1024);
    let unit = text(&metric["Unit"], 1024);
    assert!(
        ["Count", "Milliseconds", "Seconds"].contains(&unit),
        "{unit}"
    );
    let value = line
        .get(name)
        .unwrap_or_else(|| panic!("{name} is declared and not there: {line}"));
    Point {
        name: name.to_owned(),
        unit: unit.to_owned(),
        dimensions,
        value: value
            .as_f64()
            .unwrap_or_else(|| panic!("{name} is no number: {line}")),
    }
}

fn has_members(object: &Value, names: &[&str]) {
    let members = object.as_object().expect("an object");
    let known: BTreeSet<&str> = members.keys().map(String::as_str).collect();
    assert_eq!(known, names.iter().copied().collect(), "{object}");
}

fn array(value: &Value) -> &[Value] {
    value
        .as_array()
        .unwrap_or_else(|| panic!("no array: {value}"))
}

fn text(value: &Value, longest: usize) -> &str {
    let text = value.as_str().unwrap_or_else(|| panic!("no text: {value}"));
    assert!((1..=longest).contains(&text.len()), "{text}");
    text
}
