//! What is inside a batch: how the values of the columns that rules judge are distributed, and the groups of rules that judge
//! groups against their limits.

use maud::{Markup, html};
use serde_json::{Value, json};

use crate::diagnostics::paint::{cut, visible};
use crate::report::judged::Judged;
use crate::report::numbers::{counted, grouped, measured, percent};
use crate::report::page::data;
use crate::report::text::plain;
use crate::run::RuleResult;
use crate::run::pictures::{Picture, Pictures, Segment, Shape};

/// Groups that are drawn: those that break the rule, then those with the greatest values.
const GROUPS: usize = 40;
/// Letters of a value's name under its bar.
const LETTERS: usize = 24;

/// `None` where there is nothing to be drawn. `open`: whether it is seen without a click.
pub fn section(batch: &Judged, open: bool) -> Option<Markup> {
    let none = Pictures::default();
    let pictures = batch.report.as_ref().and_then(|report| report.pictures.as_ref()).unwrap_or(&none);
    let groups: Vec<Markup> = batch.rules().iter().filter_map(by_group).collect();
    let columns: Vec<Markup> = pictures.columns.iter().filter_map(|p| distribution(p, pictures.rows.0)).collect();
    if groups.is_empty() && columns.is_empty() {
        return None;
    }
    let named = |wanted: Shape| {
        let all = pictures.columns.iter().filter(|p| p.shape == wanted).map(|p| visible(&p.column).into_owned());
        all.collect::<Vec<_>>().join(", ")
    };
    let always = pictures.columns.iter().filter_map(|p| match &p.shape {
        Shape::Values { values, others: 0 } if values.len() == 1 => {
            let nulls = if p.nulls > 0 { " or null" } else { "" };
            Some(format!("{} {}{nulls}", visible(&p.column), said(&values[0].0)))
        }
        _ => None,
    });
    let always = always.collect::<Vec<_>>().join(", ");
    let (different, nothing, hidden) = (named(Shape::Different), named(Shape::Nothing), pictures.hidden.join(", "));
    Some(html! {
        details.inside open[open] {
            summary {
                "What is inside: "
                @if !columns.is_empty() { (counted(columns.len() as u64, "column")) " as rules saw them" }
                @if !groups.is_empty() && !columns.is_empty() { ", " }
                @if !groups.is_empty() { (counted(groups.len() as u64, "rule")) " by group" }
            }
            @if pictures.rows.0 < pictures.rows.1 {
                p.dim { "Of " (grouped(pictures.rows.0)) " of the " (counted(pictures.rows.1, "row")) ", in row groups evenly chosen." }
            }
            div.charts { @for figure in groups.iter().chain(&columns) { (figure) } }
            @if !always.is_empty() { p.dim { "Always the same: " (always) "." } }
            @if !different.is_empty() { p.dim { "Nearly every row has a value of its own: " (different) "." } }
            @if !nothing.is_empty() { p.dim { "Without any value: " (nothing) "." } }
            @if !hidden.is_empty() { p.dim { "Personal or secret, so not drawn: " (visible(&hidden)) "." } }
        }
    })
}

fn figure(name: &str, words: &str, chart: &Value) -> Markup {
    html! {
        figure.chart.small role="img" aria-label={ (visible(name)) ": " (visible(words)) } {
            figcaption { code { (visible(name)) } " " (visible(words)) }
            (data(chart))
        }
    }
}

