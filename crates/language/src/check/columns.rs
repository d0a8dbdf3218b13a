//! What a column claims, as rules: `type`, `required`, `key`, `unique`, `references`, and its type's or its own condition.

use crate::hir::{Act, Action, Contract, Expr, ExprKind, Grain, Nulls, Over, Rule, RuleKind, Type};
use crate::source::Span;
use crate::syntax::ast;

use super::contracts::{Declared, Defaults};
use super::scope::{self, Schema, Scope, Zone};
use super::templates::Holes;
use super::types::{Claim, Meant, Step};
use super::{Checker, Expansion, errors};
use crate::resolve::{fold, same};

/// What a column says after its claims, for all of them.
struct Manner {
    actions: Vec<Action>,
    because: Option<crate::hir::Template>,
    fix: Option<crate::hir::Template>,
    tags: Vec<String>,
}

impl<'a> Checker<'a> {
    /// The columns without an error in them, and the rules that they claim in the columns' order.
    pub fn columns(&mut self, d: &Declared<'a>, defaults: &Defaults, out: &mut Contract) {
        let key: Vec<&ast::Column> =
            d.columns.iter().map(|(c, _)| *c).filter(|c| c.mods.iter().any(|m| matches!(m, ast::ColumnMod::Key(_)))).collect();
        let mut key_done = false;
        out.columns.reserve(d.columns.len());
        out.rules.reserve(3 * d.columns.len());
        for (column, meant) in &d.columns {
            let Some(found) = d.schema.find(&column.name.text).cloned() else { continue };
            let manner = self.manner(column, &d.schema, defaults);
            let mut was = None;
            let rule = |name: &str, kind: RuleKind, span: Span| Rule {
                name: [column.name.text.as_str(), ".", name].concat(),
                over: if matches!(kind, RuleKind::Unique { key: true, .. }) { Over::Table } else { Over::Batch },
                kind,
                when: None,
                for_each: None,
                nulls: Nulls::Pass,
                actions: manner.actions.clone(),
                if_not_evaluated: None,
                because: manner.because.clone(),
                fix: manner.fix.clone(),
                tags: manner.tags.clone(),
                doc: String::new(),
                span: column.span,
                condition_span: span,
            };
            let value = scope::column(&found, column.name.span);
            if !meant.ty.is_error() {
                let kind = RuleKind::Type { column: found.name.clone() };
                let block = vec![Action { act: Act::Block, above: None }];
                out.rules.push(Rule { actions: block, ..rule("type", kind, column.refined.ty.span) });
                if !found.nullable {
                    let condition = is_not_null(&value, column.refined.ty.span);
                    out.rules.push(rule("required", RuleKind::Row { condition }, column.refined.ty.span));
                }
            }
            for m in &column.mods {
                match m {
                    ast::ColumnMod::Key(span) => {
                        if found.nullable {
                            self.report(errors::key_may_be_null(*span, &found.name, column.refined.ty.span, column.refined.ty.optional));
                        }
                        if !std::mem::replace(&mut key_done, true) {
                            let by = key.iter().filter_map(|c| d.schema.find(&c.name.text)).map(|c| scope::column(c, c.span));
                            let by: Vec<Expr> = by.filter(|e| !e.ty.is_error()).collect();
                            if by.len() == key.len() {
                                out.rules.push(rule("key", RuleKind::Unique { by, keep: None, key: true }, *span));
                            }
                        }
                    }
                    ast::ColumnMod::Unique(span) => {
                        if !value.ty.is_error() {
                            let by = vec![value.clone()];
                            out.rules.push(rule("unique", RuleKind::Unique { by, keep: None, key: false }, *span));
                        }
                    }
                    ast::ColumnMod::References(target) => {
                        let names = [&column.name];
                        if let Some(kind) = self.references(&names, target, &d.schema, out.dataset.as_str()) {
                            out.rules.push(rule("references", kind, target.span));
                        }
                    }
                    ast::ColumnMod::Was(name) => was = Some(name.text.clone()),
                    _ => {}
                }
            }
            for (name, condition, span) in self.claims(meant, &value, &defaults.zone) {
                out.rules.push(rule(&name, RuleKind::Row { condition }, span));
            }
            if !meant.ty.is_error() {
                out.columns.push(crate::hir::Column {
                    name: found.name.clone(),
                    ty: meant.ty.clone(),
                    nullable: found.nullable,
                    key: found.key,
                    privacy: found.privacy,
                    type_name: meant.type_name.clone(),
                    values: found.values.as_ref().map(|v| v.to_vec()),
                    was,
                    doc: column.doc.clone(),
                    span: column.name.span,
                });
            }
        }
    }

