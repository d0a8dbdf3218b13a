//! Judges the rules over a test's rows, stage by stage, as a run does: what a stage holds back, the next does not see.

use std::collections::BTreeMap;

use crate::eval::{Reason, Scope, cast, eval, holds, value};
use crate::hir::{Above, Act, Among, Expr, ForEach, Nulls, Over, Rule, RuleKind, Value};

use super::world::{Row, View, World, not_given};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Holds,
    Breaks,
    /// With the reason.
    NotEvaluated(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    pub rule: String,
    pub verdict: Verdict,
    /// The test's rows that break it, counted from 1.
    pub rows: Vec<u64>,
    /// The test's rows for which the condition is null, and passes.
    pub unknown: Vec<u64>,
    /// Why: the row's reason or values; for a batch the value and the limit.
    pub why: BTreeMap<u64, String>,
    pub note: Option<String>,
    /// Rows or groups that were judged.
    checked: usize,
    violations: usize,
}

impl Judged {
    fn new(rule: &Rule) -> Self {
        Judged {
            rule: rule.name.clone(),
            verdict: Verdict::Holds,
            rows: Vec::new(),
            unknown: Vec::new(),
            why: BTreeMap::new(),
            note: None,
            checked: 0,
            violations: 0,
        }
    }

    fn unjudged(rule: &Rule, why: impl ToString) -> Self {
        Judged { verdict: Verdict::NotEvaluated(why.to_string()), ..Judged::new(rule) }
    }

    fn breaks(&mut self, row: &Row, why: impl FnOnce() -> String) {
        self.verdict = Verdict::Breaks;
        self.violations += 1;
        if let Some(number) = row.number {
            self.rows.push(number);
            self.why.insert(number, why());
        }
    }
}

/// The verdicts, in the rules' order.
pub fn judge(rules: &[&Rule], world: &World) -> Vec<Judged> {
    let mut found: BTreeMap<usize, Judged> = BTreeMap::new();
    let mut current: Vec<&Row> = world.batch.iter().collect();
    for stage in 0..4 {
        let mut held: Vec<u64> = Vec::new();
        for (i, rule) in rules.iter().enumerate().filter(|(_, r)| stage_of(r) == stage) {
            let judged = judge_rule(rule, world, &current);
            if effect(rule, &judged, world.batch.len()) == Some(Act::Quarantine) {
                held.extend(&judged.rows);
            }
            found.insert(i, judged);
        }
        current.retain(|row| row.number.is_none_or(|n| !held.contains(&n)));
    }
    found.into_values().collect()
}

fn stage_of(rule: &Rule) -> usize {
    match rule.kind {
        RuleKind::Type { .. } | RuleKind::Mapping { .. } | RuleKind::Row { .. } => 0,
        RuleKind::References { .. } => 1,
        RuleKind::Unique { .. } => 2,
        RuleKind::Aggregate { .. } | RuleKind::NoRows { .. } => 3,
    }
}

/// The last action whose threshold is passed.
fn effect(rule: &Rule, judged: &Judged, all: usize) -> Option<Act> {
    let acts = |above: Option<Above>| match above {
        None => judged.violations > 0,
        Some(Above::Rows(n) | Above::Groups(n)) => judged.violations as u64 > n,
        Some(Above::Percent { percent, of_all_rows }) => {
            let of = if of_all_rows { all } else { judged.checked };
            judged.violations as f64 * 100.0 > percent * of as f64
        }
    };
    rule.actions.iter().rev().find(|a| acts(a.above)).map(|a| a.act)
}

fn judge_rule(rule: &Rule, world: &World, current: &[&Row]) -> Judged {
    let input: Vec<&Row>;
    let rows: &[&Row] = match rule.over {
        Over::Batch => current,
        Over::Input => {
            input = world.batch.iter().collect();
            &input
        }
        Over::Table => {
            input = world.after(current);
            &input
        }
    };
    let view = View { world, rule: &rule.name, row: None, group: &[], own: rows, current };
    match &rule.kind {
        RuleKind::Type { .. } | RuleKind::Mapping { .. } => Judged::new(rule),
        RuleKind::Row { condition } => row_rule(rule, condition, rows, &view),
        RuleKind::Unique { by, keep, key } => {
            let rows = if *key && !world.merges() { world.after(rows) } else { rows.to_vec() };
            unique(rule, by, keep.as_ref(), *key, &rows, &view)
        }
        RuleKind::References { columns, dataset, target } => references(rule, columns, dataset, target, rows, &view),
        RuleKind::Aggregate { condition, value, limit } => {
            let sides = (value.as_ref(), limit.as_ref());
            batch_rule(rule, condition, sides, rows, &view)
        }
        RuleKind::NoRows { .. } => Judged::unjudged(rule, "SQL is judged by a run only"),
    }
}

