//! Files that are no parquet: CSV, JSON lines and Arrow IPC are read once into a parquet file beside, row for row, so
//! that all that follows is the same for every format. CSV and JSON keep their cells as text: what cannot be read as its
//! column's type is a matter of the row, not of the file.

mod csv;
mod inflate;
mod ipc;
mod json;
mod kept;
mod spool;

use std::sync::Arc;

use futures::StreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use tempfile::NamedTempFile;

use super::{NotOpened, storage};
use crate::fault::{Fault, FaultKind};
use crate::ir::{Format, InputFile, SourceColumn};
use inflate::Inflate;
use spool::Spool;

/// The column that holds what stands in a file in the place of a row, and why it is none; named as Spark does.
pub const CORRUPT: &str = "_corrupt_record";

/// How cells are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Csv,
    Json,
}

/// A file as parquet, as long as it is needed.
#[derive(Debug)]
pub struct Spooled {
    pub file: NamedTempFile,
    /// Rows that could not be read.
    pub corrupt: u64,
}

/// The kind of text that a format holds.
pub fn kind(format: Format) -> Option<Kind> {
    match format {
        Format::Csv => Some(Kind::Csv),
        Format::Json => Some(Kind::Json),
        Format::Parquet | Format::Delta | Format::Arrow => None,
    }
}

/// Reads a file of another format into a parquet file. Where a file of text is parquet already, its cells are text in it.
pub async fn spool(
    store: Arc<dyn ObjectStore>,
    location: Path,
    input: InputFile,
    format: Format,
    declared: Arc<Vec<SourceColumn>>,
) -> Result<Spooled, NotOpened> {
    let bytes = async || {
        let read = store.get(&location).await.map_err(|e| storage(&e, &input.path))?.bytes().await;
        read.map_err(|e| storage(&e, &input.path))
    };
    match format {
        Format::Csv | Format::Json if input.path.ends_with(".parquet") => kept::spool(&bytes().await?, &input.path),
        Format::Csv => {
            let tabs = input.path.to_ascii_lowercase().contains(".tsv");
            let mut reader = csv::Reader::new(tabs);
            let mut spool = None;
            each(&*store, &location, &input, |chunk| reader.push(chunk, &mut |record| csv::take(record, &mut spool))).await?;
            reader.finish(&mut |record| csv::take(record, &mut spool))?;
            spool.map_or_else(|| Spool::new(&[])?.finish(), Spool::finish)
        }
        Format::Json => {
            let mut names: Vec<String> = Vec::new();
            // A key that comes late makes the file be read again, with a column for it.
            loop {
                let mut lines = json::Lines::new(&declared, names);
                each(&*store, &location, &input, |chunk| lines.push(chunk)).await?;
                match lines.finish()? {
                    json::Read::All(spooled) => return Ok(spooled),
                    json::Read::MoreColumns(more) => names = more,
                }
            }
        }
        _ => {
            ipc::spool(&bytes().await?, &input.path)
        }
    }
}

/// The bytes of a file, unpacked, a piece at a time.
async fn each(
    store: &dyn ObjectStore,
    location: &Path,
    input: &InputFile,
    mut take: impl FnMut(&[u8]) -> Result<(), NotOpened>,
) -> Result<(), NotOpened> {
    let mut chunks = store.get(location).await.map_err(|e| storage(&e, &input.path))?.into_stream();
    let broken = || NotOpened::Broken(format!("`{}` cannot be unpacked to its end", input.path));
    let mut inflate = Inflate::new(&input.path).ok_or_else(|| Fault::internal("a packed file could not be begun"))?;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|e| storage(&e, &input.path))?;
        let bytes = inflate.push(&chunk).ok_or_else(broken)?;
        take(bytes)?;
        inflate.clear();
    }
    take(inflate.finish().ok_or_else(broken)?)
}

/// The disk has no room for what is to be read, or is not there.
fn no_room() -> NotOpened {
    Fault::new(FaultKind::Storage, "there is no room for the rows of a text file while they are judged")
        .with_help("files that are no parquet are kept beside as parquet; `TMPDIR` says where")
        .into()
}
