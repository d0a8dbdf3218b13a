//! What must be known before the rows of a batch are judged: the keys that references may name, those that the
//! table has already.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{Int64Type, UInt32Type};
use datafusion::physical_plan::ExecutionPlanProperties;
use futures::StreamExt;

use super::Job;
use crate::engine::compile::{Judgement, Reference, Unique};
use crate::engine::expr::{Frame, Names, NodeId, Program};
use crate::engine::references::{KeySet, Part};
use crate::engine::rows::RowId;
use crate::engine::sources::layout::{Reader, layouts};
use crate::engine::sources::{NotOpened, Session, open_declared};
use crate::engine::tables::Keep;
use crate::engine::unique::{Kept, Mode};
use crate::fault::Fault;
use crate::engine::types::value_at;
use crate::hir::{Among, Privacy, RuleKind, Value};
use crate::ir::{Input, SourceColumn};

/// A reference's keys.
#[derive(Clone)]
pub enum Keys {
    /// There is no such dataset.
    Missing,
    All(Arc<KeySet>),
    /// They take more than there is; so many parts do not.
    InParts(u64),
}

/// Keys in more parts than this are beyond what passes are for.
const MOST_PARTS: u64 = 256;

/// For each reference the keys of its dataset.
pub async fn keys(session: &Session, job: &Job<'_>, judgement: &Judgement) -> Result<Vec<Keys>, Fault> {
    let mut loaded: BTreeMap<String, Keys> = BTreeMap::new();
    let mut sets = Vec::with_capacity(judgement.references.len());
    for reference in &judgement.references {
        let RuleKind::References { dataset, target, .. } = &job.plan.rules[reference.rule].rule.kind else { continue };
        if !job.datasets.contains_key(dataset) {
            sets.push(Keys::Missing);
            continue;
        }
        let types: Vec<_> = reference.columns.iter().map(|c| judgement.program.ty(*c).clone()).collect();
        let name = format!("{dataset} {target:?} {types:?}");
        if !loaded.contains_key(&name) {
            let keys = match part_of_keys(session, job, judgement, reference, None).await? {
                Some(set) => Keys::All(Arc::new(set)),
                None => Keys::InParts(parts(session, job, judgement, reference).await?),
            };
            loaded.insert(name.clone(), keys);
        }
        sets.extend(loaded.get(&name).cloned());
    }
    Ok(sets)
}

/// In how many parts the keys can be held.
async fn parts(session: &Session, job: &Job<'_>, judgement: &Judgement, reference: &Reference) -> Result<u64, Fault> {
    let mut of = 2;
    while part_of_keys(session, job, judgement, reference, Some(Part { number: 0, of })).await?.is_none() {
        of *= 2;
        if of > MOST_PARTS {
            let dataset = match &job.plan.rules[reference.rule].rule.kind {
                RuleKind::References { dataset, .. } => dataset.as_str(),
                _ => "",
            };
            return Err(Fault::usage(format!("the keys of {dataset} need more memory than may be held"))
                .with_help("give more with `--memory`"));
        }
    }
    Ok(of)
}

/// The keys of a part, or all; `None` where they take more than a reference may hold.
pub async fn part_of_keys(
    session: &Session,
    job: &Job<'_>,
    judgement: &Judgement,
    reference: &Reference,
    part: Option<Part>,
) -> Result<Option<KeySet>, Fault> {
    let RuleKind::References { dataset, target, .. } = &job.plan.rules[reference.rule].rule.kind else {
        return Ok(Some(KeySet::default()));
    };
    let Some(input) = job.datasets.get(dataset) else { return Ok(Some(KeySet::default())) };
    let types = reference.columns.iter().map(|c| judgement.program.ty(*c).clone());
    let columns = target.iter().zip(types).map(|(name, ty)| column(name, ty)).collect::<Vec<_>>();
    let limit = session.memory / 4 / judgement.references.len().max(1);
    // Hashes split the keys unevenly: one part may take a little more than its share.
    let limit = if part.is_some_and(|part| part.number > 0) { limit / 4 * 5 } else { limit };
    let (shared, full) = (Mutex::new(KeySet::of_part(part)), AtomicBool::new(false));
    read(session, dataset, input, &columns, |arrays, batch, _| {
        if full.load(Ordering::Relaxed) {
            return;
        }
        let mut set = shared.lock().unwrap_or_else(PoisonError::into_inner);
        set.add(arrays, batch.num_rows());
        full.store(set.bytes() > limit, Ordering::Relaxed);
    })
    .await?;
    if full.into_inner() {
        return Ok(None);
    }
    let mut set = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    set.seal();
    Ok(Some(set))
}

pub fn column(name: &str, ty: crate::hir::Type) -> SourceColumn {
    SourceColumn { name: name.to_string(), ty, nullable: true, privacy: Privacy::Public }
}

/// The columns of a table, as they are.
pub struct Table<'a>(pub &'a [SourceColumn]);

impl Names for Table<'_> {
    fn column(&self, program: &mut Program, name: &str) -> Option<NodeId> {
        let position = self.0.iter().position(|c| c.name == name)?;
        Some(program.input(position, self.0[position].ty.clone()))
    }
}