/// Whether a row meets the rule's `when`; what cannot be computed breaks the rule.
fn meets(rule: &Rule, scope: &dyn Scope) -> Result<bool, Reason> {
    Ok(rule.when.as_ref().map_or(Ok(Some(true)), |when| holds(when, scope))? == Some(true))
}

const NO_ROW: &str = "no row meets its `when`";
const NOTHING: &str = "there are no rows";

fn nothing(rule: &Rule) -> Judged {
    Judged::unjudged(rule, if rule.when.is_some() { NO_ROW } else { NOTHING })
}

/// What a row rule's condition says of a row; `None` where the rule does not ask it.
fn outcome(rule: &Rule, condition: &Expr, scope: &dyn Scope) -> Option<Result<Option<bool>, Reason>> {
    match meets(rule, scope) {
        Ok(false) => None,
        Ok(true) => Some(holds(condition, scope)),
        Err(why) => Some(Err(why)),
    }
}

fn row_rule(rule: &Rule, condition: &Expr, rows: &[&Row], view: &View) -> Judged {
    let mut judged = Judged::new(rule);
    let mut met = 0;
    for row in rows {
        let Some(outcome) = outcome(rule, condition, &view.at(row)) else { continue };
        met += 1;
        judged.checked += 1;
        match outcome {
            Ok(Some(true)) => {}
            Ok(None) if rule.nulls == Nulls::Pass => {
                judged.checked -= 1;
                judged.unknown.extend(row.number);
            }
            Ok(Some(false)) => judged.breaks(row, || values(&[condition], row)),
            Ok(None) => judged.breaks(row, || format!("it is null: {}", values(&[condition], row))),
            Err(why) => judged.breaks(row, || format!("{why}: {}", values(&[condition], row))),
        }
    }
    if met == 0 { nothing(rule) } else { judged }
}

/// Whether some row of a batch breaks a row rule, without saying why.
pub fn is_broken(rule: &Rule, world: &World) -> bool {
    let RuleKind::Row { condition } = &rule.kind else { return false };
    let rows: Vec<&Row> = world.batch.iter().collect();
    let view = View { world, rule: &rule.name, row: None, group: &[], own: &rows, current: &rows };
    rows.iter().any(|row| match outcome(rule, condition, &view.at(row)) {
        None => false,
        Some(Ok(Some(holds))) => !holds,
        Some(Ok(None)) => rule.nulls != Nulls::Pass,
        Some(Err(_)) => true,
    })
}

/// `amount = 0.00, status = "paid"`
fn values(of: &[&Expr], row: &Row) -> String {
    let mut names: Vec<&str> = Vec::new();
    for expr in of {
        crate::check::facts::each_part(expr, &mut |part| {
            if let crate::hir::ExprKind::Column(name) = &part.kind {
                if !names.contains(&name.as_str()) {
                    names.push(name);
                }
            }
        });
    }
    let value = |name: &&str| Some(format!("{name} = {}", show(row.get(name)?)));
    names.iter().filter_map(value).collect::<Vec<_>>().join(", ")
}

/// As it would be written in a test's cell.
pub fn show(value: &Value) -> String {
    match value {
        Value::Timestamp(t) => {
            cast::text(&Value::Timestamp(*t)).map_or("?".into(), |s| format!("\"{}Z\"", s.replace(' ', "T")))
        }
        Value::String(_) | Value::Date(_) | Value::TimestampNtz(_) | Value::Time(_) => {
            format!("{:?}", cast::text(value).unwrap_or_default())
        }
        Value::Interval(t) => format!("{} s", *t as f64 / 1e6),
        Value::MonthInterval(n) => format!("{n} months"),
        Value::Double(_) | Value::Float(_) => {
            let text = cast::text(value).unwrap_or_default();
            text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
        }
        Value::Array(_) | Value::Map(_) | Value::Struct(_) => json(value).to_string(),
        other => cast::text(other).unwrap_or_default(),
    }
}

/// A nested value as a cell writes it.
fn json(value: &Value) -> serde_json::Value {
    use serde_json::Value as Json;
    let name = |v: &Value| cast::text(v).unwrap_or_default();
    match value {
        Value::Null => Json::Null,
        Value::Bool(b) => Json::Bool(*b),
        Value::Array(items) => items.iter().map(json).collect(),
        Value::Map(entries) => Json::Object(entries.iter().map(|(k, v)| (name(k), json(v))).collect()),
        Value::Struct(fields) => Json::Object(fields.iter().map(|(n, v)| (n.clone(), json(v))).collect()),
        Value::Int(_) | Value::Decimal { .. } | Value::Float(_) | Value::Double(_) => {
            show(value).parse::<serde_json::Number>().map_or_else(|_| Json::String(name(value)), Json::Number)
        }
        Value::Timestamp(_) => Json::String(show(value).trim_matches('"').to_owned()),
        other => Json::String(name(other)),
    }
}

