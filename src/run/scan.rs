//! One pass over the files of a batch: what is proven is counted, the rest is shared out among the threads.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use futures::StreamExt;
use futures::future::BoxFuture;
use tokio::task::{JoinError, JoinHandle};

use crate::engine::audit::{AuditExec, ExtraAt, Pass};
use crate::engine::expr::Frame;
use crate::engine::prove::{Course, Work};
use crate::engine::sources::layout::{Layout, Reader};
use crate::engine::sources::stored::Stored;
use crate::engine::sources::{NotOpened, Opened, Session, storage};
use crate::fault::Fault;

/// The files of a batch.
pub struct Batch<'a> {
    pub opened: &'a Arc<Opened>,
    pub layouts: &'a [Layout],
}

/// Runs a pass over all files; gives the bytes of the columns that it reads.
pub async fn run(
    session: &Session,
    batch: &Batch<'_>,
    pass: &Arc<Pass>,
    course: &Course,
    progress: Option<&(dyn Fn(u64) + Send + Sync)>,
) -> Result<u64, NotOpened> {
    let (opened, layouts) = (batch.opened, batch.layouts);
    let write = pass.sink.is_some();
    let mut bytes = 0;
    let mut partitions: Vec<(Arc<dyn ExecutionPlan>, usize, Vec<usize>)> = Vec::new();
    for work in &course.works {
        count_proven(pass, work);
        if !work.read {
            continue;
        }
        let layout = &layouts[work.layout];
        let inputs = pass.judgement.inputs(&work.open);
        let read: Vec<bool> = (0..pass.plan.source.len()).map(|i| write || inputs.contains(&i)).collect();
        let (reader, mut columns) = Reader::new(opened, layout, &pass.plan.source, &read);
        let mut at: Vec<ExtraAt> = Vec::new();
        for extra in &pass.extra {
            let position = layout.extra.iter().find(|p| layout.schema.field(**p).name() == &extra.name);
            at.push(position.filter(|_| write).map(|position| {
                columns.push(*position);
                columns.len() - 1
            }));
        }
        let pieces = work.pieces();
        bytes += opened.bytes(&pieces, &columns);
        let parts = opened.share_out(&pieces, session.partitions);
        if parts.is_empty() {
            continue;
        }
        let stored = pass.sink.as_ref().filter(|sink| sink.takes_stored()).map(|_| {
            let accepted = &pass.judgement.columns;
            let own = accepted.iter().map(|node| pass.judgement.program.input_of(*node));
            let other = std::iter::repeat_n(None, pass.accepted.fields().len().saturating_sub(accepted.len()));
            Arc::new(Stored::new(opened, layout, own.chain(other).collect()))
        });
        let fetched = stored.as_ref().map(|stored| Arc::clone(&stored.fetched));
        let scan = opened.scan_as_stored(layout, &columns, &parts, fetched);
        let (offset, open) = (partitions.len(), Arc::clone(&work.open));
        let audit: Arc<dyn ExecutionPlan> =
            Arc::new(AuditExec::new(scan, Arc::clone(pass), reader, at, open, offset, stored));
        for partition in 0..audit.output_partitioning().partition_count() {
            let files = parts.get(partition).map(|p| p.iter().map(|piece| piece.file).collect()).unwrap_or_default();
            partitions.push((Arc::clone(&audit), partition, files));
        }
    }
    for sink in pass.sink.iter().chain(&pass.watch) {
        sink.begin(Arc::clone(&pass.accepted), Arc::clone(&pass.held), partitions.len()).await?;
    }
    let mut tasks: Vec<BoxFuture<'static, Worked>> = Vec::with_capacity(partitions.len());
    for (audit, partition, files) in partitions {
        tasks.push(Box::pin(work(audit, partition, session.task(), files)));
    }
    let mut running = futures::stream::iter(tasks).buffer_unordered(session.partitions);
    let mut told = 0;
    let mut tell = || {
        let read = pass.read.load(Ordering::Relaxed);
        if let Some(progress) = progress && read > told {
            progress(read - told);
            told = read;
        }
    };
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    loop {
        tokio::select! {
            done = running.next() => match done {
                None => break,
                Some((Ok(Ok(())), _)) => {}
                Some((Ok(Err(error)), files)) => return Err(failed(pass, opened, &error, &files)),
                Some((Err(_), _)) => return Err(Fault::internal("a part of the judgement stopped early").into()),
            },
            _ = tick.tick() => tell(),
        }
    }
    tell();
    Ok(bytes)
}

/// Counts the rows that need not be looked at.
fn count_proven(pass: &Pass, work: &Work) {
    let mut tallies = pass.new_tallies();
    let judgement = &pass.judgement;
    for group in &work.groups {
        for (i, check) in judgement.checks.iter().enumerate().filter(|(i, _)| !work.open[*i]) {
            let proof = group.proofs[i].unwrap_or_default();
            tallies.rules[check.rule].checked += proof.checked;
            tallies.rules[check.rule].unknown += proof.unknown;
        }
        if !work.read {
            tallies.rows += group.rows;
            let rows = usize::try_from(group.rows).unwrap_or(usize::MAX);
            let mut frame = Frame::new(&judgement.program, rows, &[]);
            for (metric, tally) in judgement.metrics.iter().zip(&mut tallies.metrics) {
                tally.update(metric, &mut frame, None);
            }
        }
    }
    pass.read.fetch_add(if work.read { 0 } else { tallies.rows }, Ordering::Relaxed);
    pass.left.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((usize::MAX, tallies));
}

/// How a partition ended, and its files.
type Worked = (Result<Result<(), DataFusionError>, JoinError>, Vec<usize>);

async fn work(audit: Arc<dyn ExecutionPlan>, partition: usize, context: Arc<TaskContext>, files: Vec<usize>) -> Worked {
    let work = tokio::spawn(async move {
        let mut stream = audit.execute(partition, context)?;
        while let Some(batch) = stream.next().await {
            batch?;
        }
        Ok(())
    });
    (Aborting(work).await, files)
}

/// A task that ends with whoever waits for it.
struct Aborting<T>(JoinHandle<T>);

impl<T> std::future::Future for Aborting<T> {
    type Output = Result<T, JoinError>;

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        std::pin::Pin::new(&mut self.0).poll(context)
    }
}

impl<T> Drop for Aborting<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Why a pass ended early: a fault of ours or of storage, or files that are broken inside.
fn failed(pass: &Pass, opened: &Opened, error: &DataFusionError, files: &[usize]) -> NotOpened {
    let fault = pass.fault.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    if let Some(fault) = fault {
        return fault.into();
    }
    let name = files.first().and_then(|f| opened.files.get(*f)).map_or("", |f| f.input.path.as_str());
    match error.find_root() {
        DataFusionError::ObjectStore(e) => storage(e, name).into(),
        DataFusionError::ResourcesExhausted(_) => {
            Fault::usage("the judgement needs more memory than it may have").with_help("give more with `--memory`").into()
        }
        DataFusionError::ParquetError(_) | DataFusionError::ArrowError(..) if files.len() == 1 => {
            NotOpened::Broken(format!("`{name}` cannot be read to its end"))
        }
        DataFusionError::ParquetError(_) | DataFusionError::ArrowError(..) => {
            NotOpened::Broken(format!("`{name}`, or a file after it, cannot be read to its end"))
        }
        _ => Fault::internal("the rows of the batch could not be read").into(),
    }
}