/// How a column's values are distributed.
fn distribution(picture: &Picture, rows: u64) -> Option<Markup> {
    let mut beside = String::new();
    for (count, what) in [(picture.nulls, "null"), (picture.odd, "no number")] {
        if count > 0 {
            beside.push_str(&format!("; {} {what} ({})", grouped(count), percent(count, rows)));
        }
    }
    match &picture.shape {
        Shape::Different | Shape::Nothing => None,
        Shape::Values { values, others: 0 } if values.len() == 1 => None,
        Shape::Ranges { quartiles: [least, lower, middle, upper, greatest], ranges } => {
            let [least, lower, middle, upper, greatest] = [least, lower, middle, upper, greatest].map(said);
            let words = format!("from {least} to {greatest}, half of them from {lower} to {upper}, the middle {middle}{beside}");
            let names: Vec<String> = ranges.iter().map(|(from, _)| said(from)).collect();
            let counts: Vec<u64> = ranges.iter().map(|(_, rows)| *rows).collect();
            let series = json!([{"label": "rows", "colour": "accepted", "values": counts}]);
            Some(figure(&picture.column, &words, &bars("from", "rows", &json!(names), &series)))
        }
        Shape::Values { values, others } => {
            let most = values.iter().max_by_key(|(_, rows)| *rows)?;
            let share = percent(most.1, rows);
            let words = match (values.len(), others) {
                (n, 0) => format!("{n} values, most often {} ({share}){beside}", said(&most.0)),
                _ => format!("most often {} ({share}); others {}{beside}", said(&most.0), percent(*others, rows)),
            };
            let mut names: Vec<String> = values.iter().map(|(value, _)| said(value)).collect();
            let counts: Vec<u64> = values.iter().map(|(_, rows)| *rows).collect();
            let mut series = vec![json!({"label": "rows", "colour": "accepted", "values": counts})];
            if picture.nulls > 0 {
                // Alone at its place; the series before it ends earlier.
                let mut alone: Vec<Option<u64>> = vec![None; names.len()];
                alone.push(Some(picture.nulls));
                names.push("null".to_owned());
                series.push(json!({"label": "null", "colour": "held", "values": alone}));
            }
            Some(figure(&picture.column, &words, &bars("value", "rows", &json!(names), &json!(series))))
        }
    }
}

fn bars(of: &str, unit: &str, names: &Value, series: &Value) -> Value {
    json!({"kind": "bars", "unit": unit, "of": of, "height": 150, "names": names, "series": series})
}

/// A rule's groups against their limits.
fn by_group(rule: &RuleResult) -> Option<Markup> {
    if rule.segments.len() < 2 {
        return None;
    }
    let mut shown: Vec<(usize, &Segment)> = rule.segments.iter().enumerate().collect();
    shown.sort_by(|(_, a), (_, b)| b.broken.cmp(&a.broken).then(b.value.total_cmp(&a.value)));
    shown.truncate(GROUPS);
    // As they stand in the data.
    shown.sort_by_key(|(place, _)| *place);
    let of = |broken: bool| -> Vec<Option<f64>> {
        shown.iter().map(|(_, s)| (s.broken == broken).then_some(s.value)).collect()
    };
    let names: Vec<String> = shown.iter().map(|(_, s)| short(&s.group)).collect();
    let broken = rule.segments.iter().filter(|s| s.broken).count() as u64;
    let mut series = vec![json!({"label": "holds", "colour": "accepted", "values": of(false)})];
    if broken > 0 {
        series.push(json!({"label": "breaks it", "colour": "blocked", "values": of(true)}));
    }
    let limits: Vec<Option<f64>> = shown.iter().map(|(_, s)| s.limit).collect();
    if limits.iter().any(Option::is_some) {
        series.push(json!({"label": "limit", "colour": "ink", "kind": "line", "values": limits}));
    }
    let all = rule.segments.len() as u64;
    let mut words = format!("by group: {}", if broken == 0 { "all hold".to_owned() } else { format!("{} of {} break it", grouped(broken), grouped(all)) });
    if rule.segments.len() > GROUPS {
        words.push_str(&format!("; {GROUPS} of {} are drawn", grouped(all)));
    }
    Some(figure(&rule.rule, &words, &bars("group", "", &json!(names), &json!(series))))
}

/// A value as it stands under its bar; years and numbers of flights without separators.
fn said(value: &Value) -> String {
    match value {
        Value::Number(n) => match n.as_f64() {
            Some(number) if number.fract() == 0.0 && number.abs() < 10_000.0 => format!("{number:.0}"),
            _ => measured(value).unwrap_or_else(|| value.to_string()),
        },
        _ => short(&plain(value)),
    }
}

fn short(name: &str) -> String {
    match name.trim() {
        "" => "(empty)".to_owned(),
        _ => cut(&visible(name), LETTERS).into_owned(),
    }
}