fn unique(rule: &Rule, by: &[Expr], keep: Option<&crate::hir::Keep>, key: bool, rows: &[&Row], view: &View) -> Judged {
    let mut judged = Judged::new(rule);
    let mut groups: Vec<(Vec<Value>, Vec<&Row>)> = Vec::new();
    for row in rows {
        let scope = view.at(row);
        let found = meets(rule, &scope).and_then(|met| {
            if !met {
                return Ok(None);
            }
            by.iter().map(|e| eval(e, &scope)).collect::<Result<Vec<Value>, _>>().map(Some)
        });
        match found {
            Ok(None) => continue,
            Ok(Some(k)) if k.contains(&Value::Null) => {
                judged.checked += 1;
                if key {
                    judged.breaks(row, || "a part of the key is null".to_owned());
                }
            }
            Ok(Some(mut k)) => {
                judged.checked += 1;
                // Of rows that are merged the newest wins: only a tie breaks the key.
                let newest = view.world.newest().filter(|_| key).and_then(|column| row.get(column));
                if newest == Some(&Value::Null) {
                    continue;
                }
                k.extend(newest.cloned());
                match groups.iter_mut().find(|(other, _)| k.iter().zip(other).all(|(a, b)| value::same(a, b))) {
                    Some((_, rows)) => rows.push(row),
                    None => groups.push((k, vec![row])),
                }
            }
            Err(why) => {
                judged.checked += 1;
                judged.breaks(row, || why.to_string());
            }
        }
    }
    if judged.checked == 0 {
        return nothing(rule);
    }
    for (k, rows) in groups.iter().filter(|(_, rows)| rows.len() > 1) {
        let kept = keep.and_then(|keep| best(keep, rows, view));
        for (i, row) in rows.iter().enumerate() {
            if Some(i) != kept {
                let shown: Vec<String> = k.iter().map(show).collect();
                judged.breaks(row, || format!("{} rows have {}", rows.len(), shown.join(", ")));
            }
        }
    }
    judged.rows.sort_unstable();
    judged
}

/// The row that is kept: the first or last by the expression, the earlier of two alike; nulls are first.
fn best(keep: &crate::hir::Keep, rows: &[&Row], view: &View) -> Option<usize> {
    let mut best: Option<(usize, Value)> = None;
    for (i, row) in rows.iter().enumerate() {
        let by = eval(&keep.by, &view.at(row)).unwrap_or(Value::Null);
        let better = best.as_ref().is_none_or(|(_, so_far)| {
            let order = value::order(&by, so_far);
            if keep.last { order.is_gt() } else { order.is_lt() }
        });
        if better {
            best = Some((i, by));
        }
    }
    best.map(|(i, _)| i)
}

fn references(rule: &Rule, columns: &[String], dataset: &str, target: &[String], rows: &[&Row], view: &View) -> Judged {
    let own;
    let targets: Vec<&Row> = match view.world.given.get(dataset) {
        Some(rows) => rows.iter().collect(),
        None if dataset == view.world.contract.dataset => {
            own = view.world.after(view.current);
            own
        }
        None => return Judged::unjudged(rule, not_given(dataset)),
    };
    let mut judged = Judged::new(rule);
    let mut met = 0;
    for row in rows {
        match meets(rule, &view.at(row)) {
            Ok(false) => continue,
            Ok(true) => {}
            Err(why) => {
                judged.checked += 1;
                judged.breaks(row, || why.to_string());
                continue;
            }
        }
        met += 1;
        let wanted: Vec<Value> = columns.iter().map(|c| row.get(c).cloned().unwrap_or(Value::Null)).collect();
        if wanted.contains(&Value::Null) {
            continue;
        }
        judged.checked += 1;
        let fits = |to: &&Row| wanted.iter().zip(target).all(|(v, c)| to.get(c).is_some_and(|t| value::same(v, t)));
        if !targets.iter().any(|to| fits(to)) {
            let shown: Vec<String> = wanted.iter().map(show).collect();
            judged.breaks(row, || format!("`{dataset}` has no {}", shown.join(", ")));
        }
    }
    if met == 0 && judged.checked == 0 { nothing(rule) } else { judged }
}

