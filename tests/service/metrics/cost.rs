//! How many metrics the function makes at most, which is what CloudWatch charges for.

use std::collections::{BTreeMap, BTreeSet};

use crate::contract;

/// The price of a metric for a month.
const CENTS: usize = 30;

/// The codes of the answers to callers that are known as a partner, and `TOK200`.
fn codes_of_a_partner() -> usize {
    let errors = contract::errors().into_iter().map(|(_, code, _)| code);
    let known: BTreeSet<_> = errors.skip_while(|code| code != "TOK002").collect();
    known.len() + 1
}

/// The codes of each operation's answers, together.
fn codes_of_the_operations() -> usize {
    let sealed = contract::SEALED.iter().map(|(operation, _)| {
        let mut errors = contract::errors_of(operation);
        // Nothing is at such a path, and so no operation.
        errors.retain(|(status, _, encrypted)| (*status, *encrypted) != (404, Some(false)));
        let codes: BTreeSet<_> = errors.into_iter().map(|(_, code, _)| code).collect();
        codes.len() + 1
    });
    sealed.sum::<usize>() + contract::introspection_errors().len() + 1
}

/// The page's metrics by their dimensions, one for each combination of values, for one version and
/// one partner with one key.
fn metrics() -> BTreeMap<String, usize> {
    let outcomes = contract::codes().len() + 1;
    let mut counts = BTreeMap::new();
    for (_, _, dimensions) in contract::metrics() {
        let dimensions = dimensions.join(" ");
        let (by, values) = match dimensions.as_str() {
            "" => ("nothing", 1),
            "Outcome" => ("Outcome", outcomes),
            "Version" => ("Version", 1),
            "Outcome Version" => ("Version", outcomes),
            "Operation" => ("Operation", contract::SEALED.len() + 1),
            "Operation Outcome" => ("Operation", codes_of_the_operations()),
            "Secret" => ("Secret", 2),
            "TokenKid" | "RecordKid" => ("kid", 1),
            "Outcome PartnerId" => ("partner", codes_of_a_partner()),
            "PartnerId PayloadKid" => ("partner", 1),
            other => panic!("how many values has {other}?"),
        };
        *counts.entry(by.to_owned()).or_default() += values;
    }
    counts
}

#[test]
fn the_page_counts_the_metrics_and_their_price() {
    let counts = metrics();
    let by = |what: &str| counts[what];
    let of_each_partner = by("partner");
    let fixed = counts.values().sum::<usize>() - of_each_partner;
    let dollars = |metrics: usize| (metrics * CENTS + 50) / 100;
    let all = fixed + 200 * of_each_partner;
    let usual = fixed + 200 * (3 + 1);
    let stated = format!(
        "at most {fixed} + {of_each_partner} N: {} without dimensions, {} by `Outcome`, {} by \
         `Version` (twice in the hours of a release), {} by `Operation`, {} by `Secret`, {} by \
         `TokenKid` and `RecordKid`, and for each partner its key and {} codes. For 200 partners \
         that is {all} (${} a month) if each meets each code in every hour; with `TOK200` and two \
         others, {usual} (${}).",
        by("nothing"),
        by("Outcome"),
        by("Version"),
        by("Operation"),
        by("Secret"),
        by("kid"),
        codes_of_a_partner(),
        dollars(all),
        dollars(usual),
    );
    let page = contract::read("docs/metrics.md");
    let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(page.contains(&stated), "docs/metrics.md: {stated}");
}