/// What the table's rows, or those of them that `keep` leaves, add to a key that is judged over it.
pub async fn table_keys(
    session: &Session,
    job: &Job<'_>,
    table: &Input,
    unique: &Unique,
    mode: &Mode,
    keep: Option<&Keep>,
) -> Result<Kept, Fault> {
    let plan = job.plan;
    let RuleKind::Unique { by, .. } = &plan.rules[unique.rule].rule.kind else { return Ok(Kept::default()) };
    let columns: Vec<SourceColumn> = plan.columns.iter().map(|c| column(&c.name, c.ty.clone())).collect();
    let mut program = Program::new(job.as_of);
    let nodes = by.iter().map(|e| program.add(e, &Table(&columns))).collect::<Result<Vec<_>, _>>()?;
    let mut kept = Kept::default();
    let read_by: Vec<SourceColumn> = {
        let inputs: Vec<usize> = program.inputs().collect();
        columns.iter().enumerate().filter(|(i, _)| inputs.contains(i)).map(|(_, c)| c.clone()).collect()
    };
    // Once more over those columns alone, so that positions are those of what is read.
    let mut program = Program::new(job.as_of);
    let nodes = match nodes.len() {
        0 => Vec::new(),
        _ => by.iter().map(|e| program.add(e, &Table(&read_by))).collect::<Result<Vec<_>, _>>()?,
    };
    let asked = read_by.len();
    let with_keep: Vec<SourceColumn> = read_by
        .iter()
        .cloned()
        .chain(keep.iter().flat_map(|k| &k.columns).map(|(name, ty)| column(name, ty.clone())))
        .collect();
    read(session, &plan.dataset, table, &with_keep, |arrays, batch, name| {
        let rows = batch.num_rows();
        let live = keep.map_or_else(|| BooleanBuffer::new_set(rows), |k| (k.rows)(&arrays[asked..], rows));
        let inputs: Vec<_> = arrays[..asked].iter().cloned().map(crate::engine::expr::Computed::new).collect();
        let mut frame = Frame::new(&program, rows, &inputs);
        let keys: Vec<ArrayRef> = nodes.iter().map(|n| frame.get(*n).spread(rows)).collect();
        kept.take(mode, &keys, None, live, |row| name(row).of_table());
    })
    .await?;
    Ok(kept)
}

/// Reads columns of a dataset in its files' order; one that its files do not have is null.
pub async fn read(
    session: &Session,
    dataset: &str,
    input: &Input,
    columns: &[SourceColumn],
    mut take: impl FnMut(&[ArrayRef], &RecordBatch, &dyn Fn(usize) -> RowId),
) -> Result<(), Fault> {
    let unreadable = || Fault::storage(format!("the files of {dataset} cannot be read"));
    let opened = match open_declared(session, input, columns).await {
        Ok(opened) => opened,
        Err(NotOpened::Fault(fault)) => return Err(fault),
        Err(NotOpened::Broken(reason)) => return Err(Fault::storage(format!("{reason}, a file of {dataset}"))),
    };
    for layout in layouts(&opened, columns) {
        let (reader, scanned) = Reader::new(&opened, &layout, columns, &vec![true; columns.len()]);
        let parts = opened.divide(&layout, 1);
        if parts.is_empty() {
            continue;
        }
        let scan = opened.scan(&layout, &scanned, &parts)?;
        for partition in 0..scan.output_partitioning().partition_count() {
            let mut stream = scan.execute(partition, session.task()).map_err(|_| unreadable())?;
            while let Some(batch) = stream.next().await {
                let batch = batch.map_err(|_| unreadable())?;
                let (rows, width) = (batch.num_rows(), batch.num_columns());
                if rows == 0 {
                    continue;
                }
                let file = batch.column(width - 2).as_primitive::<UInt32Type>().value(0) as usize;
                let numbers = batch.column(width - 1).as_primitive::<Int64Type>();
                let arrays: Vec<ArrayRef> = reader.read(&batch, file).iter().map(|c| c.spread(rows)).collect();
                take(&arrays, &batch, &|row| RowId::new(file, numbers.value(row)));
            }
        }
    }
    Ok(())
}

/// For each rule with groups that a dataset names: those groups, each once, in the order of their values; `None` where
/// there is no such dataset.
pub async fn among(
    session: &Session,
    job: &Job<'_>,
) -> Result<BTreeMap<usize, Option<Vec<Vec<Value>>>>, Fault> {
    let mut found = BTreeMap::new();
    for (position, planned) in job.plan.rules.iter().enumerate() {
        let Some(each) = &planned.rule.for_each else { continue };
        let Some(Among::Dataset { dataset, columns }) = &each.among else { continue };
        let Some(input) = job.datasets.get(dataset) else {
            found.insert(position, None);
            continue;
        };
        let types: Vec<_> = each.by.iter().map(|(_, e)| e.ty.clone()).collect();
        let read_columns: Vec<_> = columns.iter().zip(&types).map(|(name, ty)| column(name, ty.clone())).collect();
        let mut groups: BTreeMap<Box<[u8]>, Vec<Value>> = BTreeMap::new();
        read(session, dataset, input, &read_columns, |arrays, batch, _| {
            let Some(encoded) = crate::engine::keys::encode(arrays) else { return };
            for row in 0..batch.num_rows() {
                let key = encoded.row(row).data();
                if !groups.contains_key(key) {
                    let values = arrays.iter().zip(&types).map(|(a, ty)| value_at(a, row, ty)).collect();
                    groups.insert(key.into(), values);
                }
            }
        })
        .await?;
        found.insert(position, Some(groups.into_values().collect()));
    }
    Ok(found)
}
