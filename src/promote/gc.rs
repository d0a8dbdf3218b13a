//! What nobody needs any more: files that no log names, rows in quarantine whose time is up, the ledger's many small files.

use std::collections::{BTreeSet, HashSet};

use crate::fault::Fault;
use crate::lake::delta::Table;
use crate::lake::quarantine::{Manifest, transaction};
use crate::ledger::{Ledger, TABLES};
use crate::promote::forget::{Forget, forget, to_forget};
use crate::promote::{Lake, Task};

/// What is to be cleaned up, and when it is now.
pub struct Horizon {
    /// Microseconds since 1970 in UTC.
    pub as_of: i64,
    /// Files younger than so many microseconds may belong to a run that goes on, or to a reader of an older version.
    pub older_than: i64,
    /// Say what would be removed, and remove nothing.
    pub dry_run: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    pub files: u64,
    pub bytes: u64,
    /// Rows in quarantine whose time was up.
    pub rows: u64,
    /// Files of the ledger that became fewer.
    pub compacted: u64,
}

/// Cleans up behind the promotions `tasks`; `keep` gives how long a dataset's contract keeps its rows in quarantine.
pub async fn collect(
    tasks: &[Task<'_>],
    lake: &Lake<'_>,
    horizon: &Horizon,
    keep: &dyn Fn(&str) -> Option<i64>,
    tell: &mut dyn FnMut(&str, &str, u64),
) -> Result<Collected, Fault> {
    let mut done = Collected::default();
    for task in tasks {
        let to = &task.promotion.to;
        if let Some(keep) = keep(to) {
            let due = Forget::Before(horizon.as_of.saturating_sub(keep));
            done.rows += match horizon.dry_run {
                true => to_forget(task, lake, &due).await?,
                false => forget(task, lake, &due).await?.rows,
            };
        }
        let place = lake.places.get(to).ok_or_else(|| Fault::internal(format!("`{to}` has no place")))?;
        let target = Table::open(&place.url, lake.storage).await?;
        let awaited = match &target {
            Some(target) => unsettled(target, &lake.quarantine[to], lake, &task.promotion.name()).await?,
            None => HashSet::new(),
        };
        if let Some(target) = &target {
            sweep(target, &HashSet::new(), horizon, to, &mut done, tell).await?;
        }
        if let Some(quarantine) = Table::open(&lake.quarantine[to], lake.storage).await? {
            sweep(&quarantine, &awaited, horizon, &format!("the quarantine of {to}"), &mut done, tell).await?;
        }
    }
    let ledger = Ledger::new(&lake.ledger, lake.storage, horizon.as_of);
    for name in TABLES {
        if !horizon.dry_run {
            done.compacted += ledger.compact(name).await?;
        }
        if let Some(table) = Table::open(&ledger.table(name), lake.storage).await? {
            sweep(&table, &HashSet::new(), horizon, &format!("the ledger's {name}"), &mut done, tell).await?;
        }
    }
    Ok(done)
}

/// Files that a commit of the target lists and that the quarantine has not taken in yet.
async fn unsettled(target: &Table, url: &str, lake: &Lake<'_>, promotion: &str) -> Result<HashSet<String>, Fault> {
    let quarantine = Table::open(url, lake.storage).await?;
    let (id, mut awaited, mut seen) = (target.id()?, HashSet::new(), BTreeSet::new());
    for (version, info) in target.commits().await? {
        let text = |key: &str| info.get(key).and_then(|v| v.as_str()).map(str::to_owned);
        let (Some(batch), Some(held)) = (text("dqc_batch"), text("dqc_held")) else { continue };
        // Only the newest list of a batch is carried out.
        if text("dqc_promotion").as_deref() != Some(promotion) || !seen.insert(batch.clone()) {
            continue;
        }
        let settled = match &quarantine {
            Some(quarantine) => quarantine.transaction(&transaction(&batch, &id)).await?.is_some_and(|v| v >= version),
            None => false,
        };
        if !settled && let Ok(held) = serde_json::from_str::<Manifest>(&held) {
            awaited.extend(held.files.into_iter().map(|f| f.path));
        }
    }
    Ok(awaited)
}

/// Removes the files of a table's place that its log does not name, once they are old enough.
async fn sweep(
    table: &Table,
    awaited: &HashSet<String>,
    horizon: &Horizon,
    what: &str,
    done: &mut Collected,
    tell: &mut dyn FnMut(&str, &str, u64),
) -> Result<(), Fault> {
    let named: HashSet<String> = table.files()?.into_iter().map(|f| f.path).collect();
    let removed = table.removed().await?;
    let limit = horizon.as_of.saturating_sub(horizon.older_than);
    for file in table.store.list().await? {
        let in_log = file.path.split('/').any(|part| part == "_delta_log");
        let data = file.path.ends_with(".parquet");
        if in_log || !data || named.contains(&file.path) || awaited.contains(&file.path) {
            continue;
        }
        // A file that was taken out of the table is as old as that.
        let since = removed.get(&file.path).map_or(file.modified, |millis| millis.saturating_mul(1000).max(file.modified));
        if since > limit {
            continue;
        }
        if !horizon.dry_run {
            table.store.remove(&file.path).await?;
        }
        done.files += 1;
        done.bytes += file.size;
        tell(what, &file.path, file.size);
    }
    Ok(())
}
