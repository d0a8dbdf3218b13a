//! What a test gives: the rows of the batch, of the table and of other datasets, the past and the clock.

use std::collections::BTreeMap;

use crate::eval::aggregate::{aggregate, over};
use crate::eval::{Reason, Result, Scope, value};
use crate::hir::{
    Aggregate, AggregateFn, Checked, Contract, Expr, ExprKind, HistoryWindow, Rows, RuleKind, Test, TestTable, Type, Unit, Value,
    Write,
};

use super::generate;
use super::settle::settle;

/// The clock of a test that says none: 2026-01-01T00:00:00Z.
pub const CLOCK: i64 = 1_767_225_600_000_000;

/// One row, all columns filled.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub values: Vec<(String, Value)>,
    /// Counts from 1 in the test; `None` for rows of other datasets and of the table.
    pub number: Option<u64>,
}

impl Row {
    pub fn get(&self, column: &str) -> Option<&Value> {
        self.values.iter().find(|(name, _)| name == column).map(|(_, v)| v)
    }
}

#[derive(Clone, Debug)]
pub struct World<'a> {
    pub contract: &'a Contract,
    pub now: i64,
    pub batch: Vec<Row>,
    /// The target before the batch.
    pub table: Vec<Row>,
    /// How the batch comes into the table; `None`: beside what is there.
    pub write: Option<&'a Write>,
    pub given: BTreeMap<&'a str, Vec<Row>>,
    /// A column a rule, by its name; a row a past batch, the latest last.
    pub history: Option<&'a TestTable>,
}

impl<'a> World<'a> {
    pub fn of(checked: &'a Checked, contract: &'a Contract, test: &'a Test) -> Self {
        let (mut table, mut given) = (Vec::new(), BTreeMap::new());
        for (dataset, cells) in &test.given {
            if *dataset == contract.dataset {
                table = rows(contract, cells);
            } else if let Some(other) = checked.contract(dataset) {
                given.insert(dataset.as_str(), rows(other, cells));
            }
        }
        let mut batch = rows(contract, &test.rows);
        refer(contract, &test.rows, &given, &mut batch);
        for (row, number) in batch.iter_mut().zip(1..) {
            row.number = Some(number);
        }
        let write = checked.promotion_to(&contract.dataset).map(|p| &p.write);
        let now = test.at.unwrap_or(CLOCK);
        let mut world = World { contract, now, batch, table, write, given, history: test.history.as_ref() };
        settle(&mut world, &super::rules_of(checked, contract), test);
        world
    }

    /// A batch, and nothing beside it.
    pub fn of_rows(contract: &'a Contract, now: i64, batch: Vec<Row>) -> Self {
        World { contract, now, batch, table: Vec::new(), write: None, given: BTreeMap::new(), history: None }
    }

    /// Whether rows take the place of those of their key.
    pub fn merges(&self) -> bool {
        matches!(self.write, Some(Write::Merge { .. }))
    }

    /// The column whose greater value wins where rows are merged; `None`: the batch wins.
    pub fn newest(&self) -> Option<&'a str> {
        match self.write {
            Some(Write::Merge { by: Some(Expr { kind: ExprKind::Column(name), .. }) }) => Some(name),
            _ => None,
        }
    }

    /// The table as it would be after the promotion of these rows.
    pub fn after<'r>(&'r self, rows: &[&'r Row]) -> Vec<&'r Row> {
        let key: Vec<&str> = self.contract.key().map(|c| c.name.as_str()).collect();
        let merges = self.merges() && !key.is_empty();
        let same = |a: &Row, b: &Row| merges && key.iter().all(|k| a.get(k) == b.get(k));
        // A null is older than anything.
        let newer = |a: &Row, b: &Row| match self.newest().map(|name| (a.get(name), b.get(name))) {
            Some((Some(a), Some(b))) => value::order(a, b).is_gt(),
            _ => true,
        };
        let stays = |old: &&Row| !rows.iter().any(|new| same(new, old) && newer(new, old));
        let comes = |new: &&Row| {
            let loses = || {
                rows.iter().any(|other| same(other, new) && newer(other, new))
                    || self.table.iter().any(|old| same(old, new) && !newer(new, old))
            };
            self.newest().is_none() || !loses()
        };
        self.table.iter().filter(stays).chain(rows.iter().copied().filter(comes)).collect()
    }
}

