//! Rules against one another: which can never hold, never be broken, or say what others say.

use super::tried::{Shown, Tried, is_of_rows};
use super::{errors, is_claim, is_included};
use crate::check::facts::{Facts, Formula, RowRule};
use crate::diagnostics::Diagnostic;
use crate::hir::{Above, Act, Contract, ExprKind, Over, Rule, RuleKind, Value};

pub fn row_rules_can_hold_and_break(contract: &Contract, told: &[bool], found: &mut Vec<Diagnostic>) {
    let judged = contract.rules.iter().zip(told).filter(|(rule, told)| !**told && is_of_rows(rule));
    judge(contract, judged.map(|(rule, _)| rule).collect(), found);
}

/// Conditions about a batch; one with `when` or `for each` reads rows of its own and stands alone.
pub fn batch_rules_can_hold_and_break(contract: &Contract, told: &[bool], found: &mut Vec<Diagnostic>) {
    let of_batch = |rule: &Rule| rule.over == Over::Batch && matches!(rule.kind, RuleKind::Aggregate { .. });
    let judged = contract.rules.iter().zip(told).filter(|(rule, told)| !**told && of_batch(rule));
    let (alone, together): (Vec<&Rule>, Vec<&Rule>) =
        judged.map(|(rule, _)| rule).partition(|rule| rule.when.is_some() || rule.for_each.is_some());
    judge(contract, together, found);
    alone.into_iter().for_each(|rule| judge(contract, vec![rule], found));
}

/// Rules that are about the same rows, or all about the batch.
fn judge(contract: &Contract, rules: Vec<&Rule>, found: &mut Vec<Diagnostic>) {
    let wanted: Vec<Shown> = rules.iter().map(|rule| wanted(contract, rule)).collect();
    let shown = Tried::rules(rules.iter().copied().zip(wanted.iter().copied()));
    if shown.iter().zip(&wanted).any(|(shown, wanted)| shown.lacks(*wanted)) {
        let of_rows = rules.first().is_some_and(|rule| is_of_rows(rule));
        let facts = if of_rows { Facts::over(rules.into_iter()) } else { Facts::over_batch(rules.into_iter()) };
        let gone = vec![false; facts.rules.len()];
        Pool { contract, facts, shown, gone }.judge(found);
    }
}

/// What a row must show of a rule if nothing is to be said about it.
fn wanted(contract: &Contract, rule: &Rule) -> Shown {
    let on_purpose = is_never_kept(rule);
    let says = may_say_nothing(contract, rule);
    let claim = is_claim(contract, rule);
    Shown {
        kept: !on_purpose,
        passed: false,
        broken: on_purpose || says && !claim,
        violated: says && claim,
        spared: is_of_rows(rule) && rule.when.is_some() && !is_included(contract, rule),
    }
}

/// `false when …` says on purpose that something must not occur.
pub fn is_never_kept(rule: &Rule) -> bool {
    let (RuleKind::Row { condition } | RuleKind::Aggregate { condition, .. }) = &rule.kind else { return false };
    matches!(condition.kind, ExprKind::Literal(Value::Bool(false)))
}

/// Whether it is worth telling that a rule is implied.
fn may_say_nothing(contract: &Contract, rule: &Rule) -> bool {
    let claim = is_claim(contract, rule);
    !is_included(contract, rule)
        && (!claim || rule.name.ends_with(".where"))
        && rule.if_not_evaluated != Some(Act::Block)
}

struct Pool<'c> {
    contract: &'c Contract,
    facts: Facts<'c>,
    /// What some row shows of each rule.
    shown: Vec<Shown>,
    /// Rules about which something has been said; they prove nothing about others.
    gone: Vec<bool>,
}

impl<'c> Pool<'c> {
    fn judge(&mut self, found: &mut Vec<Diagnostic>) {
        let doubtful: Vec<usize> = (0..self.facts.rules.len()).filter(|i| !self.is_kept_by_some_row(*i)).collect();
        // First what cannot hold by itself or beside the columns' claims: it is no witness against others.
        for &i in &doubtful {
            self.judge_one(i, Self::claims_near, found);
        }
        for &i in doubtful.iter().rev() {
            self.judge_one(i, |pool, i| pool.facts.neighbours(i), found);
        }
        if self.gone.contains(&true) {
            self.facts.set_aside(&self.gone);
        }
        for i in (0..self.facts.rules.len()).rev() {
            if self.facts.is_exhausted() {
                break;
            }
            if !self.gone[i] {
                let finding = self.says_nothing(i).or_else(|| self.always_met(i));
                if let Some(finding) = finding.filter(|_| !self.facts.is_exhausted()) {
                    found.push(finding);
                    self.gone[i] = true;
                }
            }
        }
        if self.facts.is_exhausted() {
            found.push(errors::too_many_to_compare(self.contract, self.facts.rules.len()));
        }
    }

    /// Whether a row is known that meets the rule's `when`, satisfies it, and that all others let through.
    fn is_kept_by_some_row(&self, i: usize) -> bool {
        let rule = self.rule(i);
        if is_never_kept(rule.rule) {
            return self.shown[i].broken || self.facts.is_possible(&[&rule.met]);
        }
        self.shown[i].kept || self.facts.is_possible(&[&rule.met, &rule.holds])
    }

