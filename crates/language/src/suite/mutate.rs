//! Which changes of a rule no test notices: each rule is changed in one small place at a time, and the tests are run
//! again. A change that all tests let pass is one that an author could make by mistake.

use crate::check::facts::{Facts, key};
use crate::diagnostics::{Diagnostic, Sink};
use crate::hir::{
    BinaryOp, Checked, Contract, Expr, ExprKind, Nulls, Rule, RuleKind, Test, Type, Value,
};
use crate::source::{SourceMap, Span};

use super::generate::{self, shown, step};
use super::judge::{Verdict, show};
use super::world::{Row, World};
use super::{check, errors, names, rules_of};

/// What came of it.
#[derive(Debug, Default)]
pub struct Mutations {
    /// How many changes were tried.
    pub tried: usize,
    /// How many of them a test noticed.
    pub noticed: usize,
    /// The others that a row can tell apart, and rules that no test names.
    pub findings: Vec<Diagnostic>,
}

/// How many changes of one rule are tried.
const MOST: usize = 60;

/// Changes each rule of the tested contracts. Tests that fail as it is are left out.
pub fn run(checked: &Checked, sources: &SourceMap) -> Mutations {
    let mut out = Mutations::default();
    let mut sink = Sink::default();
    for contract in &checked.contracts {
        let rules = rules_of(checked, contract);
        let tests: Vec<(&Test, World)> = checked
            .tests
            .iter()
            .filter(|t| t.dataset == contract.dataset)
            .map(|t| (t, World::of(checked, contract, t)))
            .filter(|(t, world)| check(&rules, t, world).is_empty())
            .collect();
        if tests.is_empty() {
            continue;
        }
        for (i, rule) in rules.iter().enumerate() {
            if !tests.iter().any(|(t, _)| names(&t.expects, &rule.name)) {
                if !rule.name.contains('.') {
                    let row = generate::examples(contract, rule).breaks.map(|r| shown(&r));
                    sink.push(errors::untested(rule.condition_span, &rule.name, row.as_deref()));
                }
                continue;
            }
            for change in changes(contract, rule, sources).into_iter().take(MOST) {
                out.tried += 1;
                let mut changed = rules.clone();
                if let Some(place) = changed.get_mut(i) {
                    *place = &change.rule;
                }
                if tests.iter().any(|(t, world)| !check(&changed, t, world).is_empty()) {
                    out.noticed += 1;
                    continue;
                }
                match telling(contract, rule, &change.rule) {
                    // most likely the two mean the same
                    Telling::None => out.tried -= 1,
                    telling => sink.push(errors::unnoticed(change.at, &rule.name, &change.what, &telling)),
                }
            }
        }
    }
    out.findings = sink.into_sorted();
    out
}

/// What tells a changed rule from the rule.
pub enum Telling {
    Row(Vec<(String, Value)>),
    /// A batch of this value.
    Value(String),
    /// It takes more than one row.
    Batch,
    None,
}

/// A row of which the two rules say different things.
fn telling(contract: &Contract, rule: &Rule, changed: &Rule) -> Telling {
    let (RuleKind::Row { condition: a }, RuleKind::Row { condition: b }) = (&rule.kind, &changed.kind) else {
        let facts = Facts::over_batch([rule, changed].into_iter());
        let [a, b] = facts.rules.as_slice() else { return Telling::Batch };
        let value = facts.one_number(&[&a.breaks, &b.accepts]).or_else(|| facts.one_number(&[&b.breaks, &a.accepts]));
        return value.map(Telling::Value).or_else(|| alone(contract, rule, changed)).unwrap_or(Telling::Batch);
    };
    let read = generate::read_by(&[rule, changed]);
    let exprs: Vec<&Expr> = rule.when.iter().chain([a, b]).collect();
    let breaks = |rule: &Rule, row: &Row| generate::verdict(contract, rule, row) == Verdict::Breaks;
    match generate::find(contract, &read, &exprs, &|row| breaks(rule, row) != breaks(changed, row)) {
        Some((row, _)) => Telling::Row(row.values.into_iter().filter(|(name, _)| read.contains(name)).collect()),
        None => Telling::None,
    }
}

