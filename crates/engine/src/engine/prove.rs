//! What the footers of a batch's files, their indexes of pages, filters and dictionaries say for certain of rules over rows. A row group
//! for which a rule is proven is not read for it; a proof says exactly what a scan would count.
//!
//! Proofs are made here and not by DataFusion's pruning, because a proof must give counts (judged, unknown) and hold
//! for the language's meaning: NaN, nulls, values that cannot be computed.

mod bloom;
pub mod dictionary;
pub mod log;
mod pages;
pub mod statistics;
mod values;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range as Span;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use rayon::prelude::*;

use super::compile::{Check, Judgement, Test};
use super::expr::facts::{Certain, Fact, Null, Range};
use super::expr::{NodeId, lost};
use super::sources::layout::{Found, Layout};
use super::sources::{Only, Opened, Part, Piece};
use crate::fault::Fault;
use crate::hir::Over;
use crate::ir::Plan;

/// Files that are asked side by side.
const FETCHES: usize = 16;

/// So many row groups are looked at by one thread; fewer are not worth another's waking.
const SHARE: usize = 128;

/// Row groups of more kinds, by what is proven of them, are read as one kind.
const MOST_KINDS: usize = 32;

/// What a scan of a row group would count for a rule that no row breaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    pub checked: u64,
    pub unknown: u64,
}

