//! What the footers of a batch's files, and the dictionaries in them, say for certain of rules over rows. A row group
//! for which a rule is proven is not read for it; a proof says exactly what a scan would count.
//!
//! Proofs are made here and not by DataFusion's pruning, because a proof must give counts (judged, unknown) and hold
//! for the language's meaning: NaN, nulls, values that cannot be computed.

pub mod dictionary;
pub mod statistics;

use std::collections::BTreeMap;
use std::ops::Range as Bytes;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, new_null_array};
use futures::{StreamExt, TryStreamExt};

use super::audit::judge_check;
use super::compile::{Check, Judgement, Test};
use super::expr::facts::{Fact, Null, Range};
use super::expr::{Computed, Frame, NodeId};
use super::sources::layout::{Found, Layout, Reader, as_type};
use super::sources::{Opened, Piece};
use super::types::arrow_type;
use crate::fault::Fault;
use crate::ir::Plan;

/// Dictionaries fetched side by side.
const FETCHES: usize = 16;

/// Row groups of more kinds, by what is proven of them, are read as one kind.
const MOST_KINDS: usize = 32;

/// What a scan of a row group would count for a rule that no row breaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    pub checked: u64,
    pub unknown: u64,
}

/// A row group, and what is proven of it.
#[derive(Clone, Debug)]
pub struct Group {
    /// The file's position in the input.
    pub file: usize,
    pub group: usize,
    pub rows: u64,
    /// For each check of the judgement.
    pub proofs: Vec<Option<Proof>>,
}

/// Row groups that are treated alike.
#[derive(Clone, Debug)]
pub struct Work {
    pub layout: usize,
    pub groups: Vec<Group>,
    /// For each check whether rows must be looked at for it; elsewhere every group has a proof.
    pub open: Arc<Vec<bool>>,
    /// Whether the rows are read at all.
    pub read: bool,
}

/// What is asked of rows beside the verdicts of checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    Verdicts,
    /// Some columns of every row.
    Columns,
    /// Every row, to be written.
    Rows,
}

/// A dictionary: the position of its group, the input, the leaf, where it lies.
type Wanted = (usize, usize, usize, Bytes<u64>);

/// How a pass over a batch goes about it.
#[derive(Clone, Debug, Default)]
pub struct Course {
    pub works: Vec<Work>,
    /// Read from the files to prove.
    pub bytes: u64,
}

impl Work {
    pub fn pieces(&self) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        for group in &self.groups {
            match pieces.last_mut() {
                Some(piece) if piece.file == group.file => piece.row_groups.push(group.group),
                _ => pieces.push(Piece { file: group.file, row_groups: vec![group.group] }),
            }
        }
        pieces
    }
}

impl Course {
    /// Everything is read.
    pub fn of_all(opened: &Opened, layouts: &[Layout], judgement: &Judgement) -> Self {
        let open = Arc::new(vec![true; judgement.checks.len()]);
        let work = |(layout, of): (usize, &Layout)| Work {
            layout,
            groups: groups(opened, of, judgement.checks.len()),
            open: Arc::clone(&open),
            read: true,
        };
        Self { works: layouts.iter().enumerate().map(work).collect(), bytes: 0 }
    }

    /// Proves what can be proven.
    pub async fn proven(
        opened: &Opened,
        layouts: &[Layout],
        plan: &Plan,
        judgement: &Judgement,
        wants: Wants,
    ) -> Result<Self, Fault> {
        let mut course = Self::default();
        for (position, layout) in layouts.iter().enumerate() {
            let prover = Prover { opened, layout, plan, judgement };
            let mut groups = groups(opened, layout, judgement.checks.len());
            groups.iter_mut().for_each(|group| prover.by_statistics(group));
            course.bytes += prover.by_dictionaries(&mut groups).await?;
            let mut alike: BTreeMap<Vec<bool>, Vec<Group>> = BTreeMap::new();
            for group in groups {
                let open = group.proofs.iter().map(Option::is_none).collect::<Vec<bool>>();
                // Written rows stay in the order of their file, and of all columns is something needed.
                let open = if wants == Wants::Rows { Vec::new() } else { open };
                alike.entry(open).or_default().push(group);
            }
            if alike.len() > MOST_KINDS {
                alike = BTreeMap::from([(Vec::new(), alike.into_values().flatten().collect())]);
            }
            for mut groups in alike.into_values() {
                groups.sort_by_key(|g| (g.file, g.group));
                let checks = 0..judgement.checks.len();
                let open: Vec<bool> = checks.map(|c| groups.iter().any(|g| g.proofs[c].is_none())).collect();
                let read = wants != Wants::Verdicts || open.contains(&true);
                course.works.push(Work { layout: position, groups, open: Arc::new(open), read });
            }
        }
        Ok(course)
    }

