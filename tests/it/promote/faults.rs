//! Storage that fails: every operation of a promotion once before and once after its effect.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use dqc::hir::Write;
use dqc::storage::Storage;
use dqc::storage::durable::Durable;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use url::Url;

use crate::promote::lake::{Lake, by_month};

/// Fails one operation, the `at`th: before it has an effect, or after.
#[derive(Debug)]
struct Failing {
    inner: Durable,
    count: AtomicUsize,
    at: usize,
    after: bool,
}

impl Failing {
    fn storage(at: usize, after: bool) -> (Storage, Arc<Failing>) {
        let inner = Durable::new(LocalFileSystem::new());
        let store = Arc::new(Failing { inner, count: AtomicUsize::new(0), at, after });
        let storage = Storage::default();
        storage.register(&Url::parse("file:///").expect("a URL"), store.clone());
        (storage, store)
    }

    /// Whether this operation fails: before, after.
    fn next(&self) -> (bool, bool) {
        let hit = self.count.fetch_add(1, Ordering::SeqCst) == self.at;
        (hit && !self.after, hit && self.after)
    }

    async fn through<T>(&self, operation: impl Future<Output = Result<T>>) -> Result<T> {
        let (before, after) = self.next();
        if before {
            return Err(lost());
        }
        let done = operation.await;
        if after { Err(lost()) } else { done }
    }
}

fn lost() -> Error {
    Error::Generic { store: "failing", source: "no answer".into() }
}

impl std::fmt::Display for Failing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("failing")
    }
}

#[async_trait::async_trait]
impl ObjectStore for Failing {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        self.through(self.inner.put_opts(location, payload, opts)).await
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.through(self.inner.put_multipart_opts(location, opts)).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.through(self.inner.get_opts(location, options)).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[std::ops::Range<u64>]) -> Result<Vec<Bytes>> {
        self.through(self.inner.get_ranges(location, ranges)).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        match self.next() {
            (false, false) => self.inner.delete_stream(locations),
            (true, _) => futures::stream::once(async { Err(lost()) }).boxed(),
            (_, true) => self.inner.delete_stream(locations).and_then(|_| async { Err(lost()) }).boxed(),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.next() {
            (false, false) => self.inner.list(prefix),
            _ => futures::stream::once(async { Err(lost()) }).boxed(),
        }
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.next() {
            (false, false) => self.inner.list_with_offset(prefix, offset),
            _ => futures::stream::once(async { Err(lost()) }).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.through(self.inner.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.through(self.inner.copy_opts(from, to, options)).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_any_single_failure_the_next_run_converges() {
    let mut points = 0;
    for after in [false, true] {
        for at in 0.. {
            let (storage, store) = Failing::storage(at, after);
            let lake = Lake::new();
            lake.put("bronze/orders/month=1/a.parquet", &[1, -2]).await;
            let lake = lake.with_storage(storage);
            let task = by_month(Write::Append);
            let (_, first) = lake.run(&task).await;
            let reached = store.count.load(Ordering::SeqCst) > at;
            // All of a batch or none of it, whatever failed.
            let seen = lake.with_storage(Storage::default());
            let there = seen.rows("silver/orders").await;
            assert!(there.is_empty() || there == [1], "{at} {after}: {there:?}");
            let (_, second) = seen.run(&task).await;
            assert_eq!(second.exit_code(), 0, "{at} {after}: {:?} then {:?}", first.faults, second.faults);
            assert_eq!(seen.rows("silver/orders").await, [1], "{at} {after}: {first:?} then {second:?}");
            assert_eq!(seen.rows("quarantine/silver/orders").await, [-2], "{at} {after}: {first:?}");
            assert_eq!(seen.ledger("batches", "published = true").await, 1, "{at} {after}: {first:?}");
            let (_, third) = seen.run(&task).await;
            assert!(third.is_idle(), "{at} {after}: {third:?}");
            if !reached {
                break;
            }
            points += 1;
        }
    }
    println!("{points} points of failure tried");
}