    fn rule(&self, i: usize) -> &RowRule<'c> {
        &self.facts.rules[i]
    }

    fn rules(&self, of: &[usize]) -> Vec<&'c Rule> {
        of.iter().map(|i| self.rule(*i).rule).collect()
    }

    /// The rules that can be told of when proving something about `i`, at least as strict as it is.
    fn as_strict(&self, i: usize) -> Vec<usize> {
        let rule = self.rule(i).rule;
        let mut near = self.facts.neighbours(i);
        near.retain(|j| !self.gone[*j] && covers(self.rule(*j).rule, rule));
        near
    }

    fn claims_near(&self, i: usize) -> Vec<usize> {
        let mut near = self.facts.neighbours(i);
        near.retain(|j| is_claim(self.contract, self.rule(*j).rule));
        near
    }

    /// See [`Facts::needed`]. Rules that contradict each other prove everything, and so nothing.
    fn needed(&self, question: &[&Formula], near: &[usize]) -> Option<Vec<usize>> {
        let needed = self.facts.needed(question, near)?;
        (needed.len() < 2 || !self.facts.exclude(&[], &needed)).then_some(needed)
    }

    /// What no row meets, or no row that meets it satisfies, beside the rules `near`.
    fn judge_one(&mut self, i: usize, near: impl Fn(&Self, usize) -> Vec<usize>, found: &mut Vec<Diagnostic>) {
        if self.gone[i] || self.facts.is_exhausted() {
            return;
        }
        let mut near = near(self, i);
        near.retain(|j| !self.gone[*j]);
        let finding = self.never_met(i, &near).or_else(|| self.never_holds(i, &near));
        // What has been asked last may have been left open.
        if let Some(finding) = finding.filter(|_| !self.facts.is_exhausted()) {
            found.push(finding);
            self.gone[i] = true;
        }
    }

    fn never_met(&self, i: usize, near: &[usize]) -> Option<Diagnostic> {
        let rule = self.rule(i);
        let when = rule.when?;
        let strict: Vec<usize> = near.iter().copied().filter(|j| covers(self.rule(*j).rule, rule.rule)).collect();
        let needed = self.needed(&[&rule.met], &strict)?;
        Some(errors::when_never_met(rule.rule, when, &self.rules(&needed)))
    }

    fn never_holds(&self, i: usize, near: &[usize]) -> Option<Diagnostic> {
        let rule = self.rule(i);
        if is_never_kept(rule.rule) {
            return None;
        }
        let needed = self.needed(&[&rule.met, &rule.holds], near)?;
        // Where others keep its rows away, by a warning say, the rule still judges those that come.
        if rule.when.is_some() && self.facts.exclude(&[&rule.met], &needed) {
            return None;
        }
        let (claims, rules): (Vec<usize>, Vec<usize>) =
            needed.iter().partition(|j| is_claim(self.contract, self.rule(**j).rule));
        Some(if rules.is_empty() || is_claim(self.contract, rule.rule) {
            errors::never_holds(rule.rule, rule.when.is_some(), &self.rules(&needed))
        } else {
            errors::contradict(rule.rule, &self.rules(&rules), &self.rules(&claims))
        })
    }

    fn says_nothing(&self, i: usize) -> Option<Diagnostic> {
        let rule = self.rule(i);
        // What a column claims is not held against the rules: they may say it again.
        let claim = is_claim(self.contract, rule.rule);
        if !may_say_nothing(self.contract, rule.rule)
            || self.shown[i].broken
            || claim && self.shown[i].violated
            || self.facts.is_possible_but(Some(i), &[&rule.breaks])
        {
            return None;
        }
        let given = if claim { Vec::new() } else { self.as_strict(i) };
        let needed = self.needed(&[&rule.breaks], &given)?;
        let others = self.rules(&needed);
        Some(match others.as_slice() {
            [] => errors::always_holds(rule.rule),
            [other] if same_text(rule.rule, other) && !is_claim(self.contract, other) => {
                errors::written_twice(rule.rule, other)
            }
            _ => errors::implied(rule.rule, &others),
        })
    }

    fn always_met(&self, i: usize) -> Option<Diagnostic> {
        let rule = self.rule(i);
        let when = rule.when?;
        if is_included(self.contract, rule.rule) || self.shown[i].spared || self.facts.is_possible(&[&rule.not_met]) {
            return None;
        }
        let mut claims = self.claims_near(i);
        claims.retain(|j| covers(self.rule(*j).rule, rule.rule));
        let needed = self.needed(&[&rule.not_met], &claims)?;
        Some(errors::when_always_met(rule.rule, when, &self.rules(&needed)))
    }
}

fn same_text(a: &Rule, b: &Rule) -> bool {
    let key = |r: &Rule| match &r.kind {
        RuleKind::Row { condition } | RuleKind::Aggregate { condition, .. } => crate::check::facts::key(condition),
        _ => String::new(),
    };
    key(a) == key(b) && a.when.as_ref().map(crate::check::facts::key) == b.when.as_ref().map(crate::check::facts::key)
}

/// Whether what happens when `strict` is broken includes what happens when `other` is.
fn covers(strict: &Rule, other: &Rule) -> bool {
    let at_once = strict.actions.iter().rev().find(|a| never_spares(a.above)).map(|a| a.act);
    let worst = other.actions.iter().map(|a| a.act).max().unwrap_or(Act::Block);
    if at_once.is_some_and(|act| act >= worst) {
        return true;
    }
    let counted = strict.actions.iter().all(|a| match a.above {
        None | Some(Above::Rows(_)) => true,
        Some(Above::Percent { of_all_rows, .. }) => of_all_rows || (strict.when.is_none() && other.when.is_none()),
        Some(Above::Groups(_)) => false,
    });
    counted && strict.actions == other.actions
}

/// Whether a threshold is passed by a single violation.
fn never_spares(above: Option<Above>) -> bool {
    match above {
        None | Some(Above::Rows(0) | Above::Groups(0)) => true,
        Some(Above::Percent { percent, .. }) => percent <= 0.0,
        Some(_) => false,
    }
}