    fn manner(&mut self, column: &'a ast::Column, schema: &Schema, defaults: &Defaults) -> Manner {
        let mut manner = Manner { actions: defaults.actions.clone(), because: None, fix: None, tags: Vec::new() };
        let holes = Holes { columns: Some(schema), groups: &[], renamed: &[] };
        let mut seen: Vec<(&str, Span)> = Vec::new();
        for m in &column.mods {
            let (word, span) = match m {
                ast::ColumnMod::Key(span) => ("key", *span),
                ast::ColumnMod::Unique(span) => ("unique", *span),
                ast::ColumnMod::Personal(span) => ("personal", *span),
                ast::ColumnMod::Secret(span) => ("secret", *span),
                ast::ColumnMod::References(r) => ("references", r.span),
                ast::ColumnMod::Was(name) => ("was", name.span),
                ast::ColumnMod::Else(e) => ("else", e.span),
                ast::ColumnMod::Because(text) => ("because", text.span),
                ast::ColumnMod::Fix(text) => ("fix", text.span),
                ast::ColumnMod::Tags(names) => ("tags", names.first().map(|n| n.span).unwrap_or(column.span)),
            };
            if let Some((_, first)) = seen.iter().find(|(w, _)| *w == word) {
                if word != "references" {
                    self.report(errors::part_twice(word, span, *first));
                }
                continue;
            }
            seen.push((word, span));
            match m {
                ast::ColumnMod::Else(e) => {
                    if let Some(actions) = self.actions(e) {
                        let groups = actions.iter().any(|a| matches!(a.above, Some(crate::hir::Above::Groups(_))));
                        if groups {
                            self.report(errors::no_groups(e.span));
                        } else {
                            manner.actions = actions;
                        }
                    }
                }
                ast::ColumnMod::Because(text) => manner.because = Some(self.template(text, &holes)),
                ast::ColumnMod::Fix(text) => manner.fix = Some(self.template(text, &holes)),
                ast::ColumnMod::Tags(names) => manner.tags = names.iter().map(|n| n.text.clone()).collect(),
                _ => {}
            }
        }
        manner
    }

    /// The conditions of a column's type and its own, each with the last part of its rule's name.
    fn claims(&mut self, meant: &Meant<'a>, value: &Expr, zone: &Zone) -> Vec<(String, Expr, Span)> {
        let mut found = Vec::new();
        for claim in &meant.claims {
            if value.ty.is_error() {
                break;
            }
            let span = match claim.name {
                Some(_) => value.span,
                None => refinement_span(claim.refinement),
            };
            let errors = self.errors;
            let condition = self.claim_within(claim, &claim.way, value, zone);
            if self.errors == errors && !condition.ty.is_error() {
                found.push((claim.name.unwrap_or("where").to_owned(), condition, span));
            }
        }
        found
    }

    /// The condition of a claim on what lies inside the value.
    fn claim_within(&mut self, claim: &Claim<'a>, way: &[Step], value: &Expr, zone: &Zone) -> Expr {
        let (grain, span) = (value.grain, value.span);
        match (way.split_first(), &value.ty) {
            (None, _) => self.claim(claim, value, zone),
            (Some((Step::Field(name), rest)), Type::Struct(fields)) => {
                let Some(field) = fields.iter().find(|f| f.name == *name) else { return scope::error(span) };
                let (ty, nullable) = (field.ty.clone(), field.nullable || value.nullable);
                let kind = ExprKind::Field(Box::new(value.clone()), name.clone());
                self.claim_within(claim, rest, &Expr { kind, ty, nullable, grain, span }, zone)
            }
            (Some((Step::Each, rest)), Type::Array { item, nullable }) => {
                let variable = format!("it{}", "'".repeat(rest.iter().filter(|s| **s == Step::Each).count()));
                let kind = ExprKind::Variable(variable.clone());
                let element = Expr { kind, ty: (**item).clone(), nullable: *nullable, grain, span };
                let body = self.claim_within(claim, rest, &element, zone);
                if body.ty.is_error() {
                    return body;
                }
                let nullable = value.nullable || body.nullable;
                let kind = ExprKind::Quantified {
                    every: true,
                    variable,
                    source: Box::new(value.clone()),
                    body: Box::new(body),
                };
                Expr { kind, ty: Type::Boolean, nullable, grain, span }
            }
            _ => scope::error(span),
        }
    }

