//! What a page draws of a batch: where in the data the rows lie that break a rule. Read only where it is asked for, once
//! the verdict stands; personal and secret columns are left out.

mod bins;
mod segments;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{Int64Type, UInt32Type};
use datafusion::physical_plan::ExecutionPlanProperties;
use futures::StreamExt;

use crate::engine::compile::columns_of;
use crate::engine::expr::{Computed, Frame, Names, NodeId, Program};
use crate::engine::rows::RowId;
use crate::engine::sources::layout::{Layout, Reader};
use crate::engine::sources::{Opened, Session};
use crate::fault::Fault;
use crate::hir::{Privacy, Type};
use crate::ir::Plan;

use bins::Bins;
pub use bins::{Axis, Distribution};
use segments::Groups;
pub use segments::{Segment, Segments};

/// So many of the rows that break a rule are looked at, the first of the files.
pub const MOST_ROWS: usize = 100_000;
/// So many columns are looked at, the first of the contract.
const MOST_COLUMNS: usize = 64;

/// The figures of one rule that rows break.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    pub rule: String,
    /// Rows that break it and were looked at: the first [`MOST_ROWS`] of them.
    pub broken: u64,
    /// Of columns that the rule reads, and of the time that tells most about it.
    pub distributions: Vec<Distribution>,
    /// By the columns whose values tell most about it.
    pub segments: Vec<Segments>,
}

/// A column that is looked at.
struct Column<'a> {
    name: &'a str,
    ty: &'a Type,
    node: NodeId,
}

/// Some rows of one file, with the columns' values, and for each rule which of them break it.
struct Part<'a> {
    rows: usize,
    values: &'a [Computed],
    broken: Vec<Vec<usize>>,
}

/// One for each rule that has broken `rows`, by its position in the plan.
///
/// # Errors
/// The files cannot be read a second time.
pub async fn read(
    session: &Session,
    plan: &Plan,
    now: i64,
    opened: &Opened,
    layouts: &[Layout],
    rows: &[Vec<RowId>],
) -> Result<Vec<Figures>, Fault> {
    let rules: Vec<usize> = (0..rows.len()).filter(|rule| !rows[*rule].is_empty()).collect();
    if rules.is_empty() {
        return Ok(Vec::new());
    }
    let mut program = Program::new(now);
    let mut columns: Vec<Column> = Vec::new();
    for column in plan.columns.iter().filter(|c| is_shown(plan, c)).take(MOST_COLUMNS) {
        if let Some(value) = &column.value
            && (bins::axis(&column.ty).is_some() || segments::can_group(&column.ty))
        {
            let node = program.add(value, &Source(plan))?;
            let node = program.cast(node, column.ty.clone(), true);
            columns.push(Column { name: &column.name, ty: &column.ty, node });
        }
    }
    let program = Arc::new(program);
    let scan = Scan { session, plan, opened, layouts, program: &program, columns: &columns, rules: &rules, rows };
    let mut bins: Vec<Option<Bins>> = columns.iter().map(|c| bins::axis(c.ty).map(Bins::new)).collect();
    let mut groups: Vec<Option<Groups>> =
        columns.iter().map(|c| segments::can_group(c.ty).then(|| Groups::new(rules.len()))).collect();
    scan.parts(&mut |part| {
        for (column, values) in part.values.iter().enumerate() {
            if let Some(bins) = &mut bins[column] {
                bins.widen(columns[column].ty, values, part.rows);
            }
            if let Some(groups) = &mut groups[column] {
                groups.add(columns[column].ty, values, part);
            }
        }
    })
    .await?;
    bins.iter_mut().flatten().for_each(|bins| bins.settle(rules.len()));
    scan.parts(&mut |part| {
        for (column, values) in part.values.iter().enumerate() {
            if let Some(bins) = &mut bins[column] {
                bins.add(columns[column].ty, values, part);
            }
        }
    })
    .await?;
    Ok(rules.iter().enumerate().map(|(i, rule)| scan.figures(i, *rule, &bins, &groups)).collect())
}

/// Whether a column and all that its value is made of may be seen by anybody.
fn is_shown(plan: &Plan, column: &crate::ir::PlanColumn) -> bool {
    let made_of = column.value.as_ref().map(crate::engine::compile::columns_in).unwrap_or_default();
    let public = |name: &String| plan.source.iter().all(|c| c.name != *name || c.privacy == Privacy::Public);
    column.privacy == Privacy::Public && made_of.iter().all(public)
}

/// The columns of the files.
struct Source<'a>(&'a Plan);

impl Names for Source<'_> {
    fn column(&self, program: &mut Program, name: &str) -> Option<NodeId> {
        let position = self.0.source.iter().position(|c| c.name == name)?;
        Some(program.input(position, self.0.source[position].ty.clone()))
    }
}

struct Scan<'a> {
    session: &'a Session,
    plan: &'a Plan,
    opened: &'a Opened,
    layouts: &'a [Layout],
    program: &'a Program,
    columns: &'a [Column<'a>],
    /// Positions in the plan.
    rules: &'a [usize],
    /// By the position in the plan, sorted.
    rows: &'a [Vec<RowId>],
}

