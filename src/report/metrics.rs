//! Numbers about runs: for Prometheus' textfile collector, and for OTLP. A label never holds a batch's name or a value
//! of the data.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::run::{Effect, Report};
use crate::sla::{Level, Severity, Status};

/// Numbers of one name.
pub struct Family {
    pub name: &'static str,
    pub help: &'static str,
    /// Adds up over runs; else the last value stands.
    pub counter: bool,
    /// The name and the unit (UCUM) in OTLP.
    pub otlp: (&'static str, &'static str),
}

const fn gauge(name: &'static str, otlp: (&'static str, &'static str), help: &'static str) -> Family {
    Family { name, help, counter: false, otlp }
}

const fn counter(name: &'static str, otlp: (&'static str, &'static str), help: &'static str) -> Family {
    Family { name, help, counter: true, otlp }
}

/// Every metric, in the order of the file.
pub const FAMILIES: &[Family] = &[
    gauge("dqc_build_info", ("dqc.build.info", "1"), "The program, by version; always 1."),
    gauge("dqc_run_duration_seconds", ("dqc.run.duration", "s"), "How long the last command of this kind took."),
    gauge("dqc_last_run_timestamp_seconds", ("dqc.run.last", "s"), "When the last command of this kind ended."),
    gauge(
        "dqc_last_run_success",
        ("dqc.run.success", "1"),
        "Whether the last command of this kind could do its work; a blocked batch is no failure.",
    ),
    counter("dqc_batches_total", ("dqc.batches", "{batch}"), "Batches by what came of them."),
    counter("dqc_rows_total", ("dqc.rows", "{row}"), "Rows of judged batches by what came of them."),
    counter("dqc_rule_violations_total", ("dqc.rule.violations", "{violation}"), "Rows or groups that break a rule."),
    gauge("dqc_batch_bytes", ("dqc.batch.size", "By"), "Bytes read to judge the last batch."),
    gauge("dqc_batches_held", ("dqc.batches.held", "{batch}"), "Batches that the last run held at the gate."),
    gauge(
        "dqc_last_promotion_timestamp_seconds",
        ("dqc.promotion.last", "s"),
        "When a batch was last published into the dataset.",
    ),
    gauge(
        "dqc_sla_remaining_seconds",
        ("dqc.sla.remaining", "s"),
        "Until the service level is missed; below 0 since when it is.",
    ),
    gauge("dqc_sla_missed", ("dqc.sla.missed", "1"), "Whether the service level is missed."),
    gauge("dqc_sla_budget_remaining", ("dqc.sla.budget.remaining", "{miss}"), "Misses that the budget has left."),
    gauge("dqc_outbox_waiting", ("dqc.outbox.waiting", "{message}"), "Messages that wait for their channel."),
];

type Labels = Vec<(String, String)>;

/// One command's numbers, by metric and labels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    series: BTreeMap<(String, Labels), f64>,
}

