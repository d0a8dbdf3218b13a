//! Rules about rows: what each revision accepts, held against the other.

use std::collections::BTreeSet;

use super::{Change, Pair, errors};
use crate::check::facts::witness::{self, Blank, Row};
use crate::check::facts::{Facts, Formula, each_part};
use crate::eval::{self, Scope};
use crate::hir::{Above, Act, Action, Column, Expr, ExprKind, Nulls, Over, Rule, RuleKind, Type, Value};
use crate::stdlib::samples;

pub fn compare(pair: &Pair, changes: &mut Vec<Change>) {
    let strange = strange_columns(pair);
    for over in [Over::Batch, Over::Input, Over::Table] {
        accepted(pair, over, &strange, changes);
    }
    for rule in pair.contract.rules.iter() {
        let Some(was) = pair.rule_before(&rule.name).filter(|was| was.kind.name() == rule.kind.name()) else {
            continue;
        };
        // A rule that goes from a warning to more, or back, has been told of by its rows.
        if rule.kind.points_at_rows() && refuses(was) != refuses(rule) {
            continue;
        }
        for act in [Act::Quarantine, Act::Block] {
            let (before, after) = (threshold(was, act), threshold(rule, act));
            if before == after || (act == Act::Quarantine && !rule.kind.points_at_rows()) {
                continue;
            }
            changes.extend(match (stricter(after, before), stricter(before, after)) {
                (true, _) => Some(errors::acts_sooner(pair.contract, rule, was)),
                (_, true) => Some(errors::acts_later(pair.contract, rule, was)),
                _ => Some(errors::acts_otherwise(pair.contract, rule, was)),
            });
            break;
        }
    }
}

/// What is accepted of the rows of a batch, or of those that rules over its input or the table read.
fn accepted(pair: &Pair, over: Over, strange: &Strange, changes: &mut Vec<Change>) {
    // Rows are refused by more than a warning.
    let judged = |rules: &[Rule]| -> Vec<Rule> {
        let judged = |r: &&Rule| matches!(r.kind, RuleKind::Row { .. }) && r.over == over && refuses(r);
        rules.iter().filter(judged).map(|r| Rule { over: Over::Batch, ..r.clone() }).collect()
    };
    let (old, new) = (judged(&pair.before.rules), judged(&pair.contract.rules));
    let named = |rules: &'_ [Rule], name: &str| rules.iter().position(|r| r.name == name);
    for rule in &new {
        match outcome(pair, rule, &old, named(&old, &rule.name).and_then(|i| old.get(i)), strange, true) {
            Outcome::Same => {}
            Outcome::Example(row) => changes.push(errors::rows_refused(pair.contract, rule, row)),
            Outcome::Unknown => changes.push(errors::rows_perhaps_refused(pair.contract, rule)),
        }
    }
    for rule in &old {
        let now = pair.rule(&rule.name);
        match outcome(pair, rule, &new, named(&new, &rule.name).and_then(|i| new.get(i)), strange, false) {
            Outcome::Same => {}
            Outcome::Example(row) => changes.push(errors::rows_let_through(pair.before, pair.contract, rule, now, row)),
            Outcome::Unknown => changes.push(errors::rows_perhaps_let_through(pair.before, pair.contract, rule, now)),
        }
    }
}

enum Outcome {
    Same,
    Example(Row),
    Unknown,
}

