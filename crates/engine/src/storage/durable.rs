//! The local disk, such that what was acknowledged is there after the power fails: a file's bytes reach the
//! disk before its name does, and its name before the caller is told.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path as FsPath, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
};

#[derive(Debug)]
pub struct Durable {
    inner: LocalFileSystem,
}

impl Durable {
    pub fn new(inner: LocalFileSystem) -> Self {
        Self { inner }
    }
}

impl std::fmt::Display for Durable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait::async_trait]
impl ObjectStore for Durable {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let create = match opts.mode {
            PutMode::Create => true,
            PutMode::Overwrite => false,
            PutMode::Update(_) => return self.inner.put_opts(location, payload, opts).await,
        };
        let path = self.inner.path_to_filesystem(location)?;
        blocking(move || put(&path, &payload, create)).await?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        let path = self.inner.path_to_filesystem(location)?;
        let upload = self.inner.put_multipart_opts(location, opts).await?;
        Ok(Box::new(Upload { inner: upload, path }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let part = options.range.is_some() && !options.head;
        let mut found = self.inner.get_opts(location, options).await?;
        if part && let GetResultPayload::File(file, _) = found.payload {
            let range = found.range.clone();
            let read = blocking(move || read(&file, &range));
            found.payload = GetResultPayload::Stream(futures::stream::once(read).boxed());
        }
        Ok(found)
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let (path, ranges) = (self.inner.path_to_filesystem(location)?, ranges.to_vec());
        blocking(move || {
            let file = File::open(&path)?;
            ranges.iter().map(|range| read(&file, range)).collect()
        })
        .await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        // The library would link the two, and what is written into one would appear in the other.
        let create = matches!(options.mode, object_store::CopyMode::Create);
        let (from, to) = (self.inner.path_to_filesystem(from)?, self.inner.path_to_filesystem(to)?);
        let waiting = Waiting::default();
        let given_up = waiting.0.clone();
        blocking(move || place(&to, create, &given_up, |staged| copied(&from, staged, &given_up))).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.inner.rename_opts(from, to, options).await
    }
}

#[derive(Debug)]
struct Upload {
    inner: Box<dyn MultipartUpload>,
    path: PathBuf,
}

#[async_trait::async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.inner.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let done = self.inner.complete().await?;
        let path = self.path.clone();
        blocking(move || {
            File::open(&path)?.sync_all()?;
            sync_folders(&path)
        })
        .await?;
        Ok(done)
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}

/// A part of a file. The library would fill the memory with zeros first.
fn read(mut file: &File, range: &Range<u64>) -> io::Result<Bytes> {
    let length = range.end.saturating_sub(range.start);
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    file.seek(SeekFrom::Start(range.start))?;
    file.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 != length {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file ends before the range does"));
    }
    Ok(Bytes::from(bytes))
}

fn put(path: &FsPath, payload: &PutPayload, create: bool) -> io::Result<()> {
    place(path, create, &GivenUp::default(), |staged| write(staged, payload))
}

/// Bytes that are copied before it is asked whether anybody still waits for them.
const COPY_STEP: u64 = 32 << 20;

/// Whether nobody waits any more for what a thread does.
type GivenUp = Arc<Mutex<bool>>;

/// Whoever waits. Once it is dropped, no file gets its name.
#[derive(Default)]
struct Waiting(GivenUp);

impl Drop for Waiting {
    fn drop(&mut self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }
}

/// Fills a file under a hidden name, then gives it its own, unless it was given up.
fn place(path: &FsPath, create: bool, given_up: &Mutex<bool>, fill: impl FnOnce(&FsPath) -> io::Result<()>) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // A name that ends in `#` and digits is hidden from listings.
    let mut staged = path.as_os_str().to_owned();
    staged.push(format!("#{}", uuid::Uuid::new_v4().as_u128()));
    let staged = PathBuf::from(staged);
    let written = fill(&staged)
        .and_then(|()| {
            let given_up = given_up.lock().unwrap_or_else(PoisonError::into_inner);
            match (*given_up, create) {
                (true, _) => Err(io::ErrorKind::Interrupted.into()),
                (false, true) => std::fs::hard_link(&staged, path),
                (false, false) => std::fs::rename(&staged, path),
            }
        });
    if create || written.is_err() {
        let _ = std::fs::remove_file(&staged);
    }
    written?;
    sync_folders(path)
}

fn write(path: &FsPath, payload: &PutPayload) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    payload.iter().try_for_each(|chunk| file.write_all(chunk))?;
    file.sync_all()
}

fn copied(from: &FsPath, to: &FsPath, given_up: &Mutex<bool>) -> io::Result<()> {
    let source = File::open(from)?;
    let mut copy = File::create_new(to)?;
    while io::copy(&mut (&source).take(COPY_STEP), &mut copy)? > 0 {
        if *given_up.lock().unwrap_or_else(PoisonError::into_inner) {
            return Err(io::ErrorKind::Interrupted.into());
        }
    }
    copy.sync_all()
}

/// The names of a file and of the two folders above it, which may be new.
fn sync_folders(path: &FsPath) -> io::Result<()> {
    path.ancestors().skip(1).take(3).filter(|f| !f.as_os_str().is_empty()).try_for_each(|f| File::open(f)?.sync_all())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|e| Error::JoinError { source: e })?;
    done.map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => Error::AlreadyExists { path: String::new(), source: source.into() },
        io::ErrorKind::NotFound => Error::NotFound { path: String::new(), source: source.into() },
        _ => Error::Generic { store: "local", source: source.into() },
    })
}
