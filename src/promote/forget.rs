//! Rows held back that are to be forgotten: on request, or because their time is up. They go from the target's list of what
//! is held, then from the quarantine table, then from storage.

use std::collections::{HashMap, HashSet};

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;

use crate::fault::{Fault, FaultKind};
use crate::lake::delta::{Change, Committed, Table};
use crate::lake::quarantine::read::{self, OURS};
use crate::lake::quarantine::{self, Manifest};
use crate::lake::{rows, stage};
use crate::promote::books::settle;
use crate::promote::held::batches;
use crate::promote::pending::transaction;
use crate::promote::retry::RETRIES;
use crate::promote::{Lake, TRIES, Task};

/// Which rows are to be forgotten.
pub enum Forget<'a> {
    /// Those where each column has this value, as text.
    Where(&'a [(String, String)]),
    /// Those held before this instant, in microseconds since 1970 in UTC.
    Before(i64),
}

/// What was forgotten of a dataset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    pub rows: u64,
    pub batches: u64,
}

/// Forgets rows: first in the target's log, then in the quarantine table, then the files that held them are removed.
pub async fn forget(task: &Task<'_>, lake: &Lake<'_>, which: &Forget<'_>) -> Result<Forgotten, Fault> {
    let mut forgotten = Forgotten::default();
    let url = &lake.quarantine[&task.promotion.to];
    let Some(table) = Table::open(url, lake.storage).await? else { return Ok(forgotten) };
    if let Forget::Where(columns) = which {
        let known = table.columns()?;
        for (name, _) in *columns {
            if !known.iter().any(|c| c.name().eq_ignore_ascii_case(name)) {
                return Err(Fault::usage(format!("rows held back from `{}` have no column `{name}`", task.promotion.to)));
            }
        }
    }
    for batch in batches(&table)?.into_keys() {
        let rows = forget_of_batch(task, lake, &batch, which).await?;
        forgotten.rows += rows;
        forgotten.batches += u64::from(rows > 0);
    }
    if matches!(which, Forget::Where(_)) && let Some(table) = Table::open(url, lake.storage).await? {
        forget_in_remains(&table, which).await?;
    }
    Ok(forgotten)
}

/// Files that an earlier version of the table names, and those of a retry that was cut off, are removed if such a row is
/// in them: somebody who goes back to that version would find it. What a run has staged and not published yet is left alone.
async fn forget_in_remains(table: &Table, which: &Forget<'_>) -> Result<(), Fault> {
    let removed = table.removed().await?;
    let named: HashSet<String> = table.files()?.into_iter().map(|f| f.path).collect();
    for file in table.store.list().await? {
        let cut_off = file.path.starts_with(&format!("{RETRIES}/"));
        if named.contains(&file.path) || !(cut_off || removed.contains_key(&file.path)) {
            continue;
        }
        let rows = rows::read(&table.store, &file.path, None).await?;
        let mut holds = false;
        for rows in &rows {
            holds |= stays(rows, which)?.false_count() > 0;
        }
        if holds {
            table.store.remove(&file.path).await?;
        }
    }
    Ok(())
}

/// How many rows [`forget`] would forget.
pub(super) async fn to_forget(task: &Task<'_>, lake: &Lake<'_>, which: &Forget<'_>) -> Result<u64, Fault> {
    let Some(table) = Table::open(&lake.quarantine[&task.promotion.to], lake.storage).await? else { return Ok(0) };
    let mut count = 0;
    for file in read::files(&table, None)? {
        for rows in rows::read(&table.store, &file.path, None).await? {
            count += stays(&rows, which)?.false_count() as u64;
        }
    }
    Ok(count)
}