    /// For a check, the rows of row groups that were proven, and of those that were looked at.
    pub fn rows(&self, check: usize) -> (u64, u64) {
        let (mut proven, mut scanned) = (0, 0);
        for work in &self.works {
            let rows: u64 = work.groups.iter().map(|g| g.rows).sum();
            match work.open.get(check) {
                Some(false) => proven += rows,
                _ => scanned += rows,
            }
        }
        (proven, scanned)
    }
}

fn groups(opened: &Opened, layout: &Layout, checks: usize) -> Vec<Group> {
    let of_file = |&file: &usize| {
        let groups = opened.files[file].footer.row_groups().iter().enumerate();
        groups.map(move |(group, meta)| Group {
            file,
            group,
            rows: u64::try_from(meta.num_rows()).unwrap_or(0),
            proofs: vec![None; checks],
        })
    };
    layout.files.iter().flat_map(of_file).collect()
}

struct Prover<'a> {
    opened: &'a Opened,
    layout: &'a Layout,
    plan: &'a Plan,
    judgement: &'a Judgement,
}

/// Between what the values of nodes lie, by the statistics of all row groups; `None` where some say nothing. Only an
/// expectation: a file may be wrong about itself.
pub fn bounds(
    opened: &Opened,
    layouts: &[Layout],
    plan: &Plan,
    judgement: &Judgement,
    nodes: &[NodeId],
) -> Vec<Option<(i128, i128)>> {
    let mut bounds: Vec<Option<Range>> = vec![Some(Range::Empty); nodes.len()];
    for layout in layouts {
        let prover = Prover { opened, layout, plan, judgement };
        for group in groups(opened, layout, 0) {
            let facts = prover.facts(&group);
            for (bound, node) in bounds.iter_mut().zip(nodes) {
                let range = facts.get(judgement.program.position(*node)).map(|fact| &fact.range);
                *bound = match (bound.take(), range) {
                    (bound, Some(Range::Empty)) => bound,
                    (Some(Range::Empty), Some(Range::Numbers(a, b))) => Some(Range::Numbers(*a, *b)),
                    (Some(Range::Numbers(a, b)), Some(Range::Numbers(c, d))) => Some(Range::Numbers(a.min(*c), b.max(*d))),
                    _ => None,
                };
            }
        }
    }
    let numbers = |bound: Option<Range>| match bound {
        Some(Range::Numbers(least, greatest)) => Some((least, greatest)),
        _ => None,
    };
    bounds.into_iter().map(numbers).collect()
}

