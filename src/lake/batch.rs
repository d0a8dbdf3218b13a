//! Which files make a batch. What has been found is pinned: a run reads those files and no others.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt};
use parquet::file::metadata::ParquetMetaDataReader;
use sha2::{Digest, Sha256};

use crate::fault::Fault;
use crate::hir::BatchBy;
use crate::ir::{Format, Input, InputFile, Place};
use crate::lake::delta::Table;
use crate::lake::store::{Store, hex};
use crate::storage::Storage;

/// Files that are read side by side for what they are.
const DIGESTS: usize = 4;

/// A batch of a promotion's source as it stands now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The path of its folder or file below the dataset's place, `all`, …; the same in every layer that it passes.
    pub name: String,
    pub input: Input,
    /// Whether its producer has finished, as far as can be seen.
    pub settled: bool,
    /// Why it cannot be a batch at all, in a sentence.
    pub unfit: Option<String>,
}

/// What lies at a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Sorted by name, versions by their number.
    pub batches: Vec<Batch>,
    /// Data files that belong to no batch.
    pub stray: Vec<String>,
    /// The first version that the log of a table still tells of, where it is not the table's first.
    pub since: Option<i64>,
}

/// The name of the one batch of a dataset that is promoted as a whole.
pub const WHOLE: &str = "all";

/// The folder, in every layer, of what a version of a table added.
fn version_name(number: i64) -> String {
    format!("version={number}")
}

/// What each version of a table added.
async fn versions(place: &Place, storage: &Storage) -> Result<Found, Fault> {
    if place.format != Format::Delta {
        return Err(Fault::usage(format!("`{}` is no Delta table, and has no versions to be batches", place.url))
            .with_help("batches by folder or file"));
    }
    let Some(table) = Table::open(&place.url, storage).await? else {
        return Ok(Found::default());
    };
    let (found, cut) = table.versions().await?;
    let since = found.first().map(|v| v.number).filter(|_| cut);
    let batch = |version: crate::lake::delta::versions::Version| Batch {
        name: version_name(version.number),
        unfit: version.removes.then(|| {
            format!("version {} takes rows back, and batches by version are for tables that only grow", version.number)
        }),
        input: Input { place: place.clone(), files: version.added, version: Some(version.number) },
        settled: true,
    };
    Ok(Found { batches: found.into_iter().map(batch).collect(), stray: Vec::new(), since })
}

/// The batches at a place, pinned. `settled`: microseconds that a batch's newest file must be old at `as_of`,
/// unless a `_SUCCESS` file lies beside it; what a Delta table holds is settled.
pub async fn find(
    by: &BatchBy,
    place: &Place,
    storage: &Storage,
    settled: Option<i64>,
    as_of: i64,
) -> Result<Found, Fault> {
    if *by == BatchBy::Version {
        return versions(place, storage).await;
    }
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
            Batch { name, input, settled: done, unfit: None }
        })
        .collect();
    Ok(Found { batches, stray, since: None })
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
            let folder = path.rsplit_once('/').map(|(folder, _)| folder.to_owned());
            folder.filter(|f| f.strip_prefix("version=").is_some_and(|n| n.parse::<i64>().is_ok()))
        }
    })
}

/// The contents of a batch's files, in the files' order: SHA-256 in hexadecimal.
pub async fn digests(input: &Input, storage: &Storage) -> Result<Vec<String>, Fault> {
    let store = Store::open(&input.place.url, storage)?;
    let digests = input.files.iter().map(|file| store.digest(&file.path, file.size));
    futures::stream::iter(digests).buffered(DIGESTS).try_collect().await
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

/// How a batch's files differ from those it had, in words; `None` where they do not.
pub fn difference(before: &[InputFile], now: &[InputFile]) -> Option<String> {
    let of = |files: &[InputFile], path: &str| files.iter().find(|f| f.path == path).cloned();
    let late: Vec<&str> = now.iter().filter(|f| of(before, &f.path).is_none()).map(|f| f.path.as_str()).collect();
    let gone: Vec<&str> = before.iter().filter(|f| of(now, &f.path).is_none()).map(|f| f.path.as_str()).collect();
    let other = |f: &&InputFile| of(before, &f.path).is_some_and(|b| !is_same(&b, f));
    let other: Vec<&str> = now.iter().filter(other).map(|f| f.path.as_str()).collect();
    let part = |paths: &[&str], one: &str, many: &str| match paths {
        [] => None,
        [path] => Some(format!("`{path}` {one}")),
        [first, ..] => Some(format!("{} files {many}, among them `{first}`", paths.len())),
    };
    let parts = [part(&late, "came late", "came late"), part(&other, "was written again", "were written again"), part(&gone, "is gone", "are gone")];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// The same state of the same file, by what listings say.
pub fn is_same(a: &InputFile, b: &InputFile) -> bool {
    a.path == b.path && a.size == b.size && a.e_tag == b.e_tag && a.modified == b.modified
}