/// Whether a row that `given` lets through breaks `rule`, which stands in the other revision.
fn outcome(
    pair: &Pair,
    rule: &Rule,
    given: &[Rule],
    counterpart: Option<&Rule>,
    strange: &Strange,
    rule_is_new: bool,
) -> Outcome {
    if counterpart.is_some_and(|other| refuses(other) && means_the_same(rule, other)) {
        return Outcome::Same;
    }
    let reads = columns_of(rule);
    // What is said of a column that came or went is said of the column; one whose type has changed breaks
    // somebody by that alone.
    let (here, there) = if rule_is_new { (&strange.added, &strange.gone) } else { (&strange.gone, &strange.added) };
    if reads.iter().any(|c| here.contains(c) && (!rule_is_new || !nullable(&pair.contract.columns, c))) {
        return Outcome::Same;
    }
    if reads.iter().any(|c| strange.changed.contains(c)) {
        return if counterpart.is_some() { Outcome::Same } else { Outcome::Unknown };
    }
    // Rules about columns that this side does not have say nothing of a row that both can hold.
    let given: Vec<&Rule> = given
        .iter()
        .filter(|g| !columns_of(g).iter().any(|c| there.contains(c) || strange.changed.contains(c)))
        .collect();
    let given = connected(&reads, given);
    let facts = Facts::over(std::iter::once(rule).chain(given.iter().copied()));
    let Some(question) = facts.rules.first() else { return Outcome::Unknown };
    let absent: Vec<Formula> = here.iter().filter_map(|c| facts.is_null(c)).collect();
    let formulas: Vec<&Formula> = std::iter::once(&question.breaks)
        .chain(facts.rules.iter().skip(1).map(|r| &r.accepts))
        .chain(&absent)
        .collect();
    if facts.never(&formulas) {
        return Outcome::Same;
    }
    let read: BTreeSet<String> = given.iter().flat_map(|g| columns_of(g)).chain(reads.iter().cloned()).collect();
    let all = || pair.contract.columns.iter().chain(&pair.before.columns);
    let blanks: Vec<Blank> = read
        .iter()
        .filter_map(|name| all().find(|c| c.name == *name))
        .map(|c| Blank { name: &c.name, ty: &c.ty, nullable: true, known: samples_of(pair, &c.name) })
        .collect();
    let constants: Vec<&Expr> = std::iter::once(rule).chain(given.iter().copied()).flat_map(conditions).collect();
    let judge = |row: &Row| {
        let scope = OneRow { row, now: pair.now };
        row.iter().all(|(name, value)| !here.contains(name) || *value == Value::Null)
            && breaks(rule, &scope)
            && !given.iter().any(|g| breaks(g, &scope))
    };
    match witness::find(&facts, &formulas, &blanks, &constants, &judge) {
        // Show the columns that the rule reads; the rest only has to be acceptable.
        Some(row) => Outcome::Example(row.into_iter().filter(|(name, _)| reads.contains(name)).collect()),
        None => Outcome::Unknown,
    }
}

/// Those of the rules that have to do with the columns, be it through others: the rest of a row is free.
fn connected<'r>(columns: &BTreeSet<String>, rules: Vec<&'r Rule>) -> Vec<&'r Rule> {
    let mut reached = columns.clone();
    let mut rest: Vec<(&Rule, BTreeSet<String>)> = rules.iter().map(|r| (*r, columns_of(r))).collect();
    loop {
        let before = rest.len();
        rest.retain(|(_, reads)| {
            let apart = reads.is_disjoint(&reached);
            if !apart {
                reached.extend(reads.iter().cloned());
            }
            apart
        });
        if rest.len() == before {
            break;
        }
    }
    rules.into_iter().filter(|r| !columns_of(r).is_disjoint(&reached)).collect()
}

/// Columns that only one revision has, or that both have with types that cannot be compared.
struct Strange {
    added: BTreeSet<String>,
    gone: BTreeSet<String>,
    changed: BTreeSet<String>,
}

fn strange_columns(pair: &Pair) -> Strange {
    let (old, new) = (pair.before, pair.contract);
    let names = |columns: &[Column], other: &dyn Fn(&Column) -> bool| -> BTreeSet<String> {
        columns.iter().filter(|c| other(c)).map(|c| c.name.clone()).collect()
    };
    Strange {
        added: names(&new.columns, &|c| old.column(&c.name).is_none()),
        gone: names(&old.columns, &|c| new.column(&c.name).is_none()),
        changed: names(&new.columns, &|c| old.column(&c.name).is_some_and(|o| o.ty != c.ty)),
    }
}

/// Texts that the library says its types accept, of the type that either revision gives the column.
fn samples_of(pair: &Pair, column: &str) -> Vec<Value> {
    let types = [pair.before, pair.contract].into_iter().filter_map(|c| c.column(column)?.type_name.as_deref());
    types.flat_map(samples::accepted).cloned().map(Value::String).collect()
}

fn nullable(columns: &[Column], name: &str) -> bool {
    columns.iter().find(|c| c.name == name).is_none_or(|c| c.nullable)
}

