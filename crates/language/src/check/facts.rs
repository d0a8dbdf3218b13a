//! What a rule set implies, without data: which rows its conditions let through, as far as that can be proven.
//! Everything here errs on one side: a proof is a proof, and what is not understood proves nothing.

mod differences;
mod effort;
mod example;
mod formula;
mod key;
mod known;
mod linear;
mod meaning;
pub mod number;
mod parts;
mod solve;
mod state;
mod terms;
mod text;
pub mod witness;

use std::cell::OnceCell;

use example::Example;
use effort::Effort;
use formula::ById;
pub use formula::{Formula, TermId};
pub use known::keeps_value;
pub use meaning::Meaning;
pub use solve::{Answer, Model};
pub use key::key;
pub use terms::{Terms, within_reach};
pub use text::{Pattern, is_matched_by_some, matching};

use crate::hir::{Contract, Expr, ExprKind, Nulls, Over, Rule, RuleKind};

/// One row rule as formulas about a row.
#[derive(Debug)]
pub struct RowRule<'c> {
    pub rule: &'c Rule,
    pub condition: &'c Expr,
    pub when: Option<&'c Expr>,
    /// `when` is met; true without one.
    pub met: Formula,
    /// `when` is not met: false, null, or not to be computed.
    pub not_met: Formula,
    /// The condition is true.
    pub holds: Formula,
    /// The row is let through.
    pub accepts: Formula,
    /// The row is a violation.
    pub breaks: Formula,
    /// The columns that it reads.
    pub columns: Vec<TermId>,
}

/// The row rules of one contract over its batch.
#[derive(Debug)]
pub struct Facts<'c> {
    pub terms: Terms,
    pub rules: Vec<RowRule<'c>>,
    example: OnceCell<Option<Example>>,
    /// Rules that prove nothing about others.
    aside: Vec<bool>,
    /// By column, the rules that read it.
    readers: ById<Vec<usize>>,
    effort: Effort,
}

impl<'c> Facts<'c> {
    pub fn of(contract: &'c Contract) -> Self {
        Self::over(contract.rules.iter())
    }

    pub fn over(rules: impl Iterator<Item = &'c Rule>) -> Self {
        let mut terms = Terms::default();
        let rules = rules.filter_map(|rule| row_rule(&mut terms, rule)).collect();
        Self::about(terms, rules)
    }

    /// Conditions about a batch or a group, together: they must read the same rows.
    pub fn over_batch(rules: impl Iterator<Item = &'c Rule>) -> Self {
        let mut terms = Terms::default();
        let rules = rules.filter_map(|rule| batch_rule(&mut terms, rule)).collect();
        Self::about(terms, rules)
    }

    fn about(terms: Terms, rules: Vec<RowRule<'c>>) -> Self {
        let mut readers: ById<Vec<usize>> = ById::default();
        for (i, rule) in rules.iter().enumerate() {
            rule.columns.iter().for_each(|c| readers.entry(*c).or_default().push(i));
        }
        let (aside, effort) = (vec![false; rules.len()], Effort::of(rules.len()));
        Self { terms, rules, example: OnceCell::new(), aside, readers, effort }
    }

    /// Leaves rules out of what other rows must be let through by.
    pub fn set_aside(&mut self, rules: &[bool]) {
        self.aside = rules.to_vec();
        self.example = OnceCell::new();
    }

    /// Whether there were too many rules to answer all that was asked; what is left proves nothing.
    pub fn is_exhausted(&self) -> bool {
        self.effort.is_spent()
    }

    /// Whether it is proven that no row meets all of these.
    pub fn never(&self, formulas: &[&Formula]) -> bool {
        self.solve(formulas).is_no()
    }

    /// Whether a row was found that meets these and that every rule lets through. `false` proves nothing.
    pub fn is_possible(&self, question: &[&Formula]) -> bool {
        self.is_possible_but(None, question)
    }

    /// As [`Facts::is_possible`], where one rule need not let the row through.
    pub fn is_possible_but(&self, but: Option<usize>, question: &[&Formula]) -> bool {
        if self.effort.is_spent() {
            return false;
        }
        let example = self.example.get_or_init(|| Example::of(self));
        example.as_ref().is_some_and(|e| e.can_be_changed_to(self, question, but))
    }

    pub fn solve(&self, formulas: &[&Formula]) -> Answer {
        solve::solve(&self.terms, formulas, &self.effort)
    }

    /// That a column is null; `None` for one that no rule reads.
    pub fn is_null(&self, column: &str) -> Option<Formula> {
        self.terms.find_column(column).map(|term| formula::Literal::Null(term, true).into())
    }

    /// A value for the only number that the formulas speak of, as text.
    pub fn one_number(&self, formulas: &[&Formula]) -> Option<String> {
        let mut terms = Vec::new();
        formulas.iter().for_each(|f| f.terms(&mut terms));
        terms.sort_unstable();
        terms.dedup();
        let [term] = terms[..] else { return None };
        match self.solve(formulas) {
            Answer::Maybe(model) => model.numbers.get(&term).map(number::Number::to_string),
            _ => None,
        }
    }

    /// Whether it is proven that these rules let no row through for which `question` holds.
    pub fn exclude(&self, question: &[&Formula], given: &[usize]) -> bool {
        let accepted = given.iter().filter_map(|i| Some(&self.rules.get(*i)?.accepts));
        let formulas: Vec<&Formula> = question.iter().copied().chain(accepted).collect();
        self.never(&formulas)
    }

