//! `test` blocks: their rows take the columns' types, their expectations name rules that exist.

use crate::hir::{self, Expect, ExpectWhat, ExprKind, Test, TestTable, Type, Value};
use crate::resolve::{fold, same};
use crate::source::Span;
use crate::syntax::ast;

use super::directory::Directory;
use super::literals::Instant;
use super::scope::{Schema, Scope, Zone};
use super::{Checker, errors, literals};

impl<'a> Checker<'a> {
    pub fn test(&mut self, t: &'a ast::Test, directory: &Directory) -> Option<Test> {
        let errors = self.errors;
        let schema = self.dataset(&t.dataset, t.span.file)?;
        let contract = directory.contract(&schema.dataset);
        let zone = match contract.and_then(|c| c.zone.clone()) {
            Some(zone) => Zone::Known(zone),
            None => Zone::Missing { offer: contract.and_then(|c| self.after_brace(c.head)) },
        };
        let scope = Scope::new(t.span.file, zone);
        let at = t.at.as_ref().and_then(|text| self.clock(text, &scope));
        let mut rows = TestTable::default();
        let mut given = Vec::new();
        for g in &t.given {
            match &g.of {
                None => rows = self.table(&g.table, &schema, &scope),
                Some(path) => {
                    if let Some(schema) = self.dataset(path, t.span.file) {
                        given.push((schema.dataset.clone(), self.table(&g.table, &schema, &scope)));
                    }
                }
            }
        }
        let history = t.history.as_ref().map(|table| self.free_table(table, &scope));
        let mut known: Vec<&str> = contract.iter().flat_map(|c| &c.rules).map(|r| r.name.as_str()).collect();
        let into = directory.promotion_to(&schema.dataset).into_iter().flat_map(|p| &p.rules);
        known.extend(into.map(|r| r.name.as_str()));
        let broken = schema.open || self.has_junk_rules(&schema);
        let mut expects = Vec::new();
        for e in &t.expects {
            let what = match &e.what {
                ast::ExpectWhat::EveryOther { row_rules_only } => ExpectWhat::EveryOther { row_rules_only: *row_rules_only },
                ast::ExpectWhat::Rule { rule, outcome } => {
                    let wanted = fold(&rule.text());
                    let Some(name) = known.iter().find(|n| same(n, &wanted)) else {
                        if !broken && !self.written_rule(&schema, &wanted) {
                            self.report(errors::unknown_rule(rule, &known, &schema.dataset));
                        }
                        self.errors += usize::from(broken);
                        continue;
                    };
                    self.expectation((*name).to_owned(), outcome, rows.rows.len())
                }
            };
            expects.push(Expect { what, span: e.span });
        }
        (self.errors == errors).then(|| Test {
            title: t.title.value.clone(),
            dataset: schema.dataset.clone(),
            at,
            rows,
            given,
            history,
            expects,
            span: t.span,
            head: t.head,
        })
    }

    fn expectation(&mut self, name: String, outcome: &ast::ExpectOutcome, rows: usize) -> ExpectWhat {
        match outcome {
            ast::ExpectOutcome::Holds => ExpectWhat::Holds(name),
            ast::ExpectOutcome::NotEvaluated => ExpectWhat::NotEvaluated(name),
            ast::ExpectOutcome::Breaks(list) => ExpectWhat::Breaks(name, self.rows_that_are(list, rows)),
            ast::ExpectOutcome::Unknown(list) => ExpectWhat::Unknown(name, self.rows_that_are(list, rows)),
        }
    }

    fn rows_that_are(&mut self, list: &[(u64, Span)], rows: usize) -> Vec<u64> {
        for (row, span) in list {
            if *row == 0 || usize::try_from(*row).is_ok_and(|row| row > rows) {
                self.report(errors::no_such_row(*span, *row, rows));
            }
        }
        list.iter().map(|(row, _)| *row).collect()
    }

    /// A rule that is written but has an error in it, so that the checked contract does not have it.
    fn written_rule(&mut self, schema: &Schema, wanted: &str) -> bool {
        let Some(contract) = self.names.datasets.get(&fold(&schema.dataset)).and_then(|d| d.contract) else { return true };
        let found = contract.parts.iter().any(|part| match part {
            ast::Part::Rules(items, _) => items.iter().any(|i| matches!(i, ast::RuleItem::Rule(r) if fold(&r.name.text) == wanted)),
            ast::Part::Columns(c) => c.items.iter().any(|i| {
                matches!(i, ast::ColumnItem::Column(c) if wanted.starts_with(&format!("{}.", fold(&c.name.text)))
                    && schema.find(&c.name.text).is_some_and(|c| c.ty.is_error()))
            }),
            _ => false,
        });
        self.errors += usize::from(found);
        found
    }

    fn has_junk_rules(&self, schema: &Schema) -> bool {
        let contract = self.names.datasets.get(&fold(&schema.dataset)).and_then(|d| d.contract);
        contract.is_none_or(|c| {
            c.parts.iter().any(|part| match part {
                ast::Part::Rules(items, _) => items.iter().any(|i| matches!(i, ast::RuleItem::Junk(_))),
                _ => false,
            })
        })
    }