impl Metrics {
    pub fn new() -> Self {
        let mut metrics = Self::default();
        metrics.set("dqc_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
        metrics
    }

    fn key(name: &str, labels: &[(&str, &str)]) -> (String, Labels) {
        (name.to_owned(), labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    pub fn set(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.series.insert(Self::key(name, labels), value);
    }

    pub fn add(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        *self.series.entry(Self::key(name, labels)).or_default() += value;
    }

    /// How a command ended: when, in seconds since 1970, and after how many.
    pub fn command(&mut self, command: &str, ended: f64, took: f64, success: bool) {
        self.set("dqc_run_duration_seconds", &[("command", command)], took);
        self.set("dqc_last_run_timestamp_seconds", &[("command", command)], ended);
        self.set("dqc_last_run_success", &[("command", command)], if success { 1.0 } else { 0.0 });
    }

    /// What came of a batch: `published blocked refused failed`; `at`: seconds since 1970.
    pub fn batch(&mut self, contract: &str, result: &str, report: Option<&Report>, at: f64) {
        let layer = contract.split('.').next().unwrap_or_default();
        let of = [("contract", contract), ("layer", layer)];
        let with = |key: &'static str, value: &'static str| [of[0], of[1], (key, value)];
        for each in ["published", "blocked", "refused", "failed"] {
            let one = if each == result { 1.0 } else { 0.0 };
            self.add("dqc_batches_total", &with("result", each), one);
        }
        let held = matches!(result, "blocked" | "refused");
        self.add("dqc_batches_held", &of, if held { 1.0 } else { 0.0 });
        if result == "published" {
            self.set("dqc_last_promotion_timestamp_seconds", &of, at);
        }
        let Some(report) = report else { return };
        let blocked = if held { report.rows.input } else { 0 };
        let rows = [("passed", report.rows.accepted), ("quarantined", report.rows.quarantined), ("blocked", blocked)];
        for (what, count) in rows {
            self.add("dqc_rows_total", &with("result", what), count as f64);
        }
        self.set("dqc_batch_bytes", &of, report.bytes_read as f64);
        for rule in report.rules.iter().filter(|r| r.action != Effect::None) {
            let severity = match rule.action {
                Effect::Block => "block",
                Effect::Quarantine => "quarantine",
                _ => "warn",
            };
            let labels = [of[0], ("rule", rule.rule.as_str()), ("severity", severity)];
            self.add("dqc_rule_violations_total", &labels, rule.violations as f64);
        }
    }

    pub fn level(&mut self, level: &Level) {
        let severity = if level.severity == Severity::Warn { "warn" } else { "block" };
        let of = [("contract", level.contract.as_str()), ("sla", level.name.as_str())];
        let missed = if level.status == Status::Missed { 1.0 } else { 0.0 };
        self.set("dqc_sla_missed", &[of[0], of[1], ("severity", severity)], missed);
        if let Some(seconds) = level.remaining_seconds {
            self.set("dqc_sla_remaining_seconds", &of, seconds as f64);
        }
        if let (Some(allowed), Some(missed)) = (level.allowed, level.missed) {
            self.set("dqc_sla_budget_remaining", &of, allowed as f64 - missed as f64);
        }
    }

    /// Laid over what a file held before: counters go on, other contracts and commands stay as they were.
    pub fn over(mut self, before: &str) -> Self {
        for (name, labels, value) in before.lines().filter_map(series) {
            let Some(family) = FAMILIES.iter().find(|f| f.name == name) else { continue };
            let key = (name, labels);
            if family.counter {
                *self.series.entry(key).or_default() += value;
                continue;
            }
            // A gauge that is told for a contract, a command or a channel is told anew for all of it.
            let subject = key.1.first();
            if !self.series.keys().any(|(n, l)| *n == key.0 && (l.first() == subject || family.name == "dqc_build_info")) {
                self.series.insert(key, value);
            }
        }
        self
    }

    /// In Prometheus' text format.
    pub fn prometheus(&self) -> String {
        let mut out = String::new();
        for family in FAMILIES {
            let series: Vec<_> = self.series.iter().filter(|((name, _), _)| name == family.name).collect();
            if series.is_empty() {
                continue;
            }
            let kind = if family.counter { "counter" } else { "gauge" };
            let _ = writeln!(out, "# HELP {} {}\n# TYPE {} {kind}", family.name, family.help, family.name);
            for ((name, labels), value) in series {
                let labels: Vec<String> = labels.iter().map(|(k, v)| format!("{k}=\"{}\"", escaped(v))).collect();
                let _ = writeln!(out, "{name}{{{}}} {value}", labels.join(","));
            }
        }
        out
    }

    /// As the JSON of an OTLP/HTTP request: counters as what this command adds. Instants in nanoseconds since 1970.
    pub fn otlp(&self, began: i64, ended: i64, project: Option<&str>) -> Value {
        let attribute = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
        let metrics: Vec<Value> = FAMILIES
            .iter()
            .filter_map(|family| {
                let points: Vec<Value> = self
                    .series
                    .iter()
                    .filter(|((name, _), _)| name == family.name)
                    .map(|((_, labels), value)| {
                        let attributes: Vec<Value> =
                            labels.iter().map(|(k, v)| attribute(&format!("dqc.{k}"), v)).collect();
                        json!({
                            "attributes": attributes,
                            "startTimeUnixNano": began.to_string(),
                            "timeUnixNano": ended.to_string(),
                            "asDouble": value,
                        })
                    })
                    .collect();
                if points.is_empty() {
                    return None;
                }
                let (name, unit) = family.otlp;
                let data = if family.counter {
                    json!({"sum": {"aggregationTemporality": 1, "isMonotonic": true, "dataPoints": points}})
                } else {
                    json!({"gauge": {"dataPoints": points}})
                };
                let mut metric = json!({"name": name, "description": family.help, "unit": unit});
                metric.as_object_mut()?.extend(data.as_object()?.clone());
                Some(metric)
            })
            .collect();
        let version = env!("CARGO_PKG_VERSION");
        let mut resource = vec![attribute("service.name", "dqc"), attribute("service.version", version)];
        resource.extend(project.map(|name| attribute("dqc.project", name)));
        json!({"resourceMetrics": [{
            "resource": {"attributes": resource},
            "scopeMetrics": [{"scope": {"name": "dqc", "version": version}, "metrics": metrics}],
        }]})
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// One line of a text file: name, labels, value.
fn series(line: &str) -> Option<(String, Labels, f64)> {
    let line = line.trim();
    if line.starts_with('#') {
        return None;
    }
    let (name, rest) = line.split_once('{')?;
    let mut labels = Labels::new();
    let mut chars = rest.chars();
    loop {
        let key: String = chars.by_ref().skip_while(|c| *c == ',').take_while(|c| !matches!(c, '=' | '}')).collect();
        if key.is_empty() {
            break;
        }
        if chars.next()? != '"' {
            return None;
        }
        let mut value = String::new();
        loop {
            match chars.next()? {
                '"' => break,
                '\\' => value.push(match chars.next()? {
                    'n' => '\n',
                    c => c,
                }),
                c => value.push(c),
            }
        }
        labels.push((key, value));
    }
    let value = chars.as_str().trim().parse().ok()?;
    Some((name.to_owned(), labels, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_goes_on_where_it_was() {
        let mut first = Metrics::new();
        first.add("dqc_batches_total", &[("contract", "silver.\"x\\"), ("result", "published")], 2.0);
        first.set("dqc_sla_missed", &[("contract", "silver.a"), ("sla", "old")], 1.0);
        first.set("dqc_sla_missed", &[("contract", "silver.b"), ("sla", "fresh")], 1.0);
        let text = first.prometheus().replace("version=\"", "version=\"older-");
        let mut second = Metrics::new();
        second.add("dqc_batches_total", &[("contract", "silver.\"x\\"), ("result", "published")], 3.0);
        second.set("dqc_sla_missed", &[("contract", "silver.a"), ("sla", "new")], 0.0);
        let text = second.over(&text).prometheus();
        let version = env!("CARGO_PKG_VERSION");
        let wanted = [
            format!("dqc_build_info{{version=\"{version}\"}} 1"),
            "dqc_batches_total{contract=\"silver.\\\"x\\\\\",result=\"published\"} 5".to_owned(),
            "dqc_sla_missed{contract=\"silver.a\",sla=\"new\"} 0".to_owned(),
            "dqc_sla_missed{contract=\"silver.b\",sla=\"fresh\"} 1".to_owned(),
        ];
        let found: Vec<&str> = text.lines().filter(|l| !l.starts_with('#')).collect();
        assert_eq!(found, wanted);
    }
}