    /// Of the rules that together with `question` let no row through, those that it takes; `None` where they let one
    /// through, or it cannot be told.
    pub fn needed(&self, question: &[&Formula], given: &[usize]) -> Option<Vec<usize>> {
        if !self.exclude(question, given) {
            return None;
        }
        let needed = self.needed_beside(question, &mut Vec::new(), true, given);
        (!self.effort.is_spent()).then_some(needed)
    }

    /// Of the rules that it takes beside others, those that are open; by halves, for most are not needed. The later half
    /// is done without first: what is said early is known to the reader.
    fn needed_beside(&self, question: &[&Formula], others: &mut Vec<usize>, more: bool, open: &[usize]) -> Vec<usize> {
        if open.is_empty() || more && self.exclude(question, others) {
            return Vec::new();
        }
        if open.len() == 1 {
            return open.to_vec();
        }
        let known = others.len();
        let (early, late) = open.split_at(open.len() / 2);
        others.extend(early);
        let late = self.needed_beside(question, others, true, late);
        others.truncate(known);
        others.extend(&late);
        let mut needed = self.needed_beside(question, others, !late.is_empty(), early);
        others.truncate(known);
        needed.extend(late);
        needed
    }

    /// The other rules that have to do with a rule's columns, directly or through one another.
    pub fn neighbours(&self, of: usize) -> Vec<usize> {
        let mut met = vec![false; self.rules.len()];
        met[of] = true;
        let mut read = vec![false; self.terms.len()];
        let mut columns: Vec<TermId> = self.rules[of].columns.clone();
        let mut found: Vec<usize> = Vec::new();
        for _ in 0..3 {
            let before = found.len();
            for column in columns.drain(..) {
                if !std::mem::replace(&mut read[column as usize], true) {
                    let readers = self.readers.get(&column).into_iter().flatten().copied();
                    found.extend(readers.filter(|i| !std::mem::replace(&mut met[*i], true)));
                }
            }
            if found.len() == before || found.len() > 40 {
                break;
            }
            columns.extend(found[before..].iter().flat_map(|i| &self.rules[*i].columns));
        }
        found.sort_unstable();
        self.effort.spend(found.len() + self.rules.len() / 8);
        found
    }
}

fn row_rule<'c>(terms: &mut Terms, rule: &'c Rule) -> Option<RowRule<'c>> {
    match &rule.kind {
        RuleKind::Row { condition } if rule.over == Over::Batch => {
            Some(formulas(terms, rule, condition, rule.when.as_ref()))
        }
        _ => None,
    }
}

/// A `when` of such a rule says which rows its aggregates read; their values are then a batch's own.
fn batch_rule<'c>(terms: &mut Terms, rule: &'c Rule) -> Option<RowRule<'c>> {
    match &rule.kind {
        RuleKind::Aggregate { condition, .. } if rule.over == Over::Batch => {
            Some(formulas(terms, rule, condition, None))
        }
        _ => None,
    }
}

fn formulas<'c>(terms: &mut Terms, rule: &'c Rule, condition: &'c Expr, when: Option<&'c Expr>) -> RowRule<'c> {
    let mut meaning = Meaning::new(terms);
    let (met, not_met, no_when) = match when {
        Some(when) => {
            let failed = meaning.error(when);
            let unmet = Formula::any([meaning.fails(when), meaning.unknown(when), failed.clone()]);
            (meaning.holds(when), unmet, failed)
        }
        None => (Formula::True, Formula::False, Formula::False),
    };
    let holds = meaning.holds(condition);
    let null = meaning.unknown(condition);
    let broken = meaning.fails(condition).or(meaning.error(condition));
    // A batch condition that is null is not evaluated, which breaks nothing.
    let null_passes = rule.nulls == Nulls::Pass || matches!(rule.kind, RuleKind::Aggregate { .. });
    let (passing, broken) =
        if null_passes { (holds.clone().or(null), broken) } else { (holds.clone(), broken.or(null)) };
    let accepts = not_met.clone().or(passing);
    let breaks = met.clone().and(broken).or(no_when);
    let mut columns = Vec::new();
    terms.columns_in(condition, &mut columns);
    if let Some(when) = when {
        terms.columns_in(when, &mut columns);
    }
    holds.terms(&mut columns);
    columns.sort_unstable();
    columns.dedup();
    RowRule { rule, condition, when, met, not_met, holds, accepts, breaks, columns }
}

/// Visits an expression and all that is in it.
pub fn each_part<'e>(expr: &'e Expr, visit: &mut dyn FnMut(&'e Expr)) {
    visit(expr);
    expr.each_child(&mut |child| each_part(child, visit));
}

/// The expression with every column replaced; `None` where one has no replacement.
pub fn replace_columns(expr: &Expr, value: &dyn Fn(&str) -> Option<Expr>) -> Option<Expr> {
    if let ExprKind::Column(name) = &expr.kind {
        return value(name);
    }
    if matches!(expr.kind, ExprKind::Literal(_)) {
        return Some(expr.clone());
    }
    let mut replaced = expr.clone();
    let mut missing = false;
    for child in replaced.children_mut() {
        match replace_columns(child, value) {
            Some(new) => *child = new,
            None => missing = true,
        }
    }
    // What is put in may be null where the column was not.
    replaced.nullable = true;
    (!missing).then_some(replaced)
}

#[cfg(test)]
mod tests;
