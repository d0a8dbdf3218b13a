//! What must be known before the rows of a batch are judged: the keys that references may name, those that the
//! table has already.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{Int64Type, UInt32Type};
use datafusion::physical_plan::ExecutionPlanProperties;
use futures::StreamExt;

use super::Job;
use crate::engine::compile::{Judgement, Unique};
use crate::engine::expr::{Frame, Names, NodeId, Program};
use crate::engine::references::KeySet;
use crate::engine::rows::RowId;
use crate::engine::sources::layout::{Reader, layouts};
use crate::engine::sources::{NotOpened, Session, open_declared};
use crate::engine::unique::{Kept, Mode};
use crate::fault::Fault;
use crate::engine::types::value_at;
use crate::hir::{Among, Privacy, RuleKind, Value};
use crate::ir::{Input, SourceColumn};

/// For each reference the keys of its dataset; `None` where there is no such dataset.
pub async fn keys(
    session: &Session,
    job: &Job<'_>,
    judgement: &Judgement,
) -> Result<Vec<Option<Arc<KeySet>>>, Fault> {
    let mut loaded: BTreeMap<String, Arc<KeySet>> = BTreeMap::new();
    let mut sets = Vec::with_capacity(judgement.references.len());
    for reference in &judgement.references {
        let RuleKind::References { dataset, target, .. } = &job.plan.rules[reference.rule].rule.kind else { continue };
        let Some(input) = job.datasets.get(dataset) else {
            sets.push(None);
            continue;
        };
        let types: Vec<_> = reference.columns.iter().map(|c| judgement.program.ty(*c).clone()).collect();
        let name = format!("{dataset} {target:?} {types:?}");
        let set = match loaded.get(&name) {
            Some(set) => Arc::clone(set),
            None => {
                let columns = target.iter().zip(types).map(|(name, ty)| column(name, ty)).collect::<Vec<_>>();
                let shared = Mutex::new(KeySet::default());
                read(session, dataset, input, &columns, |arrays, batch, _| {
                    shared.lock().unwrap_or_else(PoisonError::into_inner).add(arrays, batch.num_rows());
                })
                .await?;
                let mut set = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
                set.seal();
                Arc::new(set)
            }
        };
        loaded.insert(name, Arc::clone(&set));
        sets.push(Some(set));
    }
    Ok(sets)
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

/// What the table's rows add to a key that is judged over it.
pub async fn table_keys(
    session: &Session,
    job: &Job<'_>,
    table: &Input,
    unique: &Unique,
    mode: &Mode,
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
    read(session, &plan.dataset, table, &read_by, |arrays, batch, name| {
        let rows = batch.num_rows();
        let inputs: Vec<_> = arrays.iter().cloned().map(crate::engine::expr::Computed::new).collect();
        let mut frame = Frame::new(&program, rows, &inputs);
        let keys: Vec<ArrayRef> = nodes.iter().map(|n| frame.get(*n).spread(rows)).collect();
        kept.take(mode, &keys, None, BooleanBuffer::new_set(rows), |row| name(row).of_table());
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