async fn forget_of_batch(task: &Task<'_>, lake: &Lake<'_>, batch: &str, which: &Forget<'_>) -> Result<u64, Fault> {
    let name = task.promotion.name();
    let url = &lake.quarantine[&task.promotion.to];
    let place = lake.places.get(&task.promotion.to);
    let place = place.ok_or_else(|| Fault::internal(format!("`{}` has no place", task.promotion.to)))?;
    for _ in 0..TRIES {
        let target = Table::open(&place.url, lake.storage).await?;
        let number = match &target {
            Some(target) => target.transaction(&transaction(&name, batch)).await?,
            None => None,
        };
        if let Some(target) = &target {
            settle(target, lake.storage, &name, batch, url).await?;
        }
        let Some(mut table) = Table::open(url, lake.storage).await? else { return Ok(0) };
        let remainder = remainder(&table, batch, which).await?;
        if remainder.rows == 0 {
            return Ok(0);
        }
        let change = Change {
            metadata: HashMap::from([
                ("dqc_promotion".to_owned(), name.as_str().into()),
                ("dqc_batch".to_owned(), batch.into()),
                ("dqc_forgotten".to_owned(), remainder.rows.into()),
                ("dqc_held".to_owned(), manifest_text(&remainder.held)?.into()),
            ]),
            ..Change::default()
        };
        let committed = match (target, number) {
            (Some(mut target), Some(number)) => {
                let change = Change { transaction: Some((transaction(&name, batch), number)), exclusive: true, ..change };
                let committed = target.commit(change).await;
                if let Ok(Committed::Version(version)) = &committed {
                    quarantine::settle(url, lake.storage, batch, &remainder.held, &target.id()?, *version).await?;
                }
                committed
            }
            // Nothing publishes the batch any more: the quarantine alone knows of it.
            _ => {
                let gone = remainder.replaced.iter().cloned().collect();
                let change = Change { add: remainder.written.clone(), remove: gone, exclusive: true, ..change };
                table.commit(change).await
            }
        };
        match committed {
            Ok(Committed::Version(_)) => {
                // What a log does not name any more is gone for good.
                for path in &remainder.replaced {
                    table.store.remove(path).await?;
                }
                return Ok(remainder.rows);
            }
            Ok(Committed::Conflict) => {
                table.store.discard(remainder.written.into_iter().map(|f| f.path)).await;
            }
            Ok(Committed::Unknown) => {
                let what = format!("whether rows of batch `{batch}` are forgotten is unknown");
                return Err(Fault::new(FaultKind::Unknown, what).with_help("running the same command again finds out"));
            }
            Err(fault) => {
                table.store.discard(remainder.written.into_iter().map(|f| f.path)).await;
                return Err(fault);
            }
        }
    }
    Err(Fault::new(FaultKind::Conflict, format!("others kept changing `{}` meanwhile", task.promotion.to)))
}

fn manifest_text(held: &Manifest) -> Result<String, Fault> {
    serde_json::to_string(&held.without_values()).map_err(|_| Fault::internal("the list of rows held back could not be written"))
}

/// What is left of a batch's rows.
struct Remainder {
    /// Rows that go.
    rows: u64,
    held: Manifest,
    /// Files of `held` that were written anew, and those whose place they take.
    written: stage::Written,
    replaced: Vec<String>,
}

async fn remainder(table: &Table, batch: &str, which: &Forget<'_>) -> Result<Remainder, Fault> {
    let mut left = Remainder {
        rows: 0,
        held: Manifest { files: Vec::new(), columns: table.columns()? },
        written: Vec::new(),
        replaced: Vec::new(),
    };
    for file in read::files(table, Some(batch))? {
        let rows = rows::read(&table.store, &file.path, None).await?;
        let mut kept = Vec::with_capacity(rows.len());
        let mut gone = 0;
        for rows in rows {
            let stays = stays(&rows, which)?;
            gone += stays.false_count() as u64;
            kept.push(filter_record_batch(&rows, &stays).map_err(|_| Fault::internal("rows could not be parted"))?);
        }
        if gone == 0 {
            left.held.files.extend(table.adds(|path| path == file.path)?);
            continue;
        }
        left.rows += gone;
        left.replaced.push(file.path);
        kept.retain(|rows| rows.num_rows() > 0);
        let Some(first) = kept.first() else { continue };
        let schema = first.schema();
        let rows = futures::stream::iter(kept.into_iter().map(Ok));
        let (written, _) = stage::write_all(&table.store, batch, &schema, rows, false).await?;
        left.held.files.extend(written.clone());
        left.written.extend(written);
    }
    Ok(left)
}

fn stays(rows: &RecordBatch, which: &Forget<'_>) -> Result<BooleanArray, Fault> {
    match which {
        Forget::Before(instant) => {
            let mut origins = read::Origins::default();
            origins.take(rows).ok_or_else(|| Fault::internal("the rows held back lack a column of ours"))?;
            Ok(origins.held_at.iter().map(|at| Some(at >= instant)).collect())
        }
        Forget::Where(wanted) => {
            let schema = rows.schema();
            let of = |name: &String| -> Vec<usize> {
                let is = |field: &str| {
                    let own = field.split_once("__").map_or(field, |(own, _)| own);
                    field.eq_ignore_ascii_case(name) || own.eq_ignore_ascii_case(name)
                };
                let fields = schema.fields().iter().enumerate();
                fields.filter(|(_, f)| !f.name().starts_with(OURS) && is(f.name())).map(|(at, _)| at).collect()
            };
            let columns: Vec<(Vec<usize>, &String)> = wanted.iter().map(|(name, value)| (of(name), value)).collect();
            let has = |row: usize| {
                columns.iter().all(|(at, value)| at.iter().any(|at| read::text(rows.column(*at), row) == **value))
            };
            Ok((0..rows.num_rows()).map(|row| Some(!has(row))).collect())
        }
    }
}