impl Prover<'_> {
    /// What the row group's statistics say of every node.
    fn facts(&self, group: &Group) -> Vec<Fact> {
        let footer = &self.opened.files[group.file].footer;
        let inputs: Vec<Fact> = (self.plan.source.iter().enumerate())
            .map(|(input, column)| match self.layout.columns.get(input) {
                Some(Found::At(root)) => match statistics::leaf(footer, *root) {
                    Some(leaf) => {
                        let file = self.layout.schema.field(*root).data_type();
                        statistics::fact(footer, group.group, leaf, file, &column.ty, input)
                    }
                    None => Fact::open(),
                },
                Some(Found::Missing) => Fact { null: Null::With { input, all: true }, ..Fact::empty() },
                _ => Fact::open(),
            })
            .collect();
        self.judgement.program.facts(&inputs)
    }

    fn by_statistics(&self, group: &mut Group) {
        let footer = &self.opened.files[group.file].footer;
        let facts = self.facts(group);
        let nulls = |input: usize| match self.layout.columns.get(input) {
            Some(Found::At(root)) => statistics::leaf(footer, *root)
                .and_then(|leaf| statistics::nulls(footer.row_group(group.group), leaf)),
            Some(Found::Missing) => Some(group.rows),
            _ => None,
        };
        for (i, check) in self.judgement.checks.iter().enumerate() {
            if check.after.iter().all(|c| group.proofs[*c].is_some()) {
                group.proofs[i] = self.decide(check, &facts, group.rows, &nulls);
            }
        }
    }

    fn decide(&self, check: &Check, facts: &[Fact], rows: u64, nulls: &dyn Fn(usize) -> Option<u64>) -> Option<Proof> {
        let of = |node| facts.get(self.judgement.program.position(node));
        if let Some(when) = check.when {
            let when = of(when)?;
            if when.fails {
                return None;
            }
            match (when.truths.can_be_true, when.truths.can_be_false, when.null) {
                (false, ..) => return Some(Proof::default()),
                (true, false, Null::Never) => {}
                _ => return None,
            }
        }
        match check.test {
            Test::Mapped(node) => (!of(node)?.fails).then_some(Proof { checked: rows, unknown: 0 }),
            Test::Condition(node) => {
                let condition = of(node)?;
                if condition.fails || condition.truths.can_be_false {
                    return None;
                }
                let unknown = match condition.null {
                    Null::Never => 0,
                    Null::With { input, .. } if !check.nulls_fail => nulls(input)?,
                    _ => return None,
                };
                Some(Proof { checked: rows.checked_sub(unknown)?, unknown })
            }
        }
    }

    /// Judges the values in dictionaries in place of the rows; gives the bytes read.
    async fn by_dictionaries(&self, groups: &mut [Group]) -> Result<u64, Fault> {
        // The checks that read one column of the files, by that column.
        let mut columns: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (i, check) in self.judgement.checks.iter().enumerate() {
            let reads = self.judgement.program.inputs_of(check.nodes());
            let mut at = reads.iter().filter(|input| matches!(self.layout.columns.get(**input), Some(Found::At(_))));
            if let (Some(input), None) = (at.next(), at.next()) {
                columns.entry(*input).or_default().push(i);
            }
        }
        let mut wanted: Vec<Wanted> = Vec::new();
        for (g, group) in groups.iter().enumerate() {
            let footer = &self.opened.files[group.file].footer;
            for (input, checks) in &columns {
                let Some(Found::At(root)) = self.layout.columns.get(*input) else { continue };
                let Some(leaf) = statistics::leaf(footer, *root) else { continue };
                if checks.iter().all(|c| group.proofs[*c].is_some()) {
                    continue;
                }
                if let Some(place) = dictionary::place(footer.row_group(group.group).column(leaf)) {
                    wanted.push((g, *input, leaf, place));
                }
            }
        }
        // A file's dictionaries together.
        let mut of_files: BTreeMap<usize, Vec<Wanted>> = BTreeMap::new();
        for one in wanted {
            of_files.entry(groups[one.0].file).or_default().push(one);
        }
        let fetch = |(file, wanted): (usize, Vec<Wanted>)| {
            let ranges = self.opened.ranges(file, wanted.iter().map(|w| w.3.clone()).collect());
            async move {
                let parts = ranges.await?;
                let each = |((g, input, leaf, place), bytes): (Wanted, bytes::Bytes)| (g, input, leaf, place.start, bytes);
                Ok::<Vec<_>, Fault>(wanted.into_iter().zip(parts).map(each).collect())
            }
        };
        let fetches: Vec<_> = of_files.into_iter().map(fetch).collect();
        let fetched: Vec<Vec<_>> = futures::stream::iter(fetches).buffered(FETCHES).try_collect().await?;
        let fetched = fetched.into_iter().flatten();
        let mut read = 0;
        for (g, input, leaf, start, bytes) in fetched {
            read += bytes.len() as u64;
            let Some(Found::At(root)) = self.layout.columns.get(input) else { continue };
            let group = &groups[g];
            let meta = self.opened.files[group.file].footer.row_group(group.group);
            let ty = self.layout.schema.field(*root).data_type();
            let Some(values) = dictionary::values(meta, leaf, start, bytes, ty) else { continue };
            let values = as_type(&values, &self.plan.source[input].ty);
            let nulls = statistics::nulls(meta, leaf);
            let found = self.judge_values(group, input, &values, nulls, &columns[&input]);
            for (check, proof) in found {
                groups[g].proofs[check] = Some(proof);
            }
        }
        Ok(read)
    }

    fn judge_values(
        &self,
        group: &Group,
        input: usize,
        values: &ArrayRef,
        nulls: Option<u64>,
        checks: &[usize],
    ) -> Vec<(usize, Proof)> {
        let mut proofs = group.proofs.clone();
        let mut found = Vec::new();
        let null = new_null_array(values.data_type(), 1);
        let inputs = |column: &ArrayRef| -> Vec<Computed> {
            let constant = |at: usize| match self.layout.columns.get(at) {
                _ if at == input => Computed::new(Arc::clone(column)),
                Some(Found::Folder(_)) => Reader::of_folder(self.opened, self.layout, &self.plan.source, at, group.file),
                _ => {
                    let values = new_null_array(&arrow_type(&self.plan.source[at].ty), 1);
                    Computed { values, constant: true, errors: None }
                }
            };
            (0..self.plan.source.len()).map(constant).collect()
        };
        let (there, absent) = (inputs(values), inputs(&null));
        for &i in checks {
            let check = &self.judgement.checks[i];
            if proofs[i].is_some() || check.after.iter().any(|c| proofs[*c].is_none()) {
                continue;
            }
            let proof = (|| {
                let of_values = self.all_alike(check, values.len(), &there)?;
                // A dictionary may list a value that no row has, but never lacks one.
                let of_null = if nulls == Some(0) { None } else { Some(self.all_alike(check, 1, &absent)?) };
                let mut proof = Proof::default();
                match (of_null, nulls) {
                    (None, _) => add(&mut proof, of_values, group.rows),
                    (Some(of_null), Some(nulls)) => {
                        add(&mut proof, of_values, group.rows.checked_sub(nulls)?);
                        add(&mut proof, of_null, nulls);
                    }
                    (Some(of_null), None) if of_null == of_values || values.is_empty() => {
                        add(&mut proof, of_null, group.rows);
                    }
                    _ => return None,
                }
                Some(proof)
            })();
            proofs[i] = proof;
            found.extend(proof.map(|p| (i, p)));
        }
        found
    }

    /// What all of some rows count as; `None` where one breaks the rule or they differ.
    fn all_alike(&self, check: &Check, rows: usize, inputs: &[Computed]) -> Option<Counts> {
        let mut frame = Frame::new(&self.judgement.program, rows, inputs);
        let verdict = judge_check(&mut frame, check, &vec![None; self.judgement.checks.len()]);
        if verdict.broken.is_some_and(|broken| broken.count_set_bits() > 0) {
            return None;
        }
        match (verdict.checked, verdict.unknown, rows as u64) {
            (checked, 0, rows) if checked == rows => Some(Counts::Checked),
            (0, unknown, rows) if unknown == rows => Some(Counts::Unknown),
            (0, 0, _) => Some(Counts::Excluded),
            _ => None,
        }
    }
}

/// How rows count that do not break a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counts {
    Checked,
    Unknown,
    /// `when` is not met.
    Excluded,
}

fn add(proof: &mut Proof, counts: Counts, rows: u64) {
    match counts {
        Counts::Checked => proof.checked += rows,
        Counts::Unknown => proof.unknown += rows,
        Counts::Excluded => {}
    }
}
