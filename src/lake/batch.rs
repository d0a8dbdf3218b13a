//! Which files make a batch. What has been found is pinned: a run reads those files and no others.

use std::collections::BTreeMap;

use parquet::file::metadata::ParquetMetaDataReader;
use sha2::{Digest, Sha256};

use crate::fault::Fault;
use crate::hir::BatchBy;
use crate::ir::{Format, Input, InputFile, Place};
use crate::lake::delta::Table;
use crate::lake::store::{Store, hex};
use crate::storage::Storage;

/// A batch of a promotion's source as it stands now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The path of its folder or file below the dataset's place, `all`, …; the same in every layer that it passes.
    pub name: String,
    pub input: Input,
    /// Whether its producer has finished, as far as can be seen.
    pub settled: bool,
}

/// What lies at a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Sorted by name.
    pub batches: Vec<Batch>,
    /// Data files that belong to no batch.
    pub stray: Vec<String>,
}

/// The name of the one batch of a dataset that is promoted as a whole.
pub const WHOLE: &str = "all";

/// The batches at a place, pinned. `settled`: microseconds that a batch's newest file must be old at `as_of`,
/// unless a `_SUCCESS` file lies beside it; what a Delta table holds is settled.
pub async fn find(
    by: &BatchBy,
    place: &Place,
    storage: &Storage,
    settled: Option<i64>,
    as_of: i64,
) -> Result<Found, Fault> {
    let Some(mut listing) = listing(place, storage).await? else {
        return Ok(Found::default());
    };
    let mut groups: BTreeMap<String, Vec<InputFile>> = BTreeMap::new();
    let mut stray = Vec::new();
    for file in std::mem::take(&mut listing.files) {
        match name_of(by, place.format, &file.path)? {
            Some(name) => groups.entry(name).or_default().push(file),
            None => stray.push(file.path),
        }
    }
    let batches = groups
        .into_iter()
        .map(|(name, files)| {
            let newest = files.iter().map(|f| f.modified).max().unwrap_or(i64::MIN);
            let done = match settled {
                None => true,
                Some(_) if listing.version.is_some() => true,
                Some(age) => newest.saturating_add(age) <= as_of || listing.is_marked(&name),
            };
            let input = Input { place: place.clone(), files, version: listing.version };
            Batch { name, input, settled: done }
        })
        .collect();
    Ok(Found { batches, stray })
}

/// All files of a dataset, pinned; `None` where it does not exist.
pub async fn whole(place: &Place, storage: &Storage) -> Result<Option<Input>, Fault> {
    let Some(listing) = listing(place, storage).await? else {
        return Ok(None);
    };
    if listing.files.is_empty() && listing.version.is_none() {
        return Ok(None);
    }
    Ok(Some(Input { place: place.clone(), files: listing.files, version: listing.version }))
}

/// The files of a Delta table at one of its versions; `None` where there is no table.
///
/// # Errors
/// The table has no such version any more.
pub async fn at_version(place: &Place, storage: &Storage, version: i64) -> Result<Option<Input>, Fault> {
    let Some(mut table) = Table::open(&place.url, storage).await? else { return Ok(None) };
    table.go_to(version).await?;
    Ok(Some(Input { place: place.clone(), files: table.files()?, version: Some(table.version()) }))
}

struct Listing {
    files: Vec<InputFile>,
    /// Folders that hold a `_SUCCESS` file.
    marked: Vec<String>,
    version: Option<i64>,
}

impl Listing {
    fn is_marked(&self, batch: &str) -> bool {
        self.marked.iter().any(|folder| folder == batch || folder.starts_with(&format!("{batch}/")))
    }
}

async fn listing(place: &Place, storage: &Storage) -> Result<Option<Listing>, Fault> {
    if place.format == Format::Delta {
        let table = Table::open(&place.url, storage).await?;
        return table
            .map(|table| Ok(Listing { version: Some(table.version()), files: table.files()?, marked: Vec::new() }))
            .transpose();
    }
    let all = Store::open(&place.url, storage)?.list().await?;
    let marked = all.iter().filter_map(|f| f.path.strip_suffix("/_SUCCESS")).map(str::to_owned).collect();
    let files = all.into_iter().filter(|f| is_data(f, place.format)).collect();
    Ok(Some(Listing { files, marked, version: None }))
}

