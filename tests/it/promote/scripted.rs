//! A store that fails once, at an operation and in a way that are chosen.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use dqc::storage::Storage;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};
use tokio::sync::Notify;
use url::Url;

/// What happens to the operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It is answered with an error.
    Error,
    /// The answer is lost on its way, and the client below asks again: its own effect is in its way then.
    Lost,
    /// It is never answered.
    Hang,
    /// The process ends there; nothing that it began goes on.
    Crash,
}

/// Where a run fails: before the operation has an effect, or after it.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    pub at: usize,
    pub after: bool,
    pub how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Read,
    Change,
    /// Of a table's log.
    Commit,
}

/// The bucket that all of these tests share the name of.
pub const BUCKET: &str = "s3://lake";

#[derive(Debug)]
pub struct Scripted {
    inner: Arc<InMemory>,
    point: Option<Point>,
    count: AtomicUsize,
    /// The operations that were asked for, in their order.
    pub asked: std::sync::Mutex<Vec<Asked>>,
    /// The process is gone.
    dead: AtomicBool,
    /// Told when the point is reached.
    pub reached: Notify,
}

impl Scripted {
    /// Storage with the store behind [`BUCKET`].
    pub fn storage(inner: &Arc<InMemory>, point: Option<Point>) -> (Storage, Arc<Self>) {
        let store = Arc::new(Self {
            inner: inner.clone(),
            point,
            count: AtomicUsize::new(0),
            asked: Default::default(),
            dead: AtomicBool::new(false),
            reached: Notify::new(),
        });
        let storage = Storage::default();
        storage.register(&Url::parse(BUCKET).expect("a URL"), store.clone());
        (storage, store)
    }

    pub fn kill(&self) {
        self.dead.store(true, Ordering::SeqCst);
    }

    fn next(&self, asked: Asked) -> Result<Option<Point>> {
        if self.dead.load(Ordering::SeqCst) {
            return Err(lost());
        }
        self.asked.lock().expect("no panic").push(asked);
        let number = self.count.fetch_add(1, Ordering::SeqCst);
        let point = self.point.filter(|point| point.at == number);
        if point.is_some_and(|point| point.how == How::Crash && !point.after) {
            self.kill();
        }
        Ok(point)
    }

    async fn struck(&self, how: How) -> Error {
        if how == How::Crash {
            self.kill();
        }
        if matches!(how, How::Hang | How::Crash) {
            self.reached.notify_one();
            std::future::pending::<()>().await;
        }
        lost()
    }

    async fn through<T, F: Future<Output = Result<T>>>(&self, asked: Asked, operation: impl Fn() -> F) -> Result<T> {
        let Some(Point { after, how, .. }) = self.next(asked)? else { return operation().await };
        if !after {
            return Err(self.struck(how).await);
        }
        let done = operation().await;
        if how == How::Lost {
            return operation().await;
        }
        drop(done);
        Err(self.struck(how).await)
    }

    /// A listing that fails has no effect: before and after are one.
    fn listing<T: Send + 'static>(&self, list: BoxStream<'static, Result<T>>) -> BoxStream<'static, Result<T>> {
        match self.next(Asked::Read) {
            Ok(None) => list,
            Err(error) => futures::stream::once(async { Err(error) }).boxed(),
            Ok(Some(point)) => {
                if point.how == How::Crash {
                    self.kill();
                }
                if !matches!(point.how, How::Hang | How::Crash) {
                    return futures::stream::once(async { Err(lost()) }).boxed();
                }
                self.reached.notify_one();
                futures::stream::pending().boxed()
            }
        }
    }
}

fn lost() -> Error {
    Error::Generic { store: "scripted", source: "no answer".into() }
}

impl std::fmt::Display for Scripted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("scripted")
    }
}

/// The parts of an upload fail with the upload's end: that is when it has its effect.
#[derive(Debug)]
struct Upload {
    inner: Box<dyn MultipartUpload>,
    point: Option<Point>,
    dead: bool,
}

#[async_trait::async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.inner.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        if self.dead {
            return Err(lost());
        }
        match self.point {
            Some(point) if point.after => {
                self.inner.complete().await?;
                Err(lost())
            }
            _ => self.inner.complete().await,
        }
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}

#[async_trait::async_trait]
impl ObjectStore for Scripted {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let commits = location.as_ref().contains("_delta_log") && location.as_ref().ends_with(".json");
        let asked = if commits { Asked::Commit } else { Asked::Change };
        self.through(asked, || self.inner.put_opts(location, payload.clone(), opts.clone())).await
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        let point = self.next(Asked::Change)?;
        let begun = async || {
            let inner = self.inner.put_multipart_opts(location, opts.clone()).await?;
            Ok(Box::new(Upload { inner, point, dead: self.dead.load(Ordering::SeqCst) }) as Box<dyn MultipartUpload>)
        };
        match point {
            None => begun().await,
            // After its effect: at the upload's end.
            Some(Point { after: true, how: How::Error | How::Lost, .. }) => begun().await,
            Some(point) => Err(self.struck(point.how).await),
        }
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.through(Asked::Read, || self.inner.get_opts(location, options.clone())).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[std::ops::Range<u64>]) -> Result<Vec<Bytes>> {
        self.through(Asked::Read, || self.inner.get_ranges(location, ranges)).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let failed = || futures::stream::once(async { Err(lost()) }).boxed();
        match self.next(Asked::Change) {
            Err(_) => failed(),
            Ok(None) => self.inner.delete_stream(locations),
            Ok(Some(point)) => {
                if point.how == How::Crash {
                    self.kill();
                }
                let hangs = matches!(point.how, How::Hang | How::Crash);
                if hangs {
                    self.reached.notify_one();
                }
                match (point.after, hangs) {
                    (false, false) => failed(),
                    (false, true) => futures::stream::pending().boxed(),
                    (true, false) => self.inner.delete_stream(locations).and_then(|_| async { Err(lost()) }).boxed(),
                    (true, true) => {
                        self.inner.delete_stream(locations).and_then(|_| std::future::pending()).boxed()
                    }
                }
            }
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.listing(self.inner.list(prefix))
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.listing(self.inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.through(Asked::Read, || self.inner.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.through(Asked::Change, || self.inner.copy_opts(from, to, options.clone())).await
    }
}
