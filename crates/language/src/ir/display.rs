//! A plan in words: how often the rows are read, which columns, and what each stage judges.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};

use super::{Plan, PlanRule, Stage};
use crate::hir::{Above, Act, Action, ExprKind, OtherColumns, Over, RuleKind, Rows};

/// `silver.orders 2.1.0, from bronze.orders`, then the passes, the columns and the rules.
impl Display for Plan {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.dataset, self.version)?;
        if self.source_dataset != self.dataset {
            write!(f, ", from {}", self.source_dataset)?;
        }
        writeln!(f)?;
        writeln!(f, "  passes over the batch: {}", self.passes())?;
        let read = self.read_columns();
        let all = self.source.len();
        writeln!(f, "  columns read to judge: {} of {all}: {}", read.len(), read.join(", "))?;
        if self.write.is_some() {
            writeln!(f, "  columns read to promote: all {all}")?;
        }
        let datasets = self.datasets();
        if !datasets.is_empty() {
            writeln!(f, "  read beside it: {}", datasets.join(", "))?;
        }
        for (stage, title) in STAGES {
            let mut rules = self.rules.iter().filter(|r| r.stage == stage).peekable();
            if rules.peek().is_some() {
                writeln!(f, "  {title}")?;
            }
            for rule in rules {
                writeln!(f, "    {:width$}  {}", rule.rule.name, Told(rule), width = self.width())?;
            }
        }
        if self.source_other == OtherColumns::Forbidden {
            writeln!(f, "  other columns than these block the batch")?;
        }
        if let Some(cap) = self.quarantine_cap {
            writeln!(f, "  more than {cap}% of the rows in quarantine block the batch")?;
        }
        Ok(())
    }
}

const STAGES: [(Stage, &str); 5] = [
    (Stage::Schema, "before a row is read, from the files' footers"),
    (Stage::Row, "row by row"),
    (Stage::References, "then, of the rows left, against other datasets"),
    (Stage::Unique, "then, of the rows left, against each other"),
    (Stage::Batch, "then, of the rows that would be published"),
];

impl Plan {
    fn width(&self) -> usize {
        self.rules.iter().map(|r| r.rule.name.chars().count()).max().unwrap_or(0)
    }

    /// In words: what is certain, and what can add to it.
    fn passes(&self) -> String {
        let held = |r: &PlanRule| r.rule.actions.iter().any(|a| a.act == Act::Quarantine);
        let first = self.rules.iter().any(|r| {
            let (RuleKind::Row { condition } | RuleKind::Aggregate { condition, .. }) = &r.rule.kind else { return false };
            let row = matches!(r.rule.kind, RuleKind::Row { .. });
            row && condition.any(&mut |e| matches!(&e.kind, ExprKind::Aggregate(a) if a.rows == Rows::Batch))
        });
        let again = self.rules.iter().any(|r| held(r) && r.stage == Stage::Unique);
        let certain = if first { "2 (the first for values of the whole batch)" } else { "1" };
        match again {
            true => format!("{certain}; once more if duplicates are to be held back"),
            false => certain.to_string(),
        }
    }

    /// The source's columns that the rules need.
    fn read_columns(&self) -> Vec<&str> {
        let mut judged: BTreeSet<String> = BTreeSet::new();
        for rule in &self.rules {
            judged.extend(columns(rule));
        }
        let mut read: BTreeSet<&str> = BTreeSet::new();
        for column in self.columns.iter().filter(|c| judged.contains(&c.name)) {
            if let Some(value) = &column.value {
                value.visit(&mut |e| {
                    if let ExprKind::Column(name) = &e.kind {
                        read.insert(name);
                    }
                });
            }
        }
        self.source.iter().map(|c| c.name.as_str()).filter(|n| read.contains(n)).collect()
    }
}

/// The judged columns that a rule reads.
fn columns(planned: &PlanRule) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let rule = &planned.rule;
    let mut roots: Vec<&crate::hir::Expr> = rule.when.iter().collect();
    match &rule.kind {
        RuleKind::Type { .. } | RuleKind::NoRows { .. } => {}
        RuleKind::Mapping { column } => drop(found.insert(column.clone())),
        RuleKind::References { columns, .. } => found.extend(columns.iter().cloned()),
        RuleKind::Row { condition } | RuleKind::Aggregate { condition, .. } => roots.push(condition),
        RuleKind::Unique { by, keep, .. } => roots.extend(by.iter().chain(keep.as_ref().map(|k| &k.by))),
    }
    roots.extend(rule.for_each.iter().flat_map(|each| each.by.iter().map(|(_, e)| e)));
    for root in roots {
        root.any(&mut |e| {
            if let ExprKind::Column(name) = &e.kind {
                found.insert(name.clone());
            }
            false
        });
    }
    found
}

/// A rule in one line.
struct Told<'a>(&'a PlanRule);

impl Display for Told<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let rule = &self.0.rule;
        match &rule.kind {
            RuleKind::Type { column } => write!(f, "`{column}` is there, in a type that can be read")?,
            RuleKind::Mapping { column } => write!(f, "the value of `{column}` can be computed")?,
            RuleKind::Row { .. } => write!(f, "a condition on each row")?,
            RuleKind::Unique { key: true, .. } => write!(f, "no two rows share a key, nor does the table have it")?,
            RuleKind::Unique { .. } => write!(f, "no two rows share a value")?,
            RuleKind::References { columns, dataset, target } => {
                write!(f, "({}) is a row of {dataset}({})", columns.join(", "), target.join(", "))?;
            }
            RuleKind::Aggregate { .. } => match &rule.for_each {
                Some(each) => {
                    let names: Vec<&str> = each.by.iter().map(|(name, _)| name.as_str()).collect();
                    write!(f, "a condition on each group of {}", names.join(", "))?;
                }
                None => write!(f, "a condition on all rows together")?,
            },
            RuleKind::NoRows { .. } => write!(f, "a query that finds no rows")?,
        }
        match rule.over {
            Over::Batch => {}
            Over::Input => write!(f, ", over the rows as they arrived")?,
            Over::Table => write!(f, ", over the table as it would be")?,
        }
        let actions: Vec<String> = rule.actions.iter().map(action).collect();
        write!(f, "; else {}", actions.join(", "))
    }
}

fn action(action: &Action) -> String {
    let act = match action.act {
        Act::Warn => "warn",
        Act::Quarantine => "quarantine",
        Act::Block => "block",
    };
    match action.above {
        None => act.to_string(),
        Some(Above::Rows(n)) => format!("{act} above {n} rows"),
        Some(Above::Groups(n)) => format!("{act} above {n} groups"),
        Some(Above::Percent { percent, of_all_rows: false }) => format!("{act} above {percent}%"),
        Some(Above::Percent { percent, of_all_rows: true }) => format!("{act} above {percent}% of all rows"),
    }
}