/// Not hidden, not empty, and by its ending not of another format.
fn is_data(file: &InputFile, format: Format) -> bool {
    let hidden = file.path.split('/').any(|part| part.starts_with(['_', '.']));
    let name = file.path.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let endings: &[&str] = match format {
        Format::Delta | Format::Parquet => &[".parquet", ".parq", ".pq"],
        Format::Csv => &[".csv", ".csv.gz", ".csv.zst", ".tsv", ".tsv.gz", ".tsv.zst"],
        Format::Json => &[
            ".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz", ".ndjson.gz", ".json.zst", ".jsonl.zst", ".ndjson.zst",
        ],
        Format::Arrow => &[".arrow", ".ipc", ".feather"],
    };
    let fits = endings.iter().any(|ending| name.ends_with(ending)) || !name.contains('.');
    !hidden && file.size > 0 && fits
}

/// The batch that a file belongs to. In a Delta table the files of a batch lie in a folder of its name.
pub fn name_of(by: &BatchBy, format: Format, path: &str) -> Result<Option<String>, Fault> {
    Ok(match by {
        BatchBy::Whole => Some(WHOLE.to_owned()),
        BatchBy::File if format == Format::Delta => path.rsplit_once('/').map(|(folder, _)| folder.to_owned()),
        BatchBy::File => Some(path.to_owned()),
        BatchBy::Folder(key) => {
            let mut end = 0;
            path.split('/').find_map(|part| {
                end += part.len() + 1;
                let is_key = part.split_once('=').is_some_and(|(name, _)| name.eq_ignore_ascii_case(key));
                // The last part is the file's own name.
                (is_key && end < path.len()).then(|| path[..end - 1].to_owned())
            })
        }
        BatchBy::Version => {
            return Err(Fault::usage("batches by version are not supported yet").with_help("batches by folder or file"));
        }
    })
}

/// The contents of a batch's files, in the files' order: SHA-256 in hexadecimal.
pub async fn digests(input: &Input, storage: &Storage) -> Result<Vec<String>, Fault> {
    let store = Store::open(&input.place.url, storage)?;
    let mut digests = Vec::with_capacity(input.files.len());
    for file in &input.files {
        digests.push(store.digest(&file.path).await?);
    }
    Ok(digests)
}

/// What a batch's files are: paths, sizes and contents, and nothing of when they were written.
pub fn identity(files: &[InputFile], digests: &[String]) -> String {
    let mut hash = Sha256::new();
    for (file, digest) in files.iter().zip(digests) {
        hash.update(format!("{}\0{}\0{digest}\n", file.path, file.size));
    }
    hex(&hash.finalize())
}

/// Whether storage still holds exactly the pinned files' state: the first that changed, by path.
pub async fn changed(input: &Input, storage: &Storage) -> Result<Option<String>, Fault> {
    let store = Store::open(&input.place.url, storage)?;
    for file in &input.files {
        let now = store.stat(&file.path).await?;
        let same = now.is_some_and(|now| {
            // The log of a Delta table knows a file's size; its other marks are the log's own.
            input.version.is_some() && now.size == file.size || is_same(&now, file)
        });
        if !same {
            return Ok(Some(file.path.clone()));
        }
    }
    Ok(None)
}

/// The first file of a batch of parquet files that has no readable footer.
pub async fn unreadable(input: &Input, storage: &Storage) -> Result<Option<String>, Fault> {
    if !matches!(input.place.format, Format::Delta | Format::Parquet) {
        return Ok(None);
    }
    let store = Store::open(&input.place.url, storage)?;
    for file in &input.files {
        let mut reader = ParquetMetaDataReader::new();
        // A footer as long as this says that the file is none, or is not worth the memory.
        let tail = file.size.min(64 << 20);
        let bytes = store.read_range(&file.path, file.size - tail..file.size).await?;
        if reader.try_parse_sized(&bytes, file.size).is_err() {
            return Ok(Some(file.path.clone()));
        }
    }
    Ok(None)
}

/// The same state of the same file, by what listings say.
pub fn is_same(a: &InputFile, b: &InputFile) -> bool {
    a.path == b.path && a.size == b.size && a.e_tag == b.e_tag && a.modified == b.modified
}