/// A batch of one row of which the two rules say different things.
fn alone(contract: &Contract, rule: &Rule, changed: &Rule) -> Option<Telling> {
    let conditions = |r: &Rule| match &r.kind {
        RuleKind::Aggregate { condition, .. } => r.when.iter().chain([condition]).cloned().collect(),
        _ => Vec::new(),
    };
    let exprs: Vec<Expr> = [rule, changed].into_iter().flat_map(conditions).collect();
    let read: Vec<String> = exprs.iter().flat_map(|e| e.columns()).map(str::to_owned).collect();
    let said = |rule: &Rule, row: &Row| generate::verdict(contract, rule, row);
    let wanted = |row: &Row| {
        let both = [said(rule, row), said(changed, row)];
        both[0] != both[1] && both.contains(&Verdict::Breaks)
    };
    let (row, _) = generate::find(contract, &read, &exprs.iter().collect::<Vec<_>>(), &wanted)?;
    Some(Telling::Row(row.values.into_iter().filter(|(name, _)| read.contains(name)).collect()))
}

struct Change {
    at: Span,
    /// `<=` becomes `<`
    what: String,
    rule: Rule,
}

fn changes(contract: &Contract, rule: &Rule, sources: &SourceMap) -> Vec<Change> {
    let mut found = Vec::new();
    let cx = Context { contract, sources };
    let with = |kind: RuleKind| Rule { kind, ..rule.clone() };
    let mut add = |variants: Vec<Variant>, make: &dyn Fn(Expr) -> Rule| {
        for v in variants.into_iter().filter(|v| v.at.file == contract.file) {
            found.push(Change { at: v.at, what: v.what, rule: make(v.expr) });
        }
    };
    match &rule.kind {
        RuleKind::Row { condition } => {
            add(cx.variants(condition), &|condition| with(RuleKind::Row { condition }));
        }
        RuleKind::Aggregate { condition, value, limit } => add(cx.variants(condition), &|condition| {
            with(RuleKind::Aggregate { condition, value: value.clone(), limit: limit.clone() })
        }),
        _ => {}
    }
    if let Some(when) = &rule.when {
        add(cx.variants(when), &|when| Rule { when: Some(when), ..rule.clone() });
        found.push(Change {
            at: when.span,
            what: "the `when` is left out".into(),
            rule: Rule { when: None, ..rule.clone() },
        });
    }
    if let RuleKind::Unique { by, keep, key: false } = &rule.kind {
        for (i, e) in by.iter().enumerate().filter(|_| by.len() > 1) {
            let mut by = by.clone();
            by.remove(i);
            let kind = RuleKind::Unique { by, keep: keep.clone(), key: false };
            found.push(Change { at: e.span, what: format!("`{}` is left out", cx.text(e.span)), rule: with(kind) });
        }
    }
    if let RuleKind::Row { condition } = &rule.kind {
        if condition.nullable {
            let (nulls, what) = match rule.nulls {
                Nulls::Pass => (Nulls::Fail, "null fails instead of passing"),
                Nulls::Fail => (Nulls::Pass, "null passes instead of failing"),
            };
            let rule = Rule { nulls, ..rule.clone() };
            found.push(Change { at: condition.span, what: what.into(), rule });
        }
    }
    // A range reads its value twice.
    let mut told = std::collections::HashSet::new();
    found.retain(|change| told.insert((change.at, change.what.clone())));
    found
}

struct Context<'a> {
    contract: &'a Contract,
    sources: &'a SourceMap,
}

/// An expression changed in one place.
struct Variant {
    at: Span,
    what: String,
    expr: Expr,
}