    fn clock(&mut self, text: &ast::Text, scope: &Scope) -> Option<i64> {
        match literals::timestamp(&text.value) {
            Some(Instant::Utc(micros)) => Some(micros),
            _ => match self.text_as(&text.value, &Type::Timestamp, text.span, scope).kind {
                ExprKind::Literal(Value::Timestamp(micros)) => Some(micros),
                _ => None,
            },
        }
    }

    fn table(&mut self, table: &'a ast::Table, schema: &Schema, scope: &Scope) -> TestTable {
        let mut types = Vec::with_capacity(table.header.len());
        let mut out = TestTable::default();
        for (i, name) in table.header.iter().enumerate() {
            if let Some(first) = table.header[..i].iter().find(|n| same(&n.text, &name.text)) {
                self.report(errors::twice("column", &name.text, name.span, &first.text, first.span));
            }
            match schema.find(&name.text) {
                Some(column) => {
                    out.columns.push(column.name.clone());
                    types.push(column.ty.clone());
                }
                None => {
                    if !schema.open {
                        self.report(errors::unknown_name(name, "column", schema.names(), &schema.dataset));
                    }
                    out.columns.push(name.text.clone());
                    types.push(Type::Error);
                }
            }
        }
        for row in &table.rows {
            let mut cells = Vec::with_capacity(types.len());
            for (cell, ty) in row.cells.iter().zip(&types) {
                cells.push(cell.as_ref().and_then(|e| self.cell(e, ty, scope)));
            }
            out.rows.push(cells);
            out.spans.push(row.span);
        }
        out
    }

    fn cell(&mut self, e: &'a ast::Expr, ty: &Type, scope: &Scope) -> Option<Value> {
        if ty.is_error() {
            return None;
        }
        if let (ast::ExprKind::Literal(ast::Literal::Json(value)), Type::Array { .. } | Type::Map { .. } | Type::Struct(_)) = (&e.kind, ty) {
            let found = serde_json::from_str(value).ok().and_then(|json| from_json(&json, ty));
            if found.is_none() {
                self.report(errors::cell_type(e.span, value, ty));
            }
            return found;
        }
        // A bare word is text: `| paid |`.
        if let (ast::ExprKind::Path(path), Type::String) = (&e.kind, ty) {
            return Some(Value::String(path.text()));
        }
        let found = self.expr(e, &mut scope.clone());
        if found.ty.is_error() {
            return None;
        }
        match self.convert(found, ty, scope) {
            Ok(hir::Expr { kind: ExprKind::Literal(value), .. }) => Some(value),
            Ok(e) if e.ty.is_error() => None,
            _ => {
                self.report(errors::cell_type(e.span, self.text(e.span), ty));
                None
            }
        }
    }

    /// A table whose columns are no dataset's: cells keep the types of their literals.
    fn free_table(&mut self, table: &'a ast::Table, scope: &Scope) -> TestTable {
        let mut out = TestTable { columns: table.header.iter().map(|n| n.text.clone()).collect(), ..TestTable::default() };
        for row in &table.rows {
            let cells = row.cells.iter().map(|cell| {
                let e = self.expr(cell.as_ref()?, &mut scope.clone());
                if let ExprKind::Literal(value) = e.kind { Some(value) } else { None }
            });
            let cells: Vec<Option<Value>> = cells.collect();
            out.rows.push(cells);
            out.spans.push(row.span);
        }
        out
    }
}

/// A nested cell, written as JSON.
fn from_json(json: &serde_json::Value, ty: &Type) -> Option<Value> {
    use serde_json::Value as Json;
    Some(match (json, ty) {
        (Json::Null, _) => Value::Null,
        (Json::Bool(b), Type::Boolean) => Value::Bool(*b),
        (Json::Number(n), _) if ty.is_numeric() => {
            let text = n.to_string();
            let (sign, digits) = text.strip_prefix('-').map_or((false, text.as_str()), |rest| (true, rest));
            let value = literals::number(digits)?.0;
            let value = if sign { literals::negate(&value)? } else { value };
            literals::adapt_number(&value, ty)?
        }
        (Json::String(s), Type::String) => Value::String(s.clone()),
        (Json::String(s), Type::Date) => Value::Date(literals::date(s)?),
        (Json::String(s), Type::Timestamp) => match literals::timestamp(s)? {
            Instant::Utc(micros) => Value::Timestamp(micros),
            Instant::Local(_) => return None,
        },
        (Json::String(s), Type::TimestampNtz) => match literals::timestamp(s)? {
            Instant::Local(local) => Value::TimestampNtz(literals::local_micros(local)),
            Instant::Utc(_) => return None,
        },
        (Json::Array(items), Type::Array { item, .. }) => {
            Value::Array(items.iter().map(|i| from_json(i, item)).collect::<Option<_>>()?)
        }
        (Json::Object(map), Type::Map { key, value, .. }) if **key == Type::String => Value::Map(
            map.iter().map(|(k, v)| Some((Value::String(k.clone()), from_json(v, value)?))).collect::<Option<_>>()?,
        ),
        (Json::Object(map), Type::Struct(fields)) => {
            let field = |f: &hir::Field| Some((f.name.clone(), from_json(map.get(&f.name).unwrap_or(&Json::Null), &f.ty)?));
            Value::Struct(fields.iter().map(field).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}