impl Scan<'_> {
    async fn parts(&self, take: &mut (dyn FnMut(&Part<'_>) + Send)) -> Result<(), Fault> {
        let inputs: Vec<usize> = self.program.inputs().collect();
        let read: Vec<bool> = (0..self.plan.source.len()).map(|i| inputs.contains(&i)).collect();
        let unreadable = |_| Fault::storage("the batch could not be read again for the page's figures");
        for layout in self.layouts {
            let parts = self.opened.divide(layout, 1);
            if parts.is_empty() {
                continue;
            }
            let (reader, columns) = Reader::new(self.opened, layout, &self.plan.source, &read);
            let scan = self.opened.scan(layout, &columns, &parts)?;
            for partition in 0..scan.output_partitioning().partition_count() {
                let mut stream = scan.execute(partition, self.session.task()).map_err(unreadable)?;
                while let Some(batch) = stream.next().await {
                    let batch = batch.map_err(unreadable)?;
                    if batch.num_rows() == 0 {
                        continue;
                    }
                    let width = batch.num_columns();
                    let file = batch.column(width - 2).as_primitive::<UInt32Type>().value(0) as usize;
                    let numbers = batch.column(width - 1).as_primitive::<Int64Type>().values();
                    let inputs = reader.read(&batch, file);
                    let mut frame = Frame::new(self.program, batch.num_rows(), &inputs);
                    let values: Vec<Computed> = self.columns.iter().map(|c| frame.get(c.node)).collect();
                    let broken = self.rules.iter().map(|rule| broken(&self.rows[*rule], file, numbers)).collect();
                    take(&Part { rows: batch.num_rows(), values: &values, broken });
                }
            }
        }
        Ok(())
    }

    fn figures(&self, i: usize, rule: usize, bins: &[Option<Bins>], groups: &[Option<Groups>]) -> Figures {
        const MOST_READ: usize = 3;
        const MOST_SEGMENTS: usize = 2;
        /// Of a column that has nothing to do with the rule, below which it is not worth a look.
        const LEAST: f64 = 0.05;
        let planned = &self.plan.rules[rule];
        let reads = columns_of(planned);
        let is_read = |column: usize| reads.iter().any(|name| name == self.columns[column].name);
        let drawn = |column: usize| bins[column].as_ref()?.distribution(self.columns[column].name, i);
        let columns = 0..self.columns.len();
        let mut distributions: Vec<Distribution> = reads
            .iter()
            .filter_map(|name| drawn(self.columns.iter().position(|c| c.name == name)?))
            .take(MOST_READ)
            .collect();
        let times = columns.clone().filter(|c| !is_read(*c) && self.columns[*c].ty.is_temporal()).filter_map(drawn);
        let best = times.map(|d| (d.association(), d)).filter(|(strength, _)| *strength >= LEAST);
        distributions.extend(first_greatest(best.collect()).into_iter().take(1));
        let strong = columns.filter_map(|c| groups[c].as_ref()?.segments(self.columns[c].name, i));
        let strong = strong.map(|s| (s.association(), s)).filter(|(strength, _)| *strength >= LEAST);
        let segments = first_greatest(strong.collect()).into_iter().take(MOST_SEGMENTS).collect();
        let broken = self.rows[rule].len() as u64;
        Figures { rule: planned.rule.name.clone(), broken, distributions, segments }
    }
}

/// The greatest first; of equals the earlier one.
fn first_greatest<T>(mut all: Vec<(f64, T)>) -> Vec<T> {
    all.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    all.into_iter().map(|(_, one)| one).collect()
}

/// The positions, in a part of a file, of rows that break a rule.
fn broken(rows: &[RowId], file: usize, numbers: &[i64]) -> Vec<usize> {
    let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else { return Vec::new() };
    let start = rows.partition_point(|row| *row < RowId::new(file, *first));
    let end = rows.partition_point(|row| *row <= RowId::new(file, *last));
    let here = rows.get(start..end).unwrap_or_default();
    here.iter().filter_map(|row| numbers.binary_search(&(row.row() as i64)).ok()).collect()
}

/// How much two ways of counting the same rows differ, from 0 (the one is a fixed share of the other) to 1 (they have
/// no class in common with the rest): Cramér's V of `broken` against the rest of `all`.
fn association(counts: impl Iterator<Item = (u64, u64)> + Clone) -> f64 {
    let (all, broken) = counts.clone().fold((0, 0), |(a, b), (all, broken)| (a + all, b + broken));
    if broken == 0 || broken >= all {
        return 0.0;
    }
    let share = broken as f64 / all as f64;
    let chi: f64 = counts
        .filter(|(all, _)| *all > 0)
        .map(|(all, broken)| {
            let expected = all as f64 * share;
            (broken as f64 - expected).powi(2) / (expected * (1.0 - share))
        })
        .sum();
    (chi / all as f64).sqrt().min(1.0)
}

/// For each rule of a report its figures, where it has some.
pub fn by_rule(figures: &[Figures]) -> BTreeMap<&str, &Figures> {
    figures.iter().map(|f| (f.rule.as_str(), f)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn association_goes_from_none_to_all() {
        assert_eq!(association([(100, 10), (200, 20)].into_iter()), 0.0);
        assert!((association([(100, 100), (200, 0)].into_iter()) - 1.0).abs() < 1e-9);
        assert!(association([(100, 30), (200, 0)].into_iter()) > 0.3);
        assert_eq!(association([(5, 5)].into_iter()), 0.0);
    }

    #[test]
    fn broken_rows_are_found_in_their_part() {
        let rows = [RowId::new(0, 7), RowId::new(1, 3), RowId::new(1, 9), RowId::new(1, 20), RowId::new(2, 3)];
        assert_eq!(broken(&rows, 1, &[3, 4, 8, 9]), [0, 3]);
        assert_eq!(broken(&rows, 1, &[4, 5]), [0; 0]);
    }
}
