//! Values as people and reports see them: dates in ISO form, what is personal masked, what is secret left out.

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, SecondsFormat, Utc};
use serde_json::Value as Json;

use super::compile::{Judgement, Role, Test};
use super::expr::{Computed, Frame};
use super::types::value_at;
use crate::hir::{Privacy, RuleKind, Value};
use crate::ir::Plan;

/// A value for a report; `None` for what is never shown.
pub fn json(value: &Value, privacy: Privacy) -> Option<Json> {
    match privacy {
        Privacy::Secret => None,
        Privacy::Personal => Some(match value {
            Value::Null => Json::Null,
            Value::String(text) => Json::String(mask(text)),
            _ => Json::String("***".to_string()),
        }),
        Privacy::Public => Some(plain(value)),
    }
}

/// A value in a sentence; `None` for what is never shown.
pub fn text(value: &Value, privacy: Privacy) -> Option<String> {
    json(value, privacy).map(|json| match json {
        Json::String(text) if matches!(value, Value::String(_)) => format!("{text:?}"),
        Json::String(text) => text,
        other => other.to_string(),
    })
}

/// A value that fills a hole of the author's message.
pub fn filling(value: &Value, privacy: Privacy) -> Option<String> {
    json(value, privacy).map(|json| match json {
        Json::String(text) => text,
        other => other.to_string(),
    })
}

/// Keeps the first character and what kind of text it is.
fn mask(text: &str) -> String {
    let first: String = text.chars().take(1).collect();
    if text.contains('@') { format!("{first}***@***") } else { format!("{first}***") }
}

fn plain(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(v) => Json::Bool(*v),
        Value::Int(v) => Json::from(*v),
        Value::Decimal { unscaled, scale } => {
            let digits = decimal(*unscaled, *scale);
            // A JSON number where every reader gets all of its digits.
            let exact = unscaled.unsigned_abs() < 1_000_000_000_000_000;
            let number = if exact { digits.parse::<f64>().ok().and_then(serde_json::Number::from_f64) } else { None };
            number.map_or(Json::String(digits), Json::Number)
        }
        Value::Float(v) => floating(f64::from(*v), v.to_string()),
        Value::Double(v) => floating(*v, v.to_string()),
        Value::String(v) => Json::String(v.clone()),
        Value::Binary(v) => Json::String(v.iter().map(|b| format!("{b:02x}")).collect()),
        Value::Date(days) => {
            let date = NaiveDate::default().checked_add_signed(Duration::days(i64::from(*days)));
            Json::String(date.map_or_else(|| format!("{days} days"), |d| d.to_string()))
        }
        Value::Timestamp(micros) => Json::String(instant(*micros)),
        Value::TimestampNtz(micros) => {
            Json::String(clock(*micros).map_or_else(|| micros.to_string(), |t| t.format("%Y-%m-%dT%H:%M:%S%.f").to_string()))
        }
        Value::Time(micros) => {
            let time = clock(*micros).map(|t| t.format("%H:%M:%S%.f").to_string());
            Json::String(time.unwrap_or_else(|| micros.to_string()))
        }
        Value::Interval(micros) => Json::String(length(*micros)),
        Value::MonthInterval(months) => Json::String(format!("{months} months")),
        Value::Array(items) => Json::Array(items.iter().map(plain).collect()),
        Value::Map(entries) => {
            Json::Array(entries.iter().map(|(k, v)| Json::Array(vec![plain(k), plain(v)])).collect())
        }
        Value::Struct(fields) => Json::Object(fields.iter().map(|(n, v)| (n.clone(), plain(v))).collect()),
    }
}

fn floating(value: f64, text: String) -> Json {
    let short = text.parse::<f64>().unwrap_or(value);
    serde_json::Number::from_f64(short).map_or(Json::String(text), Json::Number)
}

fn decimal(unscaled: i128, scale: u8) -> String {
    let digits = unscaled.unsigned_abs().to_string();
    let scale = usize::from(scale);
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    let sign = if unscaled < 0 { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// RFC 3339 in UTC.
pub fn instant(micros: i64) -> String {
    DateTime::<Utc>::from_timestamp_micros(micros)
        .map_or_else(|| micros.to_string(), |t| t.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

fn clock(micros: i64) -> Option<NaiveDateTime> {
    DateTime::<Utc>::from_timestamp_micros(micros).map(|t| t.naive_utc())
}

fn length(micros: i64) -> String {
    let seconds = micros as f64 / 1e6;
    format!("{seconds} seconds")
}

/// Why a row breaks a rule, in words with the values that the rule reads.
pub fn reason(plan: &Plan, judgement: &Judgement, rule: usize, frame: &mut Frame<'_>, row: usize) -> String {
    let shown = judgement.shown.get(rule).map_or(&[][..], Vec::as_slice);
    let mut values = Vec::new();
    for shown in shown.iter().filter(|s| s.role == Role::Read) {
        let computed = frame.get(shown.node);
        let value = value_of(frame, &computed, shown.node, row);
        if let Some(text) = text(&value, shown.privacy) {
            values.push(format!("{} is {text}", shown.name));
        }
    }
    let values = values.join(", ");
    let tail = match (&plan.rules[rule].rule.kind, failure(judgement, rule, frame, row)) {
        (_, Some(reason)) => reason,
        (RuleKind::References { dataset, .. }, _) => format!("not in {dataset}"),
        (RuleKind::Unique { .. }, _) => "not the only row".to_string(),
        _ => return if values.is_empty() { "not so".to_string() } else { values },
    };
    if values.is_empty() { tail } else { format!("{values}: {tail}") }
}

/// Why a row's condition (or mapping) cannot be computed.
pub fn failure(judgement: &Judgement, rule: usize, frame: &mut Frame<'_>, row: usize) -> Option<String> {
    let check = judgement.checks.iter().find(|c| c.rule == rule)?;
    let (Test::Condition(node) | Test::Mapped(node)) = check.test;
    let mut codes = [Some(node), check.when].into_iter().flatten().map(|n| frame.get(n).error(row));
    let code = codes.find(|c| *c != 0)?;
    Some(judgement.program.reason(code).to_string())
}

/// The value of a node for a row.
pub fn value_of(frame: &Frame<'_>, computed: &Computed, node: super::expr::NodeId, row: usize) -> Value {
    value_at(&computed.values, computed.at(row), frame.program.ty(node))
}
