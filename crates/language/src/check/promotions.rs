//! Promotions: every column of the target is filled with its type, the writing can be done, rules of its own.

use std::collections::HashMap;
use std::sync::Arc;

use crate::hir::{self, Act, Action, BatchBy, Expr, ExprKind, Mapping, Nulls, Over, Promotion, Rule, RuleKind, Write};
use crate::resolve::{fold, same};
use crate::source::Span;
use crate::syntax::ast;

use super::contracts::Defaults;
use super::directory::Directory;
use super::infer::own_aggregate;
use super::rules::RuleContext;
use super::scope::{self, Schema, SchemaColumn, Scope, Zone};
use super::{Checker, coerce, errors};

/// A promotion between two datasets that there are.
pub struct Ends<'a> {
    pub promote: &'a ast::Promote,
    pub source: Arc<Schema>,
    pub target: Arc<Schema>,
}

impl<'a> Checker<'a> {
    /// `None` where the promotion as a whole makes no sense.
    pub fn ends_of_promotion(&mut self, p: &'a ast::Promote, taken: &mut HashMap<String, Span>) -> Option<Ends<'a>> {
        let file = p.span.file;
        let (source, target) = (self.dataset(&p.from, file), self.dataset(&p.to, file));
        let (source, target) = (source?, target?);
        if same(&source.dataset, &target.dataset) {
            self.report(errors::circle_of_promotions(p.head, &[&source.dataset, &target.dataset]));
            return None;
        }
        if let Some(first) = taken.get(&fold(&target.dataset)) {
            self.report(errors::second_promotion(p.head, &target.dataset, *first));
            return None;
        }
        taken.insert(fold(&target.dataset), p.head);
        Some(Ends { promote: p, source, target })
    }

    /// The checked promotion, and the datasets that its rules read.
    pub fn promotion(&mut self, ends: &Ends<'a>, known: &Directory) -> (Promotion, Vec<(String, Span)>) {
        let Ends { promote: p, source, target } = ends;
        let p: &'a ast::Promote = p;
        let file = p.span.file;
        let contract = known.contract(&target.dataset);
        let zone_of = |dataset: &str| known.contract(dataset).and_then(|c| c.zone.clone());
        let zone = match zone_of(&target.dataset).or_else(|| zone_of(&source.dataset)) {
            Some(zone) => Zone::Known(zone),
            None => Zone::Missing { offer: contract.and_then(|c| self.after_brace(c.head)) },
        };
        let mut out = Promotion {
            from: source.dataset.clone(),
            to: target.dataset.clone(),
            batches: BatchBy::Whole,
            settled: None,
            mappings: Vec::new(),
            write: Write::Append,
            notify: Vec::new(),
            rules: Vec::new(),
            doc: p.doc.clone(),
            span: p.span,
            head: p.head,
        };
        self.reads.clear();
        let rows = Scope::new(file, zone.clone()).with_rows(target.clone());
        self.promotion_parts(p, &rows, target, &mut out);
        self.mappings(p, source, target, &zone, &mut out);
        let defaults = self.promotion_defaults(contract, zone);
        let has_rules = p.items.iter().any(|item| matches!(item, ast::PromoteItem::Rules(..)));
        let own = contract.filter(|_| has_rules).map_or(&[][..], |c| &c.rules);
        let mut context = RuleContext::new(&defaults, own);
        let scope = Scope { source: Some(source.clone()), ..rows };
        for item in &p.items {
            if let ast::PromoteItem::Rules(items, _) = item {
                self.rule_items(items, &scope, &mut context);
            }
        }
        out.rules.append(&mut context.rules);
        (out, std::mem::take(&mut self.reads))
    }

    fn promotion_defaults(&self, contract: Option<&hir::Contract>, zone: Zone) -> Defaults {
        let mut defaults = Defaults { actions: vec![Action { act: Act::Block, above: None }], nulls: None, zone };
        let Some(contract) = contract else { return defaults };
        let Some(written) = self.names.datasets.get(&fold(&contract.dataset)).and_then(|d| d.contract) else { return defaults };
        for part in &written.parts {
            if let ast::Part::Nulls(policy) = part {
                defaults.nulls = Some(if policy.pass { Nulls::Pass } else { Nulls::Fail });
            }
        }
        defaults
    }

    fn promotion_parts(&mut self, p: &'a ast::Promote, rows: &Scope, target: &Schema, out: &mut Promotion) {
        let mut seen: Vec<(&str, Span)> = Vec::new();
        for item in &p.items {
            let (word, span) = match item {
                ast::PromoteItem::Batches { span, .. } => ("batches", *span),
                ast::PromoteItem::With { span, .. } => ("with", *span),
                ast::PromoteItem::Write(_, span) => ("write", *span),
                _ => ("", Span::default()),
            };
            if let Some((_, first)) = seen.iter().find(|(w, _)| !word.is_empty() && *w == word) {
                self.report(errors::part_twice(word, span, *first));
                continue;
            }
            seen.push((word, span));
            match item {
                ast::PromoteItem::Batches { by, settled, .. } => {
                    out.batches = match by {
                        ast::BatchBy::Folder(text) => BatchBy::Folder(text.value.clone()),
                        ast::BatchBy::File => BatchBy::File,
                        ast::BatchBy::Version => BatchBy::Version,
                    };
                    out.settled = settled.as_ref().and_then(|d| self.micros(d));
                }
                ast::PromoteItem::Write(write, span) => out.write = self.write(write, *span, rows, target),
                ast::PromoteItem::Notify { channel, on, .. } => {
                    let on = on.iter().map(|(act, _)| *act).collect();
                    out.notify.push(hir::Notify { channel: channel.text.clone(), on });
                }
                _ => {}
            }
        }
    }

    fn write(&mut self, write: &'a ast::Write, span: Span, rows: &Scope, target: &Schema) -> Write {
        match write {
            ast::Write::Append => Write::Append,
            ast::Write::Replace => Write::Replace,
            ast::Write::Merge(by) => {
                if !target.open && !target.columns.iter().any(|c| c.key) {
                    self.report(errors::merge_needs_key(span, &target.dataset, target.span));
                }
                let by = by.as_ref().map(|e| self.row_value(e, &mut rows.clone())).filter(|e| !e.ty.is_error());
                let is_column = |by: &hir::Expr| matches!(by.kind, ExprKind::Column(_));
                if let Some(by) = by.as_ref().filter(|by| !is_column(by)) {
                    self.report(errors::merge_by_column(by.span, &target.dataset));
                }
                let by = by.filter(is_column);
                Write::Merge { by }
            }
        }
    }

    fn mappings(&mut self, p: &'a ast::Promote, source: &Arc<Schema>, target: &Schema, zone: &Zone, out: &mut Promotion) {
        let mut written: Vec<(&str, &'a ast::Mapping)> = Vec::new();
        let maps = p.items.iter().filter_map(|i| if let ast::PromoteItem::With { maps, .. } = i { Some(maps) } else { None });
        for map in maps.flatten() {
            if let Some((_, first)) = written.iter().find(|(name, _)| same(name, &map.column.text)) {
                self.report(errors::twice("mapping", &map.column.text, map.column.span, &first.column.text, first.column.span));
            } else if target.find(&map.column.text).is_none() {
                if !target.open {
                    self.report(errors::unknown_name(&map.column, "column", target.names(), &target.dataset));
                }
                // What it holds is still read for mistakes.
                self.expr(&map.value, &mut Scope::new(p.span.file, zone.clone()).with_rows(source.clone()));
            } else {
                written.push((&map.column.text, map));
            }
        }
        let junk = p.items.iter().any(|i| matches!(i, ast::PromoteItem::Junk(_)));
        let mut missing: Vec<&SchemaColumn> = Vec::new();
        let mut scope = Scope::new(p.span.file, zone.clone()).with_rows(source.clone());
        for column in &target.columns {
            let map = written.iter().find(|(name, _)| same(name, &column.name)).map(|(_, m)| *m);
            let value = match (map, source.find(&column.name)) {
                (Some(map), _) => self.mapped(map, column, &mut scope),
                (None, Some(found)) => self.carried(p, found, column, &scope),
                (None, None) => {
                    if !column.nullable && !column.ty.is_error() {
                        missing.push(column);
                    }
                    continue;
                }
            };
            self.budget = 0;
            let Some(value) = value else { continue };
            if map.is_some() && can_fail(&value) {
                out.rules.push(cast_rule(column, &value, map.map_or(p.head, |m| m.span)));
            }
            out.mappings.push(Mapping { column: column.name.clone(), value, written: map.is_some() });
        }
        if !missing.is_empty() && !source.open && !junk {
            let with = p.items.iter().find_map(|i| if let ast::PromoteItem::With { span, .. } = i { Some(*span) } else { None });
            self.report(errors::target_not_filled(p.head, with, &source.dataset, &missing));
        }
    }

    /// A written mapping, in the column's type.
    fn mapped(&mut self, map: &'a ast::Mapping, column: &SchemaColumn, scope: &mut Scope) -> Option<Expr> {
        let value = self.expr(&map.value, scope);
        if value.ty.is_error() || column.ty.is_error() {
            return None;
        }
        if let Some(aggregate) = own_aggregate(&value) {
            self.report(errors::mapping_is_for_rows(aggregate.span, self.text(aggregate.span)));
            return None;
        }
        let (span, ty) = (value.span, value.ty.clone());
        match self.convert(value, &column.ty, scope) {
            Ok(value) => Some(value).filter(|v| !v.ty.is_error()),
            Err(value) => {
                let text = self.text(span);
                let cast = coerce::castable(&value.ty, &column.ty);
                self.report(errors::mapping_type(span, &ty, column, text, cast));
                None
            }
        }
    }

    /// A column that the source has under the same name.
    fn carried(&mut self, p: &'a ast::Promote, found: &SchemaColumn, column: &SchemaColumn, scope: &Scope) -> Option<Expr> {
        if found.ty.is_error() || column.ty.is_error() {
            return None;
        }
        let value = scope::column(found, p.head);
        match self.convert(value, &column.ty, scope) {
            Ok(value) => Some(value).filter(|v| !v.ty.is_error()),
            Err(_) => {
                let with = p.items.iter().find_map(|i| if let ast::PromoteItem::With { span, .. } = i { Some(*span) } else { None });
                let cast = coerce::castable(&found.ty, &column.ty);
                self.report(errors::carried_type(p.head, found, column, with, cast));
                None
            }
        }
    }
}

/// Whether a mapping may not be computable for a row.
fn can_fail(e: &Expr) -> bool {
    e.any(&mut |e| match &e.kind {
        ExprKind::Cast { value, attempt: false } => !coerce::widens(&value.ty, &e.ty),
        ExprKind::Call { function, .. } => !matches!(
            function.as_str(),
            "lower" | "upper" | "trim" | "ltrim" | "rtrim" | "length" | "coalesce" | "nullif" | "concat" | "replace" | "reverse"
                | "greatest" | "least" | "starts_with" | "ends_with" | "contains" | "try_to_timestamp"
        ),
        ExprKind::Negate(v) => !v.ty.is_floating(),
        ExprKind::Binary { op, .. } => {
            use hir::BinaryOp::*;
            matches!(op, Divide | Remainder) || matches!(op, Add | Subtract | Multiply) && !e.ty.is_floating()
        }
        _ => false,
    })
}

/// `column.cast`: a row whose mapping cannot be computed is held back.
fn cast_rule(column: &SchemaColumn, value: &Expr, span: Span) -> Rule {
    Rule {
        name: format!("{}.cast", column.name),
        kind: RuleKind::Mapping { column: column.name.clone() },
        when: None,
        for_each: None,
        over: Over::Batch,
        nulls: Nulls::Pass,
        actions: vec![Action { act: Act::Quarantine, above: None }],
        if_not_evaluated: None,
        because: None,
        fix: None,
        tags: Vec::new(),
        doc: String::new(),
        span,
        condition_span: value.span,
    }
}
