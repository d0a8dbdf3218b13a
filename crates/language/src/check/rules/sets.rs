//! Parameterised rule sets: `include audit(created_at) as created`.

use crate::hir::{Expr, ExprKind};
use crate::resolve::{Decl, Space};
use crate::syntax::ast;

use super::super::contracts::Defaults;
use super::super::scope::{Scope, Zone};
use super::super::{Checker, Expansion, errors};
use super::super::infer::calls::MAX_EXPANSION;
use super::RuleContext;

impl<'a> Checker<'a> {
    pub fn include(&mut self, include: &'a ast::Include, scope: &Scope, context: &mut RuleContext) {
        let decl = match self.names.find(scope.file, Space::Rules, &include.set).first().map(|f| f.decl) {
            Some(Decl::Rules(decl)) => decl,
            Some(_) => return,
            None => {
                let known = self.names.in_scope(scope.file, Space::Rules);
                let elsewhere = self.names.elsewhere(Space::Rules, &include.set.text());
                self.report(errors::unknown_rule_set(&include.set, &known, elsewhere));
                return;
            }
        };
        let declared = decl.name.span;
        let mut s = scope.clone();
        let args: Vec<Expr> = include.args.iter().map(|e| self.expr(e, &mut s)).collect();
        if self.broken.contains(&declared) || args.iter().any(|a| a.ty.is_error()) {
            return;
        }
        if self.expansions.iter().any(|e| e.declared == declared) {
            self.report(errors::goes_round("rule set", &decl.name.text, include.span, declared));
            self.broken.insert(declared);
            return;
        }
        let signature = || vec![set_signature(decl)];
        if args.len() != decl.params.len() {
            self.report(errors::argument_count(include.span, &decl.name.text, args.len(), &signature(), Some(declared)));
            return;
        }
        let mut inner = Scope {
            file: declared.file,
            bindings: Vec::new(),
            hygienic: true,
            known: Vec::new(),
            ..scope.clone()
        };
        let mut renamed = Vec::new();
        for (param, arg) in decl.params.iter().zip(args) {
            let wanted = self.ty(&param.ty, declared.file);
            let (span, ty) = (arg.span, arg.ty.clone());
            let Ok(arg) = self.convert(arg, &wanted, scope) else {
                let text = self.text(span);
                self.report(errors::argument_type(span, &decl.name.text, &param.name.text, &wanted, &ty, text, &signature()));
                return;
            };
            if let ExprKind::Column(column) = &arg.kind {
                renamed.push((param.name.text.clone(), column.clone()));
            }
            inner.bind(&param.name.text, arg);
        }
        let alias = include.alias.as_ref().map_or(decl.name.text.clone(), |a| a.text.clone());
        let (name, span) = match &context.included {
            Some((outer, span)) => (format!("{outer}.{alias}"), *span),
            None => (alias, include.span),
        };
        let outer = context.included.replace((name, span));
        let outer_renamed = std::mem::replace(&mut context.renamed, renamed);
        let what = format!("rule set `{}`", decl.name.text);
        self.expansions.push(Expansion { used: include.span, declared, what });
        let (before, depth) = (self.budget, self.expansions.len());
        self.budget = before.saturating_add(decl.body.len());
        if self.budget <= MAX_EXPANSION {
            self.rule_items(&decl.body, &inner, context);
        } else if before > MAX_EXPANSION {
            self.errors += 1;
        } else {
            self.expands_too_far();
        }
        self.expansions.truncate(depth - 1);
        if self.expansions.is_empty() {
            self.budget = 0;
        }
        context.included = outer;
        context.renamed = outer_renamed;
    }

    /// Checks a rule set by itself, each parameter as a column of its type.
    pub fn check_rule_set(&mut self, decl: &'a ast::RulesDecl) {
        let errors = self.errors;
        let s = self.parameters(&decl.params, decl.name.span.file);
        let defaults = Defaults { actions: vec![crate::hir::Action { act: crate::hir::Act::Block, above: None }], nulls: None, zone: Zone::Assumed };
        let mut context = RuleContext::new(&defaults, &[]);
        context.renamed = decl.params.iter().map(|p| (p.name.text.clone(), p.name.text.clone())).collect();
        self.expansions.push(Expansion { used: decl.span, declared: decl.name.span, what: String::new() });
        self.by_itself += 1;
        self.rule_items(&decl.body, &s, &mut context);
        self.by_itself -= 1;
        self.expansions.pop();
        self.budget = 0;
        if self.errors > errors {
            self.broken.insert(decl.name.span);
        }
    }
}

fn set_signature(decl: &ast::RulesDecl) -> String {
    let names: Vec<&str> = decl.params.iter().map(|p| p.name.text.as_str()).collect();
    format!("{}({})", decl.name.text, names.join(", "))
}
