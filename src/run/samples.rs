//! Reads the rows that stand as samples in the report: only those, and only what their rules show.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use arrow::array::AsArray;
use arrow::datatypes::{Int64Type, UInt32Type};
use datafusion::physical_plan::ExecutionPlanProperties;
use futures::StreamExt;

use crate::engine::compile::{Judgement, Role};
use crate::engine::expr::Frame;
use crate::engine::rows::RowId;
use crate::engine::show;
use crate::engine::sources::layout::{Layout, Reader};
use crate::engine::sources::{Opened, Part, Piece, Session};
use crate::fault::Fault;
use crate::hir::Value;
use crate::ir::Plan;
use crate::run::Sample;

/// A sample, and the values that fill holes in messages.
pub struct Shown {
    pub sample: Sample,
    pub values: BTreeMap<String, String>,
}

/// The samples of each rule, by its position in the plan.
pub async fn read(
    session: &Session,
    plan: &Plan,
    now: i64,
    skip: &BTreeMap<usize, String>,
    opened: &Opened,
    layouts: &[Layout],
    rows: &[Vec<RowId>],
) -> Result<Vec<Vec<Shown>>, Fault> {
    let mut samples: Vec<Vec<Shown>> = rows.iter().map(|_| Vec::new()).collect();
    let wanted: BTreeSet<RowId> = rows.iter().flatten().copied().collect();
    if wanted.is_empty() {
        return Ok(samples);
    }
    let mut judgement = Judgement::new(plan, now, false, skip)?;
    judgement.show(plan)?;
    let inputs: BTreeSet<usize> = judgement.program.inputs().collect();
    let read: Vec<bool> = (0..plan.source.len()).map(|i| inputs.contains(&i)).collect();
    let mut found: HashMap<(usize, RowId), Shown> = HashMap::new();
    for layout in layouts {
        let parts = pieces(opened, layout, &wanted);
        if parts.is_empty() {
            continue;
        }
        let (reader, columns) = Reader::new(opened, layout, &plan.source, &read);
        let scan = opened.scan(layout, &columns, &[parts])?;
        let unreadable = |_| Fault::storage("the rows that break rules could not be read again");
        for partition in 0..scan.output_partitioning().partition_count() {
            let mut stream = scan.execute(partition, session.task()).map_err(unreadable)?;
            while let Some(batch) = stream.next().await {
                let batch = batch.map_err(unreadable)?;
                let width = batch.num_columns();
                if batch.num_rows() == 0 {
                    continue;
                }
                let file = batch.column(width - 2).as_primitive::<UInt32Type>().value(0) as usize;
                let numbers = batch.column(width - 1).as_primitive::<Int64Type>().values();
                let here: Vec<(usize, RowId)> = (numbers.iter().enumerate())
                    .map(|(i, n)| (i, RowId::new(file, *n)))
                    .filter(|(_, id)| wanted.contains(id))
                    .collect();
                if here.is_empty() {
                    continue;
                }
                let inputs = reader.read(&batch, file);
                let mut frame = Frame::new(&judgement.program, batch.num_rows(), &inputs);
                for (row, id) in here {
                    for (rule, _) in rows.iter().enumerate().filter(|(_, ids)| ids.contains(&id)) {
                        found.insert((rule, id), shown(opened, &judgement, rule, &mut frame, row, id));
                    }
                }
            }
        }
    }
    for (rule, ids) in rows.iter().enumerate() {
        samples[rule].extend(ids.iter().filter_map(|id| found.remove(&(rule, *id))));
    }
    Ok(samples)
}

/// The row groups that hold the wanted rows.
fn pieces(opened: &Opened, layout: &Layout, wanted: &BTreeSet<RowId>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for &file in &layout.files {
        let mut parts = Vec::new();
        let mut first = 0u64;
        for (group, meta) in opened.files[file].footer.row_groups().iter().enumerate() {
            let next = first + u64::try_from(meta.num_rows()).unwrap_or(0);
            let range = RowId::new(file, first as i64)..RowId::new(file, next as i64);
            if wanted.range(range).next().is_some() {
                parts.push(Part::whole(group));
            }
            first = next;
        }
        if !parts.is_empty() {
            pieces.push(Piece { file, parts });
        }
    }
    pieces
}

fn shown(
    opened: &Opened,
    judgement: &Judgement,
    rule: usize,
    frame: &mut Frame<'_>,
    row: usize,
    id: RowId,
) -> Shown {
    let mut values = serde_json::Map::new();
    let mut texts = BTreeMap::new();
    for shown in judgement.shown.get(rule).into_iter().flatten() {
        let computed = frame.get(shown.node);
        let value: Value = show::value_of(frame, &computed, shown.node, row);
        if shown.role != Role::Message
            && let Some(json) = show::json(&value, shown.privacy)
        {
            values.insert(shown.name.clone(), json);
        }
        texts.insert(shown.name.clone(), show::filling(&value, shown.privacy).unwrap_or_else(|| "***".to_string()));
    }
    let reason = show::failure(judgement, rule, frame, row);
    let file = opened.files.get(id.file()).map(|f| f.input.path.clone());
    Shown { sample: Sample { file, row: Some(id.row() + 1), values, reason }, values: texts }
}
