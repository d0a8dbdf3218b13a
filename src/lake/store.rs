//! The store behind a place: a local folder or an S3 bucket, behind the same names.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt, PutMultipartOptions, WriteMultipart};
use sha2::{Digest, Sha256};
use url::Url;

use crate::fault::Fault;
use crate::ir::InputFile;
pub use crate::storage::Storage;
use crate::storage::fault;

/// S3 copies a file of at most five gigabytes in one request.
const SERVER_COPY: u64 = 5_000_000_000;
const COPY_PART: usize = 16 << 20;
const READ_PART: u64 = 4 << 20;

/// One place of an environment's storage.
#[derive(Clone)]
pub struct Store {
    pub url: Url,
    pub root: Arc<dyn ObjectStore>,
    prefix: Path,
    /// Why commits here would not be safe.
    unsafe_because: Option<Fault>,
}

impl Store {
    /// `url` ends with a slash, as in [`crate::ir::Place`].
    pub fn open(url: &str, storage: &Storage) -> Result<Self, Fault> {
        let slash = if url.ends_with('/') { "" } else { "/" };
        let url =
            Url::parse(&format!("{url}{slash}")).map_err(|_| Fault::usage(format!("`{url}` is no path and no URL")))?;
        let prefix = Path::from_url_path(url.path())
            .map_err(|_| Fault::usage(format!("`{url}` holds a name that storage cannot keep")))?;
        Ok(Self { root: storage.root(&url)?, unsafe_because: storage.commits_safely(&url).err(), url, prefix })
    }

    /// Refuses a place where two writers could both believe that theirs is the next version.
    pub fn commits_safely(&self) -> Result<(), Fault> {
        self.unsafe_because.clone().map_or(Ok(()), Err)
    }

    /// The store as seen from this place.
    pub fn folder(&self) -> Arc<dyn ObjectStore> {
        if self.prefix.as_ref().is_empty() {
            return self.root.clone();
        }
        Arc::new(object_store::prefix::PrefixStore::new(self.root.clone(), self.prefix.clone()))
    }

    fn path(&self, below: &str) -> Path {
        let mut path = self.prefix.clone();
        for part in below.split('/').filter(|part| !part.is_empty()) {
            path = match Path::parse(part) {
                Ok(parsed) => parsed.parts().fold(path, |path, part| path.join(part)),
                Err(_) => path.join(part),
            };
        }
        path
    }

    /// Every file below this place, sorted by path; none where there is nothing yet.
    pub async fn list(&self) -> Result<Vec<InputFile>, Fault> {
        self.list_below("").await
    }

    /// Every file below a folder of this place; paths are those below the place.
    pub async fn list_below(&self, folder: &str) -> Result<Vec<InputFile>, Fault> {
        let listing: Result<Vec<ObjectMeta>, _> = self.root.list(Some(&self.path(folder))).try_collect().await;
        let found = match listing {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => Vec::new(),
            Err(e) => return Err(fault(&e, &format!("the files of `{}` could not be listed", self.url))),
        };
        let mut files: Vec<InputFile> = found.into_iter().filter_map(|meta| self.file(meta)).collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    fn file(&self, meta: ObjectMeta) -> Option<InputFile> {
        let below: Vec<String> = meta.location.prefix_match(&self.prefix)?.map(|p| p.as_ref().to_owned()).collect();
        let path = below.join("/");
        Some(InputFile {
            partition: partition_of(&path),
            path,
            size: meta.size,
            e_tag: meta.e_tag,
            modified: meta.last_modified.timestamp_micros(),
            statistics: None,
        })
    }

    /// What storage says of one file now; `None` where it is gone.
    pub async fn stat(&self, path: &str) -> Result<Option<InputFile>, Fault> {
        match self.root.head(&self.path(path)).await {
            Ok(meta) => Ok(self.file(meta)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(fault(&e, &format!("`{path}` below `{}` could not be looked up", self.url))),
        }
    }

    /// A small file's bytes.
    pub async fn read(&self, path: &str) -> Result<bytes::Bytes, Fault> {
        let failed = |e| fault(&e, &format!("`{path}` below `{}` could not be read", self.url));
        self.root.get(&self.path(path)).await.map_err(failed)?.bytes().await.map_err(failed)
    }

    pub async fn read_range(&self, path: &str, range: std::ops::Range<u64>) -> Result<bytes::Bytes, Fault> {
        let failed = |e| fault(&e, &format!("`{path}` below `{}` could not be read", self.url));
        self.root.get_range(&self.path(path), range).await.map_err(failed)
    }

    /// SHA-256 of the bytes of a file of this size, in hexadecimal.
    pub async fn digest(&self, path: &str, size: u64) -> Result<String, Fault> {
        // In large parts, the next on its way while one is hashed: streams of local files come in pieces of 8 KiB.
        let parts = (0..size.div_ceil(READ_PART)).map(|n| n * READ_PART..size.min((n + 1) * READ_PART));
        let mut bytes = futures::stream::iter(parts.map(|part| self.read_range(path, part))).buffered(2);
        let mut hash = Sha256::new();
        while let Some(part) = bytes.next().await {
            let part = part?;
            // Beside the judgement, whose threads wait for no other work than their own.
            let hashed = tokio::task::spawn_blocking(move || {
                hash.update(part);
                hash
            });
            hash = hashed.await.map_err(|_| Fault::internal("a file's digest was given up"))?;
        }
        Ok(hex(&hash.finalize()))
    }

    /// Writes a small file unless there is one; says whether it did.
    pub async fn create(&self, path: &str, bytes: Vec<u8>) -> Result<bool, Fault> {
        let options = object_store::PutOptions::from(object_store::PutMode::Create);
        match self.root.put_opts(&self.path(path), bytes.into(), options).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            Err(e) => Err(fault(&e, &format!("`{path}` below `{}` could not be written", self.url))),
        }
    }

    pub async fn put(&self, path: &str, bytes: bytes::Bytes) -> object_store::Result<()> {
        self.root.put(&self.path(path), bytes.into()).await.map(|_| ())
    }

    /// Begins a file that is sent in parts.
    pub async fn begin(&self, path: &str) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.root.put_multipart_opts(&self.path(path), PutMultipartOptions::default()).await
    }

