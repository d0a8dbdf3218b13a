//! Rows of a batch that take the place of rows of the same key. Files that lose rows are written anew, in the
//! folder of the batch that they came with; all others stay as they are.

use std::collections::HashSet;

use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use futures::StreamExt;
use url::Url;

use crate::fault::Fault;
use crate::lake::delta::Table;
use crate::lake::stage::{Files, Written, write_all};
use crate::storage::Storage;

/// By what rows are matched, and which of two wins.
pub struct By {
    /// Never null.
    pub key: Vec<String>,
    /// The greater value wins, within the batch too; a row that is no newer changes nothing. `None`: the batch wins.
    pub newest: Option<String>,
}

/// What a merge changes in the table's files.
#[derive(Default)]
pub struct Merged {
    pub add: Written,
    pub remove: HashSet<String>,
    /// Those of `add` that the merge wrote itself.
    pub own: Written,
}

/// Merges the staged rows of the batch in `folder` into the table as it was read.
pub async fn merge(table: &Table, storage: &Storage, staged: &Files, folder: &str, by: &By) -> Result<Merged, Fault> {
    let mut merged = Merged { add: staged.files.clone(), ..Merged::default() };
    let files = table.files()?;
    if staged.files.is_empty() || files.is_empty() && by.newest.is_none() {
        return Ok(merged);
    }
    let done = rewrite(table, storage, staged, folder, by, &mut merged).await;
    if done.is_err() {
        table.store.discard(merged.own.iter().map(|f| f.path.clone())).await;
    }
    done.map(|()| merged)
}

async fn rewrite(
    table: &Table,
    storage: &Storage,
    staged: &Files,
    folder: &str,
    by: &By,
    merged: &mut Merged,
) -> Result<(), Fault> {
    let session = SessionContext::new();
    session.register_object_store(&table.store.url, storage.root(&table.store.url)?);
    let staged_paths: Vec<String> = staged.files.iter().map(|f| f.path.clone()).collect();
    register(&session, "batch", &table.store.url, &staged_paths).await?;
    let files: Vec<String> = table.files()?.into_iter().map(|f| f.path).collect();
    let whole = if files.is_empty() { None } else { Some("whole") };
    if let Some(whole) = whole {
        register(&session, whole, &table.store.url, &files).await?;
    }

    let rows = session.sql(&by.winning("batch", whole)).await.map_err(failed)?;
    let winners = write(table, folder, rows).await?;
    if winners.1 < staged.rows {
        merged.add = winners.0.clone();
        merged.own.extend(winners.0);
    } else {
        table.store.discard(winners.0.into_iter().map(|f| f.path)).await;
    }
    for path in files {
        session.deregister_table("file").map_err(failed)?;
        register(&session, "file", &table.store.url, std::slice::from_ref(&path)).await?;
        let lost = session.sql(&by.beaten("file", "batch")).await.map_err(failed)?.count().await.map_err(failed)?;
        if lost == 0 {
            continue;
        }
        let rows = session.sql(&by.unbeaten("file", "batch")).await.map_err(failed)?;
        let home = path.rsplit_once('/').map_or("", |(home, _)| home);
        let (written, _) = write(table, home, rows).await?;
        merged.own.extend(written.clone());
        merged.add.extend(written);
        merged.remove.insert(path);
    }
    Ok(())
}

async fn register(session: &SessionContext, name: &str, url: &Url, paths: &[String]) -> Result<(), Fault> {
    let urls: Result<Vec<String>, Fault> = paths
        .iter()
        .map(|path| {
            let mut url = url.clone();
            let unfit = || Fault::internal("a file's path is no URL");
            url.path_segments_mut().map_err(|()| unfit())?.pop_if_empty().extend(path.split('/'));
            Ok(url.to_string())
        })
        .collect();
    let rows = session.read_parquet(urls?, ParquetReadOptions::default()).await.map_err(failed)?;
    session.register_table(name, rows.into_view()).map_err(failed)?;
    Ok(())
}

/// Writes rows below a folder of the table; gives the files and the number of rows.
async fn write(table: &Table, folder: &str, rows: DataFrame) -> Result<(Written, u64), Fault> {
    let stream = rows.execute_stream().await.map_err(failed)?;
    let schema = stream.schema();
    write_all(&table.store, folder, &schema, stream.map(|rows| rows.map_err(failed)), true).await
}

impl By {
    fn matched(&self, a: &str, b: &str) -> String {
        let equal = |name: &String| format!("{a}.{name} = {b}.{name}", name = quoted(name));
        self.key.iter().map(equal).collect::<Vec<_>>().join(" and ")
    }

    /// Whether the row of the batch beats the table's.
    fn newer(&self, batch: &str, table: &str) -> String {
        match &self.newest {
            None => "true".to_owned(),
            Some(name) => {
                let name = quoted(name);
                format!(
                    "coalesce({batch}.{name} > {table}.{name}, {table}.{name} is null and {batch}.{name} is not null)"
                )
            }
        }
    }

    /// Rows of the batch that are new or newer, and of those of one key the newest.
    fn winning(&self, batch: &str, table: Option<&str>) -> String {
        let rows = match &self.newest {
            None => batch.to_owned(),
            Some(name) => {
                let (key, name) = (self.key.iter().map(|k| quoted(k)).collect::<Vec<_>>().join(", "), quoted(name));
                let latest = format!("select {key}, max({name}) as {name} from {batch} group by {key}");
                let (matched, newer) = (self.matched(batch, "latest"), self.newer("latest", batch));
                format!("(select {batch}.* from {batch} left anti join ({latest}) as latest on {matched} and {newer}) as {batch}")
            }
        };
        let Some(table) = table else { return format!("select {batch}.* from {rows}") };
        let (matched, newer) = (self.matched(batch, table), self.newer(batch, table));
        format!("select {batch}.* from {rows} left anti join {table} on {matched} and not {newer}")
    }

    fn beaten(&self, table: &str, batch: &str) -> String {
        let (matched, newer) = (self.matched(table, batch), self.newer(batch, table));
        format!("select {table}.* from {table} left semi join {batch} on {matched} and {newer}")
    }

    fn unbeaten(&self, table: &str, batch: &str) -> String {
        let (matched, newer) = (self.matched(table, batch), self.newer(batch, table));
        format!("select {table}.* from {table} left anti join {batch} on {matched} and {newer}")
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn told_by_storage(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |e| e.source()).any(|e| e.is::<object_store::Error>() || e.is::<std::io::Error>())
}

/// An engine's error can carry values: only its kind gets out.
fn failed(error: DataFusionError) -> Fault {
    match error.find_root() {
        DataFusionError::ObjectStore(e) => crate::storage::fault(e.as_ref(), "the table could not be merged"),
        DataFusionError::ResourcesExhausted(_) => Fault::storage("merging needs more memory than there is"),
        // Readers of parquet wrap what storage says.
        root if told_by_storage(root) => crate::storage::fault(root, "the table could not be merged"),
        _ => Fault::internal("the table could not be merged"),
    }
}