/// A row group or some rows of one, and what is proven of it.
#[derive(Clone, Debug)]
pub struct Group {
    /// The file's position in the input.
    pub file: usize,
    pub group: usize,
    pub rows: u64,
    /// For each check of the judgement.
    pub proofs: Vec<Option<Proof>>,
    /// Where it is only some rows of a row group: which.
    pub only: Option<Only>,
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
            let part = Part { group: group.group, only: group.only.clone() };
            match pieces.last_mut() {
                Some(piece) if piece.file == group.file => piece.parts.push(part),
                _ => pieces.push(Piece { file: group.file, parts: vec![part] }),
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
            let prover = Prover::new(opened, layout, plan, judgement);
            let mut groups = groups(opened, layout, judgement.checks.len());
            let by_statistics = |groups: &mut [Group]| groups.iter_mut().for_each(|group| prover.by_statistics(group));
            match groups.len() <= SHARE {
                true => by_statistics(&mut groups),
                false => groups.par_chunks_mut(SHARE).for_each(by_statistics),
            }
            course.bytes += prover.by_filters(&mut groups).await?;
            course.bytes += prover.by_dictionaries(&mut groups).await?;
            if wants == Wants::Verdicts {
                course.bytes += prover.by_pages(&mut groups).await?;
            }
            // What others hold back is not in the table, and no proof knows of it.
            let of_table = |check: &Check| plan.rules[check.rule].rule.over == Over::Table;
            for (i, _) in judgement.checks.iter().enumerate().filter(|(_, check)| of_table(check)) {
                groups.iter_mut().for_each(|group| group.proofs[i] = None);
            }
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
        course.works.extend(of_spared(opened, judgement));
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

/// The files that were not opened.
fn of_spared(opened: &Opened, judgement: &Judgement) -> Option<Work> {
    let group = |spared: &log::Spared| Group {
        file: usize::MAX,
        group: 0,
        rows: spared.rows,
        proofs: spared.proofs.iter().copied().map(Some).collect(),
        only: None,
    };
    let groups: Vec<Group> = opened.spared.iter().map(group).collect();
    let open = Arc::new(vec![false; judgement.checks.len()]);
    (!groups.is_empty()).then_some(Work { layout: 0, groups, open, read: false })
}

fn groups(opened: &Opened, layout: &Layout, checks: usize) -> Vec<Group> {
    let of_file = |&file: &usize| {
        let groups = opened.files[file].footer.row_groups().iter().enumerate();
        groups.map(move |(group, meta)| Group {
            file,
            group,
            rows: u64::try_from(meta.num_rows()).unwrap_or(0),
            proofs: vec![None; checks],
            only: None,
        })
    };
    layout.files.iter().flat_map(of_file).collect()
}

struct Prover<'a> {
    opened: &'a Opened,
    layout: &'a Layout,
    plan: &'a Plan,
    judgement: &'a Judgement,
    certain: Certain<'a>,
    /// For each of the layout's files the leaf of each source column, where it has one.
    leaves: HashMap<usize, Vec<Option<usize>>>,
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
        let prover = Prover::new(opened, layout, plan, judgement);
        for group in groups(opened, layout, 0) {
            let inputs = prover.inputs(&group);
            let facts = prover.certain.facts(&inputs, &|_, _| false);
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

impl<'a> Prover<'a> {
    fn new(opened: &'a Opened, layout: &'a Layout, plan: &'a Plan, judgement: &'a Judgement) -> Self {
        let of_file = |&file: &usize| {
            let leaves = statistics::leaves(&opened.files[file].footer);
            let leaf = |found: &Found| match found {
                Found::At(root) => leaves.get(*root).copied().flatten(),
                _ => None,
            };
            (file, layout.columns.iter().map(leaf).collect())
        };
        let certain = judgement.program.certain();
        Self { opened, layout, plan, judgement, certain, leaves: layout.files.iter().map(of_file).collect() }
    }

    /// For each source column of a file the leaf that holds it, where it is one without nesting.
    fn leaves(&self, file: usize) -> &[Option<usize>] {
        self.leaves.get(&file).map_or(&[], Vec::as_slice)
    }

    fn leaf(&self, file: usize, input: usize) -> Option<usize> {
        self.leaves(file).get(input).copied().flatten()
    }

    /// Parts of files, in their order; a file's parts together.
    async fn fetch(&self, wanted: Vec<(usize, Span<u64>)>) -> Result<Vec<bytes::Bytes>, Fault> {
        let of_file = |wanted: &[(usize, Span<u64>)]| {
            let file = wanted.first().map_or(0, |(file, _)| *file);
            self.opened.ranges(file, wanted.iter().map(|(_, place)| place.clone()).collect())
        };
        let fetches: Vec<_> = wanted.chunk_by(|a, b| a.0 == b.0).map(of_file).collect();
        let fetched: Vec<Vec<_>> = futures::stream::iter(fetches).buffered(FETCHES).try_collect().await?;
        Ok(fetched.into_iter().flatten().collect())
    }

    /// What the row group's statistics say of every column.
    fn inputs(&self, group: &Group) -> Vec<Fact> {
        let leaves = self.leaves(group.file);
        let fact = |input: usize| Fact { of: Some(input), ..self.input(group, input, leaves.get(input).copied().flatten()) };
        (0..self.plan.source.len()).map(fact).collect()
    }

    fn input(&self, group: &Group, input: usize, leaf: Option<usize>) -> Fact {
        let declared = &self.plan.source[input].ty;
        match self.layout.columns.get(input) {
            Some(Found::At(root)) => {
                let file = self.layout.schema.field(*root).data_type();
                let footer = &self.opened.files[group.file].footer;
                let fact = leaf.map_or_else(Fact::open, |leaf| {
                    statistics::fact(footer, group.group, leaf, file, declared, input)
                });
                // Without bounds nothing says that every value is one of the declared type.
                let fails = fact.range == Range::Unknown && lost::may_lose(file, declared);
                Fact { fails: fact.fails || fails, ..fact }
            }
            Some(Found::Missing) => Fact { null: Null::With { input, all: true }, ..Fact::empty() },
            _ => Fact::open(),
        }
    }

    fn by_statistics(&self, group: &mut Group) {
        let inputs = self.inputs(group);
        self.by_facts(group, &self.certain.facts(&inputs, &|_, _| false));
    }

    /// Proves what is open yet and follows from the facts.
    fn by_facts(&self, group: &mut Group, facts: &[Cow<'_, Fact>]) {
        let footer = &self.opened.files[group.file].footer;
        let nulls = |input: usize| match self.layout.columns.get(input) {
            Some(Found::At(_)) => self.leaf(group.file, input)
                .and_then(|leaf| statistics::nulls(footer.row_group(group.group), leaf)),
            Some(Found::Missing) => Some(group.rows),
            _ => None,
        };
        for (i, check) in self.judgement.checks.iter().enumerate() {
            if group.proofs[i].is_none() && check.after.iter().all(|c| group.proofs[*c].is_some()) {
                group.proofs[i] = decide(self.judgement, check, facts, group.rows, &nulls);
            }
        }
    }
}

/// What rows come to of which the facts hold; `nulls`: how many an input has, where it is known.
fn decide(
    judgement: &Judgement,
    check: &Check,
    facts: &[Cow<'_, Fact>],
    rows: u64,
    nulls: &dyn Fn(usize) -> Option<u64>,
) -> Option<Proof> {
    let of = |node| facts.get(judgement.program.position(node)).map(Cow::as_ref);
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
