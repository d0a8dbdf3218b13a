//! What a rule saw inside a batch: its value by group, and how the values that it compares are distributed.

use maud::{Markup, html};
use serde_json::Value;

use super::chart::{Segment, bins, segments};
use crate::engine::drift::Distribution;
use crate::report::judged::Judged;
use crate::report::numbers::measured;
use crate::report::text::plain;
use crate::run::history::Recorded;
use crate::run::{Report, RuleResult};

/// So many groups are drawn, those with the greatest values.
const GROUPS: usize = 24;
const BINS: usize = 16;

pub fn of(batch: &Judged, rule: &RuleResult) -> Markup {
    let Some(report) = &batch.report else { return html! {} };
    html! { (by_group(report, rule)) (distributed(batch, rule)) }
}

/// Of the values that a rule compares with the past's.
pub fn distributed(batch: &Judged, rule: &RuleResult) -> Markup {
    let found = batch.report.as_ref().and_then(|report| distribution(report, rule));
    let shown = found.map(|found| found.bins(BINS)).unwrap_or_default();
    if shown.iter().any(|(name, _)| is_hash(name)) { html! {} } else { bins(&rule.rule, &shown) }
}

fn recorded<'r>(report: &'r Report, rule: &RuleResult) -> impl Iterator<Item = &'r Recorded> {
    let name = rule.rule.clone();
    report.recorded.iter().filter(move |r| r.rule == name)
}

/// Values of personal columns are not recorded, and their groups go by a hash: what is here may be seen.
fn by_group(report: &Report, rule: &RuleResult) -> Markup {
    let mut values: Vec<(String, f64)> = recorded(report, rule).filter_map(|r| Some((name(&r.group)?, r.value?))).collect();
    values.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    values.dedup_by(|a, b| a.0 == b.0);
    let number = |sample: &crate::run::Sample, key: &str| sample.values.get(key).and_then(Value::as_f64);
    let limits: Vec<f64> = rule.samples.iter().filter_map(|sample| number(sample, "limit")).collect();
    // One line for all groups, where they have one limit.
    let limit = limits.first().copied().filter(|first| limits.iter().all(|limit| limit == first));
    let side = limit.zip(rule.samples.first().and_then(|sample| number(sample, "value"))).map(|(limit, value)| value > limit);
    let groups: Vec<Segment> = values
        .into_iter()
        .take(GROUPS)
        .map(|(name, value)| Segment {
            broken: limit.zip(side).is_some_and(|(limit, above)| if above { value > limit } else { value < limit }),
            shown: measured(&value.into()).unwrap_or_default(),
            name,
            value,
        })
        .collect();
    let limit = limit.map(|limit| (limit, measured(&limit.into()).unwrap_or_default()));
    if groups.len() > 1 { segments(&rule.rule, limit, &groups) } else { html! {} }
}

/// `["EWR",3]` as `EWR, 3`; `None` where there are no groups.
fn name(group: &str) -> Option<String> {
    let values: Vec<Value> = serde_json::from_str(group).ok()?;
    let seen = values.iter().all(|value| !value.as_str().is_some_and(is_hash));
    seen.then(|| values.iter().map(plain).collect::<Vec<_>>().join(", "))
}

/// What stands for a personal value.
fn is_hash(text: &str) -> bool {
    text.len() == 24 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn distribution(report: &Report, rule: &RuleResult) -> Option<Distribution> {
    recorded(report, rule).find_map(|r| Distribution::parse(r.distribution.as_deref()?))
}
