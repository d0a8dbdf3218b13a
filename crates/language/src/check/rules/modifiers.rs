//! What stands after a rule's condition.

use crate::hir::{Act, Among, ExprKind, ForEach, Grain, Nulls, Over, RuleKind, Value};
use crate::source::Span;
use crate::syntax::ast::{self, RuleMod};

use super::super::infer::own_aggregate;
use super::super::scope::{Scope, non_null_when};
use super::super::{Checker, errors};
use super::RuleContext;

/// A rule's modifiers, each once.
#[derive(Default)]
pub struct Modifiers<'a> {
    pub when: Option<(&'a ast::Expr, Span)>,
    pub for_each: Option<(&'a [ast::Expr], Option<&'a ast::Among>, Span)>,
    pub over: Option<(ast::OverWhat, Span)>,
    pub nulls: Option<ast::NullPolicy>,
    pub actions: Option<&'a ast::Else>,
    pub not_evaluated: Option<(Act, Span)>,
    pub because: Option<&'a ast::Text>,
    pub fix: Option<&'a ast::Text>,
    pub tags: &'a [ast::Name],
}

impl<'a> Checker<'a> {
    pub fn each_modifier_stands_once(&mut self, mods: &'a [RuleMod]) -> Modifiers<'a> {
        let mut found = Modifiers::default();
        let mut seen: Vec<(&str, Span)> = Vec::new();
        for m in mods {
            let (word, span) = named(m);
            if let Some((_, first)) = seen.iter().find(|(w, _)| *w == word) {
                self.report(errors::part_twice(word, span, *first));
                continue;
            }
            seen.push((word, span));
            match m {
                RuleMod::When(e, span) => found.when = Some((e, *span)),
                RuleMod::ForEach { by, among, span } => found.for_each = Some((by, among.as_ref(), *span)),
                RuleMod::Over(what, span) => found.over = Some((*what, *span)),
                RuleMod::Nulls(policy) => found.nulls = Some(*policy),
                RuleMod::Else(e) => found.actions = Some(e),
                RuleMod::NotEvaluated(act, span) => found.not_evaluated = Some((*act, *span)),
                RuleMod::Because(text, _) => found.because = Some(text),
                RuleMod::Fix(text, _) => found.fix = Some(text),
                RuleMod::Tags(names, _) => found.tags = names,
            }
        }
        found
    }

    pub fn groups_are_made_of_row_values(&mut self, mods: &Modifiers<'a>, s: &mut Scope) -> Option<ForEach> {
        let (by, among, span) = mods.for_each?;
        let mut found = Vec::with_capacity(by.len());
        for e in by {
            let value = self.expr(e, s);
            if value.ty.is_error() {
                continue;
            }
            if value.grain != Grain::Row || own_aggregate(&value).is_some() {
                self.report(errors::group_by_row_value(value.span, self.text(value.span)));
                continue;
            }
            let name = match &value.kind {
                ExprKind::Column(name) => name.clone(),
                _ => self.text(value.span).to_owned(),
            };
            found.push((name, value));
        }
        s.groups = found.iter().map(|(_, e)| e.without_spans()).collect();
        s.grouped = true;
        let among = match among {
            Some(among) => self.groups_that_must_exist(among, &found, span, s),
            None => enumerated_groups(&found, s),
        };
        Some(ForEach { by: found, among })
    }

    fn groups_that_must_exist(
        &mut self,
        among: &'a ast::Among,
        by: &[(String, crate::hir::Expr)],
        span: Span,
        s: &mut Scope,
    ) -> Option<Among> {
        match among {
            ast::Among::Values(values, list) => {
                let [(_, column)] = by else {
                    self.report(errors::among_one(*list, by.len()));
                    return None;
                };
                let mut found = Vec::with_capacity(values.len());
                for e in values {
                    let value = self.expr(e, s);
                    let (value_span, ty) = (value.span, value.ty.clone());
                    match self.convert(value, &column.ty, s) {
                        Ok(e) => {
                            if let ExprKind::Literal(v) = e.kind {
                                found.push(vec![v]);
                            }
                        }
                        Err(_) => self.report(errors::values_differ(value_span, &ty, &column.ty)),
                    }
                }
                Some(Among::Values(found))
            }
            ast::Among::Dataset(path, columns, _) => {
                let schema = self.dataset(path, s.file)?;
                self.reads.push((schema.dataset.clone(), path.span));
                if columns.len() != by.len() {
                    self.report(errors::reference_count(span, by.len(), columns.len()));
                    return None;
                }
                let mut names = Vec::with_capacity(columns.len());
                for name in columns {
                    match schema.find(&name.text) {
                        Some(column) => names.push(column.name.clone()),
                        None if schema.open => return None,
                        None => {
                            self.report(errors::unknown_name(name, "column", schema.names(), &schema.dataset));
                            return None;
                        }
                    }
                }
                Some(Among::Dataset { dataset: schema.dataset.clone(), columns: names })
            }
        }
    }

    pub fn when_is_decided_row_by_row(&mut self, mods: &Modifiers<'a>, s: &Scope) -> Option<crate::hir::Expr> {
        let (condition, _) = mods.when?;
        let mut s = Scope { groups: Vec::new(), grouped: false, ..s.clone() };
        let found = self.condition(condition, &mut s, "`when`");
        if let Some(aggregate) = own_aggregate(&found) {
            self.report(errors::when_is_for_rows(aggregate.span, self.text(aggregate.span)));
            return None;
        }
        Some(found).filter(|e| !e.ty.is_error())
    }

    /// What is tested before a condition is judged need not be tested in it.
    pub fn known_by(&self, when: Option<&crate::hir::Expr>, s: &mut Scope) {
        if let Some(when) = when {
            non_null_when(when, true, &mut s.known);
        }
    }

    pub fn the_modifiers_fit_the_kind(&mut self, kind: &RuleKind, mods: &Modifiers<'a>) {
        if let (Some((_, _, span)), false) = (mods.for_each, matches!(kind, RuleKind::Aggregate { .. })) {
            self.report(errors::for_each_needs_aggregate(span, kind.name()));
        }
        if let (Some((_, span)), true) = (mods.when, matches!(kind, RuleKind::NoRows { .. })) {
            self.report(errors::not_for_this_kind("when", span, "a rule in SQL", "Write the condition into the query."));
        }
        if let (Some(policy), false) = (mods.nulls, matches!(kind, RuleKind::Row { .. })) {
            let help = "Only a condition on each row can be null for a row; delete it here.";
            self.report(errors::not_for_this_kind("nulls", policy.span, kind_in_words(kind), help));
        }
    }

    pub fn the_rows_judged_are_known(&mut self, kind: &RuleKind, mods: &Modifiers<'a>) -> Over {
        let Some((over, span)) = mods.over else { return Over::Batch };
        if matches!(kind, RuleKind::NoRows { .. }) {
            let help = "The query names what it reads: `batch`, `input`, `table` or a dataset.";
            self.report(errors::not_for_this_kind("over", span, "a rule in SQL", help));
        }
        match over {
            ast::OverWhat::Batch => Over::Batch,
            ast::OverWhat::Input => Over::Input,
            ast::OverWhat::Table => Over::Table,
        }
    }

    pub fn null_is_decided(
        &mut self,
        rule: &'a ast::Rule,
        kind: &RuleKind,
        mods: &Modifiers<'a>,
        context: &RuleContext,
    ) -> Nulls {
        let RuleKind::Row { condition } = kind else { return Nulls::Pass };
        if let Some(policy) = mods.nulls {
            return if policy.pass { Nulls::Pass } else { Nulls::Fail };
        }
        if let Some(nulls) = context.nulls {
            return nulls;
        }
        // An included set is asked about once, however many of its rules need an answer.
        let told = |c: &mut Self| context.included.as_ref().is_some_and(|(_, span)| !c.nulls_asked.insert(*span));
        if condition.nullable && !told(self) {
            let mut end = rule.cond.span();
            for span in [mods.when.map(|(_, s)| s), mods.for_each.map(|(_, _, s)| s), mods.over.map(|(_, s)| s)].into_iter().flatten() {
                end = end.to(span);
            }
            let culprit = nullable_leaf(condition).map(|e| (e.span, self.text(e.span)));
            self.report(errors::null_undecided(rule.cond.span(), culprit, end.after()));
        }
        Nulls::Pass
    }

    pub fn it_is_said_what_no_verdict_means(&mut self, kind: &RuleKind, mods: &Modifiers<'a>) -> Option<Act> {
        match mods.not_evaluated {
            Some((Act::Quarantine, span)) => {
                self.report(errors::not_evaluated_has_no_rows(span));
                None
            }
            Some((act, _)) => Some(act),
            None if kind.points_at_rows() => None,
            None => Some(Act::Warn),
        }
    }
}

/// A column of an enumerated type names its groups itself.
fn enumerated_groups(by: &[(String, crate::hir::Expr)], s: &Scope) -> Option<Among> {
    let [(_, e)] = by else { return None };
    let ExprKind::Column(name) = &e.kind else { return None };
    let values: &Vec<Value> = s.rows.as_ref()?.find(name)?.values.as_ref()?;
    Some(Among::Values(values.iter().map(|v| vec![v.clone()]).collect()))
}

/// The part to blame for a condition that can be null.
fn nullable_leaf(e: &crate::hir::Expr) -> Option<&crate::hir::Expr> {
    if !e.nullable {
        return None;
    }
    e.children().into_iter().find_map(nullable_leaf).or(Some(e))
}

pub fn kind_in_words(kind: &RuleKind) -> &'static str {
    match kind {
        RuleKind::Row { .. } => "a condition on each row",
        RuleKind::Unique { .. } => "`unique`",
        RuleKind::References { .. } => "`references`",
        RuleKind::Aggregate { .. } => "a condition on the whole batch",
        RuleKind::NoRows { .. } => "a rule in SQL",
        RuleKind::Type { .. } | RuleKind::Mapping { .. } => "a column's claim",
    }
}

fn named(m: &RuleMod) -> (&'static str, Span) {
    match m {
        RuleMod::When(_, span) => ("when", *span),
        RuleMod::ForEach { span, .. } => ("for each", *span),
        RuleMod::Over(_, span) => ("over", *span),
        RuleMod::Nulls(policy) => ("nulls", policy.span),
        RuleMod::Else(e) => ("else", e.span),
        RuleMod::NotEvaluated(_, span) => ("if not evaluated", *span),
        RuleMod::Because(_, span) => ("because", *span),
        RuleMod::Fix(_, span) => ("fix", *span),
        RuleMod::Tags(_, span) => ("tags", *span),
    }
}