/// A table's rows; cells that it leaves out hold what the column allows.
fn rows(contract: &Contract, table: &TestTable) -> Vec<Row> {
    let fill = generate::Filler::of(contract);
    let row = |(i, cells): (usize, &Vec<Option<Value>>)| {
        let value = |c: &crate::hir::Column| {
            let written = table.columns.iter().position(|n| *n == c.name).and_then(|at| cells.get(at)?.clone());
            (c.name.clone(), written.unwrap_or_else(|| fill.value(&c.name, i)))
        };
        let mut values: Vec<(String, Value)> = contract.columns.iter().map(value).collect();
        // what the contract lets pass but does not name
        for (name, cell) in table.columns.iter().zip(cells) {
            if contract.column(name).is_none() {
                values.push((name.clone(), cell.clone().unwrap_or(Value::Null)));
            }
        }
        Row { values, number: None }
    };
    table.rows.iter().enumerate().map(row).collect()
}

/// Columns that claim to refer to a dataset whose rows are given hold a value of theirs where the test leaves them out; of
/// a key, another one in each row as long as there are some.
fn refer(contract: &Contract, written: &TestTable, given: &BTreeMap<&str, Vec<Row>>, batch: &mut [Row]) {
    for rule in &contract.rules {
        let RuleKind::References { columns, dataset, target } = &rule.kind else { continue };
        let ([column], [target], Some(targets)) = (columns.as_slice(), target.as_slice(), given.get(dataset.as_str()))
        else {
            continue;
        };
        let claim = contract.column(column).filter(|_| rule.name == format!("{column}.references"));
        let Some(claim) = claim.filter(|c| !c.nullable && !written.columns.contains(&c.name)) else { continue };
        for (i, row) in batch.iter_mut().enumerate() {
            let from = targets.get(if claim.key { i } else { 0 }).or(targets.first());
            let cell = row.values.iter_mut().find(|(name, _)| name == column);
            if let (Some((_, cell)), Some(value)) = (cell, from.and_then(|row| row.get(target))) {
                *cell = value.clone();
            }
        }
    }
}

/// What a rule's expressions see: one row perhaps, a group perhaps, and all that aggregates read.
pub struct View<'a> {
    pub world: &'a World<'a>,
    /// The rule that is judged; its past has that name.
    pub rule: &'a str,
    pub row: Option<&'a Row>,
    /// The group's names and values.
    pub group: &'a [(String, Value)],
    /// The rows that the rule judges, or those of the group.
    pub own: &'a [&'a Row],
    /// The rows of the batch that are still to be published.
    pub current: &'a [&'a Row],
}

impl<'a> View<'a> {
    pub fn at(&self, row: &'a Row) -> View<'a> {
        View { row: Some(row), ..*self }
    }
}

impl Scope for View<'_> {
    fn column(&self, name: &str) -> Option<Value> {
        let in_group = || self.group.iter().find(|(n, _)| n == name).map(|(_, v)| v);
        self.row.and_then(|row| row.get(name)).or_else(in_group).cloned()
    }

    fn now(&self) -> i64 {
        self.world.now
    }

    fn aggregate(&self, of: &Aggregate, ty: &Type) -> Result {
        let input: Vec<&Row>;
        let rows: &[&Row] = match &of.rows {
            Rows::Own => self.own,
            Rows::Batch => self.current,
            Rows::Input => {
                input = self.world.batch.iter().collect();
                &input
            }
            Rows::Table => {
                input = self.world.after(self.current);
                &input
            }
            Rows::Source => return Err(Reason::of("the source's rows are not given")),
            Rows::Dataset(dataset) => match self.world.given.get(dataset.as_str()) {
                Some(rows) => {
                    input = rows.iter().collect();
                    &input
                }
                None => return Err(not_given(dataset)),
            },
        };
        let views: Vec<View> = rows.iter().map(|row| View { row: Some(row), ..*self }).collect();
        let scopes: Vec<&dyn Scope> = views.iter().map(|v| v as &dyn Scope).collect();
        aggregate(of, ty, &scopes)
    }

    fn history(&self, _metric: &Expr, statistic: AggregateFn, window: HistoryWindow) -> Result {
        let Some(table) = self.world.history else { return Err(Reason::HISTORY) };
        let Some(at) = table.columns.iter().position(|c| c == self.rule) else { return Err(Reason::HISTORY) };
        let wanted = usize::try_from(window.count.saturating_mul(batches(window.unit))).unwrap_or(usize::MAX);
        let skip = table.rows.len().saturating_sub(wanted);
        let past = table.rows.iter().skip(skip).filter_map(|row| row.get(at).cloned().flatten());
        let past: Vec<Value> = past.filter(|v| *v != Value::Null).collect();
        if past.len() < window.enough() {
            return Err(Reason::HISTORY);
        }
        over(statistic, past, 0.5, &Type::Double)
    }
}

/// How many batches a unit of time holds: a test's are a day apart.
fn batches(unit: Option<Unit>) -> u64 {
    match unit {
        Some(Unit::Week) => 7,
        Some(Unit::Month) => 30,
        Some(Unit::Year) => 365,
        _ => 1,
    }
}

pub fn not_given(dataset: &str) -> Reason {
    Reason(format!("no rows of `{dataset}` are given").into())
}
