//! Rules as written become rules as meant. [`Checker::rule`] is the list of what is asked of each.

pub mod actions;
pub mod kinds;
pub mod modifiers;
pub mod sets;

use rustc_hash::FxHashMap;

use crate::hir::{Action, Nulls, Rule};
use crate::resolve::fold;
use crate::source::Span;
use crate::syntax::ast;

use super::contracts::Defaults;
use super::scope::Scope;
use super::templates::Holes;
use super::{Checker, errors};

/// Where a list of rules stands, and what has become of it so far.
pub struct RuleContext {
    pub actions: Vec<Action>,
    pub nulls: Option<Nulls>,
    /// Names that are taken, in lower case.
    names: FxHashMap<String, (String, Span)>,
    /// The `include` of which the last name was taken that is told of: one finding for all its rules.
    told: Option<Span>,
    pub rules: Vec<Rule>,
    /// In a rule set: the included name and the `include`.
    pub included: Option<(String, Span)>,
    /// In a rule set: a parameter and the column that stands for it, for messages.
    pub renamed: Vec<(String, String)>,
}

impl RuleContext {
    pub fn new(defaults: &Defaults, taken: &[Rule]) -> Self {
        RuleContext {
            actions: defaults.actions.clone(),
            nulls: defaults.nulls,
            names: taken.iter().map(|r| (fold(&r.name), (r.name.clone(), r.span))).collect(),
            told: None,
            rules: Vec::new(),
            included: None,
            renamed: Vec::new(),
        }
    }
}

impl<'a> Checker<'a> {
    pub fn rule_items(&mut self, items: &'a [ast::RuleItem], scope: &Scope, context: &mut RuleContext) {
        for item in items {
            match item {
                ast::RuleItem::Rule(rule) => {
                    let errors = self.errors;
                    let made = self.rule(rule, scope.clone(), context);
                    self.budget = if self.expansions.is_empty() { 0 } else { self.budget };
                    if let Some(made) = made.filter(|_| self.errors == errors) {
                        context.rules.push(made);
                    }
                }
                ast::RuleItem::Include(include) => self.include(include, scope, context),
                ast::RuleItem::Junk(_) => {}
            }
        }
    }

    /// `None` where something is wrong, which has been reported.
    fn rule(&mut self, rule: &'a ast::Rule, mut s: Scope, context: &mut RuleContext) -> Option<Rule> {
        let name = self.it_has_a_name_of_its_own(rule, context);
        let mods = self.each_modifier_stands_once(&rule.mods);
        let for_each = self.groups_are_made_of_row_values(&mods, &mut s);
        let when = self.when_is_decided_row_by_row(&mods, &s);
        let kind = self.the_condition_has_one_grain(rule, &mods, when.as_ref(), &mut s)?;
        self.the_modifiers_fit_the_kind(&kind, &mods);
        let over = self.the_rows_judged_are_known(&kind, &mods);
        let nulls = self.null_is_decided(rule, &kind, &mods, context);
        let actions = self.the_actions_can_be_taken(rule, &kind, over, &mods, context);
        let if_not_evaluated = self.it_is_said_what_no_verdict_means(&kind, &mods);
        let group_names: Vec<String> = for_each.iter().flat_map(|f| &f.by).map(|(name, _)| name.clone()).collect();
        let rows = s.rows.clone().filter(|_| kind.points_at_rows());
        let holes = Holes { columns: rows.as_deref(), groups: &group_names, renamed: &context.renamed };
        let because = mods.because.map(|text| self.template(text, &holes));
        let fix = mods.fix.map(|text| self.template(text, &holes));
        let (span, condition_span) = match &context.included {
            Some((_, span)) => (*span, *span),
            None => (rule.span, rule.cond.span()),
        };
        Some(Rule {
            name,
            kind,
            when,
            for_each,
            over,
            nulls,
            actions,
            if_not_evaluated,
            because,
            fix,
            tags: mods.tags.iter().map(|n| n.text.clone()).collect(),
            doc: rule.doc.clone(),
            span,
            condition_span,
        })
    }

    fn it_has_a_name_of_its_own(&mut self, rule: &ast::Rule, context: &mut RuleContext) -> String {
        let name = match &context.included {
            Some((prefix, _)) => format!("{prefix}.{}", rule.name.text),
            None => rule.name.text.clone(),
        };
        let span = context.included.as_ref().map_or(rule.name.span, |(_, span)| *span);
        match context.names.get(&fold(&name)) {
            Some((first, first_span)) => {
                let told = context.told.replace(span);
                let included = context.included.as_ref().map(|(prefix, _)| prefix);
                match included {
                    Some(_) if told == Some(span) => self.errors += 1,
                    Some(prefix) => self.report(errors::included_twice(prefix, span, &name, *first_span)),
                    None => self.report(errors::twice("rule", &name, span, first, *first_span)),
                }
            }
            None => {
                context.names.insert(fold(&name), (name.clone(), span));
            }
        }
        name
    }
}
