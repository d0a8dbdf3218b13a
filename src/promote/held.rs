//! The rows held back, as a loop and not a grave: seen, tried again, forgotten on request or when their time is up.
//!
//! Which rows of a batch are held is decided in the target's log, by the newest commit that lists them: the one that
//! published the batch, a retry, or one of those here. The quarantine table follows it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;

use crate::fault::{Fault, FaultKind};
use crate::hir::Privacy;
use crate::lake::delta::{Change, Committed, Table};
use crate::lake::quarantine::read::{self, OURS, Row};
use crate::lake::quarantine::{self, Manifest};
use crate::lake::stage;
use crate::ledger::log::Log;
use crate::ledger::{Ledger, RunEntry};
use crate::promote::pending::transaction;
use crate::promote::retry::{RETRIES, batches};
use crate::promote::{Event, Judge, Lake, Options, Run, Summary, Task};

pub use crate::promote::retry::Retried;

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
        for rows in read::stored(&table.store, &file.path).await? {
            visit(&rows)?;
        }
    }
    Ok(())
}

/// Judges the held rows of `tasks` again and promotes those that pass; `tell` hears of each batch.
pub async fn retry(
    tasks: &[Task<'_>],
    lake: &Lake<'_>,
    options: &Options<'_>,
    judge: &dyn Judge,
    tell: &mut (dyn FnMut(Result<&Retried, Event<'_>>) + Send),
) -> Summary {
    let run = Run::new(lake, options, judge);
    let mut summary = Summary { promotions: tasks.len(), ..Summary::default() };
    for task in tasks {
        if let Err(fault) = run.retry_task(task, &mut summary, tell).await {
            let stopped = matches!(fault.kind, FaultKind::Stopped(_));
            summary.faults.push(fault);
            if stopped {
                break;
            }
        }
    }
    if !summary.is_idle() {
        let entry = RunEntry {
            promotions: tasks.len() as i64,
            published: summary.published as i64,
            blocked: summary.blocked as i64,
            failed: summary.faults.len() as i64,
            exit_code: i64::from(summary.exit_code()),
            ..RunEntry::default()
        };
        if let Err(fault) = run.ledger.write_run(&entry).await {
            summary.faults.push(fault);
        }
        run.log.keep(lake.storage).await;
    }
    summary
}

impl<'a> Run<'a> {
    pub(super) fn new(lake: &'a Lake<'a>, options: &'a Options<'a>, judge: &'a dyn Judge) -> Self {
        let ledger = Ledger::new(&lake.ledger, lake.storage, options.as_of);
        let log = Log::new(&ledger);
        Run { lake, options, judge, ledger, log }
    }

    async fn retry_task(
        &self,
        task: &Task<'_>,
        summary: &mut Summary,
        tell: &mut (dyn FnMut(Result<&Retried, Event<'_>>) + Send),
    ) -> Result<(), Fault> {
        self.options.stop.check()?;
        self.commits_safely(task)?;
        let url = self.quarantine(&task.promotion.to)?;
        let Some(table) = Table::open(url, self.lake.storage).await? else { return Ok(()) };
        let found = batches(&table)?;
        if let Some(wanted) = self.options.batch
            && !found.contains_key(wanted)
        {
            let notice = format!("no row of batch `{wanted}` of `{}` is held back", task.promotion.to);
            tell(Err(Event::Notice(notice)));
        }
        for batch in found.into_keys().filter(|b| self.options.batch.is_none_or(|wanted| wanted == b)) {
            let name = task.promotion.name();
            tell(Err(Event::Judging { promotion: &name, batch: &batch, files: 0, bytes: 0 }));
            let done = self.retry(task, &batch).await?;
            match (&done.reason, done.promoted) {
                (Some(_), _) => summary.blocked += 1,
                (None, 0) => {}
                (None, _) => summary.published += 1,
            }
            tell(Ok(&done));
        }
        Ok(())
    }
}

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
        let rows = read::stored(&table.store, &file.path).await?;
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
        for rows in read::stored(&table.store, &file.path).await? {
            count += stays(&rows, which)?.false_count() as u64;
        }
    }
    Ok(count)
}

const TRIES: usize = 8;

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
            settle(target, lake, &name, batch, url).await?;
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

/// Carries out the newest list of what is held of a batch.
pub(super) async fn settle(target: &Table, lake: &Lake<'_>, promotion: &str, batch: &str, url: &str) -> Result<(), Fault> {
    let says = |info: &HashMap<String, serde_json::Value>, key: &str, what: &str| {
        info.get(key).and_then(|v| v.as_str()) == Some(what)
    };
    let listed = target
        .find_commit(None, |info| {
            says(info, "dqc_promotion", promotion) && says(info, "dqc_batch", batch) && info.contains_key("dqc_held")
        })
        .await?;
    let Some((version, info)) = listed else { return Ok(()) };
    let held = info.get("dqc_held").and_then(|v| v.as_str()).unwrap_or_default();
    let held: Manifest = serde_json::from_str(held)
        .map_err(|_| Fault::internal(format!("version {version} of the target of `{promotion}` has an unreadable receipt")))?;
    quarantine::settle(url, lake.storage, batch, &held, &target.id()?, version).await
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
        let rows = read::stored(&table.store, &file.path).await?;
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