fn batch_rule(
    rule: &Rule,
    condition: &Expr,
    sides: (Option<&Expr>, Option<&Expr>),
    rows: &[&Row],
    view: &View,
) -> Judged {
    let mut judged_rows = Vec::new();
    for row in rows {
        match meets(rule, &view.at(row)) {
            Ok(true) => judged_rows.push(*row),
            Ok(false) => {}
            Err(why) => return broken(rule, why.to_string()),
        }
    }
    let Some(each) = &rule.for_each else {
        let scope = View { own: &judged_rows, ..view.at_batch() };
        return one(rule, condition, sides, &scope);
    };
    let groups = match groups(each, &judged_rows, view) {
        Ok(groups) => groups,
        Err(judged) => return Judged::unjudged(rule, judged),
    };
    let mut judged = Judged::new(rule);
    let mut unjudged: Option<Judged> = None;
    for (key, rows) in &groups {
        let names = each.by.iter().map(|(name, _)| name.clone()).zip(key.iter().cloned()).collect::<Vec<_>>();
        let scope = View { own: rows, group: &names, row: rows.first().copied(), ..*view };
        let group = one(rule, condition, sides, &scope);
        match group.verdict {
            Verdict::Holds => judged.checked += 1,
            Verdict::Breaks => {
                judged.checked += 1;
                judged.violations += 1;
                judged.verdict = Verdict::Breaks;
                let shown = names.iter().map(|(n, v)| format!("{n} = {}", show(v))).collect::<Vec<_>>().join(", ");
                let note = group.note.unwrap_or_default();
                judged.note.get_or_insert(format!("{shown}: {note}"));
            }
            Verdict::NotEvaluated(_) => unjudged = Some(group),
        }
    }
    match unjudged {
        Some(group) if judged.checked == 0 => group,
        None if groups.is_empty() => Judged::unjudged(rule, "there are no groups"),
        _ => judged,
    }
}

impl<'a> View<'a> {
    fn at_batch(&self) -> View<'a> {
        View { row: None, ..*self }
    }
}

fn broken(rule: &Rule, note: String) -> Judged {
    Judged { verdict: Verdict::Breaks, violations: 1, checked: 1, note: Some(note), ..Judged::new(rule) }
}

/// A condition over one batch or group.
fn one(rule: &Rule, condition: &Expr, (left, limit): (Option<&Expr>, Option<&Expr>), scope: &View) -> Judged {
    let side = |e: Option<&Expr>| e.and_then(|e| eval(e, scope).ok()).map(|v| show(&v));
    match holds(condition, scope) {
        Ok(Some(true)) => Judged { checked: 1, ..Judged::new(rule) },
        Ok(Some(false)) => {
            let note = match (side(left), side(limit)) {
                (Some(value), Some(limit)) => format!("the value is {value}, the limit {limit}"),
                (Some(value), None) => format!("the value is {value}"),
                _ => "the condition is false".to_owned(),
            };
            broken(rule, note)
        }
        Ok(None) => Judged::unjudged(rule, "its value is null"),
        Err(why) if why == Reason::HISTORY || why.0.ends_with(" given") => Judged::unjudged(rule, why),
        Err(why) => broken(rule, why.to_string()),
    }
}

type Groups<'a> = Vec<(Vec<Value>, Vec<&'a Row>)>;

/// The groups that rows have, and those that must exist.
fn groups<'a>(each: &ForEach, rows: &[&'a Row], view: &View<'a>) -> Result<Groups<'a>, Reason> {
    let mut found: Groups = Vec::new();
    let same = |a: &[Value], b: &[Value]| a.iter().zip(b).all(|(a, b)| value::same(a, b));
    match &each.among {
        Some(Among::Values(values)) => found.extend(values.iter().map(|v| (v.clone(), Vec::new()))),
        Some(Among::Dataset { dataset, columns }) => {
            let rows = view.world.given.get(dataset.as_str()).ok_or_else(|| not_given(dataset))?;
            for row in rows {
                let key: Vec<Value> = columns.iter().map(|c| row.get(c).cloned().unwrap_or(Value::Null)).collect();
                if !found.iter().any(|(k, _)| same(k, &key)) {
                    found.push((key, Vec::new()));
                }
            }
        }
        None => {}
    }
    for row in rows {
        let scope = view.at(row);
        let key = each.by.iter().map(|(_, e)| eval(e, &scope)).collect::<Result<Vec<_>, _>>()?;
        match found.iter_mut().find(|(k, _)| same(k, &key)) {
            Some((_, rows)) => rows.push(row),
            None => found.push((key, vec![row])),
        }
    }
    Ok(found)
}
