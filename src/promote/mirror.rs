//! A target of parquet files without a log, for readers that list a folder.
//!
//! The truth is a Delta table in the ledger's place, where batches are staged and published like any other. The
//! listed folder is brought in line with it after each commit: files of new batches are copied in, then files that were taken
//! back are removed, and each batch's folder gets a `_SUCCESS` file when it is whole. A reader that lists the folder
//! meanwhile can see part of a batch; one that waits for `_SUCCESS`, or reads the table, cannot.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt};

use crate::fault::Fault;
use crate::ir::{Format, Place};
use crate::lake::delta::Table;
use crate::lake::store::Store;
use crate::promote::{Lake, Run, Task};

/// The file that says that a batch's folder is whole.
const DONE: &str = "_SUCCESS";
/// Copies on their way side by side.
const COPIES: usize = 8;

impl Lake<'_> {
    /// Gives a dataset that is written as plain parquet files a table of its own.
    pub(super) fn mirror_parquet(&mut self, dataset: &str) {
        let table = format!("{}/tables/{}/", self.ledger.trim_end_matches('/'), dataset.replace('.', "/"));
        if let Some(place) = self.places.get_mut(dataset).filter(|place| place.format == Format::Parquet) {
            let listed = std::mem::replace(place, Place { url: table, format: Format::Delta });
            self.mirrors.insert(dataset.to_owned(), listed);
        }
    }
}

impl Run<'_> {
    /// Brings the listed files of a target in line with its table; nothing to do for a target that is one itself.
    pub(super) async fn mirror(&self, task: &Task<'_>) -> Result<(), Fault> {
        let Some(listed) = self.lake.mirrors.get(&task.promotion.to) else { return Ok(()) };
        let Some(table) = Table::open(&self.place(&task.promotion.to)?.url, self.lake.storage).await? else {
            return Ok(());
        };
        let listed = Store::open(&listed.url, self.lake.storage)?;
        let there: BTreeMap<String, u64> = listed.list().await?.into_iter().map(|f| (f.path, f.size)).collect();
        let files = table.files()?;
        let wanted: BTreeSet<&str> = files.iter().map(|f| f.path.as_str()).collect();
        // Only what a commit of the table took back is removed: other files in the folder are not ours.
        let removed = table.removed().await?;
        let stale: Vec<&String> =
            removed.keys().filter(|path| there.contains_key(*path) && !wanted.contains(path.as_str())).collect();
        let missing: Vec<_> = files.iter().filter(|f| there.get(&f.path) != Some(&f.size)).collect();
        let folder = |path: &str| path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
        let changing: BTreeSet<String> =
            missing.iter().map(|f| &f.path).chain(stale.iter().copied()).map(|path| folder(path)).collect();
        for done in changing.iter().map(|folder| format!("{folder}{DONE}")).filter(|done| there.contains_key(done)) {
            listed.remove(&done).await?;
        }
        let (listed, source) = (&listed, &table.store);
        let copies = missing.iter().map(|file| async move { listed.copy_from(source, &file.path, &file.path, file.size).await });
        futures::stream::iter(copies).buffer_unordered(COPIES).try_collect::<Vec<()>>().await?;
        for path in stale {
            listed.remove(path).await?;
        }
        let whole: BTreeSet<String> = wanted.iter().map(|path| folder(path)).collect();
        for folder in &whole {
            let done = format!("{folder}{DONE}");
            if changing.contains(folder) || !there.contains_key(&done) {
                listed.write(&done, bytes::Bytes::new()).await?;
            }
        }
        self.log.note("mirrored", &[("dataset", &task.promotion.to)], &[("copied", missing.len() as u64)]);
        Ok(())
    }
}
