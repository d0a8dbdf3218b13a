//! The rows held back, as they can be seen; [`super::retry`] tries them again, [`super::forget`] forgets them.
//!
//! Which rows of a batch are held is decided in the target's log, by the newest commit that lists them: the one that
//! published the batch, a retry, or one that forgets rows. The quarantine table follows it.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;

use crate::fault::Fault;
use crate::hir::Privacy;
use crate::lake::delta::Table;
use crate::lake::quarantine::read::{self, Row};
use crate::lake::rows::read as read_file;
use crate::promote::Lake;

/// The rows of one batch in quarantine.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    pub dataset: String,
    pub batch: String,
    pub rows: u64,
    /// Of the contract.
    pub versions: BTreeSet<String>,
    /// Rows by rule; a row can be held by several.
    pub rules: BTreeMap<String, u64>,
    /// When the first of them was held, in microseconds since 1970 in UTC.
    pub held_at: i64,
    /// When they are to be forgotten; `None`: never.
    pub until: Option<i64>,
}

/// What is held back from a dataset, batch by batch.
pub async fn list(dataset: &str, lake: &Lake<'_>, keep: Option<i64>) -> Result<Vec<Batch>, Fault> {
    let mut found: BTreeMap<String, Batch> = BTreeMap::new();
    let visit = &mut |rows: &RecordBatch| -> Result<(), Fault> {
        for row in read::rows(rows, &|_| Privacy::Secret)? {
            let batch = found.entry(row.batch.clone()).or_insert_with(|| Batch {
                dataset: dataset.to_owned(),
                batch: row.batch.clone(),
                rows: 0,
                versions: BTreeSet::new(),
                rules: BTreeMap::new(),
                held_at: row.held_at,
                until: None,
            });
            batch.rows += 1;
            batch.held_at = batch.held_at.min(row.held_at);
            batch.versions.insert(row.version);
            for (rule, _) in row.rules {
                *batch.rules.entry(rule).or_default() += 1;
            }
        }
        Ok(())
    };
    each(dataset, lake, None, visit).await?;
    let mut found: Vec<Batch> = found.into_values().collect();
    found.iter_mut().for_each(|b| b.until = keep.map(|keep| b.held_at.saturating_add(keep)));
    Ok(found)
}

/// Which rows are asked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted<'a> {
    pub batch: Option<&'a str>,
    pub rule: Option<&'a str>,
    pub limit: Option<usize>,
}

/// The rows themselves, and how many there are in all.
pub async fn rows(
    dataset: &str,
    lake: &Lake<'_>,
    wanted: &Wanted<'_>,
    privacy: &dyn Fn(&str) -> Privacy,
) -> Result<(Vec<Row>, u64), Fault> {
    let (mut found, mut all) = (Vec::new(), 0);
    let visit = &mut |stored: &RecordBatch| -> Result<(), Fault> {
        for row in read::rows(stored, privacy)? {
            if wanted.rule.is_some_and(|rule| row.rules.iter().all(|(name, _)| name != rule)) {
                continue;
            }
            all += 1;
            if wanted.limit.is_none_or(|limit| found.len() < limit) {
                found.push(row);
            }
        }
        Ok(())
    };
    each(dataset, lake, wanted.batch, visit).await?;
    Ok((found, all))
}

async fn each(
    dataset: &str,
    lake: &Lake<'_>,
    batch: Option<&str>,
    visit: &mut dyn FnMut(&RecordBatch) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let Some(url) = lake.quarantine.get(dataset) else { return Ok(()) };
    let Some(table) = Table::open(url, lake.storage).await? else { return Ok(()) };
    for file in read::files(&table, batch)? {
        for rows in read_file(&table.store, &file.path, None).await? {
            visit(&rows)?;
        }
    }
    Ok(())
}

/// Batches that have rows in quarantine, with the number of their files.
pub(super) fn batches(quarantine: &Table) -> Result<BTreeMap<String, usize>, Fault> {
    let mut found = BTreeMap::new();
    for file in read::files(quarantine, None)? {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        *found.entry(folder.to_owned()).or_default() += 1;
    }
    Ok(found)
}