    fn claim(&mut self, claim: &Claim<'a>, value: &Expr, zone: &Zone) -> Expr {
        let mut s = Scope::new(claim.file, zone.clone());
        s.bind("it", value.clone());
        if let Some(name) = claim.name {
            let what = format!("type `{name}`");
            self.expansions.push(Expansion { used: value.span, declared: claim.declared, what });
        }
        let e = match claim.refinement {
            ast::Refinement::Where(e) => self.condition(e, &mut s, "`where`"),
            ast::Refinement::In(list, span) => {
                let items: Vec<Expr> = list.iter().map(|e| self.expr(e, &mut s)).collect();
                self.member(false, value.clone(), items, *span, &s)
            }
        };
        if claim.name.is_some() {
            self.expansions.pop();
        }
        self.budget = 0;
        e
    }

    /// Checks a declared type by itself.
    pub fn check_type(&mut self, decl: &'a ast::TypeDecl) {
        let errors = self.errors;
        let file = decl.name.span.file;
        if super::types::base(&decl.name.text.to_lowercase()).is_some() {
            self.report(errors::base_type_again(&decl.name));
        }
        self.open_types.push(decl.name.span);
        let meant = self.refined(&decl.refined, file);
        self.open_types.pop();
        if !meant.ty.is_error()
            && let Some(claim) = meant.claims.iter().find(|c| c.name.is_none())
        {
            let kind = ExprKind::Column("it".to_owned());
            let value = Expr { kind, ty: meant.ty.clone(), nullable: false, grain: Grain::Row, span: decl.name.span };
            let claim = claim.clone();
            self.claim(&claim, &value, &Zone::Assumed);
        }
        // What is made of a broken one is broken as well, and told of there.
        if self.errors > errors || meant.ty.is_error() {
            self.broken.insert(decl.name.span);
        }
    }

    /// A reference's columns exist on both sides and have types that go together; its target is unique.
    pub fn references(
        &mut self,
        columns: &[&ast::Name],
        target: &'a ast::References,
        schema: &Schema,
        own: &str,
    ) -> Option<RuleKind> {
        let there = if same(&target.dataset.text(), own) {
            self.schemas.get(&fold(own)).cloned()?
        } else {
            self.dataset(&target.dataset, target.span.file)?
        };
        self.reads.push((there.dataset.clone(), target.dataset.span));
        if columns.len() != target.columns.len() {
            self.report(errors::reference_count(target.span, columns.len(), target.columns.len()));
            return None;
        }
        let (mut here_names, mut there_names) = (Vec::new(), Vec::new());
        for (here, to) in columns.iter().zip(&target.columns) {
            let here_column = match schema.find(&here.text) {
                Some(c) => c.clone(),
                None => {
                    if !schema.open {
                        self.report(errors::unknown_name(here, "column", schema.names(), &schema.dataset));
                    }
                    return None;
                }
            };
            let Some(there_column) = there.find(&to.text) else {
                if !there.open {
                    self.report(errors::unknown_name(to, "column", there.names(), &there.dataset));
                }
                return None;
            };
            if here_column.ty.is_error() || there_column.ty.is_error() {
                return None;
            }
            if super::coerce::common(&here_column.ty, &there_column.ty).is_none() {
                self.report(errors::reference_types(
                    target.span,
                    (&here_column.name, &here_column.ty),
                    (&there_column.name, &there_column.ty, there_column.span),
                ));
                return None;
            }
            here_names.push(here_column.name);
            there_names.push(there_column.name.clone());
        }
        if !there.open && !there.is_unique(&there_names) {
            self.report(errors::reference_not_unique(target.span, &there.dataset, &there_names, there.span));
        }
        Some(RuleKind::References { columns: here_names, dataset: there.dataset.clone(), target: there_names })
    }
}

fn is_not_null(value: &Expr, span: Span) -> Expr {
    let is_null = Expr {
        kind: ExprKind::IsNull(Box::new(value.clone())),
        ty: Type::Boolean,
        nullable: false,
        grain: value.grain,
        span,
    };
    super::infer::operators::not_if(true, is_null)
}

fn refinement_span(refinement: &ast::Refinement) -> Span {
    match refinement {
        ast::Refinement::Where(e) => e.span,
        ast::Refinement::In(_, span) => *span,
    }
}
