//! Two revisions of a project: which changes of a contract break whom, with an example where one is found, and the
//! version that is due. Whoever delivers to a dataset is broken by what is refused from now on, whoever reads it by
//! what gets through. `because`, `fix`, `tags`, owners and docs break nobody.

mod batch;
mod columns;
mod errors;
mod promises;
mod promotions;
mod reach;
mod rows;
mod version;

use std::collections::HashMap;

use crate::check::facts::replace_columns;
use crate::check::facts::witness::Row;
use crate::diagnostics::{Diagnostic, Severity};
use crate::hir::{Checked, Contract, Expr, Rule, RuleKind, SlaWhat};
use crate::source::Span;

/// Whom a change concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Nobody has to do anything.
    Compatible,
    /// It could not be told.
    Undecided,
    BreaksConsumers,
    BreaksProducers,
}

/// One difference between two revisions of a contract.
#[derive(Clone, Debug)]
pub struct Change {
    pub dataset: String,
    pub effect: Effect,
    /// A row that is accepted by one revision and refused by the other.
    pub example: Option<Row>,
    pub finding: Diagnostic,
}

/// What is different.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// By dataset, in the order of the new revision.
    pub changes: Vec<Change>,
    /// Versions that are too small for their changes.
    pub versions: Vec<Diagnostic>,
}

impl Comparison {
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        self.changes.iter().map(|c| c.finding.clone()).chain(self.versions.iter().cloned()).collect()
    }
}

/// Compares the contracts of two revisions. All places are in the new one, `elsewhere` is for what has none there; `now`
/// (microseconds since 1970 in UTC) is the clock of example rows. What breaks somebody is a note where the version says so already, else a warning.
pub fn compare(old: &Checked, new: &Checked, now: i64, elsewhere: Span) -> Comparison {
    let mut comparison = Comparison::default();
    for contract in &new.contracts {
        let Some(before) = old.contract(&contract.dataset) else { continue };
        let pair = Pair { before: &renamed(before, contract, [old, new]), contract, old, new, now };
        let mut changes = Vec::new();
        columns::compare(&pair, before, &mut changes);
        rows::compare(&pair, &mut changes);
        batch::compare(&pair, &mut changes);
        promises::compare(&pair, &mut changes);
        promotions::compare(&pair, &mut changes);
        let due = version::due(before, contract, &changes);
        if due.is_enough() {
            for change in changes.iter_mut().filter(|c| c.effect != Effect::Undecided) {
                change.finding.severity = Severity::Note;
            }
        }
        for change in &mut changes {
            change.finding.notes.extend(errors::whom_it_reaches(change, [old, new]));
        }
        comparison.versions.extend(due.finding(contract));
        comparison.changes.extend(changes);
    }
    let gone = old.contracts.iter().filter(|c| new.contract(&c.dataset).is_none());
    comparison.changes.extend(gone.map(|c| {
        // Its file may be gone too: then where the rest of its layer begins.
        let near = new.contracts.iter().find(|n| n.layer() == c.layer());
        let at = near.map_or(elsewhere, |n| Span { file: n.file, start: 0, end: 0 });
        let mut change = errors::contract_gone(c, at);
        change.finding.notes.extend(errors::whom_it_reaches(&change, [old, new]));
        change
    }));
    comparison
}

/// For a contract whose old revision does not compile, which `message` says of a place in it.
pub fn not_compared(contract: &Contract, file: &str, line: usize, message: &str) -> Diagnostic {
    errors::not_compared(contract, file, line, message)
}

/// One contract, twice.
struct Pair<'c> {
    /// Its columns by their new names.
    before: &'c Contract,
    contract: &'c Contract,
    old: &'c Checked,
    new: &'c Checked,
    now: i64,
}

impl<'c> Pair<'c> {
    fn rule_before(&self, name: &str) -> Option<&'c Rule> {
        self.before.rules.iter().find(|r| r.name == name)
    }

    fn rule(&self, name: &str) -> Option<&'c Rule> {
        self.contract.rules.iter().find(|r| r.name == name)
    }
}

/// The columns that have another name now, by their old one.
fn new_names<'c>(old: &Contract, new: &'c Contract) -> HashMap<&'c str, &'c str> {
    let named = new.columns.iter().filter_map(|c| Some((c.was.as_deref()?, c.name.as_str())));
    named.filter(|(was, name)| old.column(was).is_some() && old.column(name).is_none()).collect()
}

/// The old contract as it would read with the columns' new names, its own and those that it refers to.
fn renamed(old: &Contract, new: &Contract, revisions: [&Checked; 2]) -> Contract {
    let names = new_names(old, new);
    let mut contract = old.clone();
    for rule in &mut contract.rules {
        if let RuleKind::References { dataset, target, .. } = &mut rule.kind
            && let [Some(before), Some(after)] = revisions.map(|r| r.contract(dataset))
        {
            let names = new_names(before, after);
            for column in target {
                if let Some(name) = names.get(column.as_str()) {
                    *column = (*name).to_owned();
                }
            }
        }
    }
    if names.is_empty() {
        return contract;
    }
    let new_name = |name: &str| names.get(name).map_or_else(|| name.to_owned(), |n| (*n).to_owned());
    for column in &mut contract.columns {
        column.name = new_name(&column.name);
    }
    let rename = |expr: &Expr| {
        replace_columns(expr, &|name| {
            let column = contract.columns.iter().find(|c| c.name == new_name(name))?;
            Some(Expr::column(&column.name, column.ty.clone(), column.nullable, Span::default()))
        })
        .unwrap_or_else(|| expr.clone())
    };
    let mut rules = contract.rules.clone();
    for rule in &mut rules {
        if let Some((column, claim)) = rule.name.split_once('.') {
            rule.name = format!("{}.{claim}", new_name(column));
        }
        rule.when = rule.when.as_ref().map(rename);
        for (by, expr) in rule.for_each.iter_mut().flat_map(|f| &mut f.by) {
            *by = new_name(by);
            *expr = rename(expr);
        }
        match &mut rule.kind {
            RuleKind::Row { condition } | RuleKind::Aggregate { condition, .. } => *condition = rename(condition),
            RuleKind::Unique { by, .. } => by.iter_mut().for_each(|e| *e = rename(e)),
            RuleKind::Type { column } | RuleKind::Mapping { column } => *column = new_name(column),
            RuleKind::References { columns, .. } => columns.iter_mut().for_each(|c| *c = new_name(c)),
            RuleKind::NoRows { .. } => {}
        }
    }
    let mut sla = contract.sla.clone();
    for promise in &mut sla {
        if let SlaWhat::Condition(condition) = &mut promise.what {
            *condition = rename(condition);
        }
    }
    contract.rules = rules;
    contract.sla = sla;
    contract
}