    /// Writes a small file, whatever was there before.
    pub async fn write(&self, path: &str, bytes: impl Into<bytes::Bytes>) -> Result<(), Fault> {
        let written = self.put(path, bytes.into()).await;
        written.map_err(|e| fault(&e, &format!("`{path}` below `{}` could not be written", self.url)))
    }

    /// Copies a file of another place to here: by the storage itself where it can, else byte by byte.
    pub async fn copy_from(&self, from: &Store, path: &str, to: &str, size: u64) -> Result<(), Fault> {
        let failed = |e| fault(&e, &format!("`{path}` below `{}` could not be copied to `{}`", from.url, self.url));
        if Arc::ptr_eq(&self.root, &from.root) && (size <= SERVER_COPY || self.url.scheme() == "file") {
            return self.root.copy(&from.path(path), &self.path(to)).await.map_err(failed);
        }
        let mut bytes = from.root.get(&from.path(path)).await.map_err(failed)?.into_stream();
        let mut upload = WriteMultipart::new_with_chunk_size(self.begin(to).await.map_err(failed)?, COPY_PART);
        loop {
            match bytes.next().await {
                Some(Ok(chunk)) => {
                    upload.put(chunk);
                    upload.wait_for_capacity(4).await.map_err(failed)?;
                }
                Some(Err(e)) => {
                    let _ = upload.abort().await;
                    return Err(failed(e));
                }
                None => return upload.finish().await.map(|_| ()).map_err(failed),
            }
        }
    }

    /// Removes a file; one that is not there is removed already.
    pub async fn remove(&self, path: &str) -> Result<(), Fault> {
        match self.root.delete(&self.path(path)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(fault(&e, &format!("`{path}` below `{}` could not be removed", self.url))),
        }
    }

    /// Removes files that nothing refers to; what cannot be removed stays, unseen.
    pub async fn discard(&self, paths: impl IntoIterator<Item = String>) {
        for path in paths {
            let _ = self.root.delete(&self.path(&path)).await;
        }
    }
}

/// `key=value` folders of a path, decoded.
pub fn partition_of(path: &str) -> Vec<(String, String)> {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    parts
        .into_iter()
        .filter_map(|part| part.split_once('='))
        .filter(|(key, _)| !key.is_empty())
        .map(|(key, value)| (percent_decoded(key), percent_decoded(value)))
        .collect()
}

pub fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        let pair = match tail {
            [high, low, ..] if *first == b'%' => {
                (*high as char).to_digit(16).zip((*low as char).to_digit(16)).map(|(h, l)| (h * 16 + l) as u8)
            }
            _ => None,
        };
        out.push(pair.unwrap_or(*first));
        rest = if pair.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