fn conditions(rule: &Rule) -> impl Iterator<Item = &Expr> {
    let condition = match &rule.kind {
        RuleKind::Row { condition } => Some(condition),
        _ => None,
    };
    condition.into_iter().chain(&rule.when)
}

fn columns_of(rule: &Rule) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for condition in conditions(rule) {
        each_part(condition, &mut |part| {
            if let ExprKind::Column(name) = &part.kind {
                found.insert(name.clone());
            }
        });
    }
    found
}

/// Equal but for places and words.
pub fn means_the_same(a: &Rule, b: &Rule) -> bool {
    let meaning = |r: &Rule| {
        let (mut kind, mut when, mut groups) = (r.kind.clone(), r.when.clone(), r.for_each.clone());
        match &mut kind {
            RuleKind::Row { condition } => forget_nulls(condition),
            RuleKind::Aggregate { condition, value, limit } => {
                [Some(condition), value.as_mut(), limit.as_mut()].into_iter().flatten().for_each(forget_nulls);
            }
            RuleKind::Unique { by, .. } => by.iter_mut().for_each(forget_nulls),
            RuleKind::Type { .. } | RuleKind::Mapping { .. } | RuleKind::References { .. } | RuleKind::NoRows { .. } => {}
        }
        when.iter_mut().for_each(forget_nulls);
        groups.iter_mut().flat_map(|g| &mut g.by).for_each(|(_, by)| forget_nulls(by));
        serde_json::to_string(&(kind, when, groups, r.over, r.nulls)).ok()
    };
    meaning(a) == meaning(b)
}

/// Whether a value can be null follows from its columns, which are compared by themselves.
fn forget_nulls(expr: &mut Expr) {
    expr.nullable = true;
    expr.children_mut().into_iter().for_each(forget_nulls);
}

/// Whether a violation can keep a row, or its batch, from being published.
pub fn refuses(rule: &Rule) -> bool {
    rule.actions.iter().any(|a| a.act >= Act::Quarantine)
}

/// From which share of violations on a rule does at least this; `None`: never.
fn threshold(rule: &Rule, act: Act) -> Option<Option<Above>> {
    rule.actions.iter().find(|a: &&Action| a.act >= act).map(|a| a.above)
}

/// Whether `a` acts wherever `b` does, and they differ.
fn stricter(a: Option<Option<Above>>, b: Option<Option<Above>>) -> bool {
    match (a, b) {
        (None, _) => false,
        (Some(_), None) | (Some(None), Some(Some(_))) => true,
        (Some(Some(Above::Rows(a))), Some(Some(Above::Rows(b)))) => a < b,
        (Some(Some(Above::Groups(a))), Some(Some(Above::Groups(b)))) => a < b,
        (
            Some(Some(Above::Percent { percent: a, of_all_rows: all })),
            Some(Some(Above::Percent { percent: b, of_all_rows })),
        ) => all == of_all_rows && a < b,
        _ => false,
    }
}

struct OneRow<'r> {
    row: &'r Row,
    now: i64,
}

impl Scope for OneRow<'_> {
    fn column(&self, name: &str) -> Option<Value> {
        self.row.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone())
    }

    fn now(&self) -> i64 {
        self.now
    }
}

fn breaks(rule: &Rule, scope: &OneRow) -> bool {
    let RuleKind::Row { condition } = &rule.kind else { return false };
    let met = rule.when.as_ref().map_or(Ok(Some(true)), |when| eval::holds(when, scope));
    match met {
        Ok(Some(true)) => match eval::holds(condition, scope) {
            Ok(Some(holds)) => !holds,
            Ok(None) => rule.nulls == Nulls::Fail,
            Err(_) => true,
        },
        Ok(_) => false,
        Err(_) => true,
    }
}

/// As a reader would write it: `amount -5.00, status "open"`.
pub fn shown(row: &Row) -> String {
    let one = |(name, value): &(String, Value)| match value {
        Value::Null => format!("`{name}` null"),
        Value::String(text) => format!("`{name}` \"{text}\""),
        other => {
            let text = eval::cast::cast(other.clone(), &Type::String).ok();
            let text = text.and_then(|v| if let Value::String(t) = v { Some(t) } else { None });
            format!("`{name}` {}", text.unwrap_or_else(|| "some value".to_owned()))
        }
    };
    row.iter().map(one).collect::<Vec<_>>().join(", ")
}