impl Context<'_> {
    fn text(&self, span: Span) -> &str {
        self.sources.get(span.file).text.get(span.range()).unwrap_or("")
    }

    fn variants(&self, expr: &Expr) -> Vec<Variant> {
        let mut found = self.here(expr);
        // of a list, values are left out; changing them as well says nothing more
        let slots = if matches!(expr.kind, ExprKind::In { .. }) { 1 } else { expr.children().len() };
        for slot in 0..slots {
            let child = expr.children().into_iter().nth(slot);
            for v in child.into_iter().flat_map(|c| self.variants(c)) {
                let mut changed = expr.clone();
                if let Some(place) = changed.children_mut().into_iter().nth(slot) {
                    *place = v.expr;
                }
                found.push(Variant { at: v.at, what: v.what, expr: changed });
            }
        }
        found
    }

    fn here(&self, expr: &Expr) -> Vec<Variant> {
        let mut found = Vec::new();
        let mut add = |what: String, kind: ExprKind| {
            found.push(Variant { at: expr.span, what, expr: Expr { kind, ..expr.clone() } });
        };
        match &expr.kind {
            ExprKind::Binary { op, left, right } => {
                if let Some(other) = other(*op, right) {
                    let kind = ExprKind::Binary { op: other, left: left.clone(), right: right.clone() };
                    if let Some(what) = self.exchange(expr, *op, other) {
                        add(what, kind);
                    }
                }
            }
            ExprKind::Not(of) => add("`not` is left out".into(), of.kind.clone()),
            ExprKind::IsNull(_) => {
                add("`is null` becomes its opposite".into(), ExprKind::Not(Box::new(expr.clone())));
            }
            ExprKind::Literal(value) if !matches!(value, Value::Bool(_)) => {
                for by in [1, -1] {
                    if let Some(near) = step(value, by) {
                        let what = format!("`{}` becomes {}", self.text(expr.span), show(&near));
                        add(what, ExprKind::Literal(near));
                    }
                }
            }
            ExprKind::In { value, list } if list.len() > 1 => {
                for (i, item) in list.iter().enumerate().take(4) {
                    let mut list = list.clone();
                    list.remove(i);
                    let what = format!("`{}` is left out of the list", self.text(item.span));
                    add(what, ExprKind::In { value: value.clone(), list });
                }
            }
            ExprKind::Column(name) => {
                let alike = |c: &&crate::hir::Column| c.ty == expr.ty && c.name != *name;
                for column in self.contract.columns.iter().filter(alike).take(2) {
                    add(format!("`{name}` becomes `{}`", column.name), ExprKind::Column(column.name.clone()));
                }
            }
            ExprKind::Quantified { every, variable, source, body } => {
                let (from, to) = if *every { ("every", "any") } else { ("any", "every") };
                let kind = ExprKind::Quantified {
                    every: !every,
                    variable: variable.clone(),
                    source: source.clone(),
                    body: body.clone(),
                };
                add(format!("`{from}` becomes `{to}`"), kind);
            }
            _ => {}
        }
        found
    }

    /// How an exchanged operator is told; one that the author did not write is a range's end.
    fn exchange(&self, expr: &Expr, op: BinaryOp, other: BinaryOp) -> Option<String> {
        let text = self.text(expr.span).to_lowercase();
        if op == BinaryOp::And && is_range(expr) && text.contains("between") {
            return None;
        }
        if text.contains(op.text()) && !(text.contains("between") && op.is_comparison()) {
            return Some(format!("`{}` becomes `{}`", op.text(), other.text()));
        }
        match op {
            BinaryOp::GreaterEqual => Some("the range's lower end is left out of it".into()),
            BinaryOp::LessEqual => Some("the range's upper end is left out of it".into()),
            _ => None,
        }
    }
}

/// Whether it is what `between` stands for.
fn is_range(expr: &Expr) -> bool {
    let ExprKind::Binary { left, right, .. } = &expr.kind else { return false };
    match (&left.kind, &right.kind) {
        (
            ExprKind::Binary { op: BinaryOp::GreaterEqual, left: a, .. },
            ExprKind::Binary { op: BinaryOp::LessEqual, left: b, .. },
        ) => key(a) == key(b),
        _ => false,
    }
}

/// The operator that is most easily taken for another.
fn other(op: BinaryOp, right: &Expr) -> Option<BinaryOp> {
    Some(match op {
        BinaryOp::Or => BinaryOp::And,
        BinaryOp::And => BinaryOp::Or,
        BinaryOp::Equal => BinaryOp::NotEqual,
        BinaryOp::NotEqual => BinaryOp::Equal,
        BinaryOp::Less => BinaryOp::LessEqual,
        BinaryOp::LessEqual => BinaryOp::Less,
        BinaryOp::Greater => BinaryOp::GreaterEqual,
        BinaryOp::GreaterEqual => BinaryOp::Greater,
        BinaryOp::Add if right.ty != Type::String => BinaryOp::Subtract,
        BinaryOp::Subtract => BinaryOp::Add,
        _ => return None,
    })
}
