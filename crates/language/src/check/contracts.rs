//! Contracts: first every dataset's columns, then what each contract demands.

use std::sync::Arc;

use crate::hir::{self, Act, Action, Nulls, OtherColumns, Privacy, Type, Value};
use crate::resolve::fold;
use crate::source::Span;
use crate::syntax::ast;

use super::rules::RuleContext;
use super::scope::{Schema, SchemaColumn, Scope, Zone};
use super::types::{Claim, Meant};
use super::{Checker, errors, literals};

/// A contract whose columns are known.
pub struct Declared<'a> {
    pub contract: &'a ast::Contract,
    pub schema: Arc<Schema>,
    pub columns: Vec<(&'a ast::Column, Meant<'a>)>,
}

/// What a contract says once for all of its rules.
pub struct Defaults {
    pub actions: Vec<Action>,
    pub nulls: Option<Nulls>,
    pub zone: Zone,
}

impl<'a> Checker<'a> {
    /// The columns of a contract; `None` for the second contract of a dataset.
    pub fn declare(&mut self, contract: &'a ast::Contract) -> Option<Declared<'a>> {
        let dataset = contract.dataset.text();
        let first = self.names.datasets.get(&fold(&dataset)).and_then(|d| d.contract);
        if !first.is_some_and(|first| std::ptr::eq(first, contract)) {
            return None;
        }
        let file = contract.span.file;
        let mut schema = Schema::new(&dataset, contract.dataset.span);
        let mut columns = Vec::new();
        for part in &contract.parts {
            match part {
                ast::Part::Columns(block) => {
                    for item in &block.items {
                        match item {
                            ast::ColumnItem::Column(column) => {
                                let meant = self.refined(&column.refined, file);
                                self.declare_column(&mut schema, column, meant, &mut columns);
                            }
                            ast::ColumnItem::Junk(span) => self.declare_junk(&mut schema, *span),
                        }
                    }
                }
                ast::Part::Junk(_) => schema.open = true,
                _ => {}
            }
        }
        let schema = Arc::new(schema);
        Arc::make_mut(&mut self.schemas).insert(fold(&dataset), schema.clone());
        Some(Declared { contract, schema, columns })
    }

    fn declare_column(
        &mut self,
        schema: &mut Schema,
        column: &'a ast::Column,
        meant: Meant<'a>,
        columns: &mut Vec<(&'a ast::Column, Meant<'a>)>,
    ) {
        let has = |wanted: fn(&ast::ColumnMod) -> bool| column.mods.iter().any(wanted);
        let privacy = if has(|m| matches!(m, ast::ColumnMod::Secret(_))) {
            Privacy::Secret
        } else if has(|m| matches!(m, ast::ColumnMod::Personal(_))) {
            Privacy::Personal
        } else {
            Privacy::Public
        };
        let added = schema.add(SchemaColumn {
            name: column.name.text.clone(),
            ty: meant.ty.clone(),
            nullable: meant.nullable,
            key: has(|m| matches!(m, ast::ColumnMod::Key(_))),
            unique: has(|m| matches!(m, ast::ColumnMod::Unique(_))),
            privacy,
            values: values(&meant.claims, &meant.ty).map(Arc::new),
            span: column.name.span,
        });
        match added {
            Ok(()) => columns.push((column, meant)),
            Err(first) => {
                let d = errors::twice("column", &column.name.text, column.name.span, &first.name, first.span);
                self.report(d);
            }
        }
    }

    /// A column whose line could not be read still has its name, if that can be seen.
    fn declare_junk(&mut self, schema: &mut Schema, span: Span) {
        let head = self.text(span).split(':').next().unwrap_or("").trim().trim_matches('`');
        let name = head.split_whitespace().next().unwrap_or("");
        if name.is_empty() {
            schema.open = true;
            return;
        }
        let junk = SchemaColumn {
            name: name.to_owned(),
            ty: Type::Error,
            nullable: false,
            key: false,
            unique: false,
            privacy: Privacy::Public,
            values: None,
            span,
        };
        // A second column of the name is not worth a finding here: its line has one.
        let _: bool = schema.add(junk).is_ok();
    }

    /// The checked contract, and the datasets that its rules read.
    pub fn contract(&mut self, d: &Declared<'a>) -> (hir::Contract, Vec<(String, Span)>) {
        let contract = d.contract;
        self.reads.clear();
        let mut out = hir::Contract {
            dataset: d.schema.dataset.clone(),
            version: contract.version.value.clone(),
            owner: None,
            tags: Vec::new(),
            zone: None,
            quarantine_cap: None,
            quarantine_keep: None,
            at: None,
            format: None,
            columns: Vec::new(),
            other: OtherColumns::Ignored,
            other_written: false,
            rules: Vec::new(),
            sla: Vec::new(),
            doc: contract.doc.clone(),
            file: contract.span.file,
            span: contract.span,
            head: contract.head,
        };
        self.check_dataset_name(&contract.dataset);
        self.parts(contract, &mut out);
        let zone = match &out.zone {
            Some(zone) => Zone::Known(zone.clone()),
            None => Zone::Missing { offer: self.after_brace(contract.head) },
        };
        let defaults = self.defaults(contract, zone);
        let scope = Scope::new(contract.span.file, defaults.zone.clone()).with_rows(d.schema.clone());
        self.columns(d, &defaults, &mut out);
        let mut context = RuleContext::new(&defaults, &out.rules);
        for part in &contract.parts {
            if let ast::Part::Rules(items, _) = part {
                self.rule_items(items, &scope, &mut context);
            }
        }
        out.rules.append(&mut context.rules);
        for part in &contract.parts {
            if let ast::Part::Sla(items, _) = part {
                self.sla(items, &scope, &mut out);
            }
        }
        (out, std::mem::take(&mut self.reads))
    }

    fn check_dataset_name(&mut self, path: &ast::Path) {
        if path.names.len() != 2 {
            self.report(errors::dataset_form(path));
            return;
        }
        if let Some(layer) = path.names.first()
            && !self.layers.is_empty()
            && self.layer_of(&layer.text).is_none()
        {
            self.report(errors::unknown_layer(layer, self.layers));
        }
    }

    /// Everything but columns, rules and service levels; what may stand once stands once.
    fn parts(&mut self, contract: &'a ast::Contract, out: &mut hir::Contract) {
        let mut seen: Vec<(&str, Span)> = Vec::new();
        for part in &contract.parts {
            let (word, span) = match part {
                ast::Part::Owner(text) => {
                    out.owner = Some(text.value.clone());
                    ("owner", text.span)
                }
                ast::Part::Tags(names) => {
                    out.tags.extend(names.iter().map(|n| n.text.clone()));
                    continue;
                }
                ast::Part::Zone(text) => {
                    // A misspelt zone has its own finding; the contract counts as having one.
                    if text.value.parse::<chrono_tz::Tz>().is_err() {
                        self.report(errors::unknown_zone(text));
                        out.zone = Some("UTC".to_owned());
                    } else {
                        out.zone = Some(text.value.clone());
                    }
                    ("zone", text.span)
                }
                ast::Part::Nulls(policy) => ("nulls", policy.span),
                ast::Part::Else(e) => ("else", e.span),
                ast::Part::Cap { percent, keep, span } => {
                    if !(0.0..=100.0).contains(&percent.value) {
                        self.report(errors::percent_range(percent.span));
                    }
                    out.quarantine_cap = Some(percent.value);
                    out.quarantine_keep = keep.as_ref().map(retention);
                    ("quarantine", *span)
                }
                ast::Part::At(text) => {
                    out.at = Some(text.value.clone());
                    ("at", text.span)
                }
                ast::Part::Format(name) => {
                    const FORMATS: [&str; 5] = ["delta", "parquet", "csv", "json", "arrow"];
                    let format = name.text.to_lowercase();
                    if !FORMATS.contains(&format.as_str()) {
                        self.report(errors::unknown_format(name, &FORMATS));
                    }
                    out.format = Some(format);
                    ("format", name.span)
                }
                ast::Part::Columns(columns) => {
                    if let Some((other, _)) = columns.other {
                        out.other = other;
                        out.other_written = true;
                    }
                    ("columns", columns.span)
                }
                ast::Part::Rules(..) | ast::Part::Sla(..) | ast::Part::Junk(_) => continue,
            };
            match seen.iter().find(|(w, _)| *w == word) {
                Some((_, first)) => self.report(errors::part_twice(word, span, *first)),
                None => seen.push((word, span)),
            }
        }
    }

    /// A length of time that has a length: no months.
    pub fn micros(&mut self, d: &ast::Duration) -> Option<i64> {
        match literals::duration(&d.parts) {
            Some((Value::Interval(micros), _)) => Some(micros),
            _ => {
                self.report(errors::no_months_here(d.span));
                None
            }
        }
    }

    fn defaults(&mut self, contract: &'a ast::Contract, zone: Zone) -> Defaults {
        let mut defaults = Defaults { actions: vec![Action { act: Act::Block, above: None }], nulls: None, zone };
        for part in &contract.parts {
            match part {
                ast::Part::Else(e) => {
                    if let Some(actions) = self.actions(e) {
                        defaults.actions = actions;
                    }
                }
                ast::Part::Nulls(policy) => {
                    defaults.nulls = Some(if policy.pass { Nulls::Pass } else { Nulls::Fail });
                }
                _ => {}
            }
        }
        defaults
    }

    /// Right behind the `{` that follows a head.
    pub fn after_brace(&self, head: Span) -> Option<Span> {
        let text = &self.sources.get(head.file).text;
        let brace = text.get(head.end as usize..)?.find('{')?;
        let at = head.end as usize + brace + 1;
        Some(Span::new(head.file, at, at))
    }
}

/// How long rows are kept, in microseconds; here a month is 30 days and a year 365.
fn retention(d: &ast::Duration) -> i64 {
    const DAY: i64 = 86_400_000_000;
    let each = |unit| literals::micros_of(unit).unwrap_or(if unit == ast::Unit::Year { 365 * DAY } else { 30 * DAY });
    let parts = d.parts.iter().map(|(count, unit)| i64::try_from(*count).unwrap_or(i64::MAX).saturating_mul(each(*unit)));
    parts.fold(0, i64::saturating_add)
}

/// What the innermost to the outermost `in (…)` of a column allow, where all of it is constant.
fn values(claims: &[Claim<'_>], ty: &Type) -> Option<Vec<Value>> {
    let mut found: Option<Vec<Value>> = None;
    for claim in claims.iter().filter(|c| c.way.is_empty()) {
        if let ast::Refinement::In(list, _) = claim.refinement {
            let own: Option<Vec<Value>> = list.iter().map(|e| constant(e, ty)).collect();
            let own = own?;
            found = Some(match found {
                Some(outer) => outer.into_iter().filter(|v| own.contains(v)).collect(),
                None => own,
            });
        }
    }
    found
}

/// A literal as a value of the type; quietly `None` where it is none.
pub fn constant(e: &ast::Expr, ty: &Type) -> Option<Value> {
    let literal = match &e.kind {
        ast::ExprKind::Literal(literal) => literal,
        ast::ExprKind::Negate(inner) => return literals::negate(&constant(inner, ty)?),
        _ => return None,
    };
    match (literal, ty) {
        (ast::Literal::String { value, .. }, Type::String) => Some(Value::String(value.clone())),
        (ast::Literal::String { value, .. }, Type::Date) => literals::date(value).map(Value::Date),
        (ast::Literal::Typed { ty: name, value }, Type::Date) if name.text.eq_ignore_ascii_case("date") => {
            literals::date(&value.value).map(Value::Date)
        }
        (ast::Literal::Bool(b), Type::Boolean) => Some(Value::Bool(*b)),
        (ast::Literal::Number(text), _) if ty.is_numeric() => literals::adapt_number(&literals::number(text)?.0, ty),
        _ => None,
    }
}
