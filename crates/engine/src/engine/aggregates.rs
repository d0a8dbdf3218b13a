//! Aggregates of one pass: each partition keeps a state, states of all partitions merge into the same value whatever
//! the threads did.

mod columns;
mod exact;
mod moments;
mod state;

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::take;

use super::expr::{Computed, Frame, NodeId, Program};
use super::expr::truths;
use super::types::value_at;
use crate::hir::{Aggregate, Type, Value};
pub use state::State;

/// One aggregate of one rule.
pub struct Metric {
    /// The rule's position in the plan.
    pub rule: usize,
    pub aggregate: Aggregate,
    /// Of the result.
    pub ty: Type,
    pub args: Vec<NodeId>,
    pub filter: Option<NodeId>,
    /// The rule's, where the aggregate is over the rule's own rows.
    pub when: Option<NodeId>,
    /// Over all rows as they arrived; else over those that would be published.
    pub all: bool,
    /// The table's rows belong to it too.
    pub table: bool,
    /// The groups of `for each`.
    pub by: Vec<NodeId>,
}

impl Metric {
    /// All that it looks at.
    pub fn nodes(&self) -> Vec<NodeId> {
        self.args.iter().chain(&self.filter).chain(&self.when).chain(&self.by).copied().collect()
    }

    /// Whether the number of rows is all that it needs.
    pub fn counts_rows(&self) -> bool {
        self.nodes().is_empty()
    }
}

/// What a partition knows of a metric.
#[derive(Default)]
pub struct Tally {
    /// By the encoded group; the empty one where there are no groups.
    groups: HashMap<Box<[u8]>, Group>,
    /// Rows for which it could not be computed, and why.
    failed: Option<(u64, String)>,
}

#[derive(Clone)]
pub struct Group {
    pub key: Vec<Value>,
    pub state: State,
}

impl Tally {
    pub fn update(&mut self, metric: &Metric, frame: &mut Frame<'_>, live: Option<&BooleanBuffer>) {
        let rows = frame.rows;
        let mut included = match live {
            Some(live) if !metric.all => live.clone(),
            _ => BooleanBuffer::new_set(rows),
        };
        for condition in metric.when.iter().chain(&metric.filter) {
            let computed = frame.get(*condition);
            self.fail(frame.program, &computed, &included);
            included = &included & &truths(computed.spread(rows).as_boolean());
            included = without_errors(included, &computed);
        }
        let args: Vec<Computed> = metric.args.iter().map(|a| frame.get(*a)).collect();
        for arg in &args {
            self.fail(frame.program, arg, &included);
            included = without_errors(included, arg);
        }
        let values: Vec<ArrayRef> = args.iter().map(|a| a.spread(rows)).collect();
        let types: Vec<&Type> = metric.args.iter().map(|a| frame.program.ty(*a)).collect();
        if metric.by.is_empty() {
            let new = || Group { key: Vec::new(), state: State::new(&metric.aggregate, &types) };
            let group = self.groups.entry(Box::default()).or_insert_with(new);
            group.state.update(&values, &types, &included);
            return;
        }
        let by: Vec<Computed> = metric.by.iter().map(|b| frame.get(*b)).collect();
        for key in &by {
            self.fail(frame.program, key, &included);
            included = without_errors(included, key);
        }
        let keys: Vec<ArrayRef> = by.iter().map(|k| k.spread(rows)).collect();
        let key_types: Vec<&Type> = metric.by.iter().map(|b| frame.program.ty(*b)).collect();
        self.grouped(metric, &keys, &key_types, &values, &types, &included);
    }

    fn grouped(
        &mut self,
        metric: &Metric,
        keys: &[ArrayRef],
        key_types: &[&Type],
        values: &[ArrayRef],
        types: &[&Type],
        included: &BooleanBuffer,
    ) {
        let Some(encoded) = super::keys::encode(keys) else { return };
        // The rows of each group together, then one update a group: each row is touched once, however many groups there are.
        let mut members: HashMap<&[u8], Vec<u32>> = HashMap::new();
        for row in included.set_indices() {
            members.entry(encoded.row(row).data()).or_default().push(row as u32);
        }
        let members: Vec<(&[u8], Vec<u32>)> = members.into_iter().collect();
        let order: UInt32Array = members.iter().flat_map(|(_, rows)| rows.iter().copied()).collect::<Vec<_>>().into();
        let Ok(values) = values.iter().map(|v| take(v, &order, None)).collect::<Result<Vec<_>, _>>() else { return };
        let mut start = 0;
        for (key, rows) in members {
            let first = rows.first().map_or(0, |r| *r as usize);
            let new = || Group {
                key: keys.iter().zip(key_types).map(|(k, ty)| value_at(k, first, ty)).collect(),
                state: State::new(&metric.aggregate, types),
            };
            let group = self.groups.entry(key.into()).or_insert_with(new);
            let part: Vec<ArrayRef> = values.iter().map(|v| v.slice(start, rows.len())).collect();
            group.state.update(&part, types, &BooleanBuffer::new_set(rows.len()));
            start += rows.len();
        }
    }

    fn fail(&mut self, program: &Program, computed: &Computed, included: &BooleanBuffer) {
        if computed.errors.is_none() {
            return;
        }
        for row in included.set_indices() {
            if computed.error(row) != 0 {
                let reason = || (0, program.reason(computed.error(row)).to_string());
                self.failed.get_or_insert_with(reason).0 += 1;
            }
        }
    }

    pub fn merge(&mut self, other: Tally) {
        for (key, group) in other.groups {
            match self.groups.get_mut(&key) {
                Some(mine) => mine.state.merge(group.state),
                None => {
                    self.groups.insert(key, group);
                }
            }
        }
        if let Some((rows, reason)) = other.failed {
            let mine = self.failed.get_or_insert((0, reason.clone()));
            mine.0 += rows;
            mine.1 = mine.1.clone().min(reason);
        }
    }

    /// Rows for which an operand could not be computed, and why.
    pub fn failed(&self) -> Option<&(u64, String)> {
        self.failed.as_ref()
    }

    /// The value of the one group that a metric without `for each` has.
    pub fn value(&self, metric: &Metric, program: &Program) -> Result<Value, String> {
        match self.groups.values().next() {
            Some(group) => group.state.finish(&metric.ty),
            None => {
                let types: Vec<&Type> = metric.args.iter().map(|a| program.ty(*a)).collect();
                State::new(&metric.aggregate, &types).finish(&metric.ty)
            }
        }
    }

    /// How the values are distributed, of a metric that keeps it.
    pub fn distribution(&self) -> Option<&super::drift::Distribution> {
        self.groups.values().next()?.state.distribution()
    }

    pub fn group(&self, encoded: &[u8]) -> Option<&Group> {
        self.groups.get(encoded)
    }

    /// The groups by their encoded keys, so in the order of their values.
    pub fn groups(&self) -> Vec<(&[u8], &Group)> {
        let mut groups: Vec<_> = self.groups.iter().map(|(k, g)| (k.as_ref(), g)).collect();
        groups.sort_unstable_by_key(|(k, _)| *k);
        groups
    }
}

/// The value of an aggregate over no rows.
pub fn of_nothing(metric: &Metric, program: &Program) -> Result<Value, String> {
    Tally::default().value(metric, program)
}

fn without_errors(included: BooleanBuffer, computed: &Computed) -> BooleanBuffer {
    match &computed.errors {
        None => included,
        Some(_) => BooleanBuffer::collect_bool(included.len(), |i| included.value(i) && computed.error(i) == 0),
    }
}
