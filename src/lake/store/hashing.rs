//! A store that knows the SHA-256 of what is written through it, without reading it back.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
};
use sha2::{Digest, Sha256};

use crate::lake::store::hex;

type Digests = Arc<Mutex<HashMap<String, String>>>;

#[derive(Debug)]
pub struct Hashing {
    inner: Arc<dyn ObjectStore>,
    digests: Digests,
}

impl Hashing {
    pub fn new(inner: Arc<dyn ObjectStore>) -> Self {
        Self { inner, digests: Digests::default() }
    }

    /// Of the last file written at this path, in hexadecimal.
    pub fn digest(&self, path: &str) -> Option<String> {
        self.digests.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
    }
}

fn note(digests: &Digests, path: &Path, hash: Sha256) {
    let digest = hex(&hash.finalize());
    digests.lock().unwrap_or_else(PoisonError::into_inner).insert(path.as_ref().to_owned(), digest);
}

fn feed(hash: &mut Sha256, payload: &PutPayload) {
    payload.iter().for_each(|chunk| hash.update(chunk));
}

impl std::fmt::Display for Hashing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait::async_trait]
impl ObjectStore for Hashing {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let mut hash = Sha256::new();
        feed(&mut hash, &payload);
        let done = self.inner.put_opts(location, payload, opts).await?;
        note(&self.digests, location, hash);
        Ok(done)
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        let inner = self.inner.put_multipart_opts(location, opts).await?;
        let digests = self.digests.clone();
        Ok(Box::new(Upload { inner, hash: Sha256::new(), path: location.clone(), digests }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
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
        self.inner.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.inner.rename_opts(from, to, options).await
    }
}

#[derive(Debug)]
struct Upload {
    inner: Box<dyn MultipartUpload>,
    /// Parts are handed over in their order, whenever each of them arrives.
    hash: Sha256,
    path: Path,
    digests: Digests,
}

#[async_trait::async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        feed(&mut self.hash, &data);
        self.inner.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let done = self.inner.complete().await?;
        note(&self.digests, &self.path, std::mem::take(&mut self.hash));
        Ok(done)
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}
