//! One row that all rules let through, kept at hand: most questions are answered by changing it a little, without
//! asking the solver about every rule again.

use super::effort::Effort;
use super::formula::{Formula, Literal, Side, TermId};
use super::number::Number;
use super::solve::{Answer, Model};
use super::terms::Terms;
use super::{Facts, solve};

/// How often a row that breaks other rules is looked for anew, with those rules added to the question.
const ROUNDS: usize = 8;

#[derive(Debug)]
pub struct Example {
    row: Model,
    /// By term, the rules that speak of it or of what goes with it.
    rules: Vec<Vec<usize>>,
    /// Rules of which the row itself does not say that they let it through.
    unsure: Vec<usize>,
    /// Rules with a statement that is not looked into.
    opaque: Vec<usize>,
}

impl Example {
    pub fn of(facts: &Facts) -> Option<Self> {
        let judges = || facts.rules.iter().enumerate().filter(|(i, _)| !facts.aside[*i]);
        let accepts: Vec<&Formula> = judges().map(|(_, r)| &r.accepts).collect();
        let Answer::Maybe(row) = solve::solve_near(&facts.terms, &accepts, &Model::default(), &facts.effort) else {
            return None;
        };
        let mut rules = vec![Vec::new(); facts.terms.len()];
        let (mut unsure, mut opaque) = (Vec::new(), Vec::new());
        let nothing = Model::default();
        let changed = Changed { terms: &facts.terms, effort: &facts.effort, new: &nothing, old: &row };
        for (i, rule) in judges() {
            let mut terms = Vec::new();
            rule.accepts.terms(&mut terms);
            // A text and its length change together.
            let lengths = terms.iter().filter_map(|t| facts.terms.get(*t).length_of).collect::<Vec<_>>();
            let texts: Vec<TermId> = terms.iter().filter_map(|t| facts.terms.length(*t)).collect();
            terms.extend(lengths.into_iter().chain(texts));
            terms.sort_unstable();
            terms.dedup();
            for term in terms {
                rules[term as usize].push(i);
            }
            if changed.meets(&rule.accepts) != Some(true) {
                unsure.push(i);
            }
            if has_statement(&rule.accepts) {
                opaque.push(i);
            }
        }
        Some(Self { row: *row, rules, unsure, opaque })
    }

    /// Whether a row was found that meets the question and that every rule, `but` one perhaps, lets through. `false`
    /// proves nothing.
    pub fn can_be_changed_to(&self, facts: &Facts, question: &[&Formula], but: Option<usize>) -> bool {
        let nothing = Model::default();
        let as_it_is = Changed { terms: &facts.terms, effort: &facts.effort, new: &nothing, old: &self.row };
        if self.unsure.iter().all(|i| Some(*i) == but) && question.iter().all(|f| as_it_is.meets(f) == Some(true)) {
            return true;
        }
        let mut asked: Vec<usize> = Vec::new();
        for _ in 0..ROUNDS {
            let accepts = asked.iter().map(|i| &facts.rules[*i].accepts);
            let formulas: Vec<&Formula> = question.iter().copied().chain(accepts).collect();
            let answer = solve::solve_near(&facts.terms, &formulas, &self.row, &facts.effort);
            let Answer::Maybe(new) = answer else { return false };
            let row = Changed { terms: &facts.terms, effort: &facts.effort, new: &new, old: &self.row };
            if facts.effort.is_spent() || question.iter().any(|formula| row.meets(formula) != Some(true)) {
                return false;
            }
            let mut touched = self.unsure.clone();
            new.terms().for_each(|term| touched.extend(self.rules.get(term as usize).into_iter().flatten()));
            if !new.statements.is_empty() {
                touched.extend(&self.opaque);
            }
            facts.effort.spend(8 * touched.len());
            touched.sort_unstable();
            touched.dedup();
            let before = asked.len();
            for i in touched.into_iter().filter(|i| Some(*i) != but) {
                if row.meets(&facts.rules[i].accepts) != Some(true) {
                    if asked.contains(&i) {
                        return false;
                    }
                    asked.push(i);
                }
            }
            if asked.len() == before {
                return true;
            }
        }
        false
    }
}

fn has_statement(formula: &Formula) -> bool {
    let mut found = false;
    formula.each_literal(&mut |literal| found |= matches!(literal, Literal::Opaque(..)));
    found
}

/// A row of which some values are replaced: whatever is known of a term is taken from one of the two.
struct Changed<'a> {
    terms: &'a Terms,
    effort: &'a Effort,
    new: &'a Model,
    old: &'a Model,
}

impl Changed<'_> {
    fn of(&self, term: TermId) -> &Model {
        if self.new.knows(term) { self.new } else { self.old }
    }

    fn number(&self, term: TermId) -> Option<Number> {
        let found = self.of(term).numbers.get(&term).copied();
        let Some(text) = self.terms.get(term).length_of else { return found };
        // The length of a text that was replaced is the new text's.
        match self.text(text).map(|t| Number::whole(t.chars().count() as i128)) {
            Some(length) if !self.new.knows(term) => Some(length),
            Some(length) => found.filter(|n| *n == length),
            None => found.filter(|_| self.new.knows(term) || !self.new.knows(text)),
        }
    }

    fn text(&self, term: TermId) -> Option<&str> {
        let found = self.of(term).texts.get(&term)?;
        // A length that was replaced alone leaves no text that is known.
        let length = self.terms.length(term).filter(|l| self.new.knows(*l) && !self.new.knows(term));
        let fits = |l: TermId| {
            let length = Number::whole(found.chars().count() as i128);
            self.new.numbers.get(&l).is_some_and(|n| *n == length)
        };
        length.is_none_or(fits).then_some(found.as_str())
    }

    fn is_null(&self, term: TermId) -> Option<bool> {
        let model = self.of(term);
        model.null.get(&term).copied().or_else(|| model.has_value(term).then_some(false))
    }

    /// Whether the row meets a formula; `None` where that is not known.
    fn meets(&self, formula: &Formula) -> Option<bool> {
        self.effort.spend(4);
        match formula {
            Formula::True => Some(true),
            Formula::False => Some(false),
            Formula::Is(literal) => self.literal(literal),
            Formula::All(parts) => self.fold(parts, false),
            Formula::Any(parts) => self.fold(parts, true),
        }
    }

    /// The value that decides, where a part has it; else the other one, where all parts are known.
    fn fold(&self, parts: &[Formula], decides: bool) -> Option<bool> {
        let mut known = true;
        for part in parts {
            match self.meets(part) {
                Some(value) if value == decides => return Some(decides),
                Some(_) => {}
                None => known = false,
            }
        }
        known.then_some(!decides)
    }

    fn literal(&self, literal: &Literal) -> Option<bool> {
        Some(match literal {
            Literal::Null(term, null) => self.is_null(*term)? == *null,
            Literal::Nan(term, nan) => {
                let model = self.of(*term);
                let is = model.nan.get(term).copied();
                is.or_else(|| (model.numbers.contains_key(term) || !self.terms.is_floating(*term)).then_some(false))? == *nan
            }
            Literal::Flag(term, flag) => *self.of(*term).flags.get(term)? == *flag,
            Literal::Bound { term, side, limit, strict } => {
                let number = self.number(*term)?;
                within(&number, *side, limit, *strict)
            }
            Literal::Numbers { term, list, inside } => list.binary_search(&self.number(*term)?).is_ok() == *inside,
            Literal::Sum(sum) => {
                let mut total = Number::ZERO;
                for (term, factor) in &sum.parts {
                    total = total.add(factor.mul(self.number(*term)?)?)?;
                }
                within(&total, Side::Below, &sum.limit, sum.strict)
            }
            Literal::Texts { term, list, inside } => {
                let text = self.text(*term)?;
                list.binary_search_by(|t| t.as_str().cmp(text)).is_ok() == *inside
            }
            Literal::TextBound { term, side, limit, strict } => within(self.text(*term)?, *side, limit, *strict),
            Literal::Pattern { term, pattern, inside } => {
                self.terms.pattern(*pattern).matches(self.text(*term)?)? == *inside
            }
            Literal::Same { left, right, equal } => {
                let texts = self.text(*left).zip(self.text(*right)).map(|(a, b)| a == b);
                let flag = |t: &TermId| self.of(*t).flags.get(t).copied();
                texts.or_else(|| Some(flag(left)? == flag(right)?))? == *equal
            }
            Literal::Opaque(statement, holds) => {
                let known = self.new.statements.get(statement).or_else(|| self.old.statements.get(statement));
                *known? == *holds
            }
        })
    }
}

fn within<T: Ord + ?Sized>(value: &T, side: Side, limit: &T, strict: bool) -> bool {
    match side {
        Side::Below => value < limit || !strict && value == limit,
        Side::Above => value > limit || !strict && value == limit,
    }
}
